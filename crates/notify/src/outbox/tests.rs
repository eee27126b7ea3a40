//! The queue against a clock that is passed in.

use portcullis_types::ids::Seq;

use super::*;
use crate::{
    notice::Kind,
    plan::tests::{channel, route},
    severity::Severity,
};

fn plan(names: &[&str]) -> Plan {
    Plan {
        channels: names.iter().map(|name| channel(name, Audience::Team)).collect(),
        routes: vec![route(Severity::P5, None, names)],
        group_millis: 30_000,
        queue_rows_max: 20,
        down_after_millis: 60_000,
        seed: 7,
    }
}

fn open(plan: Plan) -> (tempfile::TempDir, Outbox) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("outbox.sqlite"), plan).unwrap();
    (folder, outbox)
}

fn notice(severity: Severity, group: &str) -> Notice {
    Notice::new(Kind::Finding, severity, group, &format!("{group} at {severity}"), Millis(0))
}

fn put(outbox: &Outbox, now: u64, n: u64, severity: Severity, group: &str) {
    let done =
        outbox.enqueue(Millis(now), &notice(severity, group), &NoticeKey::of_step(Seq(n), 0));
    assert!(matches!(done.unwrap(), Enqueued::For(_)));
}

/// Takes one message out as if the channel took it: its title and what is folded into it.
fn send(outbox: &Outbox, now: u64, channel: &str) -> Option<(String, u64)> {
    let claimed = outbox.claim(Millis(now), channel).unwrap()?;
    outbox.delivered(Millis(now), channel, &claimed).unwrap();
    Some((claimed.title(), claimed.envelope.folded))
}

fn send_all(outbox: &Outbox, now: u64, channel: &str) -> Vec<(String, u64)> {
    std::iter::from_fn(|| send(outbox, now, channel)).collect()
}

fn outage() -> Failure {
    Failure::Outage { why: "broken pipe".to_owned() }
}

#[test]
fn a_key_is_taken_once_also_after_a_restart() {
    let (folder, outbox) = open(plan(&["a", "b"]));
    let key = NoticeKey::of_step(Seq(9), 1);
    let one = notice(Severity::P3, "g");
    assert_eq!(outbox.enqueue(Millis(0), &one, &key).unwrap(), Enqueued::For(2));
    assert_eq!(outbox.enqueue(Millis(0), &one, &key).unwrap(), Enqueued::Known);
    assert_eq!(send_all(&outbox, 0, "a").len(), 1);
    let path = folder.path().join("outbox.sqlite");
    assert!(matches!(Outbox::open(&path, plan(&["a"])), Err(OutboxError::Locked { .. })));
    drop(outbox);
    let outbox = Outbox::open(&path, plan(&["a", "b"])).unwrap();
    assert_eq!(outbox.enqueue(Millis(5), &one, &key).unwrap(), Enqueued::Known);
    assert_eq!(outbox.last_step().unwrap(), Some(9));
    assert_eq!((send_all(&outbox, 5, "a").len(), send_all(&outbox, 5, "b").len()), (0, 1));
}

#[test]
fn the_worst_goes_first_and_the_last_token_is_kept_for_it() {
    let mut plan = plan(&["a"]);
    plan.channels[0].burst = 3;
    plan.channels[0].per_minute = 60;
    let (_folder, outbox) = open(plan);
    for n in 0..5 {
        put(&outbox, 0, n, Severity::P3, &format!("g{n}"));
    }
    assert_eq!(send_all(&outbox, 0, "a").len(), 2, "three tokens, one of them kept");
    put(&outbox, 0, 9, Severity::P1, "theft");
    assert_eq!(send(&outbox, 0, "a").unwrap().0, "P1 theft at P1");
    assert_eq!(send(&outbox, 1_000, "a"), None, "the next token is kept for P1 again");
    assert_eq!(send_all(&outbox, 2_000, "a").len(), 1);
    // Many short looks gain as much as a long one.
    assert!((2_001..=3_000).filter(|now| send(&outbox, *now, "a").is_some()).count() == 1);
}

#[test]
fn a_group_is_one_message_and_a_count() {
    let (_folder, outbox) = open(plan(&["a"]));
    put(&outbox, 0, 0, Severity::P3, "g");
    assert_eq!(send_all(&outbox, 0, "a"), [("P3 g at P3".to_owned(), 0)], "the first goes at once");
    for n in 1..=4_313 {
        put(&outbox, 1_000, n, Severity::P3, "g");
    }
    assert_eq!(send_all(&outbox, 29_999, "a"), []);
    assert_eq!(send_all(&outbox, 30_000, "a"), [("P3 g at P3".to_owned(), 4_312)]);
    put(&outbox, 31_000, 5_000, Severity::P3, "g");
    put(&outbox, 31_000, 5_001, Severity::P1, "g");
    assert_eq!(
        send_all(&outbox, 31_000, "a"),
        [("P1 g at P1".to_owned(), 1)],
        "what is worse does not wait"
    );
    put(&outbox, 70_000, 5_002, Severity::P3, "g");
    assert_eq!(send_all(&outbox, 70_000, "a").len(), 1, "after a quiet time the next goes at once");
}

