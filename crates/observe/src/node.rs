//! A node of a chain, or several that stand in for each other.

mod capability;
mod endpoint;
mod known;
mod material;
mod pending;
mod read;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{B256, U64};
use alloy_rpc_client::RpcClient;
use portcullis_types::{
    chain::{BlindCause, BlockHead, BlockId},
    ids::ChainId,
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::Semaphore;

pub use capability::{Capabilities, EvidenceMethod};

use crate::{
    ObserveError,
    address::Address,
    error::{CallFailure, decoding},
    link::Link,
};
use endpoint::Endpoint;

/// Limits of a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeOptions {
    /// How long one answer may take.
    pub request_time_limit: Duration,
    /// How long the answer to a tracing request may take; a full block takes seconds.
    pub trace_time_limit: Duration,
    /// Largest answer that is read, in bytes. The traces of a full block are tens of megabytes.
    pub answer_bytes_max: usize,
    /// Most requests that wait for an answer at a time; others wait for their turn.
    pub requests_max: usize,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            request_time_limit: Duration::from_secs(10),
            trace_time_limit: Duration::from_secs(30),
            answer_bytes_max: 256 << 20,
            requests_max: 16,
        }
    }
}

/// The nodes of one chain. A request goes to one of them, and to the next where that one fails;
/// the one that answered last is asked first. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    chain: ChainId,
    options: NodeOptions,
    endpoints: Vec<Endpoint>,
    preferred: AtomicUsize,
    permits: Semaphore,
    known: known::Known,
}

/// A block as far as a head needs it: without looking into its transactions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHead {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    transactions: Vec<IgnoredAny>,
}

impl Node {
    /// Connects with the default limits. See [`Node::connect_with`].
    ///
    /// # Errors
    /// As [`Node::connect_with`].
    pub async fn connect(urls: &[String], expected_chain: ChainId) -> Result<Self, ObserveError> {
        Self::connect_with(urls, expected_chain, NodeOptions::default()).await
    }

