use super::*;

fn check(standing: Standing) -> BrakeCheck {
    BrakeCheck { brake: "lever stop".to_owned(), standing, why: String::new() }
}

/// One alert for each time that it stops working and one when it is back, whatever could not be seen meanwhile.
#[test]
fn an_alert_is_told_once_and_re_armed_when_the_brake_works_again() {
    use Standing::{Broken, Held, Unseen, Works};
    let turns = [
        (Works, false),
        (Works, false),
        (Broken, true),
        (Broken, false),
        (Unseen, true),
        (Unseen, false),
        (Broken, false),
        (Held, false),
        (Broken, false),
        (Works, true),
        (Works, false),
        (Broken, true),
        (Works, true),
        (Unseen, true),
        (Works, true),
        (Held, false),
        (Works, false),
    ];
    let mut known = BTreeMap::new();
    for (turn, (standing, told)) in (0..).zip(turns) {
        let alert = note(&mut known, "bank", &check(standing), Millis(turn));
        assert_eq!(alert.is_some(), told, "turn {turn}: {standing:?}");
    }
    let brake = known.values().next().unwrap();
    assert_eq!((brake.standing, brake.since), (Works, Millis(16)));
}

#[test]
fn the_first_test_alerts_of_what_does_not_work_or_was_not_seen_only() {
    for (standing, told) in [
        (Standing::Works, false),
        (Standing::Held, false),
        (Standing::Unseen, true),
        (Standing::Broken, true),
    ] {
        let alert = note(&mut BTreeMap::new(), "bank", &check(standing), Millis(0));
        assert_eq!(alert.is_some(), told, "{standing:?}");
    }
}

#[test]
fn only_another_standing_is_news() {
    let mut engine = Engine::new();
    let mut step = Step {
        seq: portcullis_types::ids::Seq(1),
        at: Millis(1),
        out: crate::StepOutput::default(),
        shown: crate::links::Shown::default(),
    };
    assert!(engine.is_news("bank", &[check(Standing::Works)]));
    engine.self_tested(&mut step, "bank", &[check(Standing::Broken)]);
    assert_eq!(step.out.brakes.len(), 1);
    let other_words = BrakeCheck { why: "block 2".to_owned(), ..check(Standing::Broken) };
    assert!(!engine.is_news("bank", &[other_words]));
    assert!(engine.is_news("bank", &[check(Standing::Works)]));
    assert!(engine.is_news("bank", &[]), "a part that is gone is news");
    engine.self_tested(&mut step, "bank", &[]);
    assert_eq!(engine.brakes("bank").count(), 0);
}

#[test]
fn a_hold_that_was_never_told_cannot_be_gone() {
    let mut engine = Engine::new();
    let mut step = Step {
        seq: portcullis_types::ids::Seq(1),
        at: Millis(1),
        out: crate::StepOutput::default(),
        shown: crate::links::Shown::default(),
    };
    let news = |state| HoldNews {
        chain: 1,
        warden: Address::ZERO,
        lever: alloy_primitives::B256::ZERO,
        hold: U256::ONE,
        incident: alloy_primitives::B256::ZERO,
        ends_at: 10,
        state,
    };
    assert!(!engine.is_new_hold(&news(HoldState::Gone)));
    assert!(engine.is_new_hold(&news(HoldState::Open)));
    engine.saw_hold(&mut step, &news(HoldState::Open));
    assert!(!engine.is_new_hold(&news(HoldState::Open)));
    assert!(engine.is_new_hold(&news(HoldState::Over)));
    engine.saw_hold(&mut step, &news(HoldState::Released));
    assert_eq!(engine.strange_holds().count(), 0);
}
