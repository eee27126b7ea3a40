//! How a transaction enters the chain's contracts, and so whether the first of them is the sender's own.

use alloy_primitives::Address;
use portcullis_types::evidence::{CallKind, Evidence};

use crate::{
    history::History,
    vocabulary::{Meaning, Vocabulary},
};

/// How a transaction enters the chain's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The sender calls a public function or a contract that many call.
    Direct,
    /// The sender has his smart wallet call.
    Wallet,
    /// The sender calls a contract that nobody else is known to use, by a function of no standard.
    Private,
    /// The sender calls a lender, who calls this contract of his.
    Lent(Address),
    /// The sender creates a contract, which acts while it is created.
    Creation,
}

/// How `evidence` enters.
pub(crate) fn of(evidence: &Evidence, vocabulary: &Vocabulary, history: &History) -> Entry {
    let Some(root) = evidence.frames.first() else { return Entry::Direct };
    if matches!(root.kind, CallKind::Create | CallKind::Create2) {
        return Entry::Creation;
    }
    let Some(selector) = root.selector() else { return Entry::Direct };
    if evidence.frames.len() < 2 || history.public(&root.to) {
        return Entry::Direct;
    }
    match vocabulary.meaning(selector) {
        Some(Meaning::Wallet) => return Entry::Wallet,
        Some(Meaning::Token) if trades_as_pool(evidence, vocabulary) => return Entry::Private,
        // Nobody's contract is set up by dealing with others' and moving money, unless the name hides a plan.
        Some(Meaning::Flash | Meaning::Swap) => {
            return borrower(evidence, vocabulary).map_or(Entry::Direct, Entry::Lent);
        }
        Some(Meaning::Initialize) if deals(evidence, vocabulary) => {}
        Some(_) => return Entry::Direct,
        None => {}
    }
    // Whoever hides behind a proxy that passes everything on means to stay: a protocol's front door.
    let proxy = evidence.frames.get(1).is_some_and(|frame| {
        frame.kind == CallKind::DelegateCall
            && frame.parent == Some(0)
            && frame.selector() == Some(selector)
            && frame.input_length == root.input_length
    });
    if proxy { Entry::Direct } else { Entry::Private }
}

/// Whether the contract that the sender called as a token is then traded with as a pool, by somebody it called itself.
/// Shares in pools are tokens, but those call nobody when they are moved.
fn trades_as_pool(evidence: &Evidence, vocabulary: &Vocabulary) -> bool {
    let Some(root) = evidence.frames.first() else { return false };
    evidence.frames.iter().skip(1).any(|frame| {
        frame.kind == CallKind::Call
            && frame.effective
            && frame.to == root.to
            && frame.from != root.to
            && frame.selector().and_then(|s| vocabulary.meaning(s)) == Some(Meaning::Swap)
    })
}

/// Whom the lender that the sender called has told that it has the money.
fn borrower(evidence: &Evidence, vocabulary: &Vocabulary) -> Option<Address> {
    let root = evidence.frames.first()?;
    let told = evidence.frames.iter().skip(1).find(|frame| {
        frame.kind == CallKind::Call
            && frame.effective
            && frame.from == root.to
            && frame.selector().and_then(|s| vocabulary.meaning(s)) == Some(Meaning::FlashCallback)
    })?;
    Some(told.to)
}

/// Whether money moves, and the contract that the sender called asks others for more than a token's functions.
fn deals(evidence: &Evidence, vocabulary: &Vocabulary) -> bool {
    let Some(root) = evidence.frames.first() else { return false };
    let plain = [Some(Meaning::Token), Some(Meaning::View), Some(Meaning::Wrap)];
    let mut asked =
        evidence.frames.iter().skip(1).filter(|frame| {
            frame.kind == CallKind::Call && frame.effective && frame.from == root.to
        });
    !evidence.transfers.is_empty()
        && asked.any(|frame| {
            let meaning = |selector| vocabulary.meaning(selector);
            frame.selector().is_some_and(|selector| !plain.contains(&meaning(selector)))
        })
}
