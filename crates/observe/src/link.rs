//! One connection to one node: sends a JSON-RPC request, gives back the raw answer.
//!
//! WebSocket and IPC are alloy's. HTTP is a plain POST of our own, because alloy's transport reads
//! an answer of any size into memory before anyone can object.

use std::time::Duration;

use alloy_provider::{IpcConnect, WsConnect};
use alloy_rpc_client::{ClientBuilder, RpcClient};
use alloy_transport::{RpcError, TransportError, TransportErrorKind};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use url::Url;

use crate::{
    address::{Address, Place},
    error::{CallFailure, decoding},
};

/// An open connection.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// A pool of HTTP connections.
    Http(HttpLink),
    /// One WebSocket or IPC connection; it can carry subscriptions.
    Stream(RpcClient),
}

/// HTTP with limits.
#[derive(Debug, Clone)]
pub(crate) struct HttpLink {
    client: reqwest::Client,
    url: Url,
    answer_bytes_max: usize,
}

/// The envelope of an answer. Both parts are optional here, because nodes write `null` for the one
/// that does not apply.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Refusal>,
}

/// Keeps `"result": null` (the node knows no such thing) apart from no `result` at all.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Link {
    /// Opens a connection. HTTP connects at the first request.
    pub(crate) async fn open(
        address: &Address,
        answer_bytes_max: usize,
    ) -> Result<Self, CallFailure> {
        match address.place() {
            Place::Http(url) => HttpLink::new(address, url, answer_bytes_max).map(Self::Http),
            Place::WebSocket(url) => {
                let mut connect = WsConnect::new(url.as_str())
                    // Lost connections are made anew by the node, which checks the chain id again.
                    .with_max_retries(1)
                    .with_retry_interval(Duration::from_millis(100));
                let mut config = connect.config().copied().unwrap_or_default();
                config.max_message_size = Some(answer_bytes_max);
                config.max_frame_size = Some(answer_bytes_max);
                connect = connect.with_config(config);
                let client = ClientBuilder::default().ws(connect).await;
                client.map(Self::Stream).map_err(|error| failure(address, "connect", &error))
            }
            Place::Ipc(path) => {
                let connect = IpcConnect::new(path.clone());
                let client = ClientBuilder::default().ipc(connect).await;
                client.map(Self::Stream).map_err(|error| failure(address, "connect", &error))
            }
        }
    }

    /// Sends one request and waits for its answer. The caller sets the time limit.
    pub(crate) async fn request(
        &self,
        address: &Address,
        method: &'static str,
        parameters: &Value,
    ) -> Result<Box<RawValue>, CallFailure> {
        match self {
            Self::Http(http) => http.request(address, method, parameters).await,
            Self::Stream(client) => client
                .request::<Value, Box<RawValue>>(method, parameters.clone())
                .await
                .map_err(|error| failure(address, method, &error)),
        }
    }
}

impl HttpLink {
    fn new(address: &Address, url: &Url, answer_bytes_max: usize) -> Result<Self, CallFailure> {
        // A redirect would carry the keys in the address to whoever the answer names.
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| lost(address, &error.to_string()))?;
        Ok(Self { client, url: url.clone(), answer_bytes_max })
    }

    async fn request(
        &self,
        address: &Address,
        method: &'static str,
        parameters: &Value,
    ) -> Result<Box<RawValue>, CallFailure> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let sent = self.client.post(self.url.clone()).json(&body).send().await;
        let mut answer = sent.map_err(|error| lost(address, &words(error)))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        loop {
            let chunk = answer.chunk().await.map_err(|error| lost(address, &words(error)))?;
            let Some(chunk) = chunk else { break };
            if bytes.len() + chunk.len() > self.answer_bytes_max {
                let detail = format!("answer is larger than {} bytes", self.answer_bytes_max);
                let node = address.shown().to_owned();
                return Err(CallFailure::Garbled { node, method, detail });
            }
            bytes.extend_from_slice(&chunk);
        }
        let parsed = serde_json::from_slice::<Answer<'_>>(&bytes);
        open_envelope(address, method, status.as_u16(), parsed)
    }
}

/// Takes the result out of its envelope. An error inside the body says more than the status.
fn open_envelope(
    address: &Address,
    method: &'static str,
    status: u16,
    parsed: Result<Answer<'_>, serde_json::Error>,
) -> Result<Box<RawValue>, CallFailure> {
    let node = address.shown().to_owned();
    let is_success = (200..300).contains(&status);
    match parsed {
        Ok(Answer { error: Some(Refusal { code, message }), .. }) => {
            let message = address.clean(&message);
            Err(CallFailure::Refused { node, method, code, message })
        }
        _ if !is_success => Err(CallFailure::Status { node, method, status }),
        Ok(Answer { result: Some(result), error: None }) => Ok(result.to_owned()),
        Ok(Answer { result: None, error: None }) => {
            let detail = "neither a result nor an error".to_owned();
            Err(CallFailure::Garbled { node, method, detail })
        }
        Err(error) => Err(CallFailure::Garbled { node, method, detail: decoding(&error) }),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The whole chain of causes of an HTTP error, without the address in it.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// A connection that broke or could not be made.
pub(crate) fn lost(address: &Address, detail: &str) -> CallFailure {
    CallFailure::Lost { node: address.shown().to_owned(), detail: address.clean(detail) }
}

/// What an error of alloy's means here.
pub(crate) fn failure(
    address: &Address,
    method: &'static str,
    error: &TransportError,
) -> CallFailure {
    let node = address.shown().to_owned();
    match error {
        RpcError::ErrorResp(payload) => CallFailure::Refused {
            node,
            method,
            code: payload.code,
            message: address.clean(&payload.message),
        },
        RpcError::DeserError { err, .. } | RpcError::SerError(err) => {
            CallFailure::Garbled { node, method, detail: address.clean(&err.to_string()) }
        }
        RpcError::Transport(TransportErrorKind::HttpError(http)) => {
            CallFailure::Status { node, method, status: http.status }
        }
        other => lost(address, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(status: u16, body: &str) -> Result<String, CallFailure> {
        let address = Address::parse("http://a.example/key0123").unwrap();
        open_envelope(&address, "eth_x", status, serde_json::from_str(body))
            .map(|raw| raw.get().to_owned())
    }

    #[test]
    fn answers_and_refusals_are_told_apart() {
        assert_eq!(opened(200, r#"{"id":1,"result":null}"#).unwrap(), "null");
        assert_eq!(opened(200, r#"{"result":"0x1","error":null}"#).unwrap(), r#""0x1""#);
        let shown = |status, body| opened(status, body).unwrap_err().to_string();
        let texts = [
            shown(200, r#"{"error":{"code":-32005,"message":"limit of key0123\u001b[2J"}}"#),
            shown(429, "too many requests"),
            shown(429, r#"{"error":{"code":-32005,"message":"slow down"}}"#),
            shown(503, r#"{"result":"0x1"}"#),
            shown(200, "<html>"),
            shown(200, ""),
            shown(200, r#"{"id":1}"#),
        ];
        insta::assert_snapshot!(texts.join("\n"), @r"
        http://a.example refused eth_x: limit of [hidden]\u{1b}[2J (-32005)
        http://a.example answered eth_x with HTTP status 429
        http://a.example refused eth_x: slow down (-32005)
        http://a.example answered eth_x with HTTP status 503
        http://a.example answered eth_x with something else: expected value at line 1 column 1
        http://a.example answered eth_x with something else: EOF while parsing a value at line 1 column 0
        http://a.example answered eth_x with something else: neither a result nor an error
        ");
    }
}
