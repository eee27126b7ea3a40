//! What the policy's limits say of one more pull, whoever wants it.

use portcullis_types::{ids::Millis, money::Usd};

use crate::{LeverState, Policy, ladder::DAY_MILLIS};

/// What was pulled and spent so far.
#[derive(Debug, Clone, Copy)]
pub struct Spending<'a> {
    /// Now.
    pub now: Millis,
    /// What the pulls of the last 24 hours cost honest users.
    pub spent_today: Usd,
    /// How many they were.
    pub pulls_today: u32,
    /// All levers of the protocol.
    pub levers: &'a [LeverState],
}

impl Spending<'_> {
    /// Which limit forbids to pull this lever now; none if all allow it.
    pub fn forbids(&self, policy: &Policy, state: &LeverState) -> Option<String> {
        let lever = &state.lever;
        let cool_down = policy.cool_down_seconds.saturating_mul(1_000);
        if let Some(pulled_at) = state.pulled_at
            && self.now.since(pulled_at) < cool_down
        {
            let rest = (cool_down - self.now.since(pulled_at)).div_ceil(1_000);
            return Some(format!(
                "cool-down: it was pulled less than {} s ago, {rest} s to go",
                policy.cool_down_seconds
            ));
        }
        if self.pulls_today >= policy.pulls_per_day_max {
            return Some(format!(
                "pulls: {} in 24 hours, {} are allowed",
                self.pulls_today, policy.pulls_per_day_max
            ));
        }
        let committed = self.committed();
        if committed + lever.false_stop_cost.max_zero() > policy.budget_usd_per_day {
            return Some(format!(
                "budget: {committed} committed and {} for this are more than {} USD in 24 hours (DEC-2)",
                lever.false_stop_cost, policy.budget_usd_per_day
            ));
        }
        None
    }

    /// What is spent of the budget: the pulls of the last 24 hours, and levers that are still held from before.
    fn committed(&self) -> Usd {
        let older = |state: &&LeverState| {
            state.is_live() && state.pulled_at.is_none_or(|at| self.now.since(at) >= DAY_MILLIS)
        };
        let held: Usd = self
            .levers
            .iter()
            .filter(older)
            .map(|state| state.lever.false_stop_cost.max_zero())
            .sum();
        self.spent_today.max_zero() + held
    }
}
