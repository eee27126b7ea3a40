//! What people released for everybody: told over the channels whose audience is the public, and to the team as well.

use portcullis_case::{Case, Stage, public};
use portcullis_notify::{
    Containment, Kind, Notice, NoticeKey, Part, PublicName, PublicStatus, Secrecy, Severity,
    Stage as PublicStage,
};
use portcullis_types::ids::Millis;

use super::tell::severity_of;

/// How long before the end of the last process something may have been released that it did not hand over: a day,
/// milliseconds. What the outbox has it does not take twice.
const AGAIN_MILLIS: u64 = 86_400_000;

/// The newest statement of a case as a notice, if it is not older than what was there to be told after `since`.
pub(super) fn letter(case: &Case, since: Millis) -> Option<(NoticeKey, Notice)> {
    let said = public::latest(case)?;
    if said.at < since && since.since(said.at) > AGAIN_MILLIS {
        return None;
    }
    let stage = case.life.stage();
    let name = PublicName::try_from(said.protocol.clone()).ok()?;
    let fact =
        Part { label: "Statement".to_owned(), text: said.text.clone(), secrecy: Secrecy::Open };
    let mut status = PublicStatus::new(case.id, name, public_stage(stage), said.at);
    // Written and released by a person: open whatever the state of things.
    status = status.with(fact.release(Containment::Open)?);
    let kind = if stage.is_open() { Kind::Declared } else { Kind::Resolved };
    let severity = case.severity().map_or(Severity::P2, severity_of);
    let title = format!("{}: {} released a public statement", said.protocol, said.who);
    let key = format!("public/{}/{}", case.id, said.seq);
    let mut notice = Notice::new(kind, severity, &key, &title, said.at).of_case(case.id);
    notice = notice.with("Statement", &said.text, Secrecy::Open);
    notice.public = Some(status);
    Some((NoticeKey::named(&key), notice))
}

fn public_stage(stage: Stage) -> PublicStage {
    match stage {
        Stage::Resolved
        | Stage::Reviewed
        | Stage::FalsePositive
        | Stage::Duplicate { .. }
        | Stage::Merged { .. } => PublicStage::Resolved,
        Stage::Contained | Stage::Monitoring => PublicStage::Monitoring,
        Stage::Investigating | Stage::Recovering => PublicStage::Identified,
        _ => PublicStage::Investigating,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_case::{CaseCommand, Command};
    use portcullis_notify::{Audience, ChannelPlan, NotifyFile, Plan, Recipient};
    use portcullis_types::ids::{CaseId, Seq};

    use super::*;

    fn case(said_at: u64) -> Case {
        let mut case = Case::open(CaseId(Seq(7)), "bank_vault".to_owned(), Millis(0));
        let when = Millis(said_at);
        for (seq, text) in [(8, "first"), (9, "<b>We know.</b>")] {
            let what = Command::Publish { text: text.to_owned() };
            let command = CaseCommand { who: "ada".to_owned(), when, what };
            case.command(Seq(seq), when, &command).unwrap();
        }
        case
    }

    #[test]
    fn the_public_is_told_what_was_released_and_nothing_else() {
        let (key, notice) = letter(&case(1_000), Millis(0)).unwrap();
        assert_eq!(key.as_str(), "public/PC-000007/9");
        let status = notice.public.clone().unwrap();
        assert_eq!(status.facts().len(), 1);
        assert_eq!(status.facts()[0].text(), "<b>We know.</b>");
        assert_eq!(status.protocol.as_str(), "bank-vault");
        let said = format!("{} {:?}", status.title(), status.sentences());
        assert!(!said.contains("work") && !said.contains("ada"), "nothing nobody said: {said}");
        assert!(notice.title.contains("ada"), "the team reads who it was");
    }

    #[test]
    fn what_an_earlier_process_may_not_have_told_is_told_and_what_is_old_is_not() {
        let ended = Millis(3 * AGAIN_MILLIS);
        assert!(letter(&case(ended.0 - 1), ended).is_some());
        assert!(letter(&case(ended.0 + 1), ended).is_some());
        assert!(letter(&case(AGAIN_MILLIS), ended).is_none());
        assert!(letter(&Case::open(CaseId(Seq(7)), "x".to_owned(), Millis(0)), ended).is_none());
    }

    /// The durable queue takes it for a public channel once, however often it is handed over.
    #[test]
    fn a_public_channel_gets_it_once() {
        let file: NotifyFile = serde_json::from_str(
            r#"{"channels": [], "routes": [{"minSeverity": "P5", "channels": ["page"]}]}"#,
        )
        .unwrap();
        let mut plan = Plan::new(&file, 1);
        plan.channels.push(ChannelPlan {
            name: "page".to_owned(),
            audience: Audience::Public,
            per_minute: 60,
            burst: 5,
        });
        let folder = tempfile::tempdir().unwrap();
        let outbox =
            portcullis_notify::Outbox::open(&folder.path().join("o.sqlite"), plan).unwrap();
        let (key, notice) = letter(&case(1_000), Millis(0)).unwrap();
        let now = Millis(2_000);
        assert_eq!(
            outbox.enqueue(now, &notice, &key).unwrap(),
            portcullis_notify::Enqueued::For(1)
        );
        assert_eq!(outbox.enqueue(now, &notice, &key).unwrap(), portcullis_notify::Enqueued::Known);
        let to = [Recipient { channel: "page".to_owned(), to: None }];
        let other = NoticeKey::named("other");
        let paged = outbox.enqueue_to(now, &notice, &other, &to).unwrap();
        assert_eq!(paged, portcullis_notify::Enqueued::For(0), "no page is public");
    }
}
