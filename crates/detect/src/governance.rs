//! Votes are borrowed or bought at the last moment, and used at once.
//!
//! # What it watches
//!
//! What is proposed, voted, queued and executed at the configured governors, by the calls and events of `OpenZeppelin`
//! Governor, Compound Governor Alpha and Bravo and Beanstalk, and of further `functions`:
//!
//! - *borrowed votes*: an account that acts holds, in the same transaction, at least `minShare` percent of a voting
//!   token's supply more than before it, or got as much, by transfer or by delegation, in the last `holdBlocks`;
//! - *haste*: a proposal is executed in the block in which it was made or voted on, or less than `minDelayBlocks` after
//!   it was made.
//!
//! The supply of each voting token is read (`totalSupply()`).
//!
//! # Why it matters
//!
//! Beanstalk lost 182 million dollars in one transaction that borrowed a billion, voted with it and executed at once
//! (2022-04-17). Votes bought on the market and used before anybody looked took Build Finance and, at a second try,
//! others. What is executed is arbitrary code with the protocol's rights.
//!
//! # What it misses
//!
//! Votes held for longer than `holdBlocks` before they are used, and spread over accounts of which each stays below
//! `minShare`. Voting power that is neither a token of `votingTokens` nor told by `DelegateVotesChanged` (locks, points):
//! then only haste is seen. Malicious proposals that are passed in good order. Shares, while a supply was never read;
//! the supply is that of the last reading, before the transaction.
//!
//! # False alarms
//!
//! A treasury that moves its votes to a new account and votes with it, a large delegate who gathers support. With
//! `minDelayBlocks` haste is a proof: the owners said that it cannot be. Without, execution in the same block is worth
//! 1,000, votes held within one transaction and given back 1,000, votes kept 100, votes of the last blocks 30. These are
//! assigned: no honest case of the first two is known to the methods' sources, which is a small sample. It is not stable.
//!
//! # References
//!
//! - Beanstalk, 2022-04-17, transaction 0xcd314668aaa9bbfebaf1a0bd2b6553d01dd58899c508d4729fa7311dc5d33ad7
//! - `OpenZeppelin` Contracts 5.x, governance; Compound `GovernorBravo`; ERC-5805, ERC-6372
//! - OWASP Smart Contract Top 10, SC07:2025 Flash Loan Attacks

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Maturity, Outlook},
    ids::ChainId,
    probe::{Probe, Reading},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft},
    history::Timeline,
    number::Decimal,
    stranger::add_loss,
};

mod power;
mod signs;
mod words;

use power::{Gains, Held, delegated, held};
use signs::Signs;
use words::{Act, Kind, acts};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "governance",
    title: "Votes are borrowed or bought at the last moment, and used at once",
    maturity: Maturity::Incubating,
};

/// Default of `holdBlocks`: a day of 12-second blocks.
pub const HOLD_BLOCKS: u64 = 7_200;

/// Most of it: a month of 12-second blocks.
pub const HOLD_BLOCKS_MAX: u64 = 216_000;

/// Most governors and most voting tokens.
pub const NAMED_MAX: usize = 16;

/// Most proposals that are remembered; the oldest are forgotten.
pub const PROPOSALS_MAX: usize = 1_024;

/// Default of `minShare`, percent.
const MIN_SHARE_PERCENT: u64 = 1;

/// `detector: governance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GovernanceConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// The governors: addresses or names of contracts. 1 to 16.
    pub governors: Vec<String>,
    /// The tokens that vote, or that are deposited for votes: addresses or names of contracts. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voting_tokens: Vec<String>,
    /// Further functions of the governors that carry out what was decided: `emergencyCommit(uint32)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// From which share of a token's supply on votes count, percent. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_share: Option<Decimal>,
    /// Votes held for less than this are new, blocks. Default 7,200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_blocks: Option<u64>,
    /// Least blocks between a proposal and its execution that the governors allow. Less is a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_delay_blocks: Option<u64>,
}

/// A token that votes.
#[derive(Debug, Clone)]
struct VotingToken {
    address: Address,
    supply: Timeline<U256>,
    moved: Gains,
    delegated: Gains,
}

impl VotingToken {
    fn probe(&self) -> Probe {
        // totalSupply()
        Probe::Call { to: self.address, data: vec![0x18, 0x16, 0x0d, 0xdd].into(), word: 0 }
    }
}

/// When a proposal was made and when it was voted on last.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    made: Option<BlockId>,
    voted: Option<BlockId>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Governance {
    protocol: Protocol,
    maturity: Maturity,
    governors: BTreeSet<Address>,
    tokens: Vec<VotingToken>,
    functions: BTreeMap<[u8; 4], (Kind, bool)>,
    events: BTreeMap<B256, Kind>,
    votes_changed: B256,
    /// Millionths.
    min_share: u64,
    hold_blocks: u64,
    min_delay_blocks: Option<u64>,
    proposals: BTreeMap<(Address, U256), Past>,
}

