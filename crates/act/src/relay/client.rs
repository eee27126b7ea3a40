//! One relay: JSON-RPC over HTTP with a signed body.

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, U64, keccak256};
use futures_util::future::join_all;
use portcullis_types::text::printable;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use super::{BLOCKS_MAX, BLOCKS_MIN, Identity, RelayConfig, RelayKind, Submission};
use crate::nodes::is_loopback;

/// Name of the header with our signature.
const HEADER: &str = "X-Flashbots-Signature";
/// Longest answer that is read, bytes: a hash and a few words.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Most of a relay's words that are kept, characters.
const WORDS_MAX: usize = 300;

/// Why a relay did not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// It cannot be used as it is configured.
    #[error("relay {relay} cannot be used: {detail}")]
    Unusable {
        /// Host of the relay.
        relay: String,
        /// What to write instead.
        detail: String,
    },
    /// It said no.
    #[error("relay {relay} refused {method}: {message}")]
    Refused {
        /// Host of the relay.
        relay: String,
        /// JSON-RPC method.
        method: &'static str,
        /// Its words, made printable.
        message: String,
    },
    /// It gave no usable answer.
    #[error("no usable answer to {method} from relay {relay}: {detail}")]
    Silent {
        /// Host of the relay.
        relay: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What happened.
        detail: String,
    },
}

/// By what something can be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Bundle { uuid: String, block: u64 },
    Private { hash: B256, until: u64 },
}

impl Mark {
    pub(super) fn last_block(&self) -> u64 {
        match self {
            Self::Bundle { block, .. } => *block,
            Self::Private { until, .. } => *until,
        }
    }

    /// Whether it could still be included after block `head`.
    pub(super) fn is_open_after(&self, head: u64) -> bool {
        self.last_block() > head
    }
}

pub(super) struct Client {
    host: String,
    url: Url,
    kind: RelayKind,
    blocks: u64,
    http: reqwest::Client,
    identity: Arc<Identity>,
}

