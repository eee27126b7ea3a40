//! What is to be told, and who may be told it.

use portcullis_types::ids::{CaseId, EffectId, Millis, Seq};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{public::PublicStatus, severity::Severity};

/// Most parts that a notice keeps; what is beyond is counted in [`Notice::parts_left_out`].
pub const PARTS_MAX: usize = 40;

/// Longest text that a notice keeps in one place, characters. The whole stands in the journal.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A detector said something.
    Finding,
    /// A case was opened, or an incident declared.
    Declared,
    /// The machine decided.
    Decision,
    /// An action moved on.
    Action,
    /// A person's step is late.
    StepOverdue,
    /// Something waits for people.
    ApprovalNeeded,
    /// Blocks cannot be seen.
    Blind,
    /// A lever could not be pulled, or does not help.
    BrakeFailed,
    /// A channel does not deliver.
    ChannelDown,
    /// It is over.
    Resolved,
    /// A person took it on.
    Acknowledged,
    /// A person is called.
    Page,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::Finding,
        Self::Declared,
        Self::Decision,
        Self::Action,
        Self::StepOverdue,
        Self::ApprovalNeeded,
        Self::Blind,
        Self::BrakeFailed,
        Self::ChannelDown,
        Self::Resolved,
        Self::Acknowledged,
        Self::Page,
    ];

    /// As it is written in files: `brake-failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Declared => "declared",
            Self::Decision => "decision",
            Self::Action => "action",
            Self::StepOverdue => "step-overdue",
            Self::ApprovalNeeded => "approval-needed",
            Self::Blind => "blind",
            Self::BrakeFailed => "brake-failed",
            Self::ChannelDown => "channel-down",
            Self::Resolved => "resolved",
            Self::Acknowledged => "acknowledged",
            Self::Page => "page",
        }
    }
}

/// Who reads a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Those who respond.
    #[default]
    Team,
    /// Anybody, the attacker among them.
    Public,
}

/// Whether an attack may still be going on. Only people say that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Containment {
    /// Not stopped for certain.
    Open,
    /// Stopped.
    Closed,
}

/// When a text may be told to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Secrecy {
    /// Any time.
    Open,
    /// Not before the attack is contained: how it works, which lever is about to be pulled.
    WhileContaining,
    /// Never: who responds and how they are reached, what their accounts are.
    Team,
}

impl Secrecy {
    /// Whether such a text may be shown to `audience` in this state of things.
    pub const fn allows(self, audience: Audience, containment: Containment) -> bool {
        match (self, audience, containment) {
            (_, Audience::Team, _)
            | (Self::Open, Audience::Public, _)
            | (Self::WhileContaining, Audience::Public, Containment::Closed) => true,
            (Self::WhileContaining, Audience::Public, Containment::Open)
            | (Self::Team, Audience::Public, _) => false,
        }
    }
}

/// One labelled text of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is: `Loss`.
    pub label: String,
    /// The text. May come from the chain: it is made harmless where it is rendered.
    pub text: String,
    /// Who may read it.
    pub secrecy: Secrecy,
}

/// Something to be told to the team. It has no way to a public channel: there only its [`PublicStatus`] goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Case, if it belongs to one.
    pub case: Option<CaseId>,
    /// How bad.
    pub severity: Severity,
    /// What about.
    pub kind: Kind,
    /// Notices of one kind and group are folded into one message when they come fast.
    pub group: String,
    /// One line.
    pub title: String,
    /// Details.
    pub parts: Vec<Part>,
    /// How many parts were too many ([`PARTS_MAX`]).
    #[serde(default)]
    pub parts_left_out: u32,
    /// The full record.
    pub link: Option<Url>,
    /// When it happened.
    pub at: Millis,
    /// What may be told to anybody; written or released by a person, never by the machine.
    pub public: Option<PublicStatus>,
}

impl Notice {
    /// A notice without details.
    pub fn new(kind: Kind, severity: Severity, group: &str, title: &str, at: Millis) -> Self {
        Self {
            case: None,
            severity,
            kind,
            group: bounded(group),
            title: bounded(title),
            parts: Vec::new(),
            parts_left_out: 0,
            link: None,
            at,
            public: None,
        }
    }

    /// The same, of a case.
    #[must_use]
    pub fn of_case(mut self, case: CaseId) -> Self {
        self.case = Some(case);
        self
    }

    /// The same with one more detail. Beyond [`PARTS_MAX`] it is only counted.
    #[must_use]
    pub fn with(mut self, label: &str, text: &str, secrecy: Secrecy) -> Self {
        if self.parts.len() < PARTS_MAX {
            self.parts.push(Part { label: bounded(label), text: bounded(text), secrecy });
        } else {
            self.parts_left_out = self.parts_left_out.saturating_add(1);
        }
        self
    }

    /// The same with a link to the full record.
    #[must_use]
    pub fn linked(mut self, link: Url) -> Self {
        self.link = Some(link);
        self
    }

    /// What a pager keeps together: the case, else the group.
    pub fn incident(&self) -> String {
        self.case.map_or_else(|| self.group.clone(), |case| case.to_string())
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// Identity of a notice: the same key is never queued twice. Made of what caused it, so that it is the same after a
/// restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeKey(String);

impl NoticeKey {
    /// The notice `index` of the answer to the journal's entry `seq`.
    pub fn of_step(seq: Seq, index: u32) -> Self {
        Self(format!("{seq}.{index}"))
    }

    /// The notice about an effect of the engine, told apart by `what` if there are several.
    pub fn of_effect(effect: EffectId, what: &str) -> Self {
        Self::named(&format!("effect/{effect}/{what}"))
    }

    /// A notice of another origin: `page/PC-000042/2/1`. The first 200 characters count.
    pub fn named(name: &str) -> Self {
        Self(name.chars().take(200).collect())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NoticeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
