//! Are we blind, are the brakes good, what is open.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_engine::Brake;
use portcullis_types::{brake::Standing, ids::Millis, text::printable};
use serde::Serialize;
use utoipa::ToSchema;

use super::case::CaseLine;
use crate::{
    api::{Settings, replica::Picture},
    store::StoreHealth,
};

/// Most open cases of the overview; the list has them all.
const OPEN_MAX: usize = 100;
/// Most blind ranges of a chain that are shown.
const BLIND_MAX: usize = 20;

/// The first page.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    pub(crate) health: HealthView,
    /// Every part of the brakes that was ever told, those that do not work first.
    pub(crate) brakes: Vec<BrakeView>,
    /// Open cases, the worst first.
    pub(crate) open: Vec<CaseLine>,
    pub(crate) counts: OverviewCounts,
    pub(crate) channels: Vec<ChannelView>,
    /// Alerts of other programs that fire, the gravest first.
    pub(crate) alerts: Vec<AlertView>,
    /// Who asks.
    pub(crate) you: You,
    /// As of this journal entry.
    pub(crate) seq: u64,
    /// Version of the program that wrote it, and when it started.
    pub(crate) version: String,
    pub(crate) started_at: u64,
}

/// Whether the program sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthView {
    /// False when blind, stale, or when the journal cannot be read or written.
    pub(crate) sees: bool,
    /// Why not, one sentence each; empty where it sees.
    pub(crate) problems: Vec<String>,
    /// The same in one text; null where it sees.
    pub(crate) why: Option<String>,
    pub(crate) chains: Vec<ChainView>,
    pub(crate) journal: JournalHealth,
    /// Whether this is a record that nobody writes to: then nothing is stale, and nothing is seen.
    pub(crate) record: bool,
}

/// Whether the journal can be written and read. While it cannot be written nothing is detected and nothing decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct JournalHealth {
    pub(crate) writable: bool,
    pub(crate) readable: bool,
    /// Since when an entry waits to be written; null where none does.
    pub(crate) since: Option<u64>,
    /// How often that was tried.
    pub(crate) attempts: u64,
    /// What the database said last, or why the journal cannot be read.
    pub(crate) why: Option<String>,
}

/// An alert of another program that fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AlertView {
    pub(crate) name: String,
    pub(crate) text: String,
    /// `P2` to `P5`.
    pub(crate) severity: String,
    /// Since when, by what it says.
    pub(crate) since: u64,
    /// The protocol that it names.
    pub(crate) protocol: Option<String>,
    /// The case on whose timeline it stands.
    pub(crate) case: Option<String>,
    /// The program that handed it in.
    pub(crate) from: String,
    pub(crate) fingerprint: String,
}

/// How much of a chain is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChainView {
    pub(crate) chain: u64,
    pub(crate) name: String,
    /// Newest block.
    pub(crate) head: Option<u64>,
    /// When it was journaled.
    pub(crate) head_at: Option<u64>,
    /// Time since then.
    pub(crate) lag_ms: Option<u64>,
    /// Blocks that wait to be looked into.
    pub(crate) waiting: u64,
    /// Blocks that were looked into.
    pub(crate) inspected: u64,
    /// Ranges that nobody has looked into, newest first.
    pub(crate) blind: Vec<BlindView>,
}

/// Blocks that nobody has looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BlindView {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) cause: String,
}

/// A part of the brakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BrakeView {
    pub(crate) protocol: String,
    /// Which part: `lever pause-market`, `purse of the responder`.
    pub(crate) part: String,
    /// The lever, where the part is one.
    pub(crate) lever: Option<String>,
    /// `works`, `held`, `unseen`, `broken`.
    pub(crate) standing: String,
    pub(crate) since: u64,
    /// Why; empty where it works.
    pub(crate) words: String,
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverviewCounts {
    pub(crate) cases: u64,
    pub(crate) open: u64,
    /// Open cases that nobody has acknowledged.
    pub(crate) unacknowledged: u64,
    /// Requests for guardians' signatures.
    pub(crate) approvals: u64,
    pub(crate) brakes_broken: u64,
    pub(crate) brakes_unseen: u64,
    pub(crate) levers_held: u64,
}

