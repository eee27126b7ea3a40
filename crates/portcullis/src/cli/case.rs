//! `portcullis case …`.

mod out;

use std::collections::BTreeMap;

use clap::Subcommand;
use portcullis_case::{Case, Phase, PlaybookRun, Severity, run::Status};
use portcullis_engine::{Brake, Engine};
use portcullis_types::text::printable;
use portcullis_types::{
    brake::Standing,
    ids::{CaseId, Seq},
};
use serde::Serialize;

use super::{
    Ending, JournalArgs, Usage, UsdNumber,
    output::{Paint, print_json, time_of_day},
};
use crate::store::Journal;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// List all cases, newest first.
    List {
        #[command(flatten)]
        place: JournalArgs,
    },
    /// Show one case: what happened, when, why, and what it cost.
    Show {
        /// Case id, for instance PC-000042. Default: the newest.
        id: Option<String>,
        #[command(flatten)]
        place: JournalArgs,
    },
    /// Say something to the running program without the console: about a case, or a step of a playbook.
    Say(out::SayArgs),
    /// Write the post-mortem as Markdown, HTML and JSON: what the record says, and blanks for people.
    Postmortem(out::PostmortemArgs),
    /// Write the case for other tools.
    Export(out::ExportArgs),
    /// Write the case with the part of the journal that proves it into one file, for another party.
    Bundle(out::BundleArgs),
    /// Check such a file, with nothing but the file.
    Verify(out::VerifyArgs),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseLine {
    id: CaseId,
    protocol: String,
    phase: Phase,
    stage: String,
    /// As people declared it, else as the findings suggest it.
    severity: Option<Severity>,
    declared: bool,
    playbooks: Vec<String>,
    findings: usize,
    loss_usd: UsdNumber,
    opened_at_ms: u64,
}

#[derive(Debug, Serialize)]
struct CaseList {
    cases: Vec<CaseLine>,
    /// By protocol, where the brakes stand by the last self-test and heartbeat that said anything new.
    brakes: BTreeMap<String, Vec<Brake>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseShown<'a> {
    phase: Phase,
    loss_usd: UsdNumber,
    #[serde(flatten)]
    case: &'a Case,
    playbooks: Vec<&'a PlaybookRun>,
    /// Where the protocol's brakes stand now.
    brakes: Vec<&'a Brake>,
}

pub(crate) fn case(command: &CaseCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        CaseCommand::List { place } => {
            let engine = fold(&Journal::open_to_read(&place.path()?)?)?;
            list(&engine, json)
        }
        CaseCommand::Show { id, place } => {
            let engine = fold(&Journal::open_to_read(&place.path()?)?)?;
            show(&engine, pick(&engine, id.as_deref())?, json)
        }
        CaseCommand::Say(args) => out::say(args, json),
        CaseCommand::Postmortem(args) => out::postmortem(args, json),
        CaseCommand::Export(args) => out::export(args),
        CaseCommand::Bundle(args) => out::bundle(args, json),
        CaseCommand::Verify(args) => out::verify(args, json),
    }
}

/// The case of that id, or the newest.
fn pick<'a>(engine: &'a Engine, id: Option<&str>) -> anyhow::Result<&'a Case> {
    let found = match id {
        None => engine.cases().next_back(),
        Some(id) => {
            let id = CaseId::try_from(id.to_owned()).map_err(Usage)?;
            engine.cases().find(|case| case.id == id)
        }
    };
    found.ok_or_else(|| {
        let named = id.unwrap_or("yet");
        Usage(format!("there is no case {named}: `portcullis case list` names them")).into()
    })
}

