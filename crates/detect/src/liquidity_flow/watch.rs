//! From buckets to discoveries: learn, then watch, epoch after epoch.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::U256;
use portcullis_stats::{StatsError, ebh::e_bh, evalue::EValue};

use super::{
    books::{Closed, Sums},
    relation::{Hypothesis, learn},
    score::{Flow, Form, Row, Way, score},
    settings::{LAG_BUCKETS, Settings, Venue},
};

/// Buckets of the past that are kept: the longest lag, half as much again, and the bucket itself. More than the own past.
const HISTORY_BUCKETS: usize = (*LAG_BUCKETS.end() as usize) * 3 / 2 + 2;

/// A flow is called unusual, beside a discovery, from here on.
const UNUSUAL_P: f64 = 0.01;

/// A run of strange buckets ends with one that is more likely than this.
const RUN_P: f64 = 0.5;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    state: State,
    history: VecDeque<Row>,
    /// Number of the last bucket.
    last: u64,
}

#[derive(Debug, Clone)]
enum State {
    Learning { rows: Vec<Row>, n_whole: usize },
    Watching(Box<Watching>),
}

#[derive(Debug, Clone)]
struct Watching {
    hypotheses: Vec<Hypothesis>,
    runs: Vec<Option<Run>>,
    /// e-value at which each was told last in this epoch.
    told: Vec<f64>,
    /// Buckets of this epoch so far.
    elapsed: u64,
    unusual: BTreeMap<(usize, Way), Unusual>,
}

/// Buckets on end in which something was strange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u64,
    /// Smallest units; of two venues that of the first.
    pub(super) amounts: [U256; 2],
}

/// A flow that was unusual by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unusual {
    pub(super) bucket: u64,
    pub(super) p: f64,
    pub(super) amount: U256,
}

/// A hypothesis that is rejected, and news.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    pub(super) form: Form,
    pub(super) e_value: f64,
    pub(super) run: Run,
}

/// What a bucket brought.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) discoveries: Vec<Discovery>,
    /// Rejected hypotheses, of how many; the mean of all their e-values.
    pub(super) n_rejected: usize,
    pub(super) n_all: usize,
    pub(super) fused: f64,
    pub(super) unusual: BTreeMap<(usize, Way), Unusual>,
    /// The reference could not be used, and why.
    pub(super) failed: Option<StatsError>,
}

impl Watch {
    pub(super) fn new() -> Self {
        let state = State::Learning { rows: Vec::new(), n_whole: 0 };
        Self { state, history: VecDeque::new(), last: 0 }
    }

    /// Takes a bucket in.
    pub(super) fn take(&mut self, closed: &Closed, settings: &Settings) -> Verdict {
        let row: Row = closed
            .sums
            .iter()
            .zip(&settings.venues)
            .map(|(sums, venue)| sums.map(|sums| flow(sums, venue)))
            .collect();
        if closed.after_jump {
            self.history.clear();
        }
        self.last = closed.bucket;
        match &mut self.state {
            State::Learning { rows, n_whole } => {
                *n_whole += usize::from(row.iter().all(Option::is_some));
                rows.push(row);
                if *n_whole < settings.reference_buckets {
                    // Holes are not counted; of too many the oldest rows are dropped, with what was whole among them.
                    if rows.len() > 2 * settings.reference_buckets {
                        let dropped = rows.drain(..settings.reference_buckets / 2);
                        *n_whole -= dropped.filter(|row| row.iter().all(Option::is_some)).count();
                    }
                    return Verdict::default();
                }
                let rows = std::mem::take(rows);
                self.end_learning(rows, settings)
            }
            State::Watching(watching) => {
                self.history.push_back(row);
                if self.history.len() > HISTORY_BUCKETS {
                    self.history.pop_front();
                }
                watching.observe(&self.history, closed, settings)
            }
        }
    }

    fn end_learning(&mut self, rows: Vec<Row>, settings: &Settings) -> Verdict {
        match learn(&rows, settings) {
            Ok(hypotheses) => {
                let n = hypotheses.len();
                let first = rows.len().saturating_sub(HISTORY_BUCKETS);
                self.history.extend(rows.into_iter().skip(first));
                self.state = State::Watching(Box::new(Watching {
                    hypotheses,
                    runs: vec![None; n],
                    told: vec![0.0; n],
                    elapsed: 0,
                    unusual: BTreeMap::new(),
                }));
                Verdict::default()
            }
            Err(error) => {
                // The next reference is another one; that this one failed is said.
                self.state = State::Learning { rows: Vec::new(), n_whole: 0 };
                Verdict { failed: Some(error), ..Verdict::default() }
            }
        }
    }

    /// What was learned; none before.
    pub(super) fn hypotheses(&self) -> Option<&[Hypothesis]> {
        match &self.state {
            State::Learning { .. } => None,
            State::Watching(watching) => Some(&watching.hypotheses),
        }
    }
}

