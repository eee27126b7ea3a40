//! Exactly one is on call at each instant; whoever is called answers, or the next is called.

use proptest::prelude::*;

use super::*;
use crate::{Kind, severity::Severity};

fn person(name: &str, timezone: &str, quiet: Option<(&str, &str)>) -> PersonFile {
    PersonFile {
        name: name.to_owned(),
        contacts: vec![ContactFile { channel: "ops".to_owned(), to: Some(name.to_owned()) }],
        roles: vec!["responder".to_owned()],
        timezone: timezone.to_owned(),
        wallet: None,
        quiet_hours: quiet
            .map(|(from, until)| QuietFile { from: from.to_owned(), until: until.to_owned() }),
    }
}

fn rotation(every: Every, timezone: &str, hand_over: &str, people: &[&str]) -> RotationFile {
    RotationFile {
        role: "responder".to_owned(),
        every,
        start: "2026-01-05".to_owned(),
        hand_over: hand_over.to_owned(),
        timezone: timezone.to_owned(),
        people: people.iter().map(|name| (*name).to_owned()).collect(),
        overrides: Vec::new(),
    }
}

fn step(who: Who, wait_minutes: u32) -> StepFile {
    StepFile { role: "responder".to_owned(), who, wait_minutes }
}

fn file() -> RosterFile {
    RosterFile {
        people: vec![
            person("ada", "Europe/Berlin", Some(("22:00", "07:00"))),
            person("bob", "America/New_York", None),
            person("cy", "Asia/Tokyo", None),
        ],
        rotations: vec![rotation(Every::Week, "Europe/Berlin", "09:00", &["ada", "bob", "cy"])],
        escalation: vec![step(Who::OnCall, 15), step(Who::Deputy, 10), step(Who::Everybody, 5)],
        rounds: 2,
    }
}

fn at(text: &str) -> Millis {
    let time: jiff::Timestamp = text.parse().unwrap();
    Millis(time.as_millisecond().unsigned_abs())
}

fn names(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Call { person, .. } => person.as_str(),
            Effect::Taken { .. } => "taken",
            Effect::NobodyAnswered => "nobody",
        })
        .collect()
}

#[test]
fn the_hand_over_stays_at_nine_when_clocks_change() {
    let roster = Roster::new(&file()).unwrap();
    let cases = [
        ("2026-01-05T07:59:59Z", "cy"),
        ("2026-01-05T08:00:00Z", "ada"),
        ("2026-01-12T07:59:59Z", "ada"),
        ("2026-01-12T08:00:00Z", "bob"),
        // Summer time began on 29 March: nine o'clock is an hour earlier in UTC.
        ("2026-03-30T06:59:59Z", "cy"),
        ("2026-03-30T07:00:00Z", "ada"),
    ];
    for (time, expected) in cases {
        assert_eq!(roster.on_call("responder", at(time)).unwrap().person, expected, "{time}");
    }
    let week = roster.on_call("responder", at("2026-03-25T12:00:00Z")).unwrap();
    assert_eq!(week.until.since(week.from), (7 * 24 - 1) * 3_600_000, "an hour shorter");
    assert!(roster.on_call("scribe", at("2026-01-05T00:00:00Z")).is_none());
}

#[test]
fn an_override_takes_its_time_out_of_the_rotation() {
    let mut file = file();
    file.rotations[0].overrides = vec![schedule::OverrideFile {
        from: "2026-01-07T00:00:00Z".to_owned(),
        until: "2026-01-08T00:00:00Z".to_owned(),
        person: "cy".to_owned(),
    }];
    let roster = Roster::new(&file).unwrap();
    let who = |time: &str| roster.on_call("responder", at(time)).unwrap();
    assert_eq!(who("2026-01-06T23:59:59Z").until, at("2026-01-07T00:00:00Z"));
    assert_eq!(
        (who("2026-01-07T00:00:00Z").person.as_str(), who("2026-01-07T12:00:00Z").is_override),
        ("cy", true)
    );
    assert_eq!(
        (who("2026-01-08T00:00:00Z").person.as_str(), who("2026-01-08T00:00:00Z").from),
        ("ada", at("2026-01-08T00:00:00Z"))
    );
}

