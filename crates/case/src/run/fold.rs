//! How a run changes: an entry is taken, then whatever follows from it settles.

use portcullis_types::ids::{Millis, Seq};

use super::{
    Answer, DELIVERIES_MAX, Direction, EffectKind, Facts, PlaybookRun, RunEffectId, RunEntry,
    RunEvent, RunRefusal, Status, StepState,
};
use crate::playbook::{Kind, Step};

/// Whether a step that waits can begin.
enum Verdict {
    Wait,
    Skip(String),
    Begin,
}

impl PlaybookRun {
    /// Takes in one entry.
    ///
    /// # Errors
    /// It is not possible now. The run is as it was; the refusal says what to do.
    pub fn apply(&mut self, entry: &RunEntry) -> Result<(), RunRefusal> {
        if entry.seq < self.last {
            let why = format!("entry {} is older than the newest one of this run", entry.seq);
            return Err(RunRefusal::new(None, why, "journal it again"));
        }
        let mut next = self.clone();
        next.take(entry)?;
        next.last = entry.seq;
        next.settle(entry.at);
        *self = next;
        Ok(())
    }

    fn take(&mut self, entry: &RunEntry) -> Result<(), RunRefusal> {
        match &entry.event {
            RunEvent::Issued { effect } => {
                if !self.next(entry.at).iter().any(|(id, _)| id == effect) {
                    let why = format!("effect {effect} is not due, or was issued before");
                    return Err(RunRefusal::new(Some(&effect.step), why, "ask what is due"));
                }
                self.issued.insert(effect.clone(), false);
                Ok(())
            }
            RunEvent::Delivered { effect } => self.answer(effect, false),
            RunEvent::Undelivered { effect, .. } => {
                self.answer(effect, false)?;
                self.give_up(effect);
                Ok(())
            }
            RunEvent::Ended { effect, by, failure, note } => {
                self.answer(effect, true)?;
                self.ended(entry.seq, effect, by, failure.as_deref(), note)
            }
            RunEvent::Checked { effect, by, answer } => self.checked(effect, by, answer),
            RunEvent::FactsChanged { facts } => {
                self.facts = facts.clone();
                Ok(())
            }
            event => self.by_people(entry, event),
        }
    }

    /// Marks an effect as answered.
    fn answer(&mut self, effect: &RunEffectId, is_action: bool) -> Result<(), RunRefusal> {
        let fits =
            effect.kind.is_action() == is_action && effect.kind != EffectKind::CheckPostCondition;
        match self.issued.get_mut(effect) {
            Some(answered) if !*answered && fits => {
                *answered = true;
                Ok(())
            }
            _ => {
                let why = format!("effect {effect} is not open, or has another kind of answer");
                Err(RunRefusal::new(Some(&effect.step), why, "answer what is outstanding, once"))
            }
        }
    }

    fn give_up(&mut self, effect: &RunEffectId) {
        let base = RunEffectId { delivery: 0, ..effect.clone() };
        *self.undelivered.entry(base.to_string()).or_default() += 1;
    }

    fn ended(
        &mut self,
        seq: Seq,
        effect: &RunEffectId,
        by: &str,
        failure: Option<&str>,
        note: &str,
    ) -> Result<(), RunRefusal> {
        let state = self.state(&effect.step)?;
        note.clone_into(&mut state.note);
        let is_current = state.attempt == effect.attempt;
        if effect.kind == EffectKind::StartUndo {
            if is_current && state.status == Status::Undoing {
                state.status = match failure {
                    None => Status::Undone,
                    Some(why) => Status::UndoFailed { why: why.to_owned() },
                };
            }
            return Ok(());
        }
        if failure.is_none() {
            state.took_effect = Some(seq);
            state.done_by = Some(by.to_owned());
        }
        // People may have given it up meanwhile; then it is only known that it took effect.
        if is_current && state.status == Status::Running {
            match failure {
                Some(why) => state.status = Status::Failed { why: why.to_owned() },
                None => self.finish(&effect.step),
            }
        }
        Ok(())
    }

    fn checked(
        &mut self,
        effect: &RunEffectId,
        by: &str,
        answer: &Answer,
    ) -> Result<(), RunRefusal> {
        let refuse = |why: String, remedy| RunRefusal::new(Some(&effect.step), why, remedy);
        if effect.kind != EffectKind::CheckPostCondition || self.issued.get(effect) != Some(&false)
        {
            let why = format!("effect {effect} is not an open check");
            return Err(refuse(why, "answer what is outstanding, once"));
        }
        let state = self.state(&effect.step)?;
        if state.done_by.as_deref() == Some(by) || by.trim().is_empty() {
            let why = "whoever did it does not say whether it worked".to_owned();
            return Err(refuse(why, "let somebody else look"));
        }
        let is_current = state.attempt == effect.attempt && state.status == Status::Checking;
        let is_last = effect.delivery >= DELIVERIES_MAX;
        if is_current {
            match answer {
                Answer::Holds => state.status = Status::Done,
                Answer::DoesNotHold { found } => {
                    let why = format!("afterwards {found} was found on the chain");
                    state.status = Status::Failed { why };
                }
                Answer::CouldNotLook { why } if is_last => {
                    let why = format!("nobody could look whether it worked: {why}");
                    state.status = Status::Failed { why };
                }
                Answer::CouldNotLook { .. } => {}
            }
        }
        self.issued.insert(effect.clone(), true);
        if matches!(answer, Answer::CouldNotLook { .. }) {
            self.give_up(effect);
        }
        Ok(())
    }

