//! Writing: commands, playbooks, approvals, and files that people hand in.

use std::{path::PathBuf, sync::Arc};

use alloy_primitives::Bytes;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_case::{CaseCommand, Command, RunEvent};
use portcullis_types::{
    approval::{Approval, NotApproved},
    ids::{CaseId, Millis},
    text::printable,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Page, apart, cases::find};
use crate::{
    api::{
        App,
        access::Access,
        asked::{Asked, Body, RawBody},
        desk::{Order, say},
        error::ApiError,
        multipart,
        secret::{header, sha256_hex},
        shown::Shown,
        view::{Changed, PlaybooksView, playbooks},
    },
    runner::{hand_over, now},
};

/// Longest file that is taken, bytes.
pub(crate) const FILE_BYTES_MAX: usize = 10 << 20;
/// Most files of one case.
const FILES_MAX: usize = 200;
/// Longest note and name of a file, bytes.
const NOTE_BYTES_MAX: usize = 2_000;
const NAME_BYTES_MAX: usize = 200;

/// What somebody says of a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandBody {
    /// `{"command": "note", "text": …}` and so on: `acknowledge`, `triage {note}`, `declare {severity, why}`,
    /// `contain {how}`, `contained {how}`, `investigate`, `recover {plan}`, `monitor`, `resolve {summary, early}`,
    /// `review {report}`, `falsePositive {why}`, `duplicate {of}`, `merge {into}`, `reOpen {why}`, `note {text}`,
    /// `correct {entry, text}`, `assign {role, to}`, `began {at, how}`, `blocked {lever, users}`,
    /// `returned {amount, how}`.
    #[schema(value_type = Object)]
    pub(crate) command: Command,
    /// When it happened, where that was before now.
    pub(crate) when: Option<u64>,
}

/// POST cases/{id}/commands.
pub(crate) async fn command(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<CommandBody>,
) -> Answer<Changed> {
    let needed = match body.command {
        Command::Declare { .. }
        | Command::Resolve { .. }
        | Command::FalsePositive { .. }
        | Command::Duplicate { .. }
        | Command::Merge { .. } => Access::Commander,
        _ => Access::Responder,
    };
    let what = format!("`{}`", body.command.verb().name());
    let who = asked.at_least(needed, &what)?.name.clone();
    let case = asked.case()?;
    exists(&app, &asked)?;
    let when = body.when.map_or_else(now, Millis);
    let command = CaseCommand { who: who.clone(), when, what: body.command };
    let seq = say(&app, &who, Order::Command { case, command }).await?;
    Ok(Shown(Changed { seq: seq.0 }))
}

fn exists(app: &App, asked: &Asked) -> Result<(), ApiError> {
    find(&app.replica.look(), asked).map(drop)
}

/// GET cases/{id}/playbooks.
pub(crate) async fn playbooks_of(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<PlaybooksView> {
    let who = asked.caller()?.name.clone();
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    Ok(Shown(playbooks(&picture.engine, case.id, &app.settings, &who)))
}

/// A playbook to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    /// By id.
    pub(crate) playbook: String,
}

/// POST cases/{id}/playbooks.
pub(crate) async fn start_playbook(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<StartBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let order = Order::StartPlaybook { case: asked.case()?, playbook: body.playbook };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

/// What to do with a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RunVerb {
    /// Take back what was done; counts towards the quorum.
    Undo,
    /// End it; what was done stays.
    Stop,
}

/// Something about a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunBody {
    pub(crate) r#do: RunVerb,
    pub(crate) why: String,
}

/// POST cases/{id}/playbooks/{run}.
pub(crate) async fn move_run(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<RunBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let why = body.why;
    let event = match body.r#do {
        RunVerb::Undo => RunEvent::UndoOrdered { who: who.clone(), why },
        RunVerb::Stop => RunEvent::Stopped { who: who.clone(), why },
    };
    let (case, run) = (asked.case()?, asked.seq("run")?);
    let order = Order::Playbook { case, run, event, signature: None };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

/// What to do with a step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StepVerb {
    Done,
    Failed,
    Skip,
    Approve,
    Withdraw,
    Object,
    Retry,
}

/// Something about a step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepBody {
    pub(crate) r#do: StepVerb,
    /// The note or reason.
    #[serde(default)]
    pub(crate) text: String,
    /// EIP-712, where the step's `typedData` asks for it.
    pub(crate) signature: Option<String>,
}

