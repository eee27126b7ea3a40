//! What a transaction's bytes say it does: the Safe's own functions, tokens, and batches taken apart.
//!
//! A name here is only what the selector says. By delegatecall even `transfer(address,uint256)` may write slot 0; what
//! the transaction does is seen when it is played.

use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use alloy_sol_types::{SolCall, sol};
use serde::Serialize;

use super::{Change, Operation, SafeTx};

/// Most calls of a batch that are taken apart; a longer one is refused.
pub const STEPS_MAX: usize = 256;
/// Deepest batch within a batch that is taken apart.
pub const DEPTH_MAX: usize = 4;

sol! {
    function addOwnerWithThreshold(address owner, uint256 threshold);
    function removeOwner(address previous, address owner, uint256 threshold);
    function swapOwner(address previous, address owner, address successor);
    function changeThreshold(uint256 threshold);
    function enableModule(address module);
    function disableModule(address previous, address module);
    function setGuard(address guard);
    function setModuleGuard(address guard);
    function setFallbackHandler(address handler);
    function changeMasterCopy(address singleton);
    function multiSend(bytes transactions);
    function transfer(address to, uint256 amount);
    function transferFrom(address from, address to, uint256 amount);
    function approve(address spender, uint256 amount);
    function notAfter(uint256 deadline);
}

/// One call of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its place: `1`, and `1.2` for the second call of a batch.
    pub place: String,
    /// Callee.
    pub to: Address,
    /// Wei sent along.
    pub value: U256,
    /// Call or delegatecall.
    pub operation: Operation,
    /// First four bytes of its data; none where there are fewer.
    pub selector: Option<FixedBytes<4>>,
    /// What the bytes say, in plain words.
    pub says: String,
    /// What it says it changes about the Safe's rule, if it is a call of the Safe to itself.
    pub changes: Vec<Change>,
    /// Whether it is a call of the Safe to itself that we do not know.
    pub unknown_to_self: bool,
}

/// A batch that cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the batch at {place} {problem}")]
pub struct BadBatch {
    /// Place of the call.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Takes a transaction apart, outermost call first.
///
/// # Errors
/// A batch whose packing is not that of MultiSend, or that is larger than [`STEPS_MAX`] or [`DEPTH_MAX`].
pub fn steps(safe: Address, tx: &SafeTx) -> Result<Vec<Step>, BadBatch> {
    let mut out = Vec::new();
    let outer = Packed { operation: tx.operation, to: tx.to, value: tx.value, data: &tx.data };
    unpack(safe, &outer, "1", 0, &mut out)?;
    Ok(out)
}

/// One call as MultiSend packs it: `operation(1) ‖ to(20) ‖ value(32) ‖ length(32) ‖ data`.
struct Packed<'a> {
    operation: Operation,
    to: Address,
    value: U256,
    data: &'a [u8],
}

fn unpack(
    safe: Address,
    call: &Packed<'_>,
    place: &str,
    depth: usize,
    out: &mut Vec<Step>,
) -> Result<(), BadBatch> {
    let bad = |problem: String| BadBatch { place: place.to_owned(), problem };
    if out.len() >= STEPS_MAX {
        return Err(bad(format!("has more than {STEPS_MAX} calls: divide it")));
    }
    let batch = inner_of(call).map_err(&bad)?;
    out.push(describe(safe, call, place.to_owned(), batch.is_some()));
    let Some(batch) = batch else { return Ok(()) };
    if depth >= DEPTH_MAX {
        return Err(bad(format!("lies deeper than {DEPTH_MAX} batches: make it flat")));
    }
    let mut rest: &[u8] = &batch;
    let mut index = 1;
    while !rest.is_empty() {
        let (inner, after) = next_packed(rest).ok_or_else(|| {
            bad(format!("is cut off or malformed at its call {index}: have it made again"))
        })?;
        unpack(safe, &inner, &format!("{place}.{index}"), depth + 1, out)?;
        (rest, index) = (after, index + 1);
    }
    Ok(())
}

/// The packed calls of a batch; none where the call is no batch.
fn inner_of(call: &Packed<'_>) -> Result<Option<Bytes>, String> {
    if call.data.get(..4) != Some(&multiSendCall::SELECTOR) {
        return Ok(None);
    }
    let decoded = multiSendCall::abi_decode(call.data)
        .map_err(|_| "is called multiSend(bytes) and is none: have it made again".to_owned())?;
    Ok(Some(decoded.transactions))
}

fn next_packed(bytes: &[u8]) -> Option<(Packed<'_>, &[u8])> {
    let operation = match bytes.first()? {
        0 => Operation::Call,
        1 => Operation::DelegateCall,
        _ => return None,
    };
    let to = Address::from_slice(bytes.get(1..21)?);
    let value = U256::from_be_slice(bytes.get(21..53)?);
    let length = usize::try_from(U256::from_be_slice(bytes.get(53..85)?)).ok()?;
    let end = length.checked_add(85)?;
    Some((Packed { operation, to, value, data: bytes.get(85..end)? }, bytes.get(end..)?))
}

