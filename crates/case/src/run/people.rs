//! What people say to a run, and who may say it.

use super::{ATTEMPTS_MAX, Direction, PlaybookRun, RunEntry, RunEvent, RunRefusal, Status};
use crate::playbook::{Approval, Kind, Person, Role, Step};

impl PlaybookRun {
    pub(super) fn by_people(
        &mut self,
        entry: &RunEntry,
        event: &RunEvent,
    ) -> Result<(), RunRefusal> {
        match event {
            RunEvent::Done { step, who, note } => self.done(entry, step, who, note),
            RunEvent::Failed { step, who, why } => self.failed(step, who, why),
            RunEvent::Skipped { step, who, why } => self.skipped(step, who, why),
            RunEvent::Approved { step, who } => self.approved(entry, step, who),
            RunEvent::ApprovalWithdrawn { step, who } => {
                self.awaiting(step, who)?;
                if !self.state(step)?.approvals.remove(who) {
                    return refuse(step, "they had not agreed", "nothing is to be taken back");
                }
                Ok(())
            }
            RunEvent::Objected { step, who, why } => self.objected(step, who, why),
            RunEvent::Retried { step, who } => self.retried(entry, step, who),
            RunEvent::UndoOrdered { who, .. } => self.undo_ordered(who),
            RunEvent::Stopped { who, .. } => {
                self.person("run", who, &[Role::IncidentCommander])?;
                self.direction = Direction::Stopped;
                Ok(())
            }
            // The machine's events were taken before.
            _ => refuse("run", "this is nothing that people say", "journal it as the machine's"),
        }
    }

    /// The person, if they are in the roster with one of the roles.
    pub(super) fn person(
        &self,
        step: &str,
        who: &str,
        roles: &[Role],
    ) -> Result<&Person, RunRefusal> {
        let Some(person) = self.roster.person(who) else {
            let who = portcullis_types::text::printable(who);
            return refuse(step, format!("`{who}` is not in the roster"), "name one who is");
        };
        if !person.has_any(roles) {
            let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
            let remedy = format!("it is for: {}", names.join(", "));
            return refuse(step, format!("`{who}` has none of the roles for this"), remedy);
        }
        Ok(person)
    }

    /// A step, and whether the person may work on it: the owner, who is told when the clock runs out, and the commander.
    fn worker(&self, id: &str, who: &str) -> Result<&Step, RunRefusal> {
        let Some(step) = self.playbook.step(id) else {
            return refuse(id, "there is no such step", "name one of the playbook");
        };
        self.person(id, who, &[step.owner, step.clock.escalate, Role::IncidentCommander])?;
        Ok(step)
    }

    fn done(
        &mut self,
        entry: &RunEntry,
        id: &str,
        who: &str,
        note: &str,
    ) -> Result<(), RunRefusal> {
        self.worker(id, who)?;
        let direction = self.direction;
        let is_by_hand = self.is_undone_by_hand(id);
        let state = self.state(id)?;
        match state.status {
            Status::Ready if direction == Direction::Forward => {
                state.done_by = Some(who.to_owned());
                state.took_effect = Some(entry.seq);
                note.clone_into(&mut state.note);
                self.answer_all(id);
                self.finish(id);
                Ok(())
            }
            Status::Undoing if is_by_hand => {
                state.status = Status::Undone;
                note.clone_into(&mut state.note);
                self.answer_all(id);
                Ok(())
            }
            ref status => {
                let why = format!("the step is {}", status.name());
                refuse(id, why, "people finish steps that are ready, or that they take back")
            }
        }
    }

    fn failed(&mut self, id: &str, who: &str, why: &str) -> Result<(), RunRefusal> {
        self.worker(id, who)?;
        let state = self.state(id)?;
        let why = format!("{who}: {why}");
        match state.status {
            Status::Undoing => state.status = Status::UndoFailed { why },
            Status::Ready | Status::Running | Status::Checking => {
                state.status = Status::Failed { why };
            }
            ref status => {
                let problem = format!("the step is {}", status.name());
                return refuse(id, problem, "only what is under way can fail");
            }
        }
        self.answer_all(id);
        Ok(())
    }