#[test]
fn a_message_that_was_tried_does_not_change() {
    let (_folder, outbox) = open(plan(&["a"]));
    put(&outbox, 0, 0, Severity::P3, "g");
    let first = outbox.claim(Millis(0), "a").unwrap().unwrap();
    put(&outbox, 0, 1, Severity::P3, "g");
    outbox.failed(Millis(0), "a", &first, &outage()).unwrap();
    put(&outbox, 0, 2, Severity::P3, "g");
    let again = outbox.claim(Millis(5_000), "a").unwrap().unwrap();
    assert_eq!((&again.envelope, again.attempts), (&first.envelope, 2));
    outbox.delivered(Millis(5_000), "a", &again).unwrap();
    assert_eq!(send_all(&outbox, 40_000, "a"), [("P3 g at P3".to_owned(), 1)]);
}

#[test]
fn a_full_queue_folds_the_least_and_keeps_the_worst() {
    let (_folder, outbox) = open(plan(&["a"]));
    for n in 0..100 {
        put(&outbox, 0, n, Severity::P4, &format!("g{n}"));
    }
    for n in 100..110 {
        put(&outbox, 0, n, Severity::P1, &format!("theft{n}"));
    }
    let health = outbox.health().unwrap();
    let channel = health.channel("a").unwrap();
    assert_eq!((channel.waiting, channel.waiting_p1, channel.folded), (21, 10, 90));
    let mut told = Vec::new();
    for now in (0..60_000).step_by(100) {
        told.extend(send_all(&outbox, now, "a"));
    }
    assert!(told[..10].iter().all(|(title, _)| title.starts_with("P1 theft")));
    let n: u64 = told.iter().map(|(_, folded)| folded).sum();
    assert_eq!((told.len(), n), (21, 90), "10 P1, 10 P4 and a count of 90");
}

