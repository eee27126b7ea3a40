//! One address of a node: opens its connection when it is needed, checks the chain, and drops the
//! connection when it breaks.

use std::{sync::Arc, time::Duration};

use alloy_primitives::U64;
use portcullis_types::ids::ChainId;
use serde_json::{Value, json, value::RawValue};
use tokio::{sync::Mutex, time::Instant};

use super::NodeOptions;
use crate::{
    address::{Address, Place},
    error::{CallFailure, decoding},
    link::{Link, lost},
};

/// After a connection could not be made, how long other requests are told so without trying again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    chain: ChainId,
    options: NodeOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Not connected, and nothing is known against trying.
    Idle,
    /// Connected, and of the right chain.
    Open(Arc<Link>),
    /// Could not be connected a moment ago.
    Failed { at: Instant, failure: CallFailure },
}

impl Endpoint {
    pub(super) fn new(address: Address, chain: ChainId, options: NodeOptions) -> Self {
        Self { address, chain, options, state: Mutex::new(State::Idle) }
    }

    /// Whether its connection can carry subscriptions.
    pub(super) fn can_stream(&self) -> bool {
        !matches!(self.address.place(), Place::Http(_))
    }

    /// Sends one request. A connection that breaks, or does not answer in time, is dropped.
    pub(super) async fn request(
        &self,
        method: &'static str,
        parameters: &Value,
        time_limit: Duration,
    ) -> Result<Box<RawValue>, CallFailure> {
        let link = self.link().await?;
        let answer = self.timed(&link, method, parameters, time_limit).await;
        if let Err(failure) = &answer
            && failure.breaks_link()
        {
            self.drop_link(&link).await;
        }
        answer
    }

    /// The connection, opened and checked if need be.
    pub(super) async fn link(&self) -> Result<Arc<Link>, CallFailure> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Open(link) => return Ok(link.clone()),
            State::Failed { at, failure } if at.elapsed() < RECONNECT_PAUSE => {
                return Err(failure.clone());
            }
            State::Idle | State::Failed { .. } => {}
        }
        let opened = self.open().await;
        *state = match &opened {
            Ok(link) => State::Open(link.clone()),
            Err(failure) => State::Failed { at: Instant::now(), failure: failure.clone() },
        };
        opened
    }

    /// Forgets `link`, unless another request replaced it already.
    pub(super) async fn drop_link(&self, link: &Arc<Link>) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Open(open) if Arc::ptr_eq(open, link)) {
            *state = State::Idle;
        }
    }

    async fn open(&self) -> Result<Arc<Link>, CallFailure> {
        let limit = self.options.request_time_limit;
        let opening = Link::open(&self.address, self.options.answer_bytes_max);
        let link = tokio::time::timeout(limit, opening)
            .await
            .map_err(|_| self.too_slow("connect", limit))??;
        let link = Arc::new(link);
        let method = "eth_chainId";
        let raw = self.timed(&link, method, &json!([]), limit).await?;
        let node = self.address.shown().to_owned();
        match serde_json::from_str::<U64>(raw.get()) {
            Ok(found) if found.to::<u64>() == self.chain => Ok(link),
            Ok(found) => {
                Err(CallFailure::WrongChain { node, expected: self.chain, found: found.to() })
            }
            Err(error) => Err(CallFailure::Garbled { node, method, detail: decoding(&error) }),
        }
    }

    async fn timed(
        &self,
        link: &Link,
        method: &'static str,
        parameters: &Value,
        limit: Duration,
    ) -> Result<Box<RawValue>, CallFailure> {
        tokio::time::timeout(limit, link.request(&self.address, method, parameters))
            .await
            .map_err(|_| self.too_slow(method, limit))?
    }

    fn too_slow(&self, method: &str, limit: Duration) -> CallFailure {
        let millis = limit.as_millis();
        lost(&self.address, &format!("no answer to {method} within {millis} ms"))
    }
}
