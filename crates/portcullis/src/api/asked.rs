//! What a request asks: names in its path, its query, its body and who sends it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use alloy_primitives::B256;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{StatusCode, request::Parts},
};
use portcullis_types::{
    ids::{CaseId, Seq},
    text::printable,
};
use serde::de::DeserializeOwned;

use super::{
    App,
    access::{Access, Caller},
    error::ApiError,
    table::{Kind, Query},
};

/// Items of a page where nobody says how many.
const ITEMS_DEFAULT: usize = 100;

/// The query parameters that a route knows; put into the request by the guard.
#[derive(Debug, Clone)]
pub(crate) struct Known(pub(crate) Arc<[Query]>);

/// Which order it was, where a route takes several: put into the request by the guard, filled in by the handler, for the audit.
#[derive(Debug, Clone, Default)]
pub(crate) struct SaidWhat(Arc<OnceLock<&'static str>>);

impl SaidWhat {
    /// The order, if the handler came to it.
    pub(crate) fn order(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}

/// Everything but the body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    path: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    caller: Option<Caller>,
    said: SaidWhat,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageAsked {
    /// Most items.
    pub(crate) limit: usize,
    /// The cursor: items up to and with this place were on pages before.
    pub(crate) after: Option<u64>,
}

impl Asked {
    /// A name in the path. Empty only if the route does not have it.
    pub(crate) fn name(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// Names the order for the audit.
    pub(crate) fn says(&self, order: &'static str) {
        let _first = self.said.0.set(order);
    }

    pub(crate) fn case(&self) -> Result<CaseId, ApiError> {
        read_case(self.name("id"))
    }

    pub(crate) fn seq(&self, name: &str) -> Result<Seq, ApiError> {
        let text = self.name(name);
        let wrong = || {
            ApiError::not_found(
                format!("`{}` is no number of a journal entry", printable(text)),
                "take it from the list",
            )
        };
        text.parse().map(Seq).map_err(|_| wrong())
    }

    pub(crate) fn hash(&self) -> Result<B256, ApiError> {
        let text = self.name("hash");
        text.parse().map_err(|_| {
            ApiError::not_found(
                format!("`{}` is no hash of a transaction", printable(text)),
                "write 0x and 64 hexadecimal digits",
            )
        })
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.query(name).map(|value| value == "true")
    }

    pub(crate) fn page(&self) -> Result<PageAsked, ApiError> {
        let limit = self.query("limit").map_or(Ok(ITEMS_DEFAULT), str::parse);
        let after = self.query("after").map(str::parse).transpose();
        match (limit, after) {
            (Ok(limit), Ok(after)) => Ok(PageAsked { limit, after }),
            _ => Err(ApiError::invalid(
                "`after` is no cursor",
                "take it from `next` of the page before, or leave it out",
            )),
        }
    }

    /// Who asks. The guard has made sure that there is somebody wherever a route needs it.
    pub(crate) fn caller(&self) -> Result<&Caller, ApiError> {
        self.caller
            .as_ref()
            .ok_or_else(|| ApiError::unauthenticated("nobody is signed in", "sign in"))
    }

    /// Who asks, if they have at least this access.
    pub(crate) fn at_least(&self, access: Access, what: &str) -> Result<&Caller, ApiError> {
        let caller = self.caller()?;
        if caller.access >= access {
            return Ok(caller);
        }
        Err(ApiError::forbidden(
            format!("{what} needs the access `{}`", access.name()),
            "ask somebody who has it, or for it in `console.access`",
        ))
    }
}

/// A case by its id, as it is written everywhere.
pub(crate) fn read_case(text: &str) -> Result<CaseId, ApiError> {
    let is_written_so = text.starts_with("PC-") && text.len() <= 20;
    match CaseId::try_from(text.to_owned()) {
        Ok(id) if is_written_so => Ok(id),
        _ => Err(ApiError::not_found(
            format!("`{}` is no id of a case", printable(text)),
            "write it as PC-000042, as GET /api/v1/cases does",
        )),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found("the path is no UTF-8 text", "correct the address"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let known = parts.extensions.get::<Known>().cloned();
        let known: &[Query] = known.as_ref().map_or(&[], |known| &known.0);
        let query = read_query(parts.uri.query().unwrap_or_default(), known)?;
        let caller = parts.extensions.get::<Caller>().cloned();
        let said = parts.extensions.get::<SaidWhat>().cloned().unwrap_or_default();
        Ok(Self { path, query, caller, said })
    }
}

fn read_query(text: &str, known: &[Query]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut query = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let Some(asked) = known.iter().find(|one| one.name == name) else {
            let names: Vec<&str> = known.iter().map(|one| one.name).collect();
            return Err(ApiError::invalid(
                format!("there is no query parameter `{}` here", printable(&name)),
                if names.is_empty() {
                    "leave it out".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                },
            ));
        };
        let (is_good, remedy) = match asked.kind {
            Kind::Integer { max } => (
                value.parse().is_ok_and(|number: u64| (1..=max).contains(&number)),
                format!("write an integer from 1 to {max}"),
            ),
            Kind::Boolean => {
                (matches!(&*value, "true" | "false"), "write true or false".to_owned())
            }
            Kind::Text => (value.len() <= 2_000, "write less".to_owned()),
            Kind::OneOf(words) => {
                (words.contains(&&*value), format!("write one of: {}", words.join(", ")))
            }
        };
        if !is_good {
            let problem = format!("`{name}` is `{}`", printable(&value));
            return Err(ApiError::invalid(problem, remedy));
        }
        if query.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(ApiError::invalid(
                format!("`{}` is written twice", asked.name),
                "write it once",
            ));
        }
    }
    Ok(query)
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<App>) -> Result<Self, ApiError> {
        let media = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media = media.map(|media| media.split(';').next().unwrap_or_default().trim());
        if !media.is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
            let mut error = ApiError::invalid(
                "the body is not said to be JSON",
                "send the header `content-type: application/json`",
            );
            error.status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(error);
        }
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            ApiError::invalid(
                format!("the body is not what is needed here: {}", printable(&in_words(&error))),
                "look it up in /api/v1/openapi.json",
            )
        })
    }
}

/// What is wrong with a body, without the names that types have in the program.
fn in_words(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.contains("tagged enum") {
        return format!("an order is an object that names itself in `command` ({place})");
    }
    format!("{text} ({place})")
}

/// A body of any bytes, within the route's limit.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<Arc<App>> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<App>) -> Result<Self, ApiError> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::too_large("the body is too long", "send less"))
            }
            Err(_) => Err(ApiError::invalid("the body broke off", "send it again")),
        }
    }
}
