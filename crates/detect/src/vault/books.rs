//! What moved in and out of a vault in a transaction, and what of it its own logs explain. See [`crate::vault`].

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, I256, U256, keccak256};
use portcullis_types::{
    evidence::{Evidence, Log},
    money::{Asset, signed},
};

use crate::{detector::NOBODY, net_loss::word};

/// Whose movements are looked at, and which logs explain them.
#[derive(Debug, Clone)]
pub(super) struct Books {
    vault: Address,
    asset: Asset,
    share: Asset,
    donors: BTreeSet<Address>,
    kinds: Vec<Kind>,
}

/// A log that explains a movement.
#[derive(Debug, Clone)]
struct Kind {
    topic: B256,
    /// Which word of its data is the amount of the asset.
    amount: usize,
    /// Which is the number of shares, where they are given for it.
    shares: Option<usize>,
    comes_in: bool,
}

/// What moved in a transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves {
    /// What came net and nothing explains; none if nothing did, or if it cannot be told.
    pub(super) donated: Option<U256>,
    /// What the vault logged as paid in for shares.
    pub(super) paid_in: U256,
    /// What was paid in for no shares at all.
    pub(super) for_nothing: Option<U256>,
    /// Minted (positive) and burnt shares in order.
    shares: Vec<I256>,
    /// Assets in and out, net.
    pub(super) net_assets: I256,
}

impl Moves {
    /// The fewest shares that existed at a moment of the transaction, given how many existed before it. What existed before
    /// a first deposit of the same transaction is no such moment: nobody owned the price yet.
    pub(super) fn least_supply(&self, before: U256) -> U256 {
        let mut now = before;
        let mut least =
            if self.shares.is_empty() || !before.is_zero() { before } else { U256::MAX };
        for change in &self.shares {
            now = shifted(now, *change);
            least = least.min(now);
        }
        least
    }

    pub(super) fn net_shares(&self) -> I256 {
        self.shares.iter().fold(I256::ZERO, |sum, change| sum.saturating_add(*change))
    }
}

/// `amount` and a change of it, not below 0.
pub(super) fn shifted(amount: U256, change: I256) -> U256 {
    if change.is_negative() {
        amount.saturating_sub(change.unsigned_abs())
    } else {
        amount.saturating_add(change.unsigned_abs())
    }
}

impl Books {
    pub(super) fn new(
        vault: Address,
        asset: Asset,
        share: Asset,
        donors: BTreeSet<Address>,
    ) -> Self {
        let kind = |event: &str, amount, shares, comes_in| Kind {
            topic: keccak256(event),
            amount,
            shares,
            comes_in,
        };
        let kinds = vec![
            // ERC-4626: the accounts are indexed.
            kind("Deposit(address,address,uint256,uint256)", 0, Some(1), true),
            kind("Withdraw(address,address,address,uint256,uint256)", 0, None, false),
            // Compound V2: nothing is indexed.
            kind("Mint(address,uint256,uint256)", 1, Some(2), true),
            kind("Redeem(address,uint256,uint256)", 1, None, false),
            kind("Borrow(address,uint256,uint256,uint256)", 1, None, false),
            kind("RepayBorrow(address,address,uint256,uint256,uint256)", 2, None, true),
        ];
        Self { vault, asset, share, donors, kinds }
    }

    /// None where neither assets nor shares of the vault moved.
    pub(super) fn moves(&self, evidence: &Evidence) -> Option<Moves> {
        let mut moves = Moves::default();
        let mut foreign = I256::ZERO;
        let mut any = false;
        for transfer in &evidence.transfers {
            if transfer.asset == self.share && transfer.from != transfer.to {
                if transfer.from == NOBODY {
                    moves.shares.push(signed(transfer.amount));
                } else if transfer.to == NOBODY {
                    moves.shares.push(-signed(transfer.amount));
                }
            }
            if transfer.asset != self.asset || transfer.from == transfer.to {
                continue;
            }
            let (other, change) = if transfer.to == self.vault {
                (transfer.from, signed(transfer.amount))
            } else if transfer.from == self.vault {
                (transfer.to, -signed(transfer.amount))
            } else {
                continue;
            };
            any = true;
            moves.net_assets = moves.net_assets.saturating_add(change);
            if !self.donors.contains(&other) {
                foreign = foreign.saturating_add(change);
            }
        }
        if !any && moves.shares.is_empty() {
            return None;
        }
        self.explain(&mut moves, foreign, evidence);
        Some(moves)
    }

    fn explain(&self, moves: &mut Moves, foreign: I256, evidence: &Evidence) {
        let (mut explained, mut any) = (I256::ZERO, false);
        for log in evidence.logs.iter().filter(|log| log.address == self.vault) {
            let Some((kind, amount)) = self.amount(log) else { continue };
            any = true;
            if !kind.comes_in {
                explained = explained.saturating_sub(signed(amount));
                continue;
            }
            explained = explained.saturating_add(signed(amount));
            let Some(shares) = kind.shares.and_then(|index| word(log, index)) else { continue };
            moves.paid_in = moves.paid_in.saturating_add(amount);
            if shares.is_zero() && !amount.is_zero() {
                let sum = moves.for_nothing.unwrap_or_default();
                moves.for_nothing = Some(sum.saturating_add(amount));
            }
        }
        // Shares that moved without a log that is understood may be what the assets came for.
        if !any && !moves.shares.is_empty() {
            return;
        }
        let donated = foreign.saturating_sub(explained);
        moves.donated = (donated > I256::ZERO).then(|| donated.unsigned_abs());
    }

    fn amount(&self, log: &Log) -> Option<(&Kind, U256)> {
        let topic = log.topics.first()?;
        let kind = self.kinds.iter().find(|kind| kind.topic == *topic)?;
        Some((kind, word(log, kind.amount)?))
    }
}
