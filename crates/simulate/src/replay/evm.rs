//! The EVM, and where it is listened to: when a frame begins or ends, at SSTORE and at SELFDESTRUCT. Between those it
//! runs as it does for anybody else, which is why this costs so little: an inspector would be asked at every step.

use std::marker::PhantomData;

use alloy_primitives::{Address, Bytes, U256};
use portcullis_types::evidence::{CallKind, INPUT_BYTES_MAX};
use revm::{
    Context, DatabaseCommit, Journal, MainBuilder, MainContext, MainnetEvm,
    bytecode::opcode,
    context::{
        BlockEnv, CfgEnv, ContextSetters, ContextTr, JournalEntry, JournalTr, LocalContextTr,
        TxEnv,
        result::{EVMError, ExecutionResult, HaltReason},
    },
    handler::{EvmTr, FrameResult, Handler, ItemOrResult},
    inspector::JournalExt,
    interpreter::{
        CallInput, CallInputs, CallScheme, CreateInputs, CreateScheme, FrameInput, Instruction,
        InstructionContext, InstructionExecResult, InstructionResult, instructions::host,
        interpreter::EthInterpreter, interpreter_action::FrameInit,
    },
    state::EvmState,
};

use super::{Missing, State, record::Recorder};
use crate::builder::{Entry, cut};

type Ctx<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut State, Journal<&'a mut State>, Recorder>;

type Refused = EVMError<Missing>;

/// An EVM over a state, in one block, that records.
pub(crate) struct RecordingEvm<'a> {
    evm: MainnetEvm<Ctx<'a>>,
}

impl<'a> RecordingEvm<'a> {
    pub(crate) fn new(state: &'a mut State, configuration: CfgEnv, block: BlockEnv) -> Self {
        let context = Context::mainnet()
            .with_db(state)
            .with_chain(Recorder::default())
            .with_cfg(configuration)
            .with_block(block);
        let mut evm = context.build_mainnet();
        let table = evm.instruction.instruction_table_mut();
        let listening = [
            (opcode::SSTORE, Instruction::new(sstore)),
            (opcode::SELFDESTRUCT, Instruction::new(selfdestruct)),
        ];
        for (opcode, instruction) in listening {
            if let Some(place) = table.get_mut(usize::from(opcode)) {
                *place = instruction;
            }
        }
        Self { evm }
    }

    /// Executes a transaction. What it changed is not kept before [`RecordingEvm::commit`].
    pub(crate) fn run(
        &mut self,
        transaction: TxEnv,
    ) -> Result<(ExecutionResult<HaltReason>, EvmState), Refused> {
        self.evm.ctx.chain.clear();
        self.evm.ctx.set_tx(transaction);
        let result = Listener(PhantomData).run(&mut self.evm);
        // Also after an error, so that nothing of it is left in the journal.
        let state = self.evm.ctx.journal_mut().finalize();
        Ok((result?, state))
    }

    /// What was recorded of the transaction that ran last.
    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        &mut self.evm.ctx.chain
    }

    /// The state without what the transaction that ran last changed.
    pub(crate) fn state(&self) -> &State {
        self.evm.ctx.journaled_state.database
    }

    pub(crate) fn commit(&mut self, state: EvmState) {
        self.evm.ctx.journaled_state.database.commit(state);
    }
}

/// The mainnet's way of running a transaction, with a record of each frame.
struct Listener<'a>(PhantomData<&'a mut State>);

impl<'a> Handler for Listener<'a> {
    type Evm = MainnetEvm<Ctx<'a>>;
    type Error = Refused;
    type HaltReason = HaltReason;

    fn run_exec_loop(
        &mut self,
        evm: &mut Self::Evm,
        first: FrameInit,
    ) -> Result<FrameResult, Refused> {
        if let Some(result) = enter(evm, first)? {
            return Ok(result);
        }
        loop {
            let result = match evm.frame_run()? {
                ItemOrResult::Item(call) => match enter(evm, call)? {
                    Some(result) => result,
                    None => continue,
                },
                ItemOrResult::Result(result) => {
                    leave(evm, &result);
                    result
                }
            };
            if let Some(result) = evm.frame_return_result(result)? {
                return Ok(result);
            }
        }
    }
}

