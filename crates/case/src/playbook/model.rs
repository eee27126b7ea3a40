//! What a playbook is made of. It is journaled whole with every run, so that a replay does not need the file.

use portcullis_types::money::Usd;
use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// A part that a person plays. One person may have several; one part should have several people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Leads: decides who does what, and when it is over.
    IncidentCommander,
    /// Knows the contracts.
    ProtocolEngineer,
    /// Judges what the attack is, and whether a remedy works.
    SecurityAuditor,
    /// Gets the signatures together.
    SignerCoordinator,
    /// Speaks to users, partners and the press.
    Communications,
    /// Writes down what is said and done.
    Scribe,
    /// Knows what must be reported, and what must not be said.
    Legal,
    /// Answers users where they ask.
    Community,
    /// Holds a key of a multi-signature account: whoever has a `signer` address in the roster.
    Signer,
}

impl Role {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::IncidentCommander,
        Self::ProtocolEngineer,
        Self::SecurityAuditor,
        Self::SignerCoordinator,
        Self::Communications,
        Self::Scribe,
        Self::Legal,
        Self::Community,
        Self::Signer,
    ];

    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::IncidentCommander => "incidentCommander",
            Self::ProtocolEngineer => "protocolEngineer",
            Self::SecurityAuditor => "securityAuditor",
            Self::SignerCoordinator => "signerCoordinator",
            Self::Communications => "communications",
            Self::Scribe => "scribe",
            Self::Legal => "legal",
            Self::Community => "community",
            Self::Signer => "signer",
        }
    }

    /// The role of that name; none if there is no such.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// One playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Playbook {
    /// Unique, never changed: `drain-in-progress`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Grows by one with every change.
    pub version: u32,
    /// When to use it, and when not.
    pub description: String,
    /// The grade that it is made for.
    pub severity: Severity,
    /// What starts it.
    pub triggers: Vec<Trigger>,
    /// Who is needed, and for what.
    pub roles: Vec<RoleNeed>,
    /// Who must agree before what was done is undone.
    pub undo_approval: Approval,
    /// The steps, in the order in which they are shown.
    pub steps: Vec<Step>,
    /// Classes of other catalogues.
    pub tags: Vec<String>,
    /// Where it comes from.
    pub references: Vec<String>,
}

impl Playbook {
    /// The step of that id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Whether a finding starts it. A trigger without detectors and classes is for people to use by hand.
    pub fn is_for(&self, detector: &str, class: &str, severity: Severity) -> bool {
        self.triggers.iter().any(|trigger| {
            let named = trigger.detectors.iter().any(|one| one == detector)
                || trigger.classes.iter().any(|one| one == class);
            named && trigger.severity_at_least.is_none_or(|least| severity.is_at_least(least))
        })
    }
}

/// What starts a playbook: one of the detectors or classes, and at least that bad.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// Detectors by id, or rules by id.
    pub detectors: Vec<String>,
    /// Classes of attack, as the playbook's users name them.
    pub classes: Vec<String>,
    /// Only if it is this bad or worse.
    pub severity_at_least: Option<Severity>,
}

/// A role that a playbook needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleNeed {
    /// The role.
    pub role: Role,
    /// How many people must have it.
    pub people: u32,
    /// What they do here.
    pub duties: String,
}

/// Who must agree: `quorum` different people, each with one of the roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Roles that count.
    pub roles: Vec<Role>,
    /// How many different people.
    pub quorum: u32,
}

/// By when a step is done, and who is woken when it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Minutes from when the step can begin.
    pub minutes: u32,
    /// Who is told then. After twice the time the incident commander is.
    pub escalate: Role,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique in the playbook.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Whose it is.
    pub owner: Role,
    /// By when.
    pub clock: Clock,
    /// How, in plain words, for somebody who was asleep five minutes ago.
    pub instructions: String,
    /// What kind of work.
    pub kind: Kind,
    /// Who must agree before it begins.
    pub approval: Option<Approval>,
    /// How it is taken back.
    pub undo: Option<Undo>,
    /// What must be true on chain afterwards; looked up by somebody else than whoever did it.
    pub post_condition: Option<PostCondition>,
    /// Steps that come before.
    pub depends_on: Vec<String>,
    /// When it is to be done at all.
    pub when: Condition,
    /// Line in the file, from 1.
    pub line: usize,
}

/// What kind of work a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Kind {
    /// People tick these off.
    Checklist {
        /// What to tick.
        items: Vec<String>,
    },
    /// The machine pulls a lever.
    Lever {
        /// Its name, or a name that the roster gives one.
        lever: String,
    },
    /// The machine finds something out. It changes nothing.
    Query {
        /// What.
        query: String,
    },
    /// Nothing but agreement.
    Approval,
    /// Somebody says something to somebody.
    Message {
        /// To whom.
        audience: Audience,
        /// What, with `{placeholders}`.
        text: String,
    },
}

impl Kind {
    /// As written in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Checklist { .. } => "checklist",
            Self::Lever { .. } | Self::Query { .. } => "action",
            Self::Approval => "approval",
            Self::Message { .. } => "message",
        }
    }

    /// Whether the machine does it.
    pub fn is_machine(&self) -> bool {
        matches!(self, Self::Lever { .. } | Self::Query { .. })
    }
}

/// Who hears a message. What is said in public must not help the attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// The war room.
    Team,
    /// Protocols, bridges, exchanges and issuers, in private.
    Partners,
    /// Everybody.
    Public,
    /// Police, regulators, insurers.
    Authorities,
    /// The attacker, from an address that proves who writes.
    Attacker,
}

impl Audience {
    /// Name in files, and the value.
    pub const ALL: [(&'static str, Self); 5] = [
        ("team", Self::Team),
        ("partners", Self::Partners),
        ("public", Self::Public),
        ("authorities", Self::Authorities),
        ("attacker", Self::Attacker),
    ];
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Undo {
    /// The machine lets the lever go.
    Release,
    /// People do it, like this.
    Instructions(String),
    /// It cannot be taken back, because of this.
    Impossible(String),
}

/// A view call and what it must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostCondition {
    /// Contract, by its name in the configuration or roster.
    pub address: String,
    /// The call, with its arguments: `paused()`, `isTargetClosed(vault)`.
    pub function: String,
    /// What it must answer: `true`, `0`, an address by name.
    pub expected: String,
}

/// When a step is to be done. All parts that are given must hold; none given means always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// This bad or worse.
    pub severity_at_least: Option<Severity>,
    /// One of these classes.
    pub classes: Vec<String>,
    /// At least this much lost. Holds where the loss is not known.
    pub loss_at_least: Option<Usd>,
    /// This step, on which it depends, has failed.
    pub failed: Option<String>,
}

impl Condition {
    /// Whether nothing is asked.
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }
}
