//! Taking back what was done: on the order of enough people, the newest first, one after another.

use portcullis_types::ids::Millis;

use super::{ATTEMPTS_MAX, Direction, PlaybookRun, RunRefusal, Status, people::refuse};
use crate::playbook::{Kind, Undo};

impl PlaybookRun {
    pub(super) fn undo_ordered(&mut self, who: &str) -> Result<(), RunRefusal> {
        let approval = self.playbook.undo_approval.clone();
        if self.direction != Direction::Forward {
            return refuse(
                "run",
                "it does not go forward any more",
                "look at what is left to undo",
            );
        }
        let key = self.person("run", who, &approval.roles)?.signer;
        let same_key = self.undo_orders.iter().any(|other| {
            let other = self.roster.person(other).and_then(|other| other.signer);
            key.is_some() && other == key
        });
        if self.undo_orders.contains(who) || same_key {
            return refuse(
                "run",
                "this voice is counted already",
                "another person must order it too",
            );
        }
        self.undo_orders.insert(who.to_owned());
        if self.undo_orders.len() >= approval.quorum as usize {
            self.direction = Direction::Back;
        }
        Ok(())
    }

    /// The step to be taken back next: of those that took effect and have a way back, the newest.
    pub(super) fn next_to_undo(&self) -> Option<&str> {
        let has_way_back =
            |undo: &Option<Undo>| matches!(undo, Some(Undo::Release | Undo::Instructions(_)));
        let mut candidates: Vec<_> = self
            .steps()
            .enumerate()
            .filter(|(_, (step, state))| {
                has_way_back(&step.undo)
                    && state.took_effect.is_some()
                    && !matches!(
                        state.status,
                        Status::Undone | Status::UndoFailed { .. } | Status::Undoing
                    )
            })
            .map(|(place, (step, state))| (state.took_effect, place, step.id.as_str()))
            .collect();
        candidates.sort_unstable();
        candidates.last().map(|(_, _, id)| *id)
    }

    /// Begins with the next one once nothing is under way: what the machine has begun ends first.
    pub(super) fn settle_back(&mut self, at: Millis) {
        let is_busy = self.issued.iter().any(|(id, answered)| id.kind.is_action() && !answered);
        let is_undoing = self
            .steps()
            .any(|(_, state)| matches!(state.status, Status::Undoing | Status::UndoFailed { .. }));
        // What was not begun never will be.
        let mut given_up = Vec::new();
        for (id, state) in &mut self.steps {
            let was_begun = match state.status {
                Status::Waiting | Status::Ready | Status::AwaitingApproval => false,
                Status::Running => is_busy,
                _ => true,
            };
            if !was_begun {
                state.status = Status::Skipped { why: "all is being taken back".to_owned() };
                state.by_condition = false;
                given_up.push(id.clone());
            }
        }
        for id in given_up {
            self.answer_all(&id);
        }
        if is_busy || is_undoing {
            return;
        }
        let Some(next) = self.next_to_undo().map(str::to_owned) else { return };
        self.answer_all(&next);
        if let Some(state) = self.steps.get_mut(&next) {
            state.status = Status::Undoing;
            state.since = Some(at);
            state.attempt = (state.attempt + 1).min(ATTEMPTS_MAX);
        }
    }

    /// Whether people, not the machine, take this step back.
    pub(super) fn is_undone_by_hand(&self, id: &str) -> bool {
        self.playbook.step(id).is_some_and(|step| {
            !(matches!(step.kind, Kind::Lever { .. }) && step.undo == Some(Undo::Release))
        })
    }
}
