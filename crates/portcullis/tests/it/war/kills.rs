//! `kill -9` while a playbook's step is at work, at each of its stages: the step is neither lost nor done twice.
//!
//! The proxy before the node works on the test's own threads: where a test waits for another program, it needs a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use portcullis::store::{Body, Journal};
use portcullis_case::{
    RunEvent,
    run::{EffectKind, RunEffectId},
};
use portcullis_engine::Event;
use portcullis_range::{Fault, FaultProxy};
use portcullis_types::action::Outcome;

use super::{
    INTERVAL_MS, SOON, TRIED_OUT, actions, attacked_over, begin, done, issued, say, status,
    with_war,
};
use crate::kit::{Rig, Story, without_chain};

/// Kills of the test that kills again and again, and the longest life of a process there, milliseconds.
const KILLS: u64 = 12;
const LIFE_MS_MAX: u64 = 900;

/// The machine looks on, and a node may take as long for an answer as a busy machine needs.
fn patient() -> Vec<(&'static str, &'static str)> {
    let mut replaced = TRIED_OUT.to_vec();
    replaced.push(("requestTimeoutMs: 1000", "requestTimeoutMs: 20000"));
    replaced
}

/// What a run asked for, and what was answered to each of it.
fn asked_and_answered(rig: &Rig) -> (Vec<RunEffectId>, BTreeMap<RunEffectId, usize>) {
    let (mut asked, mut answered) = (Vec::new(), BTreeMap::new());
    let journal = Journal::open_to_read(&rig.watcher.journal()).expect("a journal");
    let each = journal.each(|record| -> anyhow::Result<()> {
        if let Ok(Body::Event(event)) = record.parse()
            && let Event::Playbook { event, .. } = *event
        {
            match event {
                RunEvent::Issued { effect } => asked.push(effect),
                RunEvent::Delivered { effect }
                | RunEvent::Undelivered { effect, .. }
                | RunEvent::Ended { effect, .. }
                | RunEvent::Checked { effect, .. } => *answered.entry(effect).or_default() += 1,
                _ => {}
            }
        }
        Ok(())
    });
    each.expect("readable");
    (asked, answered)
}

/// Nothing was asked for twice, nothing answered twice, and nothing is open.
fn assert_each_once(rig: &Rig) {
    let (asked, answered) = asked_and_answered(rig);
    let different: BTreeSet<&RunEffectId> = asked.iter().collect();
    assert_eq!(different.len(), asked.len(), "asked for twice: {asked:#?}");
    for effect in &asked {
        assert_eq!(answered.get(effect), Some(&1), "{effect}: {answered:#?}");
    }
    assert_eq!(answered.len(), asked.len());
}

/// After everything: one order, one transaction, one look whether it worked, by a step that is done.
async fn done_once(rig: &mut Rig) {
    for _ in 0..40 {
        rig.play(false, 1, INTERVAL_MS).await;
        rig.caught_up(SOON).await;
        if status(&rig.story_so_far(), "pause") == "done" {
            break;
        }
    }
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!(status(&story, "pause"), "done", "{}", rig.watcher.log());
    assert_eq!((actions(&story), issued(rig, EffectKind::StartAction)), (1, 1));
    let holds = |event: &&Outcome| matches!(event, Outcome::Held { .. });
    assert_eq!(story.outcomes().into_iter().filter(holds).count(), 1);
    assert_eq!(rig.pauses().await.len(), 1, "{}", rig.watcher.log());
    assert!(rig.is_paused("market").await);
    assert_each_once(rig);
}

/// When to kill: which call of the node is refused until then, and after which stage a block comes.
struct Moment {
    what: &'static str,
    refused: Option<&'static str>,
    /// Is refused once the transaction is out, and before the block with it.
    then_refused: Option<&'static str>,
    has_block: bool,
    is_now: fn(&Story) -> bool,
}

fn is_at(story: &Story, stage: fn(&Outcome) -> bool) -> bool {
    story.outcomes().last().is_some_and(|outcome| stage(outcome))
}

