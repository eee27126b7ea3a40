//! Numbers in the configured rules: tried over the past, and set where the rules are.

use portcullis_detect::config::{DetectorConfig, RuleText, RulesConfig};
use portcullis_learn::{
    Edit,
    proposal::set_params,
    thresholds::{Advice, Sweep, Threshold},
};
use portcullis_rules::{Settings, Source};
use portcullis_types::protocol::Protocol;

use super::past::Past;

/// What was learned of the numbers of each `detector: rules`, in order.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    configs: Vec<RulesConfig>,
    found: Vec<Vec<Threshold>>,
    left_out: usize,
}

impl Numbers {
    /// Tries the numbers of all rules over the part that is learned from, which has `transactions`.
    pub(super) fn learn(
        past: &Past,
        protocol: &Protocol,
        detectors: &[DetectorConfig],
        transactions: u64,
    ) -> anyhow::Result<Self> {
        let rules = |detector: &DetectorConfig| match detector {
            DetectorConfig::Rules(config) => Some(config.clone()),
            _ => None,
        };
        let configs: Vec<RulesConfig> = detectors.iter().filter_map(rules).collect();
        let expected = usize::try_from(transactions).unwrap_or(usize::MAX);
        let sweep = |config: &RulesConfig| {
            let settings = Settings { params: config.params.clone(), lists: config.lists.clone() };
            Sweep::new(protocol, &sources(config), &settings, expected)
        };
        let mut sweeps: Vec<Sweep> = configs.iter().map(sweep).collect();
        if sweeps.iter().any(|sweep| !sweep.is_empty()) {
            past.learned_from(|evidence| {
                for sweep in &mut sweeps {
                    sweep.see(evidence);
                }
                Ok(())
            })?;
        }
        let left_out = sweeps.iter().map(Sweep::left_out).sum();
        Ok(Self { configs, left_out, found: sweeps.into_iter().map(Sweep::finish).collect() })
    }

    /// All of them, in the order of the rules.
    pub(super) fn all(&self) -> Vec<Threshold> {
        self.found.iter().flatten().cloned().collect()
    }

    /// Numbers that were not looked at, because there are too many.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The rules with the proposed numbers; those alone of which a number changes have a say in what is proposed.
    pub(super) fn proposed(&self) -> impl Iterator<Item = (RulesConfig, Vec<String>)> {
        self.configs.iter().zip(&self.found).filter_map(|(config, found)| {
            let mut config = config.clone();
            let mut rules = Vec::new();
            for (key, value) in changes(found) {
                rules.extend(key.split_once('.').map(|(rule, _)| format!("rules/{rule}")));
                config.params.insert(key, value);
            }
            (!rules.is_empty()).then_some((config, rules))
        })
    }

    /// The changes of the configuration's text, and a remark for people about those that cannot be made in it.
    pub(super) fn edits(&self, text: &str, protocol: &str) -> (Vec<Edit>, Option<String>) {
        let (mut edits, mut not_set) = (Vec::new(), Vec::new());
        for (nth, found) in self.found.iter().enumerate() {
            let changes = changes(found);
            match set_params(text, protocol, nth, &changes) {
                _ if changes.is_empty() => {}
                Some(set) => edits.extend(set),
                None => not_set.extend(changes.into_iter().map(|(key, _)| key)),
            }
        }
        let remark = format!(
            "# Not set, for `params` of `detector: rules` does not stand one a line: {}; set them by hand.",
            not_set.join(", ")
        );
        (edits, (!not_set.is_empty()).then_some(remark))
    }
}

/// `rule.param` and expression of each number that is to change.
fn changes(found: &[Threshold]) -> Vec<(String, String)> {
    let change = |one: &Threshold| match &one.advice {
        Advice::Change { to, .. } => Some((format!("{}.{}", one.rule, one.param), to.clone())),
        _ => None,
    };
    found.iter().filter_map(change).collect()
}

fn sources(config: &RulesConfig) -> Vec<Source> {
    let source = |rules: &RuleText| match rules {
        RuleText::Inline { name, text } => Some(Source { name: name.clone(), text: text.clone() }),
        // Whoever loads a configuration puts the text here.
        RuleText::Path(_) => None,
    };
    config.rules.iter().filter_map(source).collect()
}
