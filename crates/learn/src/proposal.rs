//! What was learned, as a change of a configuration that people can read and apply.

use std::fmt::Write as _;

use portcullis_detect::novelty::Learned;
use portcullis_types::{
    money::{Usd, format_amount},
    protocol::{AssetSpec, Protocol},
    text::printable,
};

use crate::{
    caps::{ALARM_RATE_MAX_PER_MILLE, Cap, MARGINS, OUTFLOWS_MIN, by_asset},
    rate::Rate,
    thresholds::{Advice, Threshold},
};

mod place;

pub use place::{Place, place, set_params};

/// Everything learned of one protocol.
#[derive(Debug)]
pub struct Proposal<'a> {
    /// The protocol.
    pub protocol: &'a Protocol,
    /// Transactions that had to do with it, and were learned from.
    pub observations: usize,
    /// Reference of `novelty`.
    pub learned: &'a Learned,
    /// Its file, relative to the configuration's folder.
    pub learned_file: &'a str,
    /// Bounds of `gross-outflow`.
    pub caps: &'a [Cap],
    /// Numbers of rules.
    pub thresholds: &'a [Threshold],
}

impl Proposal<'_> {
    /// The detectors as lines of YAML, the dash of each list item behind `indent` blanks.
    pub fn detectors(&self, indent: usize) -> Vec<String> {
        let mut lines = self.novelty();
        lines.extend(self.gross_outflow());
        lines.extend(self.rules());
        let blanks = " ".repeat(indent);
        lines.iter().map(|line| format!("{blanks}{line}")).collect()
    }

    /// What the past says of each number of a rule: comments, for the numbers stand where the rules are configured.
    fn rules(&self) -> Vec<String> {
        let say = |one: &Threshold| {
            let Threshold { rule, param, now, now_alarms, advice } = one;
            let what = format!("# Rule {rule}, {param} = {now}, spoke of {}", Rate(*now_alarms));
            let then = match advice {
                Advice::Change { to, false_alarms } => {
                    let rate = Rate(*false_alarms);
                    format!("#   {to} is proposed; false alarms of numbers chosen so: {rate}.")
                }
                Advice::Keep => "#   That is the value that the past supports.".to_owned(),
                Advice::None(reason) => format!("#   No other value is proposed: {reason}."),
            };
            [what + ".", then]
        };
        self.thresholds.iter().flat_map(say).collect()
    }

    fn novelty(&self) -> Vec<String> {
        let learned = self.learned;
        let steps: usize = learned.steps.values().map(std::collections::BTreeSet::len).sum();
        let repeats = learned.functions.values().max().copied().unwrap_or_default();
        vec![
            format!(
                "# Learned from {} transactions, blocks {} to {}: {} functions, {steps} steps, {} forms;",
                learned.transactions,
                learned.from_block,
                learned.to_block,
                learned.functions.len(),
                learned.forms.len()
            ),
            format!(
                "# at most {repeats} entries of one function in a transaction, new beyond {} times what its own most was.",
                learned.repeat_factor
            ),
            format!(
                "# False alarms it would have had on its past: {}.",
                Rate(learned.false_alarms)
            ),
            "- detector: novelty".to_owned(),
            format!("  learned: {}", self.learned_file),
        ]
    }

    /// Bounds that the detector can use come as limits, all others as comments that say what is missing.
    fn gross_outflow(&self) -> Vec<String> {
        let (mut limits, mut remarks) = (Vec::new(), Vec::new());
        for (asset, caps) in by_asset(self.caps) {
            let Some(spec) = self.protocol.asset(asset) else { continue };
            for cap in caps {
                self.cap(spec, cap, &mut limits, &mut remarks);
            }
        }
        if !limits.is_empty() {
            let head = [
                "# Bounds from the past are no promise of the owners: evidence, not proof, until you have looked at them;",
                "# then remove `maturity` and set `hardFactor` to your liking.",
                "- detector: gross-outflow",
                "  maturity: incubating",
                "  hardFactor: 100",
                "  limits:",
            ];
            limits.splice(0..0, head.map(str::to_owned));
        }
        remarks.extend(limits);
        remarks
    }

    fn cap(
        &self,
        spec: &AssetSpec,
        cap: &Cap,
        limits: &mut Vec<String>,
        remarks: &mut Vec<String>,
    ) {
        let symbol = printable(&spec.symbol);
        let window = cap.window_seconds;
        let most = spec.show(cap.most);
        let Some(bound) = cap.bound else {
            let why = if cap.outflows < OUTFLOWS_MIN {
                format!("{} outflows are too few (at least {OUTFLOWS_MIN})", cap.outflows)
            } else {
                let largest = MARGINS.last().copied().unwrap_or_default();
                format!(
                    "even {largest} times the most of earlier times was exceeded by more than {ALARM_RATE_MAX_PER_MILLE} in 1000 transactions"
                )
            };
            remarks
                .push(format!("# No bound on {symbol} in {window} s (most seen {most}): {why}."));
            return;
        };
        let about = format!(
            "# {} outflows in {} transactions; most seen {most}, bound {} times that;",
            cap.outflows, self.observations, bound.margin
        );
        let alarms =
            format!("# false alarms it would have had on its past: {}.", Rate(bound.false_alarms));
        // A number to be read again: without the commas that are for people.
        let amount = format_amount(bound.units, spec.decimals).replace(',', "");
        let limit =
            format!("- {{asset: {symbol}, windowSeconds: {window}, maxAmount: \"{amount}\"}}");
        if spec.price_usd > Usd::ZERO {
            limits.extend([about, alarms, limit].map(|line| format!("    {line}")));
        } else {
            remarks.extend([about, alarms]);
            remarks.push(format!(
                "# Give {symbol} its decimals and price, then add under `detector: gross-outflow`, `limits`:"
            ));
            remarks.push(format!("#   {limit}"));
        }
    }

    /// A whole configuration, for a protocol that nobody described.
    pub fn configuration(&self, chain: &str) -> String {
        let protocol = self.protocol;
        let mut text = format!(
            "# Proposed from a recording: look at every line. The contracts are those that the recording enters; names,\n\
             # prices, decimals of tokens, nodes, levers and policy are for you to fill in.\n\
             chains:\n  - name: {chain}\n    id: {}\n    nodes: []\n\n\
             protocols:\n  - name: {}\n    chain: {chain}\n    contracts:\n",
            protocol.chain, protocol.name
        );
        for contract in &protocol.contracts {
            let holds = if contract.holds_value { ", holdsValue: true" } else { "" };
            let (name, address) = (&contract.name, contract.address);
            let _ = writeln!(text, "      - {{name: {name}, address: \"{address:#x}\"{holds}}}");
        }
        text.push_str("    assets:");
        text.push_str(if protocol.assets.is_empty() { " []\n" } else { "\n" });
        for spec in &protocol.assets {
            let (symbol, decimals) = (&spec.symbol, spec.decimals);
            let token = match spec.asset {
                portcullis_types::money::Asset::Native => String::new(),
                portcullis_types::money::Asset::Token(token) => format!(", token: \"{token:#x}\""),
            };
            let _ = writeln!(
                text,
                "      - {{symbol: {symbol}{token}, decimals: {decimals}, priceUsd: 0}}"
            );
        }
        text.push_str("    detectors:\n");
        for line in self.detectors(6) {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

#[cfg(test)]
mod tests;
