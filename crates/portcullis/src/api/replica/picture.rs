//! The engine and the notes beside it, as of a journal entry.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::B256;
use portcullis_case::{
    Case, Command,
    case::TIMELINE_ENTRIES_MAX,
    public::{self, Statement},
    timeline,
};
use portcullis_engine::{Engine, Event, StepOutput};
use portcullis_types::{
    case_event::CaseEvent,
    chain::ChainEvent,
    ids::{CaseId, Millis, Seq},
    text::printable,
};

use super::{
    changes::{Change, Topic},
    notes::{CAUSES_MAX, Chains, Flows, Link, Spoken, Transactions},
};
use crate::{api::view::CaseLine, store::Record};

/// Most public statements that are listed; the timelines have them all.
const STATEMENTS_MAX: usize = 1_000;

/// Everything that views are made of.
#[derive(Default)]
pub(crate) struct Picture {
    pub(crate) engine: Engine,
    /// The newest record that is in here.
    pub(crate) seq: Seq,
    pub(crate) at: Millis,
    pub(crate) hash: B256,
    /// Records by kind.
    pub(crate) events: u64,
    pub(crate) outputs: u64,
    /// Version that wrote the journal last, and when it started.
    pub(crate) version: String,
    pub(crate) started: Millis,
    /// Why the journal cannot be read or understood; none if it can.
    pub(crate) trouble: Option<String>,
    /// When the journal was last looked at, and whether its end was reached then.
    pub(crate) looked_at: Millis,
    pub(crate) is_current: bool,
    /// Whether the journal's end was reached once: before that what is missing here may be in it.
    pub(crate) has_reached_end: bool,
    pub(crate) chains: Chains,
    pub(crate) transactions: Transactions,
    pub(crate) flows: BTreeMap<String, Flows>,
    /// By protocol and detector.
    pub(crate) spoken: BTreeMap<(String, String), Spoken>,
    /// What was said in public, oldest first; at most [`STATEMENTS_MAX`].
    pub(crate) statements: VecDeque<Statement>,
    lines: BTreeMap<CaseId, CaseLine>,
    links: BTreeMap<CaseId, Vec<Link>>,
}

impl Picture {
    /// Notes that the journal's end was reached.
    pub(super) fn looked(&mut self, now: Millis) {
        self.looked_at = now;
        self.is_current = true;
        if self.trouble.as_deref().is_some_and(|why| !why.starts_with("record ")) {
            self.trouble = None;
        }
    }

