//! Findings: what a detector says about Evidence.

use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    chain::BlockId,
    ids::{ChainId, FindingKey},
    money::{Asset, Usd},
};

/// How far a detector has proven itself. Only `Stable` ones may lead to an unattended action (DEC-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Maturity {
    /// New: recorded, never counted.
    Sandbox,
    /// Tried: counted, but does not act alone.
    Incubating,
    /// May act unattended.
    Stable,
}

/// A detector's statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Deterministic identity.
    pub key: FindingKey,
    /// Which detector.
    pub detector: String,
    /// Its maturity, as configured.
    pub maturity: Maturity,
    /// Which protocol it is about.
    pub protocol: String,
    /// Chain.
    pub chain: ChainId,
    /// Block in which it happened.
    pub block: BlockId,
    /// Transaction that did it; none where a state was found wrong without one.
    pub transaction: Option<B256>,
    /// Who sent that transaction.
    pub actor: Option<Address>,
    /// The contract concerned.
    pub contract: Address,
    /// The asset concerned.
    pub asset: Option<Asset>,
    /// How much of it, smallest units.
    pub amount: Option<U256>,
    /// Lost so far by this fact alone.
    pub loss: Usd,
    /// How much more is at risk.
    pub outlook: Outlook,
    /// How sure.
    pub confidence: Confidence,
    /// Facts that a person can check, one a line.
    pub evidence: Vec<String>,
    /// What happened, in one sentence.
    pub sentence: String,
}

/// How much a finding matters where there is no room for all: the greater is kept. It decides nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gravity {
    /// 4: money goes by proof; 3: one of the two by a stable detector, or proof; 2: stable; 1: incubating; 0: sandbox.
    class: u8,
    loss: Usd,
    /// The e-value's bits: of numbers that are not negative they are in the order of the numbers.
    e_value: u64,
}

impl Finding {
    /// How much it matters where there is no room for all.
    pub fn gravity(&self) -> Gravity {
        let is_costly = self.loss > Usd::ZERO || self.outlook == Outlook::AllAtRisk;
        let class = match (self.maturity, self.confidence.proof, is_costly) {
            (Maturity::Sandbox, _, _) => 0,
            (_, true, true) => 4,
            (_, true, false) | (Maturity::Stable, false, true) => 3,
            (Maturity::Stable, false, false) => 2,
            (Maturity::Incubating, false, _) => 1,
        };
        // `max` makes a zero of what is no number.
        Gravity { class, loss: self.loss, e_value: self.confidence.e_value.max(0.0).to_bits() }
    }
}

/// How a loss goes on if nobody intervenes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outlook {
    /// At the rate seen so far.
    Continues,
    /// All that the contract controls can go at once (a key, an owner, an implementation changed hands).
    AllAtRisk,
}

/// How sure a detector is.
///
/// `e_value` is the value of an e-variable: under "nothing is wrong" its expectation is at most 1, so that 1/e bounds the
/// chance of a false alarm (Markov) and averages of e-values are e-values under any dependence (methods, §2).
/// A `proof` is a deterministic breach of something its owners said must hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confidence {
    /// Evidence against "nothing is wrong"; ≥ 0.
    pub e_value: f64,
    /// Whether a stated invariant was breached.
    pub proof: bool,
}

/// The e-value that a proof counts as. By convention: large enough that a prior of one in a million ends at 0.99 even if
/// the proof is one of ten detectors, small enough that a probability stays below 1 in floating point.
pub const PROOF_E_VALUE: f64 = 1e9;

impl Confidence {
    /// A stated invariant was breached.
    pub const PROOF: Self = Self { e_value: PROOF_E_VALUE, proof: true };

    /// Evidence that is no proof.
    pub const fn evidence(e_value: f64) -> Self {
        Self { e_value, proof: false }
    }
}

/// Where a finding stands in the life of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingStatus {
    /// Of a transaction that is in no block yet. It is no loss, and may never happen.
    Pending,
    /// In the newest blocks.
    Seen,
    /// Deep enough that a re-organisation is unlikely.
    Confirmed,
    /// Final.
    Finalised,
    /// Its block is no longer part of the chain (DET-2).
    Retracted,
}

impl FindingKey {
    /// The key of a fact: detector, protocol, chain, transaction (or block hash without one), contract, and whatever else
    /// tells two facts of one detector in one transaction apart.
    pub fn derive(
        detector: &str,
        protocol: &str,
        chain: ChainId,
        place: B256,
        contract: Address,
        detail: &[u8],
    ) -> Self {
        let mut bytes = Vec::with_capacity(128 + detail.len());
        for part in [detector.as_bytes(), protocol.as_bytes(), detail] {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&chain.to_be_bytes());
        bytes.extend_from_slice(place.as_slice());
        bytes.extend_from_slice(contract.as_slice());
        Self(keccak256(bytes))
    }
}
