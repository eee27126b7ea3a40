//! Somebody tries, fails, and tries again: failed calls into the protocol from contracts that are new.
//!
//! # What it watches
//!
//! Transactions in which a call into a contract of the protocol had no effect (the whole transaction failed, or a frame
//! around or below it) and came, directly or through others, from a contract that is new: created within the last
//! `freshBlocks` in a transaction that was seen, being created in this one, or never seen to call before. Who is behind
//! is the sender of the transaction that created it, or else of this one. When one of them has failed `attempts` times
//! within `windowSeconds`, each failure is a finding.
//!
//! # Why it matters
//!
//! Exploits are hard to get right at once. The attacker of `ParaSpace` failed three times on his gas limit, from 03:51:23
//! to 04:36:23 UTC, before a rescuer took the five million dollars out in front of him. A failure costs the attacker
//! nothing and nobody else notices it: it is the cheapest lead there is, and it calls for tightening limits, not for
//! stopping.
//!
//! # What it misses
//!
//! Whoever tries on a fork or through a private simulation and never on the chain. Attempts that touch no contract of the
//! protocol, which the engine does not show, and creations that touch none (their contracts count as never seen). Plain
//! accounts that call directly. An attacker who sends each attempt from another account and another contract. Contracts
//! that call for the first time in the first `freshBlocks` of a run: nothing is known of their age then.
//!
//! # False alarms
//!
//! A new trading contract whose owner tunes it against the market, a new wallet of somebody whose trades fail on
//! slippage, an integrator who tests where it costs money. Name routers and bundlers that fail for a living in `ignore`.
//! The e-values are assigned and small: 4 for the second failure and four times as much for each further one, at most
//! 256. It is not stable: by itself it says that somebody tries, not that he can. What would be lost is not known, and
//! all that the protocol holds counts as at risk.
//!
//! # References
//!
//! - Methods, §1.3: failed attempts are a signal of the first rank; `BlockSec` on `ParaSpace`, 2023-03-17
//! - Forta Attack Detector: the stage "preparation" of the kill chain

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Evidence, Frame},
    finding::{Confidence, Finding, Maturity, Outlook},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    age::Ages,
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft},
};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "failed-attempts",
    title: "New contracts try to do something to the protocol and fail",
    maturity: Maturity::Incubating,
};

/// Default of `freshBlocks`: a day of 12-second blocks.
pub const FRESH_BLOCKS: u64 = 7_200;

/// Default of `windowSeconds`: two hours.
pub const WINDOW_SECONDS: u64 = 7_200;

/// Most of it: a month.
pub const WINDOW_SECONDS_MAX: u64 = 2_678_400;

/// Default of `attempts`.
pub const ATTEMPTS: u32 = 2;

/// Most accounts whose failures are remembered; of more, those who failed longest ago are forgotten.
pub const ACTORS_MAX: usize = 4_096;

/// Most failures of one account that are remembered.
pub const FAILURES_MAX: usize = 64;

/// E-value of the second failure, and what each further one multiplies it by.
const E_VALUE: f64 = 4.0;

/// Most that failures are worth.
const E_VALUE_MAX: f64 = 256.0;

/// Most earlier failures that a finding lists.
const LISTED_MAX: usize = 8;

/// `detector: failed-attempts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailedAttemptsConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts protected. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// How long a contract is new, blocks. Default 7,200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_blocks: Option<u64>,
    /// How many failures make a finding, 1 to 64. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Within which time, seconds, at most 2,678,400 (a month). Default 7,200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u64>,
    /// Contracts and senders whose failures say nothing: addresses or names of contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// A failed transaction.
