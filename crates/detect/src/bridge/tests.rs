use alloy_primitives::{Address, B256, U256, keccak256};
use portcullis_types::{
    evidence::{Evidence, Log},
    finding::Finding,
    money::Usd,
};

use super::{Bridge, book, revocable, terms};
use crate::{
    Detector, DetectorConfig, Findings,
    detector::Seen,
    testing::{THIEF, VAULT, With, detector, error, inspect, transaction, usdc},
};

const LOCKER: Address = Address::repeat_byte(0xd1);

fn config(extra: &str) -> String {
    let event = |name: &str| format!("{name}(bytes32 indexed id, uint256 amount, address to)");
    let side = |contract: &str, name: &str| {
        format!(
            r#"{{"contract":"{contract}","event":"{}","id":["id"],"amount":"amount","beneficiary":"to"}}"#,
            event(name)
        )
    };
    format!(
        r#"{{"detector":"bridge","sourceChain":5,"lock":{},"release":{},"finalitySeconds":60,
        "historySeconds":100,"graceSeconds":10,
        "tokens":[{{"source":"{}","asset":"USDC","opening":"0"}}]{extra}}}"#,
        side(&LOCKER.to_string(), "Locked"),
        side("vault", "Released"),
        Address::repeat_byte(0xc7),
    )
}

fn message(chain: u64, time: u64, id: u64, dollars: u64, to: Address) -> Evidence {
    let (emitter, name) = if chain == 1 { (VAULT, "Released") } else { (LOCKER, "Locked") };
    let mut evidence = transaction().at(time, time);
    evidence.chain = chain;
    evidence.logs.push(Log {
        address: emitter,
        topics: vec![
            keccak256(format!("{name}(bytes32,uint256,address)")),
            B256::from(U256::from(id)),
        ],
        data: [B256::from(usdc(dollars)), to.into_word()].concat().into(),
    });
    evidence
}

fn seen(detector: &mut dyn Detector, chain: u64, through: u64) -> Vec<Finding> {
    let mut out = Findings::default();
    detector.seen(chain, Seen { since: 0, through }, &mut out);
    out.into_parts().0
}

fn watched() -> Box<dyn Detector> {
    let mut detector = detector(&config(""));
    assert_eq!(seen(detector.as_mut(), 5, 0), []);
    assert_eq!(seen(detector.as_mut(), 5, 5_000), []);
    detector
}

#[test]
fn honest_use_is_silent() {
    let mut detector = watched();
    for n in 0..50 {
        assert_eq!(inspect(detector.as_mut(), &message(5, 1_000 + n, n, n, THIEF)), []);
        assert_eq!(inspect(detector.as_mut(), &message(1, 1_060 + n, n, n, THIEF)), []);
    }
    // Other events of the same contracts say nothing.
    let other = transaction().logs(VAULT, vec![B256::ZERO]);
    assert_eq!(inspect(detector.as_mut(), &other), []);
    assert_eq!(detector.watches(), [(5, LOCKER)]);
}

#[test]
fn a_forged_release_is_a_proof_and_carries_its_loss() {
    let mut detector = watched();
    inspect(detector.as_mut(), &message(5, 1_000, 1, 100, VAULT));
    let found = inspect(detector.as_mut(), &message(1, 1_100, 1, 90_000, THIEF));
    let [forged, sums] = found.as_slice() else { panic!("{found:#?}") };
    assert!(forged.confidence.proof && sums.confidence.proof);
    assert_eq!((forged.loss, sums.loss), (Usd::dollars(90_000), Usd::ZERO), "counted once");
    assert_eq!(forged.amount, Some(usdc(90_000)));
    assert_eq!(sums.amount, Some(usdc(89_900)), "what is not covered");
    assert!(forged.sentence.contains("another amount"), "{}", forged.sentence);
    assert!(forged.sentence.contains("another beneficiary"), "{}", forged.sentence);
    assert_ne!(forged.key, sums.key);
}

#[test]
fn an_early_release_is_evidence_by_its_rarity() {
    let mut detector = watched();
    for n in 0..=9 {
        inspect(detector.as_mut(), &message(5, 1_000, n, 5, THIEF));
    }
    for n in 0..9 {
        assert_eq!(inspect(detector.as_mut(), &message(1, 1_100, n, 5, THIEF)), []);
    }
    let found = inspect(detector.as_mut(), &message(1, 1_059, 9, 5, THIEF));
    let [early] = found.as_slice() else { panic!("{found:#?}") };
    assert!(!early.confidence.proof && early.loss == Usd::ZERO);
    assert!((early.confidence.e_value - 10.0).abs() < 1e-9);
}

#[test]
fn logs_that_cannot_be_read_are_said_once() {
    let mut detector = watched();
    let mut cut = message(5, 1_000, 1, 5, THIEF);
    cut.logs[0].data = Vec::new().into();
    let found = inspect(detector.as_mut(), &cut);
    assert!(found[0].sentence.contains("could not look"), "{found:#?}");
    assert_eq!(inspect(detector.as_mut(), &cut), []);
    let mut without = message(1, 1_000, 1, 5, THIEF);
    without.known.logs = false;
    without.logs.clear();
    assert_eq!(inspect(detector.as_mut(), &without).len(), 1, "the other side is said by itself");
}

#[test]
fn what_cannot_work_is_refused() {
    let edit = |from: &str, to: &str| {
        let good = config("");
        assert!(good.contains(from), "{from}");
        error(&good.replacen(from, to, 1))
    };
    for (from, to, says) in [
        (r#""sourceChain":5"#, r#""sourceChain":1"#, "own chain"),
        (r#""contract":"vault""#, r#""contract":"valt""#, "release.contract"),
        (&*LOCKER.to_string(), "vault", "lock.contract"),
        (r#""id":["id"]"#, r#""id":[]"#, "release.id"),
        (r#""asset":"USDC""#, r#""asset":"FREE""#, "no price"),
        (r#""tokens":[{"#, r#""tokens":[{"decimals":3,"#, "unknown field"),
    ] {
        let error = edit(from, to);
        assert!(error.contains(says), "{from} -> {to}: {error}");
    }
    let no_ids = config("").replace(r#""id":["id"],"#, "");
    assert!(error(&no_ids.replace(r#","opening":"0""#, "")).contains("no sums either"));
    let config: DetectorConfig = serde_json::from_str(&no_ids).unwrap();
    assert_eq!(config.id(), "bridge");
    assert!(
        crate::build(&crate::testing::protocol(), &config).is_ok(),
        "the sums work without ids"
    );
}

/// The limits are what their words say they are: together below 200 MB.
#[test]
fn the_book_is_bounded() {
    let entry = size_of::<terms::Lock>() + size_of::<terms::Release>();
    let most = book::LOCKS_MAX * entry
        + revocable::REVOCABLE_MAX * entry
        + book::PENDING_MAX * size_of::<terms::Release>();
    assert!(most < 200_000_000, "{most}");
    assert!(size_of::<Bridge>() < 4_096);
}