/// A channel over which people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChannelView {
    pub(crate) name: String,
    pub(crate) healthy: bool,
    pub(crate) queued: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) last_sent_at: Option<u64>,
    pub(crate) failing_since: Option<u64>,
    pub(crate) sent: u64,
    pub(crate) undeliverable: u64,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct You {
    pub(crate) name: String,
    pub(crate) access: String,
}

/// Whether entries can be written and read now.
fn journal_health(picture: &Picture, store: &StoreHealth) -> JournalHealth {
    let waits = store.trouble();
    let millis = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    };
    JournalHealth {
        writable: waits.is_none(),
        readable: picture.trouble.is_none(),
        since: waits.as_ref().and_then(|trouble| millis(trouble.since)),
        attempts: waits.as_ref().map_or(0, |trouble| trouble.attempts),
        why: waits
            .map(|trouble| printable(&trouble.why))
            .or_else(|| picture.trouble.as_deref().map(printable)),
    }
}

/// Whether the program sees, as of `now`.
pub(crate) fn health(picture: &Picture, settings: &Settings, now: Millis) -> HealthView {
    let stale_seconds = settings.stale_seconds;
    let mut problems: Vec<String> = picture.trouble.iter().cloned().collect();
    let journal = journal_health(picture, &settings.store);
    if stale_seconds.is_none() {
        problems.push("this is a record: nobody watches and nobody writes to it".to_owned());
    }
    if !journal.writable {
        let why = journal.why.as_deref().unwrap_or_default();
        let for_seconds = journal.since.map_or(0, |since| now.0.saturating_sub(since) / 1_000);
        problems.push(format!(
            "the journal cannot be written for {for_seconds} s, and until it can nothing is decided: {why}"
        ));
    }
    let mut chains = Vec::new();
    let settings = picture.engine.config().into_iter().flat_map(|config| &config.chains);
    for settings in settings {
        let (chain, name) = (settings.chain, settings.name.clone());
        let coverage = picture.engine.chain(chain).map(portcullis_engine::ChainState::coverage);
        let coverage = coverage.unwrap_or_default();
        let notes = picture.chains.get(&chain);
        let heard = notes.and_then(|notes| notes.heard);
        let n_blind: u64 = coverage.blind.iter().map(|(from, to)| to - from + 1).sum();
        if n_blind > 0 {
            problems.push(format!("{n_blind} blocks of {name} were not looked into"));
        }
        if let Some(seconds) = stale_seconds {
            match heard {
                None => problems.push(format!("nothing was heard of {name} yet")),
                Some(at) if now.since(at) > seconds * 1_000 => {
                    let since = now.since(at) / 1_000;
                    problems.push(format!("nothing was heard of {name} for {since} s"));
                }
                Some(_) => {}
            }
        }
        let causes = |from: u64, to: u64| {
            let known = notes.into_iter().flat_map(|notes| notes.causes.iter().rev());
            let mut known = known.filter(|(a, b, _)| *a <= to && *b >= from);
            known.next().map_or_else(|| "not known any more".to_owned(), |(.., why)| why.clone())
        };
        let blind = coverage.blind.iter().rev().take(BLIND_MAX);
        let head_at = notes.and_then(|notes| notes.head_at);
        chains.push(ChainView {
            chain,
            name,
            head: coverage.head,
            head_at: head_at.map(|at| at.0),
            lag_ms: head_at.map(|at| now.since(at)),
            waiting: coverage.waiting.len() as u64,
            inspected: coverage.inspected,
            blind: blind
                .map(|(from, to)| BlindView { from: *from, to: *to, cause: causes(*from, *to) })
                .collect(),
        });
    }
    if !picture.is_current {
        problems.push("the journal is still being read".to_owned());
    } else if picture.engine.config().is_none() {
        problems.push("the journal names no configuration yet".to_owned());
    }
    if now.since(picture.looked_at) > REPLICA_STALE_MS && picture.is_current {
        problems.push("the console has stopped reading the journal".to_owned());
    }
    let why = (!problems.is_empty()).then(|| problems.join("; "));
    let record = stale_seconds.is_none();
    HealthView { sees: problems.is_empty(), problems, why, chains, journal, record }
}

