//! What happened in a case, and what is told of it.

use alloy_primitives::{Address, B256, Bytes};
use portcullis_types::{
    action::{Outcome, Rung},
    approval::ApprovalKind,
    chain::{BlindCause, BlockId},
    decision::RungWeighed,
    finding::Confidence,
    ids::{EffectId, FindingKey},
};

use super::*;

const AT: Millis = Millis(1_788_221_100_000);

fn case() -> CaseId {
    CaseId(Seq(42))
}

fn block() -> BlockId {
    BlockId { number: 7, hash: B256::repeat_byte(7) }
}

fn finding(maturity: Maturity, is_proof: bool, loss: i64) -> Finding {
    Finding {
        key: FindingKey(B256::repeat_byte(1)),
        detector: "gross-outflow".to_owned(),
        maturity,
        protocol: "vault".to_owned(),
        chain: 1,
        block: block(),
        transaction: Some(B256::repeat_byte(2)),
        actor: Some(Address::repeat_byte(3)),
        contract: Address::repeat_byte(4),
        asset: None,
        amount: None,
        loss: Usd::dollars(loss),
        outlook: Outlook::Continues,
        confidence: if is_proof { Confidence::PROOF } else { Confidence::evidence(20.0) },
        evidence: (0..12).map(|n| format!("fact {n}")).collect(),
        sentence: "more left than is allowed".to_owned(),
    }
}

fn decision(chosen: Option<&str>, verdict: Verdict) -> CaseEvent {
    let rung = RungWeighed {
        rung: Rung::Market,
        lever: "pause".to_owned(),
        false_stop_cost: Usd::dollars(1),
        loss_prevented: Usd::dollars(9),
        threshold: 0.1,
        verdict,
        false_stop_parts: None,
    };
    let decision = Decision {
        case: case(),
        protocol: "vault".to_owned(),
        block: block(),
        findings: Vec::new(),
        probability: 0.9,
        loss_ahead: Usd::dollars(9),
        loss_so_far: Usd::dollars(1),
        rungs: vec![rung],
        chosen: chosen.map(str::to_owned),
        sentence: "pull it".to_owned(),
        context: None,
        attacker: None,
    };
    CaseEvent::Decided { case: case(), decision: Box::new(decision) }
}

fn moved(outcome: Outcome) -> CaseEvent {
    CaseEvent::ActionMoved { case: case(), action: EffectId { seq: Seq(12), index: 0 }, outcome }
}

#[test]
fn brakes_are_told_with_and_without_a_case() {
    let alert = |standing| BrakeAlert {
        protocol: "vault".to_owned(),
        brake: "lever pause".to_owned(),
        standing,
        why: String::new(),
    };
    let alerts = [alert(Standing::Broken), alert(Standing::Works)];
    let told = brake_notices(Seq(50), AT, &alerts);
    let found: Vec<_> = told.iter().map(|(_, notice)| (notice.kind, notice.severity)).collect();
    assert_eq!(found, [(Kind::BrakeFailed, Severity::P1), (Kind::Action, Severity::P3)]);
    assert!(told[0].0 != told[1].0);
    let [alert, _] = alerts;
    let event = CaseEvent::BrakeMoved { case: case(), alert };
    assert_eq!(notices(Seq(50), AT, &[event], None), [], "not twice");
}

#[test]
fn severity_follows_proof_loss_and_maturity() {
    let cases = [
        (Maturity::Stable, true, 1, Severity::P1),
        (Maturity::Incubating, true, 1, Severity::P1),
        (Maturity::Stable, true, 0, Severity::P2),
        (Maturity::Stable, false, 1, Severity::P2),
        (Maturity::Stable, false, 0, Severity::P3),
        (Maturity::Incubating, false, 1, Severity::P4),
        (Maturity::Sandbox, true, 1, Severity::P5),
    ];
    for (maturity, is_proof, loss, expected) in cases {
        assert_eq!(
            severity_of(&finding(maturity, is_proof, loss)),
            expected,
            "{maturity:?} {is_proof} {loss}"
        );
    }
    let all = Finding { outlook: Outlook::AllAtRisk, ..finding(Maturity::Stable, true, 0) };
    assert_eq!(severity_of(&all), Severity::P1);
}

