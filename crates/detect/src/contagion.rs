//! Something the protocol depends on fails, and the loss is on its way.
//!
//! # What it watches
//!
//! What stands upstream of the protocol (`upstream`: tokens, markets, vaults, bridges): a price that falls below its peg, a
//! view that says it is paused, a supply that jumps from one reading to the next, the events `Paused` and `Upgraded`. And
//! who holds how much on whom (`exposures`), through those in between who pass losses on (`nodes`).
//!
//! When something fails, losses are passed on until nothing changes: who holds on somebody loses the uncovered share of
//! it; who owes others passes on what is beyond its buffer, as a share of all that is claimed of it, and at most all. It
//! is the least such state, in integers. The finding names the way on which most comes, who of the protocol loses most,
//! and the amount at risk. It is raised when that is at least `minUsd`, and again when it has grown by more than 1 %; once
//! things are well again, it is forgotten. Nothing counts as lost, because it is not yet.
//!
//! # Why it matters
//!
//! Between a bridge's loss and the bad debt of those who lend on its token lie minutes to hours (`KelpDAO` and Aave: billions
//! frozen on five chains). Caps lowered and new borrowing frozen in that time cost little and save most; no detector that
//! looks at the protocol alone sees it coming.
//!
//! # What it misses
//!
//! What was not configured: the graph is what its author knew, with amounts of the day on which it was written. Losses
//! through a price that falls because others sell. What is upstream on another chain, unless something on this one tells.
//! A supply that grows slowly, or that was never read. In circles, after 1,024 rounds, what further rounds would add.
//!
//! # False alarms
//!
//! A pause for maintenance and an announced upgrade look like failures (`severity` says how much they count; an event counts
//! for 7,200 blocks or until `Unpaused`); a thin market's price falls below its peg for a while. The e-values are
//! assigned: 30 for a peg, a view or a supply, of which the state itself was read, 10 for an event. It is not stable, and
//! meant for levers that stop new exposure.
//!
//! # References
//!
//! - L. Eisenberg, T. Noe, Systemic Risk in Financial Systems, Management Science 47 (2001)
//! - S. Battiston et al., `DebtRank`, Scientific Reports 2 (2012), 541
//! - Methods, §10: contagion

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::ChainId,
    money::Usd,
    probe::{Probe, Reading},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft, draft_of_block},
    history::Timeline,
};

mod graph;
mod settings;
mod upstream;

use graph::{Graph, Party};
pub use settings::{ContagionConfig, Exposure, Node, Peg, Supply, Upstream, View};
use upstream::Source;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "contagion",
    title: "Something the protocol depends on fails, and the loss is on its way",
    maturity: Maturity::Incubating,
};

/// Most of what may fail.
pub const UPSTREAM_MAX: usize = 64;

/// Most of those in between.
pub const NODES_MAX: usize = 128;

/// Most exposures.
pub const EXPOSURES_MAX: usize = 512;

/// A standing loss is raised again when it has grown by more than one part in this.
const GROWTH_PARTS: u128 = 100;

const OF_STATE: f64 = 30.0;
const OF_EVENT: f64 = 10.0;

/// See the module.
#[derive(Debug, Clone)]
pub struct Contagion {
    protocol: Protocol,
    maturity: Maturity,
    /// By number of the party; those upstream come first.
    names: Vec<String>,
    sources: Vec<Source>,
    graph: Graph,
    /// Parties that are contracts of the protocol.
    own: BTreeMap<usize, Address>,
    /// Micro-dollars.
    min_loss: u128,
    /// The loss that was raised last, micro-dollars; 0 once all is well.
    raised: Timeline<u128>,
}

/// What the protocol would lose, and how it comes.
struct Threat {
    loss: u128,
    contract: Address,
    path: String,
    lines: Vec<String>,
}

/// Refuses lists that are empty or too long to be followed.
fn check_counts(resolver: &Resolver<'_>, config: &ContagionConfig) -> Result<(), ConfigError> {
    let counts = [
        ("upstream", config.upstream.len(), 1, UPSTREAM_MAX),
        ("nodes", config.nodes.len(), 0, NODES_MAX),
        ("exposures", config.exposures.len(), 1, EXPOSURES_MAX),
    ];
    for (field, count, least, most) in counts {
        if !(least..=most).contains(&count) {
            let remedy = format!("write {least} to {most}");
            return Err(resolver.error(field, format!("there are {count}"), remedy));
        }
    }
    Ok(())
}

