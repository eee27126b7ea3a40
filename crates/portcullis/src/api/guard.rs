//! What every request passes before its handler: the right host, a rate, who it is, what they may do, that no other page
//! made their browser ask; and behind it the audit.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use portcullis_types::ids::Millis;

use super::{
    App, Peer,
    access::{Access, Caller, Need},
    asked::{Known, SaidWhat},
    audit::AuditLine,
    error::{ApiError, Refused},
    rate::{Buckets, caller_of},
    secret::{digest, header, same},
    session::is_csrf,
    table::Route,
};
use crate::runner::now;

/// Longest time until an answer begins. Streams go on after it.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Limits of rate.
#[derive(Debug)]
pub(crate) struct Limits {
    /// All requests of an address.
    address: Buckets<IpAddr>,
    /// Attempts to sign in from an address.
    sign_in: Buckets<IpAddr>,
    /// All requests of a session or token.
    caller: Buckets<String>,
    /// Commands of a session or token.
    command: Buckets<String>,
    /// Lines of the audit that strangers may cause, all together.
    strangers: Buckets<()>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: Buckets::new(100, 400),
            sign_in: Buckets::new(1, 20),
            caller: Buckets::new(50, 200),
            command: Buckets::new(5, 30),
            strangers: Buckets::new(1, 100),
        }
    }
}

/// What the guard of one route knows.
#[derive(Clone)]
pub(crate) struct Gate {
    app: Arc<App>,
    id: &'static str,
    need: Need,
    known: Known,
}

impl Gate {
    pub(crate) fn new(app: Arc<App>, route: &Route) -> Self {
        Self { app, id: route.id, need: route.need, known: Known(route.query.clone().into()) }
    }
}

/// The guard of one route.
pub(crate) async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let now = now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let from = address(&request);
    let caller = caller(&gate.app, request.headers(), now);
    let said = SaidWhat::default();
    let admitted = admit(&gate, &request, from, caller.as_ref(), now);
    let response = if let Err(error) = admitted {
        error.into_response()
    } else {
        request.extensions_mut().insert(gate.known.clone());
        request.extensions_mut().insert(said.clone());
        if let Ok(Some(caller)) = &caller {
            request.extensions_mut().insert(caller.clone());
        }
        match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => ApiError::timeout().into_response(),
        }
    };
    gate.app.counters.answered(response.status());
    if is_unsafe(&method) {
        let who = caller.ok().flatten();
        note(&gate, (path, from, said.order()), who, &response, now);
    }
    response
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn address(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    peer.map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| address.ip())
}

/// Whether the request may go on.
fn admit(
    gate: &Gate,
    request: &Request,
    from: IpAddr,
    caller: Result<&Option<Caller>, &ApiError>,
    now: Millis,
) -> Result<(), ApiError> {
    let (limits, headers) = (&gate.app.limits, request.headers());
    if !limits.address.take(&caller_of(from), now) {
        return Err(ApiError::too_many(1));
    }
    right_host(gate, request)?;
    let is_unsafe = is_unsafe(request.method());
    if is_unsafe {
        same_origin(gate, headers)?;
    }
    if gate.need == Need::Nothing {
        if is_unsafe && !limits.sign_in.take(&caller_of(from), now) {
            return Err(ApiError::too_many(5));
        }
        return Ok(());
    }
    let caller = caller.map_err(Clone::clone)?.as_ref().ok_or_else(|| {
        ApiError::unauthenticated(
            "nobody is signed in",
            "sign in with your wallet, or send a token that `console.tokens` names",
        )
    })?;
    if !limits.caller.take(&caller.name, now) {
        return Err(ApiError::too_many(1));
    }
    if is_unsafe && caller.session.is_some() {
        let secret = cookie(headers, gate.app.settings.origin.cookie()).unwrap_or_default();
        let session = gate.app.sessions.find(secret, now);
        let csrf = header(headers, "x-csrf-token");
        if !session.is_some_and(|(_, session)| is_csrf(&session.csrf, csrf)) {
            return Err(ApiError::csrf());
        }
    }
    if !gate.need.admits(Some(caller.access)) {
        return Err(ApiError::forbidden(
            format!(
                "this needs the access `{}`, and yours is `{}`",
                gate.need.name(),
                caller.access.name()
            ),
            "ask somebody who has it, or for it in `console.access`",
        ));
    }
    if is_unsafe && !limits.command.take(&caller.name, now) {
        return Err(ApiError::too_many(1));
    }
    Ok(())
}

