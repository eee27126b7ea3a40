//! From the lines of a recording to Evidence, whatever kind of line they are.

use alloy_primitives::{Address, B256, keccak256};
use portcullis_observe::RecordingLine;
use portcullis_simulate::{
    builder::access::evidence_from_access, replay::Replayer, traces::evidence_from_traces,
};
use portcullis_types::{
    access::AccessEntry,
    chain::BlindCause,
    evidence::Evidence,
    ids::ChainId,
    probe::{Probe, Reading},
    wire::{BlockMaterial, TraceFrame},
};

/// One line of a recording, ready to be looked into.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Chain.
    pub chain: ChainId,
    /// Height, where the recording says so.
    pub block: Option<u64>,
    /// Seconds since the epoch, where the recording says so.
    pub time: Option<u64>,
    /// Name of the phase, if the line is one.
    pub phase: Option<String>,
    /// Hash and sender of every transaction in it; the sender is zero where it is unknown.
    pub transactions: Vec<(B256, Address)>,
    /// What can be looked into.
    pub material: Box<BlockMaterial>,
    /// Function entries without a call tree, if that is what the line holds: then they are looked into, not the block.
    pub entry: Option<Box<AccessEntry>>,
    /// Whether the line is a transaction or phase without its block, so that number and time may be made up.
    pub is_alone: bool,
}

impl Scene {
    /// Whether it can be executed only on the state that the scene before left.
    pub fn carries_state(&self) -> bool {
        self.material.prestate.is_none() && self.material.traces.is_none()
    }
}

/// Makes Evidence of lines, one after the other. Where lines of several chains stand in one
/// file, state is not carried on from one chain to another.
#[derive(Debug, Default)]
pub struct Footage {
    replayer: Option<(ChainId, Replayer)>,
    /// Whether the replayer holds the state that a block on top of `last` needs.
    has_state: bool,
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
        let Some(scene) = self.stage(line) else { return Ok(Vec::new()) };
        self.load(&scene)?;
        self.inspect(&scene)
    }

    /// What a line holds; none if it holds no transaction.
    pub fn stage(&mut self, line: RecordingLine) -> Option<Scene> {
        match line {
            RecordingLine::Meta(_) => None,
            RecordingLine::Block(material) => {
                let head = material.block.head();
                let (block, time) = (Some(head.id.number), Some(head.timestamp));
                Some(scene(*material, block, time, None, false))
            }
            RecordingLine::Transaction(one) => {
                let (block, time) = (one.block_number, one.timestamp);
                let number = block.unwrap_or(self.last + 1);
                let material =
                    BlockMaterial::alone(one.chain_id, number, time, one.hash, one.trace);
                Some(scene(material, block, time, None, true))
            }
            RecordingLine::Phase(phase) => {
                let number = (self.last + 1).max(phase.fork_block + 1);
                let hash = phase_hash(phase.chain_id, number, &phase.name);
                let material =
                    BlockMaterial::alone(phase.chain_id, number, None, hash, phase.trace);
                Some(scene(material, None, None, Some(phase.name), true))
            }
            RecordingLine::Access(entry) => {
                let trace = TraceFrame::default();
                let material = BlockMaterial::alone(
                    entry.chain_id,
                    entry.block_number,
                    None,
                    entry.hash,
                    trace,
                );
                let mut scene = scene(material, Some(entry.block_number), None, None, true);
                scene.entry = Some(entry);
                Some(scene)
            }
        }
    }

    /// Takes the state that a scene brings along. To be called before [`Self::inspect`].
    ///
    /// # Errors
    /// Why the state cannot be used.
    pub fn load(&mut self, scene: &Scene) -> Result<(), BlindCause> {
        let material = &scene.material;
        let number = material.block.head().id.number;
        let follows = number == self.last + 1;
        self.last = number;
        let Some(prestate) = &material.prestate else {
            // State that was carried on is that of the next block only; a call tree is looked at as it is.
            self.has_state &= follows && material.traces.is_none();
            return Ok(());
        };
        self.has_state = false;
        let chain = material.chain_id;
        if self.replayer.as_ref().is_none_or(|(known, _)| *known != chain) {
            self.replayer = None;
        }
        let (_, replayer) = self.replayer.get_or_insert_with(|| (chain, Replayer::new(chain)));
        replayer.load(prestate, &material.block_hashes)?;
        self.has_state = true;
        Ok(())
    }

    /// Evidence of all transactions of a scene that was loaded.
    ///
    /// # Errors
    /// Why it could not be looked into.
    pub fn inspect(&mut self, scene: &Scene) -> Result<Vec<Evidence>, BlindCause> {
        if let Some(entry) = &scene.entry {
            return Ok(vec![evidence_from_access(entry)?]);
        }
        let material = &scene.material;
        match &mut self.replayer {
            Some((_, replayer)) if self.has_state => {
                replayer.execute_block(material).map_err(|error| {
                    // In the middle of a block the state is worth nothing.
                    self.has_state = false;
                    BlindCause::from(error)
                })
            }
            _ => Ok(evidence_from_traces(material)?),
        }
    }

    /// Answers probes on the state as it stands; each answer says why where there is no state.
    pub fn read(&mut self, probes: &[Probe], scene: &Scene) -> Vec<Reading> {
        match &mut self.replayer {
            Some((_, replayer)) if self.has_state => replayer.read(probes, &scene.material.block),
            _ => {
                let unread = |probe: &Probe| Reading {
                    probe: probe.clone(),
                    value: Err("the recording holds no state to read".to_owned()),
                    depends_on: Vec::new(),
                };
                probes.iter().map(unread).collect()
            }
        }
    }
}

fn scene(
    material: BlockMaterial,
    block: Option<u64>,
    time: Option<u64>,
    phase: Option<String>,
    is_alone: bool,
) -> Scene {
    let transactions = material.block.transactions.iter().map(|one| (one.hash, one.from)).collect();
    let chain = material.chain_id;
    let (material, entry) = (Box::new(material), None);
    Scene { chain, block, time, phase, transactions, material, entry, is_alone }
}

/// The name that a phase gets in place of a transaction hash.
fn phase_hash(chain: ChainId, number: u64, name: &str) -> B256 {
    keccak256(format!("{chain} {number} {name}"))
}