/// POST cases/{id}/playbooks/{run}/steps/{step}.
pub(crate) async fn move_step(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<StepBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let (step, text, by) = (asked.name("step").to_owned(), body.text, who.clone());
    let event = match body.r#do {
        StepVerb::Done => RunEvent::Done { step, who: by, note: text },
        StepVerb::Failed => RunEvent::Failed { step, who: by, why: text },
        StepVerb::Skip => RunEvent::Skipped { step, who: by, why: text },
        StepVerb::Approve => RunEvent::Approved { step, who: by },
        StepVerb::Withdraw => RunEvent::ApprovalWithdrawn { step, who: by },
        StepVerb::Object => RunEvent::Objected { step, who: by, why: text },
        StepVerb::Retry => RunEvent::Retried { step, who: by },
    };
    let signature = body.signature.as_deref().map(read_signature).transpose()?;
    let (case, run) = (asked.case()?, asked.seq("run")?);
    let order = Order::Playbook { case, run, event, signature };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

fn read_signature(text: &str) -> Result<Bytes, ApiError> {
    let bytes = alloy_primitives::hex::decode(text.trim()).unwrap_or_default();
    if bytes.len() == 65 {
        return Ok(bytes.into());
    }
    Err(ApiError::invalid(
        "the signature is none of 65 bytes",
        "send what eth_signTypedData_v4 answers; contracts' signatures (EIP-1271) cannot be checked here",
    ))
}

/// A guardian's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalBody {
    /// `pull`, `ratify` or `resume`.
    #[schema(value_type = String)]
    pub(crate) kind: portcullis_types::approval::ApprovalKind,
    /// The case, as in the path.
    pub(crate) case: String,
    pub(crate) lever: String,
    /// The request's number.
    pub(crate) decision: u64,
    /// EIP-712 over the request's `typedData`.
    pub(crate) signature: String,
}

/// A signature that was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HandedOver {
    /// Whose signature it is.
    pub(crate) guardian: String,
}

/// POST cases/{id}/approvals: whoever's session it is, what counts is who signed.
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<ApprovalBody>,
) -> Answer<HandedOver> {
    let case = asked.case()?;
    exists(&app, &asked)?;
    if body.case != case.to_string() {
        return Err(ApiError::invalid(
            "the body is for another case",
            "send it to that case's path",
        ));
    }
    let approval = Approval {
        kind: body.kind,
        case,
        lever: body.lever,
        decision: portcullis_types::ids::Seq(body.decision),
        signature: read_signature(&body.signature)?,
    };
    let guardian = app.replica.look().engine.judge(&approval, now()).map(|(guardian, _)| guardian);
    let guardian = guardian.map_err(|why| match why {
        NotApproved::NoSignature => ApiError::invalid(why.to_string(), "sign it again"),
        NotApproved::NotAGuardian(_) => ApiError::forbidden(
            why.to_string(),
            "sign with a guardian's key exactly what `typedData` says",
        ),
        NotApproved::NotAsked | NotApproved::TooLate | NotApproved::Again(_) => {
            ApiError::conflict(why.to_string(), "look at GET …/approvals for what is asked for now")
        }
    })?;
    if app.settings.stale_seconds.is_none() {
        return Err(ApiError::read_only());
    }
    let journal = app.settings.journal.clone();
    apart(move || {
        hand_over(&journal, &approval).map_err(|error| {
            ApiError::could_not_look(
                format!("the signature cannot be handed over: {error}"),
                "look at the folder beside the journal, and sign with `portcullis approve` meanwhile",
            )
        })
    })
    .await?;
    Ok(Shown(HandedOver { guardian: guardian.to_string() }))
}

/// A file that somebody handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FileView {
    pub(crate) sha256: String,
    pub(crate) name: String,
    pub(crate) note: String,
    pub(crate) bytes: u64,
    pub(crate) at: u64,
    pub(crate) who: String,
    /// The journal entry that names it.
    pub(crate) seq: u64,
}

/// Where the files of a case are.
fn folder(app: &App, case: CaseId) -> PathBuf {
    app.settings.evidence.join(case.to_string())
}

