//! Playbooks at work: begun, moved on and judged here; what follows from the journal alone is named here too.
//!
//! **How the program drives it.** After every entry it asks [`Engine::follow_up`] until there is none, and journals each
//! answer: effects that are due are issued, levers and questions are answered, facts are refreshed. What only the world can
//! answer is listed by [`Engine::errands`]: to tell people, to ask for agreement, to look at the chain. They stay listed
//! until their answer is journaled, so that a restart performs them again under the same ids.
//!
//! **Promise.** A lever that a playbook pulls is pulled at once only where the policy lets the machine act on its rung and
//! its limits allow it. Everywhere else the guardians are asked, and letting go is always for them.

mod judge;
mod orders;
mod queries;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_case::{
    Case, Playbook, PlaybookRun, Roster, RunEntry, RunEvent,
    run::{Effect, EffectKind, Facts, RunEffectId},
};
use portcullis_types::ids::{CaseId, Millis, Seq};

use crate::{
    event::Event,
    step::{Engine, Step},
};
use orders::Order;
pub use queries::QUERIES;

/// Most playbooks in one case.
pub const RUNS_A_CASE_MAX: usize = 16;

/// Most runs that are kept over all cases. Where there are more the oldest that is over is forgotten; the journal has it.
pub const RUNS_MAX: usize = 1_000;

/// Longest text that people give to a step, bytes.
pub const RUN_TEXT_BYTES_MAX: usize = 8_192;

/// Who begins what begins by itself.
pub const MACHINE: &str = "portcullis";

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    by_case: BTreeMap<CaseId, BTreeMap<Seq, Running>>,
    /// Levers that runs have asked for.
    orders: BTreeMap<(CaseId, Seq, RunEffectId), Order>,
    /// Cases that changed since their facts were looked at last.
    touched: BTreeSet<CaseId>,
}

/// A run, and what need not be computed anew at every entry.
#[derive(Debug)]
struct Running {
    run: PlaybookRun,
    /// Something is due, or waits for a lever or an answer.
    is_busy: bool,
    /// Something waits for the world.
    has_errands: bool,
    /// When its next clock runs out.
    wakes: Option<Millis>,
}

/// An effect of a run that only the world can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Case.
    pub case: CaseId,
    /// Run.
    pub run: Seq,
    /// Which effect.
    pub id: RunEffectId,
    /// What to do.
    pub effect: Effect,
}

/// A playbook that a case asks for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Playbook, by id.
    pub id: String,
    /// For people.
    pub title: String,
    /// Why.
    pub why: String,
    /// Why it could not be carried out whole with this protocol's people, levers and addresses. Empty: it can.
    pub faults: Vec<String>,
}

impl Running {
    fn new(run: PlaybookRun, at: Millis) -> Self {
        let mut running = Self { run, is_busy: true, has_errands: false, wakes: None };
        running.settle(at);
        running
    }

    fn settle(&mut self, at: Millis) {
        let open = self.run.outstanding();
        let is_ours = |effect: &Effect| {
            matches!(
                effect,
                Effect::PullLever { .. } | Effect::ReleaseLever { .. } | Effect::Ask { .. }
            )
        };
        self.has_errands = open.iter().any(|(_, effect)| !is_ours(effect));
        let is_waiting = open.iter().any(|(_, effect)| is_ours(effect));
        self.is_busy = is_waiting || !self.run.next(at).is_empty();
        self.wakes = self.run.wakes();
    }
}

impl Runs {
    /// A case changed: the facts of its runs may have.
    pub(crate) fn touch(&mut self, case: CaseId) {
        if self.by_case.contains_key(&case) {
            self.touched.insert(case);
        }
    }

    fn get(&self, case: CaseId, run: Seq) -> Option<&Running> {
        self.by_case.get(&case)?.get(&run)
    }

    fn len(&self) -> usize {
        self.by_case.values().map(BTreeMap::len).sum()
    }

    fn oldest_over(&self) -> Option<(CaseId, Seq)> {
        let all = self
            .by_case
            .iter()
            .flat_map(|(case, runs)| runs.iter().map(move |(seq, running)| (*seq, *case, running)));
        let over = all.filter(|(_, _, running)| running.run.is_over());
        over.map(|(seq, case, _)| (seq, case)).min().map(|(seq, case)| (case, seq))
    }
}

impl Engine {
    /// The runs of a case, oldest first, each under the journal entry that began it.
    pub fn runs(&self, case: CaseId) -> impl Iterator<Item = (&Seq, &PlaybookRun)> {
        let runs = self.runs.by_case.get(&case).into_iter().flatten();
        runs.map(|(seq, running)| (seq, &running.run))
    }

    /// What a run is told of its case.
    pub fn facts_of(case: &Case) -> Facts {
        Facts { severity: case.severity(), classes: None, loss: Some(case.loss()) }
    }

    /// The playbooks that a case asks for and that were not begun in it yet, in the order in which they are given.
    pub fn offers(&self, case: CaseId, playbooks: &[Playbook], roster: &Roster) -> Vec<Offer> {
        let Some(known) = self.cases.get(&case).filter(|case| case.life.stage().is_open()) else {
            return Vec::new();
        };
        let is_new = |playbook: &&Playbook| {
            !self.runs(case).any(|(_, run)| run.playbook().id == playbook.id)
        };
        let offer = |playbook: &Playbook| {
            let why = playbook.why_for(known)?;
            let faults = self.faults_of(&known.protocol, playbook, roster);
            let (id, title) = (playbook.id.clone(), playbook.title.clone());
            Some(Offer { id, title, why, faults })
        };
        // The gravest first: that it was nothing is the last thing to think of.
        let mut new: Vec<&Playbook> = playbooks.iter().filter(is_new).collect();
        new.sort_by_key(|playbook| playbook.severity);
        new.into_iter().filter_map(offer).collect()
    }

