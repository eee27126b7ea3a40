//! A set of rules: found by what they are about, evaluated, and taken back with their blocks.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    money::{Asset, Usd},
    protocol::Protocol,
};

use crate::{
    abi::{Arguments, Signature},
    diagnostic::{Diagnostic, Reporter, Source},
    eval::{Env, Failure, eval, truth},
    limits::{MATCHES_MAX, RULES_MAX},
    rule::{Context, IndexKey, Rule, Settings, Whose, asset_key, compile},
    ty::Message,
    value::Value,
    window::Window,
    world::World,
    yaml,
};

/// Rules, ready to be shown Evidence.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(crate) world: World,
    pub(crate) rules: Vec<Rule>,
    pub(crate) signatures: Vec<Signature>,
    index: HashMap<IndexKey, Vec<u32>>,
    kinds: BTreeMap<Message, usize>,
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
    /// Evaluations that had no answer.
    pub no_answers: Vec<NoAnswer>,
    /// Rules that need what could not be seen of the transaction, by their place.
    pub blind: Vec<usize>,
    /// Matches and missing answers beyond [`MATCHES_MAX`].
    pub dropped: u64,
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
    /// Groups of its window that had to be dropped.
    pub groups_dropped: u64,
    /// Blocks of its window that had to be dropped.
    pub blocks_dropped: u64,
}

