//! What a run's entries are on the case's timeline.

use super::{Answer, Effect, EffectKind, PlaybookRun, RunEffectId, RunEvent};
use crate::playbook::Kind;

impl PlaybookRun {
    /// The line for an entry that was just taken in: what happened in one or two words, and in one sentence. None for what
    /// only the machine needs to know.
    pub fn line(&self, event: &RunEvent) -> Option<(&'static str, String)> {
        let title =
            |step: &str| self.playbook().step(step).map_or("", |step| &step.title).to_owned();
        Some(match event {
            RunEvent::Issued { effect } => return self.issued_line(effect),
            RunEvent::Delivered { .. } | RunEvent::FactsChanged { .. } => return None,
            RunEvent::Undelivered { effect, why } => {
                ("not told", format!("{} ({}): {why}", title(&effect.step), effect.kind.name()))
            }
            RunEvent::Ended { effect, failure: None, note, .. } => {
                ("step worked", with(&title(&effect.step), note))
            }
            RunEvent::Ended { effect, failure: Some(why), .. } => {
                ("step failed", with(&title(&effect.step), why))
            }
            RunEvent::Checked { effect, by, answer } => {
                let title = title(&effect.step);
                match answer {
                    Answer::Holds => ("checked", format!("{title}: as it should be, says {by}")),
                    Answer::DoesNotHold { found } => {
                        ("check failed", format!("{title}: {by} found {found}"))
                    }
                    Answer::CouldNotLook { why } => {
                        ("could not look", format!("{title}: {by} could not look: {why}"))
                    }
                }
            }
            RunEvent::Done { step, who, note } => ("step done", by(who, &title(step), note)),
            RunEvent::Failed { step, who, why } => ("step failed", by(who, &title(step), why)),
            RunEvent::Skipped { step, who, why } => ("step skipped", by(who, &title(step), why)),
            RunEvent::Approved { step, who } => ("agreed", by(who, &title(step), "")),
            RunEvent::ApprovalWithdrawn { step, who } => {
                ("no longer agreed", by(who, &title(step), ""))
            }
            RunEvent::Objected { step, who, why } => ("objected", by(who, &title(step), why)),
            RunEvent::Retried { step, who } => ("step retried", by(who, &title(step), "")),
            RunEvent::UndoOrdered { who, why } => {
                ("undo ordered", by(who, &self.playbook().title, why))
            }
            RunEvent::Stopped { who, why } => {
                ("playbook stopped", by(who, &self.playbook().title, why))
            }
        })
    }

    fn issued_line(&self, id: &RunEffectId) -> Option<(&'static str, String)> {
        let effect = self.outstanding().into_iter().find(|(other, _)| other == id)?.1;
        let what = match id.kind {
            EffectKind::Escalate | EffectKind::EscalateFurther => "escalated",
            EffectKind::RequestApproval => "agreement asked",
            EffectKind::CheckPostCondition => return None,
            _ => "step begins",
        };
        let text = match effect {
            Effect::Tell { people, text, .. } => {
                format!("{text} (told: {})", names(&people))
            }
            Effect::RequestApproval { people, approval } => {
                let title = self.playbook().step(&id.step).map_or("", |step| &step.title);
                format!("{title}: {} of {} must agree", approval.quorum, names(&people))
            }
            // A run does not know where the lever stands; what comes of it is a line of its own.
            Effect::PullLever { lever } => {
                format!("lever {lever} is pulled unless it holds already")
            }
            Effect::ReleaseLever { lever } => format!("lever {lever} is let go if it still holds"),
            Effect::Ask { query } => format!("looking for: {query}"),
            Effect::Check { .. } => return None,
        };
        Some((what, text))
    }

    /// The levers that agreeing to a step leads to: its own, or those of the steps that wait for this agreement alone. By
    /// the names of the configuration; empty where nothing on the chain follows.
    pub fn levers_behind(&self, step: &str) -> Vec<String> {
        let lever = |kind: &Kind| match kind {
            Kind::Lever { lever } => Some(self.roster().lever(lever).to_owned()),
            _ => None,
        };
        let Some(step) = self.playbook().step(step) else { return Vec::new() };
        if step.kind != Kind::Approval {
            return lever(&step.kind).into_iter().collect();
        }
        let after = self
            .playbook()
            .steps
            .iter()
            .filter(|other| other.depends_on.contains(&step.id) && other.approval.is_none());
        after.filter_map(|other| lever(&other.kind)).collect()
    }
}

fn names(people: &[String]) -> String {
    if people.is_empty() { "nobody".to_owned() } else { people.join(", ") }
}

fn with(title: &str, note: &str) -> String {
    if note.is_empty() { title.to_owned() } else { format!("{title}: {note}") }
}

fn by(who: &str, title: &str, note: &str) -> String {
    format!("{who}: {}", with(title, note))
}
