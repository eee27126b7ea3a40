//! Rules that people write, in files.
//!
//! # What it watches
//!
//! Whatever its rules say: events, calls, storage, code, transfers, flows, whole transactions, and windows over them.
//! The language and its limits are described in `docs/rules.md`. One finding per transaction, rule and contract; it is
//! laid to `rules/<id of the rule>`, so that the losses of two rules that see the same fact are not added up.
//!
//! A rule that has an e-value shares its weight with all others of its set that have one: the average of e-values is an
//! e-value whatever the dependence between them, and the largest of many is not. A proof is a proof.
//!
//! Where an evaluation has no answer (an overflow, call data that was cut, evidence that could not be seen), or a window
//! had to forget something, the rule says so in a finding of its own, at the first time and whenever the number of times
//! has doubled.
//!
//! # Why it matters
//!
//! The next attack's signature is known within an hour, a program's next version is not. A rule is read, tested and
//! loaded in minutes, and it cannot do what a program could: it ends after a number of steps and touches nothing.
//!
//! # What it misses
//!
//! What no rule describes, and what is worth nothing by itself: a rule without a measured e-value is shown and moves no
//! decision. State is not read: a rule sees what a transaction did, not what a contract would answer. After a
//! re-organisation windows are as they were; the counts of missing answers are not taken back.
//!
//! # False alarms
//!
//! Those that each rule states under `falseAlarms`. Put known accounts into its `lists` and bounds into its `params`.
//!
//! # References
//!
//! - Common Expression Language, <https://cel.dev>
//! - Sigma and Falco: rules as text, with tests and a ladder of maturity
//! - Vovk and Wang 2021, Annals of Statistics 49(3): averages of e-values

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_rules::{Diagnostic, Health, Level, Match, RuleSet, Settings, Source};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity},
    ids::FindingKey,
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::{RuleText, RulesConfig},
    detector::{Detector, Findings, Meta, draft, place},
};

/// Description of this detector.
pub static META: Meta =
    Meta { id: "rules", title: "Rules that people write, in files", maturity: Maturity::Stable };

/// Most sentences of one rule about one contract in one transaction that a finding lists.
const SENTENCES_MAX: usize = 8;

/// See the module.
#[derive(Debug, Clone)]
pub struct Rules {
    protocol: Protocol,
    /// The most mature that any rule may be here.
    maturity: Maturity,
    set: RuleSet,
    /// Rules that have an e-value: each has this part of the weight.
    n_weighing: usize,
    /// What was reported of each rule's missing answers.
    troubles: Vec<u64>,
}