#[test]
fn a_channel_that_is_down_is_told_of_once_and_once_more_when_it_works() {
    let (_folder, outbox) = open(plan(&["a", "b", "c"]));
    for period in 0..2u64 {
        let start = period * 10_000_000;
        put(&outbox, start, period, Severity::P3, &format!("g{period}"));
        send_all(&outbox, start, "b");
        send_all(&outbox, start, "c");
        let mut tries = Vec::new();
        let mut told = Vec::new();
        // Ten minutes.
        for now in (start..start + 600_000).step_by(500) {
            if let Some(claimed) = outbox.claim(Millis(now), "a").unwrap() {
                outbox.failed(Millis(now), "a", &claimed, &outage()).unwrap();
                tries.push(now);
            }
            told.extend(send_all(&outbox, now, "b"));
        }
        assert!((13..=35).contains(&tries.len()), "{}: doubled up to a minute", tries.len());
        let [(down, 0)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(down, "P2 the channel `a` does not deliver");
        let failing = outbox.health().unwrap().channel("a").unwrap().clone();
        assert_eq!(
            (failing.failing_since, failing.why.as_str()),
            (Some(Millis(start)), "broken pipe")
        );
        let end = start + 700_000;
        assert_eq!(send_all(&outbox, end, "a").len(), 1, "nothing was lost");
        let told = send_all(&outbox, end, "b");
        assert_eq!(told, [("P2 the channel `a` works again after 11 minutes".to_owned(), 0)]);
        assert_eq!(send_all(&outbox, end, "c").len(), 2);
        assert_eq!(outbox.health().unwrap().channel("a").unwrap().failing_since, None);
    }
}

#[test]
fn what_a_service_asks_for_is_done() {
    let (_folder, outbox) = open(plan(&["a", "b"]));
    put(&outbox, 0, 0, Severity::P1, "g");
    let claimed = outbox.claim(Millis(0), "a").unwrap().unwrap();
    outbox.failed(Millis(0), "a", &claimed, &Failure::RateLimited { after: Some(35_000) }).unwrap();
    assert_eq!(send(&outbox, 34_999, "a"), None);
    assert_eq!(outbox.health().unwrap().channel("a").unwrap().failures, 0, "it is not down");
    let claimed = outbox.claim(Millis(35_000), "a").unwrap().unwrap();
    // A credential that is not taken is told at once, a message that is not taken is given up and told.
    outbox
        .failed(Millis(35_000), "a", &claimed, &Failure::Refused { why: "HTTP 403".to_owned() })
        .unwrap();
    send(&outbox, 35_000, "b");
    assert_eq!(send(&outbox, 35_000, "b").unwrap().0, "P2 the channel `a` does not deliver");
    let claimed = outbox.claim(Millis(90_000), "a").unwrap().unwrap();
    outbox
        .failed(
            Millis(90_000),
            "a",
            &claimed,
            &Failure::Undeliverable { why: "HTTP 400".to_owned() },
        )
        .unwrap();
    assert_eq!(send(&outbox, 90_000, "b").unwrap().0, "P3 the channel `a` refuses a message");
    assert_eq!(outbox.health().unwrap().channel("a").unwrap().undeliverable, 1);
    assert_eq!(send(&outbox, 600_000, "a"), None);
}

#[test]
fn a_clock_that_is_put_back_silences_nobody() {
    let (_folder, outbox) = open(plan(&["a"]));
    let late = 1_000_000_000;
    put(&outbox, late, 0, Severity::P3, "g");
    send_all(&outbox, late, "a");
    put(&outbox, late, 1, Severity::P3, "g");
    put(&outbox, late, 2, Severity::P3, "h");
    let claimed = outbox.claim(Millis(late), "a").unwrap().unwrap();
    outbox
        .failed(Millis(late), "a", &claimed, &Failure::RateLimited { after: Some(60_000) })
        .unwrap();
    assert_eq!(send_all(&outbox, 5, "a").len(), 2);
}

#[test]
fn a_message_that_cannot_be_taken_does_not_stop_the_others() {
    let (_folder, outbox) = open(plan(&["a"]));
    put(&outbox, 0, 0, Severity::P1, "poison");
    put(&outbox, 0, 1, Severity::P1, "theft");
    let mut now = 0;
    for attempt in 1.. {
        now += 120_000;
        let claimed = outbox.claim(Millis(now), "a").unwrap().unwrap();
        if claimed.title().contains("theft") {
            assert_eq!(attempt, 8);
            break;
        }
        outbox.failed(Millis(now), "a", &claimed, &outage()).unwrap();
    }
}

#[test]
fn pages_go_to_their_people_whatever_the_routes() {
    let mut plan = plan(&["a", "status"]);
    plan.routes.clear();
    plan.channels[1].audience = Audience::Public;
    let (_folder, outbox) = open(plan);
    let to = |channel: &str, to: &str| Recipient {
        channel: channel.to_owned(),
        to: Some(to.to_owned()),
    };
    let recipients = [to("a", "ada"), to("a", "bob"), to("status", "ada"), to("gone", "ada")];
    let page = Notice::new(Kind::Page, Severity::P1, "page/PC-000042", "you are called", Millis(0));
    let done =
        outbox.enqueue_to(Millis(0), &page, &NoticeKey::named("page/1"), &recipients).unwrap();
    assert_eq!(done, Enqueued::For(2));
    let ids: Vec<_> = std::iter::from_fn(|| outbox.claim(Millis(0), "a").unwrap())
        .map(|c| c.envelope.id)
        .collect();
    assert_eq!(ids, ["page/1/a/ada", "page/1/a/bob"]);
    assert_eq!(outbox.claim(Millis(0), "status").unwrap(), None);
}

#[test]
fn files_of_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.sqlite");
    std::fs::write(&text, "no database".repeat(100)).unwrap();
    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let newer = folder.path().join("newer.sqlite");
    drop(Outbox::open(&newer, plan(&["a"])).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for path in [text, other, newer] {
        let error = Outbox::open(&path, plan(&["a"])).unwrap_err();
        assert!(matches!(error, OutboxError::Foreign { .. }), "{error}");
    }
}

#[test]
fn a_copy_of_a_queue_in_use_waits_for_the_same() {
    let (folder, outbox) = open(plan(&["a", "b"]));
    for n in 1..=3 {
        put(&outbox, 0, n, Severity::P2, &format!("g{n}"));
    }
    send(&outbox, 0, "a").unwrap();
    let claimed = outbox.claim(Millis(0), "a").unwrap().expect("one more");
    let to = folder.path().join("copy.sqlite");
    Outbox::copy(&folder.path().join("outbox.sqlite"), &to).unwrap();
    Outbox::check(&to).unwrap();
    put(&outbox, 0, 4, Severity::P2, "g4");
    let copy = Outbox::open(&to, plan(&["a", "b"])).unwrap();
    assert_eq!(copy.last_step().unwrap(), Some(3));
    let titles: Vec<_> = send_all(&copy, 0, "a").into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles.len(), 2, "what was being sent is sent again: {titles:?}");
    assert!(titles.contains(&claimed.title()));
    let key = NoticeKey::of_step(Seq(2), 0);
    let again = copy.enqueue(Millis(0), &notice(Severity::P2, "g2"), &key).unwrap();
    assert_eq!(again, Enqueued::Known, "what was told is known");
    let error = Outbox::copy(&folder.path().join("none.sqlite"), &to).unwrap_err();
    assert!(matches!(error, OutboxError::Sqlite(_)), "{error}");
    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(Outbox::check(&other).unwrap_err(), OutboxError::Foreign { .. }));
}
