//! POST of JSON.

use std::time::Duration;

use portcullis_types::{ids::Millis, text::printable};
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::Value;
use url::Url;

use crate::{
    config::is_local,
    outbox::Failure,
    secret::Secret,
    sign::{DELIVERY_HEADER, SIGNATURE_HEADER, sign},
};

/// Most of an answer that is read, bytes: it is only read for its words about a failure.
const ANSWER_BYTES_MAX: usize = 4_096;

/// An address and what goes with it. The address may be a secret itself.
pub(crate) struct Http {
    client: Client,
    url: Url,
    routing_key: Option<Secret>,
    signing: Option<Secret>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(url: Url, timeout_seconds: u64) -> Result<Self, String> {
        // A redirect would carry what we say, and our secrets, to somebody else.
        let mut client = Client::builder()
            .timeout(Duration::from_secs(timeout_seconds))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
        if url.host_str().is_some_and(is_local) {
            client = client.no_proxy();
        }
        let client =
            client.build().map_err(|error| format!("no HTTP client: {}", error.without_url()))?;
        Ok(Self { client, url, routing_key: None, signing: None })
    }

    pub(super) fn with_routing_key(mut self, key: Secret) -> Self {
        self.routing_key = Some(key);
        self
    }

    pub(super) fn signed_with(mut self, secret: Secret) -> Self {
        self.signing = Some(secret);
        self
    }

    pub(super) async fn post(&self, now: Millis, id: &str, mut body: Value) -> Result<(), Failure> {
        if let (Some(key), Some(fields)) = (&self.routing_key, body.as_object_mut()) {
            fields.insert("routing_key".to_owned(), Value::String(key.reveal().to_owned()));
        }
        let body = body.to_string().into_bytes();
        let mut request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.signing {
            // An id holds names of the configuration and of the journal; what is no header is left to the body.
            let header: String = id.chars().filter(char::is_ascii_graphic).collect();
            request = request
                .header(SIGNATURE_HEADER, sign(secret, now.0 / 1000, &body))
                .header(DELIVERY_HEADER, header);
        }
        let answer =
            request.body(body).send().await.map_err(|error| Failure::Outage {
                why: printable(&deepest(&error.without_url())),
            })?;
        judge(now, answer).await
    }
}

/// The innermost reason says what happened; the outer ones only that something did.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

async fn judge(now: Millis, answer: Response) -> Result<(), Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let header = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = header.and_then(|text| retry_after(now, text));
    let words = beginning(answer).await;
    let why = format!("HTTP {}: {}", status.as_u16(), printable(&words));
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Failure::RateLimited { after: after.or_else(|| retry_after_in(&words)) }
        }
        StatusCode::SERVICE_UNAVAILABLE if after.is_some() => Failure::RateLimited { after },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Failure::Outage { why },
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::GONE => Failure::Refused { why },
        _ if status.is_client_error() => Failure::Undeliverable { why },
        _ if status.is_redirection() => Failure::Refused { why },
        _ => Failure::Outage { why },
    })
}

async fn beginning(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= ANSWER_BYTES_MAX {
            bytes.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The header of RFC 9110: seconds, or a date; milliseconds from `now`.
fn retry_after(now: Millis, text: &str) -> Option<u64> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0).ceil() as u64);
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    let at = Millis(date.timestamp().as_millisecond().max(0).unsigned_abs());
    Some(at.since(now))
}

/// Telegram and Discord say it in the body.
fn retry_after_in(words: &str) -> Option<u64> {
    let body: Value = serde_json::from_str(words).ok()?;
    let seconds =
        body.pointer("/parameters/retry_after").or_else(|| body.get("retry_after"))?.as_f64()?;
    (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_header_and_body() {
        let now = Millis(1_445_412_480_000 - 30_000);
        let cases = [
            ("7", Some(7_000)),
            ("0.25", Some(250)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(30_000)),
            ("soon", None),
            ("-3", None),
            ("inf", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(now, text), expected, "{text}");
        }
        assert_eq!(retry_after_in(r#"{"ok":false,"parameters":{"retry_after":35}}"#), Some(35_000));
        assert_eq!(retry_after_in(r#"{"retry_after":0.3,"global":false}"#), Some(300));
        assert_eq!(retry_after_in("no"), None);
    }
}
