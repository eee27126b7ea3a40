//! Where a lever of a Warden stands, and why it could not be pulled, in plain words.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolValue as _;
use portcullis_types::{action::WardenPull, chain::BlockId, ids::ChainId};
use serde::Serialize;

use super::{
    ORDER_LIFE_MARGIN, abi,
    abi::{
        budgetCall, domainSeparatorCall, heartbeatWindowCall, holdCall, leverBudgetCall,
        leverDataCall, leverStateCall, openHoldsCall, orderLifeCall, sentinelStateCall,
        sentinelsCall,
    },
    ask,
};
use crate::{
    nodes::{Head, NodeError, Nodes},
    signer::domain,
};

/// A sentinel as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentinelLook {
    /// Its account.
    pub account: Address,
    /// Its last heartbeat, Unix seconds; 0 where there was none.
    pub heartbeat: u64,
    /// Added or revived, and not heard since.
    pub awaiting_heartbeat: bool,
    /// Whether its signature counts at the block that was looked at.
    pub counts: bool,
}

/// A lever, its state, and everything that decides whether an order for it would be carried out.
#[derive(Debug, Clone)]
pub(crate) struct LeverLook {
    pub(crate) time: u64,
    pub(crate) spec: abi::LeverSpec,
    pub(crate) state: abi::LeverState,
    pub(crate) sentinels: Vec<SentinelLook>,
    window: U256,
    order_life: U256,
    separator: B256,
    units: U256,
}

/// A hold that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenHold {
    pub(crate) id: U256,
    /// Unix seconds from which anybody may release it.
    pub(crate) ends_at: u64,
}

/// Reads every sentinel of a Warden.
pub(super) async fn read_sentinels(
    nodes: &Nodes,
    warden: Address,
    block: Option<BlockId>,
) -> Result<Vec<SentinelLook>, NodeError> {
    let accounts = ask(nodes, warden, sentinelsCall {}, block).await?;
    let looks = accounts.into_iter().map(|account| async move {
        let answer = ask(nodes, warden, sentinelStateCall { account }, block).await?;
        Ok(SentinelLook {
            account,
            heartbeat: answer.state.heartbeat,
            awaiting_heartbeat: answer.state.awaitingHeartbeat,
            counts: answer.counts,
        })
    });
    futures_util::future::try_join_all(looks).await
}

/// Reads a lever's parameters.
pub(super) async fn read_spec(
    nodes: &Nodes,
    warden: Address,
    id: B256,
    block: Option<BlockId>,
) -> Result<abi::LeverSpec, NodeError> {
    let data = ask(nodes, warden, leverDataCall { id }, block).await?;
    abi::LeverSpec::abi_decode(&data).map_err(|_| NodeError::Refused {
        method: "eth_call",
        code: 0,
        message: format!("{warden} keeps lever {id} in another form than this version knows"),
    })
}

impl LeverLook {
    /// The same at another time of the chain, Unix seconds.
    pub(crate) fn at_time(self, time: u64) -> Self {
        Self { time, ..self }
    }

    /// Reads all of it; the sentence instead where there is no such lever.
    pub(crate) async fn read(
        nodes: &Nodes,
        pull: &WardenPull,
        head: Head,
    ) -> Result<Result<Self, String>, NodeError> {
        let (warden, id) = (pull.warden, pull.lever);
        let spec = match read_spec(nodes, warden, id, None).await {
            Err(error) if error.is_revert() => {
                return Ok(Err(format!(
                    "the Warden {warden} has no lever {id}: register and arm it, or correct `lever` (`portcullis harm` \
                     lists the Warden's levers)"
                )));
            }
            spec => spec?,
        };
        let none = U256::ZERO;
        let (state, sentinels, window, order_life, separator, all, own) = tokio::try_join!(
            ask(nodes, warden, leverStateCall { id }, None),
            read_sentinels(nodes, warden, None),
            ask(nodes, warden, heartbeatWindowCall {}, None),
            ask(nodes, warden, orderLifeCall {}, None),
            ask(nodes, warden, domainSeparatorCall {}, None),
            ask(nodes, warden, budgetCall { horizon: none }, None),
            ask(nodes, warden, leverBudgetCall { id, horizon: none }, None),
        )?;
        let units = all.available.min(own.available);
        let time = head.time;
        Ok(Ok(Self { time, spec, state, sentinels, window, order_life, separator, units }))
    }

