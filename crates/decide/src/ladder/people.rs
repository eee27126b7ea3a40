//! Rungs on which people have a say, costs in parts, and the attacker's view.

use portcullis_types::{
    decision::ContextKind,
    false_stop::{FalseStopCost, FalseStopParts},
    finding::Confidence,
};
use proptest::prelude::*;

use super::{
    tests::{A, B, any_finding, any_levers, check, facts, finding, ladder, lever},
    *,
};
use crate::{autonomy::Levels, context::Context, economics::Economics};

const NOW: Millis = Millis(1_000_000_000);

fn policy(text: &str) -> Policy {
    Policy { autonomy: serde_json::from_str(text).unwrap(), ..Policy::default() }
}

#[test]
fn what_a_rung_may_do_is_what_the_policy_says_of_it() {
    let levers = ladder();
    let on = |contract| finding(contract, 10_000, Confidence::PROOF);
    let mixed = policy(r#"{"default":"act","market":"signature","protocol":"recommend"}"#);
    check("a throttle acts", &mixed, &facts(&[on(A)], &levers), Some("throttle-a"), "andn");
    check("a market waits", &mixed, &facts(&[on(B)], &levers), None, "ddsn");
    // The stop of everything is only recommended; it does not keep the throttle from acting on its part.
    check("both", &mixed, &facts(&[on(A), on(B)], &levers), Some("throttle-a"), "annr");
    let approved = [on(B)];
    let approved = Facts { approved: Some("stop-b"), ..facts(&approved, &levers) };
    check("signed for", &mixed, &approved, Some("stop-b"), "ddan");
    assert!(weigh(&mixed, &approved).sentence.ends_with("pull stop-b, as guardians have signed"));
    // Nobody can sign for what is only recommended.
    let both = [on(A), on(B)];
    let asked = Facts { approved: Some("stop-all"), ..facts(&both, &levers) };
    check("not open to signatures", &mixed, &asked, Some("throttle-a"), "annr");
    for (level, verdicts) in
        [("observe", "fndn"), ("recommend", "rndn"), ("signature", "sndn"), ("ratify", "andn")]
    {
        let policy = policy(&format!("\"{level}\""));
        let chosen = (level == "ratify").then_some("throttle-a");
        check(level, &policy, &facts(&[on(A)], &levers), chosen, verdicts);
    }
}

#[test]
fn a_barred_rung_and_harsher_ones_wait_for_signatures() {
    let levers = ladder();
    let acts = policy("\"act\"");
    let findings = [finding(B, 10_000, Confidence::PROOF)];
    let barred = |rung| Facts { barred: Some(rung), ..facts(&findings, &levers) };
    check("a harsher one is", &acts, &barred(Rung::Protocol), Some("stop-b"), "ddan");
    check("its own", &acts, &barred(Rung::Market), None, "ddsn");
    check("a gentler one is", &acts, &barred(Rung::Throttle), None, "ddsn");
    let sentence = weigh(&acts, &barred(Rung::Market)).sentence;
    assert!(
        sentence.ends_with("stop-b waits for guardians to sign (market: a pull was not ratified)"),
        "{sentence}"
    );
    let signed = Facts { approved: Some("stop-b"), ..barred(Rung::Market) };
    check("signed for", &acts, &signed, Some("stop-b"), "ddan");
}

#[test]
fn the_sentence_says_what_the_numbers_are_made_of() {
    let cost = FalseStopCost {
        users_per_minute: Some(40),
        per_user_minute_usd: Some(Usd::dollars(5)),
        missed_liquidations_usd: Some(Usd::dollars(8_000)),
        ..FalseStopCost::default()
    };
    let mut stop = lever("stop-a", Rung::Market, &[A], 20_000);
    let parts: FalseStopParts = cost.parts(stop.lever.hold_seconds).unwrap();
    assert_eq!(parts.total(), Some(stop.lever.false_stop_cost));
    stop.lever.false_stop_parts = Some(parts.clone());
    let (findings, levers) = ([finding(A, 10_000, Confidence::PROOF)], [stop]);
    let seen = [ContextSeen { kind: ContextKind::UpstreamHit, at: NOW }];
    let facts = Facts { context: &seen, ..facts(&findings, &levers) };
    let policy = Policy {
        context: Some(Context::default()),
        economics: Some(Economics { in_decisions: true, ..Economics::default() }),
        ..policy("\"act\"")
    };
    let decision = weigh(&policy, &facts);
    assert_eq!(decision.rungs[0].false_stop_parts, Some(parts));
    for part in [
        "pull stop-a; a stop by stop-a without need costs 20,000 = 12,000 users blocked for 60 min + 8,000 missed liquidations",
        "the prior 1.00e-6 is raised ×10 to 1.00e-5: an upstream was hit (×10)",
        "left to the attacker from here on",
    ] {
        assert!(decision.sentence.contains(part), "{}", decision.sentence);
    }
    let attacker = decision.attacker.unwrap();
    assert!(attacker.gain <= facts.value_left && attacker.utility_with_levers < attacker.utility);
    // Nothing of it is there where nobody asked for it, as in journals written before.
    let text = serde_json::to_string(&weigh(&super::tests::acting(), &facts)).unwrap();
    for left_out in ["context", "attacker"] {
        assert!(!text.contains(left_out), "{text}");
    }
}

fn any_level() -> impl Strategy<Value = Autonomy> {
    prop::sample::select(vec![
        Autonomy::Observe,
        Autonomy::Recommend,
        Autonomy::Signature,
        Autonomy::Ratify,
        Autonomy::Act,
    ])
}

/// Levels that are no freer on harsher rungs.
fn any_levels() -> impl Strategy<Value = Levels> {
    prop::collection::vec(any_level(), 5).prop_map(|mut levels| {
        levels.sort_by_key(|level| std::cmp::Reverse(*level));
        let rungs = [Rung::Throttle, Rung::Delay, Rung::Function, Rung::Market, Rung::Protocol];
        rungs
            .into_iter()
            .zip(levels)
            .fold(Levels::default(), |all, (rung, level)| all.with(rung, level))
    })
}

proptest! {
    /// Whatever the facts: unattended is what the policy lets act by itself, and attended what somebody signed for.
    #[test]
    fn nothing_is_pulled_that_nobody_allowed(
        findings in prop::collection::vec(any_finding(), 0..6),
        levers in any_levers(),
        levels in any_levels(),
        approved in prop::option::of(0usize..6),
        barred in prop::option::of(prop::sample::select(vec![Rung::Throttle, Rung::Market])),
        young in any::<bool>(),
    ) {
        let mut findings = findings;
        if young {
            for finding in &mut findings {
                finding.maturity = portcullis_types::finding::Maturity::Incubating;
            }
        }
        let approved = approved.map(|index| format!("lever-{index}"));
        let seen = [ContextSeen { kind: ContextKind::UpstreamHit, at: NOW }];
        let facts = Facts { approved: approved.as_deref(), barred, context: &seen, ..facts(&findings, &levers) };
        let policy = Policy { autonomy: levels, context: Some(Context::default()), ..Policy::default() };
        prop_assert_eq!(levels.validate(), Ok(()));
        let decision = weigh(&policy, &facts);
        if young {
            prop_assert_eq!(&decision.chosen, &None, "DEC-1, whatever the context and whoever signed");
        }
        if let Some(chosen) = &decision.chosen {
            let lever = &levers.iter().find(|state| state.lever.name == *chosen).unwrap().lever;
            let level = levels.of(lever.rung);
            let is_signed = approved.as_ref() == Some(chosen) && level >= Autonomy::Signature;
            let is_free = level.is_unattended() && barred.is_none_or(|barred| lever.rung < barred);
            prop_assert!(is_signed || is_free, "{level:?} {barred:?} {approved:?}");
        }
        // A level less, or a bar, never pulls what was not pulled with more.
        let free = weigh(&Policy { autonomy: Autonomy::Act.into(), ..policy }, &Facts { barred: None, ..facts });
        prop_assert!(decision.chosen.is_none() || free.chosen.is_some());
    }
}
