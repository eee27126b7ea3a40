//! Any entries, any answers, any crash.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Op {
    Person(RunEvent),
    Answer(usize, u8),
    Pass(u64),
    Drive { dies: bool },
    Restart,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let step = prop::sample::select(vec!["lead", "agree", "pause", "wider", "tell", "report", "?"]);
    let who = prop::sample::select(vec!["ada", "ben", "bea", "cleo", "eve"]);
    let person = (step, who, 0_u8..12).prop_map(|(step, who, kind)| {
        let (step, who, why) = (step.to_owned(), who.to_owned(), "why".to_owned());
        Op::Person(match kind {
            0..=3 => RunEvent::Done { step, who, note: why },
            4..=6 => RunEvent::Approved { step, who },
            7 => RunEvent::Failed { step, who, why },
            8 => RunEvent::Skipped { step, who, why },
            9 => RunEvent::Retried { step, who },
            10 => RunEvent::Objected { step, who, why },
            _ => RunEvent::UndoOrdered { who, why },
        })
    });
    let op = prop_oneof![
        8 => person,
        6 => (any::<usize>(), any::<u8>()).prop_map(|(which, how)| Op::Answer(which, how)),
        2 => (0_u64..20).prop_map(Op::Pass),
        4 => any::<bool>().prop_map(|dies| Op::Drive { dies }),
        2 => Just(Op::Restart),
    ];
    proptest::collection::vec(op, 0..80)
}

impl Program {
    fn answer(&mut self, which: usize, how: u8) {
        let open: Vec<_> = self
            .run
            .outstanding()
            .into_iter()
            .filter(|(id, _)| self.performed.contains(id))
            .collect();
        if open.is_empty() {
            return;
        }
        let effect = open[which % open.len()].0.clone();
        let (by, note) = ("machine".to_owned(), String::new());
        let event = match effect.kind {
            kind if kind.is_action() => {
                let failure = how.is_multiple_of(3).then(|| "reverted".to_owned());
                RunEvent::Ended { effect, by, failure, note }
            }
            EffectKind::CheckPostCondition => {
                let answer = match how % 4 {
                    0 => Answer::DoesNotHold { found: "0".into() },
                    1 => Answer::CouldNotLook { why: "no node".into() },
                    _ => Answer::Holds,
                };
                RunEvent::Checked { effect, by: "other".into(), answer }
            }
            _ if how.is_multiple_of(5) => {
                RunEvent::Undelivered { effect, why: "no channel".into() }
            }
            _ => RunEvent::Delivered { effect },
        };
        self.tell(event).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_crash_anywhere_loses_no_effect_and_issues_none_twice(ops in ops()) {
        let mut program = Program::new();
        for op in ops {
            match op {
                Op::Person(event) => drop(program.tell(event)),
                Op::Answer(which, how) => program.answer(which, how),
                Op::Pass(minutes) => program.now += minutes * 60_000,
                Op::Drive { dies } => {
                    program.drive(dies);
                    if dies {
                        program.restart();
                    }
                }
                Op::Restart => program.restart(),
            }
        }
        program.drive(false);
        program.restart();
        let mut issued = BTreeSet::new();
        for entry in &program.journal {
            if let RunEvent::Issued { effect } = &entry.event {
                prop_assert!(issued.insert(effect.clone()), "{} was issued twice", effect);
            }
        }
        // Everything issued was performed, or people settled the step before the program came back to it.
        for id in &issued {
            let is_answered = program.run.issued[id];
            prop_assert!(program.performed.contains(id) || is_answered, "{} is lost", id);
            prop_assert!(!id.kind.is_action() || program.performed.contains(id), "{} is lost", id);
        }
        prop_assert!(program.performed.is_subset(&issued), "nothing is done that is not written down");
        prop_assert_eq!(program.run.next(Millis(program.now)), vec![]);
        // Whatever is under way has somebody or something that was asked.
        for (step, state) in program.run.steps() {
            let asked = issued.iter().any(|id| id.step == step.id && id.attempt == state.attempt);
            let held = program.run.direction() != Direction::Forward;
            prop_assert!(!state.status.is_under_way() || asked || held, "{}: {:?}", step.id, state);
        }
    }

    #[test]
    fn no_lever_is_pulled_without_its_quorum(ops in ops()) {
        let mut program = Program::new();
        for op in ops {
            match op {
                Op::Person(event) => drop(program.tell(event)),
                Op::Answer(which, how) => program.answer(which, how),
                Op::Pass(minutes) => program.now += minutes * 60_000,
                Op::Drive { .. } | Op::Restart => program.drive(false),
            }
            let pulled = |id: &RunEffectId| id.kind == EffectKind::StartAction && id.step == "pause";
            if program.performed.iter().any(pulled) {
                let voices: BTreeSet<_> = program.journal.iter().filter_map(|entry| match &entry.event {
                    // Two names with one key.
                    RunEvent::Approved { who, .. } => Some(if who == "bea" { "ben" } else { who.as_str() }),
                    _ => None,
                }).collect();
                prop_assert!(voices.len() >= 2, "{voices:?}");
            }
        }
    }
}
