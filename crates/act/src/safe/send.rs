//! Carrying a transaction out, by an account that pays the gas and need not be an owner: one nonce, replaced by dearer
//! ones up to a ceiling until one of them is in a block.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::action::Call;
use serde::Serialize;

use super::{Subject, read::exec_data};
use crate::{
    fees::{FeePolicy, Fees, gas_limit},
    nodes::{NodeError, Nodes},
    signer::{SignError, SignRequest, TransactionSigner},
};

/// How long inclusion is waited for, all replacements together.
const INCLUSION_TIME_LIMIT: Duration = Duration::from_mins(5);
/// Time between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Most replacements: at an eighth more each, the last pays over four times the first.
pub const REPLACEMENTS_MAX: usize = 12;
/// Room above the estimate: a batch is as large as its owners like, and the signer bounds what it may cost.
const GAS_LIMIT_MAX: u64 = 30_000_000;

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
    /// How many dearer ones were sent after the first.
    pub replacements: usize,
    /// Fee cap of the one that carried it out, wei for each gas.
    pub max_fee_per_gas: u128,
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
    /// Not even the base fee can be paid below the ceiling.
    #[error(
        "{gas} gas at a base fee of {base_fee} wei cost more than the ceiling of {ceiling} wei: raise `executor.feeWeiMax`, or \
         wait until blocks are emptier"
    )]
    TooDear {
        /// Gas limit.
        gas: u64,
        /// The newest block's base fee, wei.
        base_fee: u128,
        /// The ceiling, wei.
        ceiling: u128,
    },
    /// The account cannot pay.
    #[error(
        "{account} has {balance} wei, and {gas} gas at a base fee of {base_fee} wei cost more: fund it"
    )]
    TooPoor {
        /// Who pays.
        account: Address,
        /// What it has.
        balance: U256,
        /// Gas limit.
        gas: u64,
        /// The newest block's base fee, wei.
        base_fee: u128,
    },
    /// It is in no block yet.
    #[error(
        "{transaction} was sent with {replacements} replacements and none is in a block after {} s ({why}): look for it by its \
         hash before sending again; a second `safe exec` replaces it",
        INCLUSION_TIME_LIMIT.as_secs()
    )]
    NotIncluded {
        /// The newest.
        transaction: B256,
        /// How many replacements there were.
        replacements: usize,
        /// Why no more were sent.
        why: String,
    },
}

/// One that was sent.
#[derive(Debug, Clone, Copy)]
struct Try {
    hash: B256,
    fees: Fees,
    base_fee: u128,
}

/// What all tries share.
struct Sender<'a> {
    nodes: &'a Nodes,
    signer: &'a dyn TransactionSigner,
    chain_id: u64,
    call: Call,
    nonce: u64,
    gas: u64,
    policy: FeePolicy,
}

/// Sends `subject` with `signatures` from the signer's account, and replaces it by one that pays more whenever a block
/// came without it, up to the ceiling of `policy`.
///
/// A transaction of the same account that is stuck in the pool is replaced and not queued behind.
pub async fn send(
    nodes: &Nodes,
    signer: &dyn TransactionSigner,
    subject: &Subject,
    signatures: &Bytes,
    policy: FeePolicy,
) -> Result<Executed, SendError> {
    let from = signer.address();
    let call = Call { to: subject.safe, data: exec_data(&subject.tx, signatures), gas_limit: 0 };
    let gas = gas_limit(Some(nodes.estimate_gas(from, &call).await?), GAS_LIMIT_MAX);
    let balance = nodes.balance(from).await?;
    let nonce = nodes.nonce(from, "latest").await?;
    let most = u128::try_from(balance).unwrap_or(u128::MAX);
    let chain_id = subject.chain_id;
    let ceiling = policy.ceiling_wei;
    let policy = policy.affordable(most);
    let sender = Sender { nodes, signer, chain_id, call, nonce, gas, policy };
    let base_fee = nodes.head().await?.base_fee;
    let market = nodes.market_tip().await.unwrap_or(0);
    let Some(fees) = policy.in_market(market).first(base_fee, gas) else {
        return Err(if most < ceiling {
            SendError::TooPoor { account: from, balance, gas, base_fee }
        } else {
            SendError::TooDear { gas, base_fee, ceiling }
        });
    };
    let first = sender.first(fees, base_fee).await?;
    sender.until_included(first).await
}

