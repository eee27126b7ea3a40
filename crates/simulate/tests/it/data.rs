//! Real chain data, which lives beside the project and not in it. Tests that want it skip, and say so, where it is not.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes};
use flate2::read::GzDecoder;
use portcullis_types::wire::{BlockMaterial, Prestate, WireBlock};
use serde::Deserialize;

/// The folder `data/<under>` of the shared data, or none if it is not there.
pub(crate) fn folder(under: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("PORTCULLIS_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("data").join(under);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no chain data at {}; set PORTCULLIS_SHARED", folder.display());
    None
}

/// The lines of a recording.
pub(crate) fn lines(path: &Path) -> impl Iterator<Item = String> + use<> {
    let file = fs::File::open(path).unwrap();
    BufReader::new(GzDecoder::new(file)).lines().map(Result::unwrap)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockLine {
    block: WireBlock,
    prestate: Prestate,
    #[serde(default)]
    block_hashes: Option<BTreeMap<String, B256>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodeLine {
    code_hash: B256,
    code: Bytes,
}

/// All benign mainnet blocks, in order of number.
pub(crate) fn benign_blocks() -> Vec<BlockMaterial> {
    let Some(folder) = folder("benign") else { return Vec::new() };
    let codes: BTreeMap<B256, Bytes> = lines(&folder.join("codes.jsonl.gz"))
        .map(|line| serde_json::from_str::<CodeLine>(&line).unwrap())
        .map(|line| (line.code_hash, line.code))
        .collect();
    let mut blocks: Vec<BlockMaterial> = fs::read_dir(folder.join("blocks"))
        .unwrap()
        .flat_map(|entry| lines(&entry.unwrap().path()))
        .filter(|line| line.starts_with(r#"{"type":"block""#))
        .map(|line| material(serde_json::from_str(&line).unwrap(), &codes))
        .collect();
    blocks.sort_by_key(|material| material.block.number);
    blocks
}

fn material(line: BlockLine, codes: &BTreeMap<B256, Bytes>) -> BlockMaterial {
    let mut prestate = line.prestate;
    for account in prestate.values_mut() {
        if let Some(hash) = account.code_hash.take() {
            account.code = Some(codes[&hash].clone());
        }
    }
    let block_hashes = line.block_hashes.unwrap_or_default();
    let number = |text: &String| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    };
    BlockMaterial {
        chain_id: 1,
        block: line.block,
        prestate: Some(prestate),
        block_hashes: block_hashes.iter().map(|(text, hash)| (number(text), *hash)).collect(),
        ..BlockMaterial::default()
    }
}
