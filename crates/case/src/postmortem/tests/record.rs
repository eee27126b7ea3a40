//! What the post-mortem says of the attack, of the people and of the record.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    action::{Action, AttackSample},
    approval::ApprovalKind,
    case_event::CaseEvent,
    decision::{Decision, RungWeighed, Verdict},
    ids::FindingKey,
};

use super::*;
use crate::{
    life::CaseCommand,
    playbook::{read, read_roster},
    run::{Facts, RunEntry, RunEvent},
    testing::block,
};

const THIEF: Address = Address::with_last_byte(0x66);
const HONEST: Address = Address::with_last_byte(0x99);

/// A broken invariant, laid to an honest transaction.
fn laid() -> CaseEvent {
    let CaseEvent::FindingRaised { case, mut finding } = finding(12, 900, "debt is not covered")
    else {
        panic!("no finding");
    };
    finding.detector = "invariant".into();
    finding.key = FindingKey(B256::with_last_byte(0xee));
    finding.transaction = Some(B256::with_last_byte(0x88));
    finding.actor = Some(HONEST);
    CaseEvent::FindingRaised { case, finding }
}

fn decided() -> CaseEvent {
    let rung = RungWeighed {
        rung: portcullis_types::action::Rung::Market,
        lever: "vault-pause".into(),
        false_stop_cost: Usd::dollars(20),
        loss_prevented: Usd::dollars(4_000),
        threshold: 0.1,
        verdict: Verdict::Act,
        false_stop_parts: None,
    };
    let decision = Decision {
        case: ID,
        protocol: "bank".into(),
        block: block(10),
        findings: vec![],
        probability: 0.9,
        loss_ahead: Usd::dollars(5_000),
        loss_so_far: Usd::dollars(500),
        rungs: vec![rung],
        chosen: Some("vault-pause".into()),
        sentence: "pull".into(),
        context: None,
        attacker: None,
    };
    CaseEvent::Decided { case: ID, decision: Box::new(decision) }
}

fn rehearsed(to: Address) -> CaseEvent {
    let CaseEvent::ActionIssued { case, action } = action(8, Intent::Pull) else {
        panic!("no action");
    };
    let attack = AttackSample {
        hash: B256::with_last_byte(0x77),
        from: THIEF,
        to,
        value: U256::ZERO,
        input: Bytes::new(),
    };
    let action = Action { attack: Some(attack), ..*action };
    CaseEvent::ActionIssued { case, action: Box::new(action) }
}

#[test]
fn the_attack_stands_there_whole_and_nobody_else_is_accused() {
    let mut case = case();
    case.apply(Seq(14), Millis(111 * MINUTE), &laid());
    let bare = Postmortem::of(&case, &[], Millis(200 * MINUTE)).markdown();
    for blank in [
        "| saved | not in the record |",
        "| called | not in the record |",
        "| victim | name not in the record, 0x0000000000000000000000000000000000000055 |",
    ] {
        assert!(bare.contains(blank), "{blank}: {bare}");
    }
    case.apply(Seq(15), Millis(112 * MINUTE), &decided());
    case.apply(Seq(16), Millis(112 * MINUTE), &rehearsed(Address::with_last_byte(0x44)));
    case.apply(Seq(17), Millis(112 * MINUTE), &held(8));
    let head = B256::repeat_byte(0xab);
    let names = |chain, address: Address| {
        (chain == 1 && address == Address::with_last_byte(0x55)).then(|| "va|ult".to_owned())
    };
    let post =
        Postmortem::of(&case, &[], Millis(200 * MINUTE)).with_names(names).with_head(Some(head));
    let page = post.markdown();
    let (hash, observed) = (B256::with_last_byte(0x77), B256::with_last_byte(0x88));
    for wanted in [
        "## The attack\n\n500 USD left\n".to_owned(),
        "| saved | 4,000.00 USD, an estimate: what the decision at block 10 expected vault-pause to prevent, of 5,000.00 USD"
            .to_owned(),
        format!("| hash | {hash} |\n| chain | 1 |\n| block | 11 |\n"),
        "| first seen | 1970-01-01T01:40:00.000Z |".to_owned(),
        format!("| sender | {THIEF} |\n| called | {}; others may use it too |", Address::with_last_byte(0x44)),
        "| victim | va&#124;ult, 0x0000000000000000000000000000000000000055 |".to_owned(),
        "| lost | 520.00 USD |".to_owned(),
        format!("### Observed, and accused of nothing\n\n- {observed} in block 12 of chain 1, by invariant\n"),
        format!("| head of the journal | {head} |"),
    ] {
        assert!(page.contains(&wanted), "{wanted}: {page}");
    }
    assert_eq!((head.to_string().len(), hash.to_string().len()), (66, 66), "not shortened");
    assert!(!page.contains(&HONEST.to_string()), "an honest sender is not named: {page}");
    say(&mut case, 18, 120, Command::FalsePositive { why: "a migration".into() });
    let wrong = Postmortem::of(&case, &[], Millis(200 * MINUTE));
    assert!(wrong.attack.transactions.is_empty() && wrong.attack.observed.len() == 2);
}

