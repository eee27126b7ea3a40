//! What people are told of playbooks: letters into the outbox.

use portcullis_case::run::{Effect, EffectKind, RunEffectId};
use portcullis_engine::Engine;
use portcullis_notify::{
    Enqueued, Kind, Notice, NoticeKey, Outbox, Recipient, Secrecy, Severity, roster::Told,
};
use portcullis_types::ids::{CaseId, Millis, Seq};

use super::People;

/// A notice of a run's effect, and for whom.
pub(super) struct Letter {
    key: String,
    notice: Notice,
    people: Vec<String>,
}

impl Letter {
    pub(super) fn new(
        engine: &Engine,
        (case, run, id): (CaseId, Seq, &RunEffectId),
        effect: &Effect,
        now: Millis,
    ) -> Self {
        let known = engine.cases().find(|one| one.id == case);
        let severity = known.and_then(portcullis_case::Case::severity);
        let severity = severity.map_or(Severity::P2, severity_of);
        let title = |id: &RunEffectId| {
            let mut runs = engine.runs(case);
            let run = runs.find(|(seq, _)| **seq == run).map(|(_, run)| run);
            run.and_then(|run| run.playbook().step(&id.step))
                .map_or(String::new(), |s| s.title.clone())
        };
        let kind = match id.kind {
            EffectKind::RequestApproval => Kind::ApprovalNeeded,
            EffectKind::Escalate | EffectKind::EscalateFurther | EffectKind::PageFailure => {
                Kind::StepOverdue
            }
            _ => Kind::Page,
        };
        let key = format!("run/{case}/{run}/{id}");
        let (people, text, message) = match effect {
            Effect::Tell { people, text, message, .. } => {
                (people.clone(), text.clone(), message.as_ref())
            }
            Effect::RequestApproval { people, approval } => {
                let text = format!("{}: {} must agree", title(id), approval.quorum);
                (people.clone(), text, None)
            }
            _ => (Vec::new(), String::new(), None),
        };
        let mut notice = Notice::new(kind, severity, &key, &text, now).of_case(case);
        notice = notice.with("For", &people.join(", "), Secrecy::Team);
        if let Some((audience, words)) = message {
            notice = notice.with(&format!("Message to send ({audience:?})"), words, Secrecy::Team);
        }
        Self { key, notice, people }
    }

    /// Puts the letter where it is sent from: to each person's contacts, to the routes for those without.
    pub(super) async fn hand_over(self, people: People, now: Millis) -> Result<(), String> {
        let Some(outbox) = people.outbox else {
            eprintln!("{} (for {})", self.notice.title, self.people.join(", "));
            return Ok(());
        };
        let mut recipients = Vec::new();
        let mut is_everybody_reached = !self.people.is_empty();
        for name in &self.people {
            let person = people.on_call.as_ref().and_then(|roster| roster.person(name));
            let Some(person) = person else {
                is_everybody_reached = false;
                continue;
            };
            recipients.extend(person.contacts.iter().map(|contact| Recipient {
                channel: contact.channel.clone(),
                to: contact.to.clone(),
            }));
        }
        let put = move || -> Result<(), String> {
            let wrong = |error: portcullis_notify::OutboxError| error.to_string();
            let mut n_taken = 0;
            let mut took = |enqueued: Enqueued| match enqueued {
                Enqueued::For(n) => n_taken += n,
                Enqueued::Known => n_taken += 1,
            };
            if !recipients.is_empty() {
                let key = NoticeKey::named(&self.key);
                took(outbox.enqueue_to(now, &self.notice, &key, &recipients).map_err(wrong)?);
            }
            if !is_everybody_reached {
                let key = NoticeKey::named(&format!("{}/routes", self.key));
                took(outbox.enqueue(now, &self.notice, &key).map_err(wrong)?);
            }
            if n_taken == 0 {
                return Err(format!(
                    "no route and no contact takes it: {} (for {}); add contacts under `notify.roster`, or a route",
                    self.notice.title,
                    self.people.join(", ")
                ));
            }
            Ok(())
        };
        tokio::task::spawn_blocking(put).await.map_err(|error| error.to_string())?
    }
}

/// Puts a notice into the outbox for the channels that its routes name, beside the caller.
pub(super) fn put(outbox: Outbox, notice: Notice, key: NoticeKey, now: Millis) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = outbox.enqueue(now, &notice, &key) {
            eprintln!("ALERT: {}: the outbox fails: {error}", notice.title);
        }
    });
}

/// Puts calls into the outbox, beside the caller.
pub(super) fn call(outbox: Option<Outbox>, calls: Vec<Told>, now: Millis) {
    tokio::task::spawn_blocking(move || {
        for call in calls {
            let Some(outbox) = &outbox else {
                eprintln!("{}", call.notice.title);
                continue;
            };
            let put = if call.recipients.is_empty() {
                outbox.enqueue(now, &call.notice, &call.key)
            } else {
                outbox.enqueue_to(now, &call.notice, &call.key, &call.recipients)
            };
            match put {
                Ok(Enqueued::For(0)) => {
                    eprintln!("ALERT: nobody can be reached: {}", call.notice.title);
                }
                Ok(_) => {}
                Err(error) => eprintln!("ALERT: {}: the outbox fails: {error}", call.notice.title),
            }
        }
    });
}

/// The same grade in the words of the channels.
pub(super) fn severity_of(severity: portcullis_case::Severity) -> Severity {
    match severity {
        portcullis_case::Severity::P1 => Severity::P1,
        portcullis_case::Severity::P2 => Severity::P2,
        portcullis_case::Severity::P3 => Severity::P3,
        portcullis_case::Severity::P4 => Severity::P4,
        portcullis_case::Severity::P5 => Severity::P5,
    }
}
