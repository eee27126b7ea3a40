use std::collections::BTreeSet;

use portcullis_types::{
    ids::{CaseId, Millis, Seq},
    money::Usd,
};
use proptest::prelude::*;

use super::*;

fn case() -> LifeCycle {
    LifeCycle::open(CaseId(Seq(7)), Millis(1_000))
}

fn said(seq: u64, what: Command) -> LifeEntry {
    let at = Millis(1_000 + seq * 60_000);
    LifeEntry {
        seq: Seq(seq),
        at,
        what: What::Command(CaseCommand { who: "ada".into(), when: at, what }),
    }
}

fn text() -> String {
    "as agreed".into()
}

fn declare(severity: Severity) -> Command {
    Command::Declare { severity, why: text() }
}

#[test]
fn an_incident_goes_its_whole_way() {
    let mut life = case();
    let way = [
        (Command::Acknowledge, Stage::Detected),
        (Command::Triage { note: text() }, Stage::Triaged),
        (declare(Severity::P1), Stage::Declared),
        (Command::Contain { how: text() }, Stage::Containing),
        (Command::Contained { how: text() }, Stage::Contained),
        (Command::Investigate, Stage::Investigating),
        (Command::Recover { plan: text() }, Stage::Recovering),
        (Command::Monitor, Stage::Monitoring),
        (Command::Resolve { summary: text(), early: Some(text()) }, Stage::Resolved),
        (Command::Review { report: text() }, Stage::Reviewed),
        (Command::ReOpen { why: text() }, Stage::ReOpened),
        (declare(Severity::P3), Stage::Declared),
        (Command::FalsePositive { why: text() }, Stage::FalsePositive),
    ];
    for (seq, (command, stage)) in way.into_iter().enumerate() {
        let change = life.apply(said(seq as u64 + 8, command)).unwrap();
        assert_eq!((change.to, life.stage()), (stage, stage));
    }
    assert_eq!(life.severity(), Some(Severity::P3));
    assert!(life.is_acknowledged());
    assert_eq!(life.record().len(), 13);
}

#[test]
fn a_grave_incident_is_watched_for_a_week() {
    for (severity, hours, is_allowed) in [
        (Some(Severity::P1), 167, false),
        (Some(Severity::P2), 168, true),
        (Some(Severity::P3), 0, true),
        (None, 1, false),
    ] {
        let mut life = case();
        if let Some(severity) = severity {
            life.apply(said(8, declare(severity))).unwrap();
        } else {
            life.apply(said(8, Command::Triage { note: text() })).unwrap();
        }
        life.apply(said(9, Command::Contain { how: text() })).unwrap();
        life.apply(said(10, Command::Contained { how: text() })).unwrap();
        life.apply(said(11, Command::Monitor)).unwrap();
        let mut end = said(12, Command::Resolve { summary: text(), early: None });
        end.at = Millis(1_000 + 11 * 60_000 + hours * 3_600_000);
        if hours == 0 {
            end.at = Millis(1_000 + 12 * 60_000);
        }
        let answer = life.apply(end);
        assert_eq!(answer.is_ok(), is_allowed, "{severity:?} {hours} {answer:?}");
    }
}

#[test]
fn refusals_say_what_is_allowed_and_what_to_do() {
    let mut life = case();
    let refusal = life.apply(said(8, Command::Recover { plan: text() })).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "PC-000007: `recover` is not possible now (the case is detected): look at the findings, then `triage` or \
         `declare` it; allowed now: triage, declare, falsePositive, duplicate, merge"
    );
    let future = LifeEntry { at: Millis(5), ..said(8, Command::Acknowledge) };
    let long = Command::Note { text: "x".repeat(TEXT_BYTES_MAX + 1) };
    let nobody = LifeEntry {
        what: What::Command(CaseCommand {
            who: " ".into(),
            when: Millis(1),
            what: Command::Acknowledge,
        }),
        ..said(8, Command::Acknowledge)
    };
    let itself = Command::Duplicate { of: CaseId(Seq(7)) };
    let unknown = Command::Correct { entry: Seq(99), text: text() };
    for bad in [future, said(8, long), nobody, said(8, itself), said(8, unknown)] {
        let before = life.clone();
        let refusal = life.apply(bad).unwrap_err();
        assert!(!refusal.remedy.is_empty() && !refusal.allowed.is_empty(), "{refusal}");
        assert_eq!(life, before);
    }
    life.apply(said(9, Command::Acknowledge)).unwrap();
    assert!(life.apply(said(8, Command::Acknowledge)).is_err(), "nothing between older entries");
    life.apply(said(10, Command::Correct { entry: Seq(9), text: text() })).unwrap();
    assert_eq!(life.record().len(), 2, "a correction is an entry of its own");
}

