//! What usually follows what, learned once from the reference.
//!
//! The reference is cut into 16 parts, dealt in turn to four heaps, so that a protocol that grew in the meantime is in all of
//! them. The first heap gives the lag: the largest Hayashi–Yoshida correlation of the logarithms of two flows over the lags
//! allowed. The second tests that one lag with a transfer test (so that the choice among many lags costs nothing), and all
//! tests are corrected together by Benjamini–Yekutieli, which needs no independence. Both give scales and ratios (medians).
//! The other two are scored by what was learned, and those scores are what later ones are ranked among: nothing is
//! calibrated on what it was fitted to.

use portcullis_stats::{
    StatsError,
    conformal::{PowerBets, Reference},
    ebh::benjamini_yekutieli,
    edetector::{ARL_MAX, Watch},
    lead_lag::{Series, over_lags, strongest, symbols, transfer_test},
};

use super::{
    score::{Flow, Form, Leader, Row, Way, own_past, score},
    settings::{Direction, Settings},
};

/// The false discovery rate among the relations that are taken for usual.
pub const RELATION_RATE: f64 = 0.1;

/// Shuffles of one transfer test: its smallest p-value is a thousandth.
const SHUFFLES: usize = 999;

/// Blocks that a transfer test shuffles.
const BLOCKS: usize = 40;

/// Parts of the reference.
const PARTS: usize = 16;

/// Begins the generator of the shuffles: any fixed number gives the same answer each time.
const SEED: u64 = 0x1ead_1a60;

/// The probability that all references of a detector keep their promise.
const CONFIDENCE: f64 = 0.99;

/// What is tested: that a form of flow is no stranger than in the reference.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    pub(super) form: Form,
    pub(super) reference: Reference,
    pub(super) bets: PowerBets,
    /// Scores folded in since the epoch began.
    pub(super) n_observed: u64,
}

/// Which venue's flow, and which way.
type Signal = (usize, Way);

/// A relation that may be there.
struct Candidate {
    target: Signal,
    leader: Signal,
    lag: usize,
    p: f64,
}

/// Learns from `rows`, oldest first.
pub(super) fn learn(rows: &[Row], settings: &Settings) -> Result<Vec<Hypothesis>, StatsError> {
    let forms = forms(rows, settings)?;
    let confidence = 1.0 - (1.0 - CONFIDENCE) / forms.len().max(1) as f64;
    let mut hypotheses = Vec::new();
    for form in forms {
        let scores: Vec<f64> = (0..rows.len())
            .filter(|now| heap(*now, rows.len()) > 1)
            .filter_map(|now| score(&form, |ago| rows.get(now.checked_sub(ago)?)))
            .collect();
        let bets = PowerBets::new(Watch::ShiryaevRoberts { arl: ARL_MAX })?;
        let reference = Reference::new(scores, confidence)?;
        hypotheses.push(Hypothesis { form, reference, bets, n_observed: 0 });
    }
    Ok(hypotheses)
}

/// Which heap a bucket of the reference belongs to, 0 to 3.
fn heap(at: usize, n: usize) -> usize {
    at * PARTS / n.max(1) % 4
}

/// The rows of a heap on end.
fn dealt(rows: &[Row], which: usize) -> Vec<&Row> {
    let of = |(at, row)| (heap(at, rows.len()) == which).then_some(row);
    rows.iter().enumerate().filter_map(of).collect()
}

fn ways(direction: Direction) -> &'static [Way] {
    match direction {
        Direction::In => &[Way::In],
        Direction::Out => &[Way::Out],
        Direction::Both => &[Way::In, Way::Out],
    }
}

/// For every flow that is judged: each leader that was found, or none at all; and every two venues together.
fn forms(rows: &[Row], settings: &Settings) -> Result<Vec<Form>, StatsError> {
    let venues = &settings.venues;
    let mut candidates = Vec::new();
    let mut targets: Vec<Signal> = Vec::new();
    for (venue, one) in venues.iter().enumerate() {
        targets.extend(ways(one.direction).iter().map(|way| (venue, *way)));
    }
    for &target in &targets {
        for leader in (0..venues.len()).filter(|leader| *leader != target.0) {
            candidates.extend(candidate(rows, target, leader, settings.max_lag)?);
        }
    }
    let ps: Vec<f64> = candidates.iter().map(|candidate| candidate.p).collect();
    let found = benjamini_yekutieli(&ps, RELATION_RATE)?;
    let mut forms = Vec::new();
    for target in targets {
        let mut leaders: Vec<Leader> = found
            .iter()
            .filter_map(|at| candidates.get(*at))
            .filter(|candidate| candidate.target == target)
            .filter_map(|candidate| leader(rows, candidate))
            .collect();
        leaders.sort_by_key(|leader| leader.venue);
        let scale = scale(rows, target);
        let own_max = own_max(rows, target);
        let form = |leader| Form::Excess { venue: target.0, way: target.1, scale, own_max, leader };
        if leaders.is_empty() {
            forms.push(form(None));
        } else {
            forms.extend(leaders.into_iter().map(|leader| form(Some(leader))));
        }
    }
    let leaves =
        |venue: &usize| venues.get(*venue).is_some_and(|venue| venue.direction != Direction::In);
    for first in (0..venues.len()).filter(leaves) {
        for second in (first + 1..venues.len()).filter(leaves) {
            let scales = [first, second].map(|venue| scale(rows, (venue, Way::Out)));
            forms.push(Form::Together { venues: [first, second], scales });
        }
    }
    Ok(forms)
}

