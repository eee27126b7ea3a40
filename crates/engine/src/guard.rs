//! What guards one protocol: its detectors, what they have read of its state, and what it still holds.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, I256, U256};
use portcullis_detect::{ConfigError, Detector, Findings, build};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    money::{Asset, Usd},
    probe::{Probe, Reading},
};

use crate::{event::ProtocolConfig, incident::Incidents};

/// One protected protocol and everything that looks after it.
pub struct Guard {
    pub(crate) config: ProtocolConfig,
    pub(crate) incidents: Incidents,
    detectors: Vec<Box<dyn Detector>>,
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
        watched.extend(detectors.iter().flat_map(|detector| detector.watches()));
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
        let incidents = Incidents::new(&config.ladder);
        let stale = probes.clone();
        let (readings, balances) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { config, incidents, detectors, watched, probes, readings, stale, balances })
    }

    /// Whether a transaction concerns this protocol: it touches a contract of it or an account that a detector
    /// watches beside them, embeds one in the code of a new contract, or changes a slot that an answer depends on.
    pub(crate) fn is_relevant(&self, evidence: &Evidence) -> bool {
        evidence.chain == self.config.protocol.chain
            && (evidence.touches(|address| self.watched.contains(address))
                || self.readings.values().any(|reading| depends_on_change(reading, evidence)))
    }

    /// Shows a block's transactions to every detector.
    pub(crate) fn inspect(&mut self, evidence: &[Evidence], out: &mut Findings) {
        for one in evidence {
            if !self.is_relevant(one) {
                continue;
            }
            self.note_changes(one);
            for detector in &mut self.detectors {
                detector.inspect(one, out);
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

    /// Forgets what came from blocks that are gone.
    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        for detector in &mut self.detectors {
            detector.retract(blocks);
        }
        self.doubt();
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

    /// How many detectors look at this protocol.
    pub(crate) fn n_detectors(&self) -> usize {
        self.detectors.len()
    }
}

/// The probe that asks a lever's verify view.
pub(crate) fn verify_probe(lever: &portcullis_types::action::Lever) -> Probe {
    Probe::Call { to: lever.verify.to, data: lever.verify.data.clone(), word: 0 }
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
