//! What a lane of a bridge promises, and what its two sides say happened.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256, U512};
use portcullis_types::{chain::BlockId, money::Usd};

/// What must hold between a lock on the source chain and its release on the destination chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BridgeTerms {
    /// How long the source chain's clocks and the reading of it may lag behind the destination chain's, seconds. A release
    /// whose lock was not seen is pending until the source chain was seen for this long after it.
    pub grace_seconds: u64,
    /// The longest honest time between a lock and its release, seconds. A release without a lock is a proof only where the
    /// source chain was seen without a hole for this long before it.
    pub history_seconds: u64,
    /// After this many seconds of the destination chain's time without sight of the source chain a pending release is
    /// reported as one that could not be looked at.
    pub patience_seconds: u64,
    /// Tokens by their address on the source chain.
    pub tokens: BTreeMap<Address, TokenPair>,
}

/// What a token of the source chain becomes on the destination chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Its address on the destination chain.
    pub destination: Address,
    /// Decimals on the source chain.
    pub source_decimals: u8,
    /// Decimals on the destination chain.
    pub destination_decimals: u8,
    /// Most that the bridge keeps of an amount, hundredths of a percent.
    pub fee_bps: u16,
    /// Locked and not yet released when the book began, destination units. Only with it can the sums be a proof.
    pub opening: Option<U256>,
}

impl TokenPair {
    /// An amount of the source chain in units of the destination chain, rounded down; no amount counts for more than
    /// 2²⁵⁶ − 1.
    pub fn convert(&self, amount: U256) -> U256 {
        if self.source_decimals == self.destination_decimals {
            return amount;
        }
        let up = ten_to(self.destination_decimals.saturating_sub(self.source_decimals));
        let down = ten_to(self.source_decimals.saturating_sub(self.destination_decimals));
        U256::saturating_from(U512::from(amount) * U512::from(up) / U512::from(down))
    }

    /// Whether `released` is an honest payout of `locked`: all of it, or all but the fee.
    fn is_fair(&self, locked: U256, released: U256) -> bool {
        let expected = self.convert(locked);
        if released == expected {
            return true;
        }
        let kept = U512::from(expected) * U512::from(self.fee_bps) / U512::from(10_000);
        released <= expected && expected - released <= U256::saturating_from(kept)
    }
}

/// 10^`exponent`, at most 10^77: the largest power below 2²⁵⁶.
fn ten_to(exponent: u8) -> U256 {
    U256::from(10).saturating_pow(U256::from(exponent.min(77)))
}

/// Something was locked or burned on the source chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Message id; none where the bridge has none.
    pub id: Option<B256>,
    /// Block of the source chain.
    pub block: BlockId,
    /// Its time, seconds since the epoch.
    pub timestamp: u64,
    /// From when on a release may follow: the time at which the lock is final, seconds since the epoch.
    pub final_at: u64,
    /// Token on the source chain, if the event says.
    pub token: Option<Address>,
    /// Amount in the source chain's smallest units, if the event says.
    pub amount: Option<U256>,
    /// Who is to be paid, as a left-padded word, if the event says.
    pub beneficiary: Option<B256>,
}

/// Something was paid out or minted on the destination chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Message id; none where the bridge has none.
    pub id: Option<B256>,
    /// Block of the destination chain.
    pub block: BlockId,
    /// Its time, seconds since the epoch.
    pub timestamp: u64,
    /// Token on the destination chain, if the event says.
    pub token: Option<Address>,
    /// Amount in the destination chain's smallest units, if the event says.
    pub amount: Option<U256>,
    /// Who was paid, as a left-padded word, if the event says.
    pub beneficiary: Option<B256>,
    /// Transaction.
    pub transaction: B256,
    /// Place among the releases of the transaction, from 0.
    pub ordinal: u32,
    /// Sender of the transaction.
    pub sender: Address,
    /// What it is worth at reference prices; carried along, never judged.
    pub value: Usd,
}

/// What a release breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No lock has its id, although the source chain was seen; a lock that came later than the grace after it is none.
    WithoutLock,
    /// Its lock was released before.
    TwiceReleased,
    /// Another token than was locked.
    WrongToken,
    /// Another amount than was locked.
    WrongAmount,
    /// Another beneficiary than the lock names.
    WrongBeneficiary,
    /// The lock was not final yet, or not even there (within the grace).
    BeforeFinality,
}

impl Fault {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::WithoutLock => "no lock on the source chain has its id",
            Self::TwiceReleased => "its lock was released before",
            Self::WrongToken => "it paid another token than was locked",
            Self::WrongAmount => "it paid another amount than was locked",
            Self::WrongBeneficiary => "it paid another beneficiary than the lock names",
            Self::BeforeFinality => "its lock was not final yet",
        }
    }
}

/// Why nothing can be said of a release. Never the same as [`Verdict::Matched`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// The source chain was not seen up to the release: reported once, and judged as soon as it is seen.
    SourceBehind,
    /// The lock may be older than what was seen without a hole, or was forgotten because there were too many.
    HistoryIncomplete,
    /// Too many releases are pending; this one was not kept.
    TooManyPending,
    /// The bridge names no ids: only the sums are compared.
    NoId,
}

/// What the book says of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It fits a lock that was final.
    Matched,
    /// Its lock was not seen, and the source chain not long enough after it.
    Pending,
    /// It breaks these promises, in order and at least one.
    Broken(Vec<Fault>),
    /// Could not look.
    Unknown(Unknown),
}

impl Verdict {
    /// Whether money left that nobody had locked; a release that was only too early is not that.
    pub fn is_forged(&self) -> bool {
        matches!(self, Self::Broken(faults) if faults.iter().any(|f| *f != Fault::BeforeFinality))
    }
}

/// Compares a release with the lock of its id. Fields that a side does not name are not compared.
pub(crate) fn faults(
    terms: &BridgeTerms,
    listed: &BTreeSet<Address>,
    lock: &Lock,
    released_before: bool,
    release: &Release,
) -> Vec<Fault> {
    let mut found = Vec::new();
    let pair = lock.token.and_then(|token| terms.tokens.get(&token));
    if released_before {
        found.push(Fault::TwiceReleased);
    }
    if let (Some(_), Some(paid)) = (lock.token, release.token) {
        // A token that is not listed may become what it likes, but none of those that are.
        let wrong = pair.map_or_else(|| listed.contains(&paid), |pair| pair.destination != paid);
        if wrong {
            found.push(Fault::WrongToken);
        }
    }
    if let (Some(locked), Some(paid)) = (lock.amount, release.amount) {
        let fair = pair.map_or(locked == paid, |pair| pair.is_fair(locked, paid));
        if !fair {
            found.push(Fault::WrongAmount);
        }
    }
    if let (Some(named), Some(paid)) = (lock.beneficiary, release.beneficiary)
        && named != paid
    {
        found.push(Fault::WrongBeneficiary);
    }
    if release.timestamp < lock.final_at {
        found.push(Fault::BeforeFinality);
    }
    found
}
