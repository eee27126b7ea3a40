//! What anybody may read: a template with a closed list of fields.
//!
//! While an attack is open, the public text must not say how it works, which lever comes next or who responds. That is
//! kept by construction: a [`PublicStatus`] has no field for free text but the protocol's name, which comes from the
//! configuration, and [`Released`] facts, which only [`Part::release`] makes.

use portcullis_types::{
    ids::{CaseId, Millis},
    text::is_plain,
};
use serde::{Deserialize, Serialize};

use crate::notice::{Audience, Containment, Part};

/// Longest public name, characters.
const NAME_CHARS_MAX: usize = 60;

/// Most released facts in one status.
const FACTS_MAX: usize = 10;

/// A protocol's name as the public knows it; from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicName(String);

impl PublicName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PublicName> for String {
    fn from(name: PublicName) -> Self {
        name.0
    }
}

impl TryFrom<String> for PublicName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_name =
            |c: char| c == ' ' || (is_plain(c) && (c.is_alphanumeric() || "-.&".contains(c)));
        let n_chars = text.chars().count();
        if n_chars == 0 || n_chars > NAME_CHARS_MAX || !text.chars().all(is_name) {
            return Err(format!(
                "a public name has 1 to {NAME_CHARS_MAX} letters, digits, spaces or any of -.& : shorten or correct it"
            ));
        }
        Ok(Self(text))
    }
}

/// Where an incident stands, in the words of status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is being looked at.
    Investigating,
    /// The cause is known.
    Identified,
    /// It is stopped and watched.
    Monitoring,
    /// It is over.
    Resolved,
}

/// How much users feel of it, in the words of status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Nobody has said; then nothing is told of it.
    Unsaid,
    /// Nothing.
    None,
    /// A little.
    Minor,
    /// Much.
    Major,
    /// Everything.
    Critical,
}

/// What users can do at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Nobody has said; then nothing is told of it.
    Unsaid,
    /// All works.
    Operational,
    /// Some of it is stopped.
    PartlyPaused,
    /// All of it is stopped.
    Paused,
}

/// A text that a person let out. Made by [`Part::release`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    label: String,
    text: String,
}

impl Released {
    /// What it is.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Part {
    /// The part as something that anybody may read; none where its secrecy forbids that in this state of things.
    pub fn release(&self, containment: Containment) -> Option<Released> {
        self.secrecy
            .allows(Audience::Public, containment)
            .then(|| Released { label: self.label.clone(), text: self.text.clone() })
    }
}

/// What is told to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicStatus {
    /// The case's public number.
    pub case: CaseId,
    /// Of which protocol.
    pub protocol: PublicName,
    /// Where it stands.
    pub stage: Stage,
    /// How much users feel.
    pub impact: Impact,
    /// What works.
    pub service: Service,
    /// When it was so.
    pub at: Millis,
    /// When more will be said, minutes from `at`; 0 if no more is to come.
    pub next_update_minutes: u32,
    /// What was let out, at most ten.
    facts: Vec<Released>,
}

impl PublicStatus {
    /// A status without facts. What works and what users feel is not said: only people know.
    pub fn new(case: CaseId, protocol: PublicName, stage: Stage, at: Millis) -> Self {
        Self {
            case,
            protocol,
            stage,
            impact: Impact::Unsaid,
            service: Service::Unsaid,
            at,
            next_update_minutes: 0,
            facts: Vec::new(),
        }
    }

    /// The same with a fact that was let out; the eleventh is not taken.
    #[must_use]
    pub fn with(mut self, fact: Released) -> Self {
        if self.facts.len() < FACTS_MAX {
            self.facts.push(fact);
        }
        self
    }

    /// What was let out.
    pub fn facts(&self) -> &[Released] {
        &self.facts
    }

    /// The one line.
    pub fn title(&self) -> String {
        let stage = match self.stage {
            Stage::Investigating => "we are looking into an incident",
            Stage::Identified => "the cause of the incident is known",
            Stage::Monitoring => "the incident is contained and watched",
            Stage::Resolved => "the incident is over",
        };
        format!("{}: {stage}", self.protocol.as_str())
    }

    /// What users need to know, in whole sentences.
    pub fn sentences(&self) -> Vec<&'static str> {
        let mut out = Vec::new();
        out.extend(match self.service {
            Service::Unsaid => None,
            Service::Operational => Some("All functions work."),
            Service::PartlyPaused => Some("Some functions are stopped for the time being."),
            Service::Paused => Some("All functions are stopped for the time being."),
        });
        out.extend(match self.impact {
            Impact::Unsaid => None,
            Impact::None => Some("No effect on users is known."),
            Impact::Minor => Some("A small part of the users is affected."),
            Impact::Major => Some("Many users are affected."),
            Impact::Critical => Some("All users are affected."),
        });
        if self.stage != Stage::Resolved {
            out.push("Trust only what is said here; nobody of us asks for keys or signatures.");
        }
        out
    }
}