/// The candidates for one part of a transaction.
struct Item {
    subject: u32,
    what: Option<B256>,
    /// Addresses by which it is found.
    who: [Option<Address>; 2],
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
        let (mut rules, mut signatures) = (Vec::<Rule>::new(), Vec::new());
        let mut diagnostics = Vec::new();
        for source in sources {
            let mut reporter = Reporter::new(source);
            match yaml::read(&source.text) {
                Err(problem) => reporter.error(problem.place, problem.problem, problem.remedy),
                Ok(documents) => {
                    if documents.is_empty() {
                        reporter.error(
                            0..1,
                            "there is no rule in this file",
                            "`portcullis rule new NAME` writes one to begin with",
                        );
                    }
                    for tree in &documents {
                        let Some(rule) = compile(tree, context, &mut signatures, &mut reporter)
                        else {
                            continue;
                        };
                        if let Some(other) =
                            rules.iter().find(|other| other.about.id == rule.about.id)
                        {
                            let problem =
                                format!("the id `{}` is taken, in {}", rule.about.id, other.file);
                            reporter.error(
                                tree.place.clone(),
                                problem,
                                "give one of the two another id",
                            );
                        }
                        rules.push(rule);
                    }
                }
            }
            if rules.len() > RULES_MAX {
                reporter.error(
                    0..1,
                    format!("there are more than {RULES_MAX} rules"),
                    "load fewer",
                );
                rules.truncate(RULES_MAX);
            }
            diagnostics.extend(reporter.list);
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
            index: HashMap::new(),
            kinds: BTreeMap::new(),
            warnings: diagnostics,
        };
        this.build_index();
        Ok(this)
    }

    fn build_index(&mut self) {
        for (number, rule) in self.rules.iter().enumerate() {
            *self.kinds.entry(rule.subject).or_default() += 1;
            for key in self.keys(rule) {
                self.index.entry(key).or_default().push(number as u32);
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

    /// Forgets what windows learned from blocks that are no longer part of the chain.
    pub fn retract(&mut self, blocks: &[BlockId]) {
        for window in &mut self.windows {
            window.retract(blocks);
        }
    }

    /// Shows a transaction to the rules that it may concern.
    pub fn inspect(&mut self, evidence: &Evidence) -> Inspection {
        let mut out = Inspection::default();
        let kinds: Vec<Message> = self.kinds.keys().copied().collect();
        for kind in kinds {
            let sees = self.blind(kind, evidence, &mut out);
            for item in items(kind, evidence) {
                let candidates = self.candidates(kind, &item);
                if candidates.is_empty() {
                    continue;
                }
                let mut decoded: Vec<(usize, Arguments<'_>)> = Vec::new();
                // The evaluation needs the rules and changes windows and counts: the rules are lent for its time.
                let rules = std::mem::take(&mut self.rules);
                let signatures = std::mem::take(&mut self.signatures);
                for number in candidates {
                    let number = number as usize;
                    let Some(rule) =
                        rules.get(number).filter(|_| sees.get(number).copied().unwrap_or(true))
                    else {
                        continue;
                    };
                    self.evaluate(
                        number,
                        rule,
                        &signatures,
                        evidence,
                        &item,
                        &mut decoded,
                        &mut out,
                    );
                }
                drop(decoded);
                self.rules = rules;
                self.signatures = signatures;
            }
        }
        out
    }

    /// Which rules of a kind can see what they need; those that cannot are counted.
    fn blind(&mut self, kind: Message, evidence: &Evidence, out: &mut Inspection) -> Vec<bool> {
        if evidence.known.logs && evidence.known.state {
            return Vec::new();
        }
        let mut sees = vec![true; self.rules.len()];
        for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.subject == kind)
        {
            let missing = (rule.needs.logs && !evidence.known.logs)
                || (rule.needs.state && !evidence.known.state);
            if missing {
                out.blind.push(number);
                if let (Some(health), Some(sees)) =
                    (self.health.get_mut(number), sees.get_mut(number))
                {
                    health.blind += 1;
                    *sees = false;
                }
            }
        }
        sees
    }

    /// Rules whose index entries fit, in order.
    fn candidates(&self, message: Message, item: &Item) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let whats = [item.what, None];
        let whos = [item.who[0], item.who[1], None];
        for what in whats.iter().take(if item.what.is_some() { 2 } else { 1 }) {
            for (place, who) in whos.iter().enumerate() {
                // Two equal addresses, and addresses that are not there, were looked up already.
                if place < 2 && (who.is_none() || (place == 1 && *who == item.who[0])) {
                    continue;
                }
                let key = IndexKey { message, what: *what, who: *who };
                found.extend(self.index.get(&key).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    #[expect(clippy::too_many_arguments, reason = "one evaluation has this many sides")]
    fn evaluate<'e>(
        &mut self,
        number: usize,
        rule: &'e Rule,
        signatures: &'e [Signature],
        evidence: &'e Evidence,
        item: &Item,
        decoded: &mut Vec<(usize, Arguments<'e>)>,
        out: &mut Inspection,
    ) {
        let contract = match concerned(rule, &self.world, evidence, item) {
            Some(contract) => contract,
            None => return,
        };
        let wanted = rule.signatures.iter().find(|wanted| {
            signatures.get(wanted.signature).is_some_and(|s| fits(s, evidence, item))
        });
        if !rule.signatures.is_empty() && wanted.is_none() {
            return;
        }
        if let Some(wanted) = wanted
            && !decoded.iter().any(|(known, _)| *known == wanted.signature)
            && let Some(signature) = signatures.get(wanted.signature)
            && let Some(arguments) = arguments(signature, evidence, item)
        {
            decoded.push((wanted.signature, arguments));
        }
        let arguments = wanted.and_then(|wanted| {
            let found = decoded.iter().find(|(known, _)| *known == wanted.signature);
            found.map(|(_, arguments)| (arguments, &wanted.places[..]))
        });
        let mut env = Env::new(&self.world, evidence);
        env.subject = item.subject;
        env.args = arguments;
        let window = self.windows.get_mut(number);
        let said = judge(rule, &mut env, window);
        let room = out.matches.len() + out.no_answers.len() < MATCHES_MAX;
        let health = self.health.get_mut(number);
        if let Some(health) = health {
            health.evaluations += 1;
            if let Err(failure) = &said {
                health.failures += 1;
                health.last_failure = Some(failure.clone());
            }
        }
        match said {
            Ok(None) => {}
            _ if !room => out.dropped += 1,
            Ok(Some((loss, amount))) => {
                let sentence = rule.explain.fill(&mut env);
                out.matches.push(Match { rule: number, contract, loss, amount, sentence });
            }
            Err(failure) => out.no_answers.push(NoAnswer { rule: number, contract, failure }),
        }
    }
}

type Loss = (Usd, Option<(Asset, U256)>);

/// Whether the rule speaks, and of which loss.
fn judge(
    rule: &Rule,
    env: &mut Env<'_>,
    window: Option<&mut Window>,
) -> Result<Option<Loss>, Failure> {
    if let Some(when) = &rule.when
        && !truth(when, env)?
    {
        return Ok(None);
    }
    if let (Some(spec), Some(window)) = (&rule.window, window) {
        let key = match &spec.by {
            Some(by) => eval(by, env)?,
            None => Value::Bool(true),
        };
        let value = match &spec.of {
            Some(of) => eval(of, env)?,
            None => Value::Uint(U256::ONE),
        };
        let (block, timestamp) = (env.evidence.block, env.evidence.timestamp);
        let Some(measure) = window.enter(&spec.spec, &key, block, timestamp, value)? else {
            return Ok(None);
        };
        env.measure = Some(measure);
        env.key = Some(key);
    }
    match &rule.loss {
        None => Ok(Some((Usd::ZERO, None))),
        Some(loss) => match eval(loss, env)? {
            Value::Usd(usd) => Ok(Some((usd.max_zero(), None))),
            Value::Amount(asset, raw) => {
                Ok(Some((env.world.value(asset, raw), Some((asset, raw)))))
            }
            _ => Err(Failure::NotConvertible),
        },
    }
}

/// The parts of a transaction that rules of a kind are about, with what they are found by.
fn items(kind: Message, evidence: &Evidence) -> Vec<Item> {
    let item = |index: usize, what, who| Item { subject: index as u32, what, who };
    match kind {
        Message::Event => {
            let of = |(index, log): (usize, &portcullis_types::evidence::Log)| {
                item(index, log.topics.first().copied(), [Some(log.address), None])
            };
            evidence.logs.iter().enumerate().map(of).collect()
        }
        Message::Call => {
            let frames = evidence.frames.iter().enumerate().filter(|(_, frame)| frame.effective);
            let selector = |frame: &portcullis_types::evidence::Frame| {
                frame.selector().map(|selector| B256::right_padding_from(&selector))
            };
            frames
                .map(|(index, frame)| item(index, selector(frame), [Some(frame.to), None]))
                .collect()
        }
        Message::Storage => {
            let changes = evidence.storage.iter().enumerate();
            changes.map(|(index, c)| item(index, Some(c.slot), [Some(c.address), None])).collect()
        }
        Message::Code => {
            let changes = evidence.code.iter().enumerate();
            changes.map(|(index, change)| item(index, None, [Some(change.address), None])).collect()
        }
        Message::Transfer => {
            let transfers = evidence.transfers.iter().enumerate();
            transfers
                .map(|(index, t)| item(index, Some(asset_key(t.asset)), [Some(t.from), Some(t.to)]))
                .collect()
        }
        Message::Flow => {
            let flows = evidence.flows.iter().enumerate();
            flows
                .map(|(index, f)| item(index, Some(asset_key(f.asset)), [Some(f.holder), None]))
                .collect()
        }
        Message::Tx => vec![item(0, None, [None, None])],
        _ => Vec::new(),
    }
}

/// The contract that a match would be about; none where the rule is not about this part.
fn concerned(rule: &Rule, world: &World, evidence: &Evidence, item: &Item) -> Option<Address> {
    let index = item.subject as usize;
    match rule.subject {
        Message::Call => evidence.frames.get(index).map(|frame| frame.context),
        Message::Transfer => {
            let ours = |who: &&Address| match &rule.whose {
                Whose::Of(set) => set.contains(*who),
                Whose::Any => world.contracts.contains(*who),
            };
            let parties = [item.who[0], item.who[1]];
            parties.iter().flatten().find(ours).copied().or(item.who[0])
        }
        Message::Tx => touched(rule, world, evidence),
        _ => item.who[0],
    }
}

/// The first contract of a rule that took part in a transaction; its callee if that is one.
fn touched(rule: &Rule, world: &World, evidence: &Evidence) -> Option<Address> {
    let callee = evidence.to.unwrap_or(evidence.from);
    let (set, needed) = match &rule.whose {
        Whose::Of(set) => (set, true),
        Whose::Any => (&world.contracts, false),
    };
    if set.contains(&callee) {
        return Some(callee);
    }
    let took_part = |address: &&Address| evidence.touches(|other| other == *address);
    if !evidence.touches(|address| set.contains(address)) {
        return (!needed).then_some(callee);
    }
    set.iter().find(took_part).copied().or((!needed).then_some(callee))
}

/// Whether a log or a call is what a signature says.
fn fits(signature: &Signature, evidence: &Evidence, item: &Item) -> bool {
    if item.what != Some(signature.key) {
        return false;
    }
    if !signature.is_event {
        return true;
    }
    let log = evidence.logs.get(item.subject as usize);
    log.is_some_and(|log| log.topics.len() == signature.topics)
}

fn arguments<'e>(
    signature: &'e Signature,
    evidence: &'e Evidence,
    item: &Item,
) -> Option<Arguments<'e>> {
    let index = item.subject as usize;
    if signature.is_event {
        let log = evidence.logs.get(index)?;
        return Some(Arguments::new(signature, &log.topics, &log.data, false));
    }
    let frame = evidence.frames.get(index)?;
    let cut = frame.input.len() < frame.input_length as usize;
    Some(Arguments::new(signature, &[], frame.input.get(4..).unwrap_or_default(), cut))
}