    pub(super) fn state(&mut self, step: &str) -> Result<&mut StepState, RunRefusal> {
        self.steps.get_mut(step).ok_or_else(|| {
            RunRefusal::new(Some(step), "there is no such step", "name one of the playbook")
        })
    }

    /// The work of a step is over; somebody may have to look.
    pub(super) fn finish(&mut self, id: &str) {
        let is_checked = self.playbook.step(id).is_some_and(|step| step.post_condition.is_some());
        if let Some(state) = self.steps.get_mut(id) {
            state.status = if is_checked { Status::Checking } else { Status::Done };
        }
    }

    /// Everything that follows by itself: steps begin, are skipped, or are taken back.
    pub(super) fn settle(&mut self, at: Millis) {
        match self.direction {
            Direction::Stopped => return,
            Direction::Back => return self.settle_back(at),
            Direction::Forward => {}
        }
        // Dependencies have no circle, so that every round settles at least one more step for good.
        for _ in 0..=self.playbook.steps.len() {
            let mut moved = false;
            for index in 0..self.playbook.steps.len() {
                let Some(step) = self.playbook.steps.get(index) else { continue };
                let Some(state) = self.steps.get(&step.id) else { continue };
                if state.status != Status::Waiting && !state.by_condition {
                    continue;
                }
                let (status, by_condition) = match self.verdict(step) {
                    Verdict::Wait => (Status::Waiting, false),
                    Verdict::Skip(why) => (Status::Skipped { why }, true),
                    Verdict::Begin => (Self::first_status(step), false),
                };
                if status == state.status {
                    continue;
                }
                moved = true;
                let id = step.id.clone();
                if let Some(state) = self.steps.get_mut(&id) {
                    state.since = status.is_under_way().then_some(at);
                    state.status = status;
                    state.by_condition = by_condition;
                }
            }
            if !moved {
                break;
            }
        }
    }

    /// Where a step begins.
    pub(super) fn first_status(step: &Step) -> Status {
        if step.approval.is_some() { Status::AwaitingApproval } else { Self::work_status(step) }
    }

    /// Where a step goes once people have agreed.
    pub(super) fn work_status(step: &Step) -> Status {
        if step.kind.is_machine() { Status::Running } else { Status::Ready }
    }

    fn verdict(&self, step: &Step) -> Verdict {
        let mut skip = None;
        for before in &step.depends_on {
            let Some(state) = self.steps.get(before) else { return Verdict::Wait };
            let is_wanted_failure = step.when.failed.as_ref() == Some(before);
            match &state.status {
                Status::Failed { .. } if is_wanted_failure || self.was_made_good(before) => {}
                Status::Done | Status::Skipped { .. } if is_wanted_failure => {
                    skip = Some(format!("`{before}` did not fail"));
                }
                Status::Skipped { .. } => {
                    let is_approval =
                        self.playbook.step(before).is_some_and(|one| one.kind == Kind::Approval);
                    if is_approval && matches!(step.kind, Kind::Lever { .. }) {
                        skip = Some(format!("nobody agreed: `{before}` was skipped"));
                    }
                }
                Status::Done => {}
                _ => return Verdict::Wait,
            }
        }
        match skip.or_else(|| Self::unmet(step, &self.facts)) {
            Some(why) => Verdict::Skip(why),
            None => Verdict::Begin,
        }
    }

    /// Whether what comes after the failure of a step was done instead.
    pub(super) fn was_made_good(&self, failed: &str) -> bool {
        self.steps().any(|(step, state)| {
            step.when.failed.as_deref() == Some(failed) && state.status == Status::Done
        })
    }

    /// Which condition of a step is known not to hold.
    pub(super) fn unmet(step: &Step, facts: &Facts) -> Option<String> {
        let when = &step.when;
        if let (Some(least), Some(severity)) = (when.severity_at_least, facts.severity)
            && !severity.is_at_least(least)
        {
            return Some(format!("the case is {}, not {} or worse", severity.name(), least.name()));
        }
        if let (false, Some(classes)) = (when.classes.is_empty(), &facts.classes)
            && !when.classes.iter().any(|class| classes.contains(class))
        {
            return Some(format!("the attack is none of: {}", when.classes.join(", ")));
        }
        if let (Some(least), Some(loss)) = (when.loss_at_least, facts.loss)
            && loss < least
        {
            return Some(format!("{loss} USD are lost, less than {least}"));
        }
        None
    }
}
