//! A pool's price from what moved in and out of it, where no log tells it. See [`crate::pool`].

use alloy_primitives::{Address, U256};
use portcullis_types::{evidence::Evidence, money::Asset};

use super::{POINTS_MAX, Path, Point};
use crate::ratio::Ratio;

/// What moved of one asset since the last trade was complete.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    came: U256,
    went: U256,
}

impl Moved {
    fn is_some(self) -> bool {
        !self.came.is_zero() || !self.went.is_zero()
    }
}

/// From the balances before the transaction: after each time both assets had moved, the ratio of what the pool owned.
pub(super) fn balances(
    pool: Address,
    assets: [Asset; 2],
    owned: [U256; 2],
    evidence: &Evidence,
) -> Option<Path> {
    let [mut one, mut two] = owned;
    let start = Ratio::new(two, one)?;
    let mut points = Vec::new();
    for trade in trades(pool, assets, evidence) {
        let [first, second] = trade.moved;
        one = one.saturating_add(first.came).saturating_sub(first.went);
        two = two.saturating_add(second.came).saturating_sub(second.went);
        if let Some(price) = Ratio::new(two, one) {
            points.push(Point { position: trade.position, price });
        }
    }
    (!points.is_empty()).then_some(Path { start, points, by_logs: false })
}

/// Without balances: what each trade paid. The first one is where the price began.
pub(super) fn ratios(pool: Address, assets: [Asset; 2], evidence: &Evidence) -> Option<Path> {
    let mut points = Vec::new();
    for trade in trades(pool, assets, evidence) {
        let [one, two] = trade.moved;
        // Both in or both out is liquidity, and both ways at once no trade that can be read.
        let paid = match (one.came.is_zero(), two.came.is_zero()) {
            (false, true) if one.went.is_zero() => Ratio::new(two.went, one.came),
            (true, false) if two.went.is_zero() => Ratio::new(two.came, one.went),
            _ => None,
        };
        if let Some(price) = paid {
            points.push(Point { position: trade.position, price });
        }
    }
    let start = points.first()?.price;
    Some(Path { start, points, by_logs: false })
}

/// What moved until both assets had.
struct Trade {
    position: usize,
    moved: [Moved; 2],
}

fn trades(pool: Address, assets: [Asset; 2], evidence: &Evidence) -> Vec<Trade> {
    let mut trades = Vec::new();
    let mut open = [Moved::default(); 2];
    let mut newest = 0;
    for (position, transfer) in evidence.transfers.iter().enumerate() {
        let (from, to) = (transfer.from == pool, transfer.to == pool);
        let Some(moved) = assets.iter().zip(&mut open).find(|(asset, _)| **asset == transfer.asset)
        else {
            continue;
        };
        if from == to {
            continue;
        }
        let side = if to { &mut moved.1.came } else { &mut moved.1.went };
        *side = side.saturating_add(transfer.amount);
        newest = position;
        if open.iter().all(|moved| moved.is_some()) {
            trades.push(Trade { position, moved: std::mem::take(&mut open) });
        }
        if trades.len() >= POINTS_MAX {
            return trades;
        }
    }
    // One side alone, at the end: a donation, or a part of a trade whose other half was never seen.
    if open.iter().any(|moved| moved.is_some()) {
        trades.push(Trade { position: newest, moved: open });
    }
    trades
}
