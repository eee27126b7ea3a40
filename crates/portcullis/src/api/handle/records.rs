//! Rules, reports and drills.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_detect::{DetectorConfig, config::RuleText};
use portcullis_rules::{About, Source, compile_for_tests, run_tests};
use portcullis_types::text::printable;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Answer, Page, Unreadable, apart};
use crate::api::{App, asked::Asked, error::ApiError, shown::Shown};

/// Longest report that is read, bytes.
const REPORT_BYTES_MAX: u64 = 64 << 20;
/// Longest record of a drill that is read, bytes.
const DRILL_BYTES_MAX: u64 = 1 << 20;
/// Most reports and drills that are listed.
const FOLDERS_MAX: usize = 1_000;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RuleView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) severity: Option<String>,
    pub(crate) maturity: Option<String>,
    /// Protocols that load it.
    pub(crate) protocols: Vec<String>,
    pub(crate) tests: Option<RuleTests>,
    /// The file's name.
    pub(crate) source: Option<String>,
    /// What is seen, and why it matters.
    pub(crate) description: Option<String>,
}

/// What its tests say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RuleTests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Why the first that failed did.
    pub(crate) why: Option<String>,
}

/// GET rules: those that the configuration in force loads, and the detectors beside them.
pub(crate) async fn rules(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<RuleView>> {
    let page = asked.page()?;
    let mut sources: std::collections::BTreeMap<(String, String), Vec<String>> =
        std::collections::BTreeMap::new();
    {
        let picture = app.replica.look();
        for config in picture.engine.config().into_iter().flat_map(|config| &config.protocols) {
            for detector in &config.detectors {
                let DetectorConfig::Rules(rules) = detector else { continue };
                for rule in &rules.rules {
                    if let RuleText::Inline { name, text } = rule {
                        let protocols = sources.entry((name.clone(), text.clone())).or_default();
                        protocols.push(config.protocol.name.clone());
                    }
                }
            }
        }
    }
    let all = apart(move || {
        let mut all = Vec::new();
        for ((name, text), mut protocols) in sources {
            protocols.sort();
            protocols.dedup();
            all.extend(rules_of(&Source { name, text }, &protocols)?);
        }
        Ok(all)
    })
    .await?;
    Ok(Shown(Page::of(all.into_iter(), page, |one| one)))
}

/// The rules of a source, with what their tests say.
fn rules_of(source: &Source, protocols: &[String]) -> Result<Vec<RuleView>, ApiError> {
    // A record may be of a version whose rules this one does not read: that is not "no rules".
    let unread = || {
        ApiError::could_not_look(
            format!("this version cannot read the rules of {}", source.name),
            "look with the version of portcullis that wrote the journal",
        )
    };
    let tests = run_tests(source).map_err(|_| unread())?;
    let set = compile_for_tests(source).map_err(|_| unread())?;
    let view = |about: &About| {
        let mut counts = RuleTests::default();
        for test in tests.iter().filter(|test| test.rule == about.id) {
            match &test.problem {
                None => counts.passed += 1,
                Some(problem) => {
                    counts.failed += 1;
                    counts.why.get_or_insert_with(|| format!("{}: {}", test.name, problem.problem));
                }
            }
        }
        RuleView {
            id: about.id.clone(),
            title: about.title.clone(),
            severity: Some(about.severity.name().to_owned()),
            maturity: serde_json::to_value(about.maturity)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned)),
            protocols: protocols.to_vec(),
            tests: Some(counts),
            source: Some(source.name.clone()),
            description: Some(about.description.clone()),
        }
    };
    Ok(set.rules().map(view).collect())
}

/// A back-test's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportLine {
    pub(crate) name: String,
    /// When it was written.
    pub(crate) at: Option<u64>,
    pub(crate) title: Option<String>,
    pub(crate) has_html: bool,
    pub(crate) has_json: bool,
}

/// GET reports.
pub(crate) async fn reports(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<ReportLine>> {
    let page = asked.page()?;
    let folders = app.settings.reports.clone();
    let (all, unreadable) = apart(move || {
        let (mut found, mut unreadable) = folders_with(&folders, "backtest.json")?;
        found.retain(|(name, folder)| note_unless_read(name, folder, &mut unreadable));
        Ok((found, unreadable))
    })
    .await?;
    let line = |(name, folder): (String, PathBuf)| ReportLine {
        at: written(&folder.join("backtest.json")).or_else(|| written(&folder.join("report.html"))),
        title: None,
        has_html: folder.join("report.html").is_file(),
        has_json: folder.join("backtest.json").is_file(),
        name,
    };
    Ok(Shown(Page::of(all.into_iter(), page, line).but(unreadable)))
}

/// Whether the report of a folder begins as JSON does; else why not is noted. All of it is read when it is asked for.
fn note_unless_read(name: &str, folder: &Path, unreadable: &mut Unreadable) -> bool {
    let mut first = [0_u8; 1];
    let read = File::open(folder.join("backtest.json"))
        .and_then(|mut file| file.read(&mut first).map(|n| n == 1 && first == *b"{"));
    match read {
        Ok(true) => return true,
        Ok(false) => unreadable.note(name, "backtest.json is no JSON object: play it again"),
        Err(error) => unreadable.note(name, format!("backtest.json: {error}")),
    }
    false
}

/// Whether a folder holds a plain file of that name. That it cannot be told is noted.
fn holds(name: &str, folder: &Path, file: &str, unreadable: &mut Unreadable) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let path = folder.join(file);
    match std::fs::metadata(&path) {
        Ok(about) if about.is_file() => return true,
        Ok(_) => unreadable.note(name, format!("{file} is no file")),
        Err(error) if error.kind() == NotADirectory => {}
        Err(error) if error.kind() == NotFound => {
            if path.is_symlink() {
                unreadable.note(name, format!("{file} is a link that leads nowhere"));
            }
        }
        Err(error) => unreadable.note(name, format!("{file}: {error}")),
    }
    false
}

