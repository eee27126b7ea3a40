//! Which rules a block follows, and the environment that the EVM is given.
//!
//! Ethereum mainnet's hard forks are known by block number and time. For every other chain the rules are the newest,
//! [`Hardfork::Osaka`]: those that anvil 1.7.1 follows unless told otherwise (it names them `Bpo1`, which is Osaka with
//! a different price of blobs). Whoever knows better says so with
//! [`Replayer::with_hardfork`](crate::replay::Replayer::with_hardfork).
//!
//! Checks that only matter to whoever lets a transaction into a block are off (block gas limit, gas cap of a
//! transaction, senders with code): what is in a block was let in.

use std::str::FromStr;

use alloy_primitives::{B256, U256};
use portcullis_types::{
    ids::ChainId,
    wire::{WireAuthorization, WireBlock, WireTransaction},
};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv, either::Either},
    context_interface::{
        block::BlobExcessGasAndPrice,
        transaction::{AccessList, AccessListItem, Authorization, SignedAuthorization},
    },
    primitives::{TxKind, hardfork::SpecId},
};

use crate::error::SimulateError;

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hardfork {
    /// The beginning, 2015.
    Frontier,
    /// 2016: EIP-2, EIP-7.
    Homestead,
    /// 2016: EIP-150, gas costs of calls.
    Tangerine,
    /// 2016: EIP-158, empty accounts go.
    SpuriousDragon,
    /// 2017: REVERT, STATICCALL, status in receipts.
    Byzantium,
    /// 2019: Constantinople without EIP-1283.
    Petersburg,
    /// 2019: EIP-1884, EIP-2200.
    Istanbul,
    /// 2021: EIP-2929, access lists.
    Berlin,
    /// 2021: EIP-1559, base fee.
    London,
    /// 2022: PREVRANDAO.
    Merge,
    /// 2023: PUSH0, withdrawals.
    Shanghai,
    /// 2024: blobs, transient storage, EIP-6780.
    Cancun,
    /// 2025: EIP-7702, EIP-2935.
    Prague,
    /// 2025: EIP-7825, EIP-7883.
    Osaka,
}

/// Each hard fork with its name, and the block or else the time at which mainnet activated it.
const HARDFORKS: [(Hardfork, &str, Start); 14] = [
    (Hardfork::Frontier, "frontier", Start::Block(0)),
    (Hardfork::Homestead, "homestead", Start::Block(1_150_000)),
    (Hardfork::Tangerine, "tangerine", Start::Block(2_463_000)),
    (Hardfork::SpuriousDragon, "spuriousdragon", Start::Block(2_675_000)),
    (Hardfork::Byzantium, "byzantium", Start::Block(4_370_000)),
    (Hardfork::Petersburg, "petersburg", Start::Block(7_280_000)),
    (Hardfork::Istanbul, "istanbul", Start::Block(9_069_000)),
    (Hardfork::Berlin, "berlin", Start::Block(12_244_000)),
    (Hardfork::London, "london", Start::Block(12_965_000)),
    (Hardfork::Merge, "merge", Start::Block(15_537_394)),
    (Hardfork::Shanghai, "shanghai", Start::Time(1_681_338_455)),
    (Hardfork::Cancun, "cancun", Start::Time(1_710_338_135)),
    (Hardfork::Prague, "prague", Start::Time(1_746_612_311)),
    (Hardfork::Osaka, "osaka", Start::Time(1_764_798_551)),
];

/// How the price of a blob reacts, from when on mainnet (EIP-4844, EIP-7691, EIP-7892).
const BLOB_UPDATE_FRACTIONS: [(u64, u64); 4] = [
    (0, 3_338_477),
    (1_746_612_311, 5_007_716),
    (1_765_290_071, 8_346_193),
    (1_767_747_671, 11_684_671),
];

/// `e^80` wei is the most that a blob can cost here; real prices stay below `e^30`. Beyond `e^88` the computation
/// overflows.
const BLOB_PRICE_EXPONENT_MAX: u64 = 80;

const MAINNET: ChainId = 1;

#[derive(Debug, Clone, Copy)]
enum Start {
    Block(u64),
    Time(u64),
}

