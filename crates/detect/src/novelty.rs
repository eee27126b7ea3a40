//! Somebody's contract takes a way through the protocol that nobody has taken before, and money leaves by it.
//!
//! # What it watches
//!
//! Transactions that enter the protocol through a contract that is not the protocol's own, measured against a fixed
//! reference of its past: the functions entered, which was entered directly after which, and how often a function was
//! entered in one transaction ([`form`] says what is left out of the call tree). It raises a finding if one of these is
//! new *and* an account outside ended up with more of some asset than it brought ([`gain`]). The finding lists what is
//! new and the hash of the form, which may be added to `forms` of the reference once people found it harmless. The
//! reference is made by `portcullis learn` and never learns while the program runs: an attacker could otherwise teach it
//! his attack step by step.
//!
//! # Why it matters
//!
//! Honest use of a protocol takes few ways, and an attack has to take a new one: whitelists of control flows stop 35 of 37
//! attacks at 0.26 % false alarms (`CrossGuard`), without any idea of what the attack is. On the histories of seven
//! protocols, learned from the first 70 %, this detector finds all seven exploits with 2 alarms on 1,461 later
//! transactions that are labelled honest; one of the two is the thief's, a block before the labelled one
//! (`docs/learning.md`).
//!
//! # What it misses
//!
//! An attack that takes a known way with other amounts: `gross-outflow` and `invariant` must see it. A sender who calls
//! one function of the protocol himself, whatever that function then does: every new function of the owners would be an
//! alarm (Nomad and Ronin fell this way). An attack in which nothing is seen to leave in the same transaction: a debt
//! booked, a token minted, a recording that does not say what moved. What an earlier attack in the reference has taught
//! it.
//!
//! # False alarms
//!
//! The first users of new functions, routers and batches, until the reference is learned anew. Therefore this is never a
//! proof, and it is not stable. The e-value is one over the alarm rate that the reference had on its own past, each
//! transaction judged by those before it, with one alarm and one transaction added; at most 200, since 2 alarms in 1,461
//! leave a rate below one in 232 unproven (95 %). Each finding says how many of the last composed transactions took a form
//! that is not in the reference: when that is many, the reference is out of date and the evidence weak.
//!
//! # References
//!
//! - `CrossGuard`, ICSE 2026, arXiv 2504.05509: whitelists of control flows, and which calls to leave out
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580: guards learned from the first 70 %; conjunctions keep false alarms down
//! - SWC-114, OWASP Smart Contract Top 10: most of its classes need a composing contract

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::NoveltyConfig,
    detector::{Detector, Findings, Meta, draft},
    history::Timeline,
    outflow::lost,
};

pub mod form;
pub mod gain;
pub mod learned;

pub use form::{Form, Function};
pub use gain::gains;
pub use learned::{FalseAlarms, Learned, LearnedSource, News};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "novelty",
    title: "Somebody's contract takes a way through the protocol that nobody took before",
    maturity: Maturity::Incubating,
};

/// Largest e-value of a finding.
pub const E_VALUE_MAX: f64 = 200.0;

/// Most things that a finding lists as new.
const LISTED_MAX: usize = 8;

/// See the module.
#[derive(Debug, Clone)]
pub struct Novelty {
    protocol: Protocol,
    maturity: Maturity,
    contracts: BTreeSet<Address>,
    learned: Learned,
    e_value: f64,
    /// By block, of the blocks with such transactions that are remembered.
    composed: Timeline<Composed>,
}

/// Transactions of a block that were put together by contracts of others.
#[derive(Debug, Clone, Copy, Default)]
struct Composed {
    all: u64,
    /// Those whose form is not in the reference.
    unseen: u64,
}

