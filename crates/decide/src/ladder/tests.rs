use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    action::{Call, Rung, Undo, ViewCheck},
    finding::{Confidence, Maturity, Outlook},
    ids::{FindingKey, Seq},
};
use proptest::prelude::*;

use super::*;
use crate::posterior::posterior;

pub(super) const A: Address = Address::repeat_byte(0xa1);
pub(super) const B: Address = Address::repeat_byte(0xb2);

pub(super) fn lever(name: &str, rung: Rung, covers: &[Address], cost: i64) -> LeverState {
    let call = Call { to: A, data: Bytes::new(), gas_limit: 100_000 };
    let verify = ViewCheck {
        to: A,
        data: Bytes::new(),
        expect: U256::from(1),
        meaning: String::new(),
        word: 0,
    };
    let lever = Lever {
        name: name.to_owned(),
        rung,
        chain: 1,
        covers: covers.to_vec(),
        preflight: Vec::new(),
        call,
        verify,
        undo: Undo::ByExpiry,
        hold_seconds: 3_600,
        false_stop_cost: Usd::dollars(cost),
        traps: Vec::new(),
        warden: None,
        false_stop_parts: None,
        forms: Vec::new(),
    };
    LeverState { lever, state: State::Idle, pulled_at: None }
}

pub(super) fn finding(contract: Address, dollars: i64, confidence: Confidence) -> Finding {
    Finding {
        // A finding of its own by contract.
        key: FindingKey(contract.into_word()),
        detector: "gross-outflow".to_owned(),
        maturity: Maturity::Stable,
        protocol: "test".to_owned(),
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        transaction: None,
        actor: None,
        contract,
        asset: None,
        amount: None,
        loss: Usd::dollars(dollars),
        outlook: Outlook::Continues,
        confidence,
        evidence: Vec::new(),
        sentence: String::new(),
    }
}

const NOW: Millis = Millis(1_000_000_000);

/// A case of findings that began one block ago, with a million dollars left.
pub(super) fn facts<'a>(findings: &'a [Finding], levers: &'a [LeverState]) -> Facts<'a> {
    Facts {
        case: CaseId(Seq(7)),
        protocol: "test",
        block: BlockId { number: 1, hash: B256::ZERO },
        now: NOW,
        findings,
        loss_so_far: findings.iter().map(|finding| finding.loss).sum(),
        value_left: Usd::dollars(1_000_000),
        first_seen: Millis(NOW.0 - 12_000),
        levers,
        spent_today: Usd::ZERO,
        pulls_today: 0,
        detectors_configured: 4,
        chain: 1,
        context: &[],
        approved: None,
        barred: None,
    }
}

pub(super) fn acting() -> Policy {
    Policy { autonomy: Autonomy::Act.into(), ..Policy::default() }
}

/// Throttle of A, stops of A and of B, stop of everything.
pub(super) fn ladder() -> Vec<LeverState> {
    vec![
        lever("stop-all", Rung::Protocol, &[A, B], 50_000),
        lever("stop-a", Rung::Market, &[A], 5_000),
        lever("stop-b", Rung::Market, &[B], 5_000),
        lever("throttle-a", Rung::Throttle, &[A], 100),
    ]
}

/// What is chosen, and the verdicts gentlest first: a(ct), n(ot needed), d(oes not stop it), b(elow), p(ulled), f(orbidden).
pub(super) fn check(
    name: &str,
    policy: &Policy,
    facts: &Facts<'_>,
    chosen: Option<&str>,
    verdicts: &str,
) {
    let decision = weigh(policy, facts);
    let letter = |rung: &RungWeighed| match rung.verdict {
        Verdict::Act => 'a',
        Verdict::NotNeeded => 'n',
        Verdict::DoesNotStopIt => 'd',
        Verdict::BelowThreshold => 'b',
        Verdict::AlreadyPulled => 'p',
        Verdict::Forbidden { .. } => 'f',
        Verdict::Recommended => 'r',
        Verdict::AwaitsSignature => 's',
    };
    let letters: String = decision.rungs.iter().map(letter).collect();
    assert_eq!(
        (decision.chosen.as_deref(), letters.as_str()),
        (chosen, verdicts),
        "{name}: {decision:#?}"
    );
}

