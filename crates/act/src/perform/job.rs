//! What the states of an action share: what is to be called and seen, by whom, and where it is written down.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    action::{Action, AttackSample, Call, CallForm, Intent, Outcome, Undo, ViewCheck},
    ids::{ChainId, Millis},
};
use tokio::time::Instant;

use super::{
    Actuator, PerformError,
    attempt::{Attempt, Attempts},
};
use crate::{
    ActSettings,
    fees::{FeePolicy, Fees},
    lanes::LaneHold,
    nodes::{Head, NodeError, Nodes, Receipt},
    relay::{Relays, Route},
    report::Report,
    signer::{SignError, SignRequest},
    warden::OrderBasis,
};

/// What an action comes to on the chain.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) preflight: Vec<ViewCheck>,
    pub(super) call: Call,
    pub(super) verify: ViewCheck,
    pub(super) attack: Option<AttackSample>,
    /// Forms of the call, one of which is chosen when the chain is looked at.
    pub(super) forms: Vec<CallForm>,
    /// Where it goes through a Warden.
    pub(super) warden: Option<Through>,
}

/// An action that a Warden carries out.
#[derive(Debug, Clone)]
pub(super) struct Through {
    pub(super) basis: OrderBasis,
    /// Letting go, which needs no order.
    pub(super) is_release: bool,
}

impl Plan {
    /// The plan of an action, or why there is none. `signed` is the transaction of it that may be out already: then it is
    /// seen through, whatever the time, and its call is the call.
    pub(super) fn of(
        action: &Action,
        chain: ChainId,
        now: Millis,
        signed: Option<&Attempts>,
    ) -> Result<Self, String> {
        let mut plan = Self::unsigned(action, chain, now, signed.is_some())?;
        if let Some(pull) = &action.lever.warden {
            let basis = OrderBasis::of(action, pull, now);
            let is_release = action.intent == Intent::Release;
            plan.warden = Some(Through { basis, is_release });
            // The arguments were made when it was signed; making them anew could make another order.
            if let Some(data) = signed.and_then(|attempts| attempts.newest().call_data()) {
                plan.call.data = data;
            }
        }
        if !plan.forms.is_empty()
            && let Some(data) = signed.and_then(|attempts| attempts.newest().call_data())
        {
            // The form was chosen when it was signed.
            plan.call.data = data;
        }
        Ok(plan)
    }

    /// The same for another account than the one that the lever was built for: views that ask about that one ask about
    /// this one.
    pub(super) fn for_account(mut self, built_for: Address, account: Address) -> Self {
        if built_for != account {
            for view in &mut self.preflight {
                *view = about(view, built_for, account);
            }
        }
        self
    }

    fn unsigned(
        action: &Action,
        chain: ChainId,
        now: Millis,
        is_signed: bool,
    ) -> Result<Self, String> {
        let lever = &action.lever;
        if lever.chain != chain {
            return Err(format!(
                "lever `{}` is on chain {}, this actuator on chain {chain}: check the wiring",
                lever.name, lever.chain
            ));
        }
        if action.intent != Intent::Release {
            if now >= action.expires && !is_signed {
                return Err("the hold would be over before it began: decide anew".to_owned());
            }
            return Ok(Self {
                preflight: lever.preflight.clone(),
                call: lever.call.clone(),
                verify: lever.verify.clone(),
                attack: action.attack.clone(),
                forms: lever.forms.clone(),
                warden: None,
            });
        }
        match &lever.undo {
            Undo::ByCall { call, verify } if now >= action.expires || is_signed => Ok(Self {
                preflight: Vec::new(),
                call: call.clone(),
                verify: verify.clone(),
                attack: None,
                forms: Vec::new(),
                warden: None,
            }),
            Undo::ByCall { .. } => Err(format!(
                "the hold of `{}` lasts another {} s: nothing is let go of before its time (DEC-3)",
                lever.name,
                action.expires.since(now).div_ceil(1000)
            )),
            Undo::ByExpiry => Err(format!("`{}` lets go by itself: nothing to send", lever.name)),
            Undo::ByPeople { how } => {
                Err(format!("only people can let go of `{}`: {how}", lever.name))
            }
        }
    }
}

/// A view with one account in place of another in its arguments.
fn about(view: &ViewCheck, from: Address, to: Address) -> ViewCheck {
    let (selector, arguments) = view.data.split_at_checked(4).unwrap_or_default();
    let mut data = selector.to_vec();
    let (from_word, to_word) = (from.into_word(), to.into_word());
    for word in arguments.chunks(32) {
        let is_it = word == from_word.as_slice();
        data.extend_from_slice(if is_it { to_word.as_slice() } else { word });
    }
    let meaning = view.meaning.replace(&from.to_string(), &to.to_string());
    ViewCheck { data: data.into(), meaning, ..view.clone() }
}

