//! A contract was deployed that looks as if it were made to attack the protocol.
//!
//! # What it watches
//!
//! The code of contracts when they are created, where it holds the address of a contract of the protocol: as a constant,
//! an immutable variable or an argument of the constructor. Five signs are counted:
//!
//! - the protocol is the *dominant deployer* of the addresses in the code: more of them are its own than anybody else's,
//!   where addresses are grouped by who deployed them (`deployers`, and creations that were seen; an address of unknown
//!   origin stands for itself; the protocol's assets and what `common` names are left out);
//! - the contract answers the callback of a flash loan or flash swap ([`callbacks`]);
//! - it calls functions that the configuration names (`functions`);
//! - its deployer, or the account that called it up, has been paid by an account of `funding`: a mixer, a bridge, an
//!   exchange without names;
//! - it can destroy itself, or did its work in the constructor and left no code behind.
//!
//! From `signs` on (default 2) it is a finding. It arms: levers that tighten limits may be worth their price now.
//!
//! # Why it matters
//!
//! Attackers deploy first and attack later, by 390 seconds in the median and 72 in the lower quarter (`LookAhead`). In 79.5 %
//! of 117 attacks the victim's address could be read from the deployment, and the dominant deployer is the victim in
//! 84.4 % of the cases in which it names one (recall 75.6 %). It turns "somewhere a bad contract appeared" into "ours".
//!
//! # What it misses
//!
//! Contracts that get their target later by a call, from storage or from a registry; addresses that are computed or
//! split; addresses with more than four leading zero bytes; code put behind a proxy or loaded by a delegate call. Attacks that deploy
//! and strike in one transaction are seen, and too late. Payments from `funding` are seen in transactions that touch the
//! protocol or one of the accounts in `funding`, one step and the last 16,384 of them; not swaps through an exchange's
//! books. Neither the sender's nonce nor whether the source was published is in the evidence.
//!
//! # False alarms
//!
//! Integrators, aggregators, searchers' contracts and the protocol's own deployments do look like this: name their
//! deployers in `ignore`. The e-values are assigned: 4 for the second sign and four times as much for each further one
//! (256 for all). They are modest against `LookAhead`'s one in 600, because five signs are not its 41 features. It is not
//! stable, and cannot act alone.
//!
//! # References
//!
//! - `LookAhead`, arXiv 2401.07261: features at deployment
//! - Timely identification of victim addresses in `DeFi` attacks: dominant deployer
//! - ERC-3156, Uniswap, Aave, Balancer, Morpho: callbacks of flash loans

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, Selector};
use portcullis_types::{
    chain::BlockId,
    evidence::{CodeFeatures, Created, Evidence},
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::ChainId,
    money::Asset,
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    abi::Signature,
    age::Ages,
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft},
};

pub mod callbacks;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "adversarial-deployment",
    title: "A contract was deployed that looks as if it were made to attack the protocol",
    maturity: Maturity::Incubating,
};

/// Default of `signs`.
pub const SIGNS: u32 = 2;

/// How many signs there are.
pub const SIGNS_MAX: u32 = 5;

/// Most payments from `funding` that are remembered.
pub const FUNDED_MAX: usize = 16_384;

/// Most accounts that `funding`, `deployers` and `common` name together.
pub const NAMED_MAX: usize = 4_096;

/// Most signatures in `functions`.
pub const FUNCTIONS_MAX: usize = 256;

/// E-value of the second sign, and what each further one multiplies it by.
const E_VALUE: f64 = 4.0;

/// `detector: adversarial-deployment`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdversarialDeploymentConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts whose address in foreign code is looked for. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Functions of the protocol that attacks need: `withdraw(uint256)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Accounts that pay whoever asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub funding: Vec<Labelled>,
    /// Who deployed contracts of others that are often seen beside the protocol's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployers: Vec<Labelled>,
    /// Accounts that stand in everybody's code (wrapped ether, stablecoins, routers) and say nothing of a victim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<String>,
    /// Senders and creators whose deployments are not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// How many signs make a finding, 1 to 5. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs: Option<u32>,
}

/// Accounts under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Labelled {
    /// What they are, for people: `mixer`.
    pub label: String,
    /// The accounts.
    pub accounts: Vec<String>,
}

/// Whom an address in the code belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Protocol,
    Label(String),
    Account(Address),
}

