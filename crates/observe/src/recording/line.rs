//! The kinds of line of a recording, as they are read.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U64};
use portcullis_types::{
    access::AccessEntry,
    ids::ChainId,
    text::printable,
    wire::{
        BlockMaterial, Prestate, StateDiff, TraceFrame, TracedTransaction, WireBlock, WireReceipt,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::FORMAT;
use crate::frames;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingLine {
    /// The first of every file.
    Meta(RecordingMeta),
    /// A block.
    Block(Box<BlockMaterial>),
    /// A transaction without its block.
    Transaction(Box<RecordedTransaction>),
    /// One top-level call of a re-enacted exploit.
    Phase(Box<Phase>),
    /// Function entries of a transaction with the slots that they read and wrote.
    Access(Box<AccessEntry>),
}

/// Where a recording comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingMeta {
    /// Chain of the blocks.
    pub chain_id: ChainId,
    /// Who made it, or out of what; printable.
    pub source: String,
    /// What a reader should know; printable.
    pub note: String,
}

/// A transaction without its block. What is `None` is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedTransaction {
    /// Chain.
    pub chain_id: ChainId,
    /// Hash.
    pub hash: B256,
    /// Height of its block.
    pub block_number: Option<u64>,
    /// Seconds since the epoch.
    pub timestamp: Option<u64>,
    /// Call tree; logs only where they are known.
    pub trace: TraceFrame,
}

/// One top-level call of a re-enacted exploit. Code that was taken out of a frame shows as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Chain.
    pub chain_id: ChainId,
    /// The block on whose state it ran.
    pub fork_block: u64,
    /// `setup` or `execution`; printable.
    pub name: String,
    /// Call tree with logs.
    pub trace: TraceFrame,
}

impl RecordingLine {
    /// Reads a line. `chain` is that of the file; none before its first line was read.
    ///
    /// # Errors
    /// What is wrong with it and what to do, printable, for a message that names file and line.
    pub fn read(text: &str, chain: Option<ChainId>) -> Result<Self, String> {
        let kind: Kind<'_> = serde_json::from_str(text).map_err(|error| no_json(&error))?;
        let kind = kind.kind.as_ref();
        let Some(chain) = chain else {
            if kind != "meta" {
                return Err(format!(
                    "the first line must be of type `meta` with format {FORMAT}, this one is \
                     `{}`: add it, or choose another file",
                    printable(kind)
                ));
            }
            return read_meta(text);
        };
        let read = match kind {
            "meta" => return Err("a second `meta` line: give each recording its own file".into()),
            "block" => block(text, chain).map(|material| Self::Block(Box::new(material))),
            "transaction" => transaction(text).map(|one| Self::Transaction(Box::new(one))),
            "phase" => phase(text).map(|phase| Self::Phase(Box::new(phase))),
            "access" => serde_json::from_str(text).map(|entry| Self::Access(Box::new(entry))),
            other => {
                return Err(format!(
                    "unknown type `{}`: it must be block, transaction, phase or access; a newer \
                     version may be needed to read it",
                    printable(other)
                ));
            }
        };
        read.map_err(|error| {
            format!(
                "is not a valid `{kind}` line ({}): record it again",
                printable(&error.to_string())
            )
        })
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

fn no_json(error: &serde_json::Error) -> String {
    let what = if error.is_eof() { "is cut off" } else { "is not a JSON object with a `type`" };
    format!("{what} ({}): get the file again", printable(&error.to_string()))
}

fn read_meta(text: &str) -> Result<RecordingLine, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        format: String,
        chain_id: U64,
        #[serde(default)]
        source: String,
        #[serde(default)]
        note: String,
    }
    let meta: Meta = serde_json::from_str(text).map_err(|error| {
        format!("is not a valid `meta` line ({}): correct it", printable(&error.to_string()))
    })?;
    if meta.format != FORMAT {
        return Err(format!(
            "has format `{}`, and this version reads {FORMAT}: convert it, or use the version that \
             wrote it",
            printable(&meta.format)
        ));
    }
    Ok(RecordingLine::Meta(RecordingMeta {
        chain_id: meta.chain_id.to(),
        source: printable(&meta.source),
        note: printable(&meta.note),
    }))
}

fn block(text: &str, chain_id: ChainId) -> serde_json::Result<BlockMaterial> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        block: WireBlock,
        #[serde(default)]
        receipts: Option<Vec<WireReceipt>>,
        #[serde(default, borrow)]
        traces: Option<&'a RawValue>,
        #[serde(default)]
        state_diffs: Option<Vec<TracedTransaction<StateDiff>>>,
        #[serde(default)]
        prestate: Option<Prestate>,
        #[serde(default)]
        block_hashes: BTreeMap<U64, B256>,
    }
    let line: Line<'_> = serde_json::from_str(text)?;
    let traces = line.traces.map(|raw| frames::traces(raw.get())).transpose()?;
    Ok(BlockMaterial {
        chain_id,
        block: line.block,
        receipts: line.receipts,
        traces,
        state_diffs: line.state_diffs,
        prestate: line.prestate,
        block_hashes: line.block_hashes.into_iter().map(|(n, hash)| (n.to(), hash)).collect(),
    })
}

fn transaction(text: &str) -> serde_json::Result<RecordedTransaction> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        chain_id: U64,
        hash: B256,
        #[serde(default)]
        block_number: Option<U64>,
        #[serde(default)]
        timestamp: Option<U64>,
        #[serde(borrow)]
        trace: &'a RawValue,
    }
    let line: Line<'_> = serde_json::from_str(text)?;
    Ok(RecordedTransaction {
        chain_id: line.chain_id.to(),
        hash: line.hash,
        block_number: line.block_number.map(|number| number.to()),
        timestamp: line.timestamp.map(|seconds| seconds.to()),
        trace: frames::frame(line.trace.get())?,
    })
}

fn phase(text: &str) -> serde_json::Result<Phase> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        chain_id: U64,
        fork_block: U64,
        name: String,
        #[serde(borrow)]
        trace: &'a RawValue,
    }
    let line: Line<'_> = serde_json::from_str(text)?;
    Ok(Phase {
        chain_id: line.chain_id.to(),
        fork_block: line.fork_block.to(),
        name: printable(&line.name),
        trace: frames::frame(line.trace.get())?,
    })
}
