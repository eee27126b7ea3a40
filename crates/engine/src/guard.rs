//! What guards one protocol: its detectors, what they have read of its state, and what it still holds.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, I256, U256};
use portcullis_detect::{ConfigError, Detector, Findings, build, detector::Seen};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    ids::ChainId,
    money::{Asset, Usd},
    probe::{Probe, Reading},
};

use crate::{event::ProtocolConfig, incident::Incidents};

/// One protected protocol and everything that looks after it.
pub struct Guard {
    pub(crate) config: ProtocolConfig,
    pub(crate) incidents: Incidents,
    detectors: Vec<Box<dyn Detector>>,
    /// What each of the detectors watches besides the protocol, in the same order.
    watched_by: Vec<BTreeSet<(ChainId, Address)>>,
    watched: BTreeSet<Address>,
    probes: BTreeSet<Probe>,
    readings: BTreeMap<Probe, Reading>,
    stale: BTreeSet<Probe>,
    balances: BTreeMap<(Asset, Address), U256>,
}

impl Guard {
    /// Builds the detectors of a configuration. Errors name the field and the remedy.
    pub fn new(config: ProtocolConfig) -> Result<Self, ConfigError> {
        let mut detectors = Vec::new();
        for detector in &config.detectors {
            detectors.push(build(&config.protocol, detector)?);
        }
        let mut watched: BTreeSet<Address> =
            config.protocol.contracts.iter().map(|contract| contract.address).collect();
        let mut probes: BTreeSet<Probe> =
            detectors.iter().flat_map(|detector| detector.probes()).collect();
        for lever in &config.ladder {
            watched.insert(lever.call.to);
            probes.insert(verify_probe(lever));
        }
        for holder in config.protocol.holders() {
            for spec in &config.protocol.assets {
                probes.insert(Probe::Balance { asset: spec.asset, holder: holder.address });
            }
        }
        let watched_by =
            detectors.iter().map(|detector| detector.watches().into_iter().collect()).collect();
        let incidents = Incidents::new(&config.ladder);
        let stale = probes.clone();
        let (readings, balances) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            config,
            incidents,
            detectors,
            watched_by,
            watched,
            probes,
            readings,
            stale,
            balances,
        })
    }

    /// Takes over the detectors that keep books from the guard before, where nothing about them has changed.
    pub(crate) fn inherit_books(&mut self, old: &mut Self) {
        if self.config.protocol != old.config.protocol {
            return;
        }
        for (detector, config) in self.detectors.iter_mut().zip(&self.config.detectors) {
            let known = old.config.detectors.iter().position(|before| before == config);
            if detector.keeps_books()
                && let Some(before) = known.and_then(|index| old.detectors.get_mut(index))
            {
                std::mem::swap(detector, before);
            }
        }
    }

    /// Whether a transaction concerns this protocol: it touches a contract of it or an account that a detector
    /// watches beside them, embeds one in the code of a new contract, or changes a slot that an answer depends on.
    pub(crate) fn is_relevant(&self, evidence: &Evidence) -> bool {
        self.touches_protocol(evidence)
            || self.watched_by.iter().any(|watched| touches_watched(watched, evidence))
    }

    fn touches_protocol(&self, evidence: &Evidence) -> bool {
        evidence.chain == self.config.protocol.chain
            && (evidence.touches(|address| self.watched.contains(address))
                || self.readings.values().any(|reading| depends_on_change(reading, evidence)))
    }

    /// Whether anything here depends on a chain: the protocol's own, and those that its detectors watch.
    pub(crate) fn concerns(&self, chain: ChainId) -> bool {
        self.config.protocol.chain == chain
            || self.watched_by.iter().flatten().any(|(watched, _)| *watched == chain)
    }

    /// A chain that a detector watches and `known` does not hold: which detector, and which chain.
    pub(crate) fn unknown_chain(&self, known: &[ChainId]) -> Option<(&'static str, ChainId)> {
        let mut pairs = self.detectors.iter().zip(&self.watched_by);
        pairs.find_map(|(detector, watched)| {
            let (chain, _) = watched.iter().find(|(chain, _)| !known.contains(chain))?;
            Some((detector.meta().id, *chain))
        })
    }

    /// Shows a block's transactions to every detector. What touches the protocol is shown to all of them, anything else
    /// to those that watch it: the same address on another chain is another contract.
    pub(crate) fn inspect(&mut self, evidence: &[Evidence], out: &mut Findings) {
        for one in evidence {
            let to_all = self.touches_protocol(one);
            if to_all {
                self.note_changes(one);
            }
            for (detector, watched) in self.detectors.iter_mut().zip(&self.watched_by) {
                if to_all || touches_watched(watched, one) {
                    detector.inspect(one, out);
                }
            }
        }
    }

    /// What the detectors would say of a transaction that is in no block yet. Copies of them are asked: what may never
    /// happen changes no book. Detectors that judge by state read after a block say nothing here.
    pub(crate) fn peek(&self, evidence: &Evidence, out: &mut Findings) {
        let to_all = self.touches_protocol(evidence);
        for (detector, watched) in self.detectors.iter().zip(&self.watched_by) {
            if to_all || touches_watched(watched, evidence) {
                detector.copied().inspect(evidence, out);
            }
        }
    }

    /// Tells the detectors how far a chain was seen.
    pub(crate) fn seen(&mut self, chain: ChainId, seen: Seen, out: &mut Findings) {
        let own = self.config.protocol.chain == chain;
        for (detector, watched) in self.detectors.iter_mut().zip(&self.watched_by) {
            if own || watched.iter().any(|(other, _)| *other == chain) {
                detector.seen(chain, seen, out);
            }
        }
    }

    fn note_changes(&mut self, evidence: &Evidence) {
        for flow in &evidence.flows {
            if let Some(balance) = self.balances.get_mut(&(flow.asset, flow.holder)) {
                *balance = moved(*balance, flow.delta);
            }
        }
        for probe in &self.probes {
            let reading = self.readings.get(probe);
            let moved = match probe {
                Probe::Balance { asset, holder } => {
                    evidence.flows.iter().any(|flow| flow.asset == *asset && flow.holder == *holder)
                }
                // Without known dependencies, or without known changes, only asking again is safe.
                Probe::Call { .. } | Probe::Storage { .. } => {
                    !evidence.known.state || reading.is_none_or(|r| r.depends_on.is_empty())
                }
            };
            if moved || reading.is_some_and(|r| depends_on_change(r, evidence)) {
                self.stale.insert(probe.clone());
            }
        }
    }

    /// Takes answers in.
    pub(crate) fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        let mine: Vec<Reading> = readings
            .iter()
            .filter(|reading| self.probes.contains(&reading.probe))
            .cloned()
            .collect();
        for reading in &mine {
            self.stale.remove(&reading.probe);
            if let (Probe::Balance { asset, holder }, Ok(value)) = (&reading.probe, &reading.value)
            {
                self.balances.insert((*asset, *holder), *value);
            }
            if reading.value.is_err() {
                // Could not look: ask again at the next relevant block.
                self.stale.insert(reading.probe.clone());
            }
            self.readings.insert(reading.probe.clone(), reading.clone());
        }
        for detector in &mut self.detectors {
            detector.read(block, &mine, out);
        }
    }

    /// Forgets what came from blocks of a chain that are gone.
    pub(crate) fn retract(&mut self, chain: ChainId, blocks: &[BlockId]) {
        for detector in &mut self.detectors {
            detector.retract(blocks);
        }
        if self.config.protocol.chain == chain {
            self.doubt();
        }
    }

    /// Takes nothing that was read for certain any more: it is asked again before it is used with anything newer.
    pub(crate) fn doubt(&mut self) {
        self.stale.clone_from(&self.probes);
    }

    /// What should be read now.
    pub(crate) fn stale(&self) -> impl Iterator<Item = &Probe> {
        self.stale.iter()
    }

    /// Whether anything was ever read.
    pub(crate) fn has_readings(&self) -> bool {
        !self.readings.is_empty()
    }

    /// What could not be read, and why.
    pub(crate) fn unread(&self) -> Vec<(&Probe, &str)> {
        let failed = |reading: &Reading| reading.value.is_err();
        self.readings
            .iter()
            .filter(|(_, reading)| failed(reading))
            .map(|(probe, reading)| {
                (probe, reading.value.as_ref().err().map_or("", String::as_str))
            })
            .collect()
    }

    /// The last answer to a lever's verify view: whether it holds.
    pub(crate) fn lever_holds(&self, lever: &portcullis_types::action::Lever) -> Option<bool> {
        let reading = self.readings.get(&verify_probe(lever))?;
        reading.value.as_ref().ok().map(|value| *value == lever.verify.expect)
    }

    /// What the protocol's value-holding contracts own, at reference prices.
    pub(crate) fn value_left(&self) -> Usd {
        let mut sum = Usd::ZERO;
        for ((asset, _), balance) in &self.balances {
            if let Some(spec) = self.config.protocol.asset(*asset) {
                sum += spec.value(*balance);
            }
        }
        sum
    }

    /// The detectors that look at this protocol, by id.
    pub(crate) fn detector_ids(&self) -> Vec<&'static str> {
        self.detectors.iter().map(|detector| detector.meta().id).collect()
    }

    /// How many detectors look at this protocol.
    pub(crate) fn n_detectors(&self) -> usize {
        self.detectors.len()
    }
}

/// The probe that asks a lever's verify view.
pub(crate) fn verify_probe(lever: &portcullis_types::action::Lever) -> Probe {
    Probe::Call { to: lever.verify.to, data: lever.verify.data.clone(), word: lever.verify.word }
}

fn touches_watched(watched: &BTreeSet<(ChainId, Address)>, evidence: &Evidence) -> bool {
    watched.iter().any(|(chain, _)| *chain == evidence.chain)
        && evidence.touches(|address| watched.contains(&(evidence.chain, *address)))
}

fn depends_on_change(reading: &Reading, evidence: &Evidence) -> bool {
    let changed = |address: &Address, slot: &B256| {
        evidence
            .storage
            .binary_search_by(|change| (change.address, change.slot).cmp(&(*address, *slot)))
            .is_ok()
    };
    reading.depends_on.iter().any(|(address, slot)| changed(address, slot))
}

fn moved(balance: U256, delta: I256) -> U256 {
    if delta.is_negative() {
        balance.saturating_sub(delta.unsigned_abs())
    } else {
        balance.saturating_add(delta.unsigned_abs())
    }
}
