//! What has to be stopped, what it will cost if it is not, and how far each lever reaches.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_types::{
    finding::{Finding, Outlook},
    ids::ChainId,
    money::Usd,
};

use crate::{
    ladder::{Facts, LeverState},
    policy::{MINIMUM_MATURITY, Policy},
};

/// A contract on a chain.
pub(crate) type Place = (ChainId, Address);

/// How much of what has to be stopped a lever covers: loss first, then the number of contracts.
pub(crate) type Reach = (Usd, usize);

/// What has to be stopped.
pub(crate) struct Need<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) facts: &'a Facts<'a>,
    /// Findings that are weighed: those that speak for an attack and are mature enough to count or, where none is, the
    /// immature ones, so that people see what would have been done.
    weighed: Vec<&'a Finding>,
    /// Whether one of them counts.
    pub(crate) counts: bool,
    /// Contracts with a finding that is weighed.
    pub(crate) concerned: BTreeSet<Place>,
    /// Those that no pulled lever covers.
    pub(crate) open: BTreeSet<Place>,
}

impl<'a> Need<'a> {
    pub(crate) fn of(policy: &'a Policy, facts: &'a Facts<'a>) -> Self {
        // An announced upgrade must not make a harsher lever necessary.
        let speaks =
            |finding: &&Finding| finding.confidence.proof || finding.confidence.e_value > 1.0;
        let speaking: Vec<&Finding> = facts.findings.iter().filter(speaks).collect();
        let mature = |finding: &&Finding| finding.maturity >= MINIMUM_MATURITY;
        let mut weighed: Vec<&Finding> = speaking.iter().copied().filter(mature).collect();
        let counts = !weighed.is_empty();
        if !counts {
            weighed = speaking;
        }
        let concerned: BTreeSet<Place> =
            weighed.iter().map(|finding| (finding.chain, finding.contract)).collect();
        let mut open = concerned.clone();
        for state in facts.levers.iter().filter(|state| state.is_live()) {
            for place in state.covered(&concerned) {
                open.remove(&place);
            }
        }
        Self { policy, facts, weighed, counts, concerned, open }
    }

    /// Findings on `places`.
    fn on<'b>(&'b self, places: &'b BTreeSet<Place>) -> impl Iterator<Item = &'a Finding> + 'b {
        let on = |finding: &&Finding| places.contains(&(finding.chain, finding.contract));
        self.weighed.iter().copied().filter(on)
    }

    pub(crate) fn reach(&self, state: &LeverState) -> Reach {
        let covered = state.covered(&self.open);
        (self.on(&covered).map(|finding| finding.loss.max_zero()).sum(), covered.len())
    }

    /// What pulling it would prevent, or prevents if it is pulled.
    pub(crate) fn prevented(&self, state: &LeverState) -> Usd {
        let places = if state.is_live() { &self.concerned } else { &self.open };
        self.loss_ahead(&state.covered(places))
    }

    /// The loss that is still to come on `places` if nothing is done: all that is left where everything is at risk, else
    /// what is lost until people have stopped it at the fastest rate seen, and never more than what is left.
    ///
    /// Rates are the case's by the clock, and those of every stretch of blocks up to this one: a case that was opened
    /// hours ago for a trifle must not make a drain that has just begun look slow.
    pub(crate) fn loss_ahead(&self, places: &BTreeSet<Place>) -> Usd {
        let left = self.facts.value_left.max_zero();
        if places.is_empty() {
            return Usd::ZERO;
        }
        if self.on(places).any(|finding| finding.outlook == Outlook::AllAtRisk) {
            return left;
        }
        let response_millis = self.policy.response_seconds.saturating_mul(1_000);
        let block_millis = self.policy.block_seconds.max(1).saturating_mul(1_000);
        let losses = self.losses(places);
        let here = losses.values().copied().sum();
        let everywhere = self.losses(&self.concerned).values().copied().sum();
        let lost = share(self.facts.loss_so_far.max_zero(), here, everywhere);
        let elapsed = self.facts.now.since(self.facts.first_seen).max(block_millis);
        let mut fastest = lost.mul_ratio(response_millis, elapsed);
        let mut lost_since = Usd::ZERO;
        for (block, loss) in losses.iter().rev() {
            lost_since += *loss;
            let blocks = self.facts.block.number.saturating_sub(*block).saturating_add(1);
            let elapsed = blocks.saturating_mul(block_millis);
            fastest = fastest.max(lost_since.mul_ratio(response_millis, elapsed));
        }
        fastest.min(left)
    }

    /// Losses on `places` by block. A loss that several detectors saw in one transaction counts once, as the largest.
    fn losses(&self, places: &BTreeSet<Place>) -> BTreeMap<u64, Usd> {
        let mut by_fact: BTreeMap<B256, (u64, Usd)> = BTreeMap::new();
        for finding in self.on(places) {
            let fact = finding.transaction.unwrap_or(finding.key.0);
            let loss = by_fact.entry(fact).or_insert((finding.block.number, Usd::ZERO));
            loss.1 = loss.1.max(finding.loss);
        }
        let mut by_block: BTreeMap<u64, Usd> = BTreeMap::new();
        for (block, loss) in by_fact.into_values() {
            *by_block.entry(block).or_default() += loss;
        }
        by_block
    }
}

/// `amount × part / whole` to a millionth; all of it where the whole is nothing or no more than the part.
fn share(amount: Usd, part: Usd, whole: Usd) -> Usd {
    if whole <= part {
        return amount;
    }
    let millionths = match part.0.checked_mul(1_000_000) {
        Some(product) => product / whole.0,
        None => part.0 / (whole.0 / 1_000_000).max(1),
    };
    amount.mul_ratio(u64::try_from(millionths).unwrap_or(0), 1_000_000)
}
