//! The API and the console: the incident over HTTP.
//!
//! ```text
//! journal file ──► replica (an engine of its own) ──► views ──► GET …, events (SSE)
//! browser, token ──► guard (host, rate, who, csrf, access) ──► handler ──► Desk ──► the one task that decides
//!                                      └──► audit
//! ```
//!
//! **Assumptions.** Whoever reaches the port is a stranger until a wallet's signature or a token says otherwise. Texts are
//! hostile, whoever wrote them.
//!
//! **Promises.** Reading asks nothing of what decides, and takes none of its threads. This process signs nothing for anybody:
//! an approval is checked and handed over. Everything that grows has a bound.

mod access;
mod asked;
mod audit;
mod counters;
mod desk;
mod error;
mod events;
mod files;
mod guard;
mod handle;
mod headers;
mod multipart;
pub(crate) mod openapi;
mod rate;
mod replica;
pub(crate) mod routes;
mod secret;
mod server;
mod session;
mod settings;
mod shown;
mod siwe;
mod table;
mod view;
mod wallets;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, http::Method, middleware, response::IntoResponse as _};

pub use access::Access;
pub use server::Server;
pub use settings::{Origin, STALE_SECONDS, Settings, Token};
pub use wallets::Wallets;

use audit::Audit;
use counters::Counters;
use error::ApiError;
use guard::{Gate, Limits, guard};
use handle::Verification;
use replica::Replica;
use session::Sessions;

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What handlers share.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) replica: Replica,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    pub(crate) audit: Audit,
    pub(crate) counters: Counters,
    pub(crate) verification: Verification,
    pub(crate) streams: events::Streams,
}

/// The document that describes the API.
pub fn document() -> serde_json::Value {
    openapi::document(&routes::routes())
}

/// Starts the API.
///
/// # Errors
/// The address is taken; a thread cannot be started.
pub fn start(settings: Settings) -> anyhow::Result<Server> {
    let replica = Replica::follow(&settings.journal)?;
    let listen = settings.listen;
    Server::start(listen, move |address| {
        let mut settings = settings;
        settings.listen = address;
        if settings.origin.authority().ends_with(":0")
            && let Ok(origin) = Origin::read(&format!("http://{address}"))
        {
            // Any free port was asked for, and this is it.
            settings.origin = origin;
        }
        let app = App {
            audit: Audit::new(settings.audit()),
            replica,
            sessions: Sessions::default(),
            limits: Limits::default(),
            counters: Counters::default(),
            verification: Verification::default(),
            streams: events::Streams::default(),
            settings,
        };
        router(&Arc::new(app))
    })
}

fn router(app: &Arc<App>) -> Router {
    let mut router: Router<Arc<App>> = Router::new();
    for route in routes::routes() {
        let gate = Gate::new(Arc::clone(app), &route);
        let handler = route.handler().layer(middleware::from_fn_with_state(gate, guard));
        router = router.route(route.path, handler);
    }
    router
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(other)
        .layer(middleware::from_fn(headers::dress))
        .with_state(Arc::clone(app))
}

/// What is no route: a file of the console, one of its pages, or nothing.
async fn other(request: axum::extract::Request) -> axum::response::Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        let remedy = "look it up in /api/v1/openapi.json";
        return ApiError::not_found("there is no such route", remedy).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::method_not_allowed().into_response();
    }
    files::answer(path, request.headers())
}

/// A token that nobody can guess; none if the system has no randomness.
pub fn new_token() -> Option<String> {
    secret::random_text::<{ secret::SECRET_BYTES }>()
}

#[cfg(test)]
mod tests;
