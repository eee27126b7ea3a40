//! The timeline: what happened, in words a person reads at three in the morning.

use alloy_primitives::B256;
use portcullis_types::{
    action::{Intent, Outcome},
    approval::{ApprovalKind, ApprovalRequest},
    brake::Standing,
    case_event::CaseEvent,
    finding::FindingStatus,
    ids::{Millis, Seq},
};
use serde::Serialize;

use crate::{
    calendar::rfc3339,
    case::Case,
    life::{CaseCommand, Change, Command},
};

/// What stands on a line that says what was left out. No event stands for such a line.
pub const LEFT_OUT: &str = "left out";

/// What stands on a line that says which case a case belongs with. No event stands for such a line.
pub const BELONGS_WITH: &str = "belongs with";

/// Whether the line of an event is among the first to be left out: of findings, and of decisions to do nothing.
pub fn is_minor(event: &CaseEvent) -> bool {
    match event {
        CaseEvent::FindingRaised { .. }
        | CaseEvent::FindingForeseen { .. }
        | CaseEvent::FindingMoved { .. } => true,
        CaseEvent::Decided { decision, .. } => decision.chosen.is_none(),
        _ => false,
    }
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// Journal entry that caused it.
    pub seq: Seq,
    /// When it was journaled.
    pub at: Millis,
    /// Block it concerns, where there is one.
    pub block: Option<u64>,
    /// What happened, one or two words: `finding`, `decision`, `pause sent`.
    pub what: String,
    /// In one sentence.
    pub text: String,
}

/// The line for `event`, seen from the case as it was before.
pub(crate) fn entry(case: &Case, seq: Seq, at: Millis, event: &CaseEvent) -> TimelineEntry {
    let (block, what, text) = match event {
        CaseEvent::Opened { protocol, .. } => {
            (None, "opened", format!("case opened for {protocol}"))
        }
        CaseEvent::FindingRaised { finding, .. } => {
            let text = format!("[{}] {}", finding.detector, finding.sentence);
            (Some(finding.block.number), "finding", text)
        }
        CaseEvent::FindingForeseen { finding, .. } => {
            let text = format!("[{}] not in a block yet: {}", finding.detector, finding.sentence);
            (None, "pending", text)
        }
        CaseEvent::FindingMoved { key, status, block, .. } => {
            let what = match status {
                FindingStatus::Pending => "pending",
                FindingStatus::Seen => "seen again",
                FindingStatus::Confirmed => "confirmed",
                FindingStatus::Finalised => "finalised",
                FindingStatus::Retracted => "retracted",
            };
            let sentence = case.findings.get(key).map_or("", |record| &record.finding.sentence);
            (Some(block.number), what, sentence.to_owned())
        }
        CaseEvent::Decided { decision, .. } => {
            (Some(decision.block.number), "decision", decision.sentence.clone())
        }
        CaseEvent::ActionIssued { action, .. } => {
            let what = match action.intent {
                Intent::Pull => "pull",
                Intent::Release => "release",
                Intent::Reassert => "re-assert",
            };
            (None, what, format!("lever {} (action {})", action.lever.name, action.id))
        }
        CaseEvent::ActionMoved { outcome, .. } => outcome_line(outcome),
        CaseEvent::LossAfterHold { lever, loss, .. } => {
            (None, "still leaking", format!("{loss} USD left although {lever} holds"))
        }
        CaseEvent::LeverFoundReleased { lever, block, .. } => {
            (Some(block.number), "let go", format!("{lever} was let go by somebody else"))
        }
        CaseEvent::Dissolved { .. } => {
            (None, "dissolved", "every finding was taken back by a re-organisation".to_owned())
        }
        CaseEvent::ApprovalAsked { .. }
        | CaseEvent::ApprovalGiven { .. }
        | CaseEvent::ApprovalLapsed { .. } => approval_line(event),
        CaseEvent::BrakeMoved { alert, .. } => {
            let what = match alert.standing {
                Standing::Works => "brake works",
                Standing::Held => "held",
                Standing::Unseen => "brake unseen",
                Standing::Broken => "BRAKE BROKEN",
            };
            (None, what, alert.sentence())
        }
    };
    TimelineEntry { seq, at, block, what: what.to_owned(), text }
}