fn describe(safe: Address, call: &Packed<'_>, place: String, is_batch: bool) -> Step {
    let selector = call.data.get(..4).map(FixedBytes::from_slice);
    let is_self = call.to == safe && call.operation == Operation::Call;
    let changes = if is_self { admin(call.data) } else { None };
    let mut says = match (is_batch, &changes) {
        (true, _) if call.operation == Operation::Call => {
            "multiSend(bytes), called and not delegated to: its calls would not be the Safe's own"
                .to_owned()
        }
        (true, _) => "a batch of calls, multiSend(bytes)".to_owned(),
        (false, Some(changes)) => {
            changes.iter().map(Change::meaning).collect::<Vec<_>>().join("; ")
        }
        (false, None) if is_self && call.data.is_empty() => {
            "nothing but using up the nonce".to_owned()
        }
        (false, None) => plain(call),
    };
    if call.operation == Operation::DelegateCall {
        says = format!("by DELEGATECALL, on the Safe's own storage: {says}");
    }
    if !call.value.is_zero() {
        says = format!("{says}; sends {} wei", call.value);
    }
    Step {
        place,
        to: call.to,
        value: call.value,
        operation: call.operation,
        selector,
        says,
        unknown_to_self: is_self && changes.is_none() && !call.data.is_empty(),
        changes: changes.unwrap_or_default(),
    }
}

/// The changes that a call of the Safe to itself asks for; none where it is not known.
fn admin(data: &[u8]) -> Option<Vec<Change>> {
    let selector: [u8; 4] = data.get(..4)?.try_into().ok()?;
    Some(match selector {
        addOwnerWithThresholdCall::SELECTOR => {
            let call = addOwnerWithThresholdCall::abi_decode(data).ok()?;
            vec![Change::AddOwner(call.owner), Change::Threshold(call.threshold)]
        }
        removeOwnerCall::SELECTOR => {
            let call = removeOwnerCall::abi_decode(data).ok()?;
            vec![Change::RemoveOwner(call.owner), Change::Threshold(call.threshold)]
        }
        swapOwnerCall::SELECTOR => {
            let call = swapOwnerCall::abi_decode(data).ok()?;
            vec![Change::RemoveOwner(call.owner), Change::AddOwner(call.successor)]
        }
        changeThresholdCall::SELECTOR => {
            vec![Change::Threshold(changeThresholdCall::abi_decode(data).ok()?.threshold)]
        }
        enableModuleCall::SELECTOR => {
            vec![Change::AddModule(enableModuleCall::abi_decode(data).ok()?.module)]
        }
        disableModuleCall::SELECTOR => {
            vec![Change::RemoveModule(disableModuleCall::abi_decode(data).ok()?.module)]
        }
        setGuardCall::SELECTOR => vec![Change::Guard(setGuardCall::abi_decode(data).ok()?.guard)],
        setModuleGuardCall::SELECTOR => {
            vec![Change::ModuleGuard(setModuleGuardCall::abi_decode(data).ok()?.guard)]
        }
        setFallbackHandlerCall::SELECTOR => {
            vec![Change::FallbackHandler(setFallbackHandlerCall::abi_decode(data).ok()?.handler)]
        }
        changeMasterCopyCall::SELECTOR => {
            vec![Change::Singleton(changeMasterCopyCall::abi_decode(data).ok()?.singleton)]
        }
        _ => return None,
    })
}

/// What a call to somebody else says.
fn plain(call: &Packed<'_>) -> String {
    let data = call.data;
    let to = call.to;
    let Some(selector) = data.get(..4) else {
        return if data.is_empty() {
            format!("a plain payment to {to}")
        } else {
            format!("{} bytes of data to {to}, too few for a function", data.len())
        };
    };
    if let Ok(call) = transferCall::abi_decode(data) {
        return format!("transfer(address,uint256) on {to}: {} units to {}", call.amount, call.to);
    }
    if let Ok(call) = transferFromCall::abi_decode(data) {
        return format!(
            "transferFrom(address,address,uint256) on {to}: {} units from {} to {}",
            call.amount, call.from, call.to
        );
    }
    if let Ok(call) = approveCall::abi_decode(data) {
        return format!(
            "approve(address,uint256) on {to}: {} may take {} units",
            call.spender, call.amount
        );
    }
    if let Ok(call) = notAfterCall::abi_decode(data) {
        return format!(
            "notAfter(uint256) on {to}: if that is a NotAfter, everything fails after Unix time {}",
            call.deadline
        );
    }
    format!(
        "a call of {} on {to}, a function not known here",
        FixedBytes::<4>::from_slice(selector)
    )
}

/// The same transaction as a batch whose first call reverts after `deadline` (Unix seconds), if there is a `NotAfter` at
/// `limiter`. `batcher` is a `MultiSendCallOnly`.
pub fn limited(tx: &SafeTx, limiter: Address, batcher: Address, deadline: u64) -> SafeTx {
    let limit = notAfterCall { deadline: U256::from(deadline) }.abi_encode();
    let mut transactions = Vec::new();
    let calls = [
        (0, limiter, U256::ZERO, limit.as_slice()),
        (tx.operation.number(), tx.to, tx.value, &tx.data),
    ];
    for (operation, to, value, data) in calls {
        transactions.push(operation);
        transactions.extend(to);
        transactions.extend(value.to_be_bytes::<32>());
        transactions.extend(U256::from(data.len()).to_be_bytes::<32>());
        transactions.extend_from_slice(data);
    }
    let data = multiSendCall { transactions: transactions.into() }.abi_encode().into();
    let operation = Operation::DelegateCall;
    SafeTx { to: batcher, value: U256::ZERO, data, operation, ..tx.clone() }
}
