//! What left in honest use, and how limits would have met it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

use alloy_primitives::Address;
use portcullis_backtest::Footage;
use portcullis_decide::economics::{Breaker, advice::Throttle};
use portcullis_detect::outflow::outflows;
use portcullis_observe::{Playable, open_any};
use portcullis_stats::pot;
use portcullis_types::{money::Usd, protocol::Protocol};

use super::super::Usage;

/// Most outflows of one protocol that are kept; a longer recording is refused, not cut.
const OUTFLOWS_MAX: usize = 2_000_000;

/// Most windows into which a history is cut: 60 years of minutes.
const WINDOWS_MAX: u64 = 1 << 25;

/// Shares of windows below the threshold of a tail, tried in order: the higher the truer, but it needs more data.
const LEVELS: [f64; 4] = [0.98, 0.95, 0.9, 0.8];

/// Confidence of the bound on how often a limit is broken.
const CONFIDENCE: f64 = 0.95;

/// What left one protocol, by asset's symbol, in the order of the chain.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) outflows: BTreeMap<String, Vec<(u64, Usd)>>,
    /// Transactions in the recordings, of anybody.
    pub(super) transactions: u64,
    /// Lines that could not be looked into.
    pub(super) blind: u64,
    /// First and last second of a transaction.
    pub(super) span: Option<(u64, u64)>,
}

/// How a limit would have met the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Met {
    /// Transactions in which some of the asset left.
    pub(super) outflows: u64,
    /// Those that it would have held back.
    pub(super) held_back: u64,
    /// Windows of the limit's length in the history, side by side.
    pub(super) windows: u64,
    /// Those in which it was broken.
    pub(super) windows_broken: u64,
    /// At most so often is it broken in a window, at 95 % and if windows are independent; none for too many windows.
    pub(super) upper95: Option<f64>,
    /// How often the fitted tail breaks it in a window; none where there are too few windows to fit one.
    pub(super) tail: Option<f64>,
}

impl Met {
    pub(super) fn throttle(&self) -> Throttle {
        let share = self.held_back as f64 / (self.outflows.max(1)) as f64;
        Throttle { share, outflows: self.outflows }
    }
}

impl History {
    /// Of each protocol, in order.
    pub(super) fn read(
        paths: &[PathBuf],
        until: Option<u64>,
        protocols: &[&Protocol],
    ) -> anyhow::Result<Vec<Self>> {
        let mut histories = vec![Self::default(); protocols.len()];
        for path in paths {
            let Playable::Recording(recording) = open_any(path)? else {
                let text = format!(
                    "{} is a state with calls, not a past: give a recording",
                    path.display()
                );
                return Err(Usage(text).into());
            };
            let mut footage = Footage::new();
            for line in recording.lines() {
                let (_, line) = line?;
                let Ok(all) = footage.evidence(line) else {
                    for history in &mut histories {
                        history.blind += 1;
                    }
                    continue;
                };
                for evidence in &all {
                    if until.is_some_and(|until| evidence.block.number > until) {
                        continue;
                    }
                    for (history, protocol) in histories.iter_mut().zip(protocols) {
                        history.see(evidence, protocol)?;
                    }
                }
            }
        }
        Ok(histories)
    }

    fn see(
        &mut self,
        evidence: &portcullis_types::evidence::Evidence,
        protocol: &Protocol,
    ) -> anyhow::Result<()> {
        if evidence.chain != protocol.chain {
            return Ok(());
        }
        self.transactions += 1;
        let now = evidence.timestamp;
        let (first, last) = self.span.unwrap_or((now, now));
        self.span = Some((first.min(now), last.max(now)));
        if !evidence.success {
            return Ok(());
        }
        let holders: BTreeSet<Address> = protocol.holders().map(|one| one.address).collect();
        for outflow in outflows(protocol, &holders, evidence) {
            let Some(spec) = protocol.assets.iter().find(|spec| spec.asset == outflow.asset) else {
                continue;
            };
            let flows = self.outflows.entry(spec.symbol.clone()).or_default();
            if flows.len() >= OUTFLOWS_MAX {
                let text = format!(
                    "more than {OUTFLOWS_MAX} outflows of {}: give a shorter recording",
                    spec.symbol
                );
                return Err(Usage(text).into());
            }
            // Time does not go back along a chain.
            let at = flows.last().map_or(now, |(last, _)| now.max(*last));
            flows.push((at, spec.value(outflow.total())));
        }
        Ok(())
    }