/// See the module.
#[derive(Debug, Clone)]
pub struct AdversarialDeployment {
    protocol: Protocol,
    maturity: Maturity,
    watched: BTreeSet<Address>,
    functions: BTreeMap<Selector, String>,
    callbacks: BTreeMap<Selector, &'static str>,
    funding: BTreeMap<Address, String>,
    deployers: BTreeMap<Address, String>,
    common: BTreeSet<Address>,
    ignored: BTreeSet<Address>,
    signs: usize,
    /// Who created the contracts whose creation was seen.
    ages: Ages,
    /// Who was paid by an account of `funding`, newest last.
    funded: VecDeque<(BlockId, Address, Address)>,
}

impl AdversarialDeployment {
    /// Resolves and checks a configuration.
    pub fn new(
        protocol: &Protocol,
        config: &AdversarialDeploymentConfig,
    ) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let signs = config.signs.unwrap_or(SIGNS);
        if !(1..=SIGNS_MAX).contains(&signs) {
            let problem = format!("{signs} is not between 1 and {SIGNS_MAX}");
            return Err(resolver.error("signs", problem, format!("leave it out for {SIGNS}")));
        }
        if config.functions.len() > FUNCTIONS_MAX {
            let problem = format!("there are {}", config.functions.len());
            let remedy = format!("write at most {FUNCTIONS_MAX}");
            return Err(resolver.error("functions", problem, remedy));
        }
        let mut functions = BTreeMap::new();
        for (index, text) in config.functions.iter().enumerate() {
            let signature = Signature::parse(text).map_err(|why| {
                let remedy = "compare it with the contract's interface";
                resolver.error(format!("functions[{index}]"), why, remedy)
            })?;
            functions.insert(Selector::new(signature.selector), signature.text);
        }
        let mut common = resolver.accounts("common", &config.common)?;
        let token = |asset: Asset| match asset {
            Asset::Token(token) => Some(token),
            Asset::Native => None,
        };
        let assets = protocol.assets.iter().filter_map(|spec| token(spec.asset));
        common.extend(assets.filter(|token| protocol.contract(*token).is_none()));
        let funding = labelled(&resolver, "funding", &config.funding)?;
        let deployers = labelled(&resolver, "deployers", &config.deployers)?;
        let named = funding.len() + deployers.len() + config.common.len();
        if named > NAMED_MAX {
            return Err(resolver.error(
                "funding",
                format!("`funding`, `deployers` and `common` name {named} accounts"),
                format!("name at most {NAMED_MAX} in all"),
            ));
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            watched: resolver.contracts("contracts", &config.contracts, |_| true)?,
            functions,
            callbacks: callbacks::selectors(),
            funding,
            deployers,
            common,
            ignored: resolver.accounts("ignore", &config.ignore)?,
            signs: usize::try_from(signs).unwrap_or(usize::MAX),
            ages: Ages::new(0),
            funded: VecDeque::new(),
        })
    }

    fn owner(&self, account: Address) -> Owner {
        if self.protocol.contract(account).is_some() {
            return Owner::Protocol;
        }
        if let Some(label) = self.deployers.get(&account) {
            return Owner::Label(label.clone());
        }
        match self.ages.deployer(&account) {
            Some(deployer) => Owner::Account(deployer),
            None => Owner::Account(account),
        }
    }

    /// How many addresses of the code are the protocol's, and how many the other who has most; none if another has more.
    fn dominance(&self, features: &CodeFeatures) -> Option<(usize, usize)> {
        let mut counts: BTreeMap<Owner, usize> = BTreeMap::new();
        for account in features.embedded.iter().filter(|one| !self.common.contains(*one)) {
            *counts.entry(self.owner(*account)).or_default() += 1;
        }
        let own = counts.remove(&Owner::Protocol).unwrap_or_default();
        let other = counts.into_values().max().unwrap_or_default();
        (own > 0 && own >= other).then_some((own, other))
    }

    fn signs(&self, created: &Created, features: &CodeFeatures, sender: Address) -> Vec<String> {
        let mut signs = Vec::new();
        if let Some((own, other)) = self.dominance(features) {
            signs.push(format!(
                "{own} addresses in its code are the protocol's, at most {other} anybody else's"
            ));
        }
        let answers = features.functions.iter().chain(&features.calls);
        let callbacks: BTreeSet<&str> =
            answers.filter_map(|selector| self.callbacks.get(selector).copied()).collect();
        if !callbacks.is_empty() {
            let callbacks: Vec<&str> = callbacks.into_iter().collect();
            signs.push(format!("it answers flash loans: {}", callbacks.join(", ")));
        }
        let called = features.calls.iter().filter_map(|one| self.functions.get(one));
        let called: Vec<&str> = called.map(String::as_str).collect();
        if !called.is_empty() {
            signs.push(format!("it calls {}", called.join(", ")));
        }
        if let Some((account, label)) = self.funding_of(sender, created.creator) {
            signs.push(format!("{account} was paid by {label}"));
        }
        if features.length == 0 {
            signs.push("it did its work in the constructor and left no code behind".to_owned());
        } else if features.self_destruct {
            signs.push("it can destroy itself".to_owned());
        }
        signs
    }

    fn funding_of(&self, sender: Address, creator: Address) -> Option<(Address, &str)> {
        let is_paid = |(_, _, to): &&(BlockId, Address, Address)| *to == sender || *to == creator;
        let (_, from, to) = self.funded.iter().rev().find(is_paid)?;
        Some((*to, self.funding.get(from)?))
    }

    fn learn(&mut self, evidence: &Evidence) {
        for created in &evidence.created {
            self.ages.created(created.address, evidence.from, evidence.block);
        }
        for transfer in &evidence.transfers {
            let is_news = self.funding.contains_key(&transfer.from)
                && !self.funding.contains_key(&transfer.to)
                && !self.funded.iter().rev().take(64).any(|(block, from, to)| {
                    *block == evidence.block && *from == transfer.from && *to == transfer.to
                });
            if is_news {
                self.funded.push_back((evidence.block, transfer.from, transfer.to));
                if self.funded.len() > FUNDED_MAX {
                    self.funded.pop_front();
                }
            }
        }
    }

    fn judge(&self, created: &Created, evidence: &Evidence) -> Option<Finding> {
        let features = created.features.as_ref()?;
        let victim = features.embedded.iter().find(|account| self.watched.contains(*account))?;
        let trusted = |account: &Address| {
            self.ignored.contains(account) || self.protocol.contract(*account).is_some()
        };
        // The protocol's own factories, and what the transaction's own contracts set up, are judged by their sender.
        if trusted(&evidence.from) || trusted(&created.creator) || trusted(&created.address) {
            return None;
        }
        let signs = self.signs(created, features, evidence.from);
        if signs.len() < self.signs {
            return None;
        }
        let detail = created.address;
        let (protocol, maturity) = (&self.protocol, self.maturity);
        let mut finding = draft(&META, maturity, protocol, evidence, *victim, detail.as_slice());
        let more = i32::try_from(signs.len().saturating_sub(1)).unwrap_or(i32::MAX);
        finding.outlook = Outlook::AllAtRisk;
        finding.confidence = Confidence::evidence(E_VALUE.powi(more));
        finding.sentence = format!(
            "{} deployed {}, which holds the address of {} and shows {} of {SIGNS_MAX} signs of an attack",
            evidence.from,
            created.address,
            self.protocol.name_of(*victim),
            signs.len(),
        );
        finding.evidence = signs;
        finding.evidence.push(format!(
            "{} bytes of code, {} of creation code; {} of {} instructions call others, {} of them with their code",
            features.length,
            features.creation_length,
            features.n_calls,
            features.n_instructions,
            features.n_delegate_calls,
        ));
        Some(finding)
    }
}

fn labelled(
    resolver: &Resolver<'_>,
    field: &str,
    groups: &[Labelled],
) -> Result<BTreeMap<Address, String>, ConfigError> {
    let mut found = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        if group.label.is_empty() || group.accounts.is_empty() {
            return Err(resolver.error(
                format!("{field}[{index}]"),
                "it has no label or no accounts",
                "write for instance {label: mixer, accounts: [\"0x…\"]}",
            ));
        }
        let accounts = resolver.accounts(&format!("{field}[{index}].accounts"), &group.accounts)?;
        found.extend(accounts.into_iter().map(|account| (account, group.label.clone())));
    }
    Ok(found)
}

impl Detector for AdversarialDeployment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn watches(&self) -> Vec<(ChainId, Address)> {
        self.funding.keys().map(|account| (self.protocol.chain, *account)).collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        self.ages.start(evidence.block);
        self.learn(evidence);
        for created in &evidence.created {
            if let Some(finding) = self.judge(created, evidence) {
                out.push(finding);
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.ages.retract(blocks);
        self.funded.retain(|(block, _, _)| !blocks.contains(block));
    }
}

#[cfg(test)]
mod tests;