    /// Takes a record in. One that is in here already (the journal was opened anew) changes nothing.
    pub(super) fn fold(&mut self, record: &Record, change: &mut Change) {
        if record.seq <= self.seq {
            return;
        }
        (self.seq, self.at, self.hash) = (record.seq, record.at, record.hash);
        change.seq = record.seq;
        if record.kind != Record::EVENT {
            self.outputs += 1;
            return;
        }
        self.events += 1;
        let entry = match record.entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => return,
            Err(why) => {
                self.trouble = Some(why);
                return;
            }
        };
        self.note_before(&entry.event, record, change);
        let commanded = commanded(&entry.event, entry.seq);
        match self.engine.step(&entry) {
            Ok(output) => {
                self.note_after(commanded, &output, (entry.seq, entry.at), change);
                self.note_statement(&entry.event, entry.seq);
            }
            Err(problem) => self.trouble = Some(format!("record {}: {problem}", record.seq)),
        }
    }

    fn note_before(&mut self, event: &Event, record: &Record, change: &mut Change) {
        match event {
            Event::Started { version, .. } => {
                (self.version, self.started) = (version.clone(), record.at);
            }
            Event::Chain(fact) => self.note_chain(fact, record.at, change),
            Event::Inspected { chain, block, evidence, .. } => {
                self.chains.entry(*chain).or_default().heard = Some(record.at);
                self.transactions.note(evidence, record.seq);
                let protocols = self.engine.config().into_iter().flat_map(|all| &all.protocols);
                for config in protocols.filter(|config| config.protocol.chain == *chain) {
                    let name = config.protocol.name.clone();
                    self.flows.entry(name).or_default().note(&config.protocol, *block, evidence);
                }
                let was_blind = self.engine.chain(*chain).is_some_and(|state| {
                    let blind = state.coverage().blind;
                    blind.iter().any(|(from, to)| (*from..=*to).contains(&block.number))
                });
                if was_blind {
                    change.note(None, Topic::Blind);
                }
            }
            Event::Pending { evidence } => {
                self.transactions.note(std::slice::from_ref(&**evidence), record.seq);
            }
            _ => {}
        }
    }

    fn note_chain(&mut self, fact: &ChainEvent, at: Millis, change: &mut Change) {
        match fact {
            ChainEvent::Committed { chain, .. } => {
                let notes = self.chains.entry(*chain).or_default();
                (notes.heard, notes.head_at) = (Some(at), Some(at));
            }
            ChainEvent::Reorged { chain, old, .. } => {
                let notes = self.chains.entry(*chain).or_default();
                (notes.heard, notes.head_at) = (Some(at), Some(at));
                self.flows.values_mut().for_each(|flows| flows.retract(old));
            }
            ChainEvent::Blind { chain, from, to, cause } => {
                let notes = self.chains.entry(*chain).or_default();
                notes.causes.push_back((*from, *to, printable(&cause.to_string())));
                if notes.causes.len() > CAUSES_MAX {
                    notes.causes.pop_front();
                }
                change.note(None, Topic::Blind);
            }
            ChainEvent::Pending { .. } => {}
        }
    }

    fn note_after(
        &mut self,
        commanded: Option<(CaseId, Topic, Link)>,
        output: &StepOutput,
        (seq, at): (Seq, Millis),
        change: &mut Change,
    ) {
        let mut links: BTreeMap<CaseId, Vec<(bool, Link)>> = BTreeMap::new();
        for event in &output.case_events {
            let link = (timeline::is_minor(event), Link::of(event));
            links.entry(event.case()).or_default().push(link);
            change.note(Some(event.case()), topic(event));
            if let CaseEvent::FindingRaised { finding, .. } = event {
                let key = (finding.protocol.clone(), finding.detector.clone());
                let spoken = self.spoken.entry(key).or_default();
                spoken.findings += 1;
                spoken.last = Some(at);
            }
        }
        if !output.brakes.is_empty() {
            change.note(None, Topic::Brake);
        }
        let mut said = Link::default();
        if let Some((case, topic, link)) = commanded {
            links.entry(case).or_default();
            // An alert of another program may belong to no case.
            change.note(self.engine.case(case).map(|case| case.id), topic);
            said = link;
        }
        for (case, found) in links {
            let Some(case) = self.engine.case(case) else { continue };
            let kept = self.links.entry(case.id).or_default();
            let mut found = found.into_iter();
            for entry in case.timeline.iter().skip(kept.len()) {
                // Lines that no event wrote lead nowhere: of people, of cases that belong together, of what was left out.
                let is_noted = [timeline::BELONGS_WITH, timeline::LEFT_OUT];
                let is_machine = entry.seq == seq && !is_noted.contains(&entry.what.as_str());
                // Of a timeline that is full, what is minor has no line.
                let is_full = kept.len() >= TIMELINE_ENTRIES_MAX;
                let link = if is_machine {
                    found.find(|(is_minor, _)| !(is_full && *is_minor))
                } else {
                    None
                };
                kept.push(link.map_or_else(|| said.clone(), |(_, link)| link));
            }
        }
    }

    /// Keeps what was just said in public, if it was taken.
    fn note_statement(&mut self, event: &Event, seq: Seq) {
        let Event::Command { case, command } = event else { return };
        if !matches!(command.what, Command::Publish { .. }) {
            return;
        }
        let said = self.engine.case(*case).and_then(public::latest);
        self.statements.extend(said.filter(|said| said.seq == seq));
        if self.statements.len() > STATEMENTS_MAX {
            self.statements.pop_front();
        }
    }

    /// Makes the lines of cases anew that changed.
    pub(super) fn refresh(&mut self, change: &Change) {
        let moved: BTreeSet<CaseId> = change.cases.clone();
        for id in moved {
            if let Some(case) = self.engine.case(id) {
                self.lines.insert(id, CaseLine::of(&self.engine, case));
            }
        }
    }

    pub(crate) fn case(&self, id: CaseId) -> Option<&Case> {
        self.engine.case(id)
    }

    /// The lines of all cases, oldest first.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = (&CaseId, &CaseLine)> {
        self.lines.iter()
    }

    /// Where the lines of a case's timeline lead, in their order.
    pub(crate) fn links(&self, id: CaseId) -> &[Link] {
        self.links.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// The case that an entry of people is about.
fn commanded(event: &Event, seq: Seq) -> Option<(CaseId, Topic, Link)> {
    match event {
        Event::Command { case, .. } => Some((*case, Topic::Timeline, Link::default())),
        Event::PlaybookStarted { case, .. } => {
            Some((*case, Topic::Playbook, Link::of_playbook(seq, None)))
        }
        Event::Playbook { case, run, event, .. } => {
            Some((*case, Topic::Playbook, Link::of_playbook(*run, Some(event))))
        }
        _ => None,
    }
}

fn topic(event: &CaseEvent) -> Topic {
    match event {
        CaseEvent::Decided { .. } => Topic::Decision,
        CaseEvent::ApprovalAsked { .. }
        | CaseEvent::ApprovalGiven { .. }
        | CaseEvent::ApprovalLapsed { .. } => Topic::Approval,
        CaseEvent::BrakeMoved { .. } => Topic::Brake,
        _ => Topic::Timeline,
    }
}
