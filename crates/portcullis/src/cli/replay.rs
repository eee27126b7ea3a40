//! `portcullis replay`: recorded chain data through the same engine. Nothing is sent.

use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use portcullis_engine::Engine;
use portcullis_observe::{Playable, RecordingLine, open_any};
use portcullis_simulate::replay::MissingState;
use portcullis_types::{
    action::Rung,
    chain::BlindCause,
    decision::{Decision, Verdict},
    finding::{Confidence, Finding, FindingStatus},
    ids::{CaseId, ChainId, FindingKey},
    protocol::Protocol,
    wire::BlockMaterial,
};
use serde::Serialize;

use super::{
    Ending, Usage, UsdNumber, load_config,
    output::{Paint, print_json},
};
use crate::{
    config::Compiled,
    runner::{Core, Player},
    store::Journal,
};

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A recording (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`), a folder of them, or a folder with `prestate.json`, `block.json`
    /// and `calls.json`.
    path: PathBuf,
    /// What to protect and how.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
    /// Keep the journal of the replay. Default: it is made in memory and dropped.
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// `replay --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    blocks: u64,
    transactions: u64,
    findings: Vec<FindingShown>,
    decisions: Vec<DecisionShown>,
    blind: Vec<BlindShown>,
    unread: Vec<UnreadShown>,
    journal_head: B256,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingShown {
    detector: String,
    key: FindingKey,
    protocol: String,
    case: CaseId,
    status: FindingStatus,
    block: u64,
    transaction: Option<B256>,
    contract: Address,
    contract_name: String,
    asset: Option<String>,
    asset_symbol: Option<String>,
    /// Smallest units, decimal.
    amount: Option<String>,
    amount_text: Option<String>,
    loss_usd: UsdNumber,
    confidence: Confidence,
    evidence: Vec<String>,
    sentence: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionShown {
    case: CaseId,
    block: u64,
    rung: Option<Rung>,
    lever: Option<String>,
    chosen: bool,
    probability: f64,
    threshold: Option<f64>,
    loss_ahead: UsdNumber,
    false_stop_cost: Option<UsdNumber>,
    verdict: Option<Verdict>,
    sentence: String,
}

#[derive(Debug, Serialize)]
struct BlindShown {
    from: u64,
    to: u64,
    cause: String,
}

#[derive(Debug, Serialize)]
struct UnreadShown {
    protocol: String,
    probe: String,
    why: String,
}

pub(crate) fn replay(args: &ReplayArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let playable = open_any(&args.path)?;
    let journal = match &args.journal {
        None => Journal::in_memory()?,
        Some(path) => new_journal(path)?,
    };
    let player = match playable {
        Playable::State(folder) => {
            let blocks = folder.into_blocks();
            let chain = blocks.first().map_or(0, |block| block.chain_id);
            let mut player = player(&config, journal, chain, MissingState::Zero)?;
            for block in &blocks {
                player.play(block)?;
            }
            player
        }
        Playable::Recording(recording) => play_recording(&config, journal, &recording, json)?,
    };
    show(&player, json)
}

fn new_journal(path: &std::path::Path) -> anyhow::Result<Journal> {
    if Journal::is_taken(path)? {
        let text = format!(
            "{} exists: a replay starts a journal of its own; give another path",
            path.display()
        );
        return Err(Usage(text).into());
    }
    Ok(Journal::create_or_open(path)?)
}

fn player(
    config: &Compiled,
    journal: Journal,
    chain: ChainId,
    missing: MissingState,
) -> anyhow::Result<Player> {
    if !config.engine.chains.iter().any(|settings| settings.chain == chain) {
        let known: Vec<String> =
            config.engine.chains.iter().map(|settings| settings.chain.to_string()).collect();
        let text = format!(
            "the recording is of chain {chain}, the configuration describes {}: use the configuration of that protocol",
            known.join(", ")
        );
        return Err(Usage(text).into());
    }
    let core = Core::open(journal, &config.engine, portcullis_types::ids::Millis(0))?;
    let responder = config.responder.as_ref().map(|responder| responder.address);
    Ok(Player::new(core, chain, missing, responder))
}

fn play_recording(
    config: &Compiled,
    journal: Journal,
    recording: &portcullis_observe::Recording,
    quiet: bool,
) -> anyhow::Result<Player> {
    let progress = progress(quiet);
    let mut journal = Some(journal);
    let mut playing: Option<(ChainId, Player)> = None;
    for line in recording.lines() {
        let (_, line) = line?;
        let chain = match &line {
            RecordingLine::Meta(meta) => meta.chain_id,
            RecordingLine::Transaction(transaction) => transaction.chain_id,
            RecordingLine::Phase(phase) => phase.chain_id,
            RecordingLine::Access(access) => access.chain_id,
            RecordingLine::Block(material) => material.chain_id,
        };
        let (_, player) = match &mut playing {
            Some((known, _)) if *known != chain => {
                let text = format!(
                    "the recordings are of the chains {known} and {chain}: replay them one by one"
                );
                return Err(Usage(text).into());
            }
            Some(playing) => playing,
            None => {
                let journal = journal.take().context("a journal is used once")?;
                playing.insert((chain, player(config, journal, chain, MissingState::Error)?))
            }
        };
        play_line(player, line)?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    match playing {
        Some((_, player)) => Ok(player),
        None => Err(Usage("the folder holds no recording".to_owned()).into()),
    }
}

fn play_line(player: &mut Player, line: RecordingLine) -> anyhow::Result<()> {
    match line {
        RecordingLine::Meta(_) => {}
        RecordingLine::Block(material) => player.play(&material)?,
        RecordingLine::Transaction(one) => {
            let number = one.block_number.unwrap_or_else(|| player.next_number());
            let material =
                BlockMaterial::alone(one.chain_id, number, one.timestamp, one.hash, one.trace);
            player.play(&material)?;
        }
        RecordingLine::Phase(phase) => {
            let number = player.next_number().max(phase.fork_block + 1);
            let hash = alloy_primitives::keccak256(format!("{number} {}", phase.name));
            player.play(&BlockMaterial::alone(phase.chain_id, number, None, hash, phase.trace))?;
        }
        RecordingLine::Access(access) => {
            let detail =
                "function entries without a call tree: play them with `portcullis backtest`";
            let cause = BlindCause::Incomplete { detail: detail.to_owned() };
            player.go_blind(access.block_number, access.block_number, cause)?;
        }
    }
    Ok(())
}

fn progress(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}, {elapsed}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn show(player: &Player, json: bool) -> anyhow::Result<Ending> {
    let engine = player.core().engine();
    let blind = player.blind().iter().map(|range| BlindShown {
        from: range.from,
        to: range.to,
        cause: range.cause.to_string(),
    });
    let unread = engine.unread().into_iter();
    let shown = Replayed {
        blocks: player.played().blocks,
        transactions: player.played().transactions,
        findings: findings(engine),
        decisions: decisions(engine),
        blind: blind.collect(),
        unread: unread.map(|(protocol, probe, why)| UnreadShown { protocol, probe, why }).collect(),
        journal_head: player.core().journal().head(),
    };
    if json {
        print_json(&shown)?;
    } else {
        print_text(&shown);
    }
    Ok(Ending::Fine)
}

fn findings(engine: &Engine) -> Vec<FindingShown> {
    let mut out = Vec::new();
    for case in engine.cases() {
        let protocols = engine.config().map_or(&[][..], |config| &config.protocols);
        let protocol = protocols.iter().map(|p| &p.protocol).find(|p| p.name == case.protocol);
        let mut records: Vec<_> = case.findings.values().collect();
        records.sort_by_key(|record| (record.block.number, record.finding.key));
        for record in records {
            out.push(finding_shown(case.id, record.status, &record.finding, protocol));
        }
    }
    out
}

fn finding_shown(
    case: CaseId,
    status: FindingStatus,
    finding: &Finding,
    protocol: Option<&Protocol>,
) -> FindingShown {
    let spec = finding.asset.and_then(|asset| protocol.and_then(|p| p.asset(asset)));
    FindingShown {
        detector: finding.detector.clone(),
        key: finding.key,
        protocol: finding.protocol.clone(),
        case,
        status,
        block: finding.block.number,
        transaction: finding.transaction,
        contract: finding.contract,
        contract_name: protocol.map_or_else(String::new, |p| p.name_of(finding.contract)),
        asset: finding.asset.map(|asset| match asset {
            portcullis_types::money::Asset::Native => "native".to_owned(),
            portcullis_types::money::Asset::Token(token) => format!("{token:#x}"),
        }),
        asset_symbol: spec.map(|spec| spec.symbol.clone()),
        amount: finding.amount.map(|amount| amount.to_string()),
        amount_text: finding.amount.and_then(|amount| spec.map(|spec| spec.show(amount))),
        loss_usd: UsdNumber(finding.loss),
        confidence: finding.confidence,
        evidence: finding.evidence.clone(),
        sentence: finding.sentence.clone(),
    }
}

fn decisions(engine: &Engine) -> Vec<DecisionShown> {
    engine.cases().flat_map(|case| &case.decisions).map(decision_shown).collect()
}

/// The rung that was chosen, or the gentlest that was weighed.
fn decision_shown(decision: &Decision) -> DecisionShown {
    let chosen = decision.rungs.iter().find(|rung| decision.chosen.as_ref() == Some(&rung.lever));
    let rung = chosen.or(decision.rungs.first());
    DecisionShown {
        case: decision.case,
        block: decision.block.number,
        rung: rung.map(|rung| rung.rung),
        lever: rung.map(|rung| rung.lever.clone()),
        chosen: decision.chosen.is_some(),
        probability: decision.probability,
        threshold: rung.map(|rung| rung.threshold),
        loss_ahead: UsdNumber(decision.loss_ahead),
        false_stop_cost: rung.map(|rung| UsdNumber(rung.false_stop_cost)),
        verdict: rung.map(|rung| rung.verdict.clone()),
        sentence: decision.sentence.clone(),
    }
}

fn print_text(shown: &Replayed) {
    let paint = Paint::stdout();
    println!(
        "{} blocks, {} transactions, {} findings, {} decisions",
        shown.blocks,
        shown.transactions,
        shown.findings.len(),
        shown.decisions.len()
    );
    for finding in &shown.findings {
        println!("\n{} block {}", paint.bad(&finding.detector), finding.block);
        println!("  {}", finding.sentence);
        println!("  loss {} USD", finding.loss_usd.0);
        for line in &finding.evidence {
            println!("  {}", paint.dim(line));
        }
    }
    for decision in &shown.decisions {
        println!("\n{} block {}\n  {}", paint.bold("decision"), decision.block, decision.sentence);
    }
    if shown.findings.is_empty() {
        println!("nothing was found in what could be looked at");
    }
    for range in &shown.blind {
        println!("\n{} blocks {} to {}: {}", paint.bad("blind"), range.from, range.to, range.cause);
    }
    for unread in &shown.unread {
        println!("\n{} {} {}: {}", paint.bad("unread"), unread.protocol, unread.probe, unread.why);
    }
}
