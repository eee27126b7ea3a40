//! The worst that stolen sentinels could do through a Warden, read from the chain.
//!
//! The formulas are those of `WardenLens.sol`, computed here, so that the bound needs no further contract; a test holds
//! the two against each other on a chain.

use alloy_primitives::{Address, B256, FixedBytes, U256};
use portcullis_types::chain::BlockId;
use serde::Serialize;

use super::{
    SentinelLook, abi,
    abi::{
        budgetCall, epochSecondsCall, governanceCall, guardiansCall, heartbeatWindowCall, holdCall,
        leverBudgetCall, leverIdsCall, leverStateCall, openHoldsCall, orderLifeCall,
    },
    ask,
    look::{read_sentinels, read_spec},
};
use crate::nodes::{NodeError, Nodes};

/// A bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Harm {
    /// How many pulls can begin.
    pub pulls: U256,
    /// Seconds of all their holds together, counted to their end even where that is later.
    pub hold_seconds: U256,
    /// Harm units that they cost.
    pub units: U256,
    /// Seconds still to run of holds that are open already.
    pub open_hold_seconds: U256,
}

/// Which limit makes a lever's number of pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HarmLimit {
    /// Spent, disarmed or never armed: nothing can be pulled until governance arms it.
    NotArmed,
    /// The pulls that its arming leaves.
    Arming,
    /// Its own budget or the Warden's.
    Budget,
    /// Its cool-down.
    CoolDown,
}

/// One lever: what it is, how it stands, and what stolen sentinels could do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverHarm {
    /// Its id.
    pub id: B256,
    /// What it calls.
    pub target: Address,
    /// The function.
    pub selector: FixedBytes<4>,
    /// Signatures of an order.
    pub sentinels_required: u8,
    /// Seconds: the longest hold by the machine.
    pub longest_hold_seconds: u32,
    /// Seconds: the shortest.
    pub shortest_hold_seconds: u32,
    /// Seconds: the longest with the guardians' consent, which is not in the bound.
    pub longest_ratified_seconds: u32,
    /// Seconds of rest.
    pub cool_down_seconds: u32,
    /// How often it was armed.
    pub arming: u64,
    /// Pulls until it is spent.
    pub pulls_left: u16,
    /// Open holds.
    pub open_holds: u16,
    /// Unix seconds before which it rests.
    pub ready_at: u64,
    /// Harm units that it can spend within the horizon, its own budget and the Warden's.
    pub units_spendable: U256,
    /// Whether the target's code is still the pinned one; another cannot be pulled.
    pub target_code_unchanged: bool,
    /// The bound.
    pub harm: Harm,
    /// What makes it.
    pub limited_by: HarmLimit,
}

/// A whole Warden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WardenHarm {
    /// The Warden.
    pub warden: Address,
    /// The block whose state was read.
    pub block: BlockId,
    /// Its time, Unix seconds.
    pub time: u64,
    /// Seconds that the bound looks ahead.
    pub horizon_seconds: u64,
    /// Who decides.
    pub governance: Address,
    /// Who may let go early.
    pub guardians: Vec<Address>,
    /// Seconds for which a heartbeat counts.
    pub heartbeat_window_seconds: U256,
    /// Seconds that an order may live.
    pub order_life_seconds: U256,
    /// Length of a budget's epoch, seconds.
    pub epoch_seconds: U256,
    /// Harm units per epoch over all levers.
    pub units_per_epoch: U256,
    /// Harm units that can be spent now.
    pub units_available: U256,
    /// Harm units that can be spent within the horizon.
    pub units_spendable: U256,
    /// The sentinels.
    pub sentinels: Vec<SentinelLook>,
    /// The levers, in the Warden's order.
    pub levers: Vec<LeverHarm>,
    /// The bound over all of them.
    pub total: Harm,
}

