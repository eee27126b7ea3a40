use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    finding::{Confidence, Maturity, Outlook},
    ids::FindingKey,
    money::Usd,
};
use proptest::prelude::*;

use super::*;
use crate::{
    economics::stopping::Shiryaev,
    posterior::{Sight, posterior_of},
};

struct Dice(u64);

impl Dice {
    /// In (0, 1): splitmix64.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

fn odds(rho: f64, running: &Running) -> f64 {
    rho / (1.0 - rho) * running.value()
}

/// The same as Shiryaev's posterior, step by step.
#[test]
fn it_is_shiryaevs_recursion() {
    let (rho, bet) = (1e-3, 0.4);
    let (mut running, mut shiryaev) = (Running::new(rho, 1.0), Shiryaev::new(rho));
    // A bet of everything begins at nothing, as `Shiryaev` does.
    assert_eq!(running.value().to_bits(), 0.0f64.to_bits());
    running.bet = bet;
    let mut dice = Dice(5);
    for _ in 0..1_000 {
        let e_value = if dice.roll() < 0.1 { 3.0 * dice.roll() } else { 0.0 };
        running.observe(e_value);
        let posterior = shiryaev.observe(1.0 - bet + bet * e_value);
        let mine = odds(rho, &running);
        assert!((mine / (1.0 + mine) - posterior).abs() < 1e-12, "{mine} {posterior}");
    }
}

#[test]
fn silence_in_one_stride_is_silence_block_by_block() {
    for blocks in [0u64, 1, 2, 7, 100, 5_000] {
        let (mut one, mut other) = (Running::new(1e-6, 0.3), Running::new(1e-6, 0.3));
        one.observe(1e4);
        other.observe(1e4);
        one.silent(blocks);
        (0..blocks).for_each(|_| other.observe(0.0));
        assert!((one.value() - other.value()).abs() <= other.value() * 1e-9, "{blocks}");
    }
    let mut long = Running::new(1e-6, 0.3);
    let rest = long.value();
    long.observe(1e9);
    long.silent(u64::MAX);
    assert!((long.value() - rest).abs() < 1e-9, "it forgets");
}

/// An attack begins at a geometric time; until then e-values of mean 1, `E = κ·U^(κ−1)`, conditionally independent. Stops
/// before it, over all that were played.
fn stopped_too_early(rho: f64, bet: f64, level: f64, cycles: u32, seed: u64) -> (f64, u64) {
    const KAPPA: f64 = 0.3;
    let (mut dice, mut early, mut blocks) = (Dice(seed), 0u32, 0u64);
    for _ in 0..cycles {
        let attack = (dice.roll().ln() / (-rho).ln_1p()).ceil() as u64;
        let mut running = Running::new(rho, bet);
        for _ in 1..attack {
            blocks += 1;
            running.observe(KAPPA * dice.roll().powf(KAPPA - 1.0));
            if odds(rho, &running) >= level / (1.0 - level) {
                early += 1;
                break;
            }
        }
    }
    (f64::from(early) / f64::from(cycles), blocks)
}

/// More than a million blocks for each: at the level `π*` at most `1 − π*` of the stops come too early.
#[test]
fn stops_come_too_early_as_rarely_as_promised() {
    for (rho, bet, level, cycles) in
        [(1e-3, 0.5, 0.5, 2_500), (1e-3, 0.2, 0.8, 2_000), (1e-4, 0.5, 0.9, 250)]
    {
        let (share, blocks) = stopped_too_early(rho, bet, level, cycles, 7);
        let deviation = ((1.0 - level) * level / f64::from(cycles)).sqrt();
        println!("ρ {rho}, λ {bet}, π* {level}: {share:.3} too early in {blocks} blocks");
        assert!(blocks >= 1_000_000, "{blocks}");
        assert!(share <= 1.0 - level + 3.0 * deviation, "{share}");
    }
}

fn finding(detector: &str, block: u64, e_value: f64) -> Finding {
    Finding {
        key: FindingKey(B256::ZERO),
        detector: detector.to_owned(),
        maturity: Maturity::Stable,
        protocol: "test".to_owned(),
        chain: 1,
        block: BlockId { number: block, hash: B256::ZERO },
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

fn policy(detectors: &[&str]) -> Policy {
    let detectors: Vec<String> = detectors.iter().map(|name| (*name).to_owned()).collect();
    let sequential =
        (!detectors.is_empty()).then_some(Sequential { detectors, strikes_per_block: 0.5 });
    Policy { sequential, ..Policy::default() }
}

fn p(policy: &Policy, findings: &[Finding], newest: u64) -> f64 {
    let newest = Some((1, newest));
    posterior_of(policy, Sight { findings, detectors_configured: 1, raised: None, newest })
}

#[test]
fn only_what_is_named_adds_up() {
    let four: Vec<Finding> = (1..=4).map(|block| finding("a", block, 100.0)).collect();
    let (plain, named, other) = (policy(&[]), policy(&["a"]), policy(&["b"]));
    let once = p(&plain, &four[..1], 1);
    for policy in [&plain, &other] {
        assert_eq!(p(policy, &four, 4).to_bits(), once.to_bits(), "the largest counts once");
    }
    assert!(p(&named, &four, 4) > 0.85, "{}", p(&named, &four, 4));
    assert!((p(&named, &four[..1], 1) - once).abs() < once * 0.03, "one is worth what it was");
    // In one block they are one sight.
    let at_once: Vec<Finding> = (0..4).map(|_| finding("a", 1, 100.0)).collect();
    assert_eq!(p(&named, &at_once, 1).to_bits(), p(&named, &four[..1], 1).to_bits());
    // And it is forgotten.
    assert!(p(&named, &four, 30) < 1e-3);
}

/// What a product does with a nuisance that comes again, as conventions allow, and the largest does not: an e-value of 100
/// that is wrong once in 100 blocks on average, and then five blocks in a row. By itself it has a mean of 1.
#[test]
fn conventions_must_not_be_multiplied() {
    const BLOCKS: u64 = 1_000_000;
    let (mut dice, mut left) = (Dice(11), 0u32);
    let mut running = Running::new(1e-6, 0.5);
    let (mut multiplied, mut largest, mut e_values) = (0u32, 0u32, 0.0);
    for _ in 0..BLOCKS {
        if left == 0 && dice.roll() < 1.0 / 500.0 {
            left = 5;
        }
        let e_value = if left > 0 { 100.0 } else { 0.0 };
        left = left.saturating_sub(1);
        e_values += e_value;
        running.observe(e_value);
        multiplied += u32::from(odds(1e-6, &running) > 1.0);
        largest += u32::from(1e-6 * e_value > 1.0);
    }
    let mean = e_values / BLOCKS as f64;
    println!("mean {mean:.3}; above one half: multiplied {multiplied}, largest {largest}");
    assert!((0.9..1.1).contains(&mean));
    assert_eq!(largest, 0);
    assert!(multiplied > 1_000, "a promise of a false stop in 1,000,000 blocks, and {multiplied}");
}

/// The rule without addition: the largest e-value of a case, of conditionally valid ones. Stops in a block with a chance of at
/// most `ρ·(1 − π*)/π*`, by Markov.
#[test]
fn the_largest_stops_too_early_no_more_often_than_by_markov() {
    const BLOCKS: u32 = 2_000_000;
    let (rho, level) = (1e-2, 0.8);
    let policy = Policy { prior_per_block: rho, ..Policy::default() };
    let (mut dice, mut stops) = (Dice(3), 0u32);
    // The odds are looked up in the largest e-value that still does not stop.
    let needed = level / (1.0 - level) * (1.0 - rho) / rho;
    for e_value in [needed * 0.999, needed * 1.001] {
        let is_above = p(&policy, &[finding("a", 1, e_value)], 1) > level;
        assert_eq!(is_above, e_value > needed);
    }
    for _ in 0..BLOCKS {
        stops += u32::from(0.3 * dice.roll().powf(0.3 - 1.0) > needed);
    }
    let rate = f64::from(stops) / f64::from(BLOCKS);
    println!("{rate:.6} a block, promised {:.6}", rho * (1.0 - level) / level);
    assert!(stops > 0 && rate <= rho * (1.0 - level) / level);
}

proptest! {
    #[test]
    fn more_findings_of_a_named_detector_never_lower_the_probability(
        blocks in prop::collection::vec((0u64..50, -1.0..1e10f64), 0..8),
        more in (0u64..50, prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..1e10f64]),
        bet in 0.001..1.0f64,
    ) {
        let policy = Policy {
            sequential: Some(Sequential { detectors: vec!["a".to_owned()], strikes_per_block: bet }),
            ..Policy::default()
        };
        let mut findings: Vec<Finding> =
            blocks.iter().map(|(block, e)| finding("a", *block, *e)).collect();
        let before = p(&policy, &findings, 50);
        findings.push(finding("a", more.0, more.1));
        let after = p(&policy, &findings, 50);
        prop_assert!(after >= before * (1.0 - 1e-12) && after < 1.0, "{before} {after}");
    }

    #[test]
    fn no_numbers_make_it_leave_its_range(
        rho in prop_oneof![Just(f64::NAN), -1.0..2.0f64],
        bet in prop_oneof![Just(f64::NAN), -1.0..2.0f64],
        e_values in prop::collection::vec(prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..1e12f64], 0..20),
        silent in any::<u64>(),
    ) {
        let mut running = Running::new(rho, bet);
        for e_value in e_values {
            running.observe(e_value);
            prop_assert!((0.0..=PROOF_E_VALUE).contains(&running.value()), "{running:?}");
            running.silent(silent);
            prop_assert!((0.0..=PROOF_E_VALUE).contains(&running.value()), "{running:?}");
        }
    }
}
