//! How long it takes until a theft is stopped.

use std::f64::consts::LN_2;

use super::settings::ResponsePoint;

/// Points by which a constant hazard is replaced where a limit makes the gain something else than a straight line.
pub const HAZARD_POINTS: u32 = 1_024;

/// Share of rescue windows (deployment of the attacker's contract to its first theft) that last at least so many seconds:
/// 98 attacks, 2022 to 2023 and live (methods, §0, row 1: `Trung_BA` and `LookAhead`).
pub const RESCUE_WINDOWS: [(u64, f64); 9] = [
    (3, 0.91),
    (12, 0.89),
    (24, 0.81),
    (60, 0.70),
    (120, 0.53),
    (300, 0.39),
    (600, 0.30),
    (1_800, 0.19),
    (3_600, 0.15),
];

/// The probability that a rescue window lasts at least `seconds`: that of the next longer time in
/// [`RESCUE_WINDOWS`], 0 beyond the last, so that it is never more than what was seen.
pub fn window_at_least(seconds: u64) -> f64 {
    RESCUE_WINDOWS.iter().find(|(at, _)| *at >= seconds).map_or(0.0, |(_, share)| *share)
}

/// Above this, `e^(−x)` is less than a share of money can tell apart.
const FAR: f64 = 64.0;

/// `1 − e^(−x)` for `x ≥ 0`, by `+ − × ÷` alone: decisions write it down, and journals must be equal on every machine.
///
/// `x` is halved until the series needs few terms, and the result doubled as often: `1 − e^(−2y) = a(2 − a)` for
/// `a = 1 − e^(−y)`. Right to about 1e-14.
fn gone(x: f64) -> f64 {
    if x >= FAR {
        return 1.0;
    }
    let (mut y, mut doublings) = (x, 0);
    while y > 0.125 {
        y *= 0.5;
        doublings += 1;
    }
    let (mut sum, mut term) = (y, y);
    for n in 2..14 {
        term *= -y / f64::from(n);
        sum += term;
    }
    for _ in 0..doublings {
        sum *= 2.0 - sum;
    }
    sum
}

/// A distribution of the time from the first theft to the stop.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Always after so many seconds.
    Fixed(u64),
    /// Each second as likely as the one before to be the one; half have come after the median. Never negative.
    ConstantHazard {
        /// Seconds.
        median_seconds: u64,
    },
    /// As it was seen.
    Empirical(Vec<ResponsePoint>),
}

impl Response {
    /// `E[min(1, T/D)]`: the share that is taken when a drain at a constant rate would take `drain_seconds` (`D`).
    ///
    /// For a constant hazard `λ = ln 2 / median` it is `(1 − e^(−λD)) / λD` (methods, §3: `v/λ·(1−e^(−λV/v))` with
    /// `D = V/v`). A drain of no time takes everything, unless it is stopped in the same second.
    pub fn share_taken(&self, drain_seconds: u64) -> f64 {
        let taken = |seconds: u64| {
            if seconds >= drain_seconds { 1.0 } else { seconds as f64 / drain_seconds as f64 }
        };
        match self {
            Self::Fixed(seconds) => taken(*seconds),
            Self::ConstantHazard { median_seconds: 0 } => taken(0),
            Self::ConstantHazard { median_seconds } => {
                let x = LN_2 * drain_seconds as f64 / *median_seconds as f64;
                if x > 0.0 { gone(x) / x } else { 1.0 }
            }
            Self::Empirical(points) => {
                points.iter().map(|point| point.probability * taken(point.seconds)).sum()
            }
        }
    }

    /// Points with their probabilities, for gains that are not straight. A constant hazard becomes [`HAZARD_POINTS`] of
    /// equal probability at the middle of each.
    pub fn points(&self) -> Vec<ResponsePoint> {
        match self {
            Self::Fixed(seconds) => vec![ResponsePoint { seconds: *seconds, probability: 1.0 }],
            Self::Empirical(points) => points.clone(),
            Self::ConstantHazard { median_seconds } => {
                let n = f64::from(HAZARD_POINTS);
                let point = |index: u32| {
                    let survived = 1.0 - (f64::from(index) + 0.5) / n;
                    let seconds = *median_seconds as f64 / LN_2 * -survived.ln();
                    ResponsePoint { seconds: seconds.round() as u64, probability: 1.0 / n }
                };
                (0..HAZARD_POINTS).map(point).collect()
            }
        }
    }

    /// The time that is exceeded in at most one of `1 / tail` cases, seconds.
    pub fn quantile(&self, tail: f64) -> u64 {
        let mut points = self.points();
        points.sort_by_key(|point| point.seconds);
        let mut reached = 0.0;
        for point in &points {
            reached += point.probability;
            // Sums of shares like 1/1024 may be off by a rounding.
            if reached + 1e-9 >= 1.0 - tail {
                return point.seconds;
            }
        }
        points.last().map_or(0, |point| point.seconds)
    }
}
