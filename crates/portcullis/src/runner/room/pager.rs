//! Calls: who is on call is called for every P1 and P2 until somebody acknowledges it.
//!
//! Where a call stands follows from the case alone: from when it was graded, from what people said, and from the time. So
//! it is computed, never kept: after a restart the same calls come out under the same keys, and the outbox knows which of
//! them it has. What a call that failed to be put there costs is one step of the escalation.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_case::{
    Case, Command,
    life::{MachineEvent, Stage, What},
};
use portcullis_engine::Engine;
use portcullis_notify::{
    Severity,
    roster::{Effect, Input, Page, Reason, Roster, Told, told},
};
use portcullis_types::ids::{CaseId, Millis, Seq};

use super::tell::severity_of;

/// Most steps of one call that are walked through: a P1 that nobody answers for two months.
const STEPS_MAX: usize = 10_000;

/// See the module.
pub(super) struct Pager {
    roster: Roster,
    since: Millis,
    pages: BTreeMap<CaseId, Known>,
}

/// What came out last, and what it was computed from.
struct Known {
    mark: (usize, usize, Stage),
    wakes: Option<Millis>,
    called: BTreeSet<String>,
}

/// Some calls at one time.
struct Batch {
    at: Millis,
    origin: String,
    effects: Vec<Effect>,
}

impl Pager {
    pub(super) fn new(roster: Roster, since: Millis) -> Self {
        Self { roster, since, pages: BTreeMap::new() }
    }

    /// When a call goes on by time alone.
    pub(super) fn wakes(&self) -> Option<Millis> {
        self.pages.values().filter_map(|known| known.wakes).min()
    }

    /// Whom to call now, each call once in the life of this process.
    pub(super) fn calls(&mut self, engine: &Engine, now: Millis) -> Vec<Told> {
        let mut calls = Vec::new();
        for case in engine.cases() {
            let mark = (case.graded.len(), case.life.record().len(), case.life.stage());
            let known = self.pages.get(&case.id);
            let is_still = known.is_some_and(|known| {
                known.mark == mark && known.wakes.is_none_or(|wakes| wakes > now)
            });
            if is_still {
                continue;
            }
            let (page, severity, batches) = walk(case, &self.roster, now);
            let called = known.map(|known| known.called.clone()).unwrap_or_default();
            let wakes = page.as_ref().and_then(Page::wakes);
            let mut known = Known { mark, wakes, called };
            let n_batches = batches.len();
            for (place, batch) in batches.into_iter().enumerate() {
                // What an earlier process was there to tell it has told.
                let is_due = batch.at >= self.since || place + 1 == n_batches;
                if is_due && known.called.insert(batch.origin.clone()) {
                    let title =
                        format!("{} {}: {}", severity.name(), case.protocol, headline(case));
                    let reason = Reason { case: case.id, severity, title: &title };
                    calls.extend(told(&self.roster, now, &batch.origin, reason, &batch.effects));
                }
            }
            if wakes.is_none() && page.is_none() {
                known.called.clear();
            }
            self.pages.insert(case.id, known);
        }
        calls
    }
}

fn headline(case: &Case) -> String {
    let worst = case.live_findings().max_by_key(|finding| finding.loss);
    worst.map_or_else(|| "a case is open".to_owned(), |finding| finding.sentence.clone())
}

/// What happened to the call of a case, in order.
fn inputs(case: &Case) -> Vec<(Seq, Millis, Moved)> {
    let mut inputs: Vec<(Seq, Millis, Moved)> = case
        .graded
        .iter()
        .map(|(seq, at, severity)| (*seq, *at, Moved::Graded(severity_of(*severity))))
        .collect();
    for one in case.life.record() {
        let (seq, at) = (one.entry.seq, one.entry.at);
        if !one.stage.is_open() {
            inputs.push((seq, at, Moved::Over));
            continue;
        }
        match &one.entry.what {
            What::Command(command) => match &command.what {
                Command::Acknowledge => {
                    inputs.push((seq, at, Moved::Acknowledged(command.who.clone())));
                }
                Command::Declare { severity, .. } => {
                    inputs.push((seq, at, Moved::Declared(severity_of(*severity))));
                }
                Command::ReOpen { .. } => inputs.push((seq, at, Moved::Again)),
                _ => {}
            },
            What::Machine(MachineEvent::FindingRaised) if one.stage == Stage::ReOpened => {
                inputs.push((seq, at, Moved::Again));
            }
            What::Machine(_) => {}
        }
    }
    inputs.sort_by_key(|(seq, _, _)| *seq);
    inputs
}

