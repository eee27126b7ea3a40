//! Makes a recording from a node.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::{B256, U64};
use flate2::{Compression, write::GzEncoder};
use portcullis_types::{
    chain::{BlindCause, BlockId},
    ids::ChainId,
    wire::{
        BlockMaterial, Prestate, StateDiff, TraceFrame, TracedTransaction, WireBlock, WireReceipt,
    },
};
use serde::Serialize;

use super::{FORMAT, Packing, bad, name};
use crate::{ObserveError, node::Node};

/// How often a block is asked for before the recording is given up.
const TRIES_MAX: u32 = 5;
/// Pause after the first failure; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(250);
/// Speed against size of `.zst`: the usual middle.
const ZSTD_LEVEL: i32 = 3;

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordProgress {
    /// The block that was just written.
    pub number: u64,
    /// Blocks written.
    pub blocks_done: u64,
    /// Blocks to be written in all.
    pub blocks_total: u64,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordSummary {
    /// Blocks.
    pub blocks: u64,
    /// Transactions.
    pub transactions: u64,
    /// Blocks without call traces, because the node has none to give.
    pub blocks_without_traces: u64,
    /// Blocks without the state before them, because the node has none to give.
    pub blocks_without_prestate: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    format: &'static str,
    chain_id: U64,
    source: &'a str,
    note: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    block: &'a WireBlock,
    receipts: Option<&'a [WireReceipt]>,
    traces: Option<&'a [TracedTransaction<TraceFrame>]>,
    state_diffs: Option<&'a [TracedTransaction<StateDiff>]>,
    prestate: Option<&'a Prestate>,
    block_hashes: BTreeMap<U64, B256>,
}

/// Records blocks of a node into `path`, whose name says how it is compressed (`.jsonl`,
/// `.jsonl.gz`, `.jsonl.zst`). `purpose` goes into its `note`. The file appears only when it is whole;
/// one that was there is replaced.
///
/// # Errors
/// [`ObserveError::Blind`] if a block cannot be had (retry), [`ObserveError::BadRecording`] for a
/// bad name or an empty range, [`ObserveError::File`] if it cannot be written.
pub async fn record(
    node: &Node,
    blocks: RangeInclusive<u64>,
    path: &Path,
    purpose: &str,
    mut progress: impl FnMut(RecordProgress),
) -> Result<RecordSummary, ObserveError> {
    if blocks.is_empty() {
        let (from, to) = (blocks.start(), blocks.end());
        return Err(bad(path, 0, format!("no block to record: {from} is above {to}")));
    }
    let mut writer = RecordingWriter::create(path, node.chain(), node.shown(), purpose)?;
    let mut summary = RecordSummary::default();
    let blocks_total = (blocks.end() - blocks.start()).saturating_add(1);
    let mut parent: Option<BlockId> = None;
    for number in blocks {
        let material = whole(node, number).await?;
        if let Some(parent) = parent
            && material.block.parent_hash != parent.hash
        {
            let detail = format!("block {number} is not on top of {}", parent.hash);
            let cause = BlindCause::Inconsistent { detail };
            return Err(ObserveError::Blind { what: format!("block {number}"), cause });
        }
        parent = Some(material.block.id());
        writer.block(&material)?;
        summary.blocks += 1;
        summary.transactions += material.block.transactions.len() as u64;
        summary.blocks_without_traces += u64::from(material.traces.is_none());
        summary.blocks_without_prestate += u64::from(material.prestate.is_none());
        progress(RecordProgress { number, blocks_done: summary.blocks, blocks_total });
    }
    writer.finish()?;
    Ok(summary)
}

/// A block with everything, tried several times.
async fn whole(node: &Node, number: u64) -> Result<BlockMaterial, ObserveError> {
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        match once(node, number).await {
            Ok(material) => return Ok(material),
            Err(cause) if tries >= TRIES_MAX => {
                return Err(ObserveError::Blind { what: format!("block {number}"), cause });
            }
            Err(cause) => tracing::debug!(number, %cause, "recording: trying again"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        tries += 1;
    }
}

async fn once(node: &Node, number: u64) -> Result<BlockMaterial, BlindCause> {
    let head = node.head_by_number(number).await?.ok_or_else(|| BlindCause::Inconsistent {
        detail: format!("the node has no block {number}"),
    })?;
    let mut material = node.material(&head.id).await?;
    let can_trace = material.state_diffs.is_some();
    if material.block.transactions.is_empty() {
        material.prestate = Some(Prestate::new());
    } else if can_trace {
        material.prestate = Some(node.block_prestate(&material).await?);
    }
    Ok(material)
}

/// Writes a recording to a temporary file, which takes its place when it is finished.
pub struct RecordingWriter {
    path: PathBuf,
    partial: PathBuf,
    /// None once it is finished.
    sink: Option<Sink>,
}

enum Sink {
    Plain(BufWriter<File>),
    Gz(GzEncoder<BufWriter<File>>),
    Zst(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl RecordingWriter {
    /// Begins a recording of blocks of `chain`.
    ///
    /// # Errors
    /// [`ObserveError::BadRecording`] for a bad name, [`ObserveError::File`] if it cannot be
    /// written.
    pub fn create(
        path: &Path,
        chain: ChainId,
        source: &str,
        note: &str,
    ) -> Result<Self, ObserveError> {
        let Some(packing) = Packing::of(path) else {
            let problem = "choose a name that ends in .jsonl, .jsonl.gz or .jsonl.zst";
            return Err(bad(path, 0, problem));
        };
        let partial =
            path.with_file_name(format!(".{}.{}.partial", name(path), std::process::id()));
        let file = File::create(&partial).map_err(|source| cannot_write(&partial, source))?;
        let file = BufWriter::new(file);
        let sink = match packing {
            Packing::Plain => Sink::Plain(file),
            Packing::Gz => Sink::Gz(GzEncoder::new(file, Compression::default())),
            Packing::Zst => {
                let encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL);
                Sink::Zst(encoder.map_err(|source| cannot_write(&partial, source))?)
            }
        };
        let mut writer = Self { path: path.to_owned(), partial, sink: Some(sink) };
        let chain_id = U64::from(chain);
        writer.line(&MetaLine { kind: "meta", format: FORMAT, chain_id, source, note })?;
        Ok(writer)
    }

    /// Adds a block.
    ///
    /// # Errors
    /// [`ObserveError::File`] if it cannot be written.
    pub fn block(&mut self, material: &BlockMaterial) -> Result<(), ObserveError> {
        let numbered = |(number, hash): (&u64, &B256)| (U64::from(*number), *hash);
        self.line(&BlockLine {
            kind: "block",
            block: &material.block,
            receipts: material.receipts.as_deref(),
            traces: material.traces.as_deref(),
            state_diffs: material.state_diffs.as_deref(),
            prestate: material.prestate.as_ref(),
            block_hashes: material.block_hashes.iter().map(numbered).collect(),
        })
    }

    /// Ends the recording, and puts it in its place.
    ///
    /// # Errors
    /// [`ObserveError::File`] if it cannot be written.
    pub fn finish(mut self) -> Result<(), ObserveError> {
        let written = self.sink.take().map_or(Ok(()), Sink::finish);
        written.map_err(|source| cannot_write(&self.partial, source))?;
        std::fs::rename(&self.partial, &self.path)
            .map_err(|source| cannot_write(&self.path, source))
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), ObserveError> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let written = serde_json::to_writer(&mut *sink, line).map_err(std::io::Error::from);
        written
            .and_then(|()| sink.write_all(b"\n"))
            .map_err(|source| cannot_write(&self.partial, source))
    }
}

impl Drop for RecordingWriter {
    fn drop(&mut self) {
        if self.sink.is_some() {
            // It was given up; half a recording must not be taken for a whole one. If it cannot
            // be removed, its name still says what it is.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

impl Sink {
    fn finish(self) -> std::io::Result<()> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gz(encoder) => encoder.finish()?,
            Self::Zst(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gz(encoder) => encoder.write(bytes),
            Self::Zst(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gz(encoder) => encoder.flush(),
            Self::Zst(encoder) => encoder.flush(),
        }
    }
}

fn cannot_write(path: &Path, source: std::io::Error) -> ObserveError {
    ObserveError::File { path: path.to_owned(), access: "written", source }
}
