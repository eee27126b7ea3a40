//! Losses over time, and how much of them a brake would have saved.

use std::collections::BTreeMap;

use portcullis_types::money::Usd;
use serde::Serialize;

use crate::{report::Dollars, stats::percent};

/// How long after the first alert the brake is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// In the next block; thefts in that block still succeed.
    Block,
    /// After this many seconds; thefts at that second still succeed.
    Seconds(u64),
}

/// The delays that are reported: the next block, and 1, 5, 30 and 60 minutes.
pub const DELAYS: [(&str, Delay); 5] = [
    ("1block", Delay::Block),
    ("1", Delay::Seconds(60)),
    ("5", Delay::Seconds(300)),
    ("30", Delay::Seconds(1_800)),
    ("60", Delay::Seconds(3_600)),
];

/// Most points of a curve that are kept.
const POINTS_MAX: usize = 200;

/// One theft of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theft {
    /// Height, where known.
    pub block: Option<u64>,
    /// Seconds since any fixed moment, where known.
    pub time: Option<u64>,
    /// How much, in any unit that is the same for all: for shares only, never a sum of money.
    pub weight: f64,
}

/// When the first alert came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Height of its block, where known.
    pub block: Option<u64>,
    /// Its second, where known.
    pub time: Option<u64>,
}

/// Percent of a loss that is saved at each delay; null where times or heights are unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Saved(pub BTreeMap<&'static str, Option<f64>>);

/// What the first alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The first alert of this back-test.
    FirstAlert,
    /// Assumed: the first theft raises an alert. Nobody looked; the table holds losses only.
    AssumedFirstLoss,
    /// There was no alert: nothing is saved.
    NeverAlerted,
}

/// The losses of one incident over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LossCurve {
    /// Incident or file.
    pub name: String,
    /// What the first alert is.
    pub basis: Basis,
    /// What is summed: `usd`, `transactions` (each counts the same), or the name of a column.
    pub unit: String,
    /// How many thefts.
    pub thefts: u64,
    /// Sum, where it is in dollars.
    pub total_usd: Option<Dollars>,
    /// From the first theft to the last.
    pub seconds: Option<u64>,
    /// Percent saved by delay.
    pub saved_percent: Saved,
    /// `[seconds since the first theft, percent lost by then]`, at most 200 points.
    pub points: Vec<(u64, f64)>,
}

impl LossCurve {
    /// The curve of thefts in the order in which they happened.
    pub fn new(
        name: String,
        unit: String,
        total: Option<Usd>,
        thefts: &[Theft],
        alarm: Option<(Basis, Alarm)>,
    ) -> Self {
        let saved = DELAYS.map(|(key, delay)| {
            let share = match alarm {
                Some((_, alarm)) => saved(thefts, alarm, delay),
                None => Some(0.0),
            };
            (key, share.map(percent))
        });
        let times: Option<Vec<u64>> = thefts.iter().map(|theft| theft.time).collect();
        let first = times.as_ref().and_then(|times| times.iter().min().copied());
        let last = times.as_ref().and_then(|times| times.iter().max().copied());
        Self {
            name,
            basis: alarm.map_or(Basis::NeverAlerted, |(basis, _)| basis),
            unit,
            thefts: thefts.len() as u64,
            total_usd: total.map(Dollars),
            seconds: first.zip(last).map(|(first, last)| last - first),
            saved_percent: Saved(saved.into_iter().collect()),
            points: first.map_or(Vec::new(), |first| points(thefts, first)),
        }
    }
}

/// Share of the losses that come after the brake is on; none where it cannot be known, or where nothing was lost.
pub fn saved(thefts: &[Theft], alarm: Alarm, delay: Delay) -> Option<f64> {
    let (mut all, mut after) = (0.0, 0.0);
    for theft in thefts {
        let is_after = match delay {
            Delay::Block => theft.block? > alarm.block?.saturating_add(1),
            Delay::Seconds(seconds) => theft.time? > alarm.time?.saturating_add(seconds),
        };
        all += theft.weight;
        after += if is_after { theft.weight } else { 0.0 };
    }
    (all > 0.0).then_some(after / all)
}

/// The running sum, thinned out evenly.
fn points(thefts: &[Theft], first: u64) -> Vec<(u64, f64)> {
    let all: f64 = thefts.iter().map(|theft| theft.weight).sum();
    let mut by_second: BTreeMap<u64, f64> = BTreeMap::new();
    for theft in thefts {
        let second = theft.time.map_or(0, |time| time.saturating_sub(first));
        *by_second.entry(second).or_default() += theft.weight;
    }
    let mut sum = 0.0;
    let mut curve = Vec::new();
    for (second, weight) in by_second {
        sum += weight;
        curve.push((second, if all > 0.0 { percent(sum / all) } else { 0.0 }));
    }
    let step = curve.len().div_ceil(POINTS_MAX).max(1);
    let last = curve.len().saturating_sub(1);
    let kept = curve.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
    kept.map(|(_, point)| point).collect()
}

/// The mean over curves, each counting the same. Where some know every delay, only those count, so that the means at two
/// delays are over the same losses; else each delay has those that know it. Null at a delay that none of them knows.
pub fn mean_saved(curves: &[LossCurve]) -> Saved {
    let is_complete = |curve: &&LossCurve| curve.saved_percent.0.values().all(Option::is_some);
    let any_complete = curves.iter().any(|curve| is_complete(&curve));
    let counted = || curves.iter().filter(|curve| !any_complete || is_complete(curve));
    let mean = |key: &'static str| {
        let known: Vec<f64> =
            counted().filter_map(|curve| *curve.saved_percent.0.get(key)?).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        (key, (!known.is_empty()).then_some((mean * 100.0).round() / 100.0))
    };
    Saved(DELAYS.map(|(key, _)| mean(key)).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_brake_is_saved() {
        let theft = |block, time, weight| Theft { block: Some(block), time: Some(time), weight };
        let thefts =
            [theft(10, 100, 1.0), theft(11, 112, 2.0), theft(12, 124, 3.0), theft(50, 700, 4.0)];
        let alarm = Alarm { block: Some(10), time: Some(100) };
        let cases = [
            (Delay::Block, 0.7),
            (Delay::Seconds(0), 0.9),
            (Delay::Seconds(12), 0.7),
            (Delay::Seconds(60), 0.4),
            (Delay::Seconds(600), 0.0),
        ];
        for (delay, share) in cases {
            let found = saved(&thefts, alarm, delay).unwrap();
            assert!((found - share).abs() < 1e-9, "{delay:?}: {found}");
        }
        let blind = [Theft { block: None, time: None, weight: 1.0 }];
        assert_eq!(saved(&blind, alarm, Delay::Block), None, "unknown is not zero");
        let never = LossCurve::new("x".into(), "usd".into(), None, &thefts, None);
        assert_eq!(never.saved_percent.0["1block"], Some(0.0));
        assert_eq!(never.points, [(0, 10.0), (12, 30.0), (24, 60.0), (600, 100.0)]);
    }
}