/// The engine as of the end of a journal. Cases are a fold: there is no other record of them.
pub(crate) fn fold(journal: &Journal) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    journal.each(|record| -> anyhow::Result<()> {
        if let Some(entry) = record.entry().map_err(|why| anyhow::anyhow!(why))? {
            engine.step(&entry)?;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(engine)
}

fn list(engine: &Engine, json: bool) -> anyhow::Result<Ending> {
    let line = |case: &Case| CaseLine {
        id: case.id,
        protocol: case.protocol.clone(),
        phase: case.phase(),
        stage: case.life.stage().to_string(),
        severity: case.severity(),
        declared: case.life.severity().is_some(),
        playbooks: engine.runs(case.id).map(|(_, run)| run.playbook().id.clone()).collect(),
        findings: case.live_findings().count(),
        loss_usd: UsdNumber(case.loss()),
        opened_at_ms: case.opened_at.0,
    };
    let cases: Vec<CaseLine> = engine.cases().rev().map(line).collect();
    if json {
        print_json(&CaseList { cases, brakes: all_brakes(engine) })?;
        return Ok(Ending::Fine);
    }
    for (protocol, brakes) in all_brakes(engine) {
        print!("{}", brakes_text(&protocol, brakes.iter(), Paint::stdout()));
    }
    for hold in engine.strange_holds() {
        println!(
            "hold {} of lever {} at Warden {}, by an order that this journal did not make, until {} (Unix seconds)",
            hold.hold, hold.lever, hold.warden, hold.ends_at
        );
    }
    if cases.is_empty() {
        println!("no cases: nothing was found in the blocks that were looked at");
        return Ok(Ending::Fine);
    }
    println!(
        "{:<10}  {:<24}  {:<10}  {:<13}  {:<5}  {:>8}  {:>18}",
        "case", "protocol", "state", "stage", "grade", "findings", "lost, USD"
    );
    for case in &cases {
        println!(
            "{:<10}  {:<24}  {:<10}  {:<13}  {:<5}  {:>8}  {:>18}",
            case.id.to_string(),
            case.protocol,
            phase_name(case.phase),
            case.stage,
            grade(case.severity, case.declared),
            case.findings,
            case.loss_usd.0
        );
    }
    Ok(Ending::Fine)
}

fn show(engine: &Engine, case: &Case, json: bool) -> anyhow::Result<Ending> {
    let brakes: Vec<&Brake> = engine.brakes(&case.protocol).collect();
    if json {
        let (phase, loss_usd) = (case.phase(), UsdNumber(case.loss()));
        let playbooks = engine.runs(case.id).map(|(_, run)| run).collect();
        print_json(&CaseShown { phase, loss_usd, case, playbooks, brakes })?;
        return Ok(Ending::Fine);
    }
    print!("{}", text(case, Paint::stdout()));
    for (seq, run) in engine.runs(case.id) {
        print!("{}", run_text(*seq, run));
    }
    print!("{}", brakes_text(&case.protocol, brakes.into_iter(), Paint::stdout()));
    Ok(Ending::Fine)
}

/// A suggested grade has a question mark: nobody has declared it.
fn grade(severity: Option<Severity>, declared: bool) -> String {
    let name = severity.map_or("-", Severity::name);
    if declared || severity.is_none() { name.to_owned() } else { format!("{name}?") }
}

/// A playbook at work: where each step stands, and whose it is.
fn run_text(seq: Seq, run: &PlaybookRun) -> String {
    let state = if run.is_over() { "over" } else { "at work" };
    let mut out = format!(
        "\nplaybook {} (run {seq}, {state}): {}\n",
        run.playbook().id,
        run.playbook().title
    );
    for (step, at) in run.steps() {
        let why = match &at.status {
            Status::Failed { why } | Status::Skipped { why } | Status::UndoFailed { why } => why,
            _ => &at.note,
        };
        let why = if why.is_empty() { String::new() } else { format!("  ({why})") };
        out += &format!("  {:<17}{:<20}{}{why}\n", at.status.name(), step.owner.name(), step.title);
    }
    out
}

fn all_brakes(engine: &Engine) -> BTreeMap<String, Vec<Brake>> {
    let protocols = engine.config().into_iter().flat_map(|config| &config.protocols);
    let names = protocols.map(|one| one.protocol.name.clone());
    let of = |name: String| (name.clone(), engine.brakes(&name).cloned().collect());
    names.map(of).collect()
}

/// The brakes in one line where all is well, else one line for each part that is not. Nothing where they were never tested.
fn brakes_text<'a>(
    protocol: &str,
    brakes: impl Iterator<Item = &'a Brake> + Clone,
    paint: Paint,
) -> String {
    let (all, bad) = (brakes.clone().count(), brakes.filter(|one| one.standing > Standing::Held));
    let mut out = String::new();
    for one in bad {
        let mark = if one.standing == Standing::Broken { "NO" } else { "??" };
        let since = time_of_day(one.since);
        out += &format!("{} {} since {since} UTC: {}\n", paint.bad(mark), one.brake, one.why);
    }
    match all {
        0 => String::new(),
        _ if out.is_empty() => format!("brakes of {protocol}: {}\n", paint.good("all work")),
        _ => format!("brakes of {protocol}:\n{out}"),
    }
}

/// Columns for what happened; with the columns before it a line of 120.
const TEXT_COLUMNS: usize = 82;

/// Breaks a text between words. A word that is too long stays whole.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used > 0 && used + 1 + word.chars().count() > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The case as text: a headline, then the timeline with milliseconds since the first entry.
pub(crate) fn text(case: &Case, paint: Paint) -> String {
    let mut out = format!(
        "{}  {}  {}\n",
        paint.bold(&case.id.to_string()),
        case.protocol,
        match case.phase() {
            Phase::Contained | Phase::Released | Phase::Dissolved =>
                paint.good(phase_name(case.phase())),
            Phase::Open | Phase::Containing => paint.bad(phase_name(case.phase())),
        }
    );
    out += &format!(
        "{}, grade {}; lost so far {} USD in {}; opened {} UTC\n\n",
        case.life.stage(),
        grade(case.severity(), case.life.severity().is_some()),
        case.loss(),
        match case.live_findings().count() {
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        },
        time_of_day(case.opened_at)
    );
    out += &paint.dim(&format!("{:>10}  {:>9}  {:<13}  what happened\n", "ms", "block", ""));
    for entry in &case.timeline {
        let block = entry.block.map_or_else(String::new, |block| block.to_string());
        let since = format!("+{}", entry.at.since(case.opened_at));
        let mut lines = wrapped(&printable(&entry.text), TEXT_COLUMNS).into_iter();
        let first = lines.next().unwrap_or_default();
        out += &format!("{since:>10}  {block:>9}  {:<13}  {first}\n", entry.what);
        for line in lines {
            out += &format!("{:38}{line}\n", "");
        }
    }
    if case.findings_dropped > 0 {
        out += &format!("\n{} more findings were counted but not kept\n", case.findings_dropped);
    }
    out
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Containing => "containing",
        Phase::Contained => "contained",
        Phase::Released => "released",
        Phase::Dissolved => "dissolved",
    }
}
