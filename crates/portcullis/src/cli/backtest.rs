//! `portcullis backtest`: a configuration, or none, over any number of recordings, measured by labels.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use portcullis_backtest::{
    BacktestError, Options, Progress, Unlabelled,
    loss::{Basis, DELAYS, LossCurve},
    report::{RecallOf, Report},
    run,
};

use super::{
    Ending, Usage, load_config,
    output::{Paint, print_json},
};

/// Most lines of each list in the terminal; the page has all of them.
const LINES_MAX: usize = 12;

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// Recordings: files (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`) or folders, searched with their sub-folders.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    recording: Vec<PathBuf>,
    /// Labels: files or folders. Default: `<name>.labels.jsonl` beside each recording.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    labels: Vec<PathBuf>,
    /// What to protect and how. Without it every protocol is a stranger: victims and attackers are inferred.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where `backtest.json` and `report.html` are written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What a transaction without a label counts as.
    #[arg(long, value_enum, default_value_t = Rest::Benign)]
    unlabelled: Rest,
    /// Tables (CSV, packed or not) of losses over time or of others' alerts, or folders of them.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    loss_curve: Vec<PathBuf>,
    /// How many recordings are played at a time. Default: one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rest {
    /// Honest: an alert on it is a false one.
    Benign,
    /// Nothing: it is counted by itself.
    Ignore,
}

pub(crate) fn backtest(args: &BacktestArgs, json: bool) -> anyhow::Result<Ending> {
    let config = match &args.config {
        Some(path) => Some(load_config(path)?.engine),
        None => None,
    };
    let here = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        recordings: args.recording.clone(),
        labels: args.labels.clone(),
        loss_curves: args.loss_curve.clone(),
        config,
        unlabelled: match args.unlabelled {
            Rest::Benign => Unlabelled::Benign,
            Rest::Ignore => Unlabelled::Ignore,
        },
        threads: args.threads.map_or_else(here, usize::from),
    };
    let (bar, played) = (bar(), AtomicU64::new(0));
    let done = run(&options, &|progress| match progress {
        Progress::Recordings(all) => bar.set_length(all as u64),
        Progress::Transactions(more) => {
            let so_far = played.fetch_add(more, Ordering::Relaxed) + more;
            bar.set_message(format!("{so_far} transactions"));
        }
        Progress::RecordingDone => bar.inc(1),
        Progress::Explaining => bar.set_message("explaining misses and false alarms"),
    });
    bar.finish_and_clear();
    let done = done.map_err(usage)?;
    let page = done.write(&args.out).map_err(anyhow::Error::from)?;
    let report = &done.report;
    for (what, list) in [("damaged", &report.unreadable), ("left out", &report.skipped)] {
        for one in list.iter().take(LINES_MAX) {
            eprintln!("portcullis: {what}: {}", one.why_with_path());
        }
        if let Some(more) = list.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
            eprintln!("portcullis: {what}: and {more} more, all in the report");
        }
    }
    if json {
        print_json(report)?;
    } else {
        print!("{}", text(report, Paint::stdout()));
        println!("\n{}", page.display());
    }
    if report.unreadable.is_empty() {
        return Ok(Ending::Fine);
    }
    let text = format!(
        "{} recordings are damaged and not counted: get them again; the report holds the others",
        report.unreadable.len()
    );
    Err(Usage(text).into())
}

/// What a user can correct is an error of usage.
fn usage(error: BacktestError) -> anyhow::Error {
    match error {
        BacktestError::Json(_) => error.into(),
        error => Usage(error.to_string()).into(),
    }
}

fn bar() -> ProgressBar {
    // Drawn on standard error, and only where that is a terminal.
    let style = ProgressStyle::with_template(
        "{bar:30} {pos}/{len} recordings, {msg}, {elapsed}, {eta} left",
    );
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The report in a few lines.
fn text(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        out.push_str(&format!("{} {value}\n", paint.dim(&format!("{name:<18}"))));
    };
    let recall = report.recall.map_or("no labelled incident".to_owned(), |recall| {
        format!(
            "{} of {} incidents ({})",
            report.incidents_detected,
            report.incidents,
            percent(recall)
        )
    });
    line("recall", paint.bold(&recall));
    for RecallOf { name, incidents, detected, .. } in report.by_class.iter().take(LINES_MAX) {
        line("", format!("{name:<20} {detected:>4} of {incidents}"));
    }
    let rate = report.false_alert_rate.zip(report.false_alert_rate_upper95);
    let rate = rate.map_or(String::new(), |(rate, upper)| {
        format!(" ({}, at most {} at 95 %)", percent(rate), percent(upper))
    });
    let alarms =
        format!("{} of {} honest transactions", report.false_alerts, report.benign_transactions);
    line("false alarms", paint.bold(&format!("{alarms}{rate}")));
    for cause in report.false_alerts_by_cause.iter().take(LINES_MAX) {
        line("", format!("{:<36} {:>4}", cause.cause, cause.alerts));
    }
    line("would have acted", format!("on {} of those", report.false_automatic));
    let lead = report.lead_seconds;
    if let (Some(p50), Some(p90)) = (lead.p50, lead.p90) {
        line("lead", format!("p50 {p50} s, p90 {p90} s, of {} incidents", report.lead_known));
    }
    let saved_at = |key| report.loss_saved_percent.0.get(key).copied().flatten();
    let saved: Vec<(&str, f64)> =
        DELAYS.iter().filter_map(|(key, _)| Some((*key, saved_at(*key)?))).collect();
    if !saved.is_empty() {
        let unit = |key: &str| {
            if key == "1block" { "next block".to_owned() } else { format!("{key} min") }
        };
        let shown: Vec<String> =
            saved.iter().map(|(key, saved)| format!("{} {saved:.1} %", unit(key))).collect();
        let is_assumed = |curve: &LossCurve| curve.basis == Basis::AssumedFirstLoss;
        let assumed = if report.loss_curves.iter().any(is_assumed) {
            "; in tables the first theft is taken as the first alert"
        } else {
            ""
        };
        line("loss saved", format!("{} (mean over losses over time{assumed})", shown.join(", ")));
    }
    if report.blind_transactions > 0 {
        let blind =
            format!("{} transactions, of which nothing is known", report.blind_transactions);
        line("not looked into", paint.bad(&blind));
    }
    if report.unlabelled > 0 {
        line(
            "without a label",
            format!("{}, counted as {}", report.unlabelled, report.unlabelled_counted_as),
        );
    }
    if !report.labels_without_transaction.is_empty() {
        let number = report.labels_without_transaction.len();
        line("labels alone", format!("{number} labelled thefts are in no recording"));
    }
    let (transactions, seconds) = (report.transactions, report.seconds_elapsed);
    let speed = report.transactions_per_second;
    line("played", format!("{transactions} transactions in {seconds:.1} s, {speed:.0} a second"));
    out
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        format!("{:.3} %", share * 100.0)
    } else {
        format!("{:.1} %", share * 100.0)
    }
}

#[cfg(test)]
mod tests;