#[test]
fn what_is_protected_is_not_what_the_attacker_called() {
    for (to, is_told) in [(0x44, true), (0x55, false), (0x00, false)] {
        let mut case = case();
        case.apply(Seq(14), Millis(112 * MINUTE), &rehearsed(Address::with_last_byte(to)));
        let attack = Postmortem::of(&case, &[], Millis(200 * MINUTE)).attack;
        assert_eq!(attack.transactions[0].called.is_some(), is_told, "{to}");
    }
}

const PLAYBOOK: &str = r#"
id: small
title: "A small one: for tests"
version: 1
severity: P1
description: For tests.
triggers: {classes: [drain]}
roles:
  - {role: incidentCommander, people: 1, duties: leads}
undoApproval: {roles: [incidentCommander], quorum: 1}
steps:
  - {id: lead, title: Lead, owner: incidentCommander, clock: {minutes: 5, escalate: incidentCommander}, instructions: go, kind: checklist, checklist: [go]}
  - {id: look, title: Look, owner: incidentCommander, clock: {minutes: 5, escalate: incidentCommander}, instructions: go, kind: checklist, checklist: [go]}
  - id: agree
    title: Agree
    owner: incidentCommander
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: agree
    kind: approval
    approval: {roles: [signer], quorum: 2}
"#;

const ROSTER: &str = r#"
people:
  - {name: ada, roles: [incidentCommander], signer: "0x00000000000000000000000000000000000000a1"}
  - {name: ben, roles: [incidentCommander], signer: "0x00000000000000000000000000000000000000a2"}
"#;

#[test]
fn everybody_who_did_something_counts() {
    let mut case = case();
    let playbook = read("small.yaml", PLAYBOOK).unwrap();
    let roster = read_roster("roster.yaml", ROSTER).unwrap();
    let start = (ID, Seq(14), Millis(111 * MINUTE));
    let mut run = PlaybookRun::start(start, playbook, roster, Facts::default());
    case.note(Seq(14), Millis(111 * MINUTE), "playbook", "ada began: A small one".to_owned());
    let (ben, ada) = (|| "ben".to_owned(), || "ada".to_owned());
    let events = [
        RunEvent::Done { step: "lead".into(), who: ben(), note: "ada: has it".into() },
        RunEvent::Skipped { step: "look".into(), who: ben(), why: "seen".into() },
        RunEvent::Approved { step: "agree".into(), who: ben() },
        RunEvent::Approved { step: "agree".into(), who: ada() },
    ];
    // As the engine does it: taken in, then written on the timeline.
    for (index, event) in events.into_iter().enumerate() {
        let (seq, at) = (Seq(15 + index as u64), Millis(112 * MINUTE));
        run.apply(&RunEntry { seq, at, event: event.clone() }).unwrap();
        let (what, text) = run.line(&event).unwrap();
        case.note(seq, at, what, text);
    }
    for (seq, guardian) in [(20, 0xa2), (21, 0xa9)] {
        let (lever, kind) = ("vault-pause".to_owned(), ApprovalKind::Ratify);
        let guardian = Address::with_last_byte(guardian);
        let given = CaseEvent::ApprovalGiven { case: ID, kind, lever, guardian, missing: 1 };
        case.apply(Seq(seq), Millis(113 * MINUTE), &given);
    }
    let note = CaseCommand {
        who: ben(),
        when: Millis(114 * MINUTE),
        what: Command::Note { text: "spot price".into() },
    };
    case.command(Seq(22), Millis(114 * MINUTE), &note).unwrap();
    let post = Postmortem::of(&case, &[&run], Millis(200 * MINUTE));
    let told: Vec<_> = post.people.iter().map(|one| format!("{}: {}", one.name, one.did)).collect();
    let stranger = Address::with_last_byte(0xa9);
    assert_eq!(
        told,
        [
            "ada: 1 acknowledgement, 1 change of stage, 1 playbook begun, 1 agreement".to_owned(),
            "ben: 1 step, 1 step not done, 1 agreement, 1 signature, 1 note".to_owned(),
            format!("guardian {stranger}: 1 signature"),
        ]
    );
    assert_eq!(post.authors[..2], ["ada", "ben"]);
    assert_eq!(post.timeline.last().unwrap().what, "note", "as the page calls it");
    let page = post.markdown();
    assert!(page.contains("## Who did what\n\n- ada: 1 acknowledgement"), "{page}");
    assert!(page.contains(&format!("| people | ada, ben, guardian {stranger} |")), "{page}");
}

#[test]
fn columns_that_are_short_are_not_broken_and_the_page_needs_nothing() {
    let page = Postmortem::of(&case(), &[], Millis(200 * MINUTE)).html();
    let time = "<td class=\"narrow\">1970-01-01T01:40:00.000Z</td>";
    assert!(page.contains("<th class=\"narrow\">entry</th>") && page.contains(time), "{page}");
    assert!(
        page.contains("<td class=\"wide\">[gross-outflow] &lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:y)</td>"),
        "{page}"
    );
    assert!(page.contains("white-space:nowrap") && page.contains("<div class=\"frame\""));
    assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
    for from_elsewhere in ["<script", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
}
