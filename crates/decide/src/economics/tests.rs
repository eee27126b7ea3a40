use proptest::prelude::*;

use super::{
    advice::{Advice, Throttle, advise},
    bound::SHARE_WHOLE,
    gain::Drain,
    response::window_at_least,
    utility::{Utility, is_deterred},
    *,
};

fn breaker(asset: &str, window_seconds: u64, cap: Cap) -> Breaker {
    Breaker { asset: asset.to_owned(), window_seconds, cap, covers_all: true }
}

fn model(held: i64, breakers: Vec<Breaker>) -> Model {
    let holding = Holding { asset: "USD".to_owned(), held: Some(Usd::dollars(held)), breakers };
    Model {
        economics: Economics { haircut: 0.0, ..Economics::default() },
        holdings: vec![holding],
        people: Response::ConstantHazard { median_seconds: 1_800 },
        acts: true,
    }
}

#[test]
fn the_worked_example_of_the_methods() {
    // 10 million a minute of 100 million, people with a median of 30 minutes: 89 million are lost.
    let drain = Drain { value: Usd::dollars(100_000_000), seconds: 600, enforced: None };
    let people = Response::ConstantHazard { median_seconds: 1_800 };
    let lost = drain.expected(&people).0 / Usd::ONE_MICROS;
    assert!((88_900_000..89_300_000).contains(&lost), "{lost}");
    // A loop of 12 seconds: 2 million.
    assert_eq!(drain.expected(&Response::Fixed(12)), Usd::dollars(2_000_000));
    // A bucket of 3 million and 0.2 a minute: at most 9 million in 30 minutes.
    let limit = breaker("USD", 900, Cap::Amount(Usd::dollars(3_000_000)));
    assert_eq!(limit.bound(None, 1_799), Some(Usd::dollars(6_000_000)));
    assert_eq!(limit.bound(None, 1_800), Some(Usd::dollars(9_000_000)));
}

#[test]
fn utility_is_the_formula() {
    let economics = Economics {
        development_usd: Usd::dollars(1_000),
        gas_usd: Usd::dollars(50),
        capital_usd: Usd::dollars(100),
        private_order_usd: Usd::dollars(850),
        haircut: 0.5,
        bounty_share: 0.1,
        identification_probability: 0.1,
        penalty_usd: Usd::dollars(20_000),
        ..Economics::default()
    };
    // 0.8 · (1 − 0.1)(1 − 0.5) · 100,000 − 2,000 − 0.1 · 20,000
    let utility = Utility::of(&economics, 0.8, Usd::dollars(100_000));
    assert_eq!(utility.utility, Usd::dollars(32_000));
    let lines = utility.lines();
    assert_eq!(lines.last().map(|(_, usd)| *usd), Some(utility.utility));
    // The bounty is capped.
    let capped = Utility::of(&economics, 1.0, Usd::dollars(100_000_000));
    assert_eq!(capped.bounty, Usd::dollars(1_000_000));
    // What is left of 8,888 is 4,000: what it costs.
    assert!(is_deterred(&economics, Usd::dollars(8_888)));
    assert!(!is_deterred(&economics, Usd::dollars(8_889)));
}

#[test]
fn rescue_windows_are_never_taken_for_longer_than_seen() {
    for (seconds, share) in [(0, 0.91), (12, 0.89), (13, 0.81), (3_600, 0.15), (3_601, 0.0)] {
        assert!((window_at_least(seconds) - share).abs() < 1e-12, "{seconds}");
    }
}

#[test]
fn limits_that_are_only_watched_bound_nothing() {
    let mut model = model(1_000_000, vec![breaker("USD", 12, Cap::Amount(Usd::dollars(1_000)))]);
    let outcome = |model: &Model, defence| model.outcome(defence).unwrap();
    let people = outcome(&model, Defence::People);
    let watched = outcome(&model, Defence::Configured);
    let gate = outcome(&model, Defence::Gate);
    assert!(watched.utility.gain < people.utility.gain);
    // What goes in one transaction goes.
    assert!(watched.utility.gain > Usd::dollars(440_000));
    assert_eq!((watched.most, watched.is_deterred), (None, None));
    assert!(gate.utility.gain < Usd::dollars(150_000), "{gate:?}");
    assert!(gate.most.is_some());
    model.economics.limits_on_chain = true;
    assert_eq!(outcome(&model, Defence::Configured).utility, gate.utility);
    model.acts = false;
    model.economics.limits_on_chain = false;
    assert_eq!(outcome(&model, Defence::Configured).utility, people.utility);
    model.holdings[0].held = None;
    assert_eq!(model.outcome(Defence::People), None);
}

