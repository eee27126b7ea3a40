//! `portcullis learn`: bounds and whitelists for a protocol from recordings of its past, as a change to read and apply.

mod judge;
mod numbers;
mod past;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use portcullis_detect::{config::DetectorConfig, novelty::Learned};
use portcullis_learn::{
    Edit,
    caps::{self, Cap},
    edited,
    infer::Inference,
    proposal::{Proposal, place},
    rate::Rate,
    thresholds::{Advice, Threshold},
    unified, whitelist,
};
use portcullis_types::{protocol::Protocol, text::printable};
use serde::Serialize;

use super::{
    Ending, Usage, load_config,
    output::{Paint, print_json},
};
use judge::{Judged, judge};
use numbers::Numbers;
use past::{Past, Share, Split};

#[derive(Debug, Args)]
pub(crate) struct LearnArgs {
    /// A recording, or a folder of them, in the order of the chain. May be given several times.
    #[arg(long, required = true, value_name = "FILE")]
    recording: Vec<PathBuf>,
    /// The configuration that describes the protocol. Without it the protocol is taken from the recording: all contracts
    /// that it enters.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Name of the protocol. Needed where the configuration describes several; without a configuration, the name given to
    /// what the recording holds.
    #[arg(long)]
    protocol: Option<String>,
    /// Learn up to and with this block; judge the rest.
    #[arg(long, conflicts_with = "share")]
    until: Option<u64>,
    /// Learn from this part of the transactions, from the first on; judge the rest. 0 to 1.
    #[arg(long)]
    share: Option<Share>,
    /// Folder for the proposal; made if it is not there. Files in it are replaced.
    #[arg(long)]
    out: PathBuf,
}

