//! What may fail, and what is known of it.

use std::collections::VecDeque;

use alloy_primitives::{Address, U256, U512, keccak256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    probe::{Probe, Reading},
};

use super::{
    graph::WHOLE,
    settings::{Supply, Upstream, View},
};
use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    history::Timeline,
    number::Decimal,
};

/// How long an event counts, blocks: a day of 12-second blocks.
pub(super) const EVENT_BLOCKS: u64 = 7_200;

/// Most events of one account that are remembered.
const EVENTS_MAX: usize = 64;

/// Something that may fail.
#[derive(Debug, Clone)]
pub(super) struct Source {
    account: Option<Address>,
    /// The price, what it should be, and how many parts it may be below.
    peg: Option<(Watched, U256, u128)>,
    paused: Option<Watched>,
    /// The supply, and how many parts it may grow.
    supply: Option<(Watched, u128)>,
    severity: u128,
    /// What happened: how many parts it costs, and what it was.
    events: VecDeque<(BlockId, u128, String)>,
}

/// A view and its last answers.
#[derive(Debug, Clone)]
struct Watched {
    probe: Probe,
    text: String,
    values: Timeline<U256>,
}

impl Watched {
    fn new(resolver: &Resolver<'_>, field: &str, view: &View) -> Result<Self, ConfigError> {
        let to = resolver.account(&format!("{field}.contract"), &view.contract)?;
        let bad = |part: &str, why: String| {
            let remedy = "compare it with the contract's interface";
            resolver.error(format!("{field}.{part}"), why, remedy)
        };
        let signature = Signature::parse(&view.call).map_err(|why| bad("call", why))?;
        let named = |name: &str| {
            let contracts = &resolver.protocol.contracts;
            contracts.iter().find(|contract| contract.name == name).map(|one| one.address)
        };
        let data = signature.encode(&view.args, named).map_err(|why| bad("args", why))?;
        let probe = Probe::Call { to, data, word: view.word.unwrap_or_default() };
        Ok(Self { probe, text: signature.text, values: Timeline::default() })
    }

    /// The answer, if it was this that was asked.
    fn take(&mut self, block: BlockId, readings: &[Reading]) -> Option<U256> {
        let reading = readings.iter().find(|reading| reading.probe == self.probe)?;
        // What could not be read is reported by the engine; what was known stands.
        let value = *reading.value.as_ref().ok()?;
        self.values.set(block, value);
        Some(value)
    }

    fn contract(&self) -> Option<Address> {
        match &self.probe {
            Probe::Call { to, .. } => Some(*to),
            Probe::Storage { .. } | Probe::Balance { .. } => None,
        }
    }
}

/// Percent with at most two places, as parts of [`WHOLE`].
fn parts(resolver: &Resolver<'_>, field: &str, percent: Decimal) -> Result<u128, ConfigError> {
    let points = percent.units(2).and_then(|points| u128::try_from(points).ok());
    points.filter(|points| (1..=1_000_000).contains(points)).map(|points| points * 100).ok_or_else(
        || {
            let problem = "it is not between 0.01 and 10000 percent with two places";
            resolver.error(field, problem, "write for instance \"2\"")
        },
    )
}

