//! `portcullis run`: one task owns journal and engine; readers, sources and responders work beside it and report back
//! through bounded queues.

use std::{
    collections::BTreeMap,
    mem::{Discriminant, discriminant},
    time::Duration,
};

use portcullis_engine::{Effect, Event, PENDING_A_HEAD_MAX, StepOutput};
use portcullis_types::{
    action::Outcome,
    case_event::CaseEvent,
    chain::{BlindCause, ChainEvent},
    evidence::Evidence,
    ids::{CaseId, ChainId, EffectId, Millis, Seq},
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    clock::now,
    core::{Core, CoreError},
    desk::{Desk, Said},
    reader::{Answer, Job, Reader},
    responder::Responder,
    room::{Answered, Room},
    self_test::News,
    spool::Signed,
};

/// Blocks that may wait for their inspection before no more are taken from the source.
pub(crate) const WAITING_BLOCKS_MAX: usize = 1_024;

/// Jobs that may wait at a reader: an inspection and a reading for each block, and as many again under repetition.
pub(crate) const JOBS_MAX: usize = WAITING_BLOCKS_MAX * 4;

/// First pause before a block that could not be looked at is tried again; doubles up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(250);

/// Longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Why the program stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Journal or engine.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Reading a chain failed in a way that does not heal.
    #[error(transparent)]
    Observe(#[from] portcullis_observe::ObserveError),
    /// A part of the program ended although it must not.
    #[error("{0} ended unexpectedly; start portcullis again, nothing is lost, and report this")]
    PartEnded(&'static str),
    /// A promise was broken.
    #[error(transparent)]
    Broken(#[from] portcullis_types::invariant::Broken),
}

/// A request to stop, to be raced against the work.
pub type Stop = watch::Receiver<bool>;

/// A fact from a source, and whom to tell that it is journaled.
pub(crate) struct Fact {
    pub(crate) event: ChainEvent,
    pub(crate) journaled: oneshot::Sender<()>,
}

/// An outcome from a responder, and whom to tell that it is journaled.
pub(crate) struct Report {
    pub(crate) action: EffectId,
    pub(crate) outcome: Outcome,
    pub(crate) journaled: oneshot::Sender<()>,
}

/// What comes in from the parts.
pub(crate) struct Inbox {
    pub(crate) facts: mpsc::Receiver<Fact>,
    pub(crate) answers: mpsc::Receiver<Answer>,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) failures: mpsc::Receiver<ServiceError>,
    /// Evidence of transactions that are in no block yet. Closed where no chain's pool is watched.
    pub(crate) pending: mpsc::Receiver<Evidence>,
    /// Signatures of guardians.
    pub(crate) approvals: mpsc::Receiver<Signed>,
    /// What the tasks beside detection have to say.
    pub(crate) news: mpsc::Receiver<News>,
    /// What people say.
    pub(crate) said: mpsc::Receiver<Said>,
    /// What became of the errands of playbooks.
    pub(crate) errands: mpsc::Receiver<Answered>,
    /// Kept so that these two stay open where nothing can act: silence there is not an end.
    pub(crate) _open: (mpsc::Sender<Report>, mpsc::Sender<ServiceError>),
}

/// Who is told of every step in which something happened that people should know.
pub(crate) type Notable = Box<dyn FnMut(&StepOutput) + Send>;

/// The running program.
pub struct Service {
    pub(super) core: Core,
    inbox: Inbox,
    readers: BTreeMap<ChainId, Reader>,
    responders: BTreeMap<ChainId, Responder>,
    retries: BTreeMap<EffectId, Retry>,
    /// Pending transactions with a finding since the newest block, by chain.
    pending: BTreeMap<ChainId, usize>,
    /// Told once the state of everything protected was read for the first time.
    ready: Option<Box<dyn FnOnce() + Send>>,
    /// Told of every step in which something happened that people should know.
    notable: Notable,
    desk: Desk,
    pub(super) room: Room,
}

struct Retry {
    pause: Duration,
    /// Kinds of cause that were noted. A node that changes its words with every answer must not fill the journal.
    noted: Vec<Discriminant<BlindCause>>,
}

impl Service {
    pub(crate) fn new(
        core: Core,
        inbox: Inbox,
        readers: BTreeMap<ChainId, Reader>,
        responders: BTreeMap<ChainId, Responder>,
        notable: Notable,
        ready: Box<dyn FnOnce() + Send>,
        (desk, room): (Desk, Room),
    ) -> Self {
        let (retries, ready) = (BTreeMap::new(), Some(ready));
        let pending = BTreeMap::new();
        Self { core, inbox, readers, responders, retries, pending, ready, notable, desk, room }
    }

    /// Where people speak to the running program.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Runs until told to stop or until something fails that does not heal.
    ///
    /// # Errors
    /// [`ServiceError`]; everything up to it is in the journal.
    pub async fn run(mut self, mut stop: Stop) -> Result<Core, ServiceError> {
        let again: Vec<(EffectId, Effect)> =
            self.core.engine().outstanding().map(|(id, effect)| (id, effect.clone())).collect();
        self.dispatch(again)?;
        self.announce();
        let open: Vec<CaseId> = self.core.engine().cases().map(|case| case.id).collect();
        for case in open {
            self.room.found(case);
            // A crash may have come between the journal and the outbox, which knows what it has.
            self.room.publish(self.core.engine(), case, now());
        }
        loop {
            self.drive()?;
            let roomy = self.waiting() < WAITING_BLOCKS_MAX;
            let due = self.core.engine().next_expiry().into_iter().chain(self.room.wakes()).min();
            let expiry = pause_until(due);
            tokio::select! {
                biased;
                _ = stop.changed() => return Ok(self.core),
                Some(failure) = self.inbox.failures.recv() => return Err(failure),
                report = self.inbox.reports.recv() => {
                    let Report { action, outcome, journaled } =
                        report.ok_or(ServiceError::PartEnded("the responder"))?;
                    self.take(Event::Acted { action, outcome })?;
                    // Who does not wait any more has been told to stop.
                    let _gone = journaled.send(());
                }
                // People are few and slow, and what they say must get in when blocks come in a flood.
                Some(said) = self.inbox.said.recv() => self.hear(said)?,
                Some(answered) = self.inbox.errands.recv() => self.ran(&answered)?,
                answer = self.inbox.answers.recv() => {
                    self.answered(answer.ok_or(ServiceError::PartEnded("the reader"))?)?;
                }
                fact = self.inbox.facts.recv(), if roomy => {
                    let Fact { event, journaled } =
                        fact.ok_or(ServiceError::PartEnded("the source"))?;
                    if let ChainEvent::Committed { chain, .. } = &event {
                        self.pending.remove(chain);
                    }
                    self.take(Event::Chain(event))?;
                    let _gone = journaled.send(());
                }
                Some(Signed { approval, seen }) = self.inbox.approvals.recv() => {
                    if let Err(why) = self.signed(approval)? {
                        tracing::warn!(why = why.why, "a signature was handed in that does not count");
                    }
                    let _gone = seen.send(());
                }
                // Last but one: what is in a block comes first.
                Some(evidence) = self.inbox.pending.recv() => self.foreseen(evidence)?,
                Some(news) = self.inbox.news.recv() => {
                    if let Some(event) = news.event(self.core.engine()) {
                        self.take(event)?;
                    }
                }
                () = tokio::time::sleep(expiry) => {
                    if self.core.engine().next_expiry().is_some_and(|due| due <= now()) {
                        self.take(Event::Tick)?;
                    }
                }
            }
        }
    }

    /// Says once that everything is watched. After a restart that may be so from the journal alone.
    fn announce(&mut self) {
        if self.core.engine().is_informed()
            && let Some(ready) = self.ready.take()
        {
            ready();
        }
    }

    fn waiting(&self) -> usize {
        self.core.engine().outstanding().count()
    }

    pub(super) fn take(&mut self, event: Event) -> Result<Seq, ServiceError> {
        self.take_at(now(), event)
    }

    pub(super) fn take_at(&mut self, at: Millis, event: Event) -> Result<Seq, ServiceError> {
        let (seq, output) = self.core.take_numbered(at, event)?;
        self.core.engine().check()?;
        (self.notable)(&output);
        for event in &output.case_events {
            if matches!(event, CaseEvent::FindingRaised { .. } | CaseEvent::FindingForeseen { .. })
            {
                self.room.found(event.case());
            }
        }
        self.dispatch(output.effects)?;
        Ok(seq)
    }

    /// Journals a pending transaction of which a detector says something. Of all others nothing would change.
    fn foreseen(&mut self, evidence: Evidence) -> Result<(), ServiceError> {
        if !self.core.engine().foresees(&evidence) {
            return Ok(());
        }
        let n_before = self.pending.entry(evidence.chain).or_default();
        *n_before += 1;
        if *n_before > PENDING_A_HEAD_MAX {
            tracing::warn!(hash = %evidence.hash, "a pending transaction with a finding is one too many, and left out");
            return Ok(());
        }
        self.take(Event::Pending { evidence: Box::new(evidence) }).map(drop)
    }

    fn dispatch(&mut self, effects: Vec<(EffectId, Effect)>) -> Result<(), ServiceError> {
        for (id, effect) in effects {
            match effect {
                Effect::Inspect { chain, block } => self.ask(chain, Job::Inspect { id, block })?,
                Effect::Read { chain, block, probes } => {
                    self.ask(chain, Job::Read { id, block, probes })?;
                }
                Effect::Act { action, so_far } => {
                    if let Some(responder) = self.responders.get(&action.lever.chain) {
                        responder.perform(*action, so_far);
                    } else {
                        let why = "no key is configured for this chain: add `responder.key`";
                        let outcome = Outcome::Refused { why: why.to_owned() };
                        self.take(Event::Acted { action: id, outcome })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn ask(&self, chain: ChainId, job: Job) -> Result<(), ServiceError> {
        match self.readers.get(&chain) {
            Some(reader) => reader.ask(job),
            // The chain was taken out of the configuration; its blocks stay on record as waiting.
            None => Ok(()),
        }
    }

    fn answered(&mut self, answer: Answer) -> Result<(), ServiceError> {
        let id = answer.id();
        if !self.core.engine().wants(id) {
            self.retries.remove(&id);
            return Ok(());
        }
        match answer {
            Answer::Evidence { id, chain, block, transactions, method, mut evidence } => {
                self.retries.remove(&id);
                evidence.retain(|one| self.core.engine().is_relevant(one));
                let effect = id;
                self.take(Event::Inspected { effect, chain, block, transactions, method, evidence })
                    .map(drop)
            }
            Answer::Readings { id, chain, block, readings } => {
                self.retries.remove(&id);
                self.take(Event::Read { effect: id, chain, block, readings })?;
                self.announce();
                Ok(())
            }
            Answer::Blind { chain, job, cause } => self.retry(chain, &job, cause),
        }
    }

    /// Notes a block that could not be looked at, once for every kind of cause, and has it tried again later.
    fn retry(&mut self, chain: ChainId, job: &Job, cause: BlindCause) -> Result<(), ServiceError> {
        let fresh = || Retry { pause: RETRY_FIRST, noted: Vec::new() };
        let retry = self.retries.entry(job.id()).or_insert_with(fresh);
        let pause = retry.pause;
        retry.pause = (pause * 2).min(RETRY_MAX);
        let kind = discriminant(&cause);
        let news = !retry.noted.contains(&kind);
        if news {
            retry.noted.push(kind);
        }
        if let Some(reader) = self.readers.get(&chain) {
            reader.ask_later(job.clone(), pause);
        }
        if news && let Job::Inspect { block, .. } = job {
            let (from, to) = (block.number, block.number);
            self.take(Event::Chain(ChainEvent::Blind { chain, from, to, cause }))?;
        }
        Ok(())
    }
}

fn pause_until(due: Option<Millis>) -> Duration {
    // An hour stands for "nothing is due": the loop turns at every event anyway.
    due.map_or(Duration::from_hours(1), |due| Duration::from_millis(due.since(now())))
}