impl Rules {
    /// Compiles the rules.
    pub fn new(protocol: &Protocol, config: &RulesConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let mut sources = Vec::new();
        for (index, rules) in config.rules.iter().enumerate() {
            match rules {
                RuleText::Inline { name, text } => {
                    sources.push(Source { name: name.clone(), text: text.clone() });
                }
                RuleText::Path(path) => {
                    return Err(resolver.error(
                        format!("rules[{index}]"),
                        format!("the file `{path}` was not read"),
                        "load the configuration from its file, or give `name` and `text`",
                    ));
                }
            }
        }
        if sources.is_empty() {
            let remedy = "name files or folders: `rules: [\"rules\"]`";
            return Err(resolver.error("rules", "there are no rules", remedy));
        }
        let settings = Settings { params: config.params.clone(), lists: config.lists.clone() };
        let set = RuleSet::compile(&sources, protocol, &settings)
            .map_err(|diagnostics| refused(&resolver, &diagnostics))?;
        unused(&resolver, &set, &settings)?;
        let weighs = |rule: &usize| {
            set.weight(*rule).is_some_and(|(e_value, proof, _)| e_value > 1.0 && !proof)
        };
        let n_rules = set.rules().len();
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            n_weighing: (0..n_rules).filter(weighs).count(),
            troubles: vec![0; n_rules],
            set,
        })
    }

    /// The finding of all that a rule said about a contract.
    fn finding(
        &self,
        evidence: &Evidence,
        rule: usize,
        contract: Address,
        found: &[Match],
    ) -> Option<Finding> {
        let about = self.set.rules().nth(rule)?;
        let (e_value, proof, outlook) = self.set.weight(rule)?;
        let maturity = about.maturity.min(self.maturity);
        let mut finding =
            draft(&META, maturity, &self.protocol, evidence, contract, about.id.as_bytes());
        finding.detector = format!("{}/{}", META.id, about.id);
        finding.outlook = outlook;
        finding.loss = found.iter().map(|one| one.loss).sum();
        if let [Match { amount: Some((asset, amount)), .. }] = found {
            finding.asset = Some(*asset);
            finding.amount = Some(*amount);
        }
        finding.confidence = match (proof, e_value > 1.0) {
            (true, _) => Confidence::PROOF,
            (false, true) => Confidence::evidence(e_value / self.n_weighing.max(1) as f64),
            (false, false) => Confidence::evidence(1.0),
        };
        let first = found.first().map(|one| one.sentence.clone()).unwrap_or_default();
        finding.sentence = match found.len() {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        };
        finding.evidence = vec![format!(
            "rule {}: {} (severity {})",
            about.id,
            about.title,
            about.severity.name()
        )];
        finding.evidence.extend(found.iter().take(SENTENCES_MAX).map(|one| one.sentence.clone()));
        Some(finding)
    }

    /// Says of each rule whose answers are missing how many, at the first and whenever they have doubled.
    fn report_troubles(&mut self, evidence: &Evidence, out: &mut Findings) {
        for (rule, health) in self.set.health().iter().enumerate() {
            let now = health.failures
                + health.blind
                + health.dropped
                + health.groups_dropped
                + health.blocks_dropped;
            let Some(reported) = self.troubles.get_mut(rule) else { continue };
            if now == 0 || now < reported.saturating_mul(2) {
                continue;
            }
            *reported = now;
            let Some(about) = self.set.rules().nth(rule) else { continue };
            let contract = self.protocol.contracts.first().map(|contract| contract.address);
            let id = format!("{}/{}", META.id, about.id);
            let mut finding = draft(
                &META,
                Maturity::Sandbox,
                &self.protocol,
                evidence,
                contract.unwrap_or_default(),
                &[],
            );
            finding.key = FindingKey::derive(
                &id,
                &self.protocol.name,
                self.protocol.chain,
                place(Some(evidence.hash), evidence.block),
                finding.contract,
                b"no answer",
            );
            finding.detector = id;
            finding.sentence = format!(
                "the rule {} had no answer {now} times so far: this is not a `no`",
                about.id
            );
            finding.evidence = facts(health);
            out.push(finding);
        }
    }
}

fn facts(health: &Health) -> Vec<String> {
    let mut facts = vec![
        format!(
            "{} evaluations, {} of them without an answer",
            health.evaluations, health.failures
        ),
        format!("{} transactions of which was not seen what the rule needs", health.blind),
        format!("{} matches beyond the limit of one transaction", health.dropped),
        format!(
            "windows dropped {} groups and {} blocks",
            health.groups_dropped, health.blocks_dropped
        ),
    ];
    if let Some(failure) = &health.last_failure {
        facts.push(format!("last: {failure}"));
    }
    facts
}

fn refused(resolver: &Resolver<'_>, diagnostics: &[Diagnostic]) -> ConfigError {
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|d| d.level == Level::Error).collect();
    let Some(first) = errors.first() else {
        return resolver.error("rules", "they do not compile", "see `portcullis rule lint`");
    };
    let more = errors.len() - 1;
    let more =
        if more > 0 { format!("; {more} more: see `portcullis rule lint`") } else { String::new() };
    resolver.error(
        "rules",
        format!("{}:{}:{}: {}", first.file, first.line, first.column, first.problem),
        format!("{}{more}", first.remedy),
    )
}

/// A setting that no rule takes is a mistake: the bound that its author wanted would not hold.
fn unused(resolver: &Resolver<'_>, set: &RuleSet, settings: &Settings) -> Result<(), ConfigError> {
    let keys = settings
        .params
        .keys()
        .map(|key| ("params", key))
        .chain(settings.lists.keys().map(|key| ("lists", key)));
    for (field, key) in keys {
        if !set.takes(field, key) {
            return Err(resolver.error(
                format!("{field}.{key}"),
                "no rule has this setting",
                "write `<id of the rule>.<name>` as the rule file has it",
            ));
        }
    }
    Ok(())
}

impl Detector for Rules {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        let seen = self.set.inspect(evidence);
        let mut grouped: BTreeMap<(usize, Address), Vec<Match>> = BTreeMap::new();
        for one in seen.matches {
            grouped.entry((one.rule, one.contract)).or_default().push(one);
        }
        for ((rule, contract), found) in &grouped {
            if let Some(finding) = self.finding(evidence, *rule, *contract, found) {
                out.push(finding);
            }
        }
        if !seen.no_answers.is_empty() || !seen.blind.is_empty() || seen.dropped {
            self.report_troubles(evidence, out);
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.set.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