/// The line for what a person said.
pub(crate) fn command(
    seq: Seq,
    at: Millis,
    command: &CaseCommand,
    change: Change,
) -> TimelineEntry {
    let verb = command.what.verb().name();
    let content = match &command.what {
        Command::Acknowledge | Command::Investigate | Command::Monitor => String::new(),
        Command::Triage { note: text }
        | Command::Contain { how: text }
        | Command::Contained { how: text }
        | Command::Recover { plan: text }
        | Command::Review { report: text }
        | Command::FalsePositive { why: text }
        | Command::ReOpen { why: text }
        | Command::Note { text }
        | Command::Publish { text } => text.clone(),
        Command::Alert { alert } => alert.sentence(),
        Command::Declare { severity, why } => format!("{}: {why}", severity.name()),
        Command::Resolve { summary, early: None } => summary.clone(),
        Command::Resolve { summary, early: Some(why) } => format!("{summary} (early: {why})"),
        Command::Duplicate { of } => of.to_string(),
        Command::Merge { into } => into.to_string(),
        Command::Correct { entry, text } => format!("corrects entry {entry}: {text}"),
        Command::Assign { role, to } => format!("{role}: {to}"),
        Command::Began { at, how } => format!("the attack began at {}: {how}", rfc3339(*at)),
        Command::Blocked { lever, users } => format!("{lever} keeps {users} honest users waiting"),
        Command::Returned { amount, how } => format!("{amount} USD came back: {how}"),
    };
    let who = &command.who;
    let text = if content.is_empty() { who.clone() } else { format!("{who}: {content}") };
    let what = if change.from == change.to {
        verb.to_owned()
    } else {
        format!("{verb}, now {}", change.to)
    };
    TimelineEntry { seq, at, block: None, what, text }
}

/// Both ends of a hash: enough to recognise it in a line; the record holds it whole.
fn short(hash: &B256) -> String {
    let text = hash.to_string();
    let end = text.len().saturating_sub(6);
    format!("{}…{}", text.get(..8).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

/// What guardians were asked for, and what came of it.
fn approval_line(event: &CaseEvent) -> (Option<u64>, &'static str, String) {
    let about = |kind: ApprovalKind, lever: &str| match kind {
        ApprovalKind::Pull => format!("that {lever} is pulled"),
        ApprovalKind::Ratify => format!("that {lever} stays pulled"),
        ApprovalKind::Resume => format!("unattended pulls like {lever} again"),
        ApprovalKind::Release => format!("that {lever} is let go now"),
    };
    match event {
        CaseEvent::ApprovalAsked { request, case } => {
            let ApprovalRequest { kind, lever, signatures, deadline, .. } = &**request;
            let text = format!(
                "{signatures} guardian(s) must sign {} before {}: portcullis approve --case {case} --lever {lever}",
                about(*kind, lever),
                rfc3339(*deadline)
            );
            (Some(request.block.number), "asked", text)
        }
        CaseEvent::ApprovalGiven { kind, lever, guardian, missing, .. } => {
            let text = format!("{guardian} signed {}; {missing} more needed", about(*kind, lever));
            (None, "signed for", text)
        }
        CaseEvent::ApprovalLapsed { kind: ApprovalKind::Ratify, lever, .. } => {
            let text = format!(
                "nobody ratified {lever} in time: it is let go, and its rung and harsher ones wait for people"
            );
            (None, "not ratified", text)
        }
        CaseEvent::ApprovalLapsed { kind, lever, .. } => {
            (None, "not signed", format!("nobody signed {} in time", about(*kind, lever)))
        }
        _ => (None, "", String::new()),
    }
}

fn outcome_line(outcome: &Outcome) -> (Option<u64>, &'static str, String) {
    match outcome {
        Outcome::Rehearsed(rehearsal) => (Some(rehearsal.block), "rehearsed", rehearsal.in_words()),
        Outcome::Refused { why } => (None, "not sent", why.clone()),
        Outcome::Prepared { hash, nonce, .. } => {
            (None, "signed", format!("transaction {}, nonce {nonce}", short(hash)))
        }
        Outcome::Sent { hash } => (None, "sent", format!("transaction {}", short(hash))),
        Outcome::Mined { hash, block, success } => {
            let verb = if *success { "mined" } else { "reverted" };
            (Some(block.number), verb, format!("transaction {}", short(hash)))
        }
        Outcome::Held { block, by_us } => {
            let by = if *by_us { "by our transaction" } else { "it held already" };
            (Some(block.number), "verified", format!("the chain confirms it, {by}"))
        }
        Outcome::Failed { why } => (None, "failed", why.clone()),
    }
}
