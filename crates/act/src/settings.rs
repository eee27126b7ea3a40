//! Numbers that bound what the actuator does, each with its unit.

use std::time::Duration;

use crate::{fees::FeePolicy, relay::Route};

/// How the actuator goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActSettings {
    /// What is paid.
    pub fees: FeePolicy,
    /// Blocks on top of which, the one with the transaction included, an action counts as done. 1 says so at once; the
    /// engine asks to re-assert after a re-organisation.
    pub confirmations: u64,
    /// Time between two looks at the chain.
    pub poll_interval: Duration,
    /// Longest time one node may take for one answer.
    pub answer_time_limit: Duration,
    /// Longest time a rehearsal may take. The attack goes on meanwhile.
    pub rehearsal_time_limit: Duration,
    /// Whether an action that could not be rehearsed is refused (ACT-4). `false` is the policy "race": it is sent
    /// unrehearsed, and its record says so. An action whose rehearsal failed is refused in either case.
    pub rehearsal_required: bool,
    /// How long nodes that do not answer are asked again before anything is signed.
    pub reach_time_limit: Duration,
    /// How long a transaction of this account that the journal does not know is waited for.
    pub in_flight_time_limit: Duration,
    /// How long a sent transaction is followed before the caller gets its turn again.
    pub settle_time_limit: Duration,
    /// By which way transactions that stop something go. Letting go takes the public pool.
    pub route: Route,
}

impl Default for ActSettings {
    fn default() -> Self {
        Self {
            fees: FeePolicy::default(),
            confirmations: 1,
            poll_interval: Duration::from_millis(250),
            answer_time_limit: Duration::from_secs(3),
            rehearsal_time_limit: Duration::from_millis(1_500),
            rehearsal_required: true,
            reach_time_limit: Duration::from_secs(10),
            in_flight_time_limit: Duration::from_secs(36),
            settle_time_limit: Duration::from_mins(10),
            route: Route::Both,
        }
    }
}