/// One action on its way.
pub(super) struct Job<'a> {
    pub(super) actuator: &'a Actuator,
    pub(super) action: &'a Action,
    pub(super) plan: Plan,
    /// The account that acts; given back when the job ends.
    pub(super) lane: LaneHold,
    /// The newest block that was seen.
    pub(super) head: Option<Head>,
    /// What the dearest transactions of the newest blocks tipped, wei for each gas.
    pub(super) market: u128,
    /// What the account has, wei; no limit where nobody looked.
    pub(super) balance: u128,
    pub(super) report: &'a dyn Report,
    /// Until when it is followed.
    deadline: Instant,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        actuator: &'a Actuator,
        action: &'a Action,
        plan: Plan,
        report: &'a dyn Report,
        lane: LaneHold,
    ) -> Box<Self> {
        let deadline = Instant::now() + actuator.settings.settle_time_limit;
        let (head, market, balance) = (None, 0, u128::MAX);
        // Boxed, because it is handed from state to state.
        Box::new(Self { actuator, action, plan, lane, head, market, balance, report, deadline })
    }

    pub(super) fn nodes(&self) -> &Nodes {
        &self.actuator.nodes
    }

    pub(super) fn settings(&self) -> &ActSettings {
        &self.actuator.settings
    }

    pub(super) fn responder(&self) -> Address {
        self.lane.account()
    }

    /// What is paid: more for stopping something than for letting go, and as much as the market wants.
    pub(super) fn fees(&self) -> FeePolicy {
        let policy = self.settings().fees;
        match self.action.intent {
            Intent::Release => policy,
            Intent::Pull | Intent::Reassert => policy.in_emergency(),
        }
        .in_market(self.market)
    }

    /// The ways that it takes: whether the public pool, and the relays where there are some.
    pub(super) fn ways(&self) -> (bool, Option<&Relays>) {
        let relays = self.actuator.relays.as_ref();
        match (self.settings().route, self.action.intent) {
            (Route::Public, _) | (_, Intent::Release) => (true, None),
            (Route::Private, _) => (relays.is_none(), relays),
            (Route::Both, _) => (true, relays),
        }
    }

    /// Takes its copies back from the relays, once its nonce is settled.
    pub(super) fn settled(&self, attempts: &Attempts, included: bool) {
        if let (Some(relays), Some(sender)) = (&self.actuator.relays, attempts.sender()) {
            let head = self.head.map_or(0, |head| head.id.number);
            relays.settled(sender, attempts.nonce(), head, included);
        }
    }

    /// Journals `outcome`; returns when that is done.
    pub(super) async fn note(&self, outcome: Outcome) -> Result<(), PerformError> {
        Ok(self.report.report(self.action.id, outcome).await?)
    }

    /// Journals a final outcome and hands it out.
    pub(super) async fn end(&self, outcome: Outcome) -> Result<Outcome, PerformError> {
        match &outcome {
            Outcome::Refused { why } | Outcome::Failed { why } => {
                tracing::warn!(action = %self.action.id, %why, "the action did not come off");
            }
            _ => tracing::info!(action = %self.action.id, "the action is done"),
        }
        self.note(outcome.clone()).await?;
        Ok(outcome)
    }

    pub(super) fn unsettled(&self, why: impl std::fmt::Display) -> PerformError {
        let limit = self.settings().settle_time_limit;
        PerformError::Unsettled { limit, why: why.to_string() }
    }

    /// Waits one poll interval, or says that the time is up.
    pub(super) async fn pause(&self, why: &str) -> Result<(), PerformError> {
        if Instant::now() >= self.deadline {
            return Err(self.unsettled(why));
        }
        tokio::time::sleep(self.settings().poll_interval).await;
        Ok(())
    }

    /// The inclusion of any of our transactions.
    pub(super) async fn receipt(
        &self,
        attempts: &Attempts,
    ) -> Result<Option<(B256, Receipt)>, NodeError> {
        for hash in attempts.hashes() {
            if let Some(receipt) = self.nodes().receipt(hash).await? {
                return Ok(Some((hash, receipt)));
            }
        }
        Ok(None)
    }

    /// Whether any of our transactions is in a block or in a node's pool.
    pub(super) async fn is_known(&self, attempts: &Attempts) -> Result<bool, NodeError> {
        for hash in attempts.hashes() {
            if self.nodes().knows(hash).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has the call signed. Nothing is journaled or sent here.
    pub(super) async fn sign(
        &self,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
        private: bool,
    ) -> Result<Attempt, SignError> {
        let request = SignRequest {
            chain_id: self.actuator.chain,
            nonce,
            to: self.plan.call.to,
            data: self.plan.call.data.clone(),
            gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            value: U256::ZERO,
        };
        let key = self.lane.signer();
        let signed = match key.sign(request.clone()).await {
            // A signer that ended is started by the second try.
            Err(SignError::Unavailable { .. }) => key.sign(request).await?,
            answer => answer?,
        };
        let sender = Some(self.responder());
        Ok(Attempt { hash: signed.hash, nonce, raw: signed.raw, fees, sender, private })
    }

    /// How long nodes that are silent are asked again.
    pub(super) fn reach_deadline(&self) -> Instant {
        Instant::now() + self.settings().reach_time_limit
    }
}

/// Whether `wait` has passed since `start`.
pub(super) fn has_passed(start: Instant, wait: Duration) -> bool {
    start.elapsed() >= wait
}
