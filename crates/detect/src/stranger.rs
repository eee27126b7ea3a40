//! A stranger called a function that is not for strangers. Part of the detector `control-plane`, whose page describes it.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    evidence::{CallKind, Evidence, Frame},
    finding::{Confidence, Finding, Maturity, Outlook},
    protocol::Protocol,
};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    config::PrivilegedFunction,
    control_plane::META,
    detector::{NOBODY, draft},
    outflow::lost_or_burned,
};

/// Most callers, and most token ids, that a finding lists.
const LISTED_MAX: usize = 8;

/// A function and who may call it.
#[derive(Debug, Clone)]
pub(crate) struct Privileged {
    contract: Address,
    signature: Signature,
    callers: BTreeSet<Address>,
}

impl Privileged {
    pub(crate) fn new(
        resolver: &Resolver<'_>,
        index: usize,
        function: &PrivilegedFunction,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("functions[{index}].{name}");
        let signature = Signature::parse(&function.signature).map_err(|why| {
            resolver.error(field("signature"), why, "compare it with the contract's interface")
        })?;
        Ok(Self {
            contract: resolver.contract(&field("contract"), &function.contract)?.address,
            signature,
            callers: resolver.accounts(&field("callers"), &function.callers)?,
        })
    }

    /// The finding, if a stranger called it to some effect.
    pub(crate) fn judge(
        &self,
        protocol: &Protocol,
        maturity: Maturity,
        evidence: &Evidence,
    ) -> Option<Finding> {
        let by_stranger = |frame: &&Frame| self.is_call_by_stranger(protocol, frame);
        let strangers: BTreeSet<Address> =
            evidence.frames.iter().filter(by_stranger).map(|frame| frame.from).collect();
        let first = strangers.first()?;
        let mut detail = b"call".to_vec();
        detail.extend_from_slice(&self.signature.selector);
        let mut finding = draft(&META, maturity, protocol, evidence, self.contract, &detail);
        finding.outlook = Outlook::AllAtRisk;
        finding.confidence = Confidence::PROOF;
        let allowed: Vec<String> = self.callers.iter().map(|a| protocol.name_of(*a)).collect();
        let allowed = if allowed.is_empty() { "nobody".to_owned() } else { allowed.join(", ") };
        finding.sentence = format!(
            "{} called {} of {}, which {allowed} may call",
            protocol.name_of(*first),
            self.signature.text,
            protocol.name_of(self.contract),
        );
        for stranger in strangers.iter().take(LISTED_MAX) {
            finding.evidence.push(format!("called by {stranger}"));
        }
        add_loss(&mut finding, protocol, evidence);
        Some(finding)
    }

    fn is_call_by_stranger(&self, protocol: &Protocol, frame: &Frame) -> bool {
        is_entry(protocol, self.contract, frame)
            && frame.selector() == Some(self.signature.selector)
            && !self.callers.contains(&frame.from)
    }
}

/// Whether somebody else calls `contract` with this frame, to some effect.
pub(crate) fn is_entry(protocol: &Protocol, contract: Address, frame: &Frame) -> bool {
    let by_delegate = match frame.kind {
        CallKind::Call => false,
        CallKind::DelegateCall | CallKind::CallCode => true,
        // A static call changes nothing, and a creation has no selector.
        _ => return false,
    };
    // A proxy that runs its implementation passes on a call that was judged when it came in.
    let own_proxy = by_delegate && protocol.contract(frame.from).is_some();
    frame.effective && frame.to == contract && frame.from != contract && !own_proxy
}

/// Writes into a finding what went in the same transaction.
pub(crate) fn add_loss(finding: &mut Finding, protocol: &Protocol, evidence: &Evidence) {
    if let Some(lost) = lost_or_burned(protocol, evidence) {
        let shown = lost.spec.show(lost.amount);
        finding.sentence += &format!("; {shown} went in the same transaction");
        finding.evidence.extend(token_ids(protocol, evidence));
        (finding.asset, finding.amount) = (Some(lost.spec.asset), Some(lost.amount));
        finding.loss = lost.value;
    }
}

/// The tokens of a collection that were burned, or left a contract of the protocol.
fn token_ids(protocol: &Protocol, evidence: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    for transfer in &evidence.transfers {
        let gone = transfer.to == NOBODY || protocol.contract(transfer.from).is_some();
        if let (Some(id), Some(spec), true) =
            (transfer.token_id, protocol.asset(transfer.asset), gone)
        {
            lines.push(format!(
                "{} {id} went from {} to {}",
                spec.symbol, transfer.from, transfer.to
            ));
        }
    }
    if let Some(more) = lines.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        lines.truncate(LISTED_MAX);
        lines.push(format!("and {more} more tokens"));
    }
    lines
}
