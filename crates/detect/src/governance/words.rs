//! What governors are told, and what they tell.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256, keccak256};
use portcullis_types::evidence::{CallKind, Evidence, Log};

use crate::abi::Signature;

/// What somebody does with votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Delegate,
    Propose,
    Vote,
    Queue,
    Execute,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Delegate => "delegated",
            Self::Propose => "proposed",
            Self::Vote => "voted",
            Self::Queue => "queued",
            Self::Execute => "executed",
        }
    }
}

/// Something that was done, of which proposal where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Act {
    pub(crate) kind: Kind,
    pub(crate) by: Address,
    pub(crate) proposal: Option<U256>,
}

/// Functions, and whether their first argument is the proposal. `OpenZeppelin` Governor, Compound Governor Alpha and Bravo,
/// ERC-5805 tokens, Beanstalk.
const FUNCTIONS: &[(Kind, &str, bool)] = &[
    (Kind::Propose, "propose(address[],uint256[],bytes[],string)", false),
    (Kind::Propose, "propose(address[],uint256[],string[],bytes[],string)", false),
    (Kind::Vote, "castVote(uint256,uint8)", true),
    (Kind::Vote, "castVote(uint256,bool)", true),
    (Kind::Vote, "castVoteWithReason(uint256,uint8,string)", true),
    (Kind::Vote, "castVoteWithReasonAndParams(uint256,uint8,string,bytes)", true),
    (Kind::Vote, "vote(uint256)", true),
    (Kind::Vote, "vote(uint32)", true),
    (Kind::Queue, "queue(uint256)", true),
    (Kind::Queue, "queue(address[],uint256[],bytes[],bytes32)", false),
    (Kind::Execute, "execute(uint256)", true),
    (Kind::Execute, "execute(address[],uint256[],bytes[],bytes32)", false),
    (Kind::Execute, "emergencyCommit(uint32)", true),
    (Kind::Execute, "commit(uint32)", true),
    (Kind::Delegate, "delegate(address)", false),
];

/// Functions by selector.
pub(crate) fn functions() -> BTreeMap<[u8; 4], (Kind, bool)> {
    let understood = |(kind, text, of): &(Kind, &str, bool)| {
        Signature::parse(text).ok().map(|signature| (signature.selector, (*kind, *of)))
    };
    FUNCTIONS.iter().filter_map(understood).collect()
}

/// How many functions there are: a test checks that all are understood.
#[cfg(test)]
pub(crate) const N_FUNCTIONS: usize = FUNCTIONS.len();

/// Events by topic. Their proposal is the first word of their data, their voter the first indexed word.
pub(crate) fn events() -> BTreeMap<B256, Kind> {
    [
        (
            Kind::Propose,
            "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)",
        ),
        (Kind::Vote, "VoteCast(address,uint256,uint8,uint256,string)"),
        (Kind::Vote, "VoteCastWithParams(address,uint256,uint8,uint256,string,bytes)"),
        (Kind::Queue, "ProposalQueued(uint256,uint256)"),
        (Kind::Execute, "ProposalExecuted(uint256)"),
    ]
    .into_iter()
    .map(|(kind, text)| (keccak256(text), kind))
    .collect()
}

/// `DelegateVotesChanged(address indexed delegate, uint256 before, uint256 after)` of ERC-5805.
pub(crate) fn votes_changed() -> B256 {
    keccak256("DelegateVotesChanged(address,uint256,uint256)")
}

/// Word `index` of `data`.
pub(crate) fn word(data: &[u8], index: usize) -> Option<U256> {
    data.chunks_exact(32).nth(index).map(U256::from_be_slice)
}

/// What was done at `governor` in a transaction, by its calls and by its events.
pub(crate) fn acts(
    functions: &BTreeMap<[u8; 4], (Kind, bool)>,
    events: &BTreeMap<B256, Kind>,
    governor: Address,
    evidence: &Evidence,
) -> BTreeSet<Act> {
    let mut acts = BTreeSet::new();
    for frame in evidence.frames.iter().filter(|frame| frame.effective && frame.to == governor) {
        let known = frame.selector().and_then(|selector| functions.get(&selector));
        let (Some((kind, of)), CallKind::Call) = (known, frame.kind) else { continue };
        let proposal = word(frame.input.get(4..).unwrap_or_default(), 0).filter(|_| *of);
        acts.insert(Act { kind: *kind, by: frame.from, proposal });
    }
    for log in evidence.logs.iter().filter(|log| log.address == governor) {
        let known = log.topics.first().and_then(|topic| events.get(topic));
        let Some(kind) = known.copied() else { continue };
        acts.insert(Act { kind, by: doer(kind, log, evidence), proposal: word(&log.data, 0) });
    }
    acts
}

fn doer(kind: Kind, log: &Log, evidence: &Evidence) -> Address {
    let named = match kind {
        Kind::Vote => log.topics.get(1).copied(),
        Kind::Propose => word(&log.data, 1).map(B256::from),
        Kind::Queue | Kind::Execute | Kind::Delegate => None,
    };
    named.map_or(evidence.from, Address::from_word)
}
