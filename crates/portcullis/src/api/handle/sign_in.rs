//! Sessions: who is signed in, and how.

use std::sync::Arc;

use alloy_primitives::eip191_hash_message;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_types::ids::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::{
    api::{
        App,
        access::Access,
        asked::{Asked, Body},
        error::ApiError,
        guard,
        secret::SECRET_BYTES,
        session::{SESSION_MS_MAX, Session},
        shown::Shown,
        siwe::{self, Refused},
        wallets::SIGNATURE_BYTES_MAX,
    },
    runner::now,
};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    pub(crate) signed_in: bool,
    pub(crate) name: Option<String>,
    pub(crate) access: Option<Access>,
    /// Roles in the roster.
    pub(crate) roles: Vec<String>,
    /// To be sent as `x-csrf-token` with everything that changes something; null for a token.
    pub(crate) csrf: Option<String>,
    pub(crate) expires_at: Option<u64>,
}

/// What a wallet is to sign (EIP-4361).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NonceView {
    pub(crate) nonce: String,
    pub(crate) domain: String,
    pub(crate) uri: String,
    pub(crate) statement: String,
    pub(crate) chain_id: u64,
    pub(crate) issued_at: String,
    pub(crate) expires_at: u64,
}

/// A signed message, or a token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", untagged)]
pub(crate) enum SignIn {
    /// EIP-4361.
    Wallet(WalletSignIn),
    /// A token that the configuration names, or that `portcullis console` printed.
    Token(TokenSignIn),
}

/// By wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalletSignIn {
    /// The message, exactly as it was signed. At most 2,048 bytes.
    pub(crate) message: String,
    /// `0x` and 130 hexadecimal digits, as `personal_sign` answers; more where a contract wallet signs (EIP-1271).
    pub(crate) signature: String,
}

/// By token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSignIn {
    /// The token.
    pub(crate) token: String,
}

/// GET session.
pub(crate) async fn session(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Answer<SessionView> {
    let now = now();
    let nobody = SessionView {
        signed_in: false,
        name: None,
        access: None,
        roles: Vec::new(),
        csrf: None,
        expires_at: None,
    };
    // A session that has ended is nobody here: this is where one finds out.
    let Ok(Some(caller)) = guard::caller(&app, &headers, now) else { return Ok(Shown(nobody)) };
    let session = match caller.session {
        Some(key) => app.sessions.get(&key, now),
        None => None,
    };
    Ok(Shown(SessionView {
        signed_in: true,
        roles: roles(&app, &caller.name),
        name: Some(caller.name),
        access: Some(caller.access),
        expires_at: session.as_ref().map(|session| session.expires().0),
        csrf: session.map(|session| session.csrf),
    }))
}

fn roles(app: &App, name: &str) -> Vec<String> {
    let person = app.settings.roster.person(name);
    let roles = person.into_iter().flat_map(|person| &person.roles);
    roles.map(|role| role.name().to_owned()).collect()
}

/// POST session/nonce.
pub(crate) async fn nonce(State(app): State<Arc<App>>) -> Answer<NonceView> {
    let now = now();
    let Some((nonce, until)) = app.sessions.nonce(now) else {
        return Err(ApiError::busy("too many people are signing in"));
    };
    let expected = app.settings.expected();
    Ok(Shown(NonceView {
        nonce,
        domain: expected.domain,
        uri: expected.uri,
        statement: expected.statement,
        chain_id: expected.chain_id,
        issued_at: portcullis_case::calendar::rfc3339(now),
        expires_at: until.0,
    }))
}

/// POST session.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    Body(body): Body<SignIn>,
) -> Result<Response, ApiError> {
    let now = now();
    let (name, access, by_wallet) = match body {
        SignIn::Wallet(signed) => {
            let (name, access) = by_wallet(&app, &signed, now).await?;
            (name, access, true)
        }
        SignIn::Token(TokenSignIn { token }) => {
            let caller = guard::by_token(&app, &token).ok_or_else(|| {
                ApiError::unauthenticated("the token is not known", "copy it again, whole")
            })?;
            (caller.name, caller.access, false)
        }
    };
    let (secret, session) = app
        .sessions
        .open(&name, access, by_wallet, now)
        .ok_or_else(|| ApiError::busy("the system has no randomness now"))?;
    let mut response = Shown(shown(&app, &session)).into_response();
    set_cookie(&app, &mut response, &secret, SESSION_MS_MAX / 1_000);
    Ok(response)
}

