//! A configuration played over a recording, in memory: the same engine as `run` and `replay`, without a journal.
//!
//! Nothing is rehearsed and nothing sent; that a lever would have been pulled is what is written down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{B256, keccak256};
use portcullis_detect::ConfigError;
use portcullis_engine::{Config, Effect, Engine, Entry, Event, StepOutput};
use portcullis_scan::Level;
use portcullis_types::{
    case_event::CaseEvent,
    chain::{BlindCause, ChainEvent},
    evidence::{Evidence, Method},
    finding::{Finding, Maturity},
    ids::{CaseId, ChainId, Millis, Seq},
};

use super::{Alert, LossSeen, Voice, finite, sentence};
use crate::footage::{Footage, Scene};

/// An engine and what it needs to be driven.
pub(super) struct ProtocolJudge {
    engine: Engine,
    seq: Seq,
    at: Millis,
    /// Height of the last block of each chain.
    last: BTreeMap<ChainId, u64>,
}

/// What the engine said of one scene.
#[derive(Default)]
struct Said {
    findings: Vec<(CaseId, Finding)>,
    acted: BTreeSet<CaseId>,
    /// Transactions of the scene that concern a protocol, by index.
    relevant: Vec<usize>,
}

impl ProtocolJudge {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let last = BTreeMap::new();
        let mut judge = Self { engine: Engine::new(), seq: Seq(0), at: Millis(0), last };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        judge.step(Event::Started { version, config: Box::new(config.clone()) })?;
        Ok(judge)
    }

    pub(super) fn judge(
        &mut self,
        footage: &mut Footage,
        scene: &Scene,
        first: usize,
    ) -> Result<Vec<Alert>, BlindCause> {
        let scene = self.in_order(scene);
        let head = scene.material.block.head();
        self.at = Millis(head.timestamp.saturating_mul(1_000)).max(self.at);
        let (chain, last) = (scene.chain, self.last.get(&scene.chain).copied());
        if let Some(last) = last
            && head.id.number > last + 1
        {
            let why = "the recording leaves these out";
            self.go_blind(chain, last + 1, head.id.number - 1, why)?;
        }
        let block = head.id;
        let mut said = Said::default();
        let mut was_inspected = false;
        let event = Event::Chain(ChainEvent::Committed { chain, head });
        let mut queue = VecDeque::from(self.take(event, &mut said)?);
        self.last.insert(chain, last.map_or(block.number, |last| last.max(block.number)));
        while let Some((effect, asked)) = queue.pop_front() {
            let event = match asked {
                Effect::Inspect { block, .. } => match footage.inspect(&scene) {
                    Ok(evidence) => {
                        was_inspected = true;
                        let evidence = self.relevant(evidence, &mut said);
                        let transactions = scene.transactions.len() as u32;
                        let method = Method::CallTreeOnly;
                        Event::Inspected { effect, chain, block, transactions, method, evidence }
                    }
                    Err(cause) => {
                        self.go_blind(chain, block.number, block.number, &cause.to_string())?;
                        return Err(cause);
                    }
                },
                Effect::Read { block, probes, .. } => {
                    let readings = footage.read(&probes, &scene);
                    Event::Read { effect, chain, block, readings }
                }
                // Wanting to act is what counts here.
                Effect::Act { .. } => continue,
            };
            queue.extend(self.take(event, &mut said)?);
        }
        if !was_inspected {
            let detail = "its block is not newer than the one before in the recording".to_owned();
            return Err(BlindCause::Inconsistent { detail });
        }
        Ok(alerts(said, &scene, first))
    }

    /// Transactions of one block that stand in lines of their own are played as blocks that follow each other.
    fn in_order(&self, scene: &Scene) -> Scene {
        let mut scene = scene.clone();
        let next = self.last.get(&scene.chain).map_or(0, |last| last + 1);
        let material = &mut scene.material;
        if scene.is_alone && material.block.head().id.number < next {
            let name = |number: u64| keccak256(number.to_be_bytes());
            material.block.number = alloy_primitives::U64::from(next);
            material.block.hash = name(next);
            material.block.parent_hash = name(next.saturating_sub(1));
            if let Some(entry) = &mut scene.entry {
                entry.block_number = next;
            }
        }
        scene
    }

    fn relevant(&self, mut evidence: Vec<Evidence>, said: &mut Said) -> Vec<Evidence> {
        evidence.retain(|one| self.engine.is_relevant(one));
        said.relevant = evidence.iter().map(|one| one.index as usize).collect();
        evidence
    }

    fn go_blind(
        &mut self,
        chain: ChainId,
        from: u64,
        to: u64,
        detail: &str,
    ) -> Result<(), BlindCause> {
        let cause = BlindCause::Incomplete { detail: detail.to_owned() };
        let event = ChainEvent::Blind { chain, from, to, cause };
        self.take(Event::Chain(event), &mut Said::default()).map(drop)
    }

    fn take(
        &mut self,
        event: Event,
        said: &mut Said,
    ) -> Result<Vec<(portcullis_types::ids::EffectId, Effect)>, BlindCause> {
        let output = self.step(event).map_err(|error| {
            // The configuration was accepted when the judge was made; the engine takes no other after it.
            BlindCause::Inconsistent { detail: error.to_string() }
        })?;
        for happened in output.case_events {
            match happened {
                CaseEvent::FindingRaised { case, finding } => said.findings.push((case, *finding)),
                CaseEvent::Decided { case, decision } if decision.chosen.is_some() => {
                    said.acted.insert(case);
                }
                _ => {}
            }
        }
        Ok(output.effects)
    }

    fn step(&mut self, event: Event) -> Result<StepOutput, ConfigError> {
        self.seq = Seq(self.seq.0 + 1);
        self.engine.step(&Entry { seq: self.seq, at: self.at, event })
    }
}

