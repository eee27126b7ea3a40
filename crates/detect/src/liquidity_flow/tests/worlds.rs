//! Simulated worlds: how often a quiet one has a finding, and how soon one that breaks away is found.

use alloy_primitives::U256;
use proptest::prelude::*;

use crate::liquidity_flow::{
    LiquidityFlowConfig,
    books::{Closed, Sums},
    score::{Form, Way},
    settings::Settings,
    watch::Watch,
};
use crate::testing::{protocol, usdc};

/// Numbers by `SplitMix64`: the same world for the same seed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Dollars with a tail so heavy that they have no variance, and hardly a mean; three of five buckets are empty.
    fn flow(&mut self) -> f64 {
        if self.unit() < 0.6 { 0.0 } else { 1_000.0 * (1.0 - self.unit()).powf(-1.0 / 1.1) }
    }
}

/// How the venues of a world hang together.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Independent,
    /// Venue 0 pays three buckets after venue 1 is paid; venue 2 pays at the same time as venue 3 does.
    Led,
}

const LAG: usize = 3;
const REFERENCE: usize = 1_200;
const EPOCH: u64 = 400;
const VENUES: usize = 4;

fn settings() -> Settings {
    let accounts = ["vault", "market", "router", "treasury"];
    let venue = |name: &str| format!(r#"{{"name":"{name}","account":"{name}","asset":"USDC"}}"#);
    let json = format!(
        r#"{{"venues":[{}],"bucketSeconds":60,"referenceBuckets":{REFERENCE},"maxLagBuckets":6,
        "epochBuckets":{EPOCH},"falseDiscoveryRate":"5"}}"#,
        accounts.map(venue).join(",")
    );
    let config: LiquidityFlowConfig = serde_json::from_str(&json).unwrap();
    Settings::new(&protocol(), &config).unwrap()
}

/// Dollars (in, out) by venue of a bucket, given what came into venue 1 before.
fn world(kind: Kind, dice: &mut Dice, came: &mut Vec<f64>) -> [(f64, f64); VENUES] {
    let mut flows = [(); VENUES].map(|()| (dice.flow(), dice.flow()));
    came.push(flows[1].0);
    if let Kind::Led = kind {
        let brought = came.len().checked_sub(LAG + 1).map_or(0.0, |at| came[at]);
        flows[0].1 = brought * (0.9 + 0.1 * dice.unit());
        flows[2].1 = flows[3].1 * (0.8 + 0.4 * dice.unit());
    }
    flows
}

fn closed(bucket: u64, flows: [(f64, f64); VENUES]) -> Closed {
    let dollars = |amount: f64| usdc(amount.min(1e15) as u64);
    let sums = |(came, left): (f64, f64)| Some(Sums { came: dollars(came), left: dollars(left) });
    Closed { bucket, sums: flows.map(sums).to_vec(), blind: Vec::new(), after_jump: false }
}

/// Plays a reference and an epoch; from `break_at` on venue 0 pays out `extra` a bucket. The buckets of the epoch with a
/// discovery, with what was discovered.
fn play(kind: Kind, seed: u64, break_at: u64, extra: f64) -> Vec<(u64, Form)> {
    let (settings, mut dice) = (settings(), Dice(seed));
    let (mut watch, mut came, mut found) = (Watch::new(), Vec::new(), Vec::new());
    for bucket in 0..REFERENCE as u64 + EPOCH {
        let mut flows = world(kind, &mut dice, &mut came);
        let age = bucket.saturating_sub(REFERENCE as u64);
        if bucket >= REFERENCE as u64 && age >= break_at {
            flows[0].1 += extra;
        }
        let verdict = watch.take(&closed(bucket, flows), &settings);
        assert!(verdict.failed.is_none());
        found.extend(verdict.discoveries.into_iter().map(|one| (age, one.form)));
    }
    assert!(watch.hypotheses().is_some());
    found
}

/// 60 worlds of each kind, each with an epoch of 400 buckets. Under the promise of 5 %, more than 8 of 60 with a finding
/// would come about less than once in a hundred such tests.
#[test]
fn quiet_worlds_have_few_findings() {
    for kind in [Kind::Independent, Kind::Led] {
        let n = (0..60).filter(|seed| !play(kind, *seed, EPOCH, 0.0).is_empty()).count();
        println!("{kind:?}: {n} of 60 quiet worlds have a finding; promised: 3 on average");
        assert!(n <= 8, "{kind:?}: {n}");
    }
}

/// The flow that breaks away is no larger than the largest of everyday's: what gives it away is that nobody led it.
#[test]
fn a_flow_that_breaks_away_is_found_in_some_buckets() {
    let mut delays = Vec::new();
    let (mut n_false, mut n_found) = (0, 0);
    for seed in 100..130 {
        let found = play(Kind::Led, seed, 100, 200_000.0);
        let is_true = |form: &Form| match form {
            Form::Excess { venue, way, .. } => (*venue, *way) == (0, Way::Out),
            Form::Together { venues, .. } => venues.contains(&0),
        };
        n_false += found.iter().filter(|(age, form)| *age < 100 || !is_true(form)).count();
        n_found += found.len();
        let first = found.iter().find(|(age, form)| *age >= 100 && is_true(form));
        delays.push(first.map_or(u64::MAX, |(age, _)| age - 99));
    }
    delays.sort_unstable();
    let (median, worst) = (delays[15], delays[29]);
    println!(
        "found after {median} buckets in the median, {worst} at worst; {n_false} of {n_found} findings false"
    );
    assert!(median <= 8 && worst <= 12, "{delays:?}");
    assert!(n_false * 10 <= n_found, "{n_false} of {n_found}");
}

#[test]
fn a_relation_is_found_with_its_lag_and_ratio() {
    let (settings, mut dice) = (settings(), Dice(7));
    let (mut watch, mut came) = (Watch::new(), Vec::new());
    for bucket in 0..REFERENCE as u64 {
        let flows = world(Kind::Led, &mut dice, &mut came);
        watch.take(&closed(bucket, flows), &settings);
    }
    let led = watch.hypotheses().unwrap().iter().find_map(|one| match one.form {
        Form::Excess { venue: 0, way: Way::Out, leader, .. } => leader,
        _ => None,
    });
    let leader = led.unwrap();
    assert_eq!((leader.venue, leader.way, leader.lag), (1, Way::In, LAG));
    assert!(leader.ratio > 0.0 && leader.ratio <= 1.0, "{leader:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// A scale of money changes no finding: only ranks count.
    #[test]
    fn the_unit_of_money_does_not_matter(seed in any::<u64>(), factor in 2_u64..1_000) {
        let settings = settings();
        let (mut one, mut other) = (Watch::new(), Watch::new());
        let (mut dice, mut came) = (Dice(seed), Vec::new());
        for bucket in 0..REFERENCE as u64 + 50 {
            let mut flows = world(Kind::Led, &mut dice, &mut came);
            if bucket > REFERENCE as u64 + 20 {
                flows[0].1 += 500_000.0;
            }
            let first = closed(bucket, flows);
            let mut second = closed(bucket, flows);
            for sums in second.sums.iter_mut().flatten() {
                sums.came *= U256::from(factor);
                sums.left *= U256::from(factor);
            }
            let found = |watch: &mut Watch, closed: &Closed| watch.take(closed, &settings).discoveries.len();
            prop_assert_eq!(found(&mut one, &first), found(&mut other, &second));
        }
    }
}
