//! From signals to one word.
//!
//! Each signal's value is that of an e-variable: its mean over ordinary transactions is at most one. Signals look at the
//! same calls and depend on each other in unknown ways, so they are averaged, which is valid under any dependence. The
//! gain is another kind of fact: how much an ordinary transaction earns has a tail index near one, so the chance of
//! earning `x` is about `1000 $ / x`; the calibrator `κ p^(κ-1)`, κ = 1/2, makes an e-value of it, which multiplies (it
//! is independent of the calls only approximately: what keeps that honest is the count on ordinary blocks).
//! (Vovk and Wang, "E-values: calibration, combination and applications", Annals of Statistics 2021.)
//!
//! By Markov's inequality an alert at `e >= 1/α` is false in at most a share α of ordinary transactions.

use portcullis_types::{evidence::Evidence, money::Usd};

use crate::{
    loss,
    picture::Picture,
    signals::{RARE, Sighting, WATCHES},
    suspicion::{AttackClass, Level, Signal, Suspicion},
};

/// An alert may be false in one of 2,000 ordinary transactions.
const ALERT: f64 = 2_000.0;
/// To act unattended: false in one of 100,000, by at least two signals each of which is
/// rare by itself: a fortune alone may be a whale.
const ACT: f64 = 100_000.0;
/// Gains that anybody makes.
const ORDINARY_GAIN: Usd = Usd::dollars(1_000);
/// An unattended act wants a gain that is more than a bot's.
const ACT_GAIN: Usd = Usd::dollars(20_000);

/// What is to be said of a transaction; none if its signals do not suffice.
pub(crate) fn of(picture: &Picture<'_>) -> Option<Suspicion> {
    let weighed = weigh(picture);
    if weighed.e_value < ALERT {
        return None;
    }
    let rare = weighed.sightings.iter().filter(|(_, sighting)| sighting.e_value >= RARE).count();
    let sure = weighed.e_value >= ACT && rare >= 2 && picture.profit.usd >= ACT_GAIN;
    let level = if sure { Level::Act } else { Level::Alert };
    Some(suspicion(picture, level, &weighed))
}

/// What the signals say, before it is asked whether it is enough.
pub(crate) struct Weighed {
    /// Value of the fused e-variable.
    pub(crate) e_value: f64,
    /// What was seen, strongest first.
    pub(crate) sightings: Vec<(&'static str, Sighting)>,
}

/// Fuses all signals.
pub(crate) fn weigh(picture: &Picture<'_>) -> Weighed {
    let mut sightings: Vec<(&'static str, Sighting)> =
        WATCHES.iter().filter_map(|(name, look)| Some((*name, look(picture)?))).collect();
    sightings.sort_by(|(_, a), (_, b)| b.e_value.total_cmp(&a.e_value));
    let calls = sightings.iter().fold(0.0, |sum, (_, s)| sum + s.e_value) / WATCHES.len() as f64;
    Weighed { e_value: calls * gain(picture), sightings }
}

/// The e-value of the gain.
fn gain(picture: &Picture<'_>) -> f64 {
    let profit = picture.profit;
    if profit.usd > ORDINARY_GAIN {
        let p = ORDINARY_GAIN.as_ratio_operand() / profit.usd.as_ratio_operand();
        return 0.5 / p.sqrt();
    }
    // Of coins without a price nothing is known, nor of what a call tree without logs does not show.
    if profit.gained || !picture.evidence.known.logs { 1.0 } else { 0.5 }
}

fn suspicion(picture: &Picture<'_>, level: Level, weighed: &Weighed) -> Suspicion {
    let sightings = &weighed.sightings;
    let evidence: &Evidence = picture.evidence;
    let losses = loss::losses(picture);
    let targets = loss::targets(picture, sightings);
    let victims = loss::victims(picture, &losses, &targets);
    let signals: Vec<Signal> = sightings.iter().map(signal).collect();
    let did: Vec<&str> = sightings.iter().take(3).map(|(_, s)| s.sentence.as_str()).collect();
    Suspicion {
        chain: evidence.chain,
        block: evidence.block,
        transaction: evidence.hash,
        level,
        e_value: weighed.e_value,
        class: class(sightings),
        attackers: picture.own_sorted(),
        victims,
        targets,
        losses,
        signals,
        sentence: format!("{} {}.", evidence.from, did.join("; ")),
    }
}

pub(crate) fn signal((name, sighting): &(&'static str, Sighting)) -> Signal {
    Signal {
        detector: name,
        e_value: sighting.e_value,
        sentence: sighting.sentence.clone(),
        frames: sighting.frames.clone(),
    }
}

/// The class of the strongest signal that knows one.
fn class(sightings: &[(&'static str, Sighting)]) -> AttackClass {
    let classes = sightings.iter().map(|(_, sighting)| sighting.class);
    classes.clone().find(|class| *class != AttackClass::Other).unwrap_or(AttackClass::Other)
}