impl Governance {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &GovernanceConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let governors = resolver.accounts("governors", &config.governors)?;
        let tokens = resolver.accounts("votingTokens", &config.voting_tokens)?;
        for (field, count, least) in
            [("governors", governors.len(), 1), ("votingTokens", tokens.len(), 0)]
        {
            if !(least..=NAMED_MAX).contains(&count) {
                let remedy =
                    format!("write {least} to {NAMED_MAX} addresses or names of contracts");
                return Err(resolver.error(field, format!("there are {count}"), remedy));
            }
        }
        let mut functions = words::functions();
        for (index, text) in config.functions.iter().enumerate() {
            let signature = Signature::parse(text).map_err(|why| {
                let remedy = "compare it with the contract's interface";
                resolver.error(format!("functions[{index}]"), why, remedy)
            })?;
            let types = signature.text.split_once('(').map_or("", |(_, types)| types);
            let of_proposal = types.starts_with("uint");
            functions.insert(signature.selector, (Kind::Execute, of_proposal));
        }
        let min_share = config.min_share.unwrap_or(Decimal::whole(MIN_SHARE_PERCENT)).units(4);
        let min_share = min_share
            .and_then(|millionths| u64::try_from(millionths).ok())
            .filter(|millionths| (1..=1_000_000).contains(millionths))
            .ok_or_else(|| {
                let problem = "it is not between 0.0001 and 100 percent";
                resolver.error("minShare", problem, "leave it out for 1")
            })?;
        let hold_blocks = config.hold_blocks.unwrap_or(HOLD_BLOCKS);
        if !(1..=HOLD_BLOCKS_MAX).contains(&hold_blocks) {
            let problem = format!("{hold_blocks} is not between 1 and {HOLD_BLOCKS_MAX}");
            return Err(resolver.error("holdBlocks", problem, "leave it out for 7200"));
        }
        let token = |address| VotingToken {
            address,
            supply: Timeline::default(),
            moved: Gains::default(),
            delegated: Gains::default(),
        };
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            governors,
            tokens: tokens.into_iter().map(token).collect(),
            functions,
            events: words::events(),
            votes_changed: words::votes_changed(),
            min_share,
            hold_blocks,
            min_delay_blocks: config.min_delay_blocks,
            proposals: BTreeMap::new(),
        })
    }

    fn learn(&mut self, by_governor: &BTreeMap<Address, BTreeSet<Act>>, evidence: &Evidence) {
        for (governor, acts) in by_governor {
            for act in acts {
                let Some(id) = act.proposal else { continue };
                if !matches!(act.kind, Kind::Propose | Kind::Vote) {
                    continue;
                }
                let past = self.proposals.entry((*governor, id)).or_default();
                match act.kind {
                    Kind::Propose => past.made.get_or_insert(evidence.block),
                    _ => past.voted.insert(evidence.block),
                };
            }
        }
        while self.proposals.len() > PROPOSALS_MAX {
            let last = |past: &Past| past.made.max(past.voted).map(|block| block.number);
            let oldest = self.proposals.iter().min_by_key(|(_, past)| last(past));
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            self.proposals.remove(&oldest);
        }
        for token in &mut self.tokens {
            for (account, Held { kept, .. }) in held(token.address, evidence) {
                token.moved.add(account, evidence.block, kept);
            }
            for (account, Held { kept, .. }) in
                delegated(token.address, self.votes_changed, evidence)
            {
                token.delegated.add(account, evidence.block, kept);
            }
        }
    }
}

impl Detector for Governance {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        self.tokens.iter().map(VotingToken::probe).collect()
    }

    fn watches(&self) -> Vec<(ChainId, Address)> {
        self.governors
            .iter()
            .copied()
            .chain(self.tokens.iter().map(|token| token.address))
            .map(|account| (self.protocol.chain, account))
            .collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.success {
            return;
        }
        let mut by_governor = BTreeMap::new();
        for governor in &self.governors {
            let acts = acts(&self.functions, &self.events, *governor, evidence);
            if !acts.is_empty() {
                by_governor.insert(*governor, acts);
            }
        }
        for (governor, acts) in &by_governor {
            let mut signs = Signs::default();
            let actors: BTreeSet<Address> = acts.iter().map(|act| act.by).collect();
            self.borrowed(&actors, evidence, &mut signs);
            self.haste(*governor, acts, evidence.block, &mut signs);
            if signs.lines.is_empty() {
                continue;
            }
            let mut finding = draft(&META, self.maturity, &self.protocol, evidence, *governor, b"");
            let done: BTreeSet<&str> = acts.iter().map(|act| act.kind.word()).collect();
            let done: Vec<&str> = done.into_iter().collect();
            let name = self.protocol.name_of(*governor);
            finding.outlook = Outlook::AllAtRisk;
            finding.confidence =
                if signs.proof { Confidence::PROOF } else { Confidence::evidence(signs.e_value) };
            finding.sentence = format!(
                "{} {} at {name} with new votes or in haste",
                evidence.from,
                done.join(", ")
            );
            finding.evidence = signs.lines;
            add_loss(&mut finding, &self.protocol, evidence);
            out.push(finding);
        }
        self.learn(&by_governor, evidence);
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], _out: &mut Findings) {
        for token in &mut self.tokens {
            let probe = token.probe();
            // A reading that failed is reported by the engine; the supply stays what it was.
            for reading in readings.iter().filter(|reading| reading.probe == probe) {
                if let Ok(value) = reading.value {
                    token.supply.set(block, value);
                }
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        for token in &mut self.tokens {
            token.supply.retract(blocks);
            token.moved.retract(blocks);
            token.delegated.retract(blocks);
        }
        for past in self.proposals.values_mut() {
            past.made.take_if(|block| blocks.contains(block));
            past.voted.take_if(|block| blocks.contains(block));
        }
        self.proposals.retain(|_, past| past.made.is_some() || past.voted.is_some());
    }
}

#[cfg(test)]
mod tests;
