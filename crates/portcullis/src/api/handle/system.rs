//! The program itself: is it well, what is protected, which channels work.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use portcullis_notify::{
    Audience, Dispatcher, Kind, Notice, NoticeKey, Outbox, Plan, Recipient, Severity,
};
use portcullis_types::text::printable;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Page, apart};
use crate::{
    api::{
        App,
        asked::Asked,
        audit::AuditLine,
        error::ApiError,
        shown::Shown,
        view::{self, ChannelView, HealthView, Overview, ProtocolDetails, ProtocolLine, You},
    },
    runner::now,
};

/// GET health.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response {
    let view = view::health(&app.replica.look(), &app.settings, now());
    let status = if view.sees { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Strangers learn whether, not why.
    let brief = Health { sees: view.sees, record: view.record };
    (status, Shown(brief)).into_response()
}

/// Whether the program sees; the overview says why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Health {
    /// False when blind, stale, or when the journal cannot be read or written.
    pub(crate) sees: bool,
    /// Whether this is a record that nobody writes to.
    pub(crate) record: bool,
}

/// GET openapi.json. The cookie is named as it is here.
pub(crate) async fn openapi(State(app): State<Arc<App>>) -> Shown<serde_json::Value> {
    let mut document = crate::api::document();
    if let Some(name) = document.pointer_mut("/components/securitySchemes/session/name") {
        *name = app.settings.origin.cookie().into();
    }
    Shown(document)
}

/// GET overview.
pub(crate) async fn overview(State(app): State<Arc<App>>, asked: Asked) -> Answer<Overview> {
    let caller = asked.caller()?;
    let you = You { name: caller.name.clone(), access: caller.access.name().to_owned() };
    let mut view = view::overview(&app.replica.look(), &app.settings, now(), you);
    view.channels = channels_now(&app).await?;
    Ok(Shown(view))
}

/// GET api/v1/health: whether the program sees, with reasons.
pub(crate) async fn health_details(State(app): State<Arc<App>>) -> Answer<HealthView> {
    Ok(Shown(view::health(&app.replica.look(), &app.settings, now())))
}