/// Reads a Warden and computes the bound for the next `horizon_seconds`, all on one block.
pub async fn harm(
    nodes: &Nodes,
    warden: Address,
    horizon_seconds: u64,
) -> Result<WardenHarm, NodeError> {
    let head = nodes.head().await?;
    let block = Some(head.id);
    let horizon = U256::from(horizon_seconds);
    let (ids, budget, governance, guardians, window, life, epoch, sentinels) = tokio::try_join!(
        ask(nodes, warden, leverIdsCall {}, block),
        ask(nodes, warden, budgetCall { horizon }, block),
        ask(nodes, warden, governanceCall {}, block),
        ask(nodes, warden, guardiansCall {}, block),
        ask(nodes, warden, heartbeatWindowCall {}, block),
        ask(nodes, warden, orderLifeCall {}, block),
        ask(nodes, warden, epochSecondsCall {}, block),
        read_sentinels(nodes, warden, block),
    )?;
    let place = Place { nodes, warden, block: head.id, time: head.time, horizon_seconds };
    let mut total = Total::default();
    let mut levers = Vec::new();
    for id in ids {
        let (spec, lever) = place.lever(id, budget.spendable).await?;
        total.add(&spec, lever.harm);
        levers.push(lever);
    }
    Ok(WardenHarm {
        warden,
        block: head.id,
        time: head.time,
        horizon_seconds,
        governance,
        guardians,
        heartbeat_window_seconds: window,
        order_life_seconds: life,
        epoch_seconds: epoch,
        units_per_epoch: budget.unitsPerEpoch,
        units_available: budget.available,
        units_spendable: budget.spendable,
        sentinels,
        levers,
        total: total.within(budget.spendable),
    })
}

/// Where and when is looked.
struct Place<'a> {
    nodes: &'a Nodes,
    warden: Address,
    block: BlockId,
    time: u64,
    horizon_seconds: u64,
}

impl Place<'_> {
    async fn lever(
        &self,
        id: B256,
        warden_units: U256,
    ) -> Result<(abi::LeverSpec, LeverHarm), NodeError> {
        let (nodes, warden, block) = (self.nodes, self.warden, Some(self.block));
        let horizon = U256::from(self.horizon_seconds);
        let (spec, state, own) = tokio::try_join!(
            read_spec(nodes, warden, id, block),
            ask(nodes, warden, leverStateCall { id }, block),
            ask(nodes, warden, leverBudgetCall { id, horizon }, block),
        )?;
        let code = nodes.code(spec.target, self.block).await?;
        let units = warden_units.min(own.spendable);
        let (mut harm, limited_by) = bound(&spec, &state, self.time, self.horizon_seconds, units);
        harm.open_hold_seconds = self.open_hold_seconds(id).await?;
        let lever = LeverHarm {
            id,
            target: spec.target,
            selector: spec.selector,
            sentinels_required: spec.sentinelsRequired,
            longest_hold_seconds: spec.longestHold,
            shortest_hold_seconds: spec.shortestHold,
            longest_ratified_seconds: spec.longestRatified,
            cool_down_seconds: spec.cooldown,
            arming: state.arming,
            pulls_left: state.pullsLeft,
            open_holds: state.openHolds,
            ready_at: state.readyAt,
            units_spendable: units,
            target_code_unchanged: alloy_primitives::keccak256(&code) == spec.pin.codeHash,
            harm,
            limited_by,
        };
        Ok((spec, lever))
    }

    async fn open_hold_seconds(&self, lever: B256) -> Result<U256, NodeError> {
        let (nodes, warden, block) = (self.nodes, self.warden, Some(self.block));
        let mut total = U256::ZERO;
        for id in ask(nodes, warden, openHoldsCall { lever }, block).await? {
            let ends_at = ask(nodes, warden, holdCall { holdId: id }, block).await?.endsAt;
            total = total.saturating_add(U256::from(ends_at.saturating_sub(self.time)));
        }
        Ok(total)
    }
}

/// The bound of one lever that may spend `units`, without its open holds.
fn bound(
    spec: &abi::LeverSpec,
    state: &abi::LeverState,
    time: u64,
    horizon: u64,
    units: U256,
) -> (Harm, HarmLimit) {
    let longest = U256::from(spec.longestHold);
    let per_second = U256::from(spec.unitsPerSecond);
    let by_arming = U256::from(state.pullsLeft);
    let by_budget = divided(units, cheapest_pull(spec));
    let by_turns = turns(spec, state, time, horizon);
    let pulls = by_arming.min(by_budget).min(by_turns);
    let limited_by = if by_arming.is_zero() {
        HarmLimit::NotArmed
    } else if pulls == by_arming {
        HarmLimit::Arming
    } else if pulls == by_budget {
        HarmLimit::Budget
    } else {
        HarmLimit::CoolDown
    };
    let mut hold_seconds = pulls.saturating_mul(longest);
    if !per_second.is_zero() {
        hold_seconds = hold_seconds.min(divided(units, per_second));
    }
    let dearest = U256::from(spec.unitsPerPull).saturating_add(per_second.saturating_mul(longest));
    let most = pulls.saturating_mul(dearest).min(units);
    (Harm { pulls, hold_seconds, units: most, open_hold_seconds: U256::ZERO }, limited_by)
}