impl Source {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        field: &str,
        config: &Upstream,
    ) -> Result<Self, ConfigError> {
        let at = |name: &str| format!("{field}.{name}");
        let severity = config.severity.unwrap_or(100);
        if !(1..=100).contains(&severity) {
            let problem = format!("{severity} is not between 1 and 100 percent");
            return Err(resolver.error(at("severity"), problem, "leave it out for 100"));
        }
        let account = config.account.as_ref();
        let peg = match &config.peg {
            None => None,
            Some(peg) => {
                if peg.at.0.is_zero() {
                    let remedy = "write the price at par in the unit of the answer";
                    return Err(resolver.error(at("peg.at"), "it is 0", remedy));
                }
                let price = Watched::new(resolver, &at("peg.price"), &peg.price)?;
                Some((price, peg.at.0, parts(resolver, &at("peg.maxBelow"), peg.max_below)?))
            }
        };
        let paused = match &config.paused {
            None => None,
            Some(view) => Some(Watched::new(resolver, &at("paused"), view)?),
        };
        let supply = match &config.supply {
            None => None,
            Some(Supply { total, max_growth }) => Some((
                Watched::new(resolver, &at("supply.total"), total)?,
                parts(resolver, &at("supply.maxGrowth"), *max_growth)?,
            )),
        };
        if account.is_none() && peg.is_none() && paused.is_none() && supply.is_none() {
            let remedy = "give it one of `account`, `peg`, `paused` and `supply`";
            return Err(resolver.error(field, "nothing of it is watched", remedy));
        }
        Ok(Self {
            account: account.map(|text| resolver.account(&at("account"), text)).transpose()?,
            peg,
            paused,
            supply,
            severity: u128::from(severity) * WHOLE / 100,
            events: VecDeque::new(),
        })
    }

    fn views(&self) -> impl Iterator<Item = &Watched> {
        let peg = self.peg.iter().map(|(view, _, _)| view);
        peg.chain(&self.paused).chain(self.supply.iter().map(|(view, _)| view))
    }

    pub(super) fn probes(&self) -> impl Iterator<Item = Probe> {
        self.views().map(|view| view.probe.clone())
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = Address> {
        self.account.into_iter().chain(self.views().filter_map(Watched::contract))
    }

    /// Takes its events in; says whether there were any.
    pub(super) fn inspect(&mut self, evidence: &Evidence) -> bool {
        let before = self.events.len();
        let Some(account) = self.account else { return false };
        for log in evidence.logs.iter().filter(|log| log.address == account) {
            let is = |text: &str| log.topics.first() == Some(&keccak256(text));
            if is("Paused(address)") {
                self.note(evidence.block, self.severity, "it was paused");
            } else if is("Upgraded(address)") {
                let to = log.topics.get(1).copied().map_or(Address::ZERO, Address::from_word);
                self.note(evidence.block, self.severity, &format!("its code became that of {to}"));
            } else if is("Unpaused(address)") {
                // Nothing that was paused before is so any more: what stands after this counts.
                self.note(evidence.block, 0, UNPAUSED);
            }
        }
        self.events.len() != before
    }

    fn note(&mut self, block: BlockId, shock: u128, what: &str) {
        self.events.push_back((block, shock, what.to_owned()));
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// Takes answers in; says whether any was its own.
    pub(super) fn read(&mut self, block: BlockId, readings: &[Reading]) -> bool {
        let peg = self.peg.as_mut().and_then(|(view, _, _)| view.take(block, readings)).is_some();
        let paused = self.paused.as_mut().and_then(|view| view.take(block, readings)).is_some();
        let Some((view, most)) = &mut self.supply else { return peg || paused };
        let before = view.values.latest().copied().filter(|before| !before.is_zero());
        let Some(now) = view.take(block, readings) else { return peg || paused };
        if let Some(before) = before {
            let grown = U512::from(now.saturating_sub(before)) * U512::from(WHOLE);
            if grown > U512::from(before) * U512::from(*most) {
                // Each old share is worth `before / now` of what it was.
                let shock = (grown / U512::from(now)).saturating_to::<u128>().min(WHOLE);
                let what = format!("{} went from {before} to {now}", view.text);
                self.note(block, shock, &what);
            }
        }
        true
    }

    /// How many parts of a claim on it are taken for lost, and why.
    pub(super) fn shock(&self, block: BlockId) -> Option<(u128, String)> {
        let mut worst: Option<(u128, String)> = None;
        let mut put = |shock: u128, why: String| {
            if shock > worst.as_ref().map_or(0, |(known, _)| *known) {
                worst = Some((shock, why));
            }
        };
        if let Some((view, at, most)) = &self.peg
            && let Some(price) = view.values.latest()
        {
            let below = U512::from(at.saturating_sub(*price)) * U512::from(WHOLE);
            let below = (below / U512::from(*at)).saturating_to::<u128>();
            if below > *most {
                put(below, format!("its price is {price}, {} % below {at}", below / 10_000));
            }
        }
        if let Some(view) = &self.paused
            && view.values.latest().is_some_and(|value| !value.is_zero())
        {
            put(self.severity, format!("{} says that it is paused", view.text));
        }
        let unpaused = self.events.iter().rposition(|(_, _, what)| what == UNPAUSED);
        for (number, (seen, shock, what)) in self.events.iter().enumerate() {
            let over = what == "it was paused" && unpaused.is_some_and(|at| at > number);
            if seen.number.saturating_add(EVENT_BLOCKS) > block.number && !over {
                put(*shock, what.clone());
            }
        }
        worst
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.events.retain(|(block, _, _)| !blocks.contains(block));
        let peg = self.peg.iter_mut().map(|(view, _, _)| view);
        let views = peg.chain(&mut self.paused).chain(self.supply.iter_mut().map(|(view, _)| view));
        views.for_each(|view| view.values.retract(blocks));
    }
}

const UNPAUSED: &str = "it was un-paused";