/// GET protocols.
pub(crate) async fn protocols(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<ProtocolLine>> {
    let picture = app.replica.look();
    let protocols = picture.engine.config().into_iter().flat_map(|config| &config.protocols);
    let line = |config| view::protocol_line(&picture, config, now());
    Ok(Shown(Page::of(protocols, asked.page()?, line)))
}

/// GET protocols/{name}.
pub(crate) async fn protocol(State(app): State<Arc<App>>, asked: Asked) -> Answer<ProtocolDetails> {
    let picture = app.replica.look();
    let name = asked.name("name");
    let mut all = picture.engine.config().into_iter().flat_map(|config| &config.protocols);
    let config = all.find(|config| config.protocol.name == name).ok_or_else(|| {
        ApiError::not_found(
            format!("there is no protocol `{}`", printable(name)),
            "take a name from GET /api/v1/protocols",
        )
    })?;
    Ok(Shown(view::protocol_details(&picture, config, now())))
}

/// GET channels.
pub(crate) async fn channels(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<ChannelView>> {
    let all = channels_now(&app).await?;
    Ok(Shown(Page::of(all.into_iter(), asked.page()?, |one| one)))
}

/// How every channel does.
pub(super) async fn channels_now(app: &App) -> Result<Vec<ChannelView>, ApiError> {
    let Some((file, _)) = app.settings.notify.clone() else { return Ok(Vec::new()) };
    apart(move || {
        let health = Outbox::health_of(&file.outbox, &Plan::new(&file, 0)).map_err(|error| {
            ApiError::could_not_look(
                format!("the outbox cannot be read: {}", printable(&error.to_string())),
                "look into the program's log",
            )
        })?;
        Ok(health
            .channels
            .into_iter()
            .map(|one| ChannelView {
                healthy: one.failing_since.is_none(),
                queued: one.waiting,
                last_error: (!one.why.is_empty()).then_some(one.why),
                last_sent_at: one.last_ok.map(|at| at.0),
                failing_since: one.failing_since.map(|at| at.0),
                sent: one.sent,
                undeliverable: one.undeliverable,
                name: one.name,
            })
            .collect())
    })
    .await
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Tested {
    pub(crate) delivered: bool,
    /// Why not; empty where it was.
    pub(crate) why: String,
}

/// POST channels/{name}/test: as `portcullis notify test`, for one channel; the queue is not touched.
pub(crate) async fn test_channel(State(app): State<Arc<App>>, asked: Asked) -> Answer<Tested> {
    let name = asked.name("name").to_owned();
    let known = app.settings.notify.clone();
    let Some((file, folder)) = known.filter(|(file, _)| {
        file.channels.iter().any(|one| one.name == name && one.audience == Audience::Team)
    }) else {
        return Err(ApiError::not_found(
            format!("there is no channel `{}` of the team", printable(&name)),
            "take a name from GET /api/v1/channels; what the public reads is never tested",
        ));
    };
    let wrong = |problem: String| {
        ApiError::could_not_look(printable(&problem), "correct the section `notify`")
    };
    let place = tempfile::tempdir().map_err(|error| wrong(error.to_string()))?;
    let outbox = Outbox::open(&place.path().join("test.sqlite"), Plan::new(&file, now().0))
        .map_err(|error| wrong(error.to_string()))?;
    let dispatcher = Dispatcher::new(outbox.clone(), &file, &folder).map_err(wrong_config)?;
    let title = format!("{}: this is a test, nothing has happened", file.source);
    let notice = Notice::new(Kind::Acknowledged, Severity::P5, "test", &title, now());
    let to = [Recipient { channel: name.clone(), to: None }];
    outbox
        .enqueue_to(now(), &notice, &NoticeKey::named("test"), &to)
        .map_err(|error| wrong(error.to_string()))?;
    dispatcher.tick_channel(now(), &name).await.map_err(|error| wrong(error.to_string()))?;
    let health = dispatcher.health().map_err(|error| wrong(error.to_string()))?;
    let found = health.channel(&name);
    Ok(Shown(Tested {
        delivered: found.is_some_and(|found| found.sent > 0),
        why: found.map(|found| printable(&found.why)).unwrap_or_default(),
    }))
}

fn wrong_config(problem: impl std::fmt::Display) -> ApiError {
    ApiError::could_not_look(printable(&problem.to_string()), "correct the section `notify`")
}

/// A line of the audit as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    /// Its number from the newest, which is 0 at the time of asking.
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) who: String,
    /// The route and the path.
    pub(crate) what: String,
    /// Which order, where the route takes several: `declare`, `done`.
    pub(crate) said: Option<String>,
    pub(crate) accepted: bool,
    pub(crate) why: Option<String>,
    pub(crate) access: Option<String>,
    pub(crate) from: String,
    pub(crate) status: u16,
}

/// GET audit.
pub(crate) async fn audit(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<AuditView>> {
    let page = asked.page()?;
    let skip = usize::try_from(page.after.unwrap_or(0)).unwrap_or(usize::MAX);
    let lines = apart(move || {
        app.audit.newest(skip, page.limit + 1).map_err(|error| {
            ApiError::could_not_look(
                format!("the audit cannot be read: {error}"),
                "look at the file beside the journal",
            )
        })
    })
    .await?;
    let next = (lines.len() > page.limit).then(|| (skip + page.limit).to_string());
    let number = (skip as u64..).zip(lines.into_iter().take(page.limit));
    let items = number.map(|(seq, line)| audit_view(seq, line)).collect();
    Ok(Shown(Page { items, next, unreadable: None }))
}

fn audit_view(seq: u64, line: AuditLine) -> AuditView {
    let accepted = line.outcome == "taken";
    AuditView {
        seq,
        at: line.at,
        who: line.who.unwrap_or_else(|| "nobody".to_owned()),
        what: format!("{} {}", line.route, line.path),
        said: line.said,
        accepted,
        why: (!accepted).then_some(line.outcome),
        access: line.access,
        from: line.from,
        status: line.status,
    }
}