/// POST cases/{id}/evidence: a form with `file`, `name` and `note`, or the bytes alone.
pub(crate) async fn hand_in(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer<FileView> {
    let who = asked.caller()?.name.clone();
    let case = asked.case()?;
    exists(&app, &asked)?;
    let media = header(&headers, "content-type").unwrap_or_default().to_owned();
    let (mut name, mut note) = (
        asked.query("name").map(str::to_owned),
        asked.query("note").unwrap_or_default().to_owned(),
    );
    let bytes = if media.to_ascii_lowercase().starts_with("multipart/") {
        let parts = multipart::parts(&media, &body)?;
        let text = |field: &str| {
            let part = parts.iter().find(|part| part.name == field)?;
            Some(String::from_utf8_lossy(part.bytes).into_owned())
        };
        let file = parts.iter().find(|part| part.name == "file").ok_or_else(|| {
            ApiError::invalid("the form has no field `file`", "put the file into the field `file`")
        })?;
        name = text("name").or_else(|| file.file_name.clone()).or(name);
        note = text("note").unwrap_or(note);
        body.slice_ref(file.bytes)
    } else {
        body
    };
    let name = printable(name.as_deref().unwrap_or("unnamed"));
    if bytes.is_empty() || note.len() > NOTE_BYTES_MAX || name.len() > NAME_BYTES_MAX {
        return Err(ApiError::invalid(
            format!(
                "the file is empty, its note is longer than {NOTE_BYTES_MAX} bytes, or its name than {NAME_BYTES_MAX}"
            ),
            "write the essence",
        ));
    }
    let sha256 = sha256_hex(&bytes);
    let n_bytes = bytes.len();
    let text = format!("evidence {sha256}, {n_bytes} bytes, {name}: {note}");
    let command = CaseCommand { who: who.clone(), when: now(), what: Command::Note { text } };
    keep(&app, case, &sha256, bytes).await?;
    let seq = say(&app, &who, Order::Command { case, command }).await?;
    let view = FileView { name, note, bytes: n_bytes as u64, at: now().0, who, seq: seq.0, sha256 };
    let about = folder(&app, case).join(format!("{}.json", view.sha256));
    let text = serde_json::to_vec_pretty(&view).unwrap_or_default();
    apart(move || std::fs::write(&about, text).map_err(|error| cannot_keep(&error))).await?;
    Ok(Shown(view))
}

fn cannot_keep(error: &std::io::Error) -> ApiError {
    ApiError::could_not_look(
        format!("the file cannot be kept: {error}"),
        "look at the folder `war.evidence`",
    )
}

async fn keep(
    app: &App,
    case: CaseId,
    sha256: &str,
    bytes: axum::body::Bytes,
) -> Result<(), ApiError> {
    if app.settings.stale_seconds.is_none() {
        return Err(ApiError::read_only());
    }
    let folder = folder(app, case);
    let path = folder.join(sha256);
    apart(move || {
        std::fs::create_dir_all(&folder).map_err(|error| cannot_keep(&error))?;
        let n_files = std::fs::read_dir(&folder).map_err(|error| cannot_keep(&error))?.count();
        if n_files > 2 * FILES_MAX {
            return Err(ApiError::conflict(
                format!("the case has {FILES_MAX} files, the most it keeps"),
                "put several into one archive, or name where they lie in a note",
            ));
        }
        std::fs::write(&path, &bytes).map_err(|error| cannot_keep(&error))
    })
    .await
}

async fn files_of(app: &App, case: CaseId) -> Result<Vec<FileView>, ApiError> {
    let folder = folder(app, case);
    apart(move || {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot_keep(&error)),
        };
        let is_about = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_about);
        let read = |path: PathBuf| serde_json::from_slice(&std::fs::read(path).ok()?).ok();
        let mut files: Vec<FileView> = paths.take(FILES_MAX).filter_map(read).collect();
        files.sort_by_key(|file| file.seq);
        Ok(files)
    })
    .await
}

/// GET cases/{id}/evidence.
pub(crate) async fn files(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<FileView>> {
    let (case, page) = (asked.case()?, asked.page()?);
    exists(&app, &asked)?;
    let all = files_of(&app, case).await?;
    Ok(Shown(Page::of(all.into_iter(), page, |one| one)))
}

/// GET cases/{id}/evidence/{sha256}: always as a download.
pub(crate) async fn file(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    let case = asked.case()?;
    exists(&app, &asked)?;
    let wanted = asked.name("sha256").to_owned();
    let missing = || ApiError::not_found("there is no such file", "take its sha256 from the list");
    let known = files_of(&app, case).await?.into_iter().find(|file| file.sha256 == wanted);
    let path = folder(&app, case).join(known.ok_or_else(missing)?.sha256);
    let bytes = apart(move || std::fs::read(&path).map_err(|error| cannot_keep(&error))).await?;
    if sha256_hex(&bytes) != wanted {
        return Err(ApiError::could_not_look(
            "the file was changed since it was handed in",
            "do not rely on it; take it from a back-up",
        ));
    }
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let name =
        format!("attachment; filename=\"{case}-{}.bin\"", wanted.get(..12).unwrap_or_default());
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    Ok(response)
}