/// How often the cool-down lets a lever be pulled.
fn turns(spec: &abi::LeverSpec, state: &abi::LeverState, time: u64, horizon: u64) -> U256 {
    let cool_down = u64::from(spec.cooldown);
    let mut wait = state.readyAt.saturating_sub(time);
    // A guardian may end the hold this second, but the cool-down begins only then.
    if state.openHolds != 0 && !spec.concurrent {
        wait = wait.max(cool_down);
    }
    match (horizon.checked_sub(wait), cool_down) {
        (None, _) => U256::ZERO,
        (Some(_), 0) => U256::MAX,
        (Some(rest), _) => U256::from(rest / cool_down).saturating_add(U256::ONE),
    }
}

/// Harm units of the shortest pull.
fn cheapest_pull(spec: &abi::LeverSpec) -> U256 {
    let hold = U256::from(spec.unitsPerSecond).saturating_mul(U256::from(spec.shortestHold));
    U256::from(spec.unitsPerPull).saturating_add(hold)
}

/// Division where nothing to divide by means no limit.
fn divided(units: U256, by: U256) -> U256 {
    units.checked_div(by).unwrap_or(U256::MAX)
}

/// The sum over the levers, before the Warden's budget cuts it.
#[derive(Debug, Default)]
struct Total {
    sum: Harm,
    cheapest_pull: Option<U256>,
    cheapest_second: Option<U256>,
}

impl Total {
    fn add(&mut self, spec: &abi::LeverSpec, harm: Harm) {
        let least = |so_far: Option<U256>, one: U256| Some(so_far.map_or(one, |old| old.min(one)));
        self.sum.pulls = self.sum.pulls.saturating_add(harm.pulls);
        self.sum.hold_seconds = self.sum.hold_seconds.saturating_add(harm.hold_seconds);
        self.sum.units = self.sum.units.saturating_add(harm.units);
        self.sum.open_hold_seconds =
            self.sum.open_hold_seconds.saturating_add(harm.open_hold_seconds);
        if !harm.pulls.is_zero() {
            self.cheapest_pull = least(self.cheapest_pull, cheapest_pull(spec));
        }
        if !harm.hold_seconds.is_zero() {
            self.cheapest_second = least(self.cheapest_second, U256::from(spec.unitsPerSecond));
        }
    }

    fn within(self, units: U256) -> Harm {
        let mut total = self.sum;
        let pulls = self.cheapest_pull.map_or(U256::ZERO, |cost| divided(units, cost));
        total.pulls = total.pulls.min(pulls);
        if let Some(cost) = self.cheapest_second {
            total.hold_seconds = total.hold_seconds.min(divided(units, cost));
        }
        total.units = total.units.min(units);
        total
    }
}

impl WardenHarm {
    /// Where the lever of a configuration is not, or is another, on the chain; none where they agree.
    pub fn difference(
        &self,
        lever: &portcullis_types::action::Lever,
        pull: &portcullis_types::action::WardenPull,
    ) -> Option<String> {
        let Some(found) = self.levers.iter().find(|one| one.id == pull.lever) else {
            return Some(format!(
                "lever `{}` ({}) is not registered at {}: register and arm it, or correct `lever`",
                lever.name, pull.lever, self.warden
            ));
        };
        if found.target != pull.target {
            return Some(format!(
                "lever `{}` stops {} on the chain, {} in the configuration: correct one",
                lever.name, found.target, pull.target
            ));
        }
        if !pull.data.starts_with(found.selector.as_slice()) {
            return Some(format!(
                "lever `{}` calls {} on the chain, another function in the configuration: correct one",
                lever.name, found.selector
            ));
        }
        let holds = u64::from(found.shortest_hold_seconds)..=u64::from(found.longest_hold_seconds);
        (!holds.contains(&lever.hold_seconds)).then(|| {
            format!(
                "lever `{}` may hold for {} to {} s on the chain, {} s in the configuration: correct `holdSeconds`",
                lever.name,
                found.shortest_hold_seconds,
                found.longest_hold_seconds,
                lever.hold_seconds
            )
        })
    }
}