impl Novelty {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &NoveltyConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let learned = match &config.learned {
            LearnedSource::Inline(learned) => learned.as_ref().clone(),
            LearnedSource::File(path) => {
                return Err(resolver.error(
                    "learned",
                    format!("the file `{path}` was not read into the configuration"),
                    "load the configuration with `portcullis`, or write the reference in place of the path",
                ));
            }
        };
        check(&resolver, &learned)?;
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            contracts: resolver.contracts("contracts", &config.contracts, |_| true)?,
            e_value: e_value(learned.false_alarms),
            learned,
            composed: Timeline::default(),
        })
    }

    fn count(&mut self, evidence: &Evidence, form: &Form) -> Composed {
        let mut here = self.composed.at(evidence.block).copied().unwrap_or_default();
        here.all += 1;
        here.unseen += u64::from(!self.learned.forms.contains(&form.hash()));
        // What falls out at the far end is of no use here.
        let _: Option<Composed> = self.composed.set(evidence.block, here);
        self.composed.iter().fold(Composed::default(), |sum, one| Composed {
            all: sum.all + one.all,
            unseen: sum.unseen + one.unseen,
        })
    }

    fn finding(
        &self,
        form: &Form,
        news: &[News],
        lately: Composed,
        evidence: &Evidence,
    ) -> Finding {
        let first = form.first.map_or(Address::ZERO, |function| function.contract);
        let contract = news.first().map_or(first, |news| match news {
            News::Function(function) | News::Repeats { function, .. } => function.contract,
            News::Step(_, to) => to.contract,
        });
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, b"");
        finding.sentence = format!(
            "a contract took a way through {} that none of {} transactions took before",
            self.protocol.name, self.learned.transactions
        );
        let listed = news.iter().take(LISTED_MAX);
        finding.evidence.extend(listed.map(|news| news.show(&self.protocol)));
        if let Some(more) = news.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
            finding.evidence.push(format!("and {more} more that is new"));
        }
        for (asset, amount) in gains(evidence, &self.contracts).into_iter().take(LISTED_MAX) {
            let amount = self.protocol.asset(asset).map_or_else(
                || format!("{amount} smallest units of {asset}"),
                |spec| spec.show(amount),
            );
            finding.evidence.push(format!("outsiders gained {amount}"));
        }
        finding.evidence.push(format!("form {}", form.hash()));
        finding.evidence.push(format!(
            "{} of the last {} composed transactions took a form that is not in the reference",
            lately.unseen, lately.all
        ));
        if let Some(lost) = lost(&self.protocol, evidence) {
            let what = lost.spec.show(lost.amount);
            finding.sentence += &format!("; {what} left the protocol");
            (finding.asset, finding.amount) = (Some(lost.spec.asset), Some(lost.amount));
            finding.loss = lost.value;
        }
        finding.confidence = Confidence::evidence(self.e_value);
        finding
    }
}

fn check(resolver: &Resolver<'_>, learned: &Learned) -> Result<(), ConfigError> {
    const REMEDY: &str = "make it anew with `portcullis learn`";
    let steps: usize = learned.steps.values().map(BTreeSet::len).sum();
    if learned.format != learned::FORMAT {
        let problem = format!("its format is not {}", learned::FORMAT);
        return Err(resolver.error("learned.format", problem, REMEDY));
    }
    if learned.functions.is_empty() || learned.repeat_factor == 0 {
        let problem = "it knows no function, or its repeatFactor is 0";
        return Err(resolver.error("learned", problem, REMEDY));
    }
    let sizes = [
        ("learned.functions", learned.functions.len(), learned::FUNCTIONS_MAX),
        ("learned.steps", steps, learned::STEPS_MAX),
        ("learned.forms", learned.forms.len(), learned::FORMS_MAX),
    ];
    for (field, size, limit) in sizes {
        if size > limit {
            let problem = format!("it has {size} entries, more than {limit}");
            return Err(resolver.error(field, problem, "name fewer contracts and learn again"));
        }
    }
    Ok(())
}

/// One over the alarm rate, with one alarm and one transaction added: without any past it is 1, worth nothing.
fn e_value(past: FalseAlarms) -> f64 {
    let (alarms, of) = (past.alarms.min(past.of), past.of);
    #[expect(clippy::cast_precision_loss, reason = "a count of transactions, far below 2^53")]
    let rate = (alarms as f64 + 1.0) / (of as f64 + 1.0);
    (1.0 / rate).min(E_VALUE_MAX)
}

impl Detector for Novelty {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.success {
            return;
        }
        let form = Form::of(evidence, &self.contracts);
        if !form.composed {
            return;
        }
        let lately = self.count(evidence, &form);
        let news = self.learned.news(&form);
        if !news.is_empty() && !gains(evidence, &self.contracts).is_empty() {
            out.push(self.finding(&form, &news, lately, evidence));
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.composed.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
