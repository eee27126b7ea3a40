//! What goes into the engine and what comes out.

use alloy_primitives::Bytes;
use portcullis_case::{CaseCommand, Playbook, Roster, RunEvent};
use portcullis_decide::Policy;
use portcullis_detect::DetectorConfig;
use portcullis_types::{
    action::{Action, Lever, Outcome},
    approval::Approval,
    brake::{BeatNews, BrakeAlert, BrakeCheck, HoldNews},
    case_event::CaseEvent,
    chain::{BlockId, ChainEvent},
    evidence::{Evidence, Method},
    ids::{CaseId, ChainId, EffectId, Millis, Seq},
    probe::{Probe, Reading},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

/// One input of the engine. A closed list: everything that can influence a decision is here, and so in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// The program started, or was started again with another configuration. From here on this configuration counts.
    Started {
        /// Version of the program.
        version: String,
        /// What to protect and how. Holds no secret and no node address.
        config: Box<Config>,
    },
    /// A chain moved, or could not be seen.
    Chain(ChainEvent),
    /// A block was looked into.
    Inspected {
        /// The effect that asked for it.
        effect: EffectId,
        /// Chain.
        chain: ChainId,
        /// Block.
        block: BlockId,
        /// How many transactions were looked at.
        transactions: u32,
        /// How.
        method: Method,
        /// Evidence of those that touch anything protected, in order.
        evidence: Vec<Evidence>,
    },
    /// A transaction that is in no block yet was played on the newest state. Only those of which a detector says
    /// something are told ([`Engine::foresees`](crate::Engine::foresees)): of the others nothing would change.
    Pending {
        /// Evidence as if it were in the block after the newest. Of no chain's history: no book is kept of it.
        evidence: Box<Evidence>,
    },
    /// State was read.
    Read {
        /// The effect that asked for it.
        effect: EffectId,
        /// Chain.
        chain: ChainId,
        /// Block as of whose end it was read.
        block: BlockId,
        /// The answers.
        readings: Vec<Reading>,
    },
    /// An action moved on.
    Acted {
        /// Which.
        action: EffectId,
        /// How far it came.
        outcome: Outcome,
    },
    /// Time passed. Journaled only when something depends on it.
    Tick,
    /// A guardian signed what was asked for ([`Engine::judge`](crate::Engine::judge)).
    Approval {
        /// The signature, and what it is for.
        approval: Approval,
    },
    /// The brakes of a protocol were tested, and some part stands elsewhere than before. A lever that works again may be
    /// tried again at once.
    SelfTested {
        /// Whose.
        protocol: String,
        /// All parts, at most [`BRAKE_CHECKS_MAX`](portcullis_types::brake::BRAKE_CHECKS_MAX).
        checks: Vec<BrakeCheck>,
    },
    /// A sentinel's heartbeat stands elsewhere than before. No decision depends on it.
    Heartbeat(BeatNews),
    /// A hold of a Warden that no action of this journal made was seen, or moved on. No decision depends on it.
    StrangeHold(HoldNews),
    /// A person said or did something about a case ([`Engine::judge_command`](crate::Engine::judge_command)).
    Command {
        /// Case.
        case: CaseId,
        /// What.
        command: CaseCommand,
    },
    /// A playbook begins in a case ([`Engine::judge_start`](crate::Engine::judge_start)). What it knows of the case is taken
    /// from the case.
    PlaybookStarted {
        /// Case.
        case: CaseId,
        /// Who began it: a person by the name in the roster, or `portcullis`.
        by: String,
        /// The playbook, whole: a replay needs no file.
        playbook: Box<Playbook>,
        /// Who carries it out, and what its names mean.
        roster: Box<Roster>,
    },
    /// A playbook moved on ([`Engine::judge_playbook`](crate::Engine::judge_playbook)).
    Playbook {
        /// Case.
        case: CaseId,
        /// Which run: the journal entry that began it.
        run: Seq,
        /// What happened.
        #[serde(rename = "what")]
        event: RunEvent,
        /// The person's signature, where the agreement leads to a lever
        /// ([`Engine::step_request`](crate::Engine::step_request)).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<Bytes>,
    },
}

/// An event with its place and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Journal sequence.
    pub seq: Seq,
    /// When it was journaled.
    pub at: Millis,
    /// The event.
    pub event: Event,
}

/// What the engine needs to know of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Chains.
    pub chains: Vec<ChainSettings>,
    /// Protocols.
    pub protocols: Vec<ProtocolConfig>,
}

/// How a chain is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainSettings {
    /// Chain.
    pub chain: ChainId,
    /// Name for people.
    pub name: String,
    /// Blocks on top after which a finding counts as confirmed.
    pub confirmed_depth: u64,
    /// Blocks on top after which a finding counts as final.
    pub finalised_depth: u64,
}

/// One protected protocol with everything that guards it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolConfig {
    /// The protocol.
    pub protocol: Protocol,
    /// What looks at it.
    pub detectors: Vec<DetectorConfig>,
    /// Levers, in any order; the rung orders them.
    pub ladder: Vec<Lever>,
    /// When to pull one.
    pub policy: Policy,
}

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "camelCase")]
pub enum Effect {
    /// Make Evidence of a block.
    Inspect {
        /// Chain.
        chain: ChainId,
        /// Block.
        block: BlockId,
    },
    /// Read state as of the end of a block.
    Read {
        /// Chain.
        chain: ChainId,
        /// Block.
        block: BlockId,
        /// What.
        probes: Vec<Probe>,
    },
    /// Perform an action.
    Act {
        /// The action.
        action: Box<Action>,
        /// What the journal already knows of it, or of the action it re-asserts.
        so_far: Vec<Outcome>,
    },
}

/// The answer of one step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutput {
    /// What goes on the timelines.
    pub case_events: Vec<CaseEvent>,
    /// What is to be done.
    pub effects: Vec<(EffectId, Effect)>,
    /// What people must know of the brakes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brakes: Vec<BrakeAlert>,
}

impl StepOutput {
    /// Whether anything happened that people must be able to read later.
    pub fn is_notable(&self) -> bool {
        !self.case_events.is_empty() || !self.brakes.is_empty()
    }
}
