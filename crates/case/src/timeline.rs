//! The timeline: what happened, in words a person reads at three in the morning.

use alloy_primitives::B256;
use portcullis_types::{
    action::{Intent, Outcome},
    brake::Standing,
    case_event::CaseEvent,
    finding::FindingStatus,
    ids::{Millis, Seq},
};
use serde::Serialize;

use crate::case::Case;

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

/// Both ends of a hash: enough to recognise it in a line; the record holds it whole.
fn short(hash: &B256) -> String {
    let text = hash.to_string();
    let end = text.len().saturating_sub(6);
    format!("{}…{}", text.get(..8).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

fn outcome_line(outcome: &Outcome) -> (Option<u64>, &'static str, String) {
    match outcome {
        Outcome::Rehearsed(rehearsal) => {
            (Some(rehearsal.block), "rehearsed", rehearsal.detail.clone())
        }
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
