use super::*;
use crate::testing::{block, detector, error};

const PLAIN: &str = r#"{"detector":"stale-oracle",
    "feeds":[{"name":"ETH/USD","feed":"0xfefefefefefefefefefefefefefefefefefefefe",
              "heartbeatSeconds":3600,"min":"10","max":"1000000"}],
    "sequencer":{"feed":"0xadadadadadadadadadadadadadadadadadadadad","graceSeconds":600}}"#;

const FEED: Address = Address::repeat_byte(0xfe);
const SEQUENCER: Address = Address::repeat_byte(0xad);

/// One answer of a feed: round, answer, startedAt, updatedAt, answeredInRound.
type Answer = (u64, i64, u64, u64, u64);

fn read(
    detector: &mut dyn Detector,
    number: u64,
    feed: Address,
    answer: Option<Answer>,
) -> Vec<Finding> {
    let mut readings = Vec::new();
    for probe in detector.probes() {
        let Probe::Call { to, word, .. } = &probe else { panic!("{probe:?}") };
        if *to != feed {
            continue;
        }
        let value = answer.ok_or_else(|| "reverted".to_owned()).map(
            |(id, price, started, updated, answered)| {
                let price = I256::try_from(price).unwrap().into_raw();
                [
                    U256::from(id),
                    price,
                    U256::from(started),
                    U256::from(updated),
                    U256::from(answered),
                ][*word as usize]
            },
        );
        readings.push(Reading { probe: probe.clone(), value, depends_on: Vec::new() });
    }
    assert_eq!(readings.len(), WORDS);
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.into_parts().0
}

fn seen(detector: &mut dyn Detector, through: u64) -> Vec<String> {
    let mut out = Findings::default();
    detector.seen(1, Seen { since: 0, through }, &mut out);
    out.into_parts().0.into_iter().map(|finding| finding.sentence).collect()
}

#[test]
fn a_price_is_stale_once_heartbeat_and_grace_are_over_and_again_each_heartbeat() {
    let mut detector = detector(PLAIN);
    let detector = detector.as_mut();
    assert_eq!(seen(detector, 1_000_000), [""; 0], "nothing was read, so nothing is known");
    assert_eq!(read(detector, 1, FEED, Some((7, 2_000, 10_000, 10_000, 7))), []);
    for (time, expected) in [
        (10_000, 0),
        (13_600, 0),
        (13_900, 0),
        (13_901, 1),
        (13_902, 0),
        (17_499, 0),
        (17_500, 1),
        (17_501, 0),
    ] {
        let said = seen(detector, time);
        assert_eq!(said.len(), expected, "{time}: {said:?}");
        assert!(said.iter().all(|text| text.contains("the price is stale")), "{said:?}");
    }
    // An update ends it; another chain's time says nothing.
    assert_eq!(read(detector, 2, FEED, Some((8, 2_001, 17_600, 17_600, 8))), []);
    assert_eq!(seen(detector, 17_700), [""; 0]);
    let mut out = Findings::default();
    detector.seen(2, Seen { since: 0, through: 99_999 }, &mut out);
    assert!(out.as_slice().is_empty());
}

#[test]
fn a_round_that_cannot_be_right_is_said_at_once_and_once() {
    let good = (7, 2_000, 100, 100, 7);
    for (answer, words) in [
        ((8, 0, 200, 200, 8), "no price"),
        ((8, -5, 200, 200, 8), "no price"),
        ((8, 10, 200, 200, 8), "cuts prices off"),
        ((8, 1_000_000, 200, 200, 8), "cuts prices off"),
        ((8, 2_000, 200, 200, 7), "what round 7 said"),
        ((7, 2_000, 100, 200, 7), "under the same round 7"),
    ] {
        let mut detector = detector(PLAIN);
        let detector = detector.as_mut();
        assert_eq!(read(detector, 1, FEED, Some(good)), []);
        let found = read(detector, 2, FEED, Some(answer));
        assert!(found.len() == 1 && found[0].sentence.contains(words), "{words}: {found:?}");
        assert_eq!((found[0].contract, found[0].block), (FEED, block(2, 1)));
        assert_eq!(read(detector, 3, FEED, Some(answer)), [], "{words}: said once");
    }
    for answer in [(8, 11, 200, 200, 8), (8, 999_999, 200, 200, 8), (9, 2_000, 100, 100, 9)] {
        let mut detector = detector(PLAIN);
        read(detector.as_mut(), 1, FEED, Some(good));
        assert_eq!(read(detector.as_mut(), 2, FEED, Some(answer)), [], "{answer:?}");
    }
}

#[test]
fn the_call_is_the_published_one() {
    let Some(Probe::Call { data, .. }) = detector(PLAIN).probes().into_iter().next() else {
        panic!()
    };
    assert_eq!(data[..], alloy_primitives::keccak256("latestRoundData()")[..4]);
}

#[test]
fn a_feed_that_cannot_be_read_is_neither_fresh_nor_stale() {
    let mut detector = detector(PLAIN);
    let detector = detector.as_mut();
    read(detector, 1, FEED, Some((7, 2_000, 100, 100, 7)));
    assert_eq!(read(detector, 2, FEED, None), []);
    assert_eq!(seen(detector, 1_000_000), [""; 0]);
}

#[test]
fn a_sequencer_is_down_or_came_back_lately() {
    let mut detector = detector(PLAIN);
    let detector = detector.as_mut();
    read(detector, 1, SEQUENCER, Some((1, 0, 100, 100, 1)));
    assert_eq!(seen(detector, 10_000), [""; 0]);
    read(detector, 2, SEQUENCER, Some((2, 1, 10_000, 10_000, 2)));
    assert_eq!(seen(detector, 10_060), ["the sequencer has been down for 60 s"]);
    assert_eq!(seen(detector, 10_070), [""; 0]);
    read(detector, 3, SEQUENCER, Some((3, 0, 11_000, 11_000, 3)));
    assert_eq!(
        seen(detector, 11_100),
        ["the sequencer came back 100 s ago, and prices are behind"]
    );
    assert_eq!(seen(detector, 11_600), [""; 0]);
}

#[test]
fn what_was_said_in_a_block_that_is_gone_is_said_again() {
    let mut detector = detector(PLAIN);
    let detector = detector.as_mut();
    read(detector, 1, FEED, Some((7, 2_000, 100, 100, 7)));
    read(detector, 2, FEED, Some((8, 2_000, 200, 200, 8)));
    assert_eq!(seen(detector, 5_000).len(), 1);
    detector.retract(&[block(2, 1)]);
    assert_eq!(seen(detector, 5_000).len(), 1);
    assert_eq!(seen(detector, 5_000), [""; 0]);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (from, to, words) in [
        ("\"heartbeatSeconds\":3600", "\"heartbeatSeconds\":0", "heartbeatSeconds"),
        ("ETH/USD", "", "feeds[0].name"),
        ("0xfefefefefefefefefefefefefefefefefefefefe", "nowhere", "feeds[0].feed"),
        ("\"min\":\"10\"", "\"min\":\"1000000\"", "min"),
    ] {
        let text = error(&PLAIN.replace(from, to));
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(error(r#"{"detector":"stale-oracle"}"#).contains("from 1 to 64"));
}