#[derive(Debug, Clone, Copy)]
struct Failure {
    block: BlockId,
    timestamp: u64,
    transaction: B256,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct FailedAttempts {
    protocol: Protocol,
    maturity: Maturity,
    watched: BTreeSet<Address>,
    ignored: BTreeSet<Address>,
    attempts: usize,
    window_seconds: u64,
    ages: Ages,
    failures: BTreeMap<Address, VecDeque<Failure>>,
}

/// A call of a new contract that failed.
struct Attempt {
    /// The new contract that is nearest.
    by: Address,
    /// Whom it wanted something of.
    contract: Address,
}

impl FailedAttempts {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &FailedAttemptsConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let fresh_blocks = config.fresh_blocks.unwrap_or(FRESH_BLOCKS);
        if fresh_blocks == 0 {
            return Err(resolver.error(
                "freshBlocks",
                "it is 0: no contract would be new",
                format!("leave it out for {FRESH_BLOCKS}"),
            ));
        }
        let attempts = config.attempts.unwrap_or(ATTEMPTS);
        let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
        if !(1..=FAILURES_MAX).contains(&attempts) {
            return Err(resolver.error(
                "attempts",
                format!("{attempts} is not between 1 and {FAILURES_MAX}"),
                format!("leave it out for {ATTEMPTS}"),
            ));
        }
        let window_seconds = config.window_seconds.unwrap_or(WINDOW_SECONDS);
        if !(1..=WINDOW_SECONDS_MAX).contains(&window_seconds) {
            return Err(resolver.error(
                "windowSeconds",
                format!("{window_seconds} is not between 1 and {WINDOW_SECONDS_MAX}"),
                format!("leave it out for {WINDOW_SECONDS}"),
            ));
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            watched: resolver.contracts("contracts", &config.contracts, |_| true)?,
            ignored: resolver.accounts("ignore", &config.ignore)?,
            attempts,
            window_seconds,
            ages: Ages::new(fresh_blocks),
            failures: BTreeMap::new(),
        })
    }

    /// Whether a frame is a call from outside that could change a watched contract.
    fn is_entry(&self, frame: &Frame) -> bool {
        matches!(frame.kind, CallKind::Call | CallKind::DelegateCall | CallKind::CallCode)
            && self.watched.contains(&frame.to)
            && self.protocol.contract(frame.from).is_none()
    }

    /// The contracts through which calls came into the protocol, and the first failed attempt among them.
    fn look(&self, evidence: &Evidence) -> (BTreeSet<Address>, Option<Attempt>) {
        let in_creation: BTreeSet<Address> = evidence
            .frames
            .iter()
            .filter(|frame| matches!(frame.kind, CallKind::Create | CallKind::Create2))
            .map(|frame| frame.to)
            .collect();
        let is_new = |account: &Address| {
            !self.ignored.contains(account)
                && self.protocol.contract(*account).is_none()
                && (in_creation.contains(account) || self.ages.is_new(account, evidence.block))
        };
        // Of each frame: the nearest new contract from which it was called. One pass, because callers come first.
        let mut above: Vec<Option<Address>> = Vec::with_capacity(evidence.frames.len());
        let (mut callers, mut attempt) = (BTreeSet::new(), None);
        for frame in &evidence.frames {
            let around = frame.parent.and_then(|parent| above.get(parent as usize).copied());
            // The first frame comes from a plain account; all others from a contract.
            let near = Some(frame.from).filter(|from| frame.parent.is_some() && is_new(from));
            let by = near.or(around.flatten());
            above.push(by);
            if !self.is_entry(frame) {
                continue;
            }
            if frame.parent.is_some() {
                callers.insert(frame.from);
            }
            if let (Some(by), false, None) = (by, frame.effective, &attempt) {
                callers.insert(by);
                attempt = Some(Attempt { by, contract: frame.to });
            }
        }
        (callers, attempt)
    }

    /// Remembers a failure, and says which of the same account stand in the window, newest last.
    fn remember(&mut self, actor: Address, failure: Failure) -> Vec<Failure> {
        if !self.failures.contains_key(&actor) && self.failures.len() >= ACTORS_MAX {
            let last = |failures: &VecDeque<Failure>| failures.back().map(|f| f.block.number);
            let stalest = self.failures.iter().min_by_key(|(_, failures)| last(failures));
            if let Some(stalest) = stalest.map(|(actor, _)| *actor) {
                self.failures.remove(&stalest);
            }
        }
        let failures = self.failures.entry(actor).or_default();
        failures.push_back(failure);
        if failures.len() > FAILURES_MAX {
            failures.pop_front();
        }
        let window = self.window_seconds;
        let inside = |one: &&Failure| one.timestamp.saturating_add(window) > failure.timestamp;
        failures.iter().filter(inside).copied().collect()
    }

    fn finding(
        &self,
        attempt: &Attempt,
        actor: Address,
        failures: &[Failure],
        evidence: &Evidence,
    ) -> Finding {
        let mut finding = draft(
            &META,
            self.maturity,
            &self.protocol,
            evidence,
            attempt.contract,
            actor.as_slice(),
        );
        let count = failures.len();
        let more = i32::try_from(count.saturating_sub(1)).unwrap_or(i32::MAX);
        finding.outlook = Outlook::AllAtRisk;
        finding.confidence = Confidence::evidence(E_VALUE.powi(more).min(E_VALUE_MAX));
        let name = self.protocol.name_of(attempt.contract);
        finding.sentence = format!(
            "{actor} failed {count} times within {} seconds to do something to {name} from a new contract",
            self.window_seconds
        );
        finding.evidence.push(format!("this time from {}", attempt.by));
        finding.evidence.push(self.ages.describe(&attempt.by, evidence.block));
        for failure in failures.iter().rev().skip(1).take(LISTED_MAX) {
            let (hash, number) = (failure.transaction, failure.block.number);
            finding.evidence.push(format!("failed before in block {number}, transaction {hash}"));
        }
        finding
    }
}

impl Detector for FailedAttempts {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        self.ages.start(evidence.block);
        let (callers, attempt) = self.look(evidence);
        for created in &evidence.created {
            self.ages.created(created.address, evidence.from, evidence.block);
        }
        for caller in callers {
            self.ages.saw(caller, evidence.block);
        }
        let Some(attempt) = attempt.filter(|_| !self.ignored.contains(&evidence.from)) else {
            return;
        };
        let actor = self.ages.deployer(&attempt.by).unwrap_or(evidence.from);
        let failure = Failure {
            block: evidence.block,
            timestamp: evidence.timestamp,
            transaction: evidence.hash,
        };
        let failures = self.remember(actor, failure);
        if failures.len() >= self.attempts {
            out.push(self.finding(&attempt, actor, &failures, evidence));
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.ages.retract(blocks);
        for failures in self.failures.values_mut() {
            failures.retain(|failure| !blocks.contains(&failure.block));
        }
        self.failures.retain(|_, failures| !failures.is_empty());
    }
}

#[cfg(test)]
mod tests;
