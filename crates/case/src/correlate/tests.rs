use alloy_primitives::keccak256;
use portcullis_types::ids::Seq;
use proptest::prelude::*;

use super::*;

const DAY: u64 = 86_400_000;

fn address(number: u64) -> Address {
    let hash = keccak256(number.to_be_bytes());
    Address::from_slice(&hash[..20])
}

fn case(number: u64) -> CaseId {
    CaseId(Seq(number))
}

fn by(actor: u64) -> Sighting {
    Sighting {
        at: Millis(DAY),
        chain: 1,
        protocol: "bank".into(),
        actor: Some(address(actor)),
        ..Sighting::default()
    }
}

fn paid_by(actor: u64, payer: u64, funded: Option<u32>) -> Sighting {
    Sighting { funders: vec![Funder { address: address(payer), funded }], ..by(actor) }
}

fn shown(reasons: &[Reason]) -> Vec<(u64, bool)> {
    reasons.iter().map(|reason| (reason.earlier.0.0, reason.joins)).collect()
}

#[test]
fn what_authors_share_joins_their_cases() {
    let tree = |frames| Some((B256::repeat_byte(1), frames));
    let contract = |chain| Sighting { chain, contracts: vec![address(70)], ..by(2) };
    let cases = [
        ("same sender on another chain", by(1), Sighting { chain: 10, ..by(1) }, Some(true)),
        ("same funder", paid_by(1, 50, Some(3)), paid_by(2, 50, Some(3)), Some(true)),
        ("a funder of many", paid_by(1, 50, Some(9_000)), paid_by(2, 50, Some(9_000)), Some(false)),
        ("a funder nobody looked into", paid_by(1, 50, None), paid_by(2, 50, None), Some(false)),
        (
            "same contract",
            Sighting { contracts: vec![address(70)], ..by(1) },
            contract(1),
            Some(true),
        ),
        (
            "same address elsewhere",
            Sighting { contracts: vec![address(70)], ..by(1) },
            contract(10),
            None,
        ),
        (
            "same call tree",
            Sighting { call_tree: tree(8), ..by(1) },
            Sighting { call_tree: tree(8), ..by(2) },
            Some(true),
        ),
        (
            "a short call tree",
            Sighting { call_tree: tree(7), ..by(1) },
            Sighting { call_tree: tree(7), ..by(2) },
            None,
        ),
        ("an exchange", paid_by(1, 999, Some(1)), paid_by(2, 999, Some(1)), None),
    ];
    for (name, first, second, joins) in cases {
        let mut correlator = Correlator::new([address(999)].into());
        assert_eq!(correlator.observe(case(3), &first), []);
        let reasons = correlator.observe(case(9), &second);
        assert_eq!(
            shown(&reasons),
            joins.map(|joins| (3, joins)).into_iter().collect::<Vec<_>>(),
            "{name}"
        );
        let is_joined = joins == Some(true);
        assert_eq!(correlator.group(case(9)).len(), if is_joined { 2 } else { 1 }, "{name}");
        assert_eq!(correlator.why(case(3)).len(), usize::from(is_joined), "{name}");
        let placed = correlator.place(&second).map(|(case, _)| case);
        assert_eq!(placed, Some(case(if is_joined { 3 } else { 9 })), "{name}");
    }
}

#[test]
fn a_failure_upstream_joins_for_a_day() {
    let at =
        |millis| Sighting { at: Millis(millis), upstream: Some("oracle".into()), ..by(millis) };
    let mut correlator = Correlator::new(BTreeSet::new());
    correlator.observe(case(1), &at(0));
    assert_eq!(shown(&correlator.observe(case(2), &at(DAY))), [(1, true)]);
    assert_eq!(shown(&correlator.observe(case(3), &at(2 * DAY + 1))), [(1, false)]);
}

#[test]
fn an_attacker_of_sixty_days_ago_is_known_and_says_why() {
    let mut correlator = Correlator::new(BTreeSet::new());
    correlator.observe(case(1), &paid_by(1, 50, Some(2)));
    correlator.set_open(case(1), false);
    let later = Sighting { at: Millis(61 * DAY), chain: 8453, ..paid_by(2, 50, Some(2)) };
    let (found, why) = correlator.place(&later).unwrap();
    assert_eq!(found, case(1));
    assert_eq!((why[0].seen_before, why[0].joins), (Millis(DAY), true));
    let reasons = correlator.observe(case(2), &later);
    let wanted =
        format!("PC-000002 belongs to PC-000001: paid for by the same account {}", address(50));
    assert_eq!(reasons[0].to_string(), wanted);
}

