//! The war room's hands: performs what playbooks want of the world, and calls people.
//!
//! **How.** After every entry the program asks the engine which errands are open and hands those that are not under way
//! yet to a task of their own: people are told through the outbox, the chain is looked at through a node. The answer comes
//! back as an entry. Which errands are open follows from the journal, so that a restart performs again what was under way
//! when the last process ended; keys made of the effect's id make telling twice telling once.
//!
//! **Delivered** means: the durable outbox has it, which sends until a channel takes it and says on the others when one
//! does not. Whether a person has read it only their acknowledgement says. Without channels it is a line on standard error.

mod check;
mod pager;
mod public;
mod tell;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use portcullis_case::{
    Roster, RunEvent,
    run::{Answer, Effect, RunEffectId},
};
use portcullis_engine::{Engine, runs::Errand};
use portcullis_notify::{Outbox, roster as on_call};
use portcullis_observe::Node;
use portcullis_types::ids::{CaseId, ChainId, Millis, Seq};
use tokio::sync::mpsc;

use crate::config::War;
use pager::Pager;
use tell::Letter;

/// Errands that may be under way. More wait for the next turn.
const ERRANDS_MAX: usize = 256;

/// Pause before an errand that nobody could take is given back, to be issued again.
const UNTAKEN_PAUSE: Duration = Duration::from_secs(30);

/// Longest pause before a view that could not be read is asked again.
const LOOK_PAUSE_MAX: Duration = Duration::from_mins(1);

/// The answer to an errand.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) case: CaseId,
    pub(crate) run: Seq,
    pub(crate) event: RunEvent,
}

/// People and channels.
#[derive(Clone, Default)]
pub(crate) struct People {
    /// Where notices wait for their channels; none without channels.
    pub(crate) outbox: Option<Outbox>,
    /// Who is on call, and how people are reached.
    pub(crate) on_call: Option<on_call::Roster>,
}

/// See the module.
pub(crate) struct Room {
    pub(crate) war: Option<War>,
    people: People,
    nodes: BTreeMap<ChainId, Node>,
    answers: mpsc::Sender<Answered>,
    /// When the last process ended, by its journal.
    since: Millis,
    under_way: BTreeSet<(CaseId, Seq, RunEffectId)>,
    pager: Option<Pager>,
    /// Cases whose offers have to be looked at, where playbooks begin by themselves.
    found: BTreeSet<CaseId>,
}

impl Room {
    /// `since` is the time of the journal's last entry: what was due after it may not have been told.
    pub(crate) fn new(
        war: Option<War>,
        people: People,
        nodes: BTreeMap<ChainId, Node>,
        answers: mpsc::Sender<Answered>,
        since: Millis,
    ) -> Self {
        let pager = people.on_call.clone().map(|roster| Pager::new(roster, since));
        let (under_way, found) = (BTreeSet::new(), BTreeSet::new());
        Self { war, people, nodes, answers, since, under_way, pager, found }
    }

    /// Something was found in a case.
    pub(crate) fn found(&mut self, case: CaseId) {
        if self.war.as_ref().is_some_and(|war| war.auto_start) {
            self.found.insert(case);
        }
    }

    /// A playbook that begins by itself now, if there is one: its case and its id.
    pub(crate) fn next_to_begin(&mut self, engine: &Engine) -> Option<(CaseId, String)> {
        let war = self.war.as_ref().filter(|war| war.auto_start)?;
        while let Some(case) = self.found.first().copied() {
            let offers = engine.offers(case, &war.playbooks, &war.roster);
            let begins = offers.into_iter().find(|offer| {
                let playbook = war.playbook(&offer.id);
                let judged = playbook.is_some_and(|one| {
                    engine.judge_start(case, super::room::machine(), one).is_ok()
                });
                offer.faults.is_empty() && judged
            });
            if let Some(offer) = begins {
                return Some((case, offer.id));
            }
            self.found.remove(&case);
        }
        None
    }

