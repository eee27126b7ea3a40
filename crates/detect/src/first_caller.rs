//! A privileged function was called, with success, by an account that never called it before.
//!
//! # What it watches
//!
//! Calls from outside into the protocol's contracts of functions that are meant for few: the ones named in `functions`
//! and, unless `vocabulary: false`, the names that OpenZeppelin, Safe, proxies and common tokens give to such functions
//! ([`vocabulary`]). For `learnBlocks` blocks from the first transaction seen, it learns in silence who calls what; then
//! the set is closed, and every call by an account outside of it is a finding, with what left or was burned in the same
//! transaction as its loss. Accounts in `callers` are known from the start.
//!
//! A function of the vocabulary that more than 32 accounts called while it learned is taken to be open to everybody (a
//! token that all may mint) and is not judged. A function named in `functions` is always judged.
//!
//! # Why it matters
//!
//! Access control is the largest class of losses (OWASP SC01:2025): a missing modifier, a stolen key that grants itself a
//! role, an initialiser nobody called. The call is the first visible step, and it works without any list of who may call.
//! Where such a list exists, `functions` of `control-plane` makes the same call a proof.
//!
//! # What it misses
//!
//! A stolen key that always made these calls. Privileged functions of other names, unless configured. Roles checked by
//! signature (`permit`-like relays): the caller is `msg.sender`. Whoever calls while it learns is known for ever: an
//! attacker who is patient enough to call once, without harm, in that time is not seen later (the boiling frog). Learning
//! therefore ends once and does not go on; play it over trusted history, or write `learnBlocks: 0` and name `callers`.
//! Calls that the engine does not show because they touch no contract of the protocol.
//!
//! # False alarms
//!
//! A new keeper, a rotated owner, the first upgrade after a year: each call of it is a finding until it is put into
//! `callers`. The e-value is one over the chance that a call comes from a new pair of function and caller, which is
//! estimated as Good and Turing do: `(calls + 1) / (pairs seen once + 1)`, kept between 10 and 1,000, a tenth of it for
//! an account that was known for another function. Both bounds are assigned. It is not stable: it has not been tried on
//! enough honest use.
//!
//! # References
//!
//! - OWASP Smart Contract Top 10, SC01:2025 Access Control Vulnerabilities; SWC-105
//! - I. J. Good, The population frequencies of species, Biometrika 40 (1953)
//! - OpenZeppelin Contracts 4.x and 5.x, Safe 1.5.0, ERC-1967: names of privileged functions

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    config::PrivilegedFunction,
    detector::{Detector, Findings, Meta, draft},
    history::Timeline,
    stranger::{add_loss, is_entry},
};

pub mod vocabulary;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "first-caller",
    title: "A privileged function was called by an account that never called it before",
    maturity: Maturity::Incubating,
};

/// Default of `learnBlocks`: a week of 12-second blocks.
pub const LEARN_BLOCKS: u64 = 50_400;

/// Most of it: a year of 12-second blocks.
pub const LEARN_BLOCKS_MAX: u64 = 2_628_000;

/// A function of the vocabulary with more callers than this is open to everybody.
pub const OPEN_CALLERS: usize = 32;

/// Most callers learned of one configured function; later ones stay strangers.
pub const CALLERS_MAX: usize = 1_024;

/// Most configured functions.
pub const FUNCTIONS_MAX: usize = 256;

/// Bounds of the e-value of a call by an account that is known for nothing.
const E_VALUES: (u64, u64) = (10, 1_000);

/// Divides it for an account that is known for another function.
const KNOWN_ELSEWHERE: f64 = 10.0;

/// `detector: first-caller`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FirstCallerConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts to which the vocabulary applies. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Whether functions with privileged names are watched without being listed. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<bool>,
    /// Further privileged functions, each with callers that are known from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<PrivilegedFunction>,
    /// Accounts that may call any of the functions: addresses or names of contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// How long it learns, blocks from the first relevant transaction. Default 50,400; 0 learns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learn_blocks: Option<u64>,
}

type Place = (Address, [u8; 4]);

/// What is watched of one function of one contract.
#[derive(Debug, Clone)]
struct Function {
    text: String,
    /// Whether it was named in the configuration: then it is never taken to be open.
    named: bool,
    allowed: BTreeSet<Address>,
    /// Who called it while it learned: block of the first call, and of the second if there was one.
    learned: BTreeMap<Address, (BlockId, Option<BlockId>)>,
}

impl Function {
    fn is_open(&self) -> bool {
        !self.named && self.learned.len() > OPEN_CALLERS
    }