fn shown(app: &App, session: &Session) -> SessionView {
    SessionView {
        signed_in: true,
        name: Some(session.name.clone()),
        access: Some(session.access),
        roles: roles(app, &session.name),
        csrf: Some(session.csrf.clone()),
        expires_at: Some(session.expires().0),
    }
}

async fn by_wallet(
    app: &App,
    signed: &WalletSignIn,
    now: Millis,
) -> Result<(String, Access), ApiError> {
    let refuse = |why: Refused| {
        let remedy = match why {
            Refused::Contract(_) => {
                "sign with the wallet that the roster names as your `signer`, on the chain of the console's message"
            }
            _ => "ask for a new nonce, and sign the message as it is",
        };
        ApiError::unauthenticated(why.to_string(), remedy)
    };
    let message = siwe::read(&signed.message).map_err(refuse)?;
    // Whatever becomes of it, a nonce is tried once.
    let is_fresh = app.sessions.spend(&message.nonce, now);
    message.check(&app.settings.expected(), now.0).map_err(refuse)?;
    if !is_fresh {
        return Err(ApiError::unauthenticated(
            "the nonce was used before, has expired, or was never given out",
            "ask for a new nonce, and sign again",
        ));
    }
    let bytes = alloy_primitives::hex::decode(signed.signature.trim())
        .map_err(|_| refuse(Refused::NoSignature))?;
    let person = app.settings.person(message.address);
    if let Err(why) = message.verify(&signed.message, &bytes) {
        // A stranger's address is not asked anything.
        if person.is_none() {
            return Err(refuse(why));
        }
        by_contract(app, &message, signed, &bytes).await.map_err(refuse)?;
    }
    let person = person.ok_or_else(|| {
        ApiError::forbidden(
            format!("nobody in the roster, or more than one, signs with {}", message.address),
            "have the address entered as your `signer` in the roster",
        )
    })?;
    Ok((person.0.to_owned(), person.1))
}

/// Whether the contract of the message's account agrees to it (EIP-1271).
async fn by_contract(
    app: &App,
    message: &siwe::Message,
    signed: &WalletSignIn,
    signature: &[u8],
) -> Result<(), Refused> {
    let Some(wallets) = &app.settings.wallets else {
        return Err(Refused::Contract("there is no node here to ask it".to_owned()));
    };
    if signature.len() > SIGNATURE_BYTES_MAX {
        let why = format!("the signature has more than {SIGNATURE_BYTES_MAX} bytes");
        return Err(Refused::Contract(why));
    }
    let hash = eip191_hash_message(signed.message.as_bytes());
    match wallets.agrees(message.address, hash, signature).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refused::Contract("it says no".to_owned())),
        Err(why) => Err(Refused::Contract(why)),
    }
}

fn set_cookie(app: &App, response: &mut Response, secret: &str, seconds: u64) {
    let origin = &app.settings.origin;
    let secure = if origin.is_https() { "; Secure" } else { "" };
    let text = format!(
        "{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}",
        origin.cookie()
    );
    debug_assert!(secret.is_empty() || secret.len() == 2 * SECRET_BYTES);
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// DELETE session.
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    if let Some(key) = asked.caller()?.session {
        app.sessions.end(&key);
    }
    let mut response = axum::http::StatusCode::NO_CONTENT.into_response();
    set_cookie(&app, &mut response, "", 0);
    Ok(response)
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedIn {
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) by_wallet: bool,
    pub(crate) since: u64,
    pub(crate) seen_at: u64,
}

/// How many sessions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Ended {
    pub(crate) ended: u64,
}

/// GET sessions.
pub(crate) async fn sessions(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<super::Page<SignedIn>> {
    let all = app.sessions.all(now());
    let view = |session: Session| SignedIn {
        name: session.name,
        access: session.access,
        by_wallet: session.by_wallet,
        since: session.begun.0,
        seen_at: session.seen.0,
    };
    Ok(Shown(super::Page::of(all.into_iter(), asked.page()?, view)))
}

/// DELETE sessions/{name}.
pub(crate) async fn end_sessions(State(app): State<Arc<App>>, asked: Asked) -> Answer<Ended> {
    let ended = app.sessions.end_all_of(asked.name("name")) as u64;
    Ok(Shown(Ended { ended }))
}
