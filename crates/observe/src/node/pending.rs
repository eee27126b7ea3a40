//! What a pending transaction would do, told by the node's own tracers.

use alloy_primitives::{U64, keccak256};
use portcullis_types::{
    chain::{BlindCause, PendingTransaction},
    wire::{BlockMaterial, StateDiff, TraceFrame, TracedTransaction, WireBlock, WireTransaction},
};
use serde_json::json;

use super::Node;

impl Node {
    /// Plays a pending transaction on the newest state, by `debug_traceCall`: a block of its own after the newest, with the
    /// newest one's time. State differences are left out where the node cannot make them.
    ///
    /// What others pending before it would do is not in it; its gas has no price, and its nonce is not looked at.
    ///
    /// # Errors
    /// Why it could not be played: that one was not looked at.
    pub async fn foreseen(
        &self,
        transaction: &PendingTransaction,
    ) -> Result<BlockMaterial, BlindCause> {
        let head = self.head().await?;
        let PendingTransaction { hash, from, to, value, input } = transaction;
        let mut call = json!({"from": from, "value": value, "input": input, "data": input});
        if let (Some(to), Some(fields)) = (to, call.as_object_mut()) {
            fields.insert("to".to_owned(), json!(to));
        }
        let at = U64::from(head.id.number);
        let calls = json!([&call, at, {"tracer": "callTracer", "tracerConfig": {"withLog": true}}]);
        let state =
            json!([&call, at, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}}]);
        let (trace, diff) = tokio::join!(
            self.ask::<TraceFrame>("debug_traceCall", calls),
            self.ask::<StateDiff>("debug_traceCall", state),
        );
        let diff = match diff {
            Ok(diff) => Some(vec![traced(transaction, diff)]),
            Err(failure) if failure.is_unsupported() || failure.is_bad_parameters() => None,
            Err(failure) => return Err(failure.into()),
        };
        let number = head.id.number.saturating_add(1);
        let wire = WireTransaction {
            hash: *hash,
            from: *from,
            to: *to,
            value: *value,
            input: input.clone(),
            ..WireTransaction::default()
        };
        let trace = trace?;
        Ok(BlockMaterial {
            chain_id: self.chain(),
            block: WireBlock {
                number: U64::from(number),
                // A block that there is not: its name must be nobody else's.
                hash: keccak256([head.id.hash.as_slice(), hash.as_slice()].concat()),
                parent_hash: head.id.hash,
                timestamp: U64::from(head.timestamp),
                transactions: vec![wire],
                ..WireBlock::default()
            },
            traces: Some(vec![traced(transaction, trace)]),
            state_diffs: diff,
            ..BlockMaterial::default()
        })
    }
}

fn traced<T>(transaction: &PendingTransaction, result: T) -> TracedTransaction<T> {
    TracedTransaction { tx_hash: Some(transaction.hash), result: Some(result), error: None }
}
