//! Cases, as they are read.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use axum::extract::State;
use portcullis_case::Case;
use portcullis_engine::Event;
use portcullis_types::{evidence::Evidence, ids::Seq};

use super::{Answer, Page, apart};
use crate::{
    api::{
        App,
        asked::{Asked, read_case},
        error::ApiError,
        replica::Picture,
        shown::Shown,
        view::{
            self, ApprovalView, CaseLine, CaseView, DecisionView, FindingView, Functions, KINDS,
            TimelineItem, TransactionView,
        },
    },
    runner::now,
    store::{Body, Journal},
};

/// The case that a path names.
pub(crate) fn find<'a>(picture: &'a Picture, asked: &Asked) -> Result<&'a Case, ApiError> {
    let id = read_case(asked.name("id"))?;
    picture.case(id).ok_or_else(|| {
        ApiError::not_found(format!("there is no case {id}"), "take an id from GET /api/v1/cases")
    })
}

/// GET cases: newest first.
pub(crate) async fn cases(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<CaseLine>> {
    let picture = app.replica.look();
    let (open, protocol) = (asked.flag("open"), asked.query("protocol"));
    let lines = picture.lines().rev().map(|(_, line)| line).filter(|line| {
        open.is_none_or(|open| line.open == open)
            && protocol.is_none_or(|name| line.protocol == name)
    });
    Ok(Shown(Page::of(lines, asked.page()?, CaseLine::clone)))
}

/// GET cases/{id}.
pub(crate) async fn case(State(app): State<Arc<App>>, asked: Asked) -> Answer<CaseView> {
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    Ok(Shown(view::case_view(&picture, case, &app.settings.roster, now())))
}

/// GET cases/{id}/timeline.
pub(crate) async fn timeline(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<TimelineItem>> {
    let kinds: Vec<&str> =
        asked.query("kinds").into_iter().flat_map(|text| text.split(',')).collect();
    if let Some(strange) = kinds.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(ApiError::invalid(
            format!(
                "there are no lines of the kind `{}`",
                portcullis_types::text::printable(strange)
            ),
            format!("write some of: {}", KINDS.join(",")),
        ));
    }
    let newest_first = asked.query("order") == Some("newest");
    let page = asked.page()?;
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    let (items, next) = view::timeline(case, picture.links(case.id), page, &kinds, newest_first);
    Ok(Shown(Page { items, next: next.map(|place| place.to_string()), unreadable: None }))
}

/// GET cases/{id}/findings.
pub(crate) async fn findings(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<FindingView>> {
    let page = asked.page()?;
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    let mut times = std::collections::BTreeMap::new();
    for (entry, link) in case.timeline.iter().zip(picture.links(case.id)) {
        if let Some(key) = link.finding {
            times.entry(key).or_insert(entry.at.0);
        }
    }
    let mut records: Vec<_> = case.findings.values().collect();
    // Oldest first: what is new comes last, and a cursor stays where it is.
    records.sort_by_cached_key(|record| {
        (times.get(&record.finding.key).copied().unwrap_or(u64::MAX), record.finding.key)
    });
    let view = |record: &portcullis_case::FindingRecord| {
        let at = times.get(&record.finding.key).copied();
        view::finding_view(&picture.engine, record, at)
    };
    Ok(Shown(Page::of(records.into_iter(), page, view)))
}

/// GET cases/{id}/decisions.
pub(crate) async fn decisions(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<DecisionView>> {
    let page = asked.page()?;
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    Ok(Shown(Page::of(view::decisions(case).into_iter(), page, |one| one)))
}

/// GET cases/{id}/approvals.
pub(crate) async fn approvals(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<ApprovalView>> {
    let page = asked.page()?;
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    let all = view::approvals(&picture.engine, case.id, &app.settings.roster);
    Ok(Shown(Page::of(all.into_iter(), page, |one| one)))
}

/// GET cases/{id}/transactions/{hash}.
pub(crate) async fn transaction(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<TransactionView> {
    let hash = asked.hash()?;
    let (config, place, attackers) = {
        let picture = app.replica.look();
        let case = find(&picture, &asked)?;
        let attackers: Vec<Address> =
            case.attackers().into_iter().map(|(_, address)| address).collect();
        (picture.engine.config().cloned(), picture.transactions.place(hash), attackers)
    };
    let unknown = move || {
        ApiError::not_found(
            format!("no evidence of the transaction {hash} is in the journal"),
            "take a hash from the case; of transactions that touch nothing protected none is kept",
        )
    };
    let place = place.ok_or_else(unknown)?;
    let journal = app.settings.journal.clone();
    apart(move || {
        let evidence = read_evidence(&journal, place, hash)?.ok_or_else(unknown)?;
        let functions = config.as_ref().map(Functions::of).unwrap_or_default();
        Ok(Shown(view::transaction_view(config.as_ref(), &functions, &evidence, attackers)))
    })
    .await
}

fn read_evidence(
    journal: &std::path::Path,
    place: Seq,
    hash: B256,
) -> Result<Option<Evidence>, ApiError> {
    let trouble = |error: String| {
        let error = portcullis_types::text::printable(&error);
        ApiError::could_not_look(format!("the journal cannot be read: {error}"), "look at its file")
    };
    let journal = Journal::open_to_read(journal).map_err(|error| trouble(error.to_string()))?;
    let before = Seq(place.0.saturating_sub(1));
    let records = journal.after(before, 1).map_err(|error| trouble(error.to_string()))?;
    let Some(record) = records.first().filter(|record| record.seq == place) else {
        return Ok(None);
    };
    Ok(match record.parse().map_err(trouble)? {
        Body::Event(event) => match *event {
            Event::Inspected { evidence, .. } => evidence.into_iter().find(|one| one.hash == hash),
            Event::Pending { evidence } => Some(*evidence).filter(|one| one.hash == hash),
            _ => None,
        },
        Body::Output(_) => None,
    })
}
