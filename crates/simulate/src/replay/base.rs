//! State as it was given: never changed, and never silently zero where it says nothing.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256, map::HashSet};
use portcullis_types::wire::{Prestate, WireAccount};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    database::{AccountState, CacheDB, DbAccount},
    database_interface::DBErrorMarker,
    state::AccountInfo,
};

use crate::error::SimulateError;

/// What state that was not given means.
///
/// In both cases a transaction finds an account that was not given empty, because neither recordings nor
/// `prestateTracer` name accounts that do not exist yet. If it was a contract after all, gas will differ from what
/// receipts or header say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingState {
    /// A slot, code or block hash that was not given makes the data incomplete, and so does an account that a probe
    /// asks for. For recordings of blocks, which hold all that the block reads.
    #[default]
    Error,
    /// It is zero. For states put together by hand that say so.
    Zero,
}

/// State that was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    #[error("account {0} is not in the state")]
    Account(Address),
    #[error("slot {1} of {0} is not in the state")]
    Slot(Address, B256),
    #[error("code {0} is not in the state")]
    Code(B256),
    #[error("the hash of block {0} is not known")]
    BlockHash(u64),
}

impl DBErrorMarker for Missing {}

/// Answers where the state that was given, which stands in the cache above it, does not.
#[derive(Debug, Default)]
pub(crate) struct Base {
    given: HashSet<Address>,
    missing: MissingState,
}

/// The state that a replayer stands on: what was given, and what execution made of it.
pub(crate) type State = CacheDB<Base>;

/// Puts a state together. Code is looked through for its jump targets here, once.
pub(crate) fn load(
    prestate: &Prestate,
    block_hashes: &BTreeMap<u64, B256>,
    missing: MissingState,
) -> Result<State, SimulateError> {
    let given = prestate.keys().copied().collect();
    let mut state = CacheDB::new(Base { given, missing });
    for (address, account) in prestate {
        let code = code(*address, account)?;
        // Accounts are given by what is not zero in them.
        let info = AccountInfo {
            balance: account.balance.unwrap_or(U256::ZERO),
            nonce: account.nonce.unwrap_or(0),
            code_hash: code.as_ref().map_or(KECCAK256_EMPTY, |(hash, _)| *hash),
            account_id: None,
            code: code.map(|(_, code)| code),
        };
        state.insert_contract(&mut info.clone());
        let storage = account.storage.iter();
        let storage = storage.map(|(slot, value)| ((*slot).into(), (*value).into()));
        // An account that was given exists even if it is empty: before EIP-161 there is a difference, and recordings
        // keep it.
        let account =
            DbAccount { info, account_state: AccountState::None, storage: storage.collect() };
        state.cache.accounts.insert(*address, account);
    }
    for (number, hash) in block_hashes {
        state.cache.block_hashes.insert(U256::from(*number), *hash);
    }
    Ok(state)
}

/// The code of an account and its hash; none if it has no code.
fn code(
    address: Address,
    account: &WireAccount,
) -> Result<Option<(B256, Bytecode)>, SimulateError> {
    match (&account.code, account.code_hash) {
        (Some(code), _) if !code.is_empty() => {
            // What begins like a delegation but is none can only be old code, which runs as it is.
            let runnable = Bytecode::new_raw_checked(code.clone())
                .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
            Ok(Some((keccak256(code), runnable)))
        }
        (None, Some(hash)) if hash != KECCAK256_EMPTY && !hash.is_zero() => {
            Err(SimulateError::incomplete(format!(
                "the code {hash} of {address} stands in another file that was not read"
            )))
        }
        _ => Ok(None),
    }
}

impl Base {
    /// Whether something is known of `address`, or may be taken for known.
    pub(crate) fn holds(&self, address: Address) -> bool {
        self.missing == MissingState::Zero || self.given.contains(&address)
    }

    fn zero_or<T: Default>(&self, missing: Missing) -> Result<T, Missing> {
        match self.missing {
            MissingState::Zero => Ok(T::default()),
            MissingState::Error => Err(missing),
        }
    }
}

impl DatabaseRef for Base {
    type Error = Missing;

    fn basic_ref(&self, _: Address) -> Result<Option<AccountInfo>, Missing> {
        Ok(None)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Missing> {
        Err(Missing::Code(hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        self.zero_or(Missing::Slot(address, slot.into()))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Missing> {
        self.zero_or(Missing::BlockHash(number))
    }
}