    /// Connects to all addresses: `http(s)://`, `ws(s)://`, and IPC as a path or `ipc:///path`.
    /// One that answers is enough; the others are tried again when they are needed.
    ///
    /// # Errors
    /// [`ObserveError::Address`] and [`ObserveError::WrongChain`] for any of the addresses (fix the
    /// configuration), [`ObserveError::Unreachable`] if none answers (retry).
    pub async fn connect_with(
        urls: &[String],
        expected_chain: ChainId,
        options: NodeOptions,
    ) -> Result<Self, ObserveError> {
        if urls.is_empty() {
            return Err(ObserveError::NoNodes { chain: expected_chain });
        }
        let mut endpoints = Vec::with_capacity(urls.len());
        for url in urls {
            endpoints.push(Endpoint::new(Address::parse(url)?, expected_chain, options));
        }
        let preferred = first_open(&endpoints, expected_chain).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                chain: expected_chain,
                options,
                endpoints,
                preferred: AtomicUsize::new(preferred),
                permits: Semaphore::new(options.requests_max.max(1)),
                known: known::Known::default(),
            }),
        })
    }

    /// Connects to an address of whatever chain is there, for tools that are pointed at a node by hand.
    ///
    /// # Errors
    /// [`ObserveError::Address`] and [`ObserveError::Unreachable`].
    pub async fn connect_to_any_chain(url: &str) -> Result<Self, ObserveError> {
        let urls = [url.to_owned()];
        // No chain has the id 0 (EIP-155), so the refusal says which one it is.
        match Self::connect(&urls, 0).await {
            Err(ObserveError::WrongChain { found, .. }) => Self::connect(&urls, found).await,
            other => other,
        }
    }

    /// The chain.
    pub fn chain(&self) -> ChainId {
        self.inner.chain
    }

    /// The address that is asked first at the moment, without its secrets.
    pub fn shown(&self) -> &str {
        self.inner.endpoints.get(self.preferred()).map_or("no node", |e| e.address.shown())
    }

    /// The newest block.
    ///
    /// # Errors
    /// Why it could not be looked at; retry.
    pub async fn head(&self) -> Result<BlockHead, BlindCause> {
        Ok(self.newest_head().await?)
    }

    /// The block with `number` on the chain that the node follows; none if there is none (yet).
    ///
    /// # Errors
    /// Why it could not be looked at; retry.
    pub async fn head_by_number(&self, number: u64) -> Result<Option<BlockHead>, BlindCause> {
        Ok(self.numbered_head(number).await?)
    }

    /// The block with `hash`; none if the node does not know it (any more).
    ///
    /// # Errors
    /// Why it could not be looked at; retry.
    pub async fn head_by_hash(&self, hash: B256) -> Result<Option<BlockHead>, BlindCause> {
        Ok(self.hashed_head(hash).await?)
    }

    pub(crate) async fn newest_head(&self) -> Result<BlockHead, CallFailure> {
        let method = "eth_getBlockByNumber";
        let head: WireHead = self.ask(method, json!(["latest", false])).await?;
        Ok(head.into())
    }

    pub(crate) async fn numbered_head(
        &self,
        number: u64,
    ) -> Result<Option<BlockHead>, CallFailure> {
        let method = "eth_getBlockByNumber";
        let head: Option<WireHead> = self.ask(method, json!([U64::from(number), false])).await?;
        Ok(head.map(BlockHead::from).filter(|head| head.id.number == number))
    }

    pub(crate) async fn hashed_head(&self, hash: B256) -> Result<Option<BlockHead>, CallFailure> {
        let method = "eth_getBlockByHash";
        let head: Option<WireHead> = self.ask(method, json!([hash, false])).await?;
        Ok(head.map(BlockHead::from).filter(|head| head.id.hash == hash))
    }

    /// Asks another address first from now on: for answers that are well-formed and still wrong.
    pub(crate) fn prefer_next(&self) {
        let next = (self.preferred() + 1) % self.inner.endpoints.len().max(1);
        self.inner.preferred.store(next, Ordering::Relaxed);
    }

    fn preferred(&self) -> usize {
        self.inner.preferred.load(Ordering::Relaxed)
    }

    /// The limits.
    pub(crate) fn options(&self) -> &NodeOptions {
        &self.inner.options
    }

    /// Whether any address can carry subscriptions.
    pub(crate) fn can_stream(&self) -> bool {
        self.inner.endpoints.iter().any(Endpoint::can_stream)
    }

    /// The first connection that can carry subscriptions.
    pub(crate) async fn stream(&self) -> Result<(&Address, RpcClient), CallFailure> {
        let mut failed = None;
        for (_, endpoint) in self.endpoints().filter(|(_, endpoint)| endpoint.can_stream()) {
            match endpoint.link().await.as_deref() {
                Ok(Link::Stream(client)) => return Ok((&endpoint.address, client.clone())),
                Ok(Link::Http(_)) => {}
                Err(failure) => failed = Some(failure.clone()),
            }
        }
        Err(failed.unwrap_or_else(|| CallFailure::Lost {
            node: self.shown().to_owned(),
            detail: "no address can carry subscriptions".to_owned(),
        }))
    }

    /// Endpoints in the order in which they are asked, with their places.
    fn endpoints(&self) -> impl Iterator<Item = (usize, &Endpoint)> {
        let endpoints = self.inner.endpoints.iter().enumerate();
        let (before, from) = (endpoints.clone(), endpoints.skip(self.preferred()));
        from.chain(before.take(self.preferred()))
    }

    /// Asks and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: Value,
    ) -> Result<T, CallFailure> {
        let limit = self.inner.options.request_time_limit;
        self.raw(method, &parameters, limit).await?.read()
    }

    /// Asks one address after the other until one answers.
    ///
    /// A refusal is passed on to the next as well: it may be a limit, a missing method or a missing
    /// state of that one. Only a revert is the same everywhere.
    async fn raw(
        &self,
        method: &'static str,
        parameters: &Value,
        time_limit: Duration,
    ) -> Result<Said<'_>, CallFailure> {
        let Ok(_permit) = self.inner.permits.acquire().await else {
            let node = self.shown().to_owned();
            return Err(CallFailure::Lost { node, detail: "shutting down".to_owned() });
        };
        let mut failed: Option<CallFailure> = None;
        for (place, endpoint) in self.endpoints() {
            // Boxed, because the many questions asked at a time would be huge on the stack.
            let failure = match Box::pin(endpoint.request(method, parameters, time_limit)).await {
                Ok(text) => {
                    // A refusal of one method says nothing against an address, a failure does.
                    if failed.is_some_and(|f| !matches!(f, CallFailure::Refused { .. })) {
                        self.inner.preferred.store(place, Ordering::Relaxed);
                    }
                    return Ok(Said { text, method, node: endpoint.address.shown() });
                }
                Err(failure) => failure,
            };
            tracing::debug!(method, %failure, "node request failed");
            if failure.is_revert() || matches!(failure, CallFailure::WrongChain { .. }) {
                return Err(failure);
            }
            // Nobody has a method only if all say so: one that is down may have it.
            if failed.as_ref().is_none_or(CallFailure::is_unsupported) {
                failed = Some(failure);
            }
        }
        Err(failed.unwrap_or_else(|| CallFailure::Lost {
            node: self.shown().to_owned(),
            detail: "no node is configured".to_owned(),
        }))
    }
}

/// An answer, and whose it is.
struct Said<'a> {
    text: Box<RawValue>,
    method: &'static str,
    node: &'a str,
}

impl Said<'_> {
    /// Reads the answer; one that cannot be read is a failure of that node.
    fn read<T: DeserializeOwned>(&self) -> Result<T, CallFailure> {
        self.read_with(|text| serde_json::from_str(text))
    }

    fn read_with<T>(
        &self,
        read: impl FnOnce(&str) -> serde_json::Result<T>,
    ) -> Result<T, CallFailure> {
        read(self.text.get()).map_err(|error| CallFailure::Garbled {
            node: self.node.to_owned(),
            method: self.method,
            detail: decoding(&error),
        })
    }
}

impl From<WireHead> for BlockHead {
    fn from(head: WireHead) -> Self {
        Self {
            id: BlockId { number: head.number.to(), hash: head.hash },
            parent: head.parent_hash,
            timestamp: head.timestamp.to(),
            transactions: u32::try_from(head.transactions.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Opens all connections at the same time, and says which is the first that stands.
async fn first_open(endpoints: &[Endpoint], chain: ChainId) -> Result<usize, ObserveError> {
    let opened = futures_util::future::join_all(endpoints.iter().map(Endpoint::link)).await;
    let mut first = None;
    let mut failed = None;
    for (place, result) in opened.into_iter().enumerate() {
        match result {
            Ok(_) => first = first.or(Some(place)),
            Err(CallFailure::WrongChain { node, expected, found }) => {
                return Err(ObserveError::WrongChain { node, expected, found });
            }
            Err(failure) => {
                tracing::warn!(%failure, "node does not answer yet");
                failed = Some(failure.to_string());
            }
        }
    }
    first.ok_or_else(|| ObserveError::Unreachable { chain, detail: failed.unwrap_or_default() })
}
