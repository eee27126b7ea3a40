//! Handing a transaction and signatures to a Safe Transaction Service, so that the other owners see them.
//!
//! Paths and fields are those of safe-global/safe-transaction-service (`history/urls.py`, `history/serializers.py`): the
//! service computes the hash itself, recovers the signature, and wants addresses with their checksum.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use portcullis_types::text::printable;
use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use serde_json::{Value as Json, json};
use url::Url;

use super::{Hashes, OwnerSignature, Subject};
use crate::nodes::is_loopback;

/// Longest wait for the service.
const SERVICE_TIME_LIMIT: Duration = Duration::from_secs(20);
/// Longest `origin`, in characters: what the service keeps.
pub const ORIGIN_CHARS_MAX: usize = 200;
/// Most of a refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// A Safe Transaction Service. Its key is in no message and no `Debug` output.
pub struct Service {
    base: Url,
    host: String,
    key: Option<String>,
    client: reqwest::Client,
}

/// The service did not take it. No message holds more of its address than the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Safe Transaction Service at {host} {problem}")]
pub struct NotPosted {
    /// Host of the service.
    pub host: String,
    /// What happened, and what to do.
    pub problem: String,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({})", self.host)
    }
}

impl Service {
    /// A service at `base`, its address up to `/api`; `key` goes into the `Authorization` header.
    ///
    /// # Errors
    /// An address that is not `https`, or `http` on this machine: anybody on the way could read the key.
    pub fn new(base: &Url, key: Option<String>) -> Result<Self, NotPosted> {
        let host = base.host_str().unwrap_or("(no host)").to_owned();
        let no = |problem: &str| NotPosted { host: host.clone(), problem: problem.to_owned() };
        let is_here = is_loopback(base);
        if base.scheme() != "https" && !(base.scheme() == "http" && is_here) {
            return Err(no("is not asked over https: write an address that begins with https://"));
        }
        let mut client = reqwest::Client::builder()
            .timeout(SERVICE_TIME_LIMIT)
            // The key must not go where an answer points to.
            .redirect(reqwest::redirect::Policy::none());
        if is_here {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|_| no("cannot be asked from here"))?;
        Ok(Self { base: base.clone(), host, key, client })
    }

    /// Its host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Proposes a transaction with the signature of the owner who proposes it:
    /// `POST {base}/v2/safes/{safe}/multisig-transactions/`.
    ///
    /// # Errors
    /// Why it was not taken, with what to do.
    pub async fn propose(
        &self,
        subject: &Subject,
        signature: &OwnerSignature,
        origin: &str,
    ) -> Result<(), NotPosted> {
        let safe = checksum(subject.safe);
        let path = format!("v2/safes/{safe}/multisig-transactions/");
        let body = proposal(subject, &subject.hashes(), signature, origin);
        self.post(&path, &body).await
    }

    /// Adds an owner's signature: `POST {base}/v1/multisig-transactions/{hash}/confirmations/`.
    ///
    /// # Errors
    /// Why it was not taken, with what to do.
    pub async fn confirm(&self, hash: B256, signature: &OwnerSignature) -> Result<(), NotPosted> {
        let path = format!("v1/multisig-transactions/{hash}/confirmations/");
        self.post(&path, &json!({ "signature": signature.bytes })).await
    }