impl Hardfork {
    /// The rules of a block.
    pub fn of_block(chain: ChainId, number: u64, timestamp: u64) -> Self {
        if chain != MAINNET {
            return Self::Osaka;
        }
        let started = HARDFORKS.iter().filter(|(_, _, start)| match start {
            Start::Block(first) => *first <= number,
            Start::Time(first) => *first <= timestamp,
        });
        started.map(|(fork, ..)| *fork).max().unwrap_or(Self::Frontier)
    }

    pub(crate) fn spec(self) -> SpecId {
        match self {
            Self::Frontier => SpecId::FRONTIER,
            Self::Homestead => SpecId::HOMESTEAD,
            Self::Tangerine => SpecId::TANGERINE,
            Self::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
            Self::Byzantium => SpecId::BYZANTIUM,
            Self::Petersburg => SpecId::PETERSBURG,
            Self::Istanbul => SpecId::ISTANBUL,
            Self::Berlin => SpecId::BERLIN,
            Self::London => SpecId::LONDON,
            Self::Merge => SpecId::MERGE,
            Self::Shanghai => SpecId::SHANGHAI,
            Self::Cancun => SpecId::CANCUN,
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }
}

/// Reads a name as it is written in configurations: `london`, `Cancun`, `spuriousDragon`.
impl FromStr for Hardfork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = HARDFORKS.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(fork, ..)| *fork).ok_or_else(|| {
            let names: Vec<&str> = HARDFORKS.iter().map(|(_, name, _)| *name).collect();
            format!("`{text}` is not a hard fork: write one of {}", names.join(", "))
        })
    }
}

/// The configuration of the EVM.
pub(crate) fn configuration(chain: ChainId, hardfork: Hardfork) -> CfgEnv {
    let mut configuration = CfgEnv::new_with_spec(hardfork.spec()).with_chain_id(chain);
    configuration.tx_gas_limit_cap = Some(u64::MAX);
    configuration.disable_block_gas_limit = true;
    configuration.disable_eip3607 = true;
    configuration
}

/// The same for calls that nobody signed: no nonce, no price of gas.
pub(crate) fn configuration_for_calls(chain: ChainId, hardfork: Hardfork) -> CfgEnv {
    let mut configuration = configuration(chain, hardfork);
    configuration.disable_nonce_check = true;
    configuration.disable_base_fee = true;
    configuration
}

/// The block as the EVM sees it.
pub(crate) fn block_environment(
    chain: ChainId,
    hardfork: Hardfork,
    block: &WireBlock,
) -> Result<BlockEnv, SimulateError> {
    let number = block.number.to::<u64>();
    let missing =
        |what| SimulateError::incomplete(format!("block {number} does not say its {what}"));
    let basefee = match block.base_fee_per_gas {
        Some(fee) => u64::try_from(fee).map_err(|_| {
            SimulateError::inconsistent(format!("block {number} has a base fee of {fee} wei"))
        })?,
        None if hardfork >= Hardfork::London => return Err(missing("base fee")),
        None => 0,
    };
    let prevrandao = match block.mix_hash {
        Some(hash) => Some(hash),
        None if hardfork >= Hardfork::Merge => return Err(missing("mix hash")),
        None => None,
    };
    Ok(BlockEnv {
        number: U256::from(number),
        beneficiary: block.beneficiary,
        timestamp: U256::from(block.timestamp),
        gas_limit: block.gas_limit.to(),
        basefee,
        difficulty: block.difficulty,
        prevrandao,
        blob_excess_gas_and_price: blob_price(chain, hardfork, block)?,
        slot_num: 0,
    })
}

/// Chains without blobs leave the excess out, which is the same as none.
fn blob_price(
    chain: ChainId,
    hardfork: Hardfork,
    block: &WireBlock,
) -> Result<Option<BlobExcessGasAndPrice>, SimulateError> {
    if hardfork < Hardfork::Cancun {
        return Ok(None);
    }
    let timestamp = block.timestamp.to::<u64>();
    let schedule = BLOB_UPDATE_FRACTIONS.iter().rev();
    let fraction = if chain == MAINNET {
        schedule.clone().find(|(from, _)| *from <= timestamp)
    } else {
        // Anvil's default is the schedule before the newest.
        schedule.clone().nth(1)
    };
    let fraction = fraction.map_or(1, |(_, fraction)| *fraction);
    let excess = block.excess_blob_gas.map_or(0, |gas| gas.to::<u64>());
    if excess / fraction > BLOB_PRICE_EXPONENT_MAX {
        let number = block.number;
        return Err(SimulateError::inconsistent(format!(
            "block {number} has an excess of {excess} blob gas, which no one could pay for"
        )));
    }
    Ok(Some(BlobExcessGasAndPrice::new(excess, fraction)))
}

