//! A set of rules: found by what they are about, evaluated, and taken back with their blocks.

use alloy_primitives::{Address, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    money::{Asset, Usd},
    protocol::Protocol,
};

use crate::{
    abi::Signature,
    diagnostic::{Diagnostic, Reporter, Source},
    eval::Failure,
    limits::RULES_MAX,
    rule::{Context, IndexKey, Rule, Settings, compile},
    ty::Message,
    window::Window,
    world::World,
    yaml,
};

mod index;
mod items;
mod judge;

use index::Index;
use items::items;
use judge::Bench;

/// Rules, ready to be shown Evidence.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(crate) world: World,
    pub(crate) rules: Vec<Rule>,
    pub(crate) signatures: Vec<Signature>,
    index: Index,
    windows: Vec<Window>,
    health: Vec<Health>,
    warnings: Vec<Diagnostic>,
}

/// What a rule said of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which rule, by its place in [`RuleSet::rules`].
    pub rule: usize,
    /// The contract concerned.
    pub contract: Address,
    /// Lost by this fact.
    pub loss: Usd,
    /// The asset lost, and how much of it in smallest units, where the rule says so.
    pub amount: Option<(Asset, U256)>,
    /// The rule's sentence with its values.
    pub sentence: String,
}

/// An evaluation that had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// Which rule, by its place in [`RuleSet::rules`].
    pub rule: usize,
    /// The contract concerned.
    pub contract: Address,
    /// Why.
    pub failure: Failure,
}

/// What a transaction gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Rules that spoke, in the order of what happened.
    pub matches: Vec<Match>,
    /// Evaluations that had no answer, each reason of each rule once.
    pub no_answers: Vec<NoAnswer>,
    /// Rules that need what could not be seen of the transaction, by their place.
    pub blind: Vec<usize>,
    /// Whether a limit cost something: matches of a rule, or entries of a window.
    pub dropped: bool,
}

/// Counts of one rule since the start. They are about work done, and are not taken back at a re-organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// How often it was evaluated.
    pub evaluations: u64,
    /// How often that had no answer.
    pub failures: u64,
    /// Why, last.
    pub last_failure: Option<Failure>,
    /// Transactions of which was not seen what it needs.
    pub blind: u64,
    /// Matches beyond [`MATCHES_MAX`](crate::limits::MATCHES_MAX) of one transaction.
    pub dropped: u64,
    /// Groups of its window that had to be dropped.
    pub groups_dropped: u64,
    /// Blocks of its window that had to be dropped.
    pub blocks_dropped: u64,
}

impl RuleSet {
    /// Compiles the rules of some files for a protocol.
    ///
    /// # Errors
    /// Everything that is wrong, with line and column; warnings among it.
    pub fn compile(
        sources: &[Source],
        protocol: &Protocol,
        settings: &Settings,
    ) -> Result<Self, Vec<Diagnostic>> {
        let world = World::new(protocol);
        let context = Context { world: &world, settings };
        let (mut rules, mut signatures) = (Vec::new(), Vec::new());
        let mut diagnostics = Vec::new();
        for source in sources {
            diagnostics.extend(compile_file(source, context, &mut rules, &mut signatures));
        }
        if diagnostics.iter().any(|diagnostic| diagnostic.level == crate::Level::Error) {
            return Err(diagnostics);
        }
        let mut this = Self {
            windows: vec![Window::default(); rules.len()],
            health: vec![Health::default(); rules.len()],
            world,
            rules,
            signatures,
            index: Index::default(),
            warnings: diagnostics,
        };
        this.build_index();
        Ok(this)
    }

    fn build_index(&mut self) {
        for (number, rule) in self.rules.iter().enumerate() {
            self.index.kinds.entry(rule.subject).or_default();
            for key in self.keys(rule) {
                self.index.add(key, number as u32);
            }
        }
    }

    pub(crate) fn keys(&self, rule: &Rule) -> Vec<IndexKey> {
        rule.index(|signature| self.signatures.get(signature).map(|s| s.key))
    }