    async fn post(&self, path: &str, body: &Json) -> Result<(), NotPosted> {
        let url = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        let url: Url =
            url.parse().map_err(|_| self.no("has no usable address: correct `service.url`"))?;
        let mut request = self.client.post(url).json(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.map_err(|error| {
            self.no(if error.is_timeout() {
                "does not answer in time: look with `safe show --fetch` whether it has it, then try again"
            } else {
                "cannot be reached: try again"
            })
        })?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.map(printable);
        let words = read(answer).await;
        Err(self.no(&remedy(status, wait.as_deref(), &words, self.key.is_some())))
    }

    fn no(&self, problem: &str) -> NotPosted {
        NotPosted { host: self.host.clone(), problem: problem.to_owned() }
    }
}

fn checksum(address: Address) -> String {
    address.to_checksum(None)
}

/// The body of a proposal. Numbers are decimal digits, as they do not all fit a number of JSON.
fn proposal(subject: &Subject, hashes: &Hashes, signature: &OwnerSignature, origin: &str) -> Json {
    let tx = &subject.tx;
    json!({
        "to": checksum(tx.to), "value": tx.value.to_string(), "data": tx.data,
        "operation": tx.operation.number(),
        "safeTxGas": tx.safe_tx_gas.to_string(), "baseGas": tx.base_gas.to_string(),
        "gasPrice": tx.gas_price.to_string(), "gasToken": checksum(tx.gas_token),
        "refundReceiver": checksum(tx.refund_receiver), "nonce": tx.nonce.to_string(),
        "contractTransactionHash": hashes.safe_tx,
        "sender": checksum(signature.owner), "signature": signature.bytes, "origin": origin,
    })
}

/// What the service said, as far as it is short and printable.
async fn read(mut answer: Response) -> String {
    let mut body = Vec::new();
    // What it says is for people; a broken end of it changes nothing.
    while let Ok(Some(part)) = answer.chunk().await {
        body.extend_from_slice(&part);
        if body.len() > REFUSAL_BYTES_MAX {
            break;
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let Ok(said) = serde_json::from_str::<Json>(&text) else { return String::new() };
    let mut words = Vec::new();
    collect(&said, &mut words, 0);
    words.iter().map(|one| printable(one)).collect::<Vec<_>>().join("; ")
}

/// The texts in a refusal: `{"nonFieldErrors": ["…"]}`, `{"to": ["…"]}`, `{"code": 1, "message": "…"}`.
fn collect(said: &Json, words: &mut Vec<String>, depth: usize) {
    const WORDS_MAX: usize = 6;
    const DEPTH_MAX: usize = 3;
    if words.len() >= WORDS_MAX || depth > DEPTH_MAX {
        return;
    }
    match said {
        Json::String(text) => words.push(text.clone()),
        Json::Array(list) => list.iter().for_each(|one| collect(one, words, depth + 1)),
        Json::Object(fields) => {
            for (name, value) in fields {
                let from = words.len();
                collect(value, words, depth + 1);
                // Which field it is about.
                let is_field =
                    !matches!(name.as_str(), "nonFieldErrors" | "message" | "detail" | "error");
                for word in words.iter_mut().skip(from).filter(|_| is_field) {
                    *word = format!("{name}: {word}");
                }
            }
        }
        _ => {}
    }
}

/// What a status means here and what to do about it.
fn remedy(status: StatusCode, wait: Option<&str>, words: &str, has_key: bool) -> String {
    let said = if words.is_empty() { String::new() } else { format!(" ({words})") };
    match status.as_u16() {
        300..=399 => format!(
            "points elsewhere (HTTP {}), and a key is not sent after it: correct `service.url`",
            status.as_u16()
        ),
        401 | 403 if has_key => {
            format!("does not take the key{said}: renew it, and see that it is for this service")
        }
        401 | 403 => format!(
            "wants a key{said}: get one, and name its environment variable or file in `service.tokenVariable` or \
             `service.tokenFile`"
        ),
        404 => format!(
            "knows no such Safe or transaction{said}: propose it first with `safe propose`, and see that `service.url` is that of \
             this chain"
        ),
        429 => {
            let wait = wait.map_or("a while".to_owned(), |seconds| {
                if seconds.bytes().all(|byte| byte.is_ascii_digit()) {
                    format!("{seconds} s")
                } else {
                    format!("until {seconds}")
                }
            });
            let key = if has_key { "" } else { "; with a key more is allowed" };
            format!("is asked too often{said}: try again after {wait}{key}")
        }
        400 | 422 => format!(
            "refuses it (HTTP {}){said}: compare `safe.yaml` and the proposal with the Safe",
            status.as_u16()
        ),
        500..=599 => format!("is in trouble (HTTP {}){said}: try again later", status.as_u16()),
        other => format!("answers with HTTP status {other}{said}: see its documentation"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_its_remedy() {
        let status = |code| StatusCode::from_u16(code).unwrap();
        let cases = [
            (302, None, "", true, "correct `service.url`"),
            (401, None, "", false, "tokenVariable"),
            (403, None, "expired", true, "renew it"),
            (404, None, "", true, "safe propose"),
            (422, None, "nonce: too low", true, "nonce: too low"),
            (429, Some("7"), "", true, "after 7 s"),
            (429, Some("Sat, 21 Nov 2026 17:00:00 GMT"), "", true, "until Sat"),
            (429, None, "", false, "with a key more"),
            (503, None, "", true, "later"),
            (418, None, "", true, "418"),
        ];
        for (code, wait, words, has_key, expect) in cases {
            let text = remedy(status(code), wait, words, has_key);
            assert!(text.contains(expect), "{code}: {text}");
        }
    }

    #[test]
    fn what_the_service_says_is_read_in_its_shapes() {
        let cases = [
            (
                json!({"nonFieldErrors": ["Contract-transaction-hash does not match"]}),
                "Contract-transaction-hash does not match",
            ),
            (json!({"to": ["Address is not checksumed"]}), "to: Address is not checksumed"),
            (
                json!({"code": 1, "message": "Checksum address validation failed", "arguments": ["0x1"]}),
                "arguments: 0x1",
            ),
        ];
        for (said, expect) in cases {
            let mut words = Vec::new();
            collect(&said, &mut words, 0);
            assert!(words.iter().any(|one| one == expect), "{words:?}");
        }
        // Deep or long answers end somewhere.
        let mut deep = json!("x");
        for _ in 0..100 {
            deep = json!([deep.clone(), deep]);
            if deep.to_string().len() > 100_000 {
                break;
            }
        }
        let mut words = Vec::new();
        collect(&deep, &mut words, 0);
        assert!(words.len() <= 16, "{}", words.len());
    }

    #[test]
    fn a_key_goes_over_https_only() {
        for (url, is_good) in [
            ("https://api.safe.global/tx-service/eth/api", true),
            ("http://127.0.0.1:8000/api", true),
            ("http://localhost:8000/api", true),
            ("http://api.safe.global/tx-service/eth/api", false),
            ("ftp://127.0.0.1/api", false),
        ] {
            let service = Service::new(&url.parse().unwrap(), Some("secret-key".to_owned()));
            assert_eq!(service.is_ok(), is_good, "{url}");
            assert!(!format!("{service:?}").contains("secret"), "{service:?}");
        }
    }
}