#[test]
fn the_gentlest_lever_that_stops_it_is_pulled() {
    let (policy, levers) = (acting(), ladder());
    let on = |contract, dollars| finding(contract, dollars, Confidence::PROOF);
    check("one contract", &policy, &facts(&[on(A, 10_000)], &levers), Some("throttle-a"), "andn");
    check("the other", &policy, &facts(&[on(B, 10_000)], &levers), Some("stop-b"), "ddan");
    check(
        "both",
        &policy,
        &facts(&[on(A, 10_000), on(B, 10_000)], &levers),
        Some("stop-all"),
        "ddda",
    );
    check("a stranger's", &policy, &facts(&[on(Address::ZERO, 10_000)], &levers), None, "dddd");
    check("nothing", &policy, &facts(&[], &levers), None, "dddd");
    let weak = [finding(A, 10_000, Confidence::evidence(100.0))];
    check("weak evidence", &policy, &facts(&weak, &levers), None, "bbdb");
    let none_lost = [on(A, 0)];
    check("nothing to lose", &policy, &facts(&none_lost, &levers), None, "bbdb");
    let mut at_risk = [on(A, 0)];
    at_risk[0].outlook = Outlook::AllAtRisk;
    check("all to lose", &policy, &facts(&at_risk, &levers), Some("throttle-a"), "andn");
    let announced = finding(B, 0, Confidence::evidence(1.0));
    let noise = [on(A, 10_000), announced.clone()];
    check(
        "with an announced change beside",
        &policy,
        &facts(&noise, &levers),
        Some("throttle-a"),
        "andn",
    );
    check("only announced", &policy, &facts(&[announced], &levers), None, "dddd");
    let mut elsewhere = [on(A, 10_000)];
    elsewhere[0].chain = 2;
    check("another chain", &policy, &facts(&elsewhere, &levers), None, "dddd");
}

#[test]
fn without_a_lever_for_all_the_largest_loss_is_stopped_first() {
    let policy = acting();
    let findings = [finding(A, 1_000, Confidence::PROOF), finding(B, 9_000, Confidence::PROOF)];
    let mut levers = ladder();
    levers.remove(0);
    check("both open", &policy, &facts(&findings, &levers), Some("stop-b"), "dda");
    levers[1].state = State::Pulling;
    levers[1].pulled_at = Some(NOW);
    check("then the other", &policy, &facts(&findings, &levers), Some("throttle-a"), "anp");
    levers[2].state = State::Held;
    check("both covered", &policy, &facts(&findings, &levers), None, "pnp");
    let decision = weigh(&policy, &facts(&findings, &levers));
    assert!(decision.sentence.contains("throttle-a is pulled already"), "{}", decision.sentence);
}

#[test]
fn a_lever_that_does_not_work_gives_way_to_the_next() {
    let policy = acting();
    let findings = [finding(A, 10_000, Confidence::PROOF)];
    let mut levers = ladder();
    levers[3].state = State::Refused { why: "it holds, and value still leaves".to_owned() };
    check("refused", &policy, &facts(&findings, &levers), Some("stop-a"), "fadn");
    levers[1].state = State::Refused { why: "the verify view is false".to_owned() };
    check("both refused", &policy, &facts(&findings, &levers), Some("stop-all"), "ffda");
}

#[test]
fn an_old_case_does_not_make_a_new_drain_look_slow() {
    let levers = vec![lever("stop-a", Rung::Market, &[A], 20_000)];
    let at = |block, key, dollars| Finding {
        key: FindingKey(B256::repeat_byte(key)),
        block: BlockId { number: block, hash: B256::ZERO },
        ..finding(A, dollars, Confidence::PROOF)
    };
    let ahead = |findings: &[Finding], newest| {
        let facts = Facts {
            first_seen: Millis(NOW.0 - 36_000_000),
            block: BlockId { number: newest, hash: B256::ZERO },
            ..facts(findings, &levers)
        };
        weigh(&acting(), &facts).loss_ahead
    };
    // 150 blocks are 1,800 s: a block's loss is lost 150 times until people have stopped it.
    assert_eq!(ahead(&[at(1, 1, 10), at(3_000, 2, 1_000)], 3_000), Usd::dollars(150_000));
    assert_eq!(ahead(&[at(1, 1, 10), at(3_000, 2, 1_000)], 3_001), Usd::dollars(75_000));
    assert_eq!(ahead(&[at(2_999, 1, 1_000), at(3_000, 2, 10)], 3_000), Usd::dollars(75_750));
    // Two detectors that saw the same transaction saw one loss. By the clock it would be 10 hours old.
    let mut twice = [at(3_000, 1, 1_000), at(3_000, 2, 900)];
    for finding in &mut twice {
        finding.transaction = Some(B256::repeat_byte(7));
    }
    assert_eq!(ahead(&twice, 3_000), Usd::dollars(150_000));
}

