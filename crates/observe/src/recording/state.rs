//! A folder with the state before an exploit and the calls that are the exploit.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use portcullis_types::{
    ids::ChainId,
    wire::{BlockMaterial, Prestate, WireBlock, WireTransaction},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{bad, cannot_read};
use crate::{ObserveError, error::decoding};

/// Seconds between two made-up blocks.
const BLOCK_SECONDS: u64 = 13;
/// Largest file in such a folder, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Chain where `block.json` does not name one.
const CHAIN_DEFAULT: ChainId = 1;

/// `prestate.json`, `block.json` and `calls.json`, as blocks: one block for each call.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
    blocks: Vec<BlockMaterial>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForkBlock {
    #[serde(default)]
    chain_id: Option<U64>,
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    #[serde(default, rename = "miner")]
    beneficiary: Address,
    gas_limit: U64,
    #[serde(default)]
    difficulty: U256,
    #[serde(default)]
    mix_hash: Option<B256>,
}

#[derive(Deserialize)]
struct Call {
    from: Address,
    to: Address,
    #[serde(default)]
    value: U256,
    data: Bytes,
    gas: U64,
}

impl StateFolder {
    /// Whether `path` is such a folder.
    pub fn is_at(path: &Path) -> bool {
        ["prestate.json", "block.json", "calls.json"].iter().all(|name| path.join(name).is_file())
    }

    /// Reads the folder. Its blocks come after the one in `block.json`: one for each call, 13 s
    /// apart, with base fee 0 and made-up hashes that are the same wherever the folder lies. The
    /// first alone has a `prestate`; the state of the others is what the one before leaves.
    ///
    /// # Errors
    /// [`ObserveError::File`] or [`ObserveError::BadRecording`], with what to do about it.
    pub fn open(path: &Path) -> Result<Self, ObserveError> {
        let prestate: Prestate = read(&path.join("prestate.json"))?;
        let fork: ForkBlock = read(&path.join("block.json"))?;
        let calls: Vec<Call> = read(&path.join("calls.json"))?;
        if calls.is_empty() {
            let problem = "holds no call: there is nothing to play";
            return Err(bad(&path.join("calls.json"), 0, problem));
        }
        let mut blocks: Vec<BlockMaterial> = Vec::with_capacity(calls.len());
        let mut nonces: BTreeMap<Address, u64> = BTreeMap::new();
        for call in &calls {
            let known = || prestate.get(&call.from).and_then(|account| account.nonce);
            let nonce = nonces.entry(call.from).or_insert_with(|| known().unwrap_or_default());
            blocks.push(block(&fork, blocks.last(), call, *nonce));
            *nonce = nonce.saturating_add(1);
        }
        if let Some(first) = blocks.first_mut() {
            first.prestate = Some(prestate);
        }
        Ok(Self { path: path.to_owned(), blocks })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The blocks, lowest first.
    pub fn blocks(&self) -> &[BlockMaterial] {
        &self.blocks
    }

    /// The blocks, lowest first.
    pub fn into_blocks(self) -> Vec<BlockMaterial> {
        self.blocks
    }
}

/// The block that holds `call`, on top of `before` or of the fork block.
fn block(
    fork: &ForkBlock,
    before: Option<&BlockMaterial>,
    call: &Call,
    nonce: u64,
) -> BlockMaterial {
    let (number, hash, timestamp) = before.map_or_else(
        || (fork.number.to::<u64>(), fork.hash, fork.timestamp.to::<u64>()),
        |before| (before.block.number.to(), before.block.hash, before.block.timestamp.to()),
    );
    let (parent_hash, number) = (hash, number.saturating_add(1));
    let mut content = Vec::new();
    content.extend_from_slice(parent_hash.as_slice());
    content.extend_from_slice(&number.to_be_bytes());
    content.extend_from_slice(call.from.as_slice());
    content.extend_from_slice(call.to.as_slice());
    content.extend_from_slice(&call.value.to_be_bytes::<32>());
    content.extend_from_slice(&call.data);
    let hash = keccak256(&content);
    let transaction = WireTransaction {
        hash: keccak256(hash),
        from: call.from,
        to: Some(call.to),
        value: call.value,
        input: call.data.clone(),
        nonce: U64::from(nonce),
        gas: call.gas,
        gas_price: Some(U256::ZERO),
        transaction_type: Some(U64::ZERO),
        ..WireTransaction::default()
    };
    let mut block_hashes = before.map(|before| before.block_hashes.clone()).unwrap_or_default();
    if let (None, Some(parent)) = (before, fork.number.to::<u64>().checked_sub(1)) {
        block_hashes.insert(parent, fork.parent_hash);
    }
    block_hashes.insert(number.saturating_sub(1), parent_hash);
    BlockMaterial {
        chain_id: fork.chain_id.map_or(CHAIN_DEFAULT, |id| id.to()),
        block: WireBlock {
            number: U64::from(number),
            hash,
            parent_hash,
            timestamp: U64::from(timestamp.saturating_add(BLOCK_SECONDS)),
            beneficiary: fork.beneficiary,
            gas_limit: fork.gas_limit.max(call.gas),
            base_fee_per_gas: Some(U256::ZERO),
            difficulty: fork.difficulty,
            mix_hash: fork.mix_hash,
            transactions: vec![transaction],
            ..WireBlock::default()
        },
        block_hashes,
        ..BlockMaterial::default()
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ObserveError> {
    let size = std::fs::metadata(path).map_err(|source| cannot_read(path, source))?.len();
    if size > FILE_BYTES_MAX {
        return Err(bad(path, 0, format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read(path).map_err(|source| cannot_read(path, source))?;
    serde_json::from_slice(&text).map_err(|error| {
        let problem = format!("is not what its name says ({}): get it again", decoding(&error));
        bad(path, error.line() as u64, problem)
    })
}