/// Begins a frame; gives its result if it is over already.
fn enter(evm: &mut MainnetEvm<Ctx<'_>>, call: FrameInit) -> Result<Option<FrameResult>, Refused> {
    let entry = match &call.frame_input {
        FrameInput::Call(inputs) => called(&evm.ctx, inputs),
        FrameInput::Create(inputs) => created(inputs),
        FrameInput::Empty => Entry::destruction(Address::ZERO, U256::ZERO),
    };
    let logs = evm.ctx.journaled_state.logs().len();
    let creation_code = match &call.frame_input {
        FrameInput::Create(inputs) => Some(inputs.init_code().clone()),
        _ => None,
    };
    let is_creation = creation_code.is_some();
    evm.ctx.chain.enter(entry, creation_code, logs);
    match evm.frame_init(call)? {
        ItemOrResult::Item(frame) => {
            let address = frame.interpreter.input.target_address;
            if is_creation {
                evm.ctx.chain.creates(address);
            }
            Ok(None)
        }
        ItemOrResult::Result(result) => {
            leave(evm, &result);
            Ok(Some(result))
        }
    }
}

fn leave(evm: &mut MainnetEvm<Ctx<'_>>, result: &FrameResult) {
    let (failed, output) = match result {
        FrameResult::Call(outcome) => (!outcome.result.result.is_ok(), &outcome.result.output),
        // Where the creator's nonce is at its end the EVM says that all is well, and creates nothing.
        FrameResult::Create(outcome) => {
            let failed = !outcome.result.result.is_ok() || outcome.address.is_none();
            (failed, &outcome.result.output)
        }
    };
    let logs = evm.ctx.journaled_state.logs().len();
    evm.ctx.chain.leave(failed, output, logs);
}

fn called(context: &Ctx<'_>, inputs: &CallInputs) -> Entry {
    let kind = match inputs.scheme {
        CallScheme::Call => CallKind::Call,
        CallScheme::CallCode => CallKind::CallCode,
        CallScheme::DelegateCall => CallKind::DelegateCall,
        CallScheme::StaticCall => CallKind::StaticCall,
    };
    let to = match inputs.scheme {
        CallScheme::DelegateCall | CallScheme::CallCode => inputs.bytecode_address,
        CallScheme::Call | CallScheme::StaticCall => inputs.target_address,
    };
    let (input, input_length) = match &inputs.input {
        CallInput::Bytes(bytes) => cut(bytes),
        CallInput::SharedBuffer(range) => {
            match context.local.shared_memory_buffer_slice(range.clone()) {
                Some(all) => {
                    let kept = all.get(..INPUT_BYTES_MAX).unwrap_or(&all);
                    (Bytes::copy_from_slice(kept), u32::try_from(all.len()).unwrap_or(u32::MAX))
                }
                None => (Bytes::new(), 0),
            }
        }
    };
    Entry { kind, sender: inputs.caller, to, value: inputs.call_value(), input, input_length }
}

/// Where the contract will stand is not known before the frame has begun.
fn created(inputs: &CreateInputs) -> Entry {
    let kind = match inputs.scheme() {
        CreateScheme::Create2 { .. } => CallKind::Create2,
        CreateScheme::Create | CreateScheme::Custom { .. } => CallKind::Create,
    };
    let (input, input_length) = cut(inputs.init_code());
    let (sender, to, value) = (inputs.caller(), Address::ZERO, inputs.value());
    Entry { kind, sender, to, value, input, input_length }
}

type Instructed<'i, 'a> = InstructionContext<'i, Ctx<'a>, EthInterpreter>;

fn sstore(context: Instructed<'_, '_>) -> InstructionExecResult {
    if let Ok(slot) = context.interpreter.stack.peek(0) {
        context.host.chain.write(slot);
    }
    host::sstore(context)
}

fn selfdestruct(context: Instructed<'_, '_>) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    let before = host.journaled_state.journal().len();
    let result = host::selfdestruct(InstructionContext { interpreter, host: &mut *host });
    if result == Err(InstructionResult::SelfDestruct) {
        let entries = host.journaled_state.journal().get(before..).unwrap_or_default();
        let moved = match entries.last() {
            Some(JournalEntry::AccountDestroyed { target, had_balance, .. }) => {
                Some((*target, *had_balance))
            }
            Some(JournalEntry::BalanceTransfer { to, balance, .. }) => Some((*to, *balance)),
            _ => None,
        };
        let logs = host.journaled_state.logs().len();
        host.chain.destroy(moved, logs);
    }
    result
}