    /// What keeps an order from being made or carried out; none where nothing does. `ours` are the sentinels that can be
    /// asked for signatures.
    pub(crate) fn obstacle(
        &self,
        pull: &WardenPull,
        chain: ChainId,
        hold_seconds: u64,
        ours: &[Address],
    ) -> Option<String> {
        self.difference(pull, chain, hold_seconds)
            .or_else(|| self.not_ready())
            .or_else(|| self.over_budget(hold_seconds))
            .or_else(|| self.too_few_sentinels(ours))
    }

    /// Every condition for itself, and whether it is met; a sentence that says what to do where not. All sentinels of the
    /// Warden count here, wherever their keys are.
    pub(crate) fn conditions(
        &self,
        pull: &WardenPull,
        chain: ChainId,
        hold_seconds: u64,
    ) -> Vec<(String, bool)> {
        let all: Vec<Address> = self.sentinels.iter().map(|one| one.account).collect();
        let required = self.spec.sentinelsRequired;
        let said = |met: String, obstacle: Option<String>| {
            let is_met = obstacle.is_none();
            (obstacle.unwrap_or(met), is_met)
        };
        vec![
            said(
                format!("the Warden {} knows the lever as it is configured", pull.warden),
                self.difference(pull, chain, hold_seconds),
            ),
            said(
                format!("the lever is armed, {} pulls left, and at rest", self.state.pullsLeft),
                self.not_ready(),
            ),
            said(
                format!("the budget pays for a hold of {hold_seconds} s"),
                self.over_budget(hold_seconds),
            ),
            said(
                format!(
                    "{} of {} sentinels have a fresh heartbeat, {required} are required",
                    self.counting(&all).len(),
                    all.len()
                ),
                self.too_few_sentinels(&all),
            ),
        ]
    }

    /// Where the configuration and the chain are not of one mind.
    pub(crate) fn difference(
        &self,
        pull: &WardenPull,
        chain: ChainId,
        hold_seconds: u64,
    ) -> Option<String> {
        let (spec, warden) = (&self.spec, pull.warden);
        if self.separator != domain(chain, warden).separator() {
            return Some(format!(
                "{warden} is not a Warden of this version on chain {chain}: its EIP-712 domain is another"
            ));
        }
        if let Some(why) = spec_difference(spec, pull, hold_seconds) {
            return Some(why);
        }
        let least = U256::from(pull.order_life_seconds + ORDER_LIFE_MARGIN);
        (self.order_life < least).then(|| {
            format!(
                "the Warden lets orders live for {} s, and `orderLifeSeconds` wants {} s and {ORDER_LIFE_MARGIN} s to \
                 spare: lower it",
                self.order_life, pull.order_life_seconds
            )
        })
    }

    fn not_ready(&self) -> Option<String> {
        let state = &self.state;
        if state.arming == 0 {
            return Some("the lever was never armed: governance has to arm it".to_owned());
        }
        if state.openHolds != 0 && !self.spec.concurrent {
            return Some(
                "the lever still holds something: if that hold is over, anybody may release it, and then its cool-down \
                 begins"
                    .to_owned(),
            );
        }
        if state.pullsLeft == 0 {
            return Some(format!(
                "the lever is spent or disarmed (arming {}, no pull left): governance has to arm it again; use a brake \
                 of the guardians' meanwhile",
                state.arming
            ));
        }
        (state.readyAt > self.time).then(|| {
            format!(
                "the lever is cooling down for another {} s, until {} (Unix seconds)",
                state.readyAt - self.time,
                state.readyAt
            )
        })
    }