/// The logarithm of a flow over its scale; what was not seen is nothing here, which is an estimate's business only.
fn logs(rows: &[&Row], scale: f64, signal: Signal) -> Vec<f64> {
    let value = |row: &&Row| {
        row.get(signal.0)
            .copied()
            .flatten()
            .map_or(0.0, |flow: Flow| (flow.way(signal.1) / scale).ln_1p())
    };
    let mut values: Vec<f64> = rows.iter().map(value).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    for value in &mut values {
        *value -= mean;
    }
    values
}

fn series(values: &[f64]) -> Option<Series> {
    let mut sum = 0.0;
    let mut path = vec![0.0];
    for value in values {
        sum += value;
        path.push(sum);
    }
    let times: Vec<f64> = (0..path.len()).map(|at| at as f64).collect();
    Series::new(&times, &path).ok()
}

/// The strongest way in which `leader` may lead `target`, and how likely chance shows as much. None where one of them
/// never moved.
fn candidate(
    rows: &[Row],
    target: Signal,
    leader: usize,
    max_lag: usize,
) -> Result<Option<Candidate>, StatsError> {
    let (first, second) = (dealt(rows, 0), dealt(rows, 1));
    let logs_of = |heap: &[&Row], signal| logs(heap, scale(rows, signal), signal);
    let Some(follows) = series(&logs_of(&first, target)) else { return Ok(None) };
    let lags: Vec<f64> = (0..=max_lag).map(|lag| lag as f64).collect();
    let mut best: Option<(f64, usize, Way)> = None;
    for way in [Way::In, Way::Out] {
        let Some(leads) = series(&logs_of(&first, (leader, way))) else { continue };
        if let Some(one) = strongest(&over_lags(&leads, &follows, &lags)?)
            && one.correlation > best.map_or(0.0, |best| best.0)
        {
            best = Some((one.correlation, one.lag as usize, way));
        }
    }
    let Some((_, lag, way)) = best else { return Ok(None) };
    let leader = (leader, way);
    let (source, follower) = (logs_of(&second, leader), logs_of(&second, target));
    // The test asks what the source says of the target's next step: moved so that the lag is that step.
    let n = follower.len().saturating_sub(max_lag + 1);
    let source: Vec<f64> = source.into_iter().skip(max_lag + 1 - lag).take(n).collect();
    let follower: Vec<f64> = follower.into_iter().skip(max_lag).take(n).collect();
    let block = (n / BLOCKS).max(1);
    let (source, follower) = (symbols(&source, 0.0)?, symbols(&follower, 0.0)?);
    let p = transfer_test(&source, &follower, block, SHUFFLES, SEED)?.p;
    Ok(Some(Candidate { target, leader, lag, p }))
}

/// A leader with how much follows it in the median; none if nothing ever followed.
fn leader(rows: &[Row], candidate: &Candidate) -> Option<Leader> {
    let (venue, way) = candidate.leader;
    let lag = candidate.lag;
    let mut leader = Leader { venue, way, lag, spread: lag.div_ceil(2).max(1), ratio: 1.0 };
    let mut ratios = Vec::new();
    for now in (0..rows.len()).filter(|now| heap(*now, rows.len()) < 2) {
        let at = |ago: usize| rows.get(now.checked_sub(ago)?);
        let (target, target_way) = candidate.target;
        let (Some(led), Some(row)) = (leader.explains(at), at(0)) else { continue };
        let followed = row.get(target).copied().flatten().map_or(0.0, |flow| flow.way(target_way));
        if led > 0.0 && followed > 0.0 {
            ratios.push(followed / led);
        }
    }
    leader.ratio = median(ratios)?;
    Some(leader)
}

/// The median of the flows that were; a dollar where there were none.
fn scale(rows: &[Row], (venue, way): Signal) -> f64 {
    let learned = rows.iter().enumerate().filter(|(at, _)| heap(*at, rows.len()) < 2);
    let flows = learned.filter_map(|(_, row)| row.get(venue).copied().flatten());
    median(flows.map(|flow| flow.way(way)).filter(|flow| *flow > 0.0).collect())
        .unwrap_or(1.0)
        .max(f64::MIN_POSITIVE)
}

/// What a flow's own past explained in nine of ten buckets: the largest would let one busy day excuse any drain.
fn own_max(rows: &[Row], signal: Signal) -> f64 {
    let mut means: Vec<f64> = (0..rows.len())
        .filter(|now| heap(*now, rows.len()) < 2)
        .map(|now| own_past(|ago| rows.get(now.checked_sub(ago)?), signal))
        .collect();
    means.sort_by(f64::total_cmp);
    means.get(means.len() * 9 / 10).copied().unwrap_or_default()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