    /// What should be better about the rules.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Counts of each rule, in the order of the rules.
    pub fn health(&self) -> Vec<Health> {
        let with_window = |(health, window): (&Health, &Window)| Health {
            groups_dropped: window.groups_dropped,
            blocks_dropped: window.blocks_dropped,
            ..health.clone()
        };
        self.health.iter().zip(&self.windows).map(with_window).collect()
    }

    /// Whether a rule has a setting: `field` is `params` or `lists`, `key` is `<id of the rule>.<name>`.
    pub fn takes(&self, field: &str, key: &str) -> bool {
        let Some((id, name)) = key.split_once('.') else { return false };
        let rule = self.rules.iter().find(|rule| rule.about.id == id);
        rule.is_some_and(|rule| rule.tree.has(&[field, name]))
    }

    /// Forgets what windows learned from blocks that are no longer part of the chain.
    pub fn retract(&mut self, blocks: &[BlockId]) {
        for window in &mut self.windows {
            window.retract(blocks);
        }
    }

    /// Shows a transaction to the rules that it may concern.
    pub fn inspect(&mut self, evidence: &Evidence) -> Inspection {
        let mut out = Inspection::default();
        let mut candidates = Vec::new();
        for (kind, of_kind) in &self.index.kinds {
            let sees = blind(*kind, &self.rules, &mut self.health, evidence, &mut out);
            let bench = Bench { world: &self.world, signatures: &self.signatures, evidence };
            let mut decoded = Vec::new();
            items(*kind, evidence, &mut |item| {
                of_kind.candidates(&item, &mut candidates);
                decoded.clear();
                for number in candidates.iter().map(|number| *number as usize) {
                    let place = (self.windows.get_mut(number), self.health.get_mut(number));
                    if let (Some(rule), (Some(window), Some(health))) =
                        (self.rules.get(number), place)
                        && sees.get(number).copied().unwrap_or(true)
                    {
                        let rule = (number, rule);
                        bench.evaluate(rule, &item, &mut decoded, (window, health), &mut out);
                    }
                }
            });
        }
        out
    }
}

/// Which rules of a kind can see what they need; those that cannot are counted. Empty where all can.
fn blind(
    kind: Message,
    rules: &[Rule],
    health: &mut [Health],
    evidence: &Evidence,
    out: &mut Inspection,
) -> Vec<bool> {
    if evidence.known.logs && evidence.known.state {
        return Vec::new();
    }
    let mut sees = vec![true; rules.len()];
    let of_kind = rules.iter().enumerate().filter(|(_, rule)| rule.subject == kind);
    for (number, rule) in of_kind {
        let missing = (rule.needs.logs && !evidence.known.logs)
            || (rule.needs.state && !evidence.known.state);
        if missing {
            out.blind.push(number);
            if let (Some(health), Some(sees)) = (health.get_mut(number), sees.get_mut(number)) {
                health.blind += 1;
                *sees = false;
            }
        }
    }
    sees
}

/// Adds the rules of a file; gives back what is to be said about them.
fn compile_file(
    source: &Source,
    context: Context<'_>,
    rules: &mut Vec<Rule>,
    signatures: &mut Vec<Signature>,
) -> Vec<Diagnostic> {
    let mut reporter = Reporter::new(source);
    let documents = match yaml::read(&source.text) {
        Ok(documents) => documents,
        Err(problem) => {
            reporter.error(problem.place, problem.what, problem.remedy);
            return reporter.list;
        }
    };
    if documents.is_empty() {
        let remedy = "`portcullis rule new NAME` writes one to begin with";
        reporter.error(0..1, "there is no rule in this file", remedy);
    }
    for tree in &documents {
        let Some(rule) = compile(tree, context, signatures, &mut reporter) else { continue };
        if let Some(other) = rules.iter().find(|other| other.about.id == rule.about.id) {
            let problem = format!("the id `{}` is taken, in {}", rule.about.id, other.file);
            reporter.error(tree.place.clone(), problem, "give one of the two another id");
        }
        if rules.len() >= RULES_MAX {
            reporter.error(0..1, format!("there are more than {RULES_MAX} rules"), "load fewer");
            break;
        }
        rules.push(rule);
    }
    reporter.list
}