/// One thing that moves a call.
enum Moved {
    Graded(Severity),
    Declared(Severity),
    Acknowledged(String),
    Again,
    Over,
}

/// The call of a case as of now, how bad it is, and all calls on the way.
fn walk(case: &Case, roster: &Roster, now: Millis) -> (Option<Page>, Severity, Vec<Batch>) {
    let mut walk = Walk {
        roster,
        page: None,
        severity: Severity::P5,
        declared: false,
        batches: Vec::new(),
        n_steps: 0,
    };
    let mut origin = case.id.0.to_string();
    // Inputs are only ever added at the end: the place of one is its name for good.
    for (place, (seq, at, what)) in inputs(case).into_iter().enumerate() {
        walk.pass(&origin, at);
        origin = format!("{seq}-{place}");
        walk.take(origin.clone(), at, what);
    }
    walk.pass(&origin, now);
    (walk.page, walk.severity, walk.batches)
}

struct Walk<'a> {
    roster: &'a Roster,
    page: Option<Page>,
    severity: Severity,
    /// Whether people have graded it: then the machine does not call it out again.
    declared: bool,
    batches: Vec<Batch>,
    n_steps: usize,
}

impl Walk<'_> {
    /// Time passes up to `until`.
    fn pass(&mut self, origin: &str, until: Millis) {
        let mut turn = 0;
        while let Some(page) = self.page.take() {
            let due = page.wakes().filter(|due| *due <= until);
            let Some(due) = due.filter(|_| self.n_steps < STEPS_MAX) else {
                self.page = Some(page);
                return;
            };
            self.n_steps += 1;
            turn += 1;
            let (page, effects) = page.after(self.roster, due, &Input::Tick);
            self.page = Some(page);
            self.note(due, format!("{origin}-{turn}"), effects);
        }
    }

    fn take(&mut self, origin: String, at: Millis, what: Moved) {
        match what {
            Moved::Graded(severity) if !self.declared => self.grade(at, origin, severity),
            Moved::Declared(severity) => {
                self.declared = true;
                if severity > Severity::P2 {
                    // People have looked, and it is not urgent.
                    self.severity = severity;
                    self.page = None;
                } else {
                    self.grade(at, origin, severity);
                    self.severity = severity;
                }
            }
            Moved::Acknowledged(by) => self.answer(at, origin, by),
            Moved::Again if self.severity <= Severity::P2 => {
                let (page, effects) = Page::open(self.roster, at, self.severity);
                self.page = Some(page);
                self.note(at, origin, effects);
            }
            Moved::Graded(_) | Moved::Again => {}
            Moved::Over => self.page = None,
        }
    }

    fn grade(&mut self, at: Millis, origin: String, severity: Severity) {
        self.severity = self.severity.min(severity);
        if severity > Severity::P2 {
            return;
        }
        let (page, effects) = match self.page.take() {
            None => Page::open(self.roster, at, severity),
            Some(page) => page.after(self.roster, at, &Input::Worsened { severity }),
        };
        self.page = Some(page);
        self.note(at, origin, effects);
    }

    fn answer(&mut self, at: Millis, origin: String, by: String) {
        let Some(page) = self.page.take() else { return };
        // Whoever may speak at the desk was let there; who cannot be called is not called again either.
        let input = if self.roster.person(&by).is_some() {
            Input::Acknowledge { by }
        } else {
            Input::Resolve
        };
        let (page, effects) = page.after(self.roster, at, &input);
        self.page = Some(page);
        self.note(at, origin, effects);
    }

    fn note(&mut self, at: Millis, origin: String, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.batches.push(Batch { at, origin, effects });
        }
    }
}
