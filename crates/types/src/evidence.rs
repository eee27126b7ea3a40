//! Evidence: one executed (or simulated) transaction seen whole. The heart of the program: everything a detector may
//! know is here, and both ways of making it (a node's traces, our own re-execution) give the same value.

use alloy_primitives::{Address, B256, Bytes, I256, Selector, U256};
use serde::{Deserialize, Serialize};

use crate::{chain::BlockId, ids::ChainId, money::Asset};

/// One transaction seen whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Chain.
    pub chain: ChainId,
    /// Block it is in.
    pub block: BlockId,
    /// Seconds since the epoch, as the block says.
    pub timestamp: u64,
    /// Place in the block, from 0.
    pub index: u32,
    /// Transaction hash.
    pub hash: B256,
    /// Sender; the zero address where `known.callers` is `false`.
    pub from: Address,
    /// Callee, or the created contract.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: U256,
    /// Gas used by the transaction; none where a recording does not say.
    pub gas_used: Option<u64>,
    /// Whether it took effect. A failed transaction has frames but no flows, logs or changes.
    pub success: bool,
    /// What could be seen.
    pub known: Known,
    /// All frames in the order in which they were entered; the first is the transaction's own.
    pub frames: Vec<Frame>,
    /// Logs that took effect, in order.
    pub logs: Vec<Log>,
    /// Single movements that took effect, in order.
    pub transfers: Vec<Transfer>,
    /// Movements netted per holder and asset, sorted; zero sums are left out.
    pub flows: Vec<Flow>,
    /// Slots that differ afterwards, sorted by address and slot.
    pub storage: Vec<StorageChange>,
    /// Accounts whose code differs afterwards, sorted by address.
    pub code: Vec<CodeChange>,
    /// Contracts created, in order.
    pub created: Vec<Created>,
    /// Contracts that were entered again while they were running.
    pub reentries: Vec<Reentry>,
    /// Hash of the normalised call tree: kinds, callees and selectors in order, without amounts
    /// (control-flow novelty, CrossGuard, arXiv 2504.05509).
    pub call_tree_hash: B256,
}

/// What could be seen of a transaction. `false` means unknown, never "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Logs.
    pub logs: bool,
    /// Storage and code changes.
    pub state: bool,
    /// Who called whom: the sender, the callers and parents of frames. Where it is `false`, `from` is the zero address,
    /// no frame has a parent, `to` of none says only that the first entry was not the transaction's own, the context of
    /// a delegate call may be the zero address, and re-entries could not be seen.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub callers: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

/// How a frame was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallKind {
    /// CALL.
    Call,
    /// STATICCALL.
    StaticCall,
    /// DELEGATECALL: the callee's code on the caller's storage.
    DelegateCall,
    /// CALLCODE, the older form of the same.
    CallCode,
    /// CREATE.
    Create,
    /// CREATE2.
    Create2,
    /// SELFDESTRUCT: `to` receives the balance.
    SelfDestruct,
}

/// One frame of the call tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Index of the frame that entered this one; none for the first.
    pub parent: Option<u32>,
    /// How it was entered.
    pub kind: CallKind,
    /// Caller (the storage context of the caller).
    pub from: Address,
    /// Whose code runs.
    pub to: Address,
    /// Whose storage it runs on: `to`, or the caller's context for delegate calls.
    pub context: Address,
    /// Wei.
    pub value: U256,
    /// Call data, at most [`INPUT_BYTES_MAX`] bytes of it.
    pub input: Bytes,
    /// Length of the call data before it was cut.
    pub input_length: u32,
    /// Whether this frame and all frames around it took effect.
    pub effective: bool,
    /// Whether this frame itself ended in a failure.
    pub failed: bool,
}

/// Most bytes of call data kept of a frame: enough for a selector and 31 words.
pub const INPUT_BYTES_MAX: usize = 4 + 31 * 32;

impl Frame {
    /// The function selector, if the call data is long enough to hold one and this is no creation.
    pub fn selector(&self) -> Option<[u8; 4]> {
        match self.kind {
            CallKind::Create | CallKind::Create2 | CallKind::SelfDestruct => None,
            _ => self.input.get(..4).and_then(|bytes| bytes.try_into().ok()),
        }
    }
}

/// A log that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Who emitted it.
    pub address: Address,
    /// Topics.
    pub topics: Vec<B256>,
    /// Data.
    pub data: Bytes,
}