/// `learn --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Learnt {
    protocol: String,
    /// Transactions in the part learned from.
    transactions: u64,
    /// Those that had to do with the protocol and succeeded.
    observed: usize,
    functions: usize,
    forms: usize,
    /// Of the reference, on its own past.
    false_alarms: String,
    caps: Vec<CapShown>,
    /// Numbers of the configured rules.
    thresholds: Vec<ThresholdShown>,
    /// Numbers that were not looked at, because there are too many.
    thresholds_left_out: usize,
    rest: Judged,
    /// Lines of the recordings that could not be looked into.
    blind: u64,
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CapShown {
    asset: String,
    window_seconds: u64,
    outflows: usize,
    /// Smallest units, decimal.
    most: String,
    bound: Option<String>,
    false_alarms: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ThresholdShown {
    rule: String,
    param: String,
    now: String,
    false_alarms_now: String,
    proposed: Option<String>,
    /// Of numbers chosen in this way; none where none is proposed.
    false_alarms: Option<String>,
    /// Why none is proposed.
    reason: Option<String>,
}

pub(crate) fn learn(args: &LearnArgs, json: bool) -> anyhow::Result<Ending> {
    let past = Past::new(&args.recording, split(args)?)?;
    let known = args.config.as_deref().map(|path| Known::read(path, args.protocol.as_deref()));
    let known = known.transpose()?;
    let protocol = match &known {
        Some(known) => known.protocol.clone(),
        None => infer(&past, args)?,
    };
    let (observations, seen) = past.observe(&protocol)?;
    if observations.iter().all(|observation| observation.form.first.is_none()) {
        let text = format!(
            "no transaction to learn from enters a contract of `{}`: give a longer recording, or correct the addresses",
            protocol.name
        );
        return Err(Usage(text).into());
    }
    let learned = whitelist::learn(&observations, whitelist::REPEAT_FACTOR);
    let caps = caps::learn(&observations);
    let detectors = known.as_ref().map_or(&[][..], |known| &known.detectors);
    let numbers = Numbers::learn(&past, &protocol, detectors, seen.transactions)?;
    let thresholds = numbers.all();
    let rest = judge(&past, &protocol, &learned, (&caps, &numbers), &observations)?;
    let learned_file = format!("learned/{}.json", file_name(&protocol.name));
    let proposal = Proposal {
        protocol: &protocol,
        observations: observations.len(),
        learned: &learned,
        learned_file: &learned_file,
        caps: &caps,
        thresholds: &thresholds,
    };
    let files = write(args, known.as_ref(), (&proposal, &numbers), &rest)?;
    let learnt = Learnt {
        protocol: protocol.name.clone(),
        transactions: seen.transactions,
        observed: observations.len(),
        functions: learned.functions.len(),
        forms: learned.forms.len(),
        false_alarms: Rate(learned.false_alarms).to_string(),
        caps: caps.iter().map(cap_shown).collect(),
        thresholds: thresholds.iter().map(threshold_shown).collect(),
        thresholds_left_out: numbers.left_out(),
        rest,
        blind: seen.blind,
        files,
    };
    show(&learnt, &learned, json)?;
    Ok(Ending::Fine)
}

fn split(args: &LearnArgs) -> anyhow::Result<Split> {
    Ok(match (args.until, args.share) {
        (Some(block), _) => Split::Until(block),
        (None, Some(share)) => Split::Count(past::count(&args.recording)?, share),
        (None, None) => Split::All,
    })
}

/// A configuration that describes the protocol.
struct Known {
    path: PathBuf,
    text: String,
    protocol: Protocol,
    detectors: Vec<DetectorConfig>,
}

impl Known {
    fn read(path: &Path, name: Option<&str>) -> anyhow::Result<Self> {
        let config = load_config(path)?;
        let protocols = &config.engine.protocols;
        let named = match (name, protocols.as_slice()) {
            (None, [one]) => Some(one),
            (None, _) => None,
            (Some(name), all) => all.iter().find(|one| one.protocol.name == name),
        };
        let Some(named) = named else {
            let choice: Vec<&str> =
                protocols.iter().map(|one| one.protocol.name.as_str()).collect();
            let text = format!("give --protocol with one of: {}", choice.join(", "));
            return Err(Usage(text).into());
        };
        let has = |id: &str| named.detectors.iter().any(|detector| detector.id() == id);
        if has("novelty") {
            let text = format!(
                "{}: `{}` has a detector `novelty` already: take it out, then learn anew and compare",
                path.display(),
                named.protocol.name
            );
            return Err(Usage(text).into());
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let (protocol, detectors) = (named.protocol.clone(), named.detectors.clone());
        Ok(Self { path: path.into(), text, protocol, detectors })
    }
}

fn infer(past: &Past, args: &LearnArgs) -> anyhow::Result<Protocol> {
    let (mut inference, mut chain) = (Inference::new(), None);
    past.learned_from(|evidence| {
        chain.get_or_insert(evidence.chain);
        inference.see(evidence).map_err(|problem| Usage(problem).into())
    })?;
    let name = args.protocol.clone().unwrap_or_else(|| {
        let first = args.recording.first().and_then(|path| path.file_name());
        let name = first.unwrap_or_default().to_string_lossy().into_owned();
        file_name(name.split('.').next().unwrap_or_default())
    });
    inference.protocol(&name, chain.unwrap_or(1)).map_err(|problem| Usage(problem).into())
}

/// A name that is safe as the name of a file and in YAML: letters, digits, `-` and `_`.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = name.chars().map(safe).take(64).collect();
    if name.is_empty() { "protocol".to_owned() } else { name }
}

/// Writes reference, configuration and diff, in this order: the configuration is checked with its reference in place.
fn write(
    args: &LearnArgs,
    known: Option<&Known>,
    (proposal, numbers): (&Proposal<'_>, &Numbers),
    rest: &Judged,
) -> anyhow::Result<Vec<PathBuf>> {
    let reference = args.out.join(proposal.learned_file);
    let config_path = args.out.join("portcullis.yaml");
    let diff_path = args.out.join("proposal.diff");
    let held_out = format!("# On {}", rest.summary());
    let (text, diff) = if let Some(known) = known {
        let place = place(&known.text, &known.protocol.name)
            .map_err(|problem| Usage(format!("{}: {problem}", known.path.display())))?;
        let mut added = vec![format!("{}{held_out}", " ".repeat(place.indent))];
        added.extend(proposal.detectors(place.indent));
        // All numbers stand in the list of detectors, so at or before its end.
        let (mut edits, remark) = numbers.edits(&known.text, &known.protocol.name);
        added.extend(remark.map(|remark| format!("{}{remark}", " ".repeat(place.indent))));
        edits.push(Edit::insert(place.after, added));
        let name = known.path.display().to_string();
        (edited(&known.text, &edits), unified(&name, &name, &known.text, &edits))
    } else {
        let text = format!("{held_out}\n{}", proposal.configuration("chain"));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let diff = unified("/dev/null", "portcullis.yaml", "", &[Edit::insert(0, lines)]);
        (text, diff)
    };
    write_file(&reference, &(serde_json::to_string_pretty(proposal.learned)? + "\n"))?;
    check(known.map_or(&*config_path, |known| &known.path), &text, &args.out, known, proposal)?;
    write_file(&config_path, &text)?;
    write_file(&diff_path, &diff)?;
    Ok(vec![diff_path, config_path, reference])
}

/// What is proposed must be a configuration where it is to stand, with the detectors where they belong.
fn check(
    path: &Path,
    text: &str,
    out: &Path,
    known: Option<&Known>,
    proposal: &Proposal<'_>,
) -> anyhow::Result<()> {
    let config = crate::config::parse_proposed(path, text, out).map_err(|problem| {
        anyhow::anyhow!("what was proposed is no valid configuration ({problem}): please report it")
    })?;
    let before = known.map_or(0, |known| known.detectors.len());
    let name = &proposal.protocol.name;
    let found = config.engine.protocols.iter().find(|one| one.protocol.name == *name);
    if found.is_none_or(|one| one.detectors.len() <= before) {
        let text = format!(
            "`{name}`: the proposal did not find the protocol's `detectors:`: write it below the protocol's name, one detector a line"
        );
        return Err(Usage(text).into());
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}; choose another --out", folder.display()))?;
    }
    std::fs::write(path, text)
        .with_context(|| format!("cannot write {}; choose another --out", path.display()))
}

fn cap_shown(cap: &Cap) -> CapShown {
    CapShown {
        asset: cap.asset.to_string(),
        window_seconds: cap.window_seconds,
        outflows: cap.outflows,
        most: cap.most.to_string(),
        bound: cap.bound.map(|bound| bound.units.to_string()),
        false_alarms: cap.bound.map(|bound| Rate(bound.false_alarms).to_string()),
    }
}

fn threshold_shown(one: &Threshold) -> ThresholdShown {
    let mut shown = ThresholdShown {
        rule: one.rule.clone(),
        param: one.param.clone(),
        now: one.now.clone(),
        false_alarms_now: Rate(one.now_alarms).to_string(),
        proposed: None,
        false_alarms: None,
        reason: None,
    };
    match &one.advice {
        Advice::Change { to, false_alarms } => {
            shown.proposed = Some(to.clone());
            shown.false_alarms = Some(Rate(*false_alarms).to_string());
        }
        Advice::Keep => shown.reason = Some("the value is the one the past supports".to_owned()),
        Advice::None(reason) => shown.reason = Some(reason.to_string()),
    }
    shown
}

fn show(learnt: &Learnt, learned: &Learned, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(learnt);
    }
    let paint = Paint::stdout();
    println!(
        "{}: learned from {} transactions of {} (blocks {} to {})",
        paint.bold(&printable(&learnt.protocol)),
        learnt.observed,
        learnt.transactions,
        learned.from_block,
        learned.to_block
    );
    println!("  {} functions, {} forms", learnt.functions, learnt.forms);
    println!("  false alarms on its own past: {}", learnt.false_alarms);
    for one in &learnt.thresholds {
        if let (Some(to), Some(rate)) = (&one.proposed, &one.false_alarms) {
            println!("  {}.{}: {} → {to}; false alarms {rate}", one.rule, one.param, one.now);
        }
    }
    if learnt.thresholds_left_out > 0 {
        println!(
            "  {} numbers of rules were not looked at: learn with fewer rules",
            paint.bad(&learnt.thresholds_left_out.to_string())
        );
    }
    println!("  {}", learnt.rest.summary());
    for alarm in &learnt.rest.alarms {
        println!("  {} block {} {}", paint.bad(&alarm.detector), alarm.block, alarm.transaction);
        for line in &alarm.evidence {
            println!("    {}", paint.dim(line));
        }
    }
    if learnt.blind > 0 {
        println!("  {} lines could not be looked into", paint.bad(&learnt.blind.to_string()));
    }
    for file in &learnt.files {
        println!("wrote {}", file.display());
    }
    Ok(())
}