#[test]
fn the_machine_contains_and_reopens_but_never_judges() {
    let lever = || "pause".to_owned();
    let machine = |seq, event| LifeEntry {
        seq: Seq(seq),
        at: Millis(seq * 1_000),
        what: What::Machine(event),
    };
    let mut life = case();
    let way = [
        (MachineEvent::FindingRaised, Stage::Detected),
        (MachineEvent::PullIssued { lever: lever() }, Stage::Containing),
        (MachineEvent::PullFailed { lever: lever() }, Stage::Containing),
        (MachineEvent::LeverHeld { lever: lever() }, Stage::Contained),
        (MachineEvent::StillLeaking { lever: lever(), loss: Usd::ZERO }, Stage::Containing),
        (MachineEvent::LeverHeld { lever: lever() }, Stage::Contained),
        (MachineEvent::LeverReleased { lever: lever() }, Stage::Containing),
        (MachineEvent::AllRetracted, Stage::Containing),
    ];
    for (event, stage) in way {
        life.apply(machine(9, event)).unwrap();
        assert_eq!(life.stage(), stage);
    }
    life.apply(said(10, Command::FalsePositive { why: text() })).unwrap();
    life.apply(machine(11, MachineEvent::PullIssued { lever: lever() })).unwrap();
    assert_eq!(life.stage(), Stage::FalsePositive, "closed by people, not opened by a pull");
    life.apply(machine(12, MachineEvent::FindingRaised)).unwrap();
    assert_eq!(life.stage(), Stage::ReOpened);
    life.apply(said(13, Command::Duplicate { of: CaseId(Seq(3)) })).unwrap();
    life.apply(machine(14, MachineEvent::FindingRaised)).unwrap();
    assert_eq!(life.stage(), Stage::Duplicate { of: CaseId(Seq(3)) });
}

#[test]
fn a_flood_of_the_machine_does_not_silence_people() {
    let mut life = case();
    let lever = "pause".to_owned();
    for _ in 0..ENTRIES_MAX + 10 {
        let what = What::Machine(MachineEvent::PullFailed { lever: lever.clone() });
        life.apply(LifeEntry { seq: Seq(9), at: Millis(9), what }).unwrap();
    }
    assert_eq!(life.dropped() as usize, ENTRIES_MAX + 10 - MACHINE_ENTRIES_MAX);
    life.apply(said(10, Command::Acknowledge)).unwrap();
    assert_eq!(life.record().len(), MACHINE_ENTRIES_MAX + 1);
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Acknowledge),
        Just(Command::Triage { note: text() }),
        (0_usize..5).prop_map(|index| declare(Severity::ALL[index])),
        Just(Command::Contain { how: text() }),
        Just(Command::Contained { how: text() }),
        Just(Command::Investigate),
        Just(Command::Recover { plan: text() }),
        Just(Command::Monitor),
        any::<bool>()
            .prop_map(|early| Command::Resolve { summary: text(), early: early.then(text) }),
        Just(Command::Review { report: text() }),
        Just(Command::FalsePositive { why: text() }),
        (5_u64..9).prop_map(|of| Command::Duplicate { of: CaseId(Seq(of)) }),
        (5_u64..9).prop_map(|into| Command::Merge { into: CaseId(Seq(into)) }),
        Just(Command::ReOpen { why: text() }),
        ".*".prop_map(|text| Command::Note { text }),
        (0_u64..40).prop_map(|entry| Command::Correct { entry: Seq(entry), text: text() }),
        any::<u64>().prop_map(|users| Command::Blocked { lever: text(), users }),
        any::<i64>().prop_map(|sum| Command::Returned { amount: Usd::dollars(sum), how: text() }),
    ]
}

fn machine_events() -> impl Strategy<Value = MachineEvent> {
    prop_oneof![
        Just(MachineEvent::FindingRaised),
        Just(MachineEvent::PullIssued { lever: text() }),
        Just(MachineEvent::LeverHeld { lever: text() }),
        Just(MachineEvent::PullFailed { lever: text() }),
        Just(MachineEvent::LeverReleased { lever: text() }),
        Just(MachineEvent::StillLeaking { lever: text(), loss: Usd::ZERO }),
        Just(MachineEvent::AllRetracted),
    ]
}

