//! From what happened in a case to what people are told. Pure: the same answer of the engine gives the same notices
//! under the same keys, so that telling again after a restart tells nobody twice.

use std::collections::BTreeMap;

use portcullis_types::{
    action::Outcome,
    brake::{BrakeAlert, Standing},
    case_event::CaseEvent,
    chain::ChainEvent,
    decision::{Decision, Verdict},
    finding::{Finding, FindingStatus, Maturity, Outlook},
    ids::{CaseId, Millis, Seq},
    money::Usd,
};
use url::Url;

use crate::{
    notice::{Kind, Notice, NoticeKey, Secrecy},
    severity::Severity,
};

/// Most lines of a finding's evidence in a notice.
const EVIDENCE_LINES_MAX: usize = 8;

/// Keys of brakes begin behind those of case events, of which one answer never has as many.
const BRAKE_KEYS_FROM: u32 = 1_000_000;

/// What the answer to the journal's entry `of` (`StepOutput::case_events`) tells people. `cases` is the address under
/// which the full record of a case is found, if there is one: its name is put behind it.
///
/// None of them holds a public status: what anybody may read, a person releases.
pub fn notices(
    of: Seq,
    at: Millis,
    events: &[CaseEvent],
    cases: Option<&Url>,
) -> Vec<(NoticeKey, Notice)> {
    let worst = worst_of(events);
    let mut out = Vec::new();
    for (index, event) in (0u32..).zip(events) {
        let Some(notice) = notice(at, event, &worst) else { continue };
        let case = event.case();
        let mut notice = notice.of_case(case);
        if let Some(link) = cases.and_then(|base| base.join(&case.to_string()).ok()) {
            notice = notice.linked(link);
        }
        out.push((NoticeKey::of_step(of, index), notice));
    }
    out
}

/// What is told where blocks cannot be seen; none for every other fact. The group is the chain's, so that a long
/// blindness is one message and a count.
pub fn blind_notice(at: Millis, event: &ChainEvent) -> Option<Notice> {
    let ChainEvent::Blind { chain, from, to, cause } = event else { return None };
    let title = format!("chain {chain}: blocks {from} to {to} could not be seen");
    let notice = Notice::new(Kind::Blind, Severity::P2, &format!("blind/{chain}"), &title, at);
    Some(notice.with("Cause", &cause.to_string(), Secrecy::Team))
}

/// A case is declared as bad as the worst finding that opened it.
fn worst_of(events: &[CaseEvent]) -> BTreeMap<CaseId, Severity> {
    let mut worst = BTreeMap::new();
    for event in events {
        if let CaseEvent::FindingRaised { case, finding }
        | CaseEvent::FindingForeseen { case, finding } = event
        {
            let severity = severity_of(finding);
            let entry = worst.entry(*case).or_insert(severity);
            *entry = severity.min(*entry);
        }
    }
    worst
}

/// How bad a finding is: money going by proof is P1, one of the two is P2, evidence is P3; detectors that are tried out
/// or new say P4 and P5, whatever they see.
pub fn severity_of(finding: &Finding) -> Severity {
    let is_costly = finding.loss > Usd::ZERO || finding.outlook == Outlook::AllAtRisk;
    match (finding.maturity, finding.confidence.proof, is_costly) {
        (Maturity::Sandbox, _, _) => Severity::P5,
        (_, true, true) => Severity::P1,
        (_, true, false) | (Maturity::Stable, false, true) => Severity::P2,
        (Maturity::Stable, false, false) => Severity::P3,
        (Maturity::Incubating, false, _) => Severity::P4,
    }
}

