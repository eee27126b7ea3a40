//! All recordings, several at a time.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use portcullis_engine::{Config, Engine};

use crate::{
    error::BacktestError,
    exhibit::{self, Exhibit, Wanted},
    files::{FileLabels, Inputs, Skipped, shown},
    html,
    incidents::incidents,
    join::{Joined, Told, Unlabelled, join, labels_without_transaction},
    judge::{Mode, Played, play},
    measure::Measured,
    report::{LISTED_MAX, LabelAlone, Report},
    tables::Tables,
};

/// Most threads.
const THREADS_MAX: usize = 64;

/// What to play and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Recordings: files or folders.
    pub recordings: Vec<PathBuf>,
    /// Labels: files or folders; those beside the recordings if empty.
    pub labels: Vec<PathBuf>,
    /// Tables of losses over time, or of others' alerts.
    pub loss_curves: Vec<PathBuf>,
    /// What to protect; without it victims and attackers are inferred.
    pub config: Option<Config>,
    /// What a transaction without a label counts as.
    pub unlabelled: Unlabelled,
    /// How many recordings at a time; at least 1, at most 64.
    pub threads: usize,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many recordings will be played.
    Recordings(usize),
    /// A line with so many transactions was played.
    Transactions(u64),
    /// A recording was played.
    RecordingDone,
    /// Misses and false alarms are looked at again, to be shown.
    Explaining,
}

/// A back-test and what is to be shown of it.
#[derive(Debug)]
pub struct Backtest {
    /// The figures.
    pub report: Report,
    /// Misses first, then false alarms, then detections.
    pub exhibits: Vec<Exhibit>,
}

/// Plays, joins, measures.
///
/// # Errors
/// If there is nothing to play, labels or tables cannot be read, or the configuration cannot be used. A recording that
/// cannot be read to its end is no error here: nothing of it is counted, and the report names it in `unreadable`.
pub fn run(
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Backtest, BacktestError> {
    let start = Instant::now();
    if let Some(config) = &options.config {
        Engine::accepts(config)?;
    }
    let mut inputs = Inputs::find(&options.recordings)?;
    let labels = inputs.labels(&options.labels)?;
    let tables = Tables::read(&options.loss_curves)?;
    progress(Progress::Recordings(inputs.recordings.len()));
    let (mut joined, mut unreadable) = (Vec::new(), Vec::new());
    let played = in_parallel(&inputs.recordings, options.threads, |place, path| {
        let one = play_one(place, path, labels.get(place), options, progress);
        progress(Progress::RecordingDone);
        one
    });
    for (path, one) in inputs.recordings.iter().zip(played) {
        match one {
            Ok(Ok(one)) => joined.push(one),
            Ok(Err(why)) => {
                inputs.skipped.push(Skipped { path: shown(path), why });
                joined.push(Joined::default());
            }
            Err(error @ BacktestError::Recording(_)) => {
                unreadable.push(Skipped { path: shown(path), why: error.to_string() });
                joined.push(Joined::default());
            }
            Err(error) => return Err(error),
        }
    }
    let carries: Vec<bool> = joined.iter().map(|one| one.carries_state).collect();
    let alone = labels_without_transaction(&labels, &joined);
    let told: Vec<Told> = joined.iter_mut().flat_map(|one| std::mem::take(&mut one.told)).collect();
    let incidents = incidents(&told);
    let unlabelled = options.unlabelled;
    let recordings = &inputs.recordings;
    let measured =
        Measured { recordings, joined: &joined, told: &told, incidents: &incidents, unlabelled };
    let mut report = measured.report(tables);
    report.mode = if options.config.is_some() { "protocolAware" } else { "chainWide" };
    let alone = alone.into_iter().take(LISTED_MAX);
    report.labels_without_transaction =
        alone.map(|(hash, incident)| LabelAlone { hash, incident }).collect();
    (report.skipped, report.unreadable) = (inputs.skipped, unreadable);
    progress(Progress::Explaining);
    let wanted = Wanted::of(&told, &incidents, recordings.len());
    let exhibits = in_parallel(recordings, options.threads, |place, path| {
        exhibit::look(path, wanted.of_recording(place), carries.get(place).is_some_and(|c| *c))
    });
    let exhibits = wanted.in_order(exhibits.into_iter().flatten().collect(), &told);
    exhibit::explain(&mut report, &exhibits);
    report.seconds_elapsed = start.elapsed().as_secs_f64();
    report.transactions_per_second =
        report.transactions as f64 / report.seconds_elapsed.max(f64::MIN_POSITIVE);
    Ok(Backtest { report, exhibits })
}

/// One recording; the inner error says why it was left out.
fn play_one(
    place: usize,
    path: &Path,
    labels: Option<&FileLabels>,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Result<Joined, String>, BacktestError> {
    let mode = options.config.as_ref().map_or(Mode::ChainWide, Mode::ProtocolAware);
    let tick = |transactions| progress(Progress::Transactions(transactions));
    match play(path, mode, &tick)? {
        // The last word was said; now the labels may be looked at.
        Played::Tape(tape) => {
            let labels = labels.cloned().unwrap_or_default();
            Ok(Ok(join(place, *tape, &labels, options.unlabelled)))
        }
        Played::OtherChain(chain) => Ok(Err(format!(
            "is of chain {chain}, which the configuration does not describe: use the configuration of that protocol"
        ))),
    }
}

/// `work` on each item, `threads` at a time; answers in the order of the items.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, THREADS_MAX).min(items.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    let answer = work(place, item);
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((place, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, answer)| answer).collect()
}

impl Backtest {
    /// Writes `backtest.json` and `report.html` into a folder, which is made if it is not there. Returns the page's path.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, BacktestError> {
        std::fs::create_dir_all(folder).map_err(|error| BacktestError::write(folder, error))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).map_err(|error| BacktestError::write(&path, error))?;
            Ok::<_, BacktestError>(path)
        };
        let mut json = serde_json::to_vec_pretty(&self.report)?;
        json.push(b'\n');
        write("backtest.json", &json)?;
        write("report.html", html::page(&self.report, &self.exhibits).as_bytes())
    }
}