/// Any entries at all: people and machine, out of order, in the future, by nobody.
fn entries() -> impl Strategy<Value = Vec<LifeEntry>> {
    let who = prop_oneof![9 => Just("ada".to_owned()), 1 => Just(String::new())];
    let command = (commands(), who, any::<u32>()).prop_map(|(what, who, when)| {
        What::Command(CaseCommand { who, when: Millis(u64::from(when)), what })
    });
    let what = prop_oneof![4 => command, 1 => machine_events().prop_map(What::Machine)];
    let entry = (what, any::<u64>(), 0_u64..40).prop_map(|(what, at, seq)| LifeEntry {
        seq: Seq(seq),
        at: Millis(at),
        what,
    });
    proptest::collection::vec(entry, 0..60).prop_map(|mut entries| {
        // Mostly in order, so that cases get far.
        entries.sort_by_key(|entry| entry.seq);
        if entries.len() > 20 {
            entries.swap(3, 17);
        }
        entries
    })
}

/// The graph of the module's picture, written down a second time.
fn edges() -> BTreeSet<(&'static str, &'static str)> {
    let line = "detected triaged|detected declared|reOpened triaged|reOpened declared|triaged declared|\
        triaged containing|declared containing|contained containing|investigating containing|\
        recovering containing|monitoring containing|containing contained|declared investigating|\
        contained investigating|contained recovering|investigating recovering|contained monitoring|\
        investigating monitoring|recovering monitoring|monitoring resolved|resolved reviewed|\
        detected containing|reOpened containing|resolved reOpened|reviewed reOpened|falsePositive reOpened|\
        duplicate reOpened|merged reOpened";
    let mut edges: BTreeSet<_> =
        line.split('|').filter_map(|edge| edge.trim().split_once(' ')).collect();
    let open = [
        "detected",
        "reOpened",
        "triaged",
        "declared",
        "containing",
        "contained",
        "investigating",
        "recovering",
        "monitoring",
    ];
    for (index, stage) in open.into_iter().enumerate() {
        edges.extend([(stage, "duplicate"), (stage, "merged")]);
        if index <= 6 {
            edges.insert((stage, "falsePositive"));
        }
    }
    edges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_way_is_one_of_the_picture(entries in entries()) {
        let edges = edges();
        let mut life = case();
        for entry in entries {
            let before = life.clone();
            let is_finding = entry.what == What::Machine(MachineEvent::FindingRaised);
            match life.apply(entry) {
                Ok(change) => {
                    prop_assert_eq!(change.from, before.stage());
                    let edge = (change.from.name(), change.to.name());
                    prop_assert!(change.from == change.to || edges.contains(&edge), "{:?}", edge);
                    let is_quiet = life.record().len() == before.record().len();
                    prop_assert!(!is_quiet || (is_finding && change.from == change.to));
                    prop_assert_eq!(&life.record()[..before.record().len()], before.record());
                }
                Err(refusal) => {
                    prop_assert_eq!(&life, &before, "refused and changed");
                    prop_assert!(!refusal.remedy.is_empty());
                    prop_assert_eq!(refusal.stage, before.stage());
                }
            }
        }
    }

    #[test]
    fn a_fold_can_stop_anywhere_and_go_on(entries in entries(), cut in 0_usize..60) {
        let fold = |mut life: LifeCycle, entries: &[LifeEntry]| {
            for entry in entries {
                let _ = life.apply(entry.clone());
            }
            life
        };
        let cut = cut.min(entries.len());
        let whole = fold(case(), &entries);
        let stored = serde_json::to_string(&fold(case(), &entries[..cut])).unwrap();
        let rest = fold(serde_json::from_str(&stored).unwrap(), &entries[cut..]);
        prop_assert_eq!(rest, whole);
    }

    #[test]
    fn what_is_said_to_be_allowed_is(entries in entries()) {
        let mut life = case();
        for entry in entries {
            let _ = life.apply(entry);
        }
        let seq = life.record().last().map_or(0, |last| last.entry.seq.0);
        for command in [
            Command::Triage { note: text() },
            declare(Severity::P1),
            Command::Contain { how: text() },
            Command::Contained { how: text() },
            Command::Resolve { summary: text(), early: Some(text()) },
            Command::ReOpen { why: text() },
        ] {
            let is_offered = life.allowed().contains(&command.verb());
            prop_assert_eq!(life.clone().apply(said(seq, command)).is_ok(), is_offered);
        }
    }
}