fn notice(at: Millis, event: &CaseEvent, worst: &BTreeMap<CaseId, Severity>) -> Option<Notice> {
    let case = event.case();
    let make = |kind: Kind, severity: Severity, group: &str, title: &str| {
        Notice::new(kind, severity, &format!("{case}/{group}"), title, at)
    };
    Some(match event {
        CaseEvent::Opened { protocol, .. } => {
            let severity = worst.get(&case).copied().unwrap_or(Severity::P3);
            make(Kind::Declared, severity, "opened", &format!("{protocol}: a case was opened"))
        }
        CaseEvent::FindingRaised { finding, .. } => detailed(
            make(Kind::Finding, severity_of(finding), "findings", &headline(finding, "")),
            finding,
        ),
        CaseEvent::FindingForeseen { finding, .. } => {
            let title = headline(finding, " (pending, in no block yet)");
            detailed(make(Kind::Finding, severity_of(finding), "findings", &title), finding)
        }
        CaseEvent::FindingMoved { status, block, .. } => moved(&make, *status, block.number),
        CaseEvent::Decided { decision, .. } => decided(&make, decision),
        CaseEvent::ActionIssued { action, .. } => {
            let title = format!(
                "{}: the lever `{}` is being used ({:?})",
                action.protocol, action.lever.name, action.intent
            );
            let group = format!("action/{}/issued", action.id);
            make(Kind::Action, Severity::P1, &group, &title)
                .with("Rung", &format!("{:?}", action.lever.rung), Secrecy::WhileContaining)
                .with("Traps", &action.lever.traps.join(" · "), Secrecy::WhileContaining)
        }
        CaseEvent::ActionMoved { action, outcome, .. } => {
            acted(&make, &action.to_string(), outcome)?
        }
        CaseEvent::LossAfterHold { lever, loss, .. } => {
            let title = format!("the loss goes on although the lever `{lever}` holds");
            make(Kind::BrakeFailed, Severity::P1, "loss-after-hold", &title).with(
                "Loss this time",
                &format!("${loss}"),
                Secrecy::WhileContaining,
            )
        }
        CaseEvent::LeverFoundReleased { lever, block, .. } => {
            let title = format!("the lever `{lever}` was let go by somebody else");
            let group = format!("released/{lever}/{}", block.number);
            make(Kind::BrakeFailed, Severity::P1, &group, &title).with(
                "Block",
                &block.number.to_string(),
                Secrecy::WhileContaining,
            )
        }
        CaseEvent::Dissolved { .. } => make(
            Kind::Resolved,
            Severity::P3,
            "dissolved",
            "every finding of the case was retracted: its blocks are no longer part of the chain",
        ),
        CaseEvent::ApprovalAsked { .. }
        | CaseEvent::ApprovalGiven { .. }
        | CaseEvent::ApprovalLapsed { .. } => approval(&make, event)?,
        // Told from the answer itself, which says it without a case too: see `brake_notices`.
        CaseEvent::BrakeMoved { .. } => return None,
    })
}

/// Signatures that the machine asks for, gets, or waited for in vain.
fn approval(make: &Make<'_>, event: &CaseEvent) -> Option<Notice> {
    let held = Secrecy::WhileContaining;
    Some(match event {
        CaseEvent::ApprovalAsked { request, .. } => {
            let title = format!(
                "{}: {} guardians must sign for the lever `{}` ({:?})",
                request.protocol, request.signatures, request.lever, request.kind
            );
            let group = format!("signatures/{}/asked", request.decision);
            make(Kind::ApprovalNeeded, Severity::P1, &group, &title)
                .with("Rung", &format!("{:?}", request.rung), held)
                .with("Counts until", &format!("{} ms since 1970", request.deadline.0), held)
        }
        CaseEvent::ApprovalGiven { kind, lever, guardian, missing, .. } => {
            let title =
                format!("a guardian signed for the lever `{lever}` ({kind:?}); {missing} missing");
            let group = format!("signatures/{lever}/{kind:?}/{guardian}");
            make(Kind::Acknowledged, Severity::P3, &group, &title).with(
                "Guardian",
                &guardian.to_string(),
                held,
            )
        }
        CaseEvent::ApprovalLapsed { kind, lever, .. } => {
            let title = format!("nobody signed in time for the lever `{lever}` ({kind:?})");
            make(Kind::StepOverdue, Severity::P1, &format!("signatures/{lever}/lapsed"), &title)
        }
        _ => return None,
    })
}

/// What is told of brakes that moved (`StepOutput::brakes`), whether a case is open or not.
pub fn brake_notices(of: Seq, at: Millis, alerts: &[BrakeAlert]) -> Vec<(NoticeKey, Notice)> {
    let key = |place: u32| NoticeKey::of_step(of, BRAKE_KEYS_FROM.saturating_add(place));
    (0u32..).zip(alerts).map(|(place, alert)| (key(place), braked(at, alert))).collect()
}

fn braked(at: Millis, alert: &BrakeAlert) -> Notice {
    let (kind, severity) = match alert.standing {
        // Not `Resolved`: that would close the case's incident at the pager.
        Standing::Works | Standing::Held => (Kind::Action, Severity::P3),
        Standing::Unseen => (Kind::BrakeFailed, Severity::P2),
        Standing::Broken => (Kind::BrakeFailed, Severity::P1),
    };
    let group = format!("brake/{}/{}/{:?}", alert.protocol, alert.brake, alert.standing);
    Notice::new(kind, severity, &group, &alert.sentence(), at)
}

fn headline(finding: &Finding, note: &str) -> String {
    format!("{}: {}{note}", finding.protocol, finding.sentence)
}

