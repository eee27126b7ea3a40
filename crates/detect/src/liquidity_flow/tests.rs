use alloy_primitives::{Address, U256};
use portcullis_types::{evidence::Evidence, finding::Finding};

use super::{LiquidityFlow, LiquidityFlowConfig};
use crate::{
    Detector, Findings,
    detector::Seen,
    testing::{THIEF, USDC, VAULT, With, block, error, protocol, transaction, usdc},
};

mod worlds;

const FAR: u64 = 5;
const FAR_POOL: Address = Address::repeat_byte(0xd1);
const FAR_TOKEN: Address = Address::repeat_byte(0xd2);
const BUCKET: u64 = 60;

/// A vault on chain 1, and a pool on chain 5.
fn config(extra: &str) -> String {
    format!(
        r#"{{"detector":"liquidity-flow","venues":[
        {{"name":"near","account":"vault","asset":"USDC"}},
        {{"name":"far","chain":5,"account":"{FAR_POOL}","token":"{FAR_TOKEN}","asset":"USDC","decimals":18}}],
        "bucketSeconds":60,"referenceBuckets":600,"falseDiscoveryRate":"5","settleSeconds":0{extra}}}"#
    )
}

fn detector(json: &str) -> LiquidityFlow {
    let config: serde_json::Value = serde_json::from_str(json).unwrap();
    let mut config = config;
    config.as_object_mut().unwrap().remove("detector");
    let config: LiquidityFlowConfig = serde_json::from_value(config).unwrap();
    LiquidityFlow::new(&protocol(), &config).unwrap()
}

/// Dollars that move between a stranger and the venue of a chain; negative: out of it.
fn movement(chain: u64, time: u64, dollars: i64) -> Evidence {
    let (asset, account) = if chain == 1 {
        (USDC, VAULT)
    } else {
        (portcullis_types::money::Asset::Token(FAR_TOKEN), FAR_POOL)
    };
    let unit = if chain == 1 { U256::from(1) } else { U256::from(10).pow(U256::from(12)) };
    let amount = usdc(dollars.unsigned_abs()) * unit;
    let (from, to) = if dollars < 0 { (account, THIEF) } else { (THIEF, account) };
    let mut evidence = transaction().at(time, time).sends(asset, from, to, amount);
    evidence.chain = chain;
    evidence
}

fn play(detector: &mut LiquidityFlow, moved: &[(u64, u64, i64)]) -> Vec<Finding> {
    let mut out = Findings::default();
    for (chain, time, dollars) in moved.iter().filter(|one| one.2 != 0) {
        detector.inspect(&movement(*chain, *time, *dollars), &mut out);
    }
    out.into_parts().0
}

fn see(detector: &mut LiquidityFlow, chain: u64, since: u64, through: u64) -> Vec<Finding> {
    let mut out = Findings::default();
    detector.seen(chain, Seen { since, through }, &mut out);
    out.into_parts().0
}

/// A quiet world of two minutes' pattern: the vault pays out two buckets after the far pool was paid.
fn quiet(bucket: u64) -> [i64; 2] {
    let paid = |bucket: u64| match bucket * 7_919 % 13 {
        rest @ 0..=4 => (rest.cast_signed() + 1) * 100 + (bucket * 31 % 97).cast_signed(),
        _ => 0,
    };
    [-paid(bucket.saturating_sub(2)), paid(bucket)]
}

/// Plays buckets of the quiet world, with `extra` dollars at the vault.
fn run(detector: &mut LiquidityFlow, from: u64, to: u64, extra: i64) -> Vec<Finding> {
    let mut found = Vec::new();
    for bucket in from..to {
        let [near, far] = quiet(bucket);
        let time = bucket * BUCKET;
        play(detector, &[(1, time, near), (5, time + 1, far), (1, time + 2, extra)]);
        for chain in [1, FAR] {
            found.extend(see(detector, chain, 0, time + BUCKET));
        }
    }
    found
}

#[test]
fn it_learns_who_leads_and_finds_what_nobody_led() {
    let mut detector = detector(&config(""));
    assert_eq!(detector.watches(), [(1, VAULT), (FAR, FAR_POOL)]);
    assert_eq!(run(&mut detector, 0, 599, 0), []);
    assert_eq!(detector.learned(), None);
    assert_eq!(run(&mut detector, 599, 1_000, 0), []);
    let learned = detector.learned().unwrap();
    let led = "out of near: led by what goes into far on chain 5 some 120 s before";
    assert!(learned.iter().any(|line| line.starts_with(led)), "{learned:#?}");
    // Now the vault pays what nobody brought.
    let found = run(&mut detector, 1_000, 1_012, -900_000);
    let first = found.first().unwrap_or_else(|| panic!("{learned:#?}"));
    println!("{}\n{:#?}", first.sentence, first.evidence);
    assert!(first.sentence.contains("went out of near on chain 1"), "{}", first.sentence);
    assert!(first.evidence.iter().any(|line| line.contains("not explained by what goes into far")));
    assert!(first.amount.unwrap() >= usdc(900_000));
    assert_eq!((first.contract, first.loss), (VAULT, portcullis_types::money::Usd::ZERO));
    assert!(!first.confidence.proof && first.confidence.e_value > 20.0);
}

