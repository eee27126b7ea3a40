//! What of a case leaves the program: the post-mortem, and the bundle that another party can check.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::{apart, cases::find};
use crate::{
    api::{
        App,
        asked::Asked,
        error::ApiError,
        shown::{Shown, harmless_document},
    },
    bundle,
    runner::now,
    store::Journal,
};

/// GET cases/{id}/postmortem.
pub(crate) async fn postmortem(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    let report = bundle::postmortem(&picture.engine, case, now(), None);
    let id = case.id;
    drop(picture);
    let (text, kind, ending) = match asked.query("format").unwrap_or("json") {
        "md" => (report.markdown(), "text/markdown; charset=utf-8", "md"),
        "html" => (report.html(), "text/html; charset=utf-8", "html"),
        _ => return Ok(Shown(report.json()).into_response()),
    };
    let mut response = harmless_document(text).into_response();
    attach(response.headers_mut(), kind, &format!("{id}-postmortem.{ending}"));
    Ok(response)
}

/// GET cases/{id}/bundle.
pub(crate) async fn bundle(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let id = find(&app.replica.look(), &asked)?.id;
    let (path, evidence) = (app.settings.journal.clone(), app.settings.evidence.clone());
    let made = apart(move || {
        let cannot = |why: anyhow::Error| {
            ApiError::could_not_look(
                format!("the bundle cannot be made: {why:#}"),
                "look at the journal with `portcullis journal verify`",
            )
        };
        let journal = Journal::open_to_read(&path).map_err(|error| cannot(error.into()))?;
        bundle::make(&journal, id, Some(&evidence), false).map_err(cannot)
    });
    let mut response = made.await?.bytes.into_response();
    attach(response.headers_mut(), "application/x-tar", &format!("{id}-bundle.tar"));
    Ok(response)
}

/// Always a download: whatever is in it, no browser shows it as a page of ours.
fn attach(headers: &mut HeaderMap, kind: &'static str, name: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
}
