//! Bounds on what may leave in a time, from what left.
//!
//! The bound is the largest sum of the past in any window, times a margin. Of honest sums that are alike in time, the next
//! exceeds the largest of n with probability 1/(n+1), whatever their distribution (order statistics): the margin pays for
//! growth and for tails. It is the smallest of [`MARGINS`] whose bound, drawn from earlier parts of the past, would have
//! been broken by at most [`ALARM_RATE_MAX_PER_MILLE`] of the transactions of later ones. A past that is too short to show
//! such a rate gets the largest margin. Where no margin does, the asset has no bound that its past supports, and the
//! proposal says so instead of proposing one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::U256;
use portcullis_detect::novelty::FalseAlarms;
use portcullis_types::money::Asset;

use crate::{Observation, folds};

/// Factors tried, in order.
pub const MARGINS: [u32; 4] = [2, 3, 5, 10];

/// Most alarms that a proposed bound may have raised on its own past, thousandths of the transactions judged.
pub const ALARM_RATE_MAX_PER_MILLE: u64 = 1;

/// Windows for which bounds are proposed, seconds: an hour and a day.
pub const WINDOWS_SECONDS: [u64; 2] = [3_600, 86_400];

/// Fewest outflows of an asset from which a bound is drawn: the next of 20 exceeds them all in one of 21 cases.
pub const OUTFLOWS_MIN: usize = 20;

/// A bound on an asset in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// Asset.
    pub asset: Asset,
    /// Window.
    pub window_seconds: u64,
    /// Transactions in which some left.
    pub outflows: usize,
    /// The largest sum of the past in a window, smallest units.
    pub most: U256,
    /// The proposal; none if the past does not support one.
    pub bound: Option<Bound>,
}

/// A proposed bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Times the largest sum.
    pub margin: u32,
    /// The bound, smallest units.
    pub units: U256,
    /// What it would have said of its past.
    pub false_alarms: FalseAlarms,
}

/// A sum in the window that ends with an observation.
#[derive(Debug, Clone, Copy)]
struct Sum {
    observation: usize,
    units: U256,
}

/// Bounds for every asset that left, sorted by asset and window.
pub fn learn(past: &[Observation]) -> Vec<Cap> {
    let assets: BTreeSet<Asset> =
        past.iter().flat_map(|observation| observation.outflows.keys().copied()).collect();
    let mut caps = Vec::new();
    for asset in assets {
        for window_seconds in WINDOWS_SECONDS {
            let sums = sums(past, asset, window_seconds);
            let most = sums.iter().map(|sum| sum.units).max().unwrap_or_default();
            let supported = sums.len() >= OUTFLOWS_MIN;
            let bound = MARGINS
                .into_iter()
                .filter(|_| supported)
                .map(|margin| Bound {
                    margin,
                    units: most.saturating_mul(U256::from(margin)),
                    false_alarms: alarms_of_past(past.len(), &sums, margin),
                })
                .find(is_quiet);
            caps.push(Cap { asset, window_seconds, outflows: sums.len(), most, bound });
        }
    }
    caps
}

/// How many of `rest` break one of the bounds when they follow on `past`.
pub fn alarms(caps: &[Cap], past: &[Observation], rest: &[Observation]) -> BTreeSet<usize> {
    let all: Vec<Observation> = past.iter().chain(rest).cloned().collect();
    let mut broken = BTreeSet::new();
    for cap in caps {
        let Some(bound) = cap.bound else { continue };
        for sum in sums(&all, cap.asset, cap.window_seconds) {
            if let Some(index) = sum.observation.checked_sub(past.len())
                && sum.units > bound.units
            {
                broken.insert(index);
            }
        }
    }
    broken
}

fn is_quiet(bound: &Bound) -> bool {
    let FalseAlarms { alarms, of } = bound.false_alarms;
    let is_long = of * ALARM_RATE_MAX_PER_MILLE >= 1_000;
    let has_room = is_long || MARGINS.last() == Some(&bound.margin);
    of > 0 && has_room && alarms * 1_000 <= of * ALARM_RATE_MAX_PER_MILLE
}

/// The sum in the window that ends with each observation in which some of the asset left.
fn sums(past: &[Observation], asset: Asset, window_seconds: u64) -> Vec<Sum> {
    let mut window: VecDeque<(u64, U256)> = VecDeque::new();
    let mut found = Vec::new();
    for (index, observation) in past.iter().enumerate() {
        let Some(units) = observation.outflows.get(&asset) else { continue };
        let now = observation.timestamp;
        window.push_back((now, *units));
        while window.pop_front_if(|(at, _)| at.saturating_add(window_seconds) <= now).is_some() {}
        let units = window.iter().fold(U256::ZERO, |sum, (_, units)| sum.saturating_add(*units));
        found.push(Sum { observation: index, units });
    }
    found
}

/// What bounds from earlier parts would have said of later ones. Before any of the asset left, there is no bound.
fn alarms_of_past(observations: usize, sums: &[Sum], margin: u32) -> FalseAlarms {
    let mut raised = FalseAlarms::default();
    let mut most: Option<U256> = None;
    for range in folds(observations) {
        let part: Vec<U256> = sums
            .iter()
            .filter(|sum| range.contains(&sum.observation))
            .map(|sum| sum.units)
            .collect();
        if let Some(most) = most {
            let bound = most.saturating_mul(U256::from(margin));
            raised.alarms += part.iter().filter(|units| **units > bound).count() as u64;
            raised.of += range.len() as u64;
        }
        most = most.max(part.into_iter().max());
    }
    raised
}

/// The bounds by asset.
pub fn by_asset(caps: &[Cap]) -> BTreeMap<Asset, Vec<&Cap>> {
    let mut sorted: BTreeMap<Asset, Vec<&Cap>> = BTreeMap::new();
    for cap in caps {
        sorted.entry(cap.asset).or_default().push(cap);
    }
    sorted
}

#[cfg(test)]
mod tests;