#[test]
fn the_limit_that_binds_is_to_be_changed_first() {
    let block = breaker("USD", 12, Cap::Amount(Usd::dollars(50_000)));
    let hour = breaker("USD", 3_600, Cap::Amount(Usd::dollars(100_000)));
    let mut model = model(1_000_000, vec![block.clone(), hour.clone()]);
    let first = |model: &Model, share: &dyn Fn(&Breaker) -> f64| {
        advise(model, |breaker| Some(Throttle { share: share(breaker), outflows: 1_000 }))
    };
    let named = |advice: &[Advice]| match advice.first() {
        Some(Advice::Tighten { breaker, .. }) => breaker.window_seconds,
        other => panic!("{other:?}"),
    };
    // Both bind at some time. What costs honest users less goes first.
    let strict = |window: u64| {
        move |breaker: &Breaker| {
            let Cap::Amount(amount) = breaker.cap else { return 0.0 };
            let tight = amount < Usd::dollars(50_000)
                || (amount > Usd::dollars(50_000) && amount < Usd::dollars(100_000));
            if breaker.window_seconds == window && tight { 0.3 } else { 0.0 }
        }
    };
    assert_eq!(named(&first(&model, &strict(12))), 3_600);
    assert_eq!(named(&first(&model, &strict(3_600))), 12);
    // Without a history: by the fall alone, and no rise is said.
    let unknown = advise(&model, |_| None);
    assert!(matches!(unknown.first(), Some(Advice::Tighten { rise: None, score: None, .. })));
    // An asset without a limit comes before all.
    model.holdings.push(Holding {
        asset: "ETH".to_owned(),
        held: Some(Usd::dollars(10)),
        breakers: Vec::new(),
    });
    let advice = advise(&model, |_| None);
    assert!(matches!(advice.first(), Some(Advice::AddLimit { asset, worth: Some(worth) })
        if asset == "ETH" && *worth > Usd::ZERO));
}

proptest! {
    /// The formula for a constant hazard is the integral over its points.
    #[test]
    fn hazard_and_points_agree(median in 60u64..100_000, drain in 1u64..200_000) {
        let hazard = Response::ConstantHazard { median_seconds: median };
        let by_points = Response::Empirical(hazard.points()).share_taken(drain);
        let by_formula = hazard.share_taken(drain);
        // Points are rounded to seconds: half a second of the drain.
        let tolerance = 0.001 + 0.5 / drain as f64;
        prop_assert!((by_points - by_formula).abs() <= tolerance, "{by_points} {by_formula}");
    }

    /// Longer responses and higher limits never help the defender.
    #[test]
    fn gains_are_monotone(
        held in 1i64..1_000_000_000, cap in 0i64..1_000_000, window in 1u64..5_000,
        seconds in 0u64..20_000, more in 0u64..20_000,
    ) {
        let low = [Holding {
            asset: "USD".to_owned(), held: Some(Usd::dollars(held)),
            breakers: vec![breaker("USD", window, Cap::Amount(Usd::dollars(cap)))],
        }];
        let drain = Drain { value: Usd::dollars(held), seconds: 720, enforced: Some(&low) };
        let free = Drain { enforced: None, ..drain };
        prop_assert!(drain.taken_in(seconds) <= drain.taken_in(seconds + more));
        prop_assert!(drain.taken_in(seconds) <= free.taken_in(seconds));
        prop_assert!(drain.taken_in(seconds) <= loss_bound_of(&low, seconds));
        prop_assert!(drain.at_once() <= loss_bound_of(&low, 0));
    }

    /// Of a share nothing is made or lost beyond a billionth.
    #[test]
    fn parts_are_parts(dollars in 0i64..1_000_000_000, share in 0.0f64..=1.0) {
        let amount = Usd::dollars(dollars);
        let (one, other) = (part(amount, share), part(amount, 1.0 - share));
        prop_assert!(one <= amount && one >= Usd::ZERO);
        prop_assert!((one + other - amount).0.abs() <= amount.0 / i128::from(SHARE_WHOLE) + 2);
    }
}

fn loss_bound_of(holdings: &[Holding], seconds: u64) -> Usd {
    bound::loss_bound(holdings, seconds).unwrap()
}
