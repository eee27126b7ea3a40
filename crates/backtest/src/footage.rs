//! From the lines of a recording to Evidence, whatever kind of line they are.

use alloy_primitives::{B256, keccak256};
use portcullis_observe::RecordingLine;
use portcullis_simulate::{
    builder::access::evidence_from_access, replay::Replayer, traces::evidence_from_traces,
};
use portcullis_types::{chain::BlindCause, evidence::Evidence, ids::ChainId, wire::BlockMaterial};

/// Makes Evidence of lines, one after the other. Lines of one file are of one chain.
#[derive(Debug, Default)]
pub struct Footage {
    replayer: Option<(ChainId, Replayer)>,
    last: u64,
}

impl Footage {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Evidence of all transactions of a line; none of a line that holds no transaction.
    ///
    /// # Errors
    /// Why it could not be looked into: the transactions of the line are unseen, which is not the same as harmless.
    pub fn evidence(&mut self, line: RecordingLine) -> Result<Vec<Evidence>, BlindCause> {
        let material = match line {
            RecordingLine::Meta(_) => return Ok(Vec::new()),
            RecordingLine::Block(material) => *material,
            RecordingLine::Transaction(one) => {
                let number = one.block_number.unwrap_or(self.last + 1);
                BlockMaterial::alone(one.chain_id, number, one.timestamp, one.hash, one.trace)
            }
            RecordingLine::Phase(phase) => {
                let number = (self.last + 1).max(phase.fork_block + 1);
                let hash = phase_hash(phase.chain_id, number, &phase.name);
                BlockMaterial::alone(phase.chain_id, number, None, hash, phase.trace)
            }
            RecordingLine::Access(entry) => {
                self.last = entry.block_number;
                return Ok(vec![evidence_from_access(&entry)?]);
            }
        };
        self.last = material.block.head().id.number;
        let Some(prestate) = &material.prestate else {
            return Ok(evidence_from_traces(&material)?);
        };
        let chain = material.chain_id;
        if self.replayer.as_ref().is_none_or(|(known, _)| *known != chain) {
            self.replayer = None;
        }
        let (_, replayer) = self.replayer.get_or_insert_with(|| (chain, Replayer::new(chain)));
        replayer.load(prestate, &material.block_hashes)?;
        Ok(replayer.execute_block(&material)?)
    }
}

/// The name that a phase gets in place of a transaction hash.
fn phase_hash(chain: ChainId, number: u64, name: &str) -> B256 {
    keccak256(format!("{chain} {number} {name}"))
}
