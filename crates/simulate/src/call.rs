//! Calls on a state that stays as it is.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{ids::ChainId, text::printable, wire::WireBlock};
use revm::{
    Context, DatabaseCommit, DatabaseRef, InspectEvm, Inspector, MainBuilder, MainContext,
    bytecode::Bytecode,
    bytecode::opcode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{ExecutionResult, Output},
    },
    database::CacheDB,
    handler::EthPrecompiles,
    interpreter::{Interpreter, interpreter_types::Jumps},
    primitives::TxKind,
    state::AccountInfo,
};

use crate::{
    error::SimulateError,
    replay::{Missing, Replayer, State},
    rules,
};

/// Gas of a view call: more than any real one needs, and little enough to end soon.
pub(crate) const VIEW_GAS_MAX: u64 = 30_000_000;

/// A call that nobody signed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) gas_limit: u64,
}

impl Call {
    /// A view call, from nobody.
    pub(crate) fn view(to: Address, data: Bytes) -> Self {
        Self { from: Address::ZERO, to, value: U256::ZERO, data, gas_limit: VIEW_GAS_MAX }
    }
}

/// How a call ended.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    /// Its return data, or why it failed.
    pub(crate) output: Result<Bytes, String>,
    pub(crate) gas_used: u64,
    /// Slots read or written, sorted.
    pub(crate) slots: Vec<(Address, B256)>,
    /// Whether it looked at something that may change without a slot changing.
    pub(crate) looked_outside: bool,
}

/// A state, seen so that an account of which nothing is known is an error, if `strict`.
struct Known<'a> {
    state: &'a State,
    strict: bool,
}

impl DatabaseRef for Known<'_> {
    type Error = Missing;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        let account = self.state.basic_ref(address)?;
        // Execution may have made accounts that were not given.
        if account.is_none() && self.strict && !self.state.db.holds(address) {
            return Err(Missing::Account(address));
        }
        Ok(account)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.state.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        self.state.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Missing> {
        self.state.block_hash_ref(number)
    }
}

/// A layer over a state: what is written to it is forgotten with it.
pub(crate) struct Scratch<'a> {
    state: CacheDB<Known<'a>>,
    configuration: CfgEnv,
    block: BlockEnv,
    chain: ChainId,
}

impl<'a> Scratch<'a> {
    /// A layer over the state of `replayer`, in `block`. If `strict`, an account of which nothing is known is an error
    /// and not empty.
    pub(crate) fn new(
        replayer: &'a Replayer,
        block: &WireBlock,
        strict: bool,
    ) -> Result<Self, SimulateError> {
        let (chain, hardfork) = (replayer.chain_id(), replayer.hardfork_of(block));
        let block = rules::block_environment(chain, hardfork, block)?;
        let mut scratch = Self {
            state: CacheDB::new(Known { state: replayer.state()?, strict }),
            configuration: rules::configuration_for_calls(chain, hardfork),
            block,
            chain,
        };
        // The EVM loads who calls, who is paid and what is built in, of which a state need not know anything.
        scratch.suppose(Address::ZERO);
        scratch.suppose(scratch.block.beneficiary);
        for precompile in EthPrecompiles::new(hardfork.spec()).warm_addresses() {
            scratch.suppose(*precompile);
        }
        Ok(scratch)
    }

    /// Takes `address` for an empty account if the state does not know it.
    pub(crate) fn suppose(&mut self, address: Address) {
        if self.state.basic_ref(address).is_err() {
            self.state.insert_account_info(address, AccountInfo::default());
        }
    }

    pub(crate) fn account(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        self.state.basic_ref(address)
    }

    pub(crate) fn slot(&self, address: Address, slot: B256) -> Result<U256, Missing> {
        // An account that does not exist has no slots; of one that was not given nothing is known.
        match self.state.basic_ref(address)? {
            Some(_) => self.state.storage_ref(address, slot.into()),
            None => Ok(U256::ZERO),
        }
    }

    /// Plays a call; keeps what it changes in this layer if `keep`.
    pub(crate) fn play(&mut self, call: Call, keep: bool) -> Result<Played, String> {
        let transaction = TxEnv {
            caller: call.from,
            kind: TxKind::Call(call.to),
            value: call.value,
            data: call.data,
            gas_limit: call.gas_limit,
            gas_price: 0,
            chain_id: Some(self.chain),
            ..TxEnv::default()
        };
        let context = Context::mainnet()
            .with_db(&mut self.state)
            .with_cfg(self.configuration.clone())
            .with_block(self.block.clone());
        let mut evm = context.build_mainnet_with_inspector(Outlook::default());
        let outcome = evm.inspect_tx(transaction).map_err(|error| printable(&error.to_string()))?;
        let looked_outside = evm.inspector.looked_outside;
        let mut slots = Vec::new();
        for (address, account) in &outcome.state {
            slots.extend(account.storage.keys().map(|slot| (*address, B256::from(*slot))));
        }
        slots.sort_unstable();
        let gas_used = outcome.result.tx_gas_used();
        let output = output_of(outcome.result);
        if keep {
            self.state.commit(outcome.state);
        }
        Ok(Played { output, gas_used, slots, looked_outside })
    }
}

fn output_of(result: ExecutionResult) -> Result<Bytes, String> {
    match result {
        ExecutionResult::Success {
            output: Output::Call(data) | Output::Create(data, _), ..
        } => Ok(data),
        ExecutionResult::Revert { output, .. } => Err(reason(&output)),
        ExecutionResult::Halt { reason, .. } => Err(printable(&format!("halted: {reason:?}"))),
    }
}

/// A revert's reason: the text of `Error(string)`, or the first bytes.
fn reason(output: &Bytes) -> String {
    const ERROR_STRING: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
    let text = output.strip_prefix(&ERROR_STRING).and_then(|data| {
        let length = usize::try_from(U256::from_be_slice(data.get(32..64)?)).ok()?;
        let text = data.get(64..64usize.checked_add(length)?)?;
        Some(printable(&String::from_utf8_lossy(text)))
    });
    match text {
        Some(text) => format!("reverted: {text}"),
        None if output.is_empty() => "reverted without a reason".to_owned(),
        None => {
            let shown = output.get(..output.len().min(36)).unwrap_or_default();
            format!("reverted with {}", Bytes::copy_from_slice(shown))
        }
    }
}

/// Notices whether a call looks at something that may change without a slot changing: time, the block, balances.
#[derive(Debug, Default)]
struct Outlook {
    looked_outside: bool,
}

impl<CTX> Inspector<CTX> for Outlook {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        self.looked_outside |= matches!(
            interpreter.bytecode.opcode(),
            opcode::BALANCE
                | opcode::SELFBALANCE
                | opcode::EXTCODESIZE
                | opcode::EXTCODECOPY
                | opcode::EXTCODEHASH
                | opcode::BLOCKHASH
                | opcode::COINBASE
                | opcode::TIMESTAMP
                | opcode::NUMBER
                | opcode::DIFFICULTY
                | opcode::GASLIMIT
                | opcode::BASEFEE
                | opcode::BLOBBASEFEE
                | opcode::BLOBHASH
        );
    }
}