/// A transaction as the EVM takes it.
pub(crate) fn transaction_environment(
    chain: ChainId,
    transaction: &WireTransaction,
) -> Result<TxEnv, SimulateError> {
    let hash = transaction.hash;
    let price = |fee: U256| {
        u128::try_from(fee).map_err(|_| {
            SimulateError::inconsistent(format!("transaction {hash} offers an impossible fee"))
        })
    };
    let tx_type = transaction_type(transaction)?;
    let dynamic_fee = tx_type >= 2;
    let cap = transaction.max_fee_per_gas.filter(|_| dynamic_fee);
    let fee = cap.or(transaction.gas_price).ok_or_else(|| {
        SimulateError::incomplete(format!("transaction {hash} does not say what it pays for gas"))
    })?;
    let tip = transaction.max_priority_fee_per_gas.filter(|_| dynamic_fee);
    let authorizations = transaction.authorization_list.iter().flatten();
    Ok(TxEnv {
        tx_type,
        caller: transaction.from,
        gas_limit: transaction.gas.to(),
        gas_price: price(fee)?,
        kind: transaction.to.map_or(TxKind::Create, TxKind::Call),
        value: transaction.value,
        data: transaction.input.clone(),
        nonce: transaction.nonce.to(),
        // A legacy transaction need not name its chain, and whether it did is not in the wire form.
        chain_id: (tx_type > 0).then_some(chain),
        access_list: access_list(transaction),
        gas_priority_fee: tip.map(price).transpose()?,
        // Only transactions with blobs have these two.
        blob_hashes: transaction.blob_versioned_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: transaction.max_fee_per_blob_gas.map_or(Ok(0), price)?,
        authorization_list: authorizations
            .map(|signed| signed_authorization(signed).map(Either::Left))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                SimulateError::inconsistent(format!("transaction {hash} has a malformed signature"))
            })?,
    })
}

/// The EIP-2718 type; where the source does not say, that of the fields that are there.
fn transaction_type(transaction: &WireTransaction) -> Result<u8, SimulateError> {
    if let Some(said) = transaction.transaction_type {
        return u8::try_from(said.to::<u64>()).map_err(|_| {
            let hash = transaction.hash;
            SimulateError::inconsistent(format!("transaction {hash} has the unknown type {said}"))
        });
    }
    Ok(if transaction.authorization_list.is_some() {
        4
    } else if transaction.blob_versioned_hashes.is_some() {
        3
    } else if transaction.max_fee_per_gas.is_some() {
        2
    } else {
        u8::from(transaction.access_list.is_some())
    })
}

fn access_list(transaction: &WireTransaction) -> AccessList {
    let entries = transaction.access_list.iter().flatten();
    let items = entries.map(|entry| AccessListItem {
        address: entry.address,
        storage_keys: entry.storage_keys.clone(),
    });
    AccessList(items.collect())
}

fn signed_authorization(signed: &WireAuthorization) -> Option<SignedAuthorization> {
    let authorization = Authorization {
        chain_id: signed.chain_id,
        address: signed.address,
        nonce: signed.nonce.to(),
    };
    let parity = u8::try_from(signed.y_parity.to::<u64>()).ok()?;
    Some(SignedAuthorization::new_unchecked(authorization, parity, signed.r, signed.s))
}

/// Where EIP-2935 keeps the hash of the parent of block `number`.
pub(crate) fn parent_hash_slot(number: u64) -> U256 {
    const WINDOW_BLOCKS: u64 = 8_191;
    U256::from(number.saturating_sub(1) % WINDOW_BLOCKS)
}

/// The EIP-2935 contract.
pub(crate) const HISTORY: alloy_primitives::Address =
    alloy_primitives::address!("0000F90827F1C53a10cb7A02335B175320002935");

/// A word of storage as the EVM holds it.
pub(crate) fn word(value: B256) -> U256 {
    value.into()
}
