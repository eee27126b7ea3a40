use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Levels {
    serde_json::from_str(text).unwrap()
}

#[test]
fn one_word_is_for_all_rungs_and_is_written_as_one_word() {
    for level in ["observe", "recommend", "signature", "ratify", "act"] {
        let text = format!("\"{level}\"");
        let levels = read(&text);
        assert!(levels.all().all(|(_, each)| each.name() == level));
        assert_eq!(serde_json::to_string(&levels).unwrap(), text, "old journals read the same");
    }
}

#[test]
fn rungs_may_be_named() {
    let levels = read(r#"{"default":"act","market":"signature","protocol":"recommend"}"#);
    let names: Vec<_> = levels.all().map(|(_, level)| level.name()).collect();
    assert_eq!(names, ["act", "act", "act", "signature", "recommend"]);
    assert_eq!(levels.validate(), Ok(()));
    assert!(levels.needs_guardians() && levels.may_pull());
    let harsher_freer = read(r#"{"default":"act","market":"signature"}"#);
    assert!(harsher_freer.validate().unwrap_err().contains("protocol: signature or less"));
    for bad in [r#"{"default":"on"}"#, r#"{"markets":"act"}"#, "1", r#""on""#, "null"] {
        assert!(serde_json::from_str::<Levels>(bad).is_err(), "{bad}");
    }
}

#[test]
fn guardians_are_checked() {
    let read = |text: &str| serde_json::from_str::<Guardians>(text).unwrap();
    let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
    assert_eq!(
        read(&format!(r#"{{"addresses":["{a}","{b}"],"signatures":2}}"#)).validate(),
        Ok(())
    );
    for (text, word) in [
        (r#"{"addresses":[]}"#.to_owned(), "guardians"),
        (format!(r#"{{"addresses":["{a}","{a}"]}}"#), "each once"),
        (format!(r#"{{"addresses":["{}"]}}"#, Address::ZERO), "zero"),
        (format!(r#"{{"addresses":["{a}"],"signatures":2}}"#), "signatures"),
        (format!(r#"{{"addresses":["{a}"],"signatures":0}}"#), "signatures"),
        (format!(r#"{{"addresses":["{a}"],"approveSeconds":5}}"#), "approveSeconds"),
        (format!(r#"{{"addresses":["{a}"],"ratifySeconds":99999999}}"#), "ratifySeconds"),
    ] {
        assert!(read(&text).validate().unwrap_err().contains(word), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(picks in prop::collection::vec(0u8..6, 5), default in 0u8..5) {
        let level = |pick: u8| {
            [Autonomy::Observe, Autonomy::Recommend, Autonomy::Signature, Autonomy::Ratify, Autonomy::Act]
                .get(usize::from(pick)).copied()
        };
        let mut levels = Levels::from(level(default).unwrap());
        for (rung, pick) in RUNGS.iter().zip(picks) {
            if let Some(level) = level(pick) {
                levels = levels.with(*rung, level);
            }
        }
        let text = serde_json::to_string(&levels).unwrap();
        prop_assert_eq!(read(&text), levels);
        let is_sorted = levels.all().map(|(_, level)| level).is_sorted_by(|a, b| a >= b);
        prop_assert_eq!(levels.validate().is_ok(), is_sorted);
    }
}
