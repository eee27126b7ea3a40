//! Numbers in rules (`params`), from what the rules would have said of the past.
//!
//! Each number is tried at [`FACTORS`] times its value, each over the whole past. A value is quiet if its rule spoke of at
//! most [`ALARM_RATE_MAX_PER_MILLE`] in 1,000 transactions. Which end of the list is the strict one is read off the
//! counts, for some rules fire above their number and some below; a number whose counts go up and down is left
//! alone. Proposed is the value one step looser than the strictest quiet one: the step is the room for what the past
//! did not show. A past of fewer than 1,000 judged transactions cannot show such a rate; it may loosen, not tighten.
//!
//! **The rate** beside a proposal is that of the procedure: each of [`FOLDS`](crate::FOLDS) parts but the first is judged
//! by the value that the parts before it lead to. A rule that could not look (the recording shows no logs, or no state)
//! is said to be unjudged, for that it did not speak means nothing.

use alloy_primitives::U256;
use portcullis_detect::novelty::FalseAlarms;
use portcullis_rules::{RuleSet, Settings, Source};
use portcullis_types::{evidence::Evidence, protocol::Protocol};

use crate::{FOLDS, caps::ALARM_RATE_MAX_PER_MILLE, folds};

/// What numbers are multiplied by, numerator and denominator, ascending; one of them is 1.
pub const FACTORS: [(u64, u64); 11] =
    [(1, 20), (1, 10), (1, 5), (1, 2), (1, 1), (2, 1), (5, 1), (10, 1), (20, 1), (50, 1), (100, 1)];

/// Most numbers that are tried; the others are counted and not judged.
pub const THRESHOLDS_MAX: usize = 256;

/// A number in a rule, with what the past says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// Id of the rule.
    pub rule: String,
    /// Name of the number.
    pub param: String,
    /// Its expression today.
    pub now: String,
    /// What it would have said of the past today.
    pub now_alarms: FalseAlarms,
    /// What is proposed.
    pub advice: Advice,
}

/// What the past says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Another value.
    Change {
        /// Its expression.
        to: String,
        /// False alarms of values that were chosen in this way.
        false_alarms: FalseAlarms,
    },
    /// The value of today is the one that would be chosen.
    Keep,
    /// Nothing, and why.
    None(Reason),
}

/// Why there is no advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The rule never spoke, whatever the value.
    Silent,
    /// The rule spoke as often whatever the value, or more often and less often in turn.
    NoOrder,
    /// Even the loosest value was too loud.
    Loud,
    /// A stricter value would have been quiet, but the past is too short to show it.
    Short,
    /// Transactions in which the rule could not look.
    Blind(u64),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("the rule never spoke, whatever the value"),
            Self::NoOrder => {
                f.write_str("how often the rule speaks does not go one way with the value")
            }
            Self::Loud => f.write_str("the rule spoke too often even at the loosest value tried"),
            Self::Short => {
                f.write_str("a stricter value was quiet, but the past is too short to rely on it")
            }
            Self::Blind(count) => write!(
                f,
                "the rule could not look at {count} transactions: the recording shows less than it needs"
            ),
        }
    }
}

/// One value of one number.
#[derive(Debug)]
struct Candidate {
    text: String,
    set: RuleSet,
    /// Transactions of which the rule spoke, by part.
    spoke: [u64; FOLDS],
}

#[derive(Debug)]
struct Tried {
    rule: String,
    param: String,
    now: String,
    /// Place of the rule in its file.
    number: usize,
    /// Ascending, as [`FACTORS`]; those that do not compile are left out.
    candidates: Vec<Candidate>,
    /// Place of the value of today.
    today: usize,
    blind: u64,
}

/// Tries all numbers of some rules at once, over transactions in the order of the chain.
#[derive(Debug)]
pub struct Sweep {
    tried: Vec<Tried>,
    /// Transactions to come in all, and come so far.
    expected: usize,
    seen: usize,
    left_out: usize,
}

impl Sweep {
    /// All numbers of the rules in `sources` that compile for the protocol, to be shown `expected` transactions.
    pub fn new(
        protocol: &Protocol,
        sources: &[Source],
        settings: &Settings,
        expected: usize,
    ) -> Self {
        let mut sweep = Self { tried: Vec::new(), expected, seen: 0, left_out: 0 };
        for source in sources {
            let compile = |settings: &Settings| {
                RuleSet::compile(std::slice::from_ref(source), protocol, settings).ok()
            };
            let Some(set) = compile(settings) else { continue };
            for (number, about) in set.rules().enumerate() {
                for (param, now) in &about.params {
                    if sweep.tried.len() >= THRESHOLDS_MAX {
                        sweep.left_out += 1;
                        continue;
                    }
                    let (rule, key) = (about.id.clone(), format!("{}.{param}", about.id));
                    let candidate = |text: String| {
                        let mut changed = settings.clone();
                        changed.params.insert(key.clone(), text.clone());
                        Some(Candidate { set: compile(&changed)?, text, spoke: [0; FOLDS] })
                    };
                    let mut candidates: Vec<Candidate> = Vec::new();
                    for factor in FACTORS {
                        let text = scaled(now, factor)
                            .filter(|text| candidates.last().is_none_or(|last| last.text != *text));
                        candidates.extend(text.and_then(candidate));
                    }
                    let today = candidates.iter().position(|one| one.text == *now);
                    let Some(today) = today.filter(|_| candidates.len() > 1) else { continue };
                    let (param, now) = (param.clone(), now.clone());
                    let tried = Tried { rule, param, now, number, candidates, today, blind: 0 };
                    sweep.tried.push(tried);
                }
            }
        }
        sweep
    }

