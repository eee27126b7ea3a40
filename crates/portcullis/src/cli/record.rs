//! `portcullis record`.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use portcullis_observe::Node;
use serde::Serialize;

use super::{Ending, Usage, output::print_json};

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Node: `https://…`, `wss://…` or the path of an IPC socket.
    #[arg(long)]
    rpc: String,
    /// Chain id, to be sure that it is the right node. Default: whatever chain the node has.
    #[arg(long)]
    chain: Option<u64>,
    /// First and last block: `19000000..19000010`, both included.
    #[arg(long)]
    blocks: String,
    /// File to write: `.jsonl`, `.jsonl.gz` or `.jsonl.zst`. Default: `<chain>-<first>-<last>.jsonl.zst`.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    out: String,
    from: u64,
    to: u64,
    blocks: u64,
    transactions: u64,
}

pub(crate) async fn record(args: &RecordArgs, json: bool) -> anyhow::Result<Ending> {
    let (from, to) = range(&args.blocks)?;
    let node = match args.chain {
        Some(chain) => Node::connect(std::slice::from_ref(&args.rpc), chain).await?,
        None => Node::connect_to_any_chain(&args.rpc).await?,
    };
    let by_default = || PathBuf::from(format!("{}-{from}-{to}.jsonl.zst", node.chain()));
    let out = args.out.clone().unwrap_or_else(by_default);
    let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(to - from + 1) };
    if let Ok(style) =
        ProgressStyle::with_template("recording [{bar:30}] {pos}/{len} blocks, {eta}")
    {
        bar.set_style(style);
    }
    let summary = portcullis_observe::record(&node, from..=to, &out, "", |_| bar.inc(1)).await?;
    bar.finish_and_clear();
    let recorded = Recorded {
        out: out.display().to_string(),
        from,
        to,
        blocks: summary.blocks,
        transactions: summary.transactions,
    };
    if json {
        print_json(&recorded)?;
    } else {
        println!(
            "{} blocks, {} transactions in {}",
            recorded.blocks, recorded.transactions, recorded.out
        );
    }
    Ok(Ending::Fine)
}

fn range(text: &str) -> Result<(u64, u64), Usage> {
    let bad = || {
        Usage(format!("`{text}` is no range of blocks: write first..last, for instance 100..120"))
    };
    let (from, to) = text.split_once("..").ok_or_else(bad)?;
    let number = |text: &str| text.trim_start_matches('=').parse::<u64>().map_err(|_| bad());
    let (from, to) = (number(from)?, number(to)?);
    if from > to { Err(bad()) } else { Ok((from, to)) }
}
