//! An included transaction: whether it did what it should, on the block that it is in.

use alloy_primitives::B256;
use portcullis_types::{action::Outcome, chain::BlockId};

use super::{PerformError, attempt::Attempts, job::Job, live::Prepared, through};
use crate::nodes::{Inclusion, Receipt};

/// In a block.
pub(super) struct Mined<'a> {
    job: Box<Job<'a>>,
    attempts: Attempts,
    hash: B256,
    receipt: Receipt,
}

/// What the look after an inclusion showed.
pub(super) enum Verified<'a> {
    End(Outcome),
    /// The block is no longer part of the chain.
    Gone(Prepared<'a>),
}

impl<'a> Mined<'a> {
    pub(super) fn new(job: Box<Job<'a>>, attempts: Attempts, hash: B256, receipt: Receipt) -> Self {
        Self { job, attempts, hash, receipt }
    }

    /// Journals the inclusion, waits for the confirmations, reads the verify view at that block.
    pub(super) async fn verify(mut self) -> Result<Verified<'a>, PerformError> {
        if let Some(why) = self.contradiction().await {
            tracing::error!(action = %self.job.action.id, %why, "a node says included, and the block's hashes say otherwise");
            self.job.pause(&why).await?;
            return Ok(Verified::Gone(Prepared::resumed(self.job, self.attempts)));
        }
        let (hash, Receipt { block, success }) = (self.hash, self.receipt);
        if self.attempts.note_mined(hash, block) {
            tracing::info!(action = %self.job.action.id, %hash, block = block.number, success, "included");
            self.job.note(Outcome::Mined { hash, block, success }).await?;
        }
        loop {
            let trouble = match self.is_deep_enough(block).await {
                Ok(true) => match self.look(block).await {
                    Ok((holds, missing)) => {
                        self.job.settled(&self.attempts, true);
                        let outcome = self.judge(holds, missing);
                        return Ok(Verified::End(self.job.end(outcome).await?));
                    }
                    Err(error) => error.to_string(),
                },
                Ok(false) => "it waits for confirmations".to_owned(),
                Err(error) => error.to_string(),
            };
            // A block that has left the chain has no state to look at, and gets no confirmations.
            match self.job.nodes().receipt(hash).await {
                Ok(Some(now)) if now.block == block => self.job.pause(&trouble).await?,
                Ok(_) => {
                    let prepared = Prepared::resumed(self.job, self.attempts);
                    return Ok(Verified::Gone(prepared));
                }
                Err(_) => self.job.pause(&trouble).await?,
            }
        }
    }

    /// Why the receipt cannot be so; none where the block proves it, or could not be looked at. Another node's receipt
    /// takes its place where that one is proven.
    async fn contradiction(&mut self) -> Option<String> {
        match self.job.nodes().inclusion(self.hash, self.receipt).await {
            Inclusion::Proven => None,
            Inclusion::Unknown(why) => {
                tracing::warn!(action = %self.job.action.id, %why, "the inclusion is the node's word");
                None
            }
            Inclusion::Contradicted { why, instead: Some(receipt) } => {
                tracing::error!(action = %self.job.action.id, %why, "a node lies or is broken; another one's block is proven");
                self.receipt = receipt;
                None
            }
            Inclusion::Contradicted { why, instead: None } => Some(why),
        }
    }

    async fn is_deep_enough(&self, block: BlockId) -> Result<bool, crate::nodes::NodeError> {
        let confirmations = self.job.settings().confirmations;
        if confirmations <= 1 {
            return Ok(true);
        }
        let depth = self.job.nodes().head().await?.id.number.saturating_sub(block.number) + 1;
        if depth < confirmations {
            return Ok(false);
        }
        // Depth alone does not say that it is still the same block.
        let now = self.job.nodes().receipt(self.hash).await?;
        Ok(now.is_some_and(|receipt| receipt.block == block))
    }

    /// Whether the verify view holds at `block`, and what the Warden's record lacks although it does.
    async fn look(
        &self,
        block: BlockId,
    ) -> Result<(bool, Option<String>), crate::nodes::NodeError> {
        let holds = self.job.nodes().holds(&self.job.plan.verify, Some(block)).await?;
        match &self.job.plan.warden {
            Some(through) if holds && self.receipt.success => {
                Ok((holds, through::missing(self.job.nodes(), through, block).await?))
            }
            _ => Ok((holds, None)),
        }
    }

    fn judge(&self, holds: bool, missing: Option<String>) -> Outcome {
        let Receipt { block, success } = self.receipt;
        let meaning = &self.job.plan.verify.meaning;
        if let Some(why) = missing {
            return Outcome::Failed { why };
        }
        match (holds, success) {
            // A reverted call and yet it holds: somebody was quicker.
            (true, success) => Outcome::Held { block, by_us: success },
            (false, true) => Outcome::Failed {
                why: format!(
                    "the call took effect in block {}, and yet it is not so that {meaning}: somebody undid it in the \
                     same block, or the lever is configured wrongly",
                    block.number
                ),
            },
            (false, false) => Outcome::Failed {
                why: format!(
                    "the call reverted in block {}, although the rehearsal did not: the state changed in between; \
                     decide anew",
                    block.number
                ),
            },
        }
    }
}
