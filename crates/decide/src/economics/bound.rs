//! What limits on outflow leave to an attacker, whatever he does.
//!
//! **The rule.** A limit `M` over a window of `W` seconds allows, at every moment `t`, at most `M` in `(t − W, t]`.
//!
//! **The bound.** In any `T` seconds, both ends included, at most `(⌊T/W⌋ + 1)·M` leaves. Proof: `[0, T]` is cut into the
//! `⌊T/W⌋ + 1` pieces `[kW, (k+1)W)`; let `t` be the last outflow of a piece, then the piece's outflows lie in
//! `(t − W, t]`, which holds at most `M`. It cannot be improved: take `M` at 0, `W`, `2W` … It is at most `B + ρT` with
//! `B = M` and `ρ = M/W`: as strict as a token bucket of that size or stricter, for a bucket gives `2M` in a window that
//! starts full. Counters that are reset at fixed times are worse: `⌈T/W⌉ + 1` windows, two of them at once.
//!
//! **Shares.** A limit of `s` of what was there leaves at least `(1 − s)` of it after each piece, so that at most
//! `V·(1 − (1 − s)^(⌊T/W⌋ + 1))` leaves. That is for an attacker who puts nothing in: each dollar put in moves the bound by
//! `s` dollars.
//!
//! **Where it holds.** For paths on which the limit is enforced. Where it is only watched, it bounds what leaves without a
//! finding; a single transaction may take everything, and is found afterwards.
//!
//! Source: methods, §3 (the loss-bound theorem); standards, §1.

use portcullis_types::money::Usd;

/// Unit of [`Cap::Share`]: a billionth.
pub const SHARE_WHOLE: u64 = 1_000_000_000;

/// Fixed point of the power of a share: rounded down at each step, so that the bound errs upwards.
const FIXED: i128 = 1_000_000_000_000_000_000;

/// How much may leave in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// US dollars.
    Amount(Usd),
    /// Billionths of what was there.
    Share(u64),
}

/// One limit on one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Symbol.
    pub asset: String,
    /// Length of the window, seconds, at least 1.
    pub window_seconds: u64,
    /// What may leave in it.
    pub cap: Cap,
    /// Whether it looks at all contracts that hold value; one that does not bounds nothing for the protocol.
    pub covers_all: bool,
}

/// How many windows an attacker who has `seconds` can use: `⌊T/W⌋ + 1`.
pub fn windows(seconds: u64, window_seconds: u64) -> u64 {
    (seconds / window_seconds.max(1)).saturating_add(1)
}

impl Breaker {
    /// Most that leaves in `seconds`, both ends included, of an asset of which there are `held`; never more than that. None
    /// where it is a share of what is not known.
    pub fn bound(&self, held: Option<Usd>, seconds: u64) -> Option<Usd> {
        let windows = windows(seconds, self.window_seconds);
        let bound = match self.cap {
            Cap::Amount(amount) => amount.max_zero().mul_ratio(windows, 1),
            Cap::Share(share) => taken(held?.max_zero(), share, windows),
        };
        Some(held.map_or(bound, |held| bound.min(held.max_zero())))
    }

    /// `B`: what a window allows. None as for [`Self::bound`].
    pub fn burst(&self, held: Option<Usd>) -> Option<Usd> {
        self.bound(held, 0)
    }

    /// The same limit with `percent` of what it allows.
    #[must_use]
    pub fn scaled(&self, percent: u64) -> Self {
        let cap = match self.cap {
            Cap::Amount(amount) => Cap::Amount(amount.mul_ratio(percent, 100)),
            Cap::Share(share) => Cap::Share(share.saturating_mul(percent) / 100),
        };
        Self { cap, ..self.clone() }
    }
}

/// `held·(1 − (1 − share)^windows)`, rounded up.
fn taken(held: Usd, share: u64, windows: u64) -> Usd {
    let kept_share = SHARE_WHOLE.saturating_sub(share);
    let mut base = i128::from(kept_share) * (FIXED / i128::from(SHARE_WHOLE));
    let (mut power, mut left) = (FIXED, windows);
    while left > 0 {
        if left & 1 == 1 {
            power = power * base / FIXED;
        }
        base = base * base / FIXED;
        left >>= 1;
    }
    // In two parts, neither of which is too large: the product itself may be.
    let kept = held.0 / FIXED * power + held.0 % FIXED * power / FIXED;
    Usd(held.0 - kept)
}

/// An asset, what there is of it, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Symbol.
    pub asset: String,
    /// Held by the protocol; none where it is not known.
    pub held: Option<Usd>,
    /// Its limits.
    pub breakers: Vec<Breaker>,
}

impl Holding {
    /// The smallest bound over its limits, with the limit's place; what is held where no limit bounds it.
    pub fn bound(&self, seconds: u64) -> Option<(Usd, Option<usize>)> {
        let all = self.breakers.iter().enumerate().filter(|(_, breaker)| breaker.covers_all);
        let bounds = all.filter_map(|(at, breaker)| {
            breaker.bound(self.held, seconds).map(|bound| (bound, Some(at)))
        });
        // Of equals the first in the list.
        bounds.min_by_key(|(bound, at)| (*bound, *at)).or(self.held.map(|held| (held, None)))
    }
}

/// Most that leaves of all assets in `seconds`; none while for one of them neither a limit nor what is held is known.
pub fn loss_bound(holdings: &[Holding], seconds: u64) -> Option<Usd> {
    holdings.iter().map(|holding| holding.bound(seconds).map(|(bound, _)| bound)).sum()
}

#[cfg(test)]
mod tests;
