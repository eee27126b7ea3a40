//! The signed transactions of one action: all with one nonce (ACT-1).

use alloy_consensus::{SignableTransaction as _, Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes};
use portcullis_types::{
    action::Outcome,
    chain::BlockId,
    invariant::{Broken, Invariant, check},
};

use crate::fees::Fees;

/// One signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) hash: B256,
    pub(super) nonce: u64,
    pub(super) raw: Bytes,
    pub(super) fees: Fees,
    /// Whose nonce it is; none where the bytes are no transaction of ours.
    pub(super) sender: Option<Address>,
    /// Whether it is for private relays alone. The journal does not know: after a crash every way will do.
    pub(super) private: bool,
}

/// The transactions of an action, at least one, each a replacement of the one before.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    replaced: Vec<Attempt>,
    newest: Attempt,
    /// Hashes that a node took, as journaled.
    sent: Vec<B256>,
    /// The inclusion that was journaled last.
    mined: Option<(B256, BlockId)>,
}

impl Attempts {
    pub(super) fn new(first: Attempt) -> Self {
        Self { replaced: Vec::new(), newest: first, sent: Vec::new(), mined: None }
    }

    /// The attempts in a journal; none if nothing was signed. An asserted pull may have had to give up a dead nonce:
    /// then those with the last nonce count.
    pub(super) fn from_journal(
        so_far: &[Outcome],
        may_change_nonce: bool,
    ) -> Result<Option<Self>, Broken> {
        let mut found: Option<Self> = None;
        for outcome in so_far {
            match (outcome, &mut found) {
                (Outcome::Prepared { .. }, _) => {
                    let Some(attempt) = Attempt::from_journal(outcome) else { continue };
                    match &mut found {
                        Some(attempts)
                            if attempts.slot() == attempt.slot() || !may_change_nonce =>
                        {
                            attempts.push(attempt)?;
                        }
                        _ => found = Some(Self::new(attempt)),
                    }
                }
                (Outcome::Sent { hash }, Some(attempts)) => attempts.sent.push(*hash),
                (Outcome::Mined { hash, block, .. }, Some(attempts)) => {
                    attempts.mined = Some((*hash, *block));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Adds a replacement.
    pub(super) fn push(&mut self, attempt: Attempt) -> Result<(), Broken> {
        check(Invariant::Act1, attempt.slot() == self.slot(), || {
            format!(
                "transaction {} has nonce {} of {:?}, its action has {} of {:?} already",
                attempt.hash,
                attempt.nonce,
                attempt.sender,
                self.nonce(),
                self.sender()
            )
        })?;
        // A signer is deterministic: the same fees give the same transaction.
        if attempt.hash != self.newest.hash {
            self.replaced.push(std::mem::replace(&mut self.newest, attempt));
        }
        Ok(())
    }

    pub(super) fn nonce(&self) -> u64 {
        self.newest.nonce
    }

    /// Whose nonce it is.
    pub(super) fn sender(&self) -> Option<Address> {
        self.newest.sender
    }

    fn slot(&self) -> (Option<Address>, u64) {
        self.newest.slot()
    }

    /// The newest, which pays most.
    pub(super) fn newest(&self) -> &Attempt {
        &self.newest
    }

    /// The newest that the pool may see; the newest of all where there is no other.
    pub(super) fn public(&self) -> &Attempt {
        let all = std::iter::once(&self.newest).chain(self.replaced.iter().rev());
        all.into_iter().find(|attempt| !attempt.private).unwrap_or(&self.newest)
    }

    /// The hashes, newest first: it pays most, so it is the likeliest to be included.
    pub(super) fn hashes(&self) -> impl Iterator<Item = B256> + '_ {
        std::iter::once(&self.newest).chain(self.replaced.iter().rev()).map(|attempt| attempt.hash)
    }

    /// The same transactions as something new: nothing of what became of them is known any more.
    pub(super) fn afresh(self) -> Self {
        Self { sent: Vec::new(), mined: None, ..self }
    }

    /// Whether the pool saw one at most.
    pub(super) fn is_first(&self) -> bool {
        self.replaced.iter().all(|attempt| attempt.hash == self.public().hash)
    }

    /// Whether the journal knows that a node took any of them.
    pub(super) fn was_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Notes that a node or a relay took it; `false` if that was known.
    pub(super) fn note_sent(&mut self, hash: B256) -> bool {
        let is_new = !self.sent.contains(&hash);
        if is_new {
            self.sent.push(hash);
        }
        is_new
    }

    /// Notes an inclusion; `false` if that was known.
    pub(super) fn note_mined(&mut self, hash: B256, block: BlockId) -> bool {
        self.mined.replace((hash, block)) != Some((hash, block))
    }
}

impl Attempt {
    /// The gas limit in the signed bytes; none where they are no transaction.
    pub(super) fn gas_limit(&self) -> Option<u64> {
        TxEnvelope::decode_2718_exact(&self.raw).ok().map(|transaction| transaction.gas_limit())
    }

    /// The call data in the signed bytes; none where they are no transaction.
    pub(super) fn call_data(&self) -> Option<Bytes> {
        TxEnvelope::decode_2718_exact(&self.raw).ok().map(|transaction| transaction.input().clone())
    }

    /// What the journal is told before any node is.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Prepared {
            hash: self.hash,
            nonce: self.nonce,
            raw: self.raw.clone(),
            max_fee_per_gas: self.fees.max_fee_per_gas,
            max_priority_fee_per_gas: self.fees.max_priority_fee_per_gas,
        }
    }

    fn from_journal(outcome: &Outcome) -> Option<Self> {
        let Outcome::Prepared { hash, nonce, raw, max_fee_per_gas, max_priority_fee_per_gas } =
            outcome
        else {
            return None;
        };
        let fees = Fees {
            max_fee_per_gas: *max_fee_per_gas,
            max_priority_fee_per_gas: *max_priority_fee_per_gas,
        };
        let sender = sender_of(raw);
        Some(Self { hash: *hash, nonce: *nonce, raw: raw.clone(), fees, sender, private: false })
    }

    fn slot(&self) -> (Option<Address>, u64) {
        (self.sender, self.nonce)
    }
}

/// Who signed a transaction: the journal's bytes tell, so that after a crash it is followed on its own lane.
fn sender_of(raw: &Bytes) -> Option<Address> {
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(raw).ok()? else { return None };
    let prehash = signed.tx().signature_hash();
    signed.signature().recover_address_from_prehash(&prehash).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(nonce: u64, hash: u8) -> Attempt {
        let fees = Fees { max_fee_per_gas: 10, max_priority_fee_per_gas: 1 };
        let (raw, sender) = (Bytes::from(vec![hash]), None);
        Attempt { hash: B256::repeat_byte(hash), nonce, raw, fees, sender, private: false }
    }

    #[test]
    fn the_journal_gives_the_attempts_back() {
        let (first, second) = (attempt(7, 1), attempt(7, 2));
        let journal = [first.outcome(), Outcome::Sent { hash: first.hash }, second.outcome()];
        let attempts = Attempts::from_journal(&journal, false).unwrap().unwrap();
        assert_eq!(attempts.newest(), &second);
        assert_eq!(attempts.hashes().collect::<Vec<_>>(), [second.hash, first.hash]);
        assert!(attempts.was_sent());
        assert!(Attempts::from_journal(&[], false).unwrap().is_none());
    }

    #[test]
    fn a_second_nonce_breaks_act_1_unless_the_first_is_dead() {
        let journal = [attempt(7, 1).outcome(), attempt(8, 2).outcome()];
        let broken = Attempts::from_journal(&journal, false).unwrap_err();
        assert_eq!(broken.invariant, Invariant::Act1);
        let attempts = Attempts::from_journal(&journal, true).unwrap().unwrap();
        assert_eq!((attempts.nonce(), attempts.is_first()), (8, true));
    }

    #[test]
    fn an_inclusion_is_news_once() {
        let mut attempts = Attempts::new(attempt(7, 1));
        let block = |byte| BlockId { number: 5, hash: B256::repeat_byte(byte) };
        let hash = B256::repeat_byte(1);
        assert!(attempts.note_mined(hash, block(1)));
        assert!(!attempts.note_mined(hash, block(1)));
        assert!(attempts.note_mined(hash, block(2)), "another block of the same height");
    }
}