/// Findings of one transaction are one alert; those of a state are one for the whole block, or, where it is empty, for
/// the transaction before it.
fn alerts(said: Said, scene: &Scene, first: usize) -> Vec<Alert> {
    let mut groups: BTreeMap<Option<B256>, Vec<(CaseId, Finding)>> = BTreeMap::new();
    for (case, finding) in said.findings {
        groups.entry(finding.transaction).or_default().push((case, finding));
    }
    let mut out = Vec::new();
    for (transaction, findings) in groups {
        let index = transaction
            .and_then(|hash| scene.transactions.iter().position(|(known, _)| *known == hash));
        let suspects: Vec<usize> = match index {
            Some(index) => vec![first + index],
            None if !said.relevant.is_empty() => {
                said.relevant.iter().map(|index| first + index).collect()
            }
            None if scene.transactions.is_empty() => first.checked_sub(1).into_iter().collect(),
            None => (first..first + scene.transactions.len()).collect(),
        };
        let is_acted = findings.iter().any(|(case, _)| said.acted.contains(case));
        out.push(alert(suspects, is_acted, findings.into_iter().map(|(_, finding)| finding)));
    }
    out.sort_by(|a, b| a.suspects.cmp(&b.suspects));
    out
}

fn alert(suspects: Vec<usize>, is_acted: bool, findings: impl Iterator<Item = Finding>) -> Alert {
    let mut findings: Vec<Finding> = findings.collect();
    findings.sort_by(|a, b| {
        let counts = (b.maturity > Maturity::Sandbox).cmp(&(a.maturity > Maturity::Sandbox));
        counts.then(b.confidence.e_value.total_cmp(&a.confidence.e_value)).then(a.key.cmp(&b.key))
    });
    let counts = findings.iter().any(|finding| finding.maturity > Maturity::Sandbox);
    let level = counts.then_some(if is_acted { Level::Act } else { Level::Alert });
    let voice = |finding: &Finding| Voice {
        detector: finding.detector.clone(),
        e_value: finite(finding.confidence.e_value),
        sentence: sentence(&finding.sentence),
        frames: Vec::new(),
    };
    let counted: Vec<Voice> = findings
        .iter()
        .filter(|finding| !counts || finding.maturity > Maturity::Sandbox)
        .map(voice)
        .collect();
    let losses = findings.iter().filter(|finding| finding.loss.0 > 0).map(|finding| LossSeen {
        victim: finding.contract,
        asset: finding.asset,
        amount: finding.amount.map(|amount| amount.to_string()),
        usd: Some(finding.loss),
    });
    let mut attackers: Vec<_> = findings.iter().filter_map(|finding| finding.actor).collect();
    let mut victims: Vec<_> = findings.iter().map(|finding| finding.contract).collect();
    attackers.sort_unstable();
    attackers.dedup();
    victims.sort_unstable();
    victims.dedup();
    Alert {
        suspects,
        level,
        class: findings.first().map_or("other", |first| class_of(&first.detector)).to_owned(),
        e_value: strongest(&counted),
        attackers,
        victims,
        targets: Vec::new(),
        losses: losses.collect(),
        sentence: findings.first().map(|first| sentence(&first.sentence)).unwrap_or_default(),
        voices: counted,
    }
}

/// What a breach that a detector watches for looks like, in the words of the scan.
fn class_of(detector: &str) -> &'static str {
    match detector {
        "reentrancy" => "reentrancy",
        "invariant" | "supply" | "vault" | "net-loss" => "accounting",
        "control-plane" | "first-caller" => "accessControl",
        "price-manipulation" | "volatility" | "market-or-theft" => "priceManipulation",
        "governance" => "governance",
        "bridge" => "bridge",
        _ => "other",
    }
}

fn strongest(voices: &[Voice]) -> f64 {
    voices.iter().map(|voice| voice.e_value).fold(0.0, f64::max)
}
