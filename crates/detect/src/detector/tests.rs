use super::*;

fn finding(n: u64, maturity: Maturity, loss: i64, confidence: Confidence) -> Finding {
    let (name, place) = ("bank".to_owned(), B256::from(alloy_primitives::U256::from(n)));
    Finding {
        key: FindingKey::derive("d", &name, 1, place, NOBODY, &[]),
        detector: "d".to_owned(),
        maturity,
        protocol: name,
        chain: 1,
        block: BlockId { number: n, hash: place },
        transaction: None,
        actor: None,
        contract: NOBODY,
        asset: None,
        amount: None,
        loss: Usd::dollars(loss),
        outlook: Outlook::Continues,
        confidence,
        evidence: Vec::new(),
        sentence: String::new(),
    }
}

fn numbers(findings: Findings) -> (Vec<u64>, u64) {
    let (list, dropped) = findings.into_parts();
    (list.iter().map(|one| one.block.number).collect(), dropped)
}

#[test]
fn a_full_list_keeps_the_gravest_and_counts_the_rest() {
    let noise = |n| finding(n, Maturity::Stable, 0, Confidence::evidence(1.0));
    let max = FINDINGS_A_BLOCK_MAX as u64;
    let theft = |n| finding(n, Maturity::Stable, 320_000, Confidence::PROOF);
    let mut findings = Findings::default();
    (0..max + 50).for_each(|n| findings.push(noise(n)));
    findings.push(theft(9_000));
    findings.push(noise(9_001));
    findings.push(theft(9_002));
    let (kept, dropped) = numbers(findings);
    assert_eq!((kept.len() as u64, dropped), (max, 53));
    assert_eq!(kept[..3], [0, 1, 2], "of equals the newest went");
    assert_eq!(kept[kept.len() - 2..], [9_000, 9_002]);
}

#[test]
fn what_is_graver_is_stated_by_maturity_proof_loss_and_evidence_in_this_order() {
    let e = Confidence::evidence;
    let rising = [
        finding(0, Maturity::Sandbox, 1_000_000, Confidence::PROOF),
        finding(1, Maturity::Incubating, 0, e(1e9)),
        finding(2, Maturity::Stable, 0, e(1.0)),
        finding(3, Maturity::Stable, 0, e(1_000.0)),
        finding(4, Maturity::Incubating, 0, Confidence::PROOF),
        finding(5, Maturity::Stable, 10, e(2.0)),
        finding(6, Maturity::Stable, 10, e(20.0)),
        finding(7, Maturity::Stable, 500, e(1.0)),
        finding(8, Maturity::Stable, 1, Confidence::PROOF),
        finding(9, Maturity::Stable, 2, Confidence::PROOF),
    ];
    for pair in rising.windows(2) {
        assert!(pair[0].gravity() < pair[1].gravity(), "{:?}", pair[1].block.number);
    }
    let strange = finding(1, Maturity::Stable, 0, e(f64::NAN));
    assert_eq!(strange.gravity(), finding(1, Maturity::Stable, 0, e(-1.0)).gravity());
}