/// Another name for this address would be another origin to browsers, with pages of its own (DNS rebinding).
fn right_host(gate: &Gate, request: &Request) -> Result<(), ApiError> {
    let settings = &gate.app.settings;
    let host = header(request.headers(), "host").unwrap_or_default();
    let is_listener = host.parse().is_ok_and(|address: std::net::SocketAddr| {
        address.port() == settings.listen.port() && (address.ip() == settings.listen.ip())
    });
    if is_listener || host.eq_ignore_ascii_case(settings.origin.authority()) {
        return Ok(());
    }
    Err(ApiError::origin("this is not the host that the console is configured for"))
}

/// Browsers say where a page that changes something is from; other programs say nothing.
fn same_origin(gate: &Gate, headers: &HeaderMap) -> Result<(), ApiError> {
    let n_origins = headers.get_all(header::ORIGIN).iter().count();
    let origin = header(headers, "origin");
    if n_origins > 0 && origin != Some(gate.app.settings.origin.text()) {
        return Err(ApiError::origin("the request comes from a page of another origin"));
    }
    let site = header(headers, "sec-fetch-site");
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(ApiError::origin("the request comes from a page of another site"));
    }
    Ok(())
}

/// Who asks: by a bearer token, else by the session's cookie. None where neither is there.
///
/// # Errors
/// A token or cookie that is worth nothing: the caller must know that it is.
pub(crate) fn caller(
    app: &App,
    headers: &HeaderMap,
    now: Millis,
) -> Result<Option<Caller>, ApiError> {
    if headers.contains_key(header::AUTHORIZATION) {
        let text = header(headers, "authorization").unwrap_or_default();
        let token = text.strip_prefix("Bearer ").unwrap_or_default();
        return by_token(app, token).map(Some).ok_or_else(|| {
            ApiError::unauthenticated(
                "the token is not known",
                "take one that `console.tokens` names",
            )
        });
    }
    let Some(secret) = cookie(headers, app.settings.origin.cookie()) else { return Ok(None) };
    let (key, session) = app
        .sessions
        .find(secret, now)
        .ok_or_else(|| ApiError::unauthenticated("the session has ended", "sign in again"))?;
    Ok(Some(Caller { name: session.name, access: session.access, session: Some(key) }))
}

/// The holder of a token. Every token is compared, whichever fits.
pub(crate) fn by_token(app: &App, text: &str) -> Option<Caller> {
    let wanted = digest(text);
    let mut found = None;
    for token in &app.settings.tokens {
        if same(&token.digest, &wanted) {
            found = Some(token);
        }
    }
    let token = found.filter(|_| !text.is_empty())?;
    Some(Caller { name: token.name.clone(), access: token.access, session: None })
}

/// A cookie's value. Where there are two of a name, neither counts: one of them was put there by somebody else.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs =
        texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let first = values.next()?;
    if values.next().is_some() { None } else { Some(first) }
}

/// Writes a command into the audit.
fn note(
    gate: &Gate,
    (path, from, said): (String, IpAddr, Option<&'static str>),
    who: Option<Caller>,
    response: &Response,
    now: Millis,
) {
    if who.is_none() && !gate.app.limits.strangers.take(&(), now) {
        gate.app.counters.unaudited();
        return;
    }
    let status = response.status();
    let refused = response.extensions().get::<Refused>().map(|Refused(code)| *code);
    let outcome = refused.unwrap_or(if status.is_success() { "taken" } else { "refused" });
    gate.app.audit.write(&AuditLine {
        at: now.0,
        access: who.as_ref().map(|caller| Access::name(caller.access).to_owned()),
        who: who.map(|caller| caller.name),
        route: gate.id.to_owned(),
        said: said.map(str::to_owned),
        path,
        status: status.as_u16(),
        outcome: outcome.to_owned(),
        from: from.to_string(),
    });
}
