use alloy_primitives::Address;

use super::*;
use crate::judge::{Place, Voice};

fn seen(number: u8, is_blind: bool) -> Seen {
    let place = Place { line: u64::from(number), index: 0, block: None, time: None };
    let hash = B256::repeat_byte(number);
    Seen { hash, from: Address::ZERO, phase: None, place, is_blind }
}

fn alert(suspects: &[usize], level: Option<Level>, detector: &str, e_value: f64) -> Alert {
    let voice = Voice {
        detector: detector.to_owned(),
        e_value,
        sentence: detector.to_owned(),
        frames: Vec::new(),
    };
    Alert {
        suspects: suspects.to_vec(),
        level,
        class: "other".to_owned(),
        voices: vec![voice],
        e_value,
        attackers: vec![Address::ZERO],
        victims: Vec::new(),
        targets: Vec::new(),
        losses: Vec::new(),
        sentence: detector.to_owned(),
    }
}

fn labels(lines: &[(u8, &str)]) -> FileLabels {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.labels.jsonl");
    let line = |(number, kind): &(u8, &str)| {
        format!("{{\"hash\":\"{}\",\"label\":\"{kind}\"}}\n", B256::repeat_byte(*number))
    };
    std::fs::write(&path, lines.iter().map(line).collect::<String>()).unwrap();
    let labels = Arc::new(crate::labels::Labels::read(&path).unwrap());
    FileLabels { hashes: labels.clone(), phases: labels }
}

fn tape(transactions: Vec<Seen>, alerts: Vec<Alert>) -> Tape {
    Tape { chain: Some(1), transactions, alerts, ..Tape::default() }
}

/// A state found wrong after a block is laid to a theft in it, else to preparation, else to the last honest transaction.
#[test]
fn a_wrong_state_is_laid_to_the_worst_of_its_suspects() {
    let cases: [(&[(u8, &str)], u8); 4] = [
        (&[(1, "exploit"), (2, "setup")], 1),
        (&[(1, "benign"), (2, "setup")], 2),
        (&[(1, "benign"), (2, "benign"), (3, "benign")], 3),
        (&[], 3),
    ];
    for (said, expected) in cases {
        let transactions = vec![seen(1, false), seen(2, false), seen(3, false)];
        let alerts = vec![alert(&[0, 1, 2], Some(Level::Alert), "invariant", 1e9)];
        let joined = join(0, tape(transactions, alerts), &labels(said), Unlabelled::Benign);
        let alerted: Vec<B256> =
            joined.told.iter().filter(|one| one.is_alerted()).map(|one| one.seen.hash).collect();
        assert_eq!(alerted, [B256::repeat_byte(expected)], "{said:?}");
    }
}

#[test]
fn alerts_on_one_transaction_are_one_and_the_worst_speaks_first() {
    let alerts = vec![
        alert(&[0], Some(Level::Alert), "loud", 1e6),
        alert(&[0], Some(Level::Act), "severe", 10.0),
        alert(&[0], None, "on-probation", 1e9),
    ];
    let joined = join(0, tape(vec![seen(1, false)], alerts), &labels(&[]), Unlabelled::Benign);
    let told = &joined.told[0];
    let said = told.alert.as_ref().unwrap();
    assert_eq!((said.sentence.as_str(), said.level), ("severe", Some(Level::Act)));
    let voices: Vec<&str> = said.voices.iter().map(|voice| voice.detector.as_str()).collect();
    assert_eq!((voices.as_slice(), said.e_value), (["loud", "severe"].as_slice(), 1e6));
    assert_eq!(said.attackers.len(), 1, "each is named once");
    assert!(told.is_automatic());
    assert_eq!(told.whispers.len(), 1);
}

#[test]
fn what_was_not_seen_is_counted_as_such_whatever_it_was() {
    let transactions = vec![seen(1, true), seen(2, true), seen(3, false)];
    let labels = labels(&[(1, "exploit"), (3, "benign"), (9, "exploit")]);
    let joined = join(0, tape(transactions, Vec::new()), &labels, Unlabelled::Ignore);
    let expected = Counts { transactions: 1, blind: 2, benign: 1, ..Counts::default() };
    assert_eq!(joined.counts, expected);
    let told: Vec<bool> = joined.told.iter().map(|one| one.seen.is_blind).collect();
    assert_eq!(told, [true], "the theft is told of, unseen as it is");
    let alone = labels_without_transaction(&[labels], &[joined]);
    assert_eq!(alone, [(B256::repeat_byte(9), None)]);
}