impl Contagion {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &ContagionConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        check_counts(&resolver, config)?;
        let (mut names, mut graph, mut sources) = (Vec::new(), Graph::default(), Vec::new());
        for (index, one) in config.upstream.iter().enumerate() {
            let field = format!("upstream[{index}]");
            sources.push(Source::new(&resolver, &field, one)?);
            add(&resolver, &field, &mut names, &one.name)?;
            graph.parties.push(Party::default());
        }
        for (index, node) in config.nodes.iter().enumerate() {
            let field = format!("nodes[{index}]");
            add(&resolver, &field, &mut names, &node.name)?;
            if node.value_usd == 0 {
                let remedy = "leave the node out if nobody claims anything of it";
                return Err(resolver.error(format!("{field}.valueUsd"), "it is 0", remedy));
            }
            let buffer = micros(node.buffer_usd.unwrap_or_default());
            let party = Party { value: micros(node.value_usd), buffer, ..Party::default() };
            graph.parties.push(party);
        }
        for (index, exposure) in config.exposures.iter().enumerate() {
            let at = |name: &str| format!("exposures[{index}].{name}");
            let known = |name: &str| names.iter().position(|known| known == name);
            let unknown = |field: &str, name: &str| {
                let problem = format!("`{name}` is neither upstream nor a node");
                resolver.error(at(field), problem, format!("write one of: {}", names.join(", ")))
            };
            let on = known(&exposure.on).ok_or_else(|| unknown("on", &exposure.on))?;
            let holder = match known(&exposure.holder) {
                Some(holder) if holder >= sources.len() => holder,
                Some(_) => return Err(unknown("holder", &exposure.holder)),
                None => {
                    resolver.contract(&at("holder"), &exposure.holder)?;
                    names.push(exposure.holder.clone());
                    graph.parties.push(Party::default());
                    names.len() - 1
                }
            };
            if let Some(party) = graph.parties.get_mut(holder) {
                let held = party.holds.entry(on).or_default();
                *held = held.saturating_add(micros(exposure.amount_usd));
            }
        }
        let of_protocol = |name: &String| protocol.contracts.iter().find(|one| one.name == *name);
        let own: BTreeMap<usize, Address> = (0..)
            .zip(&names)
            .skip(sources.len())
            .filter_map(|(number, name)| Some((number, of_protocol(name)?.address)))
            .collect();
        if own.is_empty() {
            let remedy = "make one of the protocol's contracts the holder of an exposure";
            return Err(resolver.error("exposures", "none of them is the protocol's", remedy));
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            names,
            sources,
            graph,
            own,
            min_loss: micros(config.min_usd.unwrap_or(1)).max(1),
            raised: Timeline::default(),
        })
    }

    /// What threatens the protocol now.
    fn threat(&self, block: BlockId) -> Option<Threat> {
        let mut shocks = BTreeMap::new();
        let mut lines = Vec::new();
        for (number, source) in self.sources.iter().enumerate() {
            if let Some((shock, why)) = source.shock(block) {
                let name = self.name(number);
                lines.push(format!("{name}: {why}; {} % of it are lost", shock / 10_000));
                shocks.insert(number, shock);
            }
        }
        let hits = self.graph.spread(&shocks);
        let of = |number: usize| hits.get(number).map_or(0, |hit| hit.loss);
        let loss = self.own.keys().map(|number| of(*number)).fold(0u128, u128::saturating_add);
        let (worst, contract) = self.own.iter().max_by_key(|(number, _)| of(**number))?;
        let path = self.graph.path(&hits, &shocks, *worst);
        let path: Vec<&str> = path.into_iter().map(|number| self.name(number)).collect();
        for (number, _) in self.own.iter().filter(|(number, _)| of(**number) > 0) {
            lines.push(format!("{} loses up to {} USD", self.name(*number), usd(of(*number))));
        }
        Some(Threat { loss, contract: *contract, path: path.join(" → "), lines })
    }

    fn name(&self, number: usize) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    /// The threat, if it is news.
    fn judge(&mut self, block: BlockId) -> Option<Threat> {
        let threat = self.threat(block)?;
        let before = self.raised.latest().copied().unwrap_or_default();
        if threat.loss < self.min_loss {
            if before > 0 {
                self.raised.set(block, 0);
            }
            return None;
        }
        let grown = threat.loss.saturating_sub(before);
        if grown.saturating_mul(GROWTH_PARTS) <= before {
            return None;
        }
        self.raised.set(block, threat.loss);
        Some(threat)
    }
}

fn add(
    resolver: &Resolver<'_>,
    field: &str,
    names: &mut Vec<String>,
    name: &str,
) -> Result<(), ConfigError> {
    if name.is_empty() || names.iter().any(|known| known == name) {
        let problem = format!("`{name}` is empty or stands there twice");
        return Err(resolver.error(format!("{field}.name"), problem, "give each its own name"));
    }
    names.push(name.to_owned());
    Ok(())
}

fn micros(dollars: u64) -> u128 {
    u128::from(dollars) * 1_000_000
}

fn usd(micros: u128) -> Usd {
    Usd(i128::try_from(micros).unwrap_or(i128::MAX))
}

fn fill(finding: &mut Finding, threat: Threat, e_value: f64) {
    finding.outlook = Outlook::AllAtRisk;
    finding.confidence = Confidence::evidence(e_value);
    finding.sentence =
        format!("up to {} USD are at risk, on the way {}", usd(threat.loss), threat.path);
    finding.evidence = threat.lines;
}

impl Detector for Contagion {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        let probes: BTreeSet<Probe> = self.sources.iter().flat_map(Source::probes).collect();
        probes.into_iter().collect()
    }

    fn watches(&self) -> Vec<(ChainId, Address)> {
        let accounts: BTreeSet<Address> = self.sources.iter().flat_map(Source::accounts).collect();
        accounts.into_iter().map(|account| (self.protocol.chain, account)).collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.success {
            return;
        }
        let mut news = false;
        for source in &mut self.sources {
            news |= source.inspect(evidence);
        }
        if news && let Some(threat) = self.judge(evidence.block) {
            let (protocol, contract) = (&self.protocol, threat.contract);
            let mut finding = draft(&META, self.maturity, protocol, evidence, contract, b"");
            fill(&mut finding, threat, OF_EVENT);
            out.push(finding);
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        let mut news = false;
        for source in &mut self.sources {
            news |= source.read(block, readings);
        }
        if news && let Some(threat) = self.judge(block) {
            let (protocol, contract) = (&self.protocol, threat.contract);
            let mut finding = draft_of_block(&META, self.maturity, protocol, block, contract, b"");
            fill(&mut finding, threat, OF_STATE);
            out.push(finding);
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.sources.iter_mut().for_each(|source| source.retract(blocks));
        self.raised.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