/// How it works stays inside until it is contained.
fn detailed(notice: Notice, finding: &Finding) -> Notice {
    let secret = Secrecy::WhileContaining;
    let mut notice = notice
        .with("Loss so far", &format!("${}", finding.loss), secret)
        .with("Detector", &format!("{} ({:?})", finding.detector, finding.maturity), secret)
        .with("Chain and block", &format!("{} · {}", finding.chain, finding.block.number), secret)
        .with("Contract", &finding.contract.to_string(), secret);
    if let Some(transaction) = finding.transaction {
        notice = notice.with("Transaction", &transaction.to_string(), secret);
    }
    if let Some(actor) = finding.actor {
        notice = notice.with("Sender", &actor.to_string(), secret);
    }
    for line in finding.evidence.iter().take(EVIDENCE_LINES_MAX) {
        notice = notice.with("Evidence", line, secret);
    }
    let beyond = finding.evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
    notice.parts_left_out =
        notice.parts_left_out.saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX));
    notice
}

type Make<'a> = dyn Fn(Kind, Severity, &str, &str) -> Notice + 'a;

fn moved(make: &Make<'_>, status: FindingStatus, block: u64) -> Notice {
    let (severity, word) = match status {
        FindingStatus::Retracted => {
            (Severity::P4, "retracted: its block is no longer part of the chain")
        }
        FindingStatus::Pending => (Severity::P4, "waiting for a block"),
        FindingStatus::Seen => (Severity::P3, "in a block again"),
        FindingStatus::Confirmed => (Severity::P5, "confirmed"),
        FindingStatus::Finalised => (Severity::P5, "final"),
    };
    make(
        Kind::Finding,
        severity,
        &format!("moved/{status:?}"),
        &format!("a finding is {word} (block {block})"),
    )
}

fn decided(make: &Make<'_>, decision: &Decision) -> Notice {
    let forbidden = decision.rungs.iter().find_map(|rung| match &rung.verdict {
        Verdict::Forbidden { why } if decision.probability > rung.threshold => {
            Some((&rung.lever, why))
        }
        _ => None,
    });
    let title = format!("{}: {}", decision.protocol, decision.sentence);
    let notice = match (&decision.chosen, forbidden) {
        (Some(lever), _) => make(Kind::Decision, Severity::P1, &format!("decided/{lever}"), &title)
            .with("Lever", lever, Secrecy::WhileContaining),
        (None, Some((lever, why))) => {
            let title =
                format!("{}: people must decide about the lever `{lever}`", decision.protocol);
            make(Kind::ApprovalNeeded, Severity::P1, &format!("approval/{lever}"), &title)
                .with("Why the machine does not", why, Secrecy::WhileContaining)
                .with("Decision", &decision.sentence, Secrecy::WhileContaining)
        }
        (None, None) => make(Kind::Decision, Severity::P5, "decided/none", &title),
    };
    notice
        .with("Probability", &format!("{:.4}", decision.probability), Secrecy::WhileContaining)
        .with("Loss so far", &format!("${}", decision.loss_so_far), Secrecy::WhileContaining)
        .with("Loss ahead", &format!("${}", decision.loss_ahead), Secrecy::WhileContaining)
}

/// Signed bytes are told to nobody: whoever has them could send them first.
fn acted(make: &Make<'_>, action: &str, outcome: &Outcome) -> Option<Notice> {
    let held = Secrecy::WhileContaining;
    let tell = |kind: Kind, severity: Severity, stage: &str, title: &str| {
        make(
            kind,
            severity,
            &format!("action/{action}/{stage}"),
            &format!("action {action}: {title}"),
        )
    };
    Some(match outcome {
        Outcome::Prepared { .. } => return None,
        Outcome::Rehearsed(rehearsal) => tell(Kind::Action, Severity::P4, "rehearsed", "rehearsed")
            .with("Rehearsal", &rehearsal.detail, held),
        Outcome::Sent { hash } => tell(Kind::Action, Severity::P3, "sent", "sent").with(
            "Transaction",
            &hash.to_string(),
            held,
        ),
        Outcome::Mined { hash, success: true, .. } => {
            tell(Kind::Action, Severity::P3, "mined", "is in a block").with(
                "Transaction",
                &hash.to_string(),
                held,
            )
        }
        Outcome::Mined { hash, success: false, .. } => {
            tell(Kind::BrakeFailed, Severity::P1, "reverted", "is in a block and took no effect")
                .with("Transaction", &hash.to_string(), held)
        }
        Outcome::Held { block, by_us } => {
            let title = if *by_us { "done and verified" } else { "it was so already; verified" };
            tell(Kind::Action, Severity::P2, "held", title).with(
                "Block",
                &block.number.to_string(),
                held,
            )
        }
        Outcome::Refused { why } => {
            tell(Kind::BrakeFailed, Severity::P1, "refused", "not sent, and will not be").with(
                "Why, and what to do",
                why,
                held,
            )
        }
        Outcome::Failed { why } => {
            tell(Kind::BrakeFailed, Severity::P1, "failed", "sent, and did not work").with(
                "Why, and what to do",
                why,
                held,
            )
        }
    })
}

#[cfg(test)]
mod tests;
