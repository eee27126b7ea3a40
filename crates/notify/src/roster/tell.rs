//! What the effects of a call tell whom.

use portcullis_types::ids::{CaseId, Millis};

use super::{Effect, Roster};
use crate::{
    notice::{Kind, Notice, NoticeKey, Secrecy},
    outbox::Recipient,
    severity::Severity,
};

/// What is called out about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// Case.
    pub case: CaseId,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: &'a str,
}

/// A notice of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its key.
    pub key: NoticeKey,
    /// The notice.
    pub notice: Notice,
    /// For whom: [`Outbox::enqueue_to`](crate::Outbox::enqueue_to). Empty: for whom the routes say.
    pub recipients: Vec<Recipient>,
}

/// The notices of `effects`. `origin` names what happened (a journal sequence): the same origin gives the same keys.
pub fn told(
    roster: &Roster,
    now: Millis,
    origin: &str,
    reason: Reason<'_>,
    effects: &[Effect],
) -> Vec<Told> {
    let case = reason.case;
    let mut out = Vec::new();
    for (index, effect) in effects.iter().enumerate() {
        let (kind, severity, group, title) = match effect {
            Effect::Call { person, .. } => (
                Kind::Page,
                reason.severity,
                format!("page/{person}"),
                format!("you are called: {}", reason.title),
            ),
            Effect::Taken { .. } => (
                Kind::Acknowledged,
                reason.severity,
                "taken".to_owned(),
                format!("taken on: {}", reason.title),
            ),
            Effect::NobodyAnswered => (
                Kind::StepOverdue,
                Severity::P1,
                "nobody".to_owned(),
                format!("nobody answers: {}", reason.title),
            ),
        };
        let mut notice =
            Notice::new(kind, severity, &format!("{case}/{group}"), &title, now).of_case(case);
        let mut recipients = Vec::new();
        match effect {
            Effect::Call { person, step, round } => {
                let place = format!("step {}, round {round}", step.saturating_add(1));
                notice = notice.with("Called", person, Secrecy::Team).with(
                    "Place",
                    &place,
                    Secrecy::Team,
                );
                let contacts = roster
                    .person(person)
                    .map(|person| person.contacts.as_slice())
                    .unwrap_or_default();
                recipients.extend(
                    contacts
                        .iter()
                        .map(|c| Recipient { channel: c.channel.clone(), to: c.to.clone() }),
                );
            }
            Effect::Taken { by } => notice = notice.with("By", by, Secrecy::Team),
            Effect::NobodyAnswered => {}
        }
        let key = NoticeKey::named(&format!("page/{case}/{origin}/{index}"));
        out.push(Told { key, notice, recipients });
    }
    out
}