    fn skipped(&mut self, id: &str, who: &str, why: &str) -> Result<(), RunRefusal> {
        self.worker(id, who)?;
        if why.trim().is_empty() {
            return refuse(id, "no reason is given", "say why it is not needed");
        }
        if self.is_machine_busy(id) {
            return refuse(id, "the machine is at it", "wait for its outcome, then skip or undo");
        }
        let state = self.state(id)?;
        match state.status {
            Status::Waiting
            | Status::Ready
            | Status::AwaitingApproval
            | Status::Running
            | Status::Failed { .. } => {
                state.status = Status::Skipped { why: format!("{who}: {why}") };
                state.by_condition = false;
                self.answer_all(id);
                Ok(())
            }
            ref status => {
                let problem = format!("the step is {}", status.name());
                refuse(id, problem, "skip what is not done yet, or what failed")
            }
        }
    }

    /// The approval that a step waits for, if the person can give it.
    fn awaiting(&self, id: &str, who: &str) -> Result<(Approval, &Person), RunRefusal> {
        let approval = self.playbook.step(id).and_then(|step| step.approval.clone());
        let waits = self.step(id).is_some_and(|state| state.status == Status::AwaitingApproval);
        let Some(approval) = approval.filter(|_| waits && self.direction == Direction::Forward)
        else {
            return refuse(id, "nobody is asked about this step now", "look at what is due");
        };
        let person = self.person(id, who, &approval.roles)?;
        Ok((approval, person))
    }

    fn approved(&mut self, entry: &RunEntry, id: &str, who: &str) -> Result<(), RunRefusal> {
        let (approval, person) = self.awaiting(id, who)?;
        let key = person.signer;
        let Some(state) = self.step(id) else { return Ok(()) };
        let same_key = state.approvals.iter().find(|other| {
            let other = self.roster.person(other).and_then(|other| other.signer);
            key.is_some() && other == key
        });
        if state.approvals.contains(who) || same_key.is_some() {
            let remedy = "another person with another key must agree";
            return refuse(id, "this voice is counted already", remedy);
        }
        let step = self.playbook.step(id).cloned();
        let state = self.state(id)?;
        state.objections.remove(who);
        state.approvals.insert(who.to_owned());
        if state.approvals.len() < approval.quorum as usize {
            return Ok(());
        }
        let Some(step) = step else { return Ok(()) };
        state.status = Self::work_status(&step);
        let is_all = step.kind == Kind::Approval;
        if is_all {
            let voices: Vec<&str> = state.approvals.iter().map(String::as_str).collect();
            state.done_by = Some(voices.join(", "));
            state.took_effect = Some(entry.seq);
        }
        self.answer_all(id);
        if is_all {
            self.finish(id);
        }
        Ok(())
    }

    fn objected(&mut self, id: &str, who: &str, why: &str) -> Result<(), RunRefusal> {
        let (approval, _) = self.awaiting(id, who)?;
        let voices = self.roster.voices(&approval);
        let state = self.state(id)?;
        state.approvals.remove(who);
        state.objections.insert(who.to_owned());
        if voices.saturating_sub(state.objections.len()) < approval.quorum as usize {
            state.status = Status::Failed {
                why: format!("the quorum can no longer be reached; {who}: {why}"),
            };
            self.answer_all(id);
        }
        Ok(())
    }

    fn retried(&mut self, entry: &RunEntry, id: &str, who: &str) -> Result<(), RunRefusal> {
        let step = self.worker(id, who)?.clone();
        if self.is_machine_busy(id) {
            return refuse(id, "the machine has not ended its attempt", "wait for its outcome");
        }
        let direction = self.direction;
        let state = self.state(id)?;
        if state.attempt >= ATTEMPTS_MAX {
            return refuse(id, format!("it was tried {ATTEMPTS_MAX} times"), "find another way");
        }
        let status = match state.status {
            Status::UndoFailed { .. } => Status::Undoing,
            Status::Failed { .. } if direction == Direction::Forward => Self::first_status(&step),
            ref status => {
                let why = format!("the step is {}", status.name());
                return refuse(id, why, "only what failed is tried again");
            }
        };
        state.status = status;
        state.attempt += 1;
        state.since = Some(entry.at);
        state.approvals.clear();
        state.objections.clear();
        self.answer_all(id);
        Ok(())
    }

    /// Pages, requests and checks of a step need no answer any more. What was begun on the chain does.
    pub(super) fn answer_all(&mut self, step: &str) {
        for (id, answered) in &mut self.issued {
            if id.step == step && !id.kind.is_action() {
                *answered = true;
            }
        }
    }
}

pub(super) fn refuse<T>(
    step: &str,
    why: impl Into<String>,
    remedy: impl Into<String>,
) -> Result<T, RunRefusal> {
    Err(RunRefusal::new(Some(step), why, remedy))
}