#[test]
fn guardrails_forbid_and_say_why() {
    let findings = [finding(A, 10_000, Confidence::PROOF)];
    let levers = vec![lever("stop-a", Rung::Market, &[A], 5_000)];
    let why = |policy: &Policy, facts: &Facts<'_>| match &weigh(policy, facts).rungs[0].verdict {
        Verdict::Forbidden { why } => why.clone(),
        other => format!("{other:?}"),
    };
    let act = acting();
    let plain = facts(&findings, &levers);
    assert_eq!(why(&act, &plain), "Act");
    assert!(why(&Policy::default(), &plain).starts_with("autonomy"));
    let poor = Policy { budget_usd_per_day: Usd::dollars(7_000), ..act.clone() };
    assert_eq!(why(&poor, &plain), "Act");
    assert!(
        why(&poor, &Facts { spent_today: Usd::dollars(2_001), ..plain.clone() })
            .starts_with("budget")
    );
    assert!(why(&act, &Facts { pulls_today: 3, ..plain.clone() }).starts_with("pulls"));
    let mut again = levers.clone();
    again[0].pulled_at = Some(Millis(NOW.0 - 3_599_000));
    assert!(why(&act, &facts(&findings, &again)).contains("1 s to go"));
    again[0].pulled_at = Some(Millis(NOW.0 - 3_600_000));
    assert_eq!(why(&act, &facts(&findings, &again)), "Act");
    let mut young = findings.clone();
    young[0].maturity = Maturity::Incubating;
    assert!(why(&act, &facts(&young, &levers)).starts_with("maturity"));

    // A lever held since the day before yesterday is paid for every day.
    let mut held = vec![levers[0].clone(), lever("stop-b", Rung::Market, &[B], 5_000)];
    held[1].state = State::Held;
    held[1].pulled_at = Some(Millis(NOW.0 - 2 * DAY_MILLIS));
    assert!(why(&poor, &facts(&findings, &held)).starts_with("budget"));
}

#[test]
fn the_sentence_carries_the_numbers() {
    let levers = vec![lever("pause-market", Rung::Market, &[A], 20_000)];
    let findings = [finding(A, 10_000, Confidence::PROOF)];
    let plain = facts(&findings, &levers);
    let plain = Facts { value_left: Usd::dollars(1_600_000), ..plain };
    let sentence = |policy: &Policy, facts: &Facts<'_>| weigh(policy, facts).sentence;
    let act = acting();
    // 10,000 dollars in one block of 12 s are 1.5 million in 1,800 s.
    assert_eq!(
        sentence(&act, &plain),
        "p = 0.9960 > 0.0131 = 20,000 / (20,000 + 1,500,000): pull pause-market"
    );
    assert!(
        sentence(&Policy::default(), &plain)
            .ends_with("recommend pause-market (autonomy is observe)")
    );
    let spent = Facts { spent_today: Usd::dollars(90_000), ..plain.clone() };
    assert!(
        sentence(&act, &spent).contains("pause-market is not pulled: budget: 90,000.00 committed")
    );
    let nothing = sentence(&act, &facts(&[], &levers));
    assert!(nothing.ends_with("nothing was found that has to be stopped"), "{nothing}");
    let weak = [finding(A, 10_000, Confidence::evidence(10.0))];
    assert_eq!(
        sentence(&act, &facts(&weak, &levers)),
        "p = 3.25e-6 ≤ 0.0196 = 20,000 / (20,000 + 1,000,000): nothing is pulled"
    );
    assert!(
        sentence(&act, &facts(&findings, &[])).ends_with("no lever stops this, people must act")
    );
}

pub(super) fn any_finding() -> impl Strategy<Value = Finding> {
    let detectors =
        prop::sample::select(vec!["control-plane", "gross-outflow", "invariant", "reentrancy"]);
    let contracts = prop::sample::select(vec![A, B, Address::ZERO]);
    let maturities =
        prop::sample::select(vec![Maturity::Sandbox, Maturity::Stable, Maturity::Stable]);
    let e_values =
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), 0.0..1e10f64, 0.0..100.0f64];
    (detectors, contracts, maturities, e_values, any::<bool>(), any::<bool>(), -10i64..100_000)
        .prop_map(|(detector, contract, maturity, e_value, proof, at_risk, dollars)| {
            let mut finding = finding(contract, dollars, Confidence { e_value, proof });
            finding.detector = detector.to_owned();
            finding.maturity = maturity;
            finding.outlook = if at_risk { Outlook::AllAtRisk } else { Outlook::Continues };
            finding
        })
}