/// Longest time between two looks at the journal, milliseconds.
const REPLICA_STALE_MS: u64 = 10_000;

/// The first page, as of `now`.
pub(crate) fn overview(picture: &Picture, settings: &Settings, now: Millis, you: You) -> Overview {
    let brakes = all_brakes(picture);
    let count =
        |standing: &str| brakes.iter().filter(|one| one.standing == standing).count() as u64;
    let mut open: Vec<&CaseLine> =
        picture.lines().rev().map(|(_, line)| line).filter(|line| line.open).collect();
    let n_open = open.len() as u64;
    let unacknowledged = open.iter().filter(|line| !line.acknowledged).count() as u64;
    // Stable: among equals the newest stays first.
    open.sort_by_key(|line| {
        line.severity.clone().unwrap_or_else(|| line.suggested_severity.clone())
    });
    let protocols = picture.engine.config().into_iter().flat_map(|config| &config.protocols);
    let levers = protocols.flat_map(|one| super::case::levers(&picture.engine, &one.protocol.name));
    let counts = OverviewCounts {
        cases: picture.lines().count() as u64,
        open: n_open,
        unacknowledged,
        approvals: picture.engine.approvals_asked().count() as u64,
        brakes_broken: count("broken"),
        brakes_unseen: count("unseen"),
        levers_held: levers.filter(|lever| lever.standing == "held").count() as u64,
    };
    Overview {
        health: health(picture, settings, now),
        brakes,
        open: open.into_iter().take(OPEN_MAX).cloned().collect(),
        counts,
        channels: Vec::new(),
        alerts: alerts(picture),
        you,
        seq: picture.seq.0,
        version: picture.version.clone(),
        started_at: picture.started.0,
    }
}

fn alerts(picture: &Picture) -> Vec<AlertView> {
    let mut alerts: Vec<AlertView> = picture
        .engine
        .outside_alerts()
        .map(|one| AlertView {
            name: one.alert.name.clone(),
            text: one.alert.text.clone(),
            severity: one.alert.severity.name().to_owned(),
            since: one.since.0,
            protocol: one.alert.protocol.clone(),
            case: one.case.map(|case| case.to_string()),
            from: one.who.clone(),
            fingerprint: one.alert.fingerprint.clone(),
        })
        .collect();
    alerts.sort_by(|one, other| (&one.severity, one.since).cmp(&(&other.severity, other.since)));
    alerts
}

fn all_brakes(picture: &Picture) -> Vec<BrakeView> {
    let protocols = picture.engine.config().into_iter().flat_map(|config| &config.protocols);
    let mut brakes: Vec<(Standing, BrakeView)> = protocols
        .flat_map(|one| {
            let name = one.protocol.name.as_str();
            picture.engine.brakes(name).map(|brake| (brake.standing, brake_view(name, brake)))
        })
        .collect();
    brakes.sort_by_key(|(standing, _)| std::cmp::Reverse(*standing));
    brakes.into_iter().map(|(_, view)| view).collect()
}

/// One part of the brakes.
pub(crate) fn brake_view(protocol: &str, brake: &Brake) -> BrakeView {
    BrakeView {
        protocol: protocol.to_owned(),
        part: brake.brake.clone(),
        lever: brake.brake.strip_prefix(portcullis_engine::LEVER).map(str::to_owned),
        standing: match brake.standing {
            Standing::Works => "works",
            Standing::Held => "held",
            Standing::Unseen => "unseen",
            Standing::Broken => "broken",
        }
        .to_owned(),
        since: brake.since.0,
        words: brake.why.clone(),
    }
}