    /// How a limit would have met it; the reason in words where that is not known.
    pub(super) fn met(&self, breaker: &Breaker, held: Option<Usd>) -> Result<Met, String> {
        let Some(cap) = breaker.burst(held) else {
            return Err("not known: write what is held under holdingsUsd".to_owned());
        };
        let flows = self.outflows.get(&breaker.asset).map_or(&[][..], Vec::as_slice);
        if flows.is_empty() {
            return Err(format!(
                "not known: no {} left in the recording; give --recording with a longer one",
                breaker.asset
            ));
        }
        let (first, last) = self.span.unwrap_or_default();
        if first == last {
            return Err("not known: the recording does not say when".to_owned());
        }
        let windows = (last - first) / breaker.window_seconds.max(1) + 1;
        if windows > WINDOWS_MAX {
            return Err("not known: the recording is too long for so short a window".to_owned());
        }
        let peaks = peaks(flows, first, breaker.window_seconds);
        let over = |sum: &&Usd| **sum > cap;
        let broken = peaks.values().filter(over).count();
        let upper95 = pot::exceedance_bound(
            broken,
            usize::try_from(windows).unwrap_or(usize::MAX),
            CONFIDENCE,
        );
        Ok(Met {
            outflows: flows.len() as u64,
            held_back: held_back(flows, breaker.window_seconds, cap),
            windows,
            windows_broken: broken as u64,
            upper95: upper95.ok(),
            tail: tail(&peaks, windows, cap),
        })
    }
}

/// How many outflows a limit that holds back what would break it meets; what was held back does not count again.
fn held_back(flows: &[(u64, Usd)], window_seconds: u64, cap: Usd) -> u64 {
    let (mut window, mut sum, mut held_back) = (VecDeque::new(), Usd::ZERO, 0);
    for (now, amount) in flows {
        let old = |entry: &mut (u64, Usd)| entry.0.saturating_add(window_seconds) <= *now;
        while let Some((_, gone)) = window.pop_front_if(old) {
            sum = sum - gone;
        }
        if sum + *amount > cap {
            held_back += 1;
        } else {
            window.push_back((*now, *amount));
            sum += *amount;
        }
    }
    held_back
}

/// By number of the window: the largest sum in any stretch of its length that ends in it. Windows in which nothing left
/// are not in it.
fn peaks(flows: &[(u64, Usd)], first: u64, window_seconds: u64) -> BTreeMap<u64, Usd> {
    let (mut window, mut sum) = (VecDeque::new(), Usd::ZERO);
    let mut peaks: BTreeMap<u64, Usd> = BTreeMap::new();
    for (now, amount) in flows {
        let old = |entry: &mut (u64, Usd)| entry.0.saturating_add(window_seconds) <= *now;
        while let Some((_, gone)) = window.pop_front_if(old) {
            sum = sum - gone;
        }
        window.push_back((*now, *amount));
        sum += *amount;
        let peak = peaks.entry(now.saturating_sub(first) / window_seconds.max(1)).or_default();
        *peak = sum.max(*peak);
    }
    peaks
}

/// The probability that a window breaks the limit by a tail fitted to those in which something left.
fn tail(peaks: &BTreeMap<u64, Usd>, windows: u64, cap: Usd) -> Option<f64> {
    let mut values: Vec<f64> = peaks.values().map(|sum| sum.as_ratio_operand()).collect();
    values.sort_by(f64::total_cmp);
    let fitted = LEVELS.iter().find_map(|level| pot::fit(&values, *level).ok())?;
    let busy = values.len() as f64 / windows as f64;
    let at = cap.as_ratio_operand();
    // Below its threshold a tail says nothing; the windows themselves do.
    let among_busy = if at > fitted.threshold {
        fitted.exceedance(at)
    } else {
        values.iter().filter(|value| **value > at).count() as f64 / values.len() as f64
    };
    Some(busy * among_busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows(list: &[(u64, i64)]) -> Vec<(u64, Usd)> {
        list.iter().map(|(at, dollars)| (*at, Usd::dollars(*dollars))).collect()
    }

    #[test]
    fn what_was_held_back_does_not_count_again() {
        let flows = flows(&[(0, 60), (1, 60), (5, 40), (10, 50), (11, 60)]);
        // 60 passes, 60 would be 120, 40 fits, 60 is gone at 10 so that 50 fits, 60 would be 150.
        assert_eq!(held_back(&flows, 10, Usd::dollars(100)), 2);
        assert_eq!(held_back(&flows, 10, Usd::dollars(1_000)), 0);
        assert_eq!(held_back(&flows, 10, Usd::dollars(39)), 5);
        let peaks = peaks(&flows, 0, 10);
        let expected = [(0, Usd::dollars(160)), (1, Usd::dollars(150))];
        assert_eq!(peaks.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_tail_is_said_only_of_enough_windows() {
        let peaks = |n: u64| -> BTreeMap<u64, Usd> {
            // Pareto quantiles with α = 2: 1/√(1 − u).
            let value = |at: u64| 1e6 / (1.0 - (at as f64 + 0.5) / n as f64).sqrt();
            (0..n).map(|at| (at, Usd(value(at) as i128))).collect()
        };
        assert_eq!(tail(&peaks(200), 200, Usd::dollars(10)), None);
        // One window in two is busy; 1/10² of these exceed ten dollars, 1/100² a hundred.
        let near = tail(&peaks(5_000), 10_000, Usd::dollars(10)).unwrap();
        assert!((near / 0.005 - 1.0).abs() < 0.15, "{near}");
        let far = tail(&peaks(5_000), 10_000, Usd::dollars(100)).unwrap();
        assert!((far / 0.000_05).ln().abs() < 0.7, "{far}");
    }
}
