//! Carrying a transaction out: one try, by an account that pays the gas and need not be an owner.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use portcullis_types::action::Call;
use serde::Serialize;

use super::{Subject, read::exec_data};
use crate::{
    nodes::{NodeError, Nodes},
    signer::{SignError, SignRequest, TransactionSigner},
};

/// How long inclusion is waited for.
const INCLUSION_TIME_LIMIT: Duration = Duration::from_mins(5);
/// Time between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// Hash of the transaction that carried it out.
    pub transaction: B256,
    /// Block that it is in.
    pub block: u64,
    /// Whether it took effect. A Safe's transaction with `safeTxGas` can fail inside and still count as one that did.
    pub success: bool,
}

/// Why it was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A node did not answer, or refused.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The key's process refused or is gone.
    #[error(transparent)]
    Signer(#[from] SignError),
    /// It is in no block yet.
    #[error("{transaction} was sent and is in no block after {} s: look for it by its hash before sending again", INCLUSION_TIME_LIMIT.as_secs())]
    NotIncluded {
        /// Its hash.
        transaction: B256,
    },
}

/// Sends `subject` with `signatures` from the signer's account, at `tip_wei` for each gas, and waits for its block.
pub async fn send(
    nodes: &Nodes,
    signer: &dyn TransactionSigner,
    subject: &Subject,
    signatures: &Bytes,
    tip_wei: u128,
) -> Result<Executed, SendError> {
    let from = signer.address();
    let call = Call { to: subject.safe, data: exec_data(&subject.tx, signatures), gas_limit: 0 };
    let gas = nodes.estimate_gas(from, &call).await?;
    let head = nodes.head().await?;
    let request = SignRequest {
        chain_id: subject.chain_id,
        nonce: nodes.nonce(from, "pending").await?,
        to: call.to,
        data: call.data,
        gas_limit: gas.saturating_add(gas / 4),
        max_fee_per_gas: head.base_fee.saturating_mul(2).saturating_add(tip_wei),
        max_priority_fee_per_gas: tip_wei,
        value: alloy_primitives::U256::ZERO,
    };
    let ready = signer.sign(request).await?;
    let mut refusal = None;
    let mut taken = false;
    for answer in nodes.broadcast(&ready.raw).await {
        match answer {
            Ok(_) => taken = true,
            Err(error) => refusal = Some(error),
        }
    }
    if let (false, Some(error)) = (taken, refusal) {
        return Err(error.into());
    }
    wait(nodes, ready.hash).await
}

async fn wait(nodes: &Nodes, transaction: B256) -> Result<Executed, SendError> {
    let waiting = async {
        loop {
            // A node that is silent once may answer the next time.
            if let Ok(Some(receipt)) = nodes.receipt(transaction).await {
                return receipt;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let receipt = tokio::time::timeout(INCLUSION_TIME_LIMIT, waiting).await;
    let receipt = receipt.map_err(|_| SendError::NotIncluded { transaction })?;
    Ok(Executed { transaction, block: receipt.block.number, success: receipt.success })
}