    fn learn(&mut self, caller: Address, block: BlockId) {
        let most = if self.named { CALLERS_MAX } else { OPEN_CALLERS + 1 };
        if let Some((_, second)) = self.learned.get_mut(&caller) {
            second.get_or_insert(block);
        } else if self.learned.len() < most {
            self.learned.insert(caller, (block, None));
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.learned.retain(|_, (first, second)| {
            second.take_if(|block| blocks.contains(block));
            !blocks.contains(first)
        });
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct FirstCaller {
    protocol: Protocol,
    maturity: Maturity,
    functions: BTreeMap<Place, Function>,
    allowed: BTreeSet<Address>,
    learn_blocks: u64,
    started: Option<BlockId>,
    /// Calls learned up to and with a block.
    calls: Timeline<u64>,
}

impl FirstCaller {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &FirstCallerConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let learn_blocks = config.learn_blocks.unwrap_or(LEARN_BLOCKS);
        if learn_blocks > LEARN_BLOCKS_MAX {
            return Err(resolver.error(
                "learnBlocks",
                format!("{learn_blocks} is more than {LEARN_BLOCKS_MAX}"),
                format!(
                    "leave it out for {LEARN_BLOCKS}: who calls while it learns is trusted for ever"
                ),
            ));
        }
        let mut functions = BTreeMap::new();
        let contracts = resolver.contracts("contracts", &config.contracts, |_| true)?;
        if config.vocabulary.unwrap_or(true) {
            let words = vocabulary::signatures();
            for contract in contracts {
                for word in &words {
                    let place = (contract, word.selector);
                    functions.insert(place, function(word, false, BTreeSet::new()));
                }
            }
        } else if config.functions.is_empty() {
            return Err(resolver.error(
                "functions",
                "without the vocabulary there is no function to watch",
                "name some, or leave `vocabulary` out",
            ));
        }
        if config.functions.len() > FUNCTIONS_MAX {
            return Err(resolver.error(
                "functions",
                format!("there are {}", config.functions.len()),
                format!("write at most {FUNCTIONS_MAX}"),
            ));
        }
        for (index, named) in config.functions.iter().enumerate() {
            let field = |name: &str| format!("functions[{index}].{name}");
            let signature = Signature::parse(&named.signature).map_err(|why| {
                resolver.error(field("signature"), why, "compare it with the contract's interface")
            })?;
            let contract = resolver.contract(&field("contract"), &named.contract)?.address;
            let allowed = resolver.accounts(&field("callers"), &named.callers)?;
            functions.insert((contract, signature.selector), function(&signature, true, allowed));
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            functions,
            allowed: resolver.accounts("callers", &config.callers)?,
            learn_blocks,
            started: None,
            calls: Timeline::default(),
        })
    }

    fn is_learning(&self, block: BlockId) -> bool {
        let started = self.started.unwrap_or(block).number;
        block.number < started.saturating_add(self.learn_blocks)
    }

    /// Accounts from outside that called a watched function in a transaction, by function.
    fn calls_in(&self, evidence: &Evidence) -> BTreeMap<Place, BTreeSet<Address>> {
        let mut calls: BTreeMap<Place, BTreeSet<Address>> = BTreeMap::new();
        for frame in &evidence.frames {
            let Some(selector) = frame.selector() else { continue };
            let place = (frame.to, selector);
            // The protocol's own contracts call each other as they were built to.
            let from_outside = self.protocol.contract(frame.from).is_none();
            if from_outside
                && self.functions.contains_key(&place)
                && is_entry(&self.protocol, frame.to, frame)
            {
                calls.entry(place).or_default().insert(frame.from);
            }
        }
        calls
    }

    fn is_known(&self, function: &Function, caller: &Address) -> bool {
        self.allowed.contains(caller)
            || function.allowed.contains(caller)
            || function.learned.contains_key(caller)
    }

    /// One over the chance that an honest call comes from a new pair of function and caller.
    fn surprise(&self) -> u64 {
        let pairs = self.functions.values().filter(|function| !function.is_open());
        let once = pairs
            .flat_map(|function| function.learned.values())
            .filter(|(_, second)| second.is_none())
            .count() as u64;
        let calls = self.calls.latest().copied().unwrap_or_default();
        (calls.saturating_add(1) / once.saturating_add(1)).clamp(E_VALUES.0, E_VALUES.1)
    }

    fn finding(&self, place: Place, stranger: Address, evidence: &Evidence) -> Option<Finding> {
        let (contract, selector) = place;
        let function = self.functions.get(&place)?;
        let mut detail = selector.to_vec();
        detail.extend_from_slice(stranger.as_slice());
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, &detail);
        let name = self.protocol.name_of(contract);
        let elsewhere = self.functions.values().any(|other| self.is_known(other, &stranger));
        let e_value = self.surprise() as f64;
        finding.outlook = Outlook::AllAtRisk;
        finding.confidence =
            Confidence::evidence(if elsewhere { e_value / KNOWN_ELSEWHERE } else { e_value });
        finding.sentence =
            format!("{stranger} called {} of {name} for the first time", function.text);
        finding.evidence.push(if elsewhere {
            format!("{stranger} is known for other privileged functions, not for this one")
        } else {
            format!("{stranger} called no privileged function before")
        });
        let known = function.learned.len() + function.allowed.len() + self.allowed.len();
        let calls = self.calls.latest().copied().unwrap_or_default();
        finding.evidence.push(format!(
            "{known} accounts are known to call {}; {calls} calls were learned in all",
            function.text
        ));
        add_loss(&mut finding, &self.protocol, evidence);
        Some(finding)
    }
}

fn function(signature: &Signature, named: bool, allowed: BTreeSet<Address>) -> Function {
    Function { text: signature.text.clone(), named, allowed, learned: BTreeMap::new() }
}

impl Detector for FirstCaller {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        self.started.get_or_insert(evidence.block);
        if !evidence.success {
            return;
        }
        let calls = self.calls_in(evidence);
        if self.is_learning(evidence.block) {
            let before = self.calls.latest().copied().unwrap_or_default();
            let mut learned = 0u64;
            for (place, callers) in calls {
                let Some(function) = self.functions.get_mut(&place) else { continue };
                for caller in callers {
                    function.learn(caller, evidence.block);
                    learned += 1;
                }
            }
            if learned > 0 {
                self.calls.set(evidence.block, before.saturating_add(learned));
            }
            return;
        }
        for (place, callers) in calls {
            let Some(function) = self.functions.get(&place).filter(|one| !one.is_open()) else {
                continue;
            };
            for caller in callers.iter().filter(|caller| !self.is_known(function, caller)) {
                if let Some(finding) = self.finding(place, *caller, evidence) {
                    out.push(finding);
                }
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.started.take_if(|block| blocks.contains(block));
        self.calls.retract(blocks);
        self.functions.values_mut().for_each(|function| function.retract(blocks));
    }
}

#[cfg(test)]
mod tests;