#[test]
fn every_event_is_told_as_what_it_is() {
    let hash = B256::repeat_byte(9);
    let forbidden = Verdict::Forbidden { why: "budget".to_owned() };
    let why = || "no gas".to_owned();
    let raw = Outcome::Prepared {
        hash,
        nonce: 1,
        raw: Bytes::from_static(&[1]),
        max_fee_per_gas: 1,
        max_priority_fee_per_gas: 1,
    };
    let cases = [
        (decision(Some("pause"), Verdict::Act), Some((Kind::Decision, Severity::P1))),
        (decision(None, forbidden), Some((Kind::ApprovalNeeded, Severity::P1))),
        (decision(None, Verdict::BelowThreshold), Some((Kind::Decision, Severity::P5))),
        (moved(raw), None),
        (moved(Outcome::Sent { hash }), Some((Kind::Action, Severity::P3))),
        (
            moved(Outcome::Mined { hash, block: block(), success: false }),
            Some((Kind::BrakeFailed, Severity::P1)),
        ),
        (moved(Outcome::Held { block: block(), by_us: true }), Some((Kind::Action, Severity::P2))),
        (moved(Outcome::Refused { why: why() }), Some((Kind::BrakeFailed, Severity::P1))),
        (moved(Outcome::Failed { why: why() }), Some((Kind::BrakeFailed, Severity::P1))),
        (
            CaseEvent::LossAfterHold {
                case: case(),
                lever: "pause".to_owned(),
                loss: Usd::dollars(5),
            },
            Some((Kind::BrakeFailed, Severity::P1)),
        ),
        (
            CaseEvent::LeverFoundReleased {
                case: case(),
                lever: "pause".to_owned(),
                block: block(),
            },
            Some((Kind::BrakeFailed, Severity::P1)),
        ),
        (CaseEvent::Dissolved { case: case() }, Some((Kind::Resolved, Severity::P3))),
        (
            CaseEvent::ApprovalLapsed {
                case: case(),
                kind: ApprovalKind::Pull,
                lever: "pause".to_owned(),
            },
            Some((Kind::StepOverdue, Severity::P1)),
        ),
    ];
    for (event, expected) in cases {
        let told = notices(Seq(50), AT, std::slice::from_ref(&event), None);
        let found = told.first().map(|(_, notice)| (notice.kind, notice.severity));
        assert_eq!(found, expected, "{event:?}");
        for (_, notice) in told {
            assert_eq!((notice.case, notice.public), (Some(case()), None));
        }
    }
}

#[test]
fn a_step_is_told_under_the_same_keys_every_time() {
    let raised = CaseEvent::FindingRaised {
        case: case(),
        finding: Box::new(finding(Maturity::Stable, true, 9)),
    };
    let opened = CaseEvent::Opened { case: case(), protocol: "vault".to_owned() };
    let events = [opened, raised, CaseEvent::Dissolved { case: case() }];
    let base: Url = "https://ir.example/cases/".parse().unwrap();
    let told = notices(Seq(50), AT, &events, Some(&base));
    assert_eq!(told, notices(Seq(50), AT, &events, Some(&base)));
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["50.0", "50.1", "50.2"]);
    let [(_, opened), (_, finding), _] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (opened.kind, opened.severity),
        (Kind::Declared, Severity::P1),
        "as bad as its worst finding"
    );
    assert_eq!(opened.link.as_ref().unwrap().as_str(), "https://ir.example/cases/PC-000042");
    assert_eq!(finding.parts_left_out, 4);
    assert!(finding.parts.iter().all(|part| part.secrecy == Secrecy::WhileContaining));
}

#[test]
fn blindness_is_told_of_each_chain() {
    let cause = BlindCause::Unreachable { detail: "refused".to_owned() };
    let event = ChainEvent::Blind { chain: 10, from: 5, to: 9, cause };
    let notice = blind_notice(AT, &event).unwrap();
    assert_eq!(
        (notice.kind, notice.severity, notice.group.as_str()),
        (Kind::Blind, Severity::P2, "blind/10")
    );
    let reorg = ChainEvent::Reorged { chain: 10, old: Vec::new(), new: Vec::new() };
    assert!(blind_notice(AT, &reorg).is_none());
}