async fn until(rig: &Rig, what: &str, is_so: impl Fn(&Story) -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so(&rig.story_so_far()) {
        assert!(Instant::now() < deadline, "it is not so that {what}:\n{}", rig.watcher.log());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn killed(moment: Moment) {
    if without_chain() {
        return;
    }
    let mut rig = with_war(Vec::new()).await;
    let proxy = FaultProxy::spawn(&rig.chain.http_url()).await.expect("a proxy");
    let case = attacked_over(&mut rig, &proxy.url(), &patient()).await;
    let run = begin(&rig, &case);
    let refuse = |method: &str| proxy.set(Fault::ErrorFor { method: method.to_owned() });
    moment.refused.into_iter().for_each(refuse);
    let (taken, said) = say(&rig, "ada", &done(&case, run, "lead", "ada"));
    assert!(taken, "{said}");
    if moment.has_block {
        until(&rig, "it is sent", |story| is_at(story, |one| matches!(one, Outcome::Sent { .. })))
            .await;
        moment.then_refused.into_iter().for_each(refuse);
        rig.play(false, 1, 0).await;
    }
    until(&rig, moment.what, moment.is_now).await;
    rig.watcher.kill();
    let story = rig.story_so_far();
    eprintln!(
        "killed when {}: the step is {}, the last outcome {:?}",
        moment.what,
        status(&story, "pause"),
        story.outcomes().last()
    );
    assert_ne!(status(&story, "lead"), "ready", "what was journaled stays");
    proxy.clear();
    rig.watch().await;
    done_once(&mut rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_step_is_journaled_and_nothing_was_begun() {
    killed(Moment {
        what: "ordered",
        refused: Some("eth_getTransactionCount"),
        then_refused: None,
        has_block: false,
        is_now: |story| actions(story) == 1,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_steps_transaction_is_signed_and_not_sent() {
    killed(Moment {
        what: "signed",
        refused: Some("eth_sendRawTransaction"),
        then_refused: None,
        has_block: false,
        is_now: |story| is_at(story, |one| matches!(one, Outcome::Prepared { .. })),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_steps_transaction_is_sent_and_in_no_block() {
    killed(Moment {
        what: "sent",
        refused: None,
        then_refused: None,
        has_block: false,
        is_now: |story| is_at(story, |one| matches!(one, Outcome::Sent { .. })),
    })
    .await;
}

/// The action works, and nobody could look yet: the answer to the step is not written.
#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_steps_transaction_is_in_a_block_and_its_answer_is_not_written() {
    killed(Moment {
        what: "mined",
        refused: None,
        then_refused: Some("eth_call"),
        has_block: true,
        is_now: |story| is_at(story, |one| matches!(one, Outcome::Mined { .. })),
    })
    .await;
}

/// As soon as it holds: somewhere between the end of the action and the answer to the look whether it worked.
#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_lever_holds_and_the_step_may_not_know() {
    killed(Moment {
        what: "held",
        refused: None,
        then_refused: None,
        has_block: true,
        is_now: |story| is_at(story, |one| matches!(one, Outcome::Held { .. })),
    })
    .await;
}

/// A few lives of less than a second each, from the beginning of the playbook to its end.
#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_playbook_ends_and_does_each_thing_once() {
    if without_chain() {
        return;
    }
    let mut rig = with_war(Vec::new()).await;
    let node = rig.chain.http_url();
    let case = attacked_over(&mut rig, &node, &patient()).await;
    let run = begin(&rig, &case);
    let (taken, said) = say(&rig, "ada", &done(&case, run, "lead", "ada"));
    assert!(taken, "{said}");
    for kill in 0..KILLS {
        // A start takes a few hundred milliseconds, so some die while they start.
        tokio::time::sleep(Duration::from_millis(kill * 389 % LIFE_MS_MAX)).await;
        rig.watcher.kill();
        rig.play(false, 1, 0).await;
        rig.watcher.start();
    }
    rig.watcher.ready().await;
    done_once(&mut rig).await;
}