impl Client {
    pub(super) fn new(
        config: &RelayConfig,
        identity: Arc<Identity>,
        time_limit: Duration,
    ) -> Result<Self, RelayError> {
        let url = config.url.clone();
        let host = url.host_str().unwrap_or("(no host)").to_owned();
        let unusable =
            |detail: &str| RelayError::Unusable { relay: host.clone(), detail: detail.to_owned() };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(unusable("use https: what is sent there must not be seen on the way"));
        }
        if !(BLOCKS_MIN..=BLOCKS_MAX).contains(&config.blocks) {
            return Err(unusable(&format!("blocks must be from {BLOCKS_MIN} to {BLOCKS_MAX}")));
        }
        let mut http = reqwest::Client::builder()
            .timeout(time_limit)
            // A relay must not send our transactions elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| unusable(&error.without_url().to_string()))?;
        Ok(Self { host, url, kind: config.kind, blocks: config.blocks, http, identity })
    }

    /// All of the address that may be shown.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// By what a submission can be cancelled.
    pub(super) fn marks(&self, submission: &Submission) -> Vec<Mark> {
        let Submission { sender, nonce, hash, head, .. } = submission;
        match self.kind {
            RelayKind::Bundle => self
                .targets(*head)
                .map(|block| Mark::Bundle { uuid: uuid(*sender, *nonce, block), block })
                .collect(),
            RelayKind::PrivateTransaction => {
                vec![Mark::Private { hash: *hash, until: head.saturating_add(self.blocks) }]
            }
        }
    }

    /// Hands a transaction over; fine where it is taken for one block at least.
    pub(super) async fn submit(&self, submission: &Submission) -> Result<(), RelayError> {
        let Submission { sender, nonce, raw, head, .. } = submission;
        match self.kind {
            RelayKind::Bundle => {
                let sends = self.targets(*head).map(|block| {
                    let bundle = json!({
                        "txs": [raw],
                        "blockNumber": U64::from(block),
                        "replacementUuid": uuid(*sender, *nonce, block),
                    });
                    self.ask("eth_sendBundle", bundle)
                });
                let mut trouble = None;
                let mut is_taken = false;
                for answer in join_all(sends).await {
                    match answer {
                        Ok(_) => is_taken = true,
                        Err(error) => trouble = Some(error),
                    }
                }
                trouble.filter(|_| !is_taken).map_or(Ok(()), Err)
            }
            RelayKind::PrivateTransaction => {
                let asked = json!({
                    "tx": raw,
                    "maxBlockNumber": U64::from(head.saturating_add(self.blocks)),
                    "preferences": {"fast": true},
                });
                self.ask("eth_sendPrivateTransaction", asked).await.map(drop)
            }
        }
    }

    /// Asks to cancel what nobody ever sent.
    pub(super) async fn reach(&self) -> Result<(), RelayError> {
        let nothing = match self.kind {
            RelayKind::Bundle => Mark::Bundle { uuid: uuid(Address::ZERO, 0, 0), block: 0 },
            RelayKind::PrivateTransaction => Mark::Private { hash: B256::ZERO, until: 0 },
        };
        self.cancel(&nothing).await
    }

    pub(super) async fn cancel(&self, mark: &Mark) -> Result<(), RelayError> {
        match mark {
            Mark::Bundle { uuid, .. } => {
                self.ask("eth_cancelBundle", json!({"replacementUuid": uuid})).await
            }
            Mark::Private { hash, .. } => {
                self.ask("eth_cancelPrivateTransaction", json!({"txHash": hash})).await
            }
        }
        .map(drop)
    }

    fn targets(&self, head: u64) -> std::ops::RangeInclusive<u64> {
        head.saturating_add(1)..=head.saturating_add(self.blocks)
    }

    async fn ask(&self, method: &'static str, param: Json) -> Result<Json, RelayError> {
        let silent =
            |detail: String| RelayError::Silent { relay: self.host.clone(), method, detail };
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": [param]});
        let body = body.to_string();
        let header = self.identity.header(&body).map_err(silent)?;
        let request = self.http.post(self.url.clone()).header(HEADER, header);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response =
            request.send().await.map_err(|error| silent(error.without_url().to_string()))?;
        let status = response.status();
        let answer = read(response).await.map_err(silent)?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| silent(format!("HTTP status {status} and no JSON-RPC")))?;
        match (answer.error, answer.result) {
            (Some(error), _) => {
                let words = error.get("message").and_then(Json::as_str);
                let words = words.map_or_else(|| error.to_string(), str::to_owned);
                let message = printable(&words.chars().take(WORDS_MAX).collect::<String>());
                Err(RelayError::Refused { relay: self.host.clone(), method, message })
            }
            (None, result) if status.is_success() => Ok(result.unwrap_or_default()),
            (None, _) => Err(silent(format!("HTTP status {status}"))),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    result: Option<Json>,
    error: Option<Json>,
}

/// Reads an answer up to the limit.
async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Err(format!("more than {ANSWER_BYTES_MAX} bytes")),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(error.without_url().to_string()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} {:?})", self.host, self.kind)
    }
}

/// The name of the bundle of one nonce for one block, a UUID of version 4 in form. Made of what it names, so that a
/// replacement replaces, and a program that starts again can cancel.
fn uuid(sender: Address, nonce: u64, block: u64) -> String {
    let hash = keccak256(format!("portcullis/bundle/{sender}/{nonce}/{block}"));
    let text = alloy_primitives::hex::encode(hash);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_one_name_for_each_nonce_and_block() {
        let of = |nonce, block| uuid(Address::repeat_byte(1), nonce, block);
        let name = of(1, 2);
        assert_eq!((name.len(), name.as_bytes()[14], name.as_bytes()[19]), (36, b'4', b'a'));
        assert_eq!(name, of(1, 2));
        assert!(name != of(1, 3) && name != of(2, 2));
    }
}