    pub(crate) fn playbook_started(
        &mut self,
        step: &Step,
        id: CaseId,
        by: &str,
        (playbook, roster): (&Playbook, &Roster),
    ) {
        if self.judge_start(id, by, playbook).is_err() {
            return;
        }
        let Some(case) = self.cases.get_mut(&id) else { return };
        let facts = Self::facts_of(case);
        case.note(step.seq, step.at, "playbook", format!("{by} began: {}", playbook.title));
        let place = (id, step.seq, step.at);
        let run = PlaybookRun::start(place, playbook.clone(), roster.clone(), facts);
        if self.runs.len() >= RUNS_MAX
            && let Some((case, seq)) = self.runs.oldest_over()
            && let Some(runs) = self.runs.by_case.get_mut(&case)
        {
            runs.remove(&seq);
        }
        self.runs.by_case.entry(id).or_default().insert(step.seq, Running::new(run, step.at));
    }

    pub(crate) fn playbook_moved(
        &mut self,
        step: &mut Step,
        (id, seq): (CaseId, Seq),
        event: &RunEvent,
        signature: Option<&alloy_primitives::Bytes>,
    ) {
        if self.judge_words(id, seq, event, signature).is_err() {
            return;
        }
        let running = self.runs.by_case.get_mut(&id).and_then(|runs| runs.get_mut(&seq));
        let Some(running) = running else { return };
        let entry = RunEntry { seq: step.seq, at: step.at, event: event.clone() };
        if running.run.apply(&entry).is_err() {
            return;
        }
        let line = running.run.line(event);
        let issued = match event {
            RunEvent::Issued { effect } if effect.kind.is_action() => {
                let mut open = running.run.outstanding().into_iter();
                open.find(|(other, _)| other == effect)
            }
            _ => None,
        };
        running.settle(step.at);
        if let (Some((what, text)), Some(case)) = (line, self.cases.get_mut(&id)) {
            case.note(step.seq, step.at, what, text);
        }
        if let RunEvent::Ended { effect, .. } = event {
            self.runs.orders.remove(&(id, seq, effect.clone()));
        }
        if let Some((effect_id, effect)) = issued {
            self.order(step, (id, seq, effect_id), &effect);
        }
    }

    /// What the program must journal next because the journal leads to it: nothing of it needs the world. Ask again until
    /// there is none. Remembers what was looked at; a replay does not need that.
    pub fn follow_up(&mut self, now: Millis) -> Option<Event> {
        for (case, runs) in &self.runs.by_case {
            for (seq, running) in runs {
                let is_late = running.wakes.is_some_and(|wakes| wakes <= now);
                if !running.is_busy && !is_late {
                    continue;
                }
                if let Some(event) = self.next_of(*case, *seq, &running.run, now) {
                    return Some(Event::Playbook {
                        case: *case,
                        run: *seq,
                        event,
                        signature: None,
                    });
                }
            }
        }
        while let Some(id) = self.runs.touched.first().copied() {
            if let Some(case) = self.cases.get(&id) {
                let facts = Self::facts_of(case);
                let moved = |(_, run): &(&Seq, &PlaybookRun)| run.is_moved_by(&facts);
                if let Some((seq, _)) = self.runs(id).find(moved) {
                    let (run, event) = (*seq, RunEvent::FactsChanged { facts });
                    return Some(Event::Playbook { case: id, run, event, signature: None });
                }
            }
            self.runs.touched.remove(&id);
        }
        None
    }

    fn next_of(&self, case: CaseId, seq: Seq, run: &PlaybookRun, now: Millis) -> Option<RunEvent> {
        for (effect, what) in run.outstanding() {
            let answer = match &what {
                Effect::PullLever { .. } | Effect::ReleaseLever { .. } => {
                    self.order_answer(&(case, seq, effect.clone()))
                }
                Effect::Ask { query } => Some(self.query(case, query)),
                Effect::Tell { .. } | Effect::RequestApproval { .. } | Effect::Check { .. } => None,
            };
            if let Some(answer) = answer {
                let (failure, note) = match answer {
                    Ok(note) => (None, note),
                    Err(why) => (Some(why), String::new()),
                };
                return Some(RunEvent::Ended { effect, by: MACHINE.to_owned(), failure, note });
            }
        }
        run.next(now).into_iter().next().map(|(effect, _)| RunEvent::Issued { effect })
    }

    /// Effects of runs that were issued and that only the world can answer.
    pub fn errands(&self) -> Vec<Errand> {
        let mut errands = Vec::new();
        for (case, runs) in &self.runs.by_case {
            for (seq, running) in runs.iter().filter(|(_, running)| running.has_errands) {
                for (id, effect) in running.run.outstanding() {
                    if !matches!(id.kind, EffectKind::StartAction | EffectKind::StartUndo) {
                        errands.push(Errand { case: *case, run: *seq, id, effect });
                    }
                }
            }
        }
        errands
    }

    /// When the next clock of a playbook runs out.
    pub(crate) fn next_clock(&self) -> Option<Millis> {
        let runs = self.runs.by_case.values().flat_map(BTreeMap::values);
        runs.filter_map(|running| running.wakes).min()
    }
}