    /// Numbers that were left out because there are more than [`THRESHOLDS_MAX`].
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether there is nothing to try.
    pub fn is_empty(&self) -> bool {
        self.tried.is_empty()
    }

    /// Shows the next transaction to every value.
    pub fn see(&mut self, evidence: &Evidence) {
        let part = folds(self.expected).position(|part| part.contains(&self.seen));
        let part = part.unwrap_or(FOLDS - 1);
        self.seen += 1;
        for tried in &mut self.tried {
            let mut blind = false;
            for candidate in &mut tried.candidates {
                let said = candidate.set.inspect(evidence);
                blind |= said.blind.contains(&tried.number);
                let spoke = said.matches.iter().any(|one| one.rule == tried.number);
                if let Some(count) = candidate.spoke.get_mut(part) {
                    *count += u64::from(spoke);
                }
            }
            tried.blind += u64::from(blind);
        }
    }

    /// What all of it says, in the order of the rules.
    pub fn finish(self) -> Vec<Threshold> {
        let parts: Vec<u64> = folds(self.seen).map(|part| part.len() as u64).collect();
        self.tried.into_iter().map(|tried| judge(tried, &parts)).collect()
    }
}

fn judge(tried: Tried, parts: &[u64]) -> Threshold {
    let all: u64 = parts.iter().sum();
    let now_alarms = FalseAlarms {
        alarms: tried.candidates.get(tried.today).map_or(0, |one| one.spoke.iter().sum()),
        of: all,
    };
    let advice = advice(&tried, parts);
    Threshold { rule: tried.rule, param: tried.param, now: tried.now, now_alarms, advice }
}

fn advice(tried: &Tried, parts: &[u64]) -> Advice {
    if tried.blind > 0 {
        return Advice::None(Reason::Blind(tried.blind));
    }
    let totals: Vec<u64> = tried.candidates.iter().map(|one| one.spoke.iter().sum()).collect();
    if totals.iter().all(|count| *count == 0) {
        return Advice::None(Reason::Silent);
    }
    let Some(strict_first) = order(&totals) else { return Advice::None(Reason::NoOrder) };
    // Places from the strictest to the loosest.
    let mut places: Vec<usize> = (0..tried.candidates.len()).collect();
    if !strict_first {
        places.reverse();
    }
    let choice = |before: usize| {
        let count = |place: &usize| {
            let spoke = tried.candidates.get(*place).map(|one| one.spoke.iter().take(before).sum());
            spoke.unwrap_or(0_u64)
        };
        let of: u64 = parts.iter().take(before).sum();
        let quiet = places.iter().position(|p| count(p) * 1_000 <= of * ALARM_RATE_MAX_PER_MILLE);
        quiet.map(|at| (at + 1).min(places.len() - 1))
    };
    let mut raised = FalseAlarms::default();
    for part in 1..parts.len() {
        // Where nothing was quiet so far, the loosest.
        let at = choice(part).unwrap_or(places.len() - 1);
        let chosen = places.get(at).and_then(|place| tried.candidates.get(*place));
        raised.alarms += chosen.and_then(|one| one.spoke.get(part)).copied().unwrap_or(0);
        raised.of += parts.get(part).copied().unwrap_or(0);
    }
    let Some(at) = choice(parts.len()) else { return Advice::None(Reason::Loud) };
    let today = places.iter().position(|place| *place == tried.today).unwrap_or(0);
    if at == today {
        return Advice::Keep;
    }
    if at < today && raised.of * ALARM_RATE_MAX_PER_MILLE < 1_000 {
        return Advice::None(Reason::Short);
    }
    match places.get(at).and_then(|place| tried.candidates.get(*place)) {
        Some(one) => Advice::Change { to: one.text.clone(), false_alarms: raised },
        None => Advice::Keep,
    }
}

/// Whether counts go down (the strict end is first) or up; none if neither, or both.
fn order(counts: &[u64]) -> Option<bool> {
    let pairs = || counts.iter().zip(counts.iter().skip(1));
    match (pairs().all(|(a, b)| a >= b), pairs().all(|(a, b)| a <= b)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// An expression with its first number multiplied; none if it has none, or would become 0 or too large. Fractions of
/// integers are rounded up.
fn scaled(text: &str, (by, over): (u64, u64)) -> Option<String> {
    let is_digit = |c: char| c.is_ascii_digit();
    // Not the digits of a name such as `uint8`, of a hexadecimal number or of a decimal fraction.
    let before = |at: usize| text.get(..at).and_then(|head| head.chars().next_back());
    let start = text.char_indices().find_map(|(at, c)| {
        let in_word = before(at).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        (is_digit(c) && !in_word).then_some(at)
    })?;
    let (head, rest) = text.split_at(start);
    let end = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
    let (number, tail) = rest.split_at(end);
    if by == over {
        return Some(text.to_owned());
    }
    if tail.starts_with(['.', 'x', '_']) {
        return None;
    }
    let scaled = number.parse::<U256>().ok()?.checked_mul(U256::from(by))?;
    let scaled = scaled.div_ceil(U256::from(over));
    (!scaled.is_zero()).then(|| format!("{head}{scaled}{tail}"))
}

#[cfg(test)]
mod tests;
