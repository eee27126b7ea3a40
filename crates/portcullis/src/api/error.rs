//! How the API refuses: `{"error": {"code", "message", "remedy"}}`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown::Shown;

/// A refusal, and what the caller should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
    pub(crate) retry_after_seconds: Option<u64>,
}

/// A refusal as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    /// For programs: `invalid`, `unauthenticated`, `forbidden`, `csrf`, `origin`, `notFound`, `methodNotAllowed`,
    /// `conflict`, `tooLarge`, `tooMany`, `busy`, `couldNotLook`, `timeout`, `readOnly`.
    pub(crate) code: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) remedy: String,
    /// Commands that are allowed now, where a command of a case was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed: Vec<String>,
}

/// The envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ErrorAnswer {
    /// The refusal.
    pub(crate) error: ErrorBody,
}

impl ApiError {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        let body = ErrorBody { code, message, remedy, allowed: Vec::new() };
        Self { status, body, retry_after_seconds: None }
    }

    pub(crate) fn invalid(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message, remedy)
    }

    pub(crate) fn unauthenticated(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message, remedy)
    }

    pub(crate) fn forbidden(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message, remedy)
    }

    pub(crate) fn csrf() -> Self {
        let message = "the header x-csrf-token is missing or wrong";
        let remedy = "send the value of `csrf` that GET /api/v1/session answers";
        Self::new(StatusCode::FORBIDDEN, "csrf", message, remedy)
    }

    pub(crate) fn origin(message: &str) -> Self {
        let remedy = "open the console at the address that `console.origin` names";
        Self::new(StatusCode::FORBIDDEN, "origin", message, remedy)
    }

    pub(crate) fn not_found(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", message, remedy)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let remedy = "look the path up in /api/v1/openapi.json";
        let message = "there is no such method here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message, remedy)
    }

    pub(crate) fn conflict(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message, remedy)
    }

    pub(crate) fn too_large(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "tooLarge", message, remedy)
    }

    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = "too many requests";
        let remedy = "wait as long as the header retry-after says";
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "tooMany", message, remedy);
        error.retry_after_seconds = Some(seconds);
        error
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        let remedy = "try again in a few seconds";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, remedy);
        error.retry_after_seconds = Some(2);
        error
    }

    /// Something that exists could not be read: never shown as "nothing".
    pub(crate) fn could_not_look(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "couldNotLook", message, remedy)
    }

    pub(crate) fn timeout() -> Self {
        let remedy = "send the body faster, or ask for less";
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long", remedy)
    }

    /// This process only reads a journal.
    pub(crate) fn read_only() -> Self {
        let message = "this console reads a journal and can change nothing";
        let remedy = "use the console of `portcullis run` with the sections `war` and `console`";
        Self::new(StatusCode::CONFLICT, "readOnly", message, remedy)
    }

    #[must_use]
    pub(crate) fn allowing(mut self, allowed: Vec<String>) -> Self {
        self.body.allowed = allowed;
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry = self.retry_after_seconds;
        let code = self.body.code;
        let mut response = (self.status, Shown(ErrorAnswer { error: self.body })).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Refused(code));
        response
    }
}

/// Why a request was refused; for the audit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused(pub(crate) &'static str);
