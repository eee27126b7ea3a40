use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    finding::{Confidence, Outlook},
    ids::FindingKey,
    money::Usd,
};
use proptest::prelude::*;

use super::*;
use crate::posterior::{Sight, posterior_of};

const NOW: Millis = Millis(1_000_000_000);

fn finding(detector: &str, maturity: Maturity, e_value: f64) -> Finding {
    Finding {
        key: FindingKey(B256::ZERO),
        detector: detector.to_owned(),
        maturity,
        protocol: "test".to_owned(),
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        transaction: None,
        actor: None,
        contract: Address::ZERO,
        asset: None,
        amount: None,
        loss: Usd::ZERO,
        outlook: Outlook::Continues,
        confidence: Confidence::evidence(e_value),
        evidence: Vec::new(),
        sentence: String::new(),
    }
}

fn policy() -> Policy {
    Policy { context: Some(Context::default()), ..Policy::default() }
}

fn seen(kind: ContextKind, seconds_ago: u64) -> ContextSeen {
    ContextSeen { kind, at: Millis(NOW.0 - seconds_ago * 1_000) }
}

#[test]
fn findings_of_incubating_detectors_are_context_by_their_class() {
    let mut context = Context::default();
    let kind =
        |context: &Context, detector, maturity| context.kind_of(&finding(detector, maturity, 1.0));
    let young = Maturity::Incubating;
    assert_eq!(kind(&context, "contagion", young), Some(ContextKind::UpstreamHit));
    assert_eq!(
        kind(&context, "adversarial-deployment", young),
        Some(ContextKind::HostileDeployment)
    );
    assert_eq!(kind(&context, "stale-oracle", young), Some(ContextKind::StaleOracle));
    assert_eq!(kind(&context, "failed-attempts", young), Some(ContextKind::FailedAttempts));
    assert_eq!(kind(&context, "rules/oracle-is-stale", young), None);
    context.sources =
        BTreeMap::from([(ContextKind::StaleOracle, vec!["rules/oracle-is-stale".to_owned()])]);
    assert_eq!(kind(&context, "rules/oracle-is-stale", young), Some(ContextKind::StaleOracle));
    // A sandbox says nothing, and what is stable is evidence.
    for maturity in [Maturity::Sandbox, Maturity::Stable] {
        assert_eq!(kind(&context, "contagion", maturity), None);
    }
}

#[test]
fn factors_multiply_up_to_the_limit_and_expire() {
    let factor =
        |seen: &[ContextSeen]| weigh_context(&policy(), seen, NOW).map(|context| context.factor);
    let (hit, failed) = (ContextKind::UpstreamHit, ContextKind::FailedAttempts);
    assert_eq!(factor(&[]), None);
    assert_eq!(factor(&[seen(hit, 10)]), Some(10.0));
    assert_eq!(factor(&[seen(hit, 10), seen(hit, 20)]), Some(10.0), "a kind counts once");
    assert_eq!(factor(&[seen(hit, 10), seen(failed, 20)]), Some(30.0), "50, and 30 is the limit");
    assert_eq!(factor(&[seen(failed, 7_199)]), Some(5.0));
    assert_eq!(factor(&[seen(failed, 7_200)]), None);
    assert_eq!(weigh_context(&Policy::default(), &[seen(hit, 10)], NOW), None, "not configured");
    let weighed = weigh_context(&policy(), &[seen(hit, 10)], NOW).unwrap();
    assert_eq!(weighed.facts[0].until, Millis(NOW.0 + 7_190_000));
    assert!((weighed.raised - 1e-5).abs() < 1e-18, "{weighed:?}");
    let bold = Policy { prior_per_block: 0.4, ..policy() };
    let weighed = weigh_context(&bold, &[seen(hit, 10)], NOW).unwrap();
    assert_eq!(weighed.raised.to_bits(), PRIOR_MAX.to_bits());
}

/// A policy that nobody validated: factors below 1, infinite or no numbers must not loosen either.
fn any_factor() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-3.0), Just(0.0), 0.0..200.0f64]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let prior = prop_oneof![Just(1e-6), 1e-9..0.5f64, Just(f64::NAN), Just(3.0)];
    (prior, any_factor(), any_factor(), any_factor(), any_factor(), any_factor(), 0u64..9_000)
        .prop_map(|(prior, stale, hit, hostile, failed, limit, seconds)| Policy {
            prior_per_block: prior,
            context: Some(Context {
                stale_oracle: stale,
                upstream_hit: hit,
                hostile_deployment: hostile,
                failed_attempts: failed,
                limit,
                seconds,
                sources: BTreeMap::new(),
            }),
            ..Policy::default()
        })
}

fn any_seen() -> impl Strategy<Value = ContextSeen> {
    let kinds = prop::sample::select(vec![
        ContextKind::StaleOracle,
        ContextKind::UpstreamHit,
        ContextKind::HostileDeployment,
        ContextKind::FailedAttempts,
    ]);
    (kinds, 0u64..10_000).prop_map(|(kind, ago)| seen(kind, ago))
}

proptest! {
    #[test]
    fn context_never_lowers_the_probability_and_what_is_gone_leaves_nothing(
        policy in any_policy(),
        facts in prop::collection::vec(any_seen(), 0..5),
        more in any_seen(),
        e_values in prop::collection::vec(0.0..1e10f64, 0..4),
    ) {
        let findings: Vec<Finding> = e_values
            .iter()
            .enumerate()
            .map(|(n, e)| finding(&format!("detector-{n}"), Maturity::Stable, *e))
            .collect();
        let p = |facts: &[ContextSeen]| {
            let raised = weigh_context(&policy, facts, NOW).map(|context| context.raised);
            posterior_of(&policy, Sight { findings: &findings, detectors_configured: 4, raised, newest: None })
        };
        let (base, some) = (p(&[]), p(&facts));
        let all = p(&[facts.clone(), vec![more]].concat());
        prop_assert!(base <= some && some <= all && all < 1.0, "{base} {some} {all}");
        // By at most the limit, in odds.
        let odds = |p: f64| p / (1.0 - p);
        if base > 0.0 && all < 0.9 {
            prop_assert!(odds(all) <= odds(base) * FACTOR_MAX * 2.0);
        }
        let without = Policy { context: None, ..policy.clone() };
        let bare = crate::posterior(&without, &findings, 4);
        prop_assert_eq!(base.to_bits(), bare.to_bits());
        if let Some(context) = weigh_context(&policy, &facts, NOW) {
            prop_assert!(context.factor >= 1.0 && context.factor <= FACTOR_MAX);
            let expired = context.facts.iter().map(|fact| fact.until).max().unwrap();
            prop_assert_eq!(weigh_context(&policy, &facts, expired), None, "it expires");
        }
    }
}