pub(super) fn any_levers() -> impl Strategy<Value = Vec<LeverState>> {
    let rungs =
        prop::sample::select(vec![Rung::Throttle, Rung::Function, Rung::Market, Rung::Protocol]);
    let covers = prop::sample::subsequence(vec![A, B], 0..=2);
    let state = prop_oneof![
        4 => Just(State::Idle),
        1 => Just(State::Pulling),
        1 => Just(State::Held),
        1 => Just(State::Refused { why: "x".to_owned() }),
    ];
    let pulled = prop::option::weighted(0.3, 0u64..2 * DAY_MILLIS);
    let one = (rungs, covers, 0i64..60_000, state, pulled).prop_map(
        |(rung, covers, cost, state, ago)| {
            let pulled_at = ago.map(|ago| Millis(NOW.0.saturating_sub(ago)));
            LeverState { state, pulled_at, ..lever("x", rung, &covers, cost) }
        },
    );
    prop::collection::vec(one, 0..6).prop_map(|mut levers| {
        for (index, state) in levers.iter_mut().enumerate() {
            state.lever.name = format!("lever-{index}");
        }
        levers
    })
}

proptest! {
    #[test]
    fn more_evidence_never_lowers_the_probability(
        findings in prop::collection::vec(any_finding(), 0..6),
        more in any_finding(),
    ) {
        let policy = acting();
        let before = posterior(&policy, &findings, 4);
        let after = posterior(&policy, &[findings, vec![more]].concat(), 4);
        prop_assert!((0.0..1.0).contains(&before) && after >= before && after < 1.0, "{before} {after}");
    }

    #[test]
    fn a_dearer_stop_never_fires_earlier(
        findings in prop::collection::vec(any_finding(), 1..6),
        cheap in 0i64..60_000,
        dearer in 0i64..60_000,
    ) {
        let policy = acting();
        let chosen = |cost| {
            let levers = [lever("stop-all", Rung::Protocol, &[A, B, Address::ZERO], cost)];
            weigh(&policy, &facts(&findings, &levers)).chosen.is_some()
        };
        prop_assert!(chosen(cheap) || !chosen(cheap + dearer));
    }

    #[test]
    fn what_is_chosen_is_within_the_guardrails_and_the_gentlest(
        findings in prop::collection::vec(any_finding(), 0..6),
        levers in any_levers(),
        spent in 0i64..120_000,
        pulls in 0u32..5,
    ) {
        let policy = acting();
        let facts = Facts { spent_today: Usd::dollars(spent), pulls_today: pulls, ..facts(&findings, &levers) };
        let decision = weigh(&policy, &facts);
        prop_assert_eq!(&decision, &weigh(&policy, &facts), "the same facts, the same decision");
        let acts: Vec<&RungWeighed> =
            decision.rungs.iter().filter(|rung| rung.verdict == Verdict::Act).collect();
        prop_assert!(acts.len() <= 1 && acts.len() == usize::from(decision.chosen.is_some()));
        prop_assert_eq!(decision.rungs.len(), levers.len());
        prop_assert!(decision.rungs.is_sorted_by_key(|rung| (rung.rung, rung.false_stop_cost)));
        if let Some(act) = acts.first() {
            let state = levers.iter().find(|state| state.lever.name == act.lever).unwrap();
            let need = Need::of(&policy, &facts);
            prop_assert!(decision.probability > act.threshold);
            let held_from_before: i64 = levers
                .iter()
                .filter(|s| matches!(s.state, State::Held | State::Pulling))
                .filter(|s| s.pulled_at.is_none_or(|at| NOW.0 - at.0 >= DAY_MILLIS))
                .map(|s| (s.lever.false_stop_cost.0 / Usd::ONE_MICROS) as i64)
                .sum();
            let committed = Usd::dollars(spent + held_from_before);
            prop_assert!(committed + act.false_stop_cost <= policy.budget_usd_per_day);
            prop_assert!(pulls < policy.pulls_per_day_max && state.state == State::Idle);
            prop_assert!(findings.iter().any(|f| f.maturity == Maturity::Stable && state.lever.covers.contains(&f.contract)));
            // Nothing gentler that reaches as far was worth it and allowed.
            for rung in decision.rungs.iter().take_while(|rung| rung.lever != act.lever) {
                let gentler = levers.iter().find(|state| state.lever.name == rung.lever).unwrap();
                let reaches = need.reach(gentler) >= need.reach(state);
                let ruled_out = matches!(rung.verdict, Verdict::BelowThreshold | Verdict::Forbidden { .. });
                prop_assert!(!reaches || ruled_out);
            }
        }
        let observing = weigh(&Policy::default(), &facts);
        prop_assert_eq!(observing.chosen, None, "a policy that observes never acts");
    }
}
