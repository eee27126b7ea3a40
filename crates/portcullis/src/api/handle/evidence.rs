//! Files that people hand in.

use std::{path::PathBuf, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_case::{CaseCommand, Command};
use portcullis_types::{ids::CaseId, text::printable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Page, Unreadable, apart, cases::find, write::exists};
use crate::{
    api::{
        App,
        asked::{Asked, RawBody},
        desk::{Order, say},
        error::ApiError,
        multipart,
        secret::{header, sha256_hex},
        shown::Shown,
    },
    bundle::handed_in_by,
    runner::now,
};

/// Longest file that is taken, bytes.
pub(crate) const FILE_BYTES_MAX: usize = 10 << 20;
/// Most files of one case.
const FILES_MAX: usize = 200;
/// Longest note and name of a file, bytes.
const NOTE_BYTES_MAX: usize = 2_000;
const NAME_BYTES_MAX: usize = 200;

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

async fn files_of(app: &App, case: CaseId) -> Result<(Vec<FileView>, Unreadable), ApiError> {
    let folder = folder(app, case);
    apart(move || {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((Vec::new(), Unreadable::default()));
            }
            Err(error) => return Err(cannot_keep(&error)),
        };
        let is_about = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_about);
        let (mut files, mut unreadable) = (Vec::new(), Unreadable::default());
        for path in paths.take(FILES_MAX) {
            let read = std::fs::read(&path).map_err(|error| error.to_string());
            let file = read.and_then(|bytes| {
                serde_json::from_slice::<FileView>(&bytes).map_err(|error| error.to_string())
            });
            match file {
                Ok(file) => files.push(file),
                Err(why) => {
                    unreadable.note(&path.file_name().unwrap_or_default().to_string_lossy(), why);
                }
            }
        }
        files.sort_by_key(|file| file.seq);
        Ok((files, unreadable))
    })
    .await
}

/// GET cases/{id}/evidence.
pub(crate) async fn files(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<FileView>> {
    let (case, page) = (asked.case()?, asked.page()?);
    exists(&app, &asked)?;
    let (all, mut unreadable) = files_of(&app, case).await?;
    {
        let picture = app.replica.look();
        let named = handed_in_by(find(&picture, &asked)?);
        for hash in named.filter(|hash| all.iter().all(|file| file.sha256 != **hash)) {
            unreadable.note(hash, "the journal names it, and it is not in the folder of evidence");
        }
    }
    Ok(Shown(Page::of(all.into_iter(), page, |one| one).but(unreadable)))
}

/// GET cases/{id}/evidence/{sha256}: always as a download.
pub(crate) async fn file(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    let case = asked.case()?;
    exists(&app, &asked)?;
    let wanted = asked.name("sha256").to_owned();
    let missing = || ApiError::not_found("there is no such file", "take its sha256 from the list");
    let (all, _) = files_of(&app, case).await?;
    let known = all.into_iter().find(|file| file.sha256 == wanted);
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
