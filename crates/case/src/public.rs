//! What everybody may read of an incident, the attacker among them: what people released, and a draft of what to say next.
//!
//! **Promise.** The draft is made from the protocol's name, from what people have declared and from what the chain has
//! confirmed, and has no place for anything else: no finding, no amount, no address, no lever, nothing that is planned or
//! under way. Nothing is said before a person releases it, and what was released stays on the record.

use std::collections::BTreeSet;

use portcullis_types::{
    ids::{CaseId, Millis, Seq},
    text::is_plain,
};

use crate::{
    case::Case,
    life::{Command, MachineEvent, Stage, What},
};

/// Longest public text, characters.
pub const PUBLIC_TEXT_CHARS_MAX: usize = 2_000;

/// Longest name of a protocol in public, characters.
const NAME_CHARS_MAX: usize = 60;

/// Something that was said in public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Of which case.
    pub case: CaseId,
    /// Of which protocol, as the public is told.
    pub protocol: String,
    /// Journal entry.
    pub seq: Seq,
    /// When it was journaled.
    pub at: Millis,
    /// Who released it. Never told in public.
    pub who: String,
    /// The text.
    pub text: String,
}

/// Why a text cannot be said in public, and what to do; none if it can.
pub fn fault(text: &str) -> Option<(String, &'static str)> {
    if text.trim().is_empty() {
        return Some(("the text is empty".to_owned(), "write what everybody may read"));
    }
    let n_chars = text.chars().count();
    if n_chars > PUBLIC_TEXT_CHARS_MAX {
        let why = format!("the text has {n_chars} characters, more than {PUBLIC_TEXT_CHARS_MAX}");
        return Some((why, "say the essence, and where more can be read"));
    }
    let hidden = text.chars().find(|c| *c != '\n' && !is_plain(*c))?;
    let why = format!("the text has a character that does not show: {}", hidden.escape_unicode());
    Some((why, "type the text anew without it; what was copied from elsewhere may hold such"))
}

/// The newest thing that was said in public of a case; none if nothing was.
pub fn latest(case: &Case) -> Option<Statement> {
    case.life.record().iter().rev().find_map(|one| {
        let What::Command(command) = &one.entry.what else { return None };
        let Command::Publish { text } = &command.what else { return None };
        Some(Statement {
            case: case.id,
            protocol: name_of(case),
            seq: one.entry.seq,
            at: one.entry.at,
            who: command.who.clone(),
            text: text.clone(),
        })
    })
}

/// What could be said now; empty where another case speaks for this one.
pub fn draft(case: &Case) -> String {
    let (name, stage) = (name_of(case), case.life.stage());
    let is_stopped = is_stopped(case);
    // That the machine is about to act is nobody's to know before the chain shows it.
    let is_known = case.life.severity().is_some() || is_stopped;
    let first = match stage {
        Stage::Duplicate { .. } | Stage::Merged { .. } => return String::new(),
        Stage::FalsePositive => format!("What we looked into at {name} was no attack."),
        Stage::Resolved | Stage::Reviewed => format!("The incident at {name} is over."),
        Stage::Declared | Stage::Containing if is_known => {
            format!("We are dealing with an incident at {name}.")
        }
        Stage::Detected
        | Stage::ReOpened
        | Stage::Triaged
        | Stage::Declared
        | Stage::Containing => format!("We are looking into a report about {name}."),
        Stage::Contained | Stage::Investigating => {
            format!("The incident at {name} is contained, and we are looking into it.")
        }
        Stage::Recovering => {
            format!("The incident at {name} is contained, and we are bringing service back.")
        }
        Stage::Monitoring => format!("The incident at {name} is contained, and we keep watching."),
    };
    let mut sentences = vec![first];
    if is_stopped && stage.is_open() {
        sentences.push("Some functions are stopped for the time being.".to_owned());
    }
    if stage.is_open() {
        sentences.push(
            "We will say more here. Nobody of us asks for keys, signatures or deposits.".to_owned(),
        );
    }
    sentences.join(" ")
}

/// Whether a lever holds that the chain has confirmed.
fn is_stopped(case: &Case) -> bool {
    let mut held = BTreeSet::new();
    for one in case.life.record() {
        match &one.entry.what {
            What::Machine(MachineEvent::LeverHeld { lever }) => {
                held.insert(lever);
            }
            What::Machine(MachineEvent::LeverReleased { lever }) => {
                held.remove(lever);
            }
            _ => {}
        }
    }
    !held.is_empty()
}

/// The protocol's name, with what is no letter, digit, space or one of `-.&` replaced.
fn name_of(case: &Case) -> String {
    let shown = |c: char| {
        let is_name = c == ' ' || (is_plain(c) && (c.is_alphanumeric() || "-.&".contains(c)));
        if is_name { c } else { '-' }
    };
    let name: String = case.protocol.chars().take(NAME_CHARS_MAX).map(shown).collect();
    if name.trim().is_empty() { "the protocol".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