/// Dollars, for statistics alone.
fn flow(sums: Sums, venue: &Venue) -> Flow {
    let dollars = |amount: U256| venue.spec.value(amount).as_ratio_operand() / 1e6;
    Flow { came: dollars(sums.came), left: dollars(sums.left) }
}

impl Watching {
    fn observe(
        &mut self,
        history: &VecDeque<Row>,
        closed: &Closed,
        settings: &Settings,
    ) -> Verdict {
        if self.elapsed >= settings.epoch_buckets {
            self.begin_epoch();
        }
        self.elapsed += 1;
        let row = |ago: usize| history.get(history.len().checked_sub(ago + 1)?);
        let mut e_values = Vec::with_capacity(self.hypotheses.len());
        for (hypothesis, run) in self.hypotheses.iter_mut().zip(&mut self.runs) {
            // A bucket that was not seen whole is not judged: nothing is folded in.
            let p = score(&hypothesis.form, row)
                .and_then(|score| hypothesis.reference.p_conditional(score).ok());
            if let Some(p) = p {
                hypothesis.n_observed += 1;
                // p is a probability: the only error there is cannot be.
                let _ = hypothesis.bets.observe(p);
                follow(run, p, &hypothesis.form, closed);
                note(&mut self.unusual, p, &hypothesis.form, closed);
            }
            e_values.push(hypothesis.e_value(settings.epoch_buckets));
        }
        let rejected = e_bh(&e_values, settings.rate).unwrap_or_default();
        let mut verdict = Verdict {
            n_rejected: rejected.len(),
            n_all: e_values.len(),
            fused: EValue::mean(&e_values).get(),
            ..Verdict::default()
        };
        // What has gone back to no evidence at all is news when it comes again.
        for (told, e_value) in self.told.iter_mut().zip(&e_values) {
            if e_value.get() <= 1.0 {
                *told = 0.0;
            }
        }
        for at in rejected {
            let (Some(hypothesis), Some(told), Some(e_value)) =
                (self.hypotheses.get(at), self.told.get_mut(at), e_values.get(at))
            else {
                continue;
            };
            let Some(run) = self.runs.get(at).copied().flatten() else { continue };
            // A rejected one is above 1, and told again at the square: at most ten times before it is at its limit.
            if *told == 0.0 || e_value.get() >= *told * *told {
                *told = e_value.get();
                let (form, e_value) = (hypothesis.form, e_value.get());
                verdict.discoveries.push(Discovery { form, e_value, run });
            }
        }
        if !verdict.discoveries.is_empty() {
            verdict.unusual.clone_from(&self.unusual);
        }
        verdict
    }

    fn begin_epoch(&mut self) {
        self.elapsed = 0;
        self.told.fill(0.0);
        for hypothesis in &mut self.hypotheses {
            hypothesis.bets.restart();
            hypothesis.n_observed = 0;
        }
    }
}

impl Hypothesis {
    /// The e-value now. The Shiryaev–Roberts level M minus the number of observations has no upward drift, so that
    /// (M + T − t)/T has a mean of at most 1 at any moment of an epoch of T buckets, chosen in whatever way.
    fn e_value(&self, epoch: u64) -> EValue {
        let (observed, epoch) = (self.n_observed as f64, epoch as f64);
        let level = self.bets.level().level + (epoch - observed).max(0.0);
        EValue::new(level / epoch).unwrap_or(EValue::NONE)
    }
}

fn moved(closed: &Closed, venue: usize, way: Way) -> U256 {
    let sums = closed.sums.get(venue).copied().flatten().unwrap_or_default();
    match way {
        Way::In => sums.came,
        Way::Out => sums.left,
    }
}

fn follow(run: &mut Option<Run>, p: f64, form: &Form, closed: &Closed) {
    if p > RUN_P {
        *run = None;
        return;
    }
    let amounts = match form {
        Form::Excess { venue, way, .. } => [moved(closed, *venue, *way), U256::ZERO],
        Form::Together { venues, .. } => venues.map(|venue| moved(closed, venue, Way::Out)),
    };
    let run = run.get_or_insert(Run { first: closed.bucket, amounts: [U256::ZERO; 2] });
    for (sum, amount) in run.amounts.iter_mut().zip(amounts) {
        *sum = sum.saturating_add(amount);
    }
}

fn note(unusual: &mut BTreeMap<(usize, Way), Unusual>, p: f64, form: &Form, closed: &Closed) {
    if let Form::Excess { venue, way, .. } = form
        && p <= UNUSUAL_P
    {
        let amount = moved(closed, *venue, *way);
        unusual.insert((*venue, *way), Unusual { bucket: closed.bucket, p, amount });
    }
}