impl Sender<'_> {
    /// The first that a node takes: where it stands in the way of one that is stuck there, it has to pay more than that.
    async fn first(&self, mut fees: Fees, base_fee: u128) -> Result<Try, SendError> {
        for _ in 0..REPLACEMENTS_MAX {
            match self.send(fees, base_fee).await {
                Err(SendError::Node(error)) if is_underpriced(&error) => {
                    let Some(more) = self.policy.bumped(fees, base_fee, self.gas) else {
                        return Err(error.into());
                    };
                    fees = more;
                }
                answer => return answer,
            }
        }
        self.send(fees, base_fee).await
    }

    async fn send(&self, fees: Fees, base_fee: u128) -> Result<Try, SendError> {
        let request = SignRequest {
            chain_id: self.chain_id,
            nonce: self.nonce,
            to: self.call.to,
            data: self.call.data.clone(),
            gas_limit: self.gas,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            value: U256::ZERO,
        };
        let ready = self.signer.sign(request).await?;
        let (mut refusal, mut taken) = (None, false);
        for answer in self.nodes.broadcast(&ready.raw).await {
            match answer {
                Ok(_) => taken = true,
                Err(error) if error.is_known_already() => taken = true,
                Err(error) => refusal = Some(error),
            }
        }
        match refusal {
            Some(error) if !taken => Err(error.into()),
            _ => Ok(Try { hash: ready.hash, fees, base_fee }),
        }
    }

    async fn until_included(&self, first: Try) -> Result<Executed, SendError> {
        let started = Instant::now();
        let mut tries = vec![first];
        let mut newest = first;
        let mut why = "none was needed".to_owned();
        let mut seen = self.nodes.head().await.ok().map(|head| head.id.number);
        let mut since = Instant::now();
        while started.elapsed() < INCLUSION_TIME_LIMIT {
            // Any of them may be the one: all have the same nonce.
            for one in tries.iter().rev() {
                // A node that is silent once may answer the next time.
                if let Ok(Some(receipt)) = self.nodes.receipt(one.hash).await {
                    return Ok(Executed {
                        transaction: one.hash,
                        block: receipt.block.number,
                        success: receipt.success,
                        replacements: tries.len() - 1,
                        max_fee_per_gas: one.fees.max_fee_per_gas,
                    });
                }
            }
            if let Ok(head) = self.nodes.head().await {
                let blocks = head.id.number.saturating_sub(seen.unwrap_or(head.id.number));
                let is_due = blocks >= self.policy.bump_after_blocks
                    || since.elapsed() >= self.policy.bump_after;
                // What the market wants now counts at once: a fee cap below the base fee waits for ever.
                let is_below =
                    newest.fees.max_fee_per_gas < head.base_fee && head.base_fee > newest.base_fee;
                if tries.len() <= REPLACEMENTS_MAX && (is_due || is_below) {
                    match self.pay_more(newest, head.base_fee).await {
                        Ok(one) => {
                            newest = one;
                            tries.push(one);
                        }
                        Err(reason) => why = reason,
                    }
                    (seen, since) = (Some(head.id.number), Instant::now());
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let replacements = tries.len() - 1;
        if replacements == REPLACEMENTS_MAX {
            why = format!("{REPLACEMENTS_MAX} replacements are the most");
        }
        Err(SendError::NotIncluded { transaction: newest.hash, replacements, why })
    }

    /// A replacement that pays more, or why there is none.
    async fn pay_more(&self, previous: Try, base_fee: u128) -> Result<Try, String> {
        let market = self.nodes.market_tip().await.unwrap_or(0);
        let fees = self.policy.in_market(market).bumped(previous.fees, base_fee, self.gas);
        let fees = fees.ok_or_else(|| {
            format!("the next would cost more than {} wei", self.policy.ceiling_wei)
        })?;
        self.send(fees, base_fee).await.map_err(|error| error.to_string())
    }
}

/// Whether a node has another transaction with this nonce that pays as much. Nodes have no common code for it; the words
/// are those of geth, reth, Nethermind, Besu, Erigon and anvil.
fn is_underpriced(error: &NodeError) -> bool {
    let NodeError::Refused { message, .. } = error else { return false };
    let message = message.to_ascii_lowercase();
    ["underpriced", "replacement", "feetoolowtocompete", "fee too low"]
        .iter()
        .any(|words| message.contains(words))
}