/// One movement of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// What moved.
    pub asset: Asset,
    /// From whom; zero for a mint.
    pub from: Address,
    /// To whom; zero for a burn.
    pub to: Address,
    /// How much, in smallest units; 1 for an ERC-721 token.
    pub amount: U256,
    /// ERC-721 token id; none for fungible tokens and the native coin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<U256>,
}

/// What a holder gained or lost of an asset over the whole transaction. Gas is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Who.
    pub holder: Address,
    /// What.
    pub asset: Asset,
    /// Gained (positive) or lost.
    pub delta: I256,
}

/// A slot that differs afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageChange {
    /// Whose storage.
    pub address: Address,
    /// Slot.
    pub slot: B256,
    /// Value before.
    pub before: B256,
    /// Value after.
    pub after: B256,
}

/// An account whose code differs afterwards (creation, destruction, EIP-7702 delegation).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChange {
    /// Whose code.
    pub address: Address,
    /// keccak256 of the code before; none if there was none.
    pub before: Option<B256>,
    /// keccak256 of the code after; none if there is none.
    pub after: Option<B256>,
    /// The account delegated to, where the code is `0xef0100 ‖ address` (EIP-7702).
    pub delegate: Option<Address>,
}

/// A contract that was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Its address.
    pub address: Address,
    /// Who created it.
    pub creator: Address,
    /// What its code looks like; none in evidence made before this was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Box<CodeFeatures>>,
}

/// What the code of a created contract looks like to a linear sweep. Constants of the code and of the creation code's
/// arguments, without saying what they are used for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeFeatures {
    /// Bytes of the code that runs.
    pub length: u32,
    /// Bytes of the creation code with its arguments.
    pub creation_length: u32,
    /// Constants that may be addresses, as they first stand, each once, at most [`EMBEDDED_MAX`].
    pub embedded: Vec<Address>,
    /// Selectors that call data is compared with: functions of its own. At most [`SELECTORS_MAX`].
    pub functions: Vec<Selector>,
    /// Other constants of four bytes, most of them selectors of functions it calls. At most [`SELECTORS_MAX`].
    pub calls: Vec<Selector>,
    /// Instructions.
    pub n_instructions: u32,
    /// CALL, CALLCODE, DELEGATECALL and STATICCALL among them.
    pub n_calls: u32,
    /// DELEGATECALL and CALLCODE among them.
    pub n_delegate_calls: u32,
    /// Whether SELFDESTRUCT is among them.
    pub self_destruct: bool,
}

/// Most addresses kept of a contract's code. Attack contracts embed 9.63 on average (methods, §1.3).
pub const EMBEDDED_MAX: usize = 64;

/// Most selectors kept of a contract's code, of its own functions and of others each.
pub const SELECTORS_MAX: usize = 256;

/// A contract entered again, with a call that may write, while an earlier frame on its storage had not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reentry {
    /// The contract (storage context).
    pub contract: Address,
    /// Index of the frame that was running.
    pub outer: u32,
    /// Index of the frame that entered again.
    pub inner: u32,
    /// The contracts between the two, outermost first: through whom the call came back.
    pub through: Vec<Address>,
    /// Whether the outer frame wrote its storage after the inner one had ended: what makes re-entry dangerous.
    pub write_after: WriteAfter,
}

/// The order of writes needs more than a call tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriteAfter {
    /// These slots were written after the inner frame had ended.
    Slots(Vec<B256>),
    /// Nothing was written afterwards.
    Nothing,
    /// The order could not be seen.
    Unknown,
}

/// How Evidence of a block was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// From a node's callTracer and prestateTracer.
    NodeTraces,
    /// By executing the block again over its prestate.
    Reexecution,
    /// From a call tree alone, without state.
    CallTreeOnly,
}

impl Evidence {
    /// Whether any of `watched` (sorted or not, given as a predicate) took part: as caller, callee or storage context of
    /// a frame, as holder of a flow, as emitter of a log, through a change of its storage or code, or as a constant in the
    /// code of a contract that was created.
    pub fn touches(&self, watched: impl Fn(&Address) -> bool) -> bool {
        self.frames.iter().any(|f| watched(&f.from) || watched(&f.to) || watched(&f.context))
            || self.transfers.iter().any(|t| watched(&t.from) || watched(&t.to))
            || self.logs.iter().any(|log| watched(&log.address))
            || self.storage.iter().any(|change| watched(&change.address))
            || self.code.iter().any(|change| watched(&change.address))
            || self
                .created
                .iter()
                .filter_map(|created| created.features.as_ref())
                .any(|features| features.embedded.iter().any(&watched))
    }
}
