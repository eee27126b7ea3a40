//! What makes a use of votes suspect, and what it is worth.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256, U512};
use portcullis_types::{chain::BlockId, evidence::Evidence};

use super::{
    Governance, Past,
    power::{Held, delegated, held},
    words::{Act, Kind},
};

pub(super) const GIVEN_BACK: f64 = 1_000.0;
pub(super) const KEPT: f64 = 100.0;
pub(super) const RECENT: f64 = 30.0;
pub(super) const SAME_BLOCK: f64 = 1_000.0;

/// Most accounts that a finding lists.
const LISTED_MAX: usize = 8;

/// What was found in a transaction, strongest first.
#[derive(Debug, Default)]
pub(super) struct Signs {
    pub(super) e_value: f64,
    pub(super) proof: bool,
    pub(super) lines: Vec<String>,
}

impl Signs {
    fn add(&mut self, e_value: f64, line: String) {
        self.e_value = self.e_value.max(e_value);
        if self.lines.len() < LISTED_MAX {
            self.lines.push(line);
        }
    }
}

impl Governance {
    /// Millionths of a supply, if they are enough to count.
    fn share(&self, votes: U256, supply: U256) -> Option<u64> {
        if supply.is_zero() {
            return None;
        }
        let share = U512::from(votes) * U512::from(1_000_000u64) / U512::from(supply);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        (share >= self.min_share).then_some(share)
    }

    pub(super) fn borrowed(
        &self,
        actors: &BTreeSet<Address>,
        evidence: &Evidence,
        signs: &mut Signs,
    ) {
        for token in &self.tokens {
            let Some(supply) = token.supply.latest().copied() else { continue };
            let name = self.protocol.name_of(token.address);
            let held_now = held(token.address, evidence);
            let delegated_now = delegated(token.address, self.votes_changed, evidence);
            for actor in actors {
                let number = evidence.block.number;
                let moved = token.moved.within(*actor, self.hold_blocks, number);
                let lent = token.delegated.within(*actor, self.hold_blocks, number);
                let recent = self.share(moved.max(lent), supply);
                let now = [&held_now, &delegated_now]
                    .into_iter()
                    .filter_map(|held| held.get(actor))
                    .filter_map(|held| Some((self.share(held.peak, supply)?, held)))
                    .max_by_key(|(share, _)| *share);
                if let Some((share, Held { peak, kept })) = now {
                    let back = *kept < *peak / U256::from(2);
                    let (e_value, how) =
                        if back { (GIVEN_BACK, "gave it back") } else { (KEPT, "kept it") };
                    let share = percent(share);
                    signs.add(
                        e_value,
                        format!("{actor} got {share} % of {name} in this transaction and {how}"),
                    );
                } else if let Some(share) = recent {
                    let (share, blocks) = (percent(share), self.hold_blocks);
                    signs.add(
                        RECENT,
                        format!("{actor} got {share} % of {name} within {blocks} blocks"),
                    );
                }
            }
        }
    }

    pub(super) fn haste(
        &self,
        governor: Address,
        acts: &BTreeSet<Act>,
        block: BlockId,
        signs: &mut Signs,
    ) {
        let executed = || acts.iter().filter(|act| act.kind == Kind::Execute);
        // The event names the proposal where the call does not: then the call alone says nothing.
        let named = executed().any(|act| act.proposal.is_some());
        for executed in executed().filter(|act| act.proposal.is_some() || !named) {
            let same = |act: &&Act| {
                matches!(act.kind, Kind::Propose | Kind::Vote)
                    && (act.proposal == executed.proposal || executed.proposal.is_none())
            };
            let past = executed.proposal.and_then(|id| self.proposals.get(&(governor, id)));
            let Past { made, voted } = past.copied().unwrap_or_default();
            let this = |seen: Option<BlockId>| seen.is_some_and(|seen| seen.number == block.number);
            let id =
                executed.proposal.map_or("a proposal".to_owned(), |id| format!("proposal {id}"));
            if let Some(act) = acts.iter().find(same) {
                signs.add(
                    SAME_BLOCK,
                    format!("{id} was {} and executed at once", past_of(act.kind)),
                );
            } else if this(made) || this(voted) {
                signs.add(SAME_BLOCK, format!("{id} was made or voted on in the same block"));
            }
            let age = made.map(|made| block.number.saturating_sub(made.number)).or_else(|| {
                acts.iter().any(|act| act.kind == Kind::Propose && same(&act)).then_some(0)
            });
            if let (Some(age), Some(least)) = (age, self.min_delay_blocks)
                && age < least
            {
                signs.proof = true;
                signs.add(
                    SAME_BLOCK,
                    format!("{id} was executed {age} blocks after it was made, not {least}"),
                );
            }
        }
    }
}

fn past_of(kind: Kind) -> &'static str {
    if kind == Kind::Propose { "made" } else { "voted on" }
}

fn percent(millionths: u64) -> String {
    format!("{}.{:02}", millionths / 10_000, millionths % 10_000 / 100)
}