    /// Performs what is open and not under way, and calls who has to be called.
    pub(crate) fn perform(&mut self, engine: &Engine, now: Millis) {
        for errand in engine.errands() {
            if self.under_way.len() >= ERRANDS_MAX {
                break;
            }
            let key = (errand.case, errand.run, errand.id.clone());
            if self.under_way.insert(key) {
                self.start(engine, errand, now);
            }
        }
        if let Some(pager) = &mut self.pager {
            let calls = pager.calls(engine, now);
            if !calls.is_empty() {
                tell::call(self.people.outbox.clone(), calls, now);
            }
        }
    }

    /// When a call goes on without anything happening.
    pub(crate) fn wakes(&self) -> Option<Millis> {
        self.pager.as_ref().and_then(Pager::wakes)
    }

    /// Has the public channels told what was said last in public of a case, if that is new.
    pub(crate) fn publish(&self, engine: &Engine, case: CaseId, now: Millis) {
        if let Some(outbox) = &self.people.outbox
            && let Some(case) = engine.case(case)
            && let Some((key, notice)) = public::letter(case, self.since)
        {
            tell::put(outbox.clone(), notice, key, now);
        }
    }

    /// An errand was answered, and its answer is in the journal or was refused.
    pub(crate) fn done(&mut self, answered: &Answered) {
        let id = match &answered.event {
            RunEvent::Delivered { effect }
            | RunEvent::Undelivered { effect, .. }
            | RunEvent::Checked { effect, .. } => effect.clone(),
            _ => return,
        };
        self.under_way.remove(&(answered.case, answered.run, id));
    }

    fn start(&self, engine: &Engine, errand: Errand, now: Millis) {
        let answers = self.answers.clone();
        let Errand { case, run, id, effect } = errand;
        if let Effect::Check { post_condition, .. } = effect {
            let asked = self.asked(engine, case, run, &post_condition);
            tokio::spawn(async move {
                let (by, answer) = match asked {
                    Ok((node, what)) => (
                        format!("node {} of chain {}", node.shown(), node.chain()),
                        what.look(&node).await,
                    ),
                    Err(why) => ("portcullis".to_owned(), Answer::CouldNotLook { why }),
                };
                if matches!(answer, Answer::CouldNotLook { .. }) {
                    // A node that does not answer now may in a moment; each time it is waited for twice as long.
                    let pause = Duration::from_secs(1 << id.delivery.min(6));
                    tokio::time::sleep(pause.min(LOOK_PAUSE_MAX)).await;
                }
                let event = RunEvent::Checked { effect: id, by, answer };
                let _stopped = answers.send(Answered { case, run, event }).await;
            });
            return;
        }
        let letter = Letter::new(engine, (case, run, &id), &effect, now);
        let people = self.people.clone();
        tokio::spawn(async move {
            let event = match letter.hand_over(people, now).await {
                Ok(()) => RunEvent::Delivered { effect: id },
                Err(why) => {
                    eprintln!("ALERT: {case}: people cannot be told: {why}");
                    tokio::time::sleep(UNTAKEN_PAUSE).await;
                    RunEvent::Undelivered { effect: id, why }
                }
            };
            let _stopped = answers.send(Answered { case, run, event }).await;
        });
    }

    /// Whom to ask, and what.
    fn asked(
        &self,
        engine: &Engine,
        case: CaseId,
        run: Seq,
        post: &portcullis_case::playbook::PostCondition,
    ) -> Result<(Node, check::Question), String> {
        let gone = || "the case's protocol is not configured any more".to_owned();
        let known = engine.cases().find(|one| one.id == case).ok_or_else(gone)?;
        let config = engine.config().ok_or_else(gone)?;
        let mut protocols = config.protocols.iter().map(|one| &one.protocol);
        let protocol = protocols.find(|one| one.name == known.protocol).ok_or_else(gone)?;
        let mut runs = engine.runs(case);
        let roster: Roster = runs
            .find(|(seq, _)| **seq == run)
            .map(|(_, run)| run.roster().clone())
            .unwrap_or_default();
        let question = check::Question::of(post, protocol, &roster)?;
        let node = self.nodes.get(&protocol.chain);
        let node = node.ok_or_else(|| format!("chain {} is not read", protocol.chain))?;
        Ok((node.clone(), question))
    }
}

/// In whose name playbooks begin by themselves.
pub(crate) fn machine() -> &'static str {
    portcullis_engine::runs::MACHINE
}