#[test]
fn a_chain_that_is_not_seen_is_not_judged_and_that_is_said_once() {
    let mut detector = detector(&config(r#","patienceSeconds":120"#));
    run(&mut detector, 0, 700, 0);
    // The far chain stops. What the vault then pays is not judged against it.
    let mut found = Vec::new();
    for bucket in 700..760 {
        let time = bucket * BUCKET;
        play(&mut detector, &[(1, time, quiet(bucket)[0] - 900_000)]);
        found.extend(see(&mut detector, 1, 0, time + BUCKET));
    }
    let [blind] = found.as_slice() else { panic!("{found:#?}") };
    assert!(blind.sentence.starts_with("could not look: chain 5"), "{}", blind.sentence);
    assert!((blind.confidence.e_value - 1.0).abs() < 1e-12);
    // It is back after a hole: judged again only once its past is whole, and lost again it is said again.
    let back = 760 * BUCKET;
    assert_eq!(see(&mut detector, 1, 0, back + BUCKET), []);
    assert_eq!(see(&mut detector, FAR, back, back + 2 * BUCKET), []);
    assert_eq!(see(&mut detector, 1, 0, back + 2 * BUCKET), []);
    let again = see(&mut detector, 1, 0, back + 30 * BUCKET);
    assert_eq!(again.len(), 1, "{again:#?}");
}

#[test]
fn logs_that_are_missing_make_a_bucket_unseen() {
    let mut detector = detector(&config(""));
    run(&mut detector, 0, 10, 0);
    let mut dark = movement(FAR, 10 * BUCKET, 5);
    dark.known.logs = false;
    detector.inspect(&dark, &mut Findings::default());
    let found = run(&mut detector, 10, 12, 0);
    let [blind] = found.as_slice() else { panic!("{found:#?}") };
    assert!(blind.sentence.contains("chain 5 was not seen whole"), "{}", blind.sentence);
}

#[test]
fn what_a_reorganisation_takes_back_was_never_there() {
    let [mut kept, mut taken] = [(); 2].map(|()| detector(&config("")));
    for one in [&mut kept, &mut taken] {
        run(one, 0, 700, 0);
    }
    for bucket in 700..712 {
        let time = bucket * BUCKET + 5;
        play(&mut taken, &[(1, time, -900_000)]);
        taken.retract(&[block(time, 1)]);
        assert_eq!(run(&mut taken, bucket, bucket + 1, 0), run(&mut kept, bucket, bucket + 1, 0));
    }
}

#[test]
fn memory_is_bounded_and_what_does_not_fit_is_not_judged() {
    let mut detector = detector(&config(""));
    see(&mut detector, 1, 0, 0);
    see(&mut detector, FAR, 0, 0);
    let dust = movement(1, 0, -1);
    for number in 0..(super::ENTRIES_MAX as u64 + 10) {
        let mut one = dust.clone();
        one.block = block(number, 1);
        detector.inspect(&one, &mut Findings::default());
    }
    see(&mut detector, FAR, 0, BUCKET);
    let found = see(&mut detector, 1, 0, BUCKET);
    assert_eq!(found.len(), 1, "{found:#?}");
    // A jump in time does not take for ever.
    assert!(see(&mut detector, 1, 0, 1_700_000_000).len() <= 2);
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let whole = config("");
    for (old, new, says) in [
        (r#""bucketSeconds":60"#, r#""bucketSeconds":1"#, "`bucketSeconds`"),
        (r#""referenceBuckets":600"#, r#""referenceBuckets":10"#, "write 600 to 8192"),
        (r#""falseDiscoveryRate":"5""#, r#""falseDiscoveryRate":"0""#, "0.01 and 50 percent"),
        (r#""name":"far""#, r#""name":"near""#, "twice"),
        (r#""account":"vault""#, r#""account":"nobody""#, "neither an address"),
        (r#""settleSeconds":0"#, r#""patienceSeconds":99999999"#, "write 0 to 3840"),
    ] {
        assert!(whole.contains(old));
        let message = error(&whole.replace(old, new));
        assert!(message.contains(says), "{message}");
    }
    let token = format!(r#""token":"{FAR_TOKEN}","#);
    assert!(error(&whole.replace(&token, "")).contains("the token of `far` on chain 5"));
}
