//! What a node can do, found out by asking it.

use std::fmt;

use alloy_primitives::{Address, U64};
use serde_json::{Value, json};

use super::Node;
use crate::{
    ObserveError,
    error::CallFailure,
    source::feed::{Feed, Topic},
};

/// What the node answered when it was asked for each method. `false` means that it cannot or may
/// not; a node that did not answer at all is an error instead, except for subscriptions: those are
/// also `false` while no address that could carry them answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "seven independent facts")]
pub struct Capabilities {
    /// `debug_traceBlockByHash`.
    pub debug_trace_block: bool,
    /// `callTracer` with `withLog`.
    pub call_tracer_with_logs: bool,
    /// `prestateTracer`, with and without `diffMode`.
    pub prestate_tracer: bool,
    /// `eth_simulateV1`.
    pub simulate_v1: bool,
    /// `eth_subscribe("newPendingTransactions", true)`.
    pub pending_subscription: bool,
    /// `eth_subscribe("newHeads")`.
    pub new_heads_subscription: bool,
    /// `eth_getBlockReceipts`.
    pub block_receipts: bool,
}

/// How Evidence of a transaction will be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceMethod {
    /// From the node's call traces and state differences: everything is seen.
    Traces,
    /// From call traces only: calls and logs are seen, storage is not.
    CallsOnly,
    /// By executing transactions again on the state that the node names.
    Reexecution,
    /// From receipts only: logs are seen, calls between contracts are not.
    LogsOnly,
}

impl fmt::Display for EvidenceMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Traces => "the node traces blocks: calls, logs and storage changes are all seen",
            Self::CallsOnly => {
                "the node traces calls but not storage: rules about storage cannot fire; use a \
                 node with prestateTracer"
            }
            Self::Reexecution => {
                "the node gives the state before a transaction but no call traces: transactions \
                 are executed again here, which costs more time"
            }
            Self::LogsOnly => {
                "the node cannot trace: only logs and top-level calls are seen, and every block \
                 with transactions is reported as incomplete; use a node with the debug methods"
            }
        })
    }
}

impl Capabilities {
    /// How Evidence will be made with this node. Its `Display` is a sentence for people.
    pub fn evidence_method(&self) -> EvidenceMethod {
        match (self.debug_trace_block && self.call_tracer_with_logs, self.prestate_tracer) {
            (true, true) => EvidenceMethod::Traces,
            (true, false) => EvidenceMethod::CallsOnly,
            (false, true) => EvidenceMethod::Reexecution,
            (false, false) => EvidenceMethod::LogsOnly,
        }
    }
}

impl Node {
    /// Asks the node for each method once, on its newest block.
    ///
    /// # Errors
    /// [`ObserveError::Unreachable`] if it stops answering meanwhile: then nothing is known.
    pub async fn capabilities(&self) -> Result<Capabilities, ObserveError> {
        let head = self.newest_head().await.map_err(|failure| self.unreachable(&failure))?;
        let (hash, number) = (head.id.hash, U64::from(head.id.number));
        let calls = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
        let state = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": false}});
        let diffs = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
        let nothing = json!({"to": Address::ZERO, "data": "0x"});
        let simulation = json!({"blockStateCalls": [{"calls": []}]});
        // A call shows whether the tracer exists even where the newest block is empty.
        let (block_calls, block_state, call_calls, call_state, call_diffs, simulate, receipts) = tokio::join!(
            self.can("debug_traceBlockByHash", json!([hash, &calls])),
            self.can("debug_traceBlockByHash", json!([hash, &diffs])),
            self.can("debug_traceCall", json!([&nothing, number, &calls])),
            self.can("debug_traceCall", json!([&nothing, number, &state])),
            self.can("debug_traceCall", json!([&nothing, number, &diffs])),
            self.can("eth_simulateV1", json!([&simulation, number])),
            self.can("eth_getBlockReceipts", json!([hash])),
        );
        let (block_calls, block_state) = (block_calls?, block_state?);
        let is_proof = head.transactions > 0;
        Ok(Capabilities {
            debug_trace_block: block_calls || block_state,
            call_tracer_with_logs: block_calls && (is_proof || call_calls?),
            prestate_tracer: (block_state && is_proof) || (call_state? && call_diffs?),
            simulate_v1: simulate?,
            pending_subscription: Feed::open(self, Topic::Pending).await.is_ok(),
            new_heads_subscription: Feed::open(self, Topic::NewHeads).await.is_ok(),
            block_receipts: receipts?,
        })
    }

    /// Whether the node answers `method`. A refusal that names neither the method nor the
    /// parameters may be an accident, such as a block that was just replaced: it is asked again.
    async fn can(&self, method: &'static str, parameters: Value) -> Result<bool, ObserveError> {
        const TRIES_MAX: usize = 3;
        let limit = self.inner.options.trace_time_limit;
        for _ in 0..TRIES_MAX {
            let failure = match self.raw(method, &parameters, limit).await {
                Ok(answer) if answer.text.get() != "null" => return Ok(true),
                Ok(_) => continue,
                Err(failure) => failure,
            };
            if failure.is_unsupported() || failure.is_bad_parameters() {
                return Ok(false);
            }
            if !matches!(failure, CallFailure::Refused { .. } | CallFailure::Status { .. }) {
                return Err(self.unreachable(&failure));
            }
        }
        Ok(false)
    }

    fn unreachable(&self, failure: &CallFailure) -> ObserveError {
        ObserveError::Unreachable { chain: self.chain(), detail: failure.to_string() }
    }
}
