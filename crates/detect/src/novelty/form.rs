//! The normal form of a transaction's way through a protocol, coarse enough that honest use seldom takes a new one.
//!
//! It is the set of functions of the protocol that the transaction entered, which of them came first, and which was
//! entered directly after which (*steps*). Of the call tree are left out:
//!
//! - calls of other contracts: a new router in front of the protocol is no news;
//! - frames without effect, STATICCALLs and all below them: what cannot write;
//! - `transfer`, `transferFrom` and `approve` of ERC-20: what they move is seen in the transfers;
//! - delegate calls: a proxy's own entry counts, not the code behind it, which an upgrade may replace. Where a recording
//!   does not tell on whose storage a delegate call ran, it counts as an entry;
//! - how often a loop turns: two turns and two hundred make the same steps. The number of entries of a function is judged
//!   by a bound of its own;
//! - nesting, amounts, arguments and senders.
//!
//! So a form is the same whether it was read off a full trace or off a list of entries. The simplifications follow
//! `CrossGuard` (arXiv 2504.05509), which hashes whole sequences of calls; steps are its unit cut smaller, because whole
//! sequences of a small sample do not repeat.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use alloy_primitives::{Address, B256, FixedBytes, keccak256};
use portcullis_types::{
    evidence::{CallKind, Evidence, Frame},
    protocol::Protocol,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `transfer(address,uint256)`, `transferFrom(address,address,uint256)`, `approve(address,uint256)`: EIP-20.
const TOKEN_CALLS: [[u8; 4]; 3] =
    [[0xa9, 0x05, 0x9c, 0xbb], [0x23, 0xb8, 0x72, 0xdd], [0x09, 0x5e, 0xa7, 0xb3]];

/// What stands for the selector of an entry without one: a creation, a fallback, the receipt of the chain's coin.
const NO_SELECTOR: &str = "-";

/// A function of a contract. As text `0x<address>:0x<selector>`, or `0x<address>:-` without a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function {
    /// The contract, by the address that was called (the proxy's, not the code's).
    pub contract: Address,
    /// The selector; none for a creation, a fallback or the receipt of the chain's coin.
    pub selector: Option<FixedBytes<4>>,
}

impl Function {
    /// For people: `pool.0xa694fc3a`.
    pub fn show(&self, protocol: &Protocol) -> String {
        let name = protocol.name_of(self.contract);
        self.selector.map_or_else(
            || format!("{name} without a selector"),
            |selector| format!("{name}.{selector}"),
        )
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.selector {
            Some(selector) => write!(f, "{:#x}:{selector}", self.contract),
            None => write!(f, "{:#x}:{NO_SELECTOR}", self.contract),
        }
    }
}

impl FromStr for Function {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no function: write 0x<address>:0x<selector>");
        let (contract, selector) = text.split_once(':').ok_or_else(bad)?;
        let selector = match selector {
            NO_SELECTOR => None,
            selector => Some(selector.parse().map_err(|_| bad())?),
        };
        Ok(Self { contract: contract.parse().map_err(|_| bad())?, selector })
    }
}

impl Serialize for Function {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Function {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// One function entered directly after another, nothing else of the protocol between.
pub type Step = (Function, Function);

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The function entered first; none if the transaction did not enter the protocol in a way that counts.
    pub first: Option<Function>,
    /// How often each was entered.
    pub entries: BTreeMap<Function, u32>,
    /// The steps that were taken.
    pub steps: BTreeSet<Step>,
    /// Whether somebody else's contract put the entries together. Otherwise the sender called one function himself, and
    /// all that followed is what that function does.
    pub composed: bool,
}

impl Form {
    /// The form of a transaction, over `contracts` of one protocol.
    pub fn of(evidence: &Evidence, contracts: &BTreeSet<Address>) -> Self {
        let mut form = Self::default();
        let mut last: Option<Function> = None;
        // Of each frame: whether it is a STATICCALL or below one. A parent stands before its children.
        let mut is_static: Vec<bool> = Vec::with_capacity(evidence.frames.len());
        for (index, frame) in evidence.frames.iter().enumerate() {
            let around = frame.parent.and_then(|parent| is_static.get(parent as usize));
            let frame_is_static =
                frame.kind == CallKind::StaticCall || around.copied().unwrap_or_default();
            is_static.push(frame_is_static);
            if frame_is_static || !counts(frame, contracts) {
                continue;
            }
            let function =
                Function { contract: frame.to, selector: frame.selector().map(FixedBytes::from) };
            let count = form.entries.entry(function).or_default();
            *count = count.saturating_add(1);
            match last {
                None => form.first = Some(function),
                Some(last) => drop(form.steps.insert((last, function))),
            }
            last = Some(function);
            // The first frame is the sender's own.
            let by_other = evidence.known.callers && !contracts.contains(&frame.from);
            form.composed |= index > 0 && by_other;
        }
        if !evidence.known.callers {
            let is_own_call = evidence.to.is_some_and(|to| contracts.contains(&to));
            form.composed = form.first.is_some() && !is_own_call;
        }
        form
    }

    /// The hash of the form: keccak-256 over the first function, the functions and the steps in order of address and
    /// selector. Counts and `composed` are not in it. A function is written as its 20 bytes of address, 1 byte for
    /// whether it has a selector, and 4 bytes of it; each list is preceded by its length in 4 bytes, big-endian.
    pub fn hash(&self) -> B256 {
        let mut written = Vec::new();
        write_all(&mut written, self.first.iter());
        write_all(&mut written, self.entries.keys());
        write_all(&mut written, self.steps.iter().flat_map(|(from, to)| [from, to]));
        keccak256(written)
    }
}

fn write_all<'a>(written: &mut Vec<u8>, functions: impl Iterator<Item = &'a Function>) {
    let start = written.len();
    written.extend_from_slice(&[0; 4]);
    let mut count: u32 = 0;
    for function in functions {
        written.extend_from_slice(function.contract.as_slice());
        written.push(u8::from(function.selector.is_some()));
        written.extend_from_slice(function.selector.unwrap_or_default().as_slice());
        count = count.saturating_add(1);
    }
    if let Some(place) = written.get_mut(start..start + 4) {
        place.copy_from_slice(&count.to_be_bytes());
    }
}

fn counts(frame: &Frame, contracts: &BTreeSet<Address>) -> bool {
    let enters = match frame.kind {
        CallKind::Call | CallKind::Create | CallKind::Create2 => true,
        CallKind::DelegateCall => frame.context.is_zero(),
        CallKind::StaticCall | CallKind::CallCode | CallKind::SelfDestruct => false,
    };
    enters
        && frame.effective
        && contracts.contains(&frame.to)
        && !frame.selector().is_some_and(|selector| TOKEN_CALLS.contains(&selector))
}