/// Folders by their name.
type Found = Vec<(String, PathBuf)>;

/// Folders under `roots`, or the roots themselves, that hold a file of that name, and those of which that cannot be told.
///
/// # Errors
/// A root that is there cannot be listed.
fn folders_with(roots: &[PathBuf], file: &str) -> Result<(Found, Unreadable), ApiError> {
    let (mut found, mut unreadable) = (Vec::new(), Unreadable::default());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    for root in roots {
        if let Some(name) = name(root)
            && holds(&name, root, file, &mut unreadable)
        {
            found.push((name, root.clone()));
        }
        let entries = match std::fs::read_dir(root) {
            Ok(entries) => entries,
            // Nothing was put there yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(ApiError::could_not_look(
                    format!("{} cannot be listed: {error}", root.display()),
                    "check the folder and its permissions",
                ));
            }
        };
        for (count, entry) in entries.enumerate() {
            let shown = root.display().to_string();
            if count == FOLDERS_MAX {
                let why = format!("more than {FOLDERS_MAX} entries: the rest was not looked at");
                unreadable.note(&shown, why);
                break;
            }
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    unreadable.note(&shown, error);
                    continue;
                }
            };
            if let Some(name) = name(&path)
                && holds(&name, &path, file, &mut unreadable)
            {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    if found.len() > FOLDERS_MAX {
        let n_more = found.len() - FOLDERS_MAX;
        unreadable.note("the list", format!("{n_more} more than {FOLDERS_MAX} are not shown"));
        found.truncate(FOLDERS_MAX);
    }
    Ok((found, unreadable))
}

fn written(path: &Path) -> Option<u64> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// GET reports/{name}.
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let is_html = asked.query("format") == Some("html");
    let file = if is_html { "report.html" } else { "backtest.json" };
    let name = asked.name("name").to_owned();
    let folders = app.settings.reports.clone();
    let bytes = apart(move || {
        // The name is looked up among those that are there; no path is made of it.
        let (all, _) = folders_with(&folders, "backtest.json")?;
        let path = all.into_iter().find(|(known, _)| *known == name).map(|(_, f)| f.join(file));
        let missing = || {
            ApiError::not_found(
                format!("there is no report `{}` with a {file}", printable(&name)),
                "take a name from GET /api/v1/reports",
            )
        };
        let path = path.filter(|path| path.is_file()).ok_or_else(missing)?;
        let trouble = |error: std::io::Error| {
            ApiError::could_not_look(
                format!("the report cannot be read: {error}"),
                "look at its folder",
            )
        };
        if std::fs::metadata(&path).map_err(trouble)?.len() > REPORT_BYTES_MAX {
            return Err(ApiError::too_large("the report is too long to be shown", "open its file"));
        }
        std::fs::read(&path).map_err(trouble)
    })
    .await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    if is_html {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // A page of its own origin: its script can reach nothing of the console's.
        let policy = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
            img-src data:; frame-ancestors 'self'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

/// A drill that was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DrillView {
    pub(crate) name: String,
    pub(crate) at: u64,
    /// Lost with Portcullis.
    pub(crate) lost_with_usd: Option<String>,
    /// Lost without.
    pub(crate) lost_without_usd: Option<String>,
    pub(crate) words: Option<String>,
    pub(crate) case: Option<String>,
}

/// GET drills: newest first.
pub(crate) async fn drills(State(app): State<Arc<App>>, asked: Asked) -> Answer<Page<DrillView>> {
    let page = asked.page()?;
    let folders = app.settings.drills.clone();
    let (mut all, unreadable) = apart(move || {
        let (found, mut unreadable) = folders_with(&folders, "drill.json")?;
        let mut all: Vec<DrillView> = Vec::new();
        for (name, folder) in found {
            match drill_view(&name, &folder.join("drill.json")) {
                Ok(drill) => all.push(drill),
                Err(why) => unreadable.note(&name, format!("drill.json: {why}")),
            }
        }
        Ok((all, unreadable))
    })
    .await?;
    all.sort_by_key(|drill| std::cmp::Reverse(drill.at));
    Ok(Shown(Page::of(all.into_iter(), page, |one| one).but(unreadable)))
}

fn drill_view(name: &str, path: &Path) -> Result<DrillView, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > DRILL_BYTES_MAX {
        return Err(format!("it has {length} bytes, more than {DRILL_BYTES_MAX}"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let record: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if !record.is_object() {
        return Err("it is no JSON object".to_owned());
    }
    // Exact numbers of dollars, kept as text.
    let sum = |field: &str| {
        let text = record.get(field)?.to_string();
        text.parse().ok().map(crate::api::view::usd)
    };
    let saved = record.get("savedPercent").map(|percent| format!("{percent} % of the loss saved"));
    Ok(DrillView {
        name: record.get("scenario").and_then(Value::as_str).unwrap_or(name).to_owned(),
        at: written(path).unwrap_or(0),
        lost_with_usd: sum("lossProtectedUsd"),
        lost_without_usd: sum("lossUnprotectedUsd"),
        words: saved,
        case: record.get("caseId").and_then(Value::as_str).map(str::to_owned),
    })
}
