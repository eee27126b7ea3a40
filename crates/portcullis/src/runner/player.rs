//! Plays recorded blocks through the engine. The clock is the blocks' own, nothing is sent, and the same recording with the
//! same configuration gives the same journal, byte for byte.

use std::collections::VecDeque;

use alloy_primitives::Address;
use portcullis_engine::{Effect, Event};
use portcullis_simulate::{
    replay::{MissingState, Replayer},
    traces::evidence_from_traces,
};
use portcullis_types::{
    action::Outcome,
    chain::{BlindCause, BlockId, ChainEvent},
    evidence::{Evidence, Method},
    ids::{ChainId, EffectId, Millis},
    probe::{Probe, Reading},
    wire::BlockMaterial,
};

use super::core::{Core, CoreError};

/// What was played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Played {
    /// Blocks.
    pub blocks: u64,
    /// Transactions that were looked at.
    pub transactions: u64,
}

/// A blind range of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlindRange {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Why.
    pub cause: BlindCause,
}

/// Plays blocks of one chain.
pub struct Player {
    core: Core,
    chain: ChainId,
    replayer: Replayer,
    responder: Option<Address>,
    has_state: bool,
    last: Option<BlockId>,
    at: Millis,
    played: Played,
    blind: Vec<BlindRange>,
}

impl Player {
    /// A player over an opened journal. `missing` says what state means that a recording does not hold.
    pub fn new(
        core: Core,
        chain: ChainId,
        missing: MissingState,
        responder: Option<Address>,
    ) -> Self {
        let replayer = Replayer::new(chain).with_missing(missing);
        Self {
            core,
            chain,
            replayer,
            responder,
            has_state: false,
            last: None,
            at: Millis(0),
            played: Played::default(),
            blind: Vec::new(),
        }
    }

    /// Plays one block.
    ///
    /// # Errors
    /// Those of the journal. What cannot be looked at becomes a blind range, not an error.
    pub fn play(&mut self, material: &BlockMaterial) -> Result<(), CoreError> {
        let head = material.block.head();
        // Blocks of old chains may share a second; the journal's clock only has to go forward.
        self.at = Millis(head.timestamp.saturating_mul(1_000)).max(self.at);
        if let Some(last) = self.last
            && head.id.number > last.number + 1
        {
            let cause =
                BlindCause::Incomplete { detail: "the recording leaves these out".to_owned() };
            self.go_blind(last.number + 1, head.id.number - 1, cause)?;
        }
        self.last = Some(head.id);
        if let Some(prestate) = &material.prestate {
            self.has_state = self.replayer.load(prestate, &material.block_hashes).is_ok();
        }
        self.played.blocks += 1;
        let event = Event::Chain(ChainEvent::Committed { chain: self.chain, head });
        self.take(event, material)
    }

    /// Notes something that the recording holds but that cannot be looked into.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn go_blind(&mut self, from: u64, to: u64, cause: BlindCause) -> Result<(), CoreError> {
        self.blind.push(BlindRange { from, to, cause: cause.clone() });
        let event = ChainEvent::Blind { chain: self.chain, from, to, cause };
        self.core.take(self.at, Event::Chain(event)).map(drop)
    }

    /// The number that a block without one of its own gets: the next.
    pub fn next_number(&self) -> u64 {
        self.last.map_or(1, |last| last.number + 1)
    }

    /// Takes an event in and does everything that follows from it.
    fn take(&mut self, event: Event, material: &BlockMaterial) -> Result<(), CoreError> {
        let mut queue = VecDeque::from(self.core.take(self.at, event)?.effects);
        while let Some((id, effect)) = queue.pop_front() {
            let event = match effect {
                Effect::Inspect { block, .. } => match self.inspect(material) {
                    Ok((method, mut evidence)) => {
                        let transactions = material.block.head().transactions;
                        self.played.transactions += u64::from(transactions);
                        evidence.retain(|one| self.core.engine().is_relevant(one));
                        let (effect, chain) = (id, self.chain);
                        Event::Inspected { effect, chain, block, transactions, method, evidence }
                    }
                    Err(cause) => {
                        self.go_blind(block.number, block.number, cause)?;
                        continue;
                    }
                },
                Effect::Read { block, probes, .. } => self.read(id, block, &probes, material),
                Effect::Act { action, .. } => match self.rehearse(id, &action, material) {
                    Some(event) => event,
                    None => continue,
                },
            };
            queue.extend(self.core.take(self.at, event)?.effects);
        }
        Ok(())
    }

    fn inspect(&mut self, material: &BlockMaterial) -> Result<(Method, Vec<Evidence>), BlindCause> {
        if self.has_state {
            let evidence = self.replayer.execute_block(material).map_err(|error| {
                // In the middle of a block the state is worth nothing.
                self.has_state = false;
                BlindCause::from(error)
            })?;
            return Ok((Method::Reexecution, evidence));
        }
        let evidence = evidence_from_traces(material)?;
        let state = evidence.iter().all(|one| one.known.state);
        Ok((if state { Method::NodeTraces } else { Method::CallTreeOnly }, evidence))
    }

    fn read(
        &mut self,
        id: EffectId,
        block: BlockId,
        probes: &[Probe],
        material: &BlockMaterial,
    ) -> Event {
        let readings = if self.has_state {
            self.replayer.read(probes, &material.block)
        } else {
            let why = "the recording holds no state to read";
            let unread = |probe: &Probe| Reading {
                probe: probe.clone(),
                value: Err(why.to_owned()),
                depends_on: Vec::new(),
            };
            probes.iter().map(unread).collect()
        };
        Event::Read { effect: id, chain: self.chain, block, readings }
    }

    /// What would happen if the lever were pulled now. It is not: the action stays open, which a replay may.
    fn rehearse(
        &mut self,
        id: EffectId,
        action: &portcullis_types::action::Action,
        material: &BlockMaterial,
    ) -> Option<Event> {
        let responder = self.responder.filter(|_| self.has_state)?;
        let attack = action.attack.as_ref();
        let rehearsal = self.replayer.rehearse(&action.lever, responder, attack, &material.block);
        Some(Event::Acted { action: id, outcome: Outcome::Rehearsed(rehearsal) })
    }

    /// The engine, to look at.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// How much was played.
    pub fn played(&self) -> Played {
        self.played
    }

    /// What could not be looked at.
    pub fn blind(&self) -> &[BlindRange] {
        &self.blind
    }
}