    fn over_budget(&self, hold_seconds: u64) -> Option<String> {
        let cost = U256::from(self.spec.unitsPerPull)
            + U256::from(self.spec.unitsPerSecond).saturating_mul(U256::from(hold_seconds));
        (cost > self.units).then(|| {
            format!(
                "a hold of {hold_seconds} s costs {cost} harm units and the budget has {} left: wait for the next epoch \
                 but one, or let governance raise it",
                self.units
            )
        })
    }

    fn too_few_sentinels(&self, ours: &[Address]) -> Option<String> {
        let required = usize::from(self.spec.sentinelsRequired);
        let fresh = self.counting(ours).len();
        if fresh >= required {
            return None;
        }
        let of = |account: &Address| match self.sentinels.iter().find(|one| one.account == *account)
        {
            None => format!("{account} is no sentinel of this Warden"),
            Some(one) if one.counts => format!("{account} counts"),
            Some(one) if one.awaiting_heartbeat => {
                format!("{account} has not sent its first heartbeat")
            }
            Some(one) => format!(
                "{account} was last heard {} s ago, so a guardian has to revive it",
                self.time.saturating_sub(one.heartbeat)
            ),
        };
        let each: Vec<String> = ours.iter().map(of).collect();
        Some(format!(
            "no fresh heartbeat: {fresh} of the {required} sentinels that the lever requires count within {} s ({})",
            self.window,
            if each.is_empty() { "none is configured".to_owned() } else { each.join("; ") }
        ))
    }

    /// Those of `ours` whose signature counts now.
    pub(crate) fn counting(&self, ours: &[Address]) -> Vec<Address> {
        let counts = |account: &&Address| {
            self.sentinels.iter().any(|one| one.account == **account && one.counts)
        };
        ours.iter().filter(counts).copied().collect()
    }
}

/// Where a lever on chain is not the configured one.
pub(super) fn spec_difference(
    spec: &abi::LeverSpec,
    pull: &WardenPull,
    hold_seconds: u64,
) -> Option<String> {
    if spec.target != pull.target {
        return Some(format!(
            "the lever stops {}, the configuration says {}: correct `target` or `lever`",
            spec.target, pull.target
        ));
    }
    if !pull.data.starts_with(spec.selector.as_slice()) {
        return Some(format!(
            "the lever calls {}, the configuration another function: correct `function` or `lever`",
            spec.selector
        ));
    }
    if !spec.fixedData.is_empty() && spec.fixedData != pull.data {
        return Some(
            "the lever's call data is fixed, and the configuration's is other: correct `args` or `lever`"
                .to_owned(),
        );
    }
    let holds = u64::from(spec.shortestHold)..=u64::from(spec.longestHold);
    (!holds.contains(&hold_seconds)).then(|| {
        format!(
            "the lever holds for {} to {} s, the configuration for {hold_seconds} s: correct `holdSeconds`",
            spec.shortestHold, spec.longestHold
        )
    })
}

/// The open hold of a lever that answers an incident; the oldest where there are several.
pub(crate) async fn open_hold(
    nodes: &Nodes,
    pull: &WardenPull,
    incident: B256,
    block: Option<BlockId>,
) -> Result<Option<OpenHold>, NodeError> {
    let lever = pull.lever;
    let mut ids = ask(nodes, pull.warden, openHoldsCall { lever }, block).await?;
    ids.sort_unstable();
    for id in ids {
        let hold = ask(nodes, pull.warden, holdCall { holdId: id }, block).await?;
        if hold.incident == incident {
            return Ok(Some(OpenHold { id, ends_at: hold.endsAt }));
        }
    }
    Ok(None)
}

/// The least delay of a governance that is an OpenZeppelin `TimelockController`, seconds; none where it is another kind
/// of account.
pub async fn timelock_delay(nodes: &Nodes, governance: Address) -> Result<Option<U256>, NodeError> {
    match ask(nodes, governance, abi::getMinDelayCall {}, None).await {
        Ok(delay) => Ok(Some(delay)),
        Err(error) if error.is_nodes_own() => Err(error),
        Err(_) => Ok(None),
    }
}
