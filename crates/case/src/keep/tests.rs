use alloy_primitives::{B256, U256};
use portcullis_types::{
    chain::BlockId,
    finding::{Confidence, Maturity},
    money::Usd,
};

use super::*;
use crate::testing::{self, ID};

fn noise(n: u64) -> Finding {
    let CaseEvent::FindingRaised { finding, .. } = testing::finding(1, 0, "noise") else {
        panic!("it is a finding")
    };
    Finding {
        key: FindingKey(B256::from(U256::from(n))),
        maturity: Maturity::Stable,
        confidence: Confidence::evidence(1.0),
        ..*finding
    }
}

fn theft(n: u64) -> Finding {
    Finding { loss: Usd::dollars(320_000), confidence: Confidence::PROOF, ..noise(n) }
}

fn raise(case: &mut Case, seq: u64, finding: Finding) {
    let finding = Box::new(finding);
    case.apply(Seq(seq), Millis(seq), &CaseEvent::FindingRaised { case: ID, finding });
}

fn full() -> Case {
    let mut case = Case::open(ID, "bank".into(), Millis(0));
    (0..FINDINGS_A_CASE_MAX as u64).for_each(|n| raise(&mut case, n, noise(n)));
    case
}

fn said(case: &Case) -> Vec<&str> {
    let lines = case.timeline.iter().filter(|line| line.what == timeline::LEFT_OUT);
    lines.map(|line| line.text.as_str()).collect()
}

#[test]
fn a_theft_in_a_flood_of_noise_is_kept_and_the_noise_is_counted() {
    let mut case = full();
    assert_eq!((case.findings_dropped, said(&case).len()), (0, 0));
    raise(&mut case, 20_000, noise(20_000));
    raise(&mut case, 20_001, theft(20_001));
    assert_eq!(case.findings.len(), FINDINGS_A_CASE_MAX);
    assert!(case.findings.contains_key(&theft(20_001).key));
    assert!(!case.findings.contains_key(&noise(20_000).key));
    assert_eq!((case.findings_dropped, case.loss()), (2, Usd::dollars(320_000)));
    assert_eq!(case.gravest(1).collect::<Vec<_>>(), [theft(20_001).key]);
    for n in 0..100 {
        raise(&mut case, 30_000 + n, noise(30_000 + n));
    }
    case.leave_out(Seq(40_000), Millis(40_000), 898);
    assert_eq!(case.findings_dropped, 1_000);
    let said = said(&case);
    assert!(said.len() < 12 && said[0].starts_with("1 findings so far"), "{said:#?}");
    assert!(said.last().unwrap().starts_with("1000 findings"), "{said:#?}");
}

#[test]
fn what_was_taken_back_makes_room_first() {
    let mut case = full();
    let (key, block) = (noise(77).key, BlockId { number: 1, hash: B256::ZERO });
    let moved = |status| CaseEvent::FindingMoved { case: ID, key, status, block };
    case.apply(Seq(1), Millis(1), &moved(FindingStatus::Retracted));
    raise(&mut case, 2, noise(50_000));
    assert!(case.findings.contains_key(&noise(50_000).key), "noise is worth more than nothing");
    assert!(!case.findings.contains_key(&key));
    // It comes back, and is not known here any more.
    case.apply(Seq(3), Millis(3), &moved(FindingStatus::Seen));
    assert_eq!(case.findings.len(), FINDINGS_A_CASE_MAX);
    assert_eq!(case.ranks.0.len(), FINDINGS_A_CASE_MAX);
}

#[test]
fn a_full_timeline_still_says_what_was_done() {
    let mut case = full();
    let moved = |n: u64, status| CaseEvent::FindingMoved {
        case: ID,
        key: noise(n).key,
        status,
        block: BlockId { number: 2, hash: B256::ZERO },
    };
    for turn in 0..5 {
        let status = [FindingStatus::Retracted, FindingStatus::Seen][turn % 2];
        (0..FINDINGS_A_CASE_MAX as u64)
            .for_each(|n| case.apply(Seq(1), Millis(1), &moved(n, status)));
    }
    assert_eq!(said(&case).len(), 1, "said once");
    assert_eq!(case.timeline_dropped, (FINDINGS_A_CASE_MAX * 6 - TIMELINE_ENTRIES_MAX) as u64);
    let pull = testing::action(9, portcullis_types::action::Intent::Pull);
    case.apply(Seq(9), Millis(9), &pull);
    assert_eq!(case.timeline.last().unwrap().what, "pull");
    for _ in 0..2 * TIMELINE_RESERVE {
        case.apply(Seq(10), Millis(10), &testing::held(9));
    }
    assert_eq!(case.timeline.len(), TIMELINE_ENTRIES_MAX + TIMELINE_RESERVE);
}

#[test]
fn decisions_are_bounded_and_those_that_pulled_stay() {
    let mut case = Case::open(ID, "bank".into(), Millis(0));
    let decision = |n: u64| Decision {
        case: ID,
        protocol: "bank".into(),
        block: BlockId { number: n, hash: B256::ZERO },
        findings: Vec::new(),
        probability: 0.5,
        loss_ahead: Usd::ZERO,
        loss_so_far: Usd::ZERO,
        rungs: Vec::new(),
        chosen: (n == 3).then(|| "pause".to_owned()),
        sentence: String::new(),
        context: None,
        attacker: None,
    };
    let n_all = 2 * DECISIONS_A_CASE_MAX as u64;
    for n in 0..n_all {
        let decision = Box::new(decision(n));
        case.apply(Seq(n), Millis(n), &CaseEvent::Decided { case: ID, decision });
    }
    assert_eq!(case.decisions.len(), DECISIONS_A_CASE_MAX);
    assert_eq!(case.decisions_dropped, DECISIONS_A_CASE_MAX as u64);
    assert_eq!(case.decisions[0].block.number, 3, "it pulled");
    assert_eq!(case.decisions.last().unwrap().block.number, n_all - 1);
}