#[test]
fn rosters_that_leave_a_gap_are_refused() {
    type Break = fn(&mut RosterFile);
    let cases: [(Break, &str); 9] = [
        (|f| f.people[0].timezone = "Mars/Olympus".to_owned(), "no time zone"),
        (|f| f.people[0].contacts.clear(), "at least one contact"),
        (|f| f.people[1].name = "ada".to_owned(), "described twice"),
        (|f| f.rotations[0].people.clear(), "has no people"),
        (|f| f.rotations[0].people.push("eve".to_owned()), "not among the people"),
        (|f| f.rotations[0].hand_over = "9 am".to_owned(), "no time of the day"),
        (|f| f.rotations.push(f.rotations[0].clone()), "two rotations"),
        (|f| f.escalation[0].role = "scribe".to_owned(), "leads to nobody"),
        (|f| f.escalation.clear(), "at least one step"),
    ];
    for (change, expected) in cases {
        let mut file = file();
        change(&mut file);
        let error = Roster::new(&file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn who_does_not_answer_is_followed_by_the_next() {
    let roster = Roster::new(&file()).unwrap();
    let start = at("2026-01-06T12:00:00Z");
    let (mut page, effects) = Page::open(&roster, start, Severity::P1);
    assert_eq!(names(&effects), ["ada"]);
    let mut told = Vec::new();
    let mut now = start;
    for _ in 0..6 {
        let wakes = page.wakes().unwrap();
        // A tick too early changes nothing.
        let (same, nothing) = page.clone().after(&roster, Millis(wakes.0 - 1), &Input::Tick);
        assert_eq!((&same, nothing.len()), (&page, 0));
        now = wakes;
        let (next, effects) = page.after(&roster, now, &Input::Tick);
        told.push(names(&effects).join(" "));
        page = next;
    }
    assert_eq!(told, ["bob", "ada bob cy", "ada", "bob", "ada bob cy", "nobody"]);
    assert_eq!(now.since(start), 2 * 30 * 60_000);
    // A P1 is called out again, until somebody answers. A stranger cannot.
    let (page, effects) = page.after(&roster, now.plus_seconds(900), &Input::Tick);
    assert_eq!(names(&effects), ["ada"]);
    let (page, effects) =
        page.after(&roster, now, &Input::Acknowledge { by: "mallory".to_owned() });
    assert_eq!((matches!(page, Page::Calling(_)), effects.len()), (true, 0));
    let (page, effects) = page.after(&roster, now, &Input::Acknowledge { by: "cy".to_owned() });
    assert_eq!(names(&effects), ["taken"]);
    // Taken and not ended: called again after an hour.
    let (page, effects) = page.after(&roster, now.plus_seconds(3_600), &Input::Tick);
    assert_eq!(names(&effects), ["ada"]);
    let (page, effects) = page.after(&roster, now, &Input::Resolve);
    assert_eq!((page.wakes(), effects.len()), (None, 0));
}

#[test]
fn quiet_hours_hold_for_all_but_p1() {
    let roster = Roster::new(&file()).unwrap();
    // Half past midnight in Berlin.
    let night = at("2026-01-06T23:30:00Z");
    assert!(roster.person("ada").unwrap().is_quiet(night));
    let first = |severity| names(&Page::open(&roster, night, severity).1).join(" ");
    assert_eq!(first(Severity::P1), "ada");
    assert_eq!(first(Severity::P2), "bob", "whoever sleeps is passed over");
    let (page, _) = Page::open(&roster, night, Severity::P3);
    let (_, effects) = page.after(&roster, night, &Input::Worsened { severity: Severity::P1 });
    assert_eq!(names(&effects), ["ada"], "and woken when it becomes a P1");

    let mut all_asleep = file();
    for person in &mut all_asleep.people {
        person.timezone = "Europe/Berlin".to_owned();
        person.quiet_hours =
            Some(QuietFile { from: "22:00".to_owned(), until: "07:00".to_owned() });
    }
    let roster = Roster::new(&all_asleep).unwrap();
    assert_eq!(names(&Page::open(&roster, night, Severity::P2).1), ["ada"], "somebody must");
    let (mut page, effects) = Page::open(&roster, night, Severity::P3);
    assert!(effects.is_empty());
    let mut effects = Vec::new();
    let mut now = night;
    while effects.is_empty() {
        now = page.wakes().unwrap();
        (page, effects) = page.after(&roster, now, &Input::Tick);
    }
    assert_eq!((names(&effects), now), (vec!["ada"], at("2026-01-07T06:00:00Z")));
}

#[test]
fn whoever_is_called_is_told_on_all_her_channels() {
    let roster = Roster::new(&file()).unwrap();
    let case = portcullis_types::ids::CaseId(portcullis_types::ids::Seq(42));
    let reason = Reason { case, severity: Severity::P2, title: "theft" };
    let effects = [
        Effect::Call { person: "ada".to_owned(), step: 0, round: 1 },
        Effect::Taken { by: "ada".to_owned() },
        Effect::NobodyAnswered,
    ];
    let told = told(&roster, Millis(5), "77", reason, &effects);
    let kinds: Vec<_> = told.iter().map(|told| (told.notice.kind, told.notice.severity)).collect();
    let expected = [
        (Kind::Page, Severity::P2),
        (Kind::Acknowledged, Severity::P2),
        (Kind::StepOverdue, Severity::P1),
    ];
    assert_eq!(kinds, expected);
    let recipient = crate::Recipient { channel: "ops".to_owned(), to: Some("ada".to_owned()) };
    assert_eq!(told[0].recipients, [recipient]);
    assert_eq!((told[0].key.as_str(), told[1].recipients.len()), ("page/PC-000042/77/0", 0));
    let is_kept = |part: &crate::Part| part.secrecy == crate::Secrecy::Team;
    assert!(told.iter().all(|told| told.notice.parts.iter().all(is_kept)));
}

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Shifts lie end to end: each instant belongs to exactly one, and nothing changes inside of one.
    #[test]
    fn exactly_one_is_on_call_at_each_instant(
        zone in 0..ZONES.len(),
        is_day in any::<bool>(),
        hand_over in 0u32..24 * 60,
        n_people in 1usize..4,
        // 1990 to 2099: days that were left out, clocks that change at midnight, half-hour changes.
        instant in 631_152_000_000u64..4_102_444_800_000,
        overrides in proptest::collection::vec((1u64..2_000_000, 1u64..2_000_000), 0..4),
        inside in 0.0f64..1.0,
    ) {
        let mut file = file();
        let every = if is_day { Every::Day } else { Every::Week };
        let time = format!("{:02}:{:02}", hand_over / 60, hand_over % 60);
        let people = ["ada", "bob", "cy"];
        file.rotations = vec![rotation(every, ZONES[zone], &time, &people[..n_people])];
        let mut end = instant.saturating_sub(3_000_000_000);
        for (index, (gap, length)) in overrides.iter().enumerate() {
            let from = end + gap * 1000;
            end = from + length * 1000;
            let text = |at: u64| crate::text::timestamp(Millis(at));
            file.rotations[0].overrides.push(schedule::OverrideFile { from: text(from), until: text(end), person: people[index % 3].to_owned() });
        }
        let roster = Roster::new(&file).unwrap();
        let on = roster.on_call("responder", Millis(instant)).unwrap();
        prop_assert!(on.from <= Millis(instant) && Millis(instant) < on.until, "{on:?}");
        let length = on.until.since(on.from);
        prop_assert!(on.is_override || length <= (7 * 24 + 26) * 3_600_000, "{on:?}");
        let within = Millis(on.from.0 + (inside * (length - 1) as f64) as u64);
        prop_assert_eq!(&roster.on_call("responder", within).unwrap(), &on);
        let next = roster.on_call("responder", on.until).unwrap();
        prop_assert_eq!(next.from, on.until, "no gap and no overlap");
        let before = roster.on_call("responder", Millis(on.from.0 - 1)).unwrap();
        prop_assert_eq!(before.until, on.from);
    }

    /// Whatever happens in whatever order, a call that is not over either wakes again or was told to be unanswered.
    #[test]
    fn a_call_is_never_forgotten(inputs in proptest::collection::vec((0u8..5, 0u64..5_000), 1..60), severity in 0usize..5) {
        let roster = Roster::new(&file()).unwrap();
        let mut now = at("2026-01-06T12:00:00Z");
        let (mut page, _) = Page::open(&roster, now, Severity::ALL[severity]);
        let mut is_told = false;
        for (input, seconds) in inputs {
            now = now.plus_seconds(seconds);
            let input = match input {
                0 | 1 => Input::Tick,
                2 => Input::Acknowledge { by: "bob".to_owned() },
                3 => Input::Worsened { severity: Severity::ALL[(seconds % 5) as usize] },
                _ => Input::Acknowledge { by: "mallory".to_owned() },
            };
            let effects;
            (page, effects) = page.after(&roster, now, &input);
            is_told |= effects.contains(&Effect::NobodyAnswered);
            prop_assert!(page.wakes().is_some() || (matches!(page, Page::Unanswered(_)) && is_told));
        }
    }
}
