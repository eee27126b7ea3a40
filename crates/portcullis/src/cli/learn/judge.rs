//! What the proposal says of the transactions that it did not learn from.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use portcullis_detect::{
    Detector, Findings,
    config::NoveltyConfig,
    novelty::{FalseAlarms, Learned, LearnedSource, Novelty},
    rules::Rules,
};
use portcullis_learn::{
    Observation,
    caps::{self, Cap},
    rate::Rate,
};
use portcullis_types::protocol::Protocol;
use serde::Serialize;

use super::{numbers::Numbers, past::Past};

/// Outcome on the rest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged {
    /// Transactions of the rest.
    transactions: u64,
    /// Those that had to do with the protocol and succeeded.
    observed: usize,
    /// Those that raised at least one alarm.
    alarmed: usize,
    pub(super) alarms: Vec<Alarm>,
}

/// One detector on one transaction.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alarm {
    pub(super) transaction: B256,
    pub(super) block: u64,
    pub(super) detector: String,
    sentence: String,
    pub(super) evidence: Vec<String>,
}

impl Judged {
    pub(super) fn summary(&self) -> String {
        if self.transactions == 0 {
            return "nothing was held back to judge: give --share or --until".to_owned();
        }
        let counted = FalseAlarms { alarms: self.alarmed as u64, of: self.transactions };
        format!(
            "{} later transactions, {} of them of the protocol: alarms {}",
            self.transactions,
            self.observed,
            Rate(counted)
        )
    }
}

/// Shows the rest to the detector as it would run, and holds the bounds against it.
pub(super) fn judge(
    past: &Past,
    protocol: &Protocol,
    learned: &Learned,
    (bounds, numbers): (&[Cap], &Numbers),
    observed: &[Observation],
) -> anyhow::Result<Judged> {
    let config = NoveltyConfig {
        maturity: None,
        contracts: Vec::new(),
        learned: LearnedSource::Inline(Box::new(learned.clone())),
    };
    let mut novelty = Novelty::new(protocol, &config)?;
    let mut rules = Vec::new();
    for (config, ids) in numbers.proposed() {
        rules.push((Rules::new(protocol, &config)?, ids));
    }
    let (mut alarms, mut rest) = (Vec::new(), Vec::new());
    let seen = past.rest(|evidence| {
        rest.extend(Observation::of(evidence, protocol));
        let mut findings = Findings::default();
        novelty.inspect(evidence, &mut findings);
        let mut found = findings.into_parts().0;
        for (rules, ids) in &mut rules {
            let mut findings = Findings::default();
            rules.inspect(evidence, &mut findings);
            let said = findings.into_parts().0.into_iter();
            found.extend(said.filter(|finding| ids.contains(&finding.detector)));
        }
        alarms.extend(found.into_iter().map(|finding| Alarm {
            transaction: evidence.hash,
            block: evidence.block.number,
            detector: finding.detector,
            sentence: finding.sentence,
            evidence: finding.evidence,
        }));
        Ok(())
    })?;
    let over = caps::alarms(bounds, observed, &rest).into_iter();
    alarms.extend(over.filter_map(|index| rest.get(index)).map(|observation| Alarm {
        transaction: observation.hash,
        block: observation.block,
        detector: "gross-outflow".to_owned(),
        sentence: "more left in a window than the proposed bound".to_owned(),
        evidence: Vec::new(),
    }));
    let alarmed: BTreeSet<B256> = alarms.iter().map(|alarm| alarm.transaction).collect();
    Ok(Judged {
        transactions: seen.transactions,
        observed: rest.len(),
        alarmed: alarmed.len(),
        alarms,
    })
}
