//! The journal: its records, and whether it is whole.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::State;
use portcullis_engine::Event;
use portcullis_types::{
    chain::ChainEvent,
    ids::{Millis, Seq},
    text::printable,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Answer, Page, apart};
use crate::{
    api::{App, asked::Asked, error::ApiError, shown::Shown},
    runner::now,
    store::{self, Body, Journal, Record},
};

/// Least time between two checks of the whole journal, milliseconds.
const VERIFY_EVERY_MS: u64 = 60_000;

/// A record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RecordView {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    /// `event` or `output`.
    pub(crate) kind: String,
    /// What it is, in a few words.
    pub(crate) summary: String,
    /// It ties this record to all before it.
    pub(crate) hash: String,
}

/// GET journal: oldest first; the cursor is a sequence.
pub(crate) async fn journal(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<RecordView>> {
    let page = asked.page()?;
    let path = app.settings.journal.clone();
    apart(move || {
        let after = Seq(page.after.unwrap_or(0));
        let most = u32::try_from(page.limit + 1).unwrap_or(u32::MAX);
        let (records, end) = Journal::open_to_read(&path)
            .and_then(|journal| Ok((journal.after(after, most)?, journal.last_seq())))
            .map_err(|error| unreadable(&error.to_string()))?;
        // Large records come fewer at a time.
        let more = records.len() > page.limit || records.last().is_some_and(|one| one.seq < end);
        let items: Vec<RecordView> = records.iter().take(page.limit).map(record_view).collect();
        let next = items.last().filter(|_| more).map(|last| last.seq.to_string());
        Ok(Shown(Page { items, next, unreadable: None }))
    })
    .await
}

fn unreadable(error: &str) -> ApiError {
    ApiError::could_not_look(
        format!("the journal cannot be read: {}", printable(error)),
        "look at its file",
    )
}

fn record_view(record: &Record) -> RecordView {
    RecordView {
        seq: record.seq.0,
        at: record.at.0,
        kind: record.kind.clone(),
        summary: record.parse().map_or_else(|why| why, |body| summary(&body)),
        hash: record.hash.to_string(),
    }
}

fn summary(body: &Body) -> String {
    let event = match body {
        Body::Output(output) => {
            let n_events = output.output.case_events.len();
            return format!("answer to {}: {n_events} entries on timelines", output.of);
        }
        Body::Event(event) => event,
    };
    match &**event {
        Event::Started { version, .. } => format!("started, version {version}"),
        Event::Chain(ChainEvent::Committed { chain, head }) => {
            format!("block {} of chain {chain}", head.id.number)
        }
        Event::Chain(ChainEvent::Reorged { chain, old, new }) => {
            format!("chain {chain} took {} blocks back and put {} there", old.len(), new.len())
        }
        Event::Chain(ChainEvent::Blind { chain, from, to, cause }) => {
            format!("blocks {from} to {to} of chain {chain} could not be seen: {cause}")
        }
        Event::Inspected { chain, block, transactions, evidence, .. } => format!(
            "block {} of chain {chain} looked into: {transactions} transactions, {} kept",
            block.number,
            evidence.len()
        ),
        Event::Read { block, readings, .. } => {
            format!("{} readings as of block {}", readings.len(), block.number)
        }
        Event::Acted { action, outcome } => {
            let outcome = serde_json::to_value(outcome).unwrap_or_default();
            let stage = outcome.get("stage").and_then(Value::as_str).unwrap_or("moved");
            format!("action {action}: {stage}")
        }
        Event::Approval { approval } => {
            format!("a guardian signed: {} {}", approval.kind.name(), approval.lever)
        }
        Event::SelfTested { protocol, checks } => {
            format!("brakes of {protocol} tested: {} parts", checks.len())
        }
        Event::Command { case, command } => {
            format!("{}: {} in {case}", command.who, command.what.verb().name())
        }
        Event::PlaybookStarted { case, by, playbook, .. } => {
            format!("{by} began {} in {case}", playbook.id)
        }
        Event::Playbook { case, event, .. } => {
            let event = serde_json::to_value(event).unwrap_or_default();
            let word = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            let effect = event.pointer("/effect/step").and_then(Value::as_str);
            let step = effect.unwrap_or_else(|| word("step"));
            format!("{} {}: {step} in {case}", word("who"), word("run")).trim_start().to_owned()
        }
        other => {
            // What is not worth words of its own says its name.
            let name = serde_json::to_value(other).unwrap_or_default();
            name.get("event").and_then(Value::as_str).unwrap_or("event").to_owned()
        }
    }
}

/// Whether the journal is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    pub(crate) verified: bool,
    pub(crate) records: u64,
    /// Hash of the last record that was checked.
    pub(crate) head: String,
    /// When this was found; 0 while the first check goes on.
    pub(crate) at: u64,
    /// What is wrong; null where nothing is.
    pub(crate) error: Option<String>,
    /// Whether a check goes on.
    pub(crate) running: bool,
}

/// The last check.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    inner: Mutex<(bool, Option<VerificationView>)>,
}

/// GET journal/verify: the last check; begins a new one where that is older than a minute.
pub(crate) async fn verify(State(app): State<Arc<App>>) -> Shown<VerificationView> {
    let mut inner = app.verification.inner.lock().unwrap_or_else(PoisonError::into_inner);
    let (running, last) = &mut *inner;
    let is_old = last.as_ref().is_none_or(|last| now().0.saturating_sub(last.at) > VERIFY_EVERY_MS);
    if !*running && is_old {
        *running = true;
        let app = Arc::clone(&app);
        tokio::task::spawn_blocking(move || {
            let found = verify_now(&app.settings.journal, now());
            let mut inner = app.verification.inner.lock().unwrap_or_else(PoisonError::into_inner);
            *inner = (false, Some(found));
        });
    }
    let pending = VerificationView {
        verified: false,
        records: 0,
        head: String::new(),
        at: 0,
        error: Some("the first check goes on: ask again".to_owned()),
        running: true,
    };
    Shown(VerificationView { running: *running, ..last.clone().unwrap_or(pending) })
}

fn verify_now(path: &Path, at: Millis) -> VerificationView {
    let checked =
        Journal::open_to_read(path).map_err(store::VerifyError::from).and_then(|journal| {
            store::verify_chain(&journal, None)?;
            store::replay_check(&journal)
        });
    let base = VerificationView {
        verified: true,
        records: 0,
        head: String::new(),
        at: at.0,
        error: None,
        running: false,
    };
    match checked {
        Ok(found) => {
            VerificationView { records: found.records, head: found.head.to_string(), ..base }
        }
        Err(error) => VerificationView { verified: false, error: Some(error.to_string()), ..base },
    }
}
