//! Questions of playbooks, answered from what the engine knows. What it cannot answer it says it could not look at: that is
//! never "nothing found".

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_case::Case;
use portcullis_types::{
    ids::{CaseId, ChainId},
    money::Usd,
    text::printable,
};

use crate::{guard::Guard, step::Engine};

/// All questions that playbooks can ask.
pub const QUERIES: [&str; 5] = [
    "attacker-holdings",
    "attacker-allowances",
    "bridge-accounting",
    "control-plane",
    "oracle-prices",
];

/// Most lines of an answer.
const LINES_MAX: usize = 20;

impl Engine {
    /// What came out, for people; or why nobody could look.
    pub(super) fn query(&self, case: CaseId, query: &str) -> Result<String, String> {
        let known = self.cases.get(&case);
        let guard = self.guard_of_case(case).and_then(|index| self.guards.get(index));
        let (Some(known), Some(guard)) = (known, guard) else {
            return Err("could not look: the case's protocol is not configured any more".to_owned());
        };
        match query {
            "attacker-holdings" => taken(known),
            "attacker-allowances" => Err(
                "could not look: allowances given to the attacker are not read by this program; look them up for the \
                 addresses of the case on a block explorer, then skip this step with what you found"
                    .to_owned(),
            ),
            "bridge-accounting" => by_detector(known, guard, &["bridge"]),
            "control-plane" => by_detector(known, guard, &["control-plane", "governance"]),
            "oracle-prices" => by_detector(known, guard, &["price-manipulation", "oracle", "pool"]),
            other => {
                let all = QUERIES.join(", ");
                Err(format!("nothing answers `{}`: write one of {all}", printable(other)))
            }
        }
    }
}

/// What each sender of the case took, by the findings that stand. What they hold now is on the chain and not read.
fn taken(case: &Case) -> Result<String, String> {
    let mut by_actor: BTreeMap<(ChainId, Address), (Usd, BTreeSet<_>)> = BTreeMap::new();
    for finding in case.live_findings() {
        let Some(actor) = finding.actor else { continue };
        let entry = by_actor.entry((finding.chain, actor)).or_default();
        entry.0 = entry.0.max(finding.loss);
        entry.1.extend(finding.transaction);
    }
    if by_actor.is_empty() {
        return Err(
            "could not look: no finding of the case names a sender; start from the transactions of the timeline".to_owned()
        );
    }
    let n_actors = by_actor.len();
    let mut lines: Vec<String> = by_actor
        .iter()
        .take(LINES_MAX)
        .map(|((chain, actor), (loss, hashes))| {
            let n = hashes.len();
            format!("{actor} on chain {chain}: {n} transaction(s) with findings, the largest took {loss} USD")
        })
        .collect();
    if n_actors > LINES_MAX {
        lines.push(format!("and {} more", n_actors - LINES_MAX));
    }
    lines.push(
        "what they hold now is not read by this program: look it up for these addresses".to_owned(),
    );
    Ok(lines.join("; "))
}

/// What the detectors of one concern say in this case. None configured is nobody who looks.
fn by_detector(case: &Case, guard: &Guard, concerns: &[&str]) -> Result<String, String> {
    let is_theirs = |detector: &str| concerns.iter().any(|one| detector.starts_with(one));
    let names = guard.detector_ids();
    let looking: Vec<&str> = names.iter().copied().filter(|name| is_theirs(name)).collect();
    if looking.is_empty() {
        return Err(format!(
            "could not look: the protocol has no detector for this ({}); look by hand, then skip this step with what you \
             found",
            concerns.join(", ")
        ));
    }
    let unread = guard.unread();
    if let Some((_, why)) = unread.first() {
        return Err(format!(
            "could not look: {} reading(s) failed at the last try: {}",
            unread.len(),
            printable(why)
        ));
    }
    let found: Vec<&str> = case
        .live_findings()
        .filter(|finding| is_theirs(&finding.detector))
        .map(|finding| finding.sentence.as_str())
        .collect();
    let who = looking.join(", ");
    if found.is_empty() {
        return Ok(format!(
            "{who} looked at every block that was seen and found nothing in this case"
        ));
    }
    let more = found.len().saturating_sub(LINES_MAX);
    let mut lines: Vec<String> = found.iter().take(LINES_MAX).map(|one| printable(one)).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Ok(format!("{who}: {}", lines.join("; ")))
}
