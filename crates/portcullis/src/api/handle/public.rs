//! What everybody may read: released by a person, listed for anybody where the configuration says so.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_case::{
    CaseCommand, Command,
    calendar::rfc3339,
    playbook::Role,
    public::{self, Statement},
};
use portcullis_notify::Audience;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Page, cases::find, write::exists};
use crate::{
    api::{
        App,
        access::{Access, Caller},
        asked::{Asked, Body},
        desk::{Order, say},
        error::ApiError,
        secret::random_text,
        shown::{Shown, harmless},
        view::Changed,
    },
    runner::now,
};

/// Most statements on the page for everybody, newest first; the list has as many as are kept.
const PAGE_STATEMENTS_MAX: usize = 50;

/// What the page looks like; nothing comes from elsewhere.
const STYLE: &str = "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}\
article{border-top:1px solid;padding:.5rem 0}article p{overflow-wrap:anywhere}:root{color-scheme:light dark}";

/// The public word of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PublicWord {
    /// What could be said now, made of public facts alone; empty where another case speaks for this one.
    pub(crate) draft: String,
    /// What was released last; null where nothing was.
    pub(crate) released: Option<ReleasedView>,
    /// Where it can be read.
    pub(crate) readers: ReadersView,
}

/// Where a public word can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReadersView {
    /// Whether `/status` is open to everybody (`console.publicStatus`).
    pub(crate) page: bool,
    /// Channels for the public.
    pub(crate) channels: u64,
}

/// Something that was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReleasedView {
    pub(crate) text: String,
    pub(crate) at: u64,
    pub(crate) who: String,
}

/// Something that everybody may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StatementView {
    pub(crate) case: String,
    pub(crate) protocol: String,
    pub(crate) text: String,
    pub(crate) at: u64,
}

/// GET cases/{id}/status.
pub(crate) async fn public_word(State(app): State<Arc<App>>, asked: Asked) -> Answer<PublicWord> {
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    let released = public::latest(case).map(|said| ReleasedView {
        text: said.text,
        at: said.at.0,
        who: said.who,
    });
    let channels = app.settings.notify.iter().flat_map(|(file, _)| &file.channels);
    let public = channels.filter(|channel| channel.audience == Audience::Public);
    let readers = ReadersView { page: app.settings.public_status, channels: public.count() as u64 };
    Ok(Shown(PublicWord { draft: public::draft(case), released, readers }))
}

/// What everybody is to read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseBody {
    /// At most 2,000 characters that show as themselves, and line ends.
    pub(crate) text: String,
}

/// POST cases/{id}/status.
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<ReleaseBody>,
) -> Answer<Changed> {
    let who = speaker(&app, asked.caller()?)?.to_owned();
    let case = asked.case()?;
    exists(&app, &asked)?;
    let text = body.text.replace("\r\n", "\n").trim().to_owned();
    if let Some((why, remedy)) = public::fault(&text) {
        return Err(ApiError::invalid(why, remedy));
    }
    let command = CaseCommand { who: who.clone(), when: now(), what: Command::Publish { text } };
    let seq = say(&app, &who, Order::Command { case, command }).await?;
    Ok(Shown(Changed { seq: seq.0 }))
}

/// The caller, if they may speak in public: a person who is a commander, or who has communications in the roster.
pub(super) fn speaker<'a>(app: &App, caller: &'a Caller) -> Result<&'a str, ApiError> {
    let Some(person) = app.settings.roster.person(&caller.name) else {
        return Err(ApiError::forbidden(
            "no program speaks in public, only a person of the roster does",
            "sign in with your wallet",
        ));
    };
    if caller.access >= Access::Commander || person.has_any(&[Role::Communications]) {
        return Ok(&caller.name);
    }
    Err(ApiError::forbidden(
        "to speak in public needs the access `commander` or the role `communications`",
        "ask somebody who has it",
    ))
}

/// Refuses where nobody has said that statements are shown to everybody, and while the journal was not read to its end:
/// that nothing is known yet is not that nothing was said.
fn is_shown(app: &App) -> Result<(), ApiError> {
    if app.settings.public_status {
        if app.replica.look().has_reached_end {
            return Ok(());
        }
        return Err(ApiError::busy("the journal is still being read"));
    }
    Err(ApiError::not_found(
        "this program shows no statements to everybody",
        "set `publicStatus: true` under `console` in the configuration",
    ))
}

/// GET status, for everybody: what was released, newest first.
pub(crate) async fn statements(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<Page<StatementView>> {
    is_shown(&app)?;
    let page = asked.page()?;
    let picture = app.replica.look();
    let view = |said: &Statement| StatementView {
        case: said.case.to_string(),
        protocol: said.protocol.clone(),
        text: said.text.clone(),
        at: said.at.0,
    };
    Ok(Shown(Page::of(picture.statements.iter().rev(), page, view)))
}

/// GET /status: the same as a page of its own, without script.
pub(crate) async fn statements_page(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    is_shown(&app)?;
    let nonce = random_text::<16>()
        .ok_or_else(|| ApiError::busy("the system has no randomness at the moment"))?;
    let newest: Vec<Statement> = {
        let picture = app.replica.look();
        picture.statements.iter().rev().take(PAGE_STATEMENTS_MAX).cloned().collect()
    };
    let mut response = page(&newest, &nonce).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn page(newest: &[Statement], nonce: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Status</title><style nonce=\"{nonce}\">{STYLE}</style></head>\n\
         <body><main><h1>Status</h1>\n"
    );
    if newest.is_empty() {
        out.push_str("<p>Nothing is to be told.</p>\n");
    }
    for said in newest {
        let (name, time) = (escaped(&said.protocol), rfc3339(said.at));
        let text = escaped(&said.text).replace('\n', "<br>");
        let _ = writeln!(
            out,
            "<article><h2>{name}</h2><p><time datetime=\"{time}\">{time}</time> · {}</p><p dir=\"auto\">{text}</p></article>",
            said.case
        );
    }
    out.push_str("</main></body></html>\n");
    out
}

/// Text inside HTML: signs with a meaning become entities, what does not show becomes `\u{…}`.
fn escaped(text: &str) -> String {
    let text = harmless(text).unwrap_or_else(|| text.to_owned());
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use portcullis_types::ids::{CaseId, Millis, Seq};

    use super::*;

    #[test]
    fn hostile_words_are_shown_as_they_are_written() {
        let said = Statement {
            case: CaseId(Seq(7)),
            protocol: "<b>bank</b>".to_owned(),
            seq: Seq(9),
            at: Millis(0),
            who: "ada".to_owned(),
            text: "<script>alert('1')</script>\n\"x\" & \u{202e}y".to_owned(),
        };
        let page = page(&[said], "00");
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'));
        assert!(page.contains("&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;<br>"), "{page}");
        assert!(page.contains("\\u{202e}y") && !page.contains("ada"), "nobody is named");
    }
}
