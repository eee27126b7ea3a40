//! State as it was given: never changed, and never silently zero where it says nothing.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256, map::HashMap};
use portcullis_types::wire::{Prestate, WireAccount};
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
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

/// State before a block.
#[derive(Debug, Default)]
pub(crate) struct Base {
    accounts: HashMap<Address, BaseAccount>,
    codes: HashMap<B256, Bytes>,
    block_hashes: BTreeMap<u64, B256>,
    missing: MissingState,
}

#[derive(Debug)]
struct BaseAccount {
    info: AccountInfo,
    storage: HashMap<U256, U256>,
}

impl Base {
    pub(crate) fn new(
        prestate: &Prestate,
        block_hashes: &BTreeMap<u64, B256>,
        missing: MissingState,
    ) -> Result<Self, SimulateError> {
        let mut base = Self { block_hashes: block_hashes.clone(), missing, ..Self::default() };
        for (address, account) in prestate {
            let info = base.info(*address, account)?;
            let storage = account.storage.iter();
            let storage = storage.map(|(slot, value)| ((*slot).into(), (*value).into()));
            let account = BaseAccount { info, storage: storage.collect() };
            base.accounts.insert(*address, account);
        }
        Ok(base)
    }

    /// Whether something is known of `address`, or may be taken for known.
    pub(crate) fn holds(&self, address: Address) -> bool {
        self.missing == MissingState::Zero || self.accounts.contains_key(&address)
    }

    fn info(
        &mut self,
        address: Address,
        account: &WireAccount,
    ) -> Result<AccountInfo, SimulateError> {
        let code_hash = match (&account.code, account.code_hash) {
            (Some(code), _) if !code.is_empty() => {
                let hash = keccak256(code);
                self.codes.insert(hash, code.clone());
                hash
            }
            (None, Some(hash)) if hash != KECCAK256_EMPTY && !hash.is_zero() => {
                return Err(SimulateError::incomplete(format!(
                    "the code {hash} of {address} stands in another file that was not read"
                )));
            }
            _ => KECCAK256_EMPTY,
        };
        // Accounts are given by what is not zero in them.
        Ok(AccountInfo {
            balance: account.balance.unwrap_or(U256::ZERO),
            nonce: account.nonce.unwrap_or(0),
            code_hash,
            account_id: None,
            code: None,
        })
    }
}

impl DatabaseRef for Base {
    type Error = Missing;

    /// An account that was given exists even if it is empty: before EIP-161 there is a difference, and recordings keep it.
    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        Ok(self.accounts.get(&address).map(|account| account.info.clone()))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Missing> {
        let code = self.codes.get(&hash).ok_or(Missing::Code(hash))?;
        // What begins like a delegation but is none can only be old code, which runs as it is.
        Ok(Bytecode::new_raw_checked(code.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(code.clone())))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        let known = self.accounts.get(&address).and_then(|account| account.storage.get(&slot));
        match known {
            Some(value) => Ok(*value),
            None if self.missing == MissingState::Zero => Ok(U256::ZERO),
            None => Err(Missing::Slot(address, slot.into())),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Missing> {
        match self.block_hashes.get(&number) {
            Some(hash) => Ok(*hash),
            None if self.missing == MissingState::Zero => Ok(B256::ZERO),
            None => Err(Missing::BlockHash(number)),
        }
    }
}