#[test]
fn what_too_many_share_stops_joining() {
    let mut correlator = Correlator::new(BTreeSet::new());
    for number in 0..40 {
        let sighting = Sighting { contracts: vec![address(70)], ..by(1_000 + number) };
        correlator.observe(case(number), &sighting);
    }
    assert_eq!(correlator.group(case(0)).len(), ACTORS_A_TRAIT_MAX + 1);
    assert_eq!(correlator.group(case(39)).len(), 1);
}

#[test]
fn a_million_findings_fit_and_open_cases_are_kept() {
    let mut correlator = Correlator::new(BTreeSet::new());
    let kept = paid_by(1, 50, Some(2));
    correlator.observe(case(0), &kept);
    for number in 1..1_000_000_u64 {
        let id = case(number / 4 + 1);
        let sighting = Sighting {
            at: Millis(number),
            contracts: vec![address(number + 2_000_000)],
            ..by(number + 4_000_000)
        };
        correlator.observe(id, &sighting);
        if number % 4 == 3 {
            correlator.set_open(id, false);
        }
    }
    let used = correlator.memory_use();
    assert!(used.traits <= TRAITS_MAX && used.cases <= CASES_MAX, "{used:?}");
    assert!(used.evicted > 1_000_000, "{used:?}");
    assert_eq!(correlator.place(&kept).map(|(case, _)| case), Some(case(0)), "still open");
    // One loud open case does not push the others out.
    let loud = case(10_000_000);
    for number in 0..10_000 {
        correlator.observe(loud, &by(9_000_000 + number));
    }
    assert!(correlator.memory_use().refused >= 10_000 - TRAITS_A_CASE_MAX as u64);
    correlator.set_open(case(0), false);
    assert!(correlator.place(&kept).is_some(), "closed is not yet forgotten");
}

fn sightings() -> impl Strategy<Value = Vec<(CaseId, Sighting)>> {
    let funded =
        |funder: u64| if funder.is_multiple_of(3) { None } else { Some((funder % 5 * 10) as u32) };
    let sighting = (0_u64..12, 0_u64..30, 0_u64..12, 0_u64..10, 0_u64..8, 1_u64..3).prop_map(
        move |(id, actor, funder, contract, tree, chain)| {
            let sighting = Sighting {
                chain,
                contracts: vec![address(500 + contract)],
                call_tree: Some((B256::with_last_byte(tree as u8), (tree * 3) as u32)),
                ..paid_by(actor, 100 + funder, funded(funder))
            };
            (case(id), sighting)
        },
    );
    proptest::collection::vec(sighting, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn groups_do_not_depend_on_the_order(
        (sightings, shuffled) in sightings().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let groups = |all: &[(CaseId, Sighting)]| {
            let mut correlator = Correlator::new([address(101)].into());
            for (case, sighting) in all {
                correlator.observe(*case, sighting);
            }
            (0..12).map(|id| correlator.group(case(id))).collect::<Vec<_>>()
        };
        prop_assert_eq!(groups(&sightings), groups(&shuffled));
    }

    #[test]
    fn infrastructure_joins_nobody(
        users in proptest::collection::vec((0_u64..1_000, any::<Option<u32>>(), any::<bool>()), 1..60)
    ) {
        // An exchange (listed) and a mixer (known by its many accounts, or not looked into) pay for everybody.
        let mut correlator = Correlator::new([address(77)].into());
        for (number, (_, funded, listed)) in users.iter().enumerate() {
            let number = number as u64;
            let funder = if *listed { 77 } else { 78 };
            let funded = if *listed { *funded } else { funded.filter(|funded| *funded > FUNDED_MAX) };
            let mut sighting = paid_by(10_000 + number, funder, funded);
            // Behind an exchange or a mixer stands no person.
            sighting.funders.push(Funder { address: address(79), funded: Some(1) });
            if *listed {
                sighting.contracts.push(address(77));
            }
            correlator.observe(case(number), &sighting);
        }
        for number in 0..users.len() as u64 {
            prop_assert_eq!(correlator.group(case(number)).len(), 1);
        }
    }
}
