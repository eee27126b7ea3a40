//! A bridge pays out what was not locked on the other chain.
//!
//! # What it watches
//!
//! One lane of a bridge on both of its chains: every release on the protocol's chain is held against the lock of the same
//! message id on the source chain. It must exist, be final at the time of the release, not have been released before, and
//! be of the same token, amount (less a stated fee) and beneficiary, as far as the events name them. A release whose lock
//! has not been seen is pending until the source chain was seen beyond a grace after it. As a second line of defence no
//! more of a token may be released than was locked and is final, and was open when the watch began, where the owners state
//! that; it works without ids.
//!
//! A release without a lock, a second one of a lock, and a wrong token, amount or beneficiary are proofs. A release that
//! is only too early is evidence, and so is one whose lock may be older than the watch: the e-value is how much rarer
//! that kind is than releases are, `(n + 1) / (k + 1)` after `n` releases of which `k` were alike, which is an e-value
//! as long as honest releases are exchangeable. While the source chain cannot be seen the first release that is affected
//! is reported with an e-value of 1: could not look.
//!
//! # Why it matters
//!
//! Bridges lost most of what was ever stolen at once: forged withdrawals (Nomad, Wormhole), stolen signers (Ronin,
//! Harmony), a blinded verifier. Whatever the way in, the result is the same: a release without its lock.
//!
//! # What it misses
//!
//! What a false view of the source chain shows: the node of the source chain must not be one that the bridge itself
//! relies on. Locks that are worth nothing (a token without value that is listed). Ids inside nested tuples or arrays of
//! an event. Locks older than the watch: until the source chain was seen for `historySeconds` a release without a lock is
//! no proof. Thefts from the locking contract by other ways than a release (use `gross-outflow`). A finding about a
//! release is taken back when the release's own block is, not when a re-organisation of the source chain brings a lock
//! after all.
//!
//! # False alarms
//!
//! Locks made by another route than the event watched, ids that are counted per route where the event does not say which
//! (use `only`), relayers that pay out before finality at their own risk. On the whole history of Nomad's Moonbeam lane
//! (`tests/nomad`) 18 alarms outside the hack, each of them named there.
//!
//! # References
//!
//! - Methods, §1.4; standards, §8.4
//! - `XChainWatcher`, arXiv 2410.02029: the same rules in Datalog, in batch
//! - Vovk and Wang, E-values, Annals of Statistics 2021; exchangeability as in conformal prediction

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Finding, Maturity},
    ids::ChainId,
    money::{Asset, Usd},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::{BridgeConfig, BridgeToken},
    detector::{Detector, Findings, Meta, Seen, draft},
    outflow::lost,
};

pub mod book;
pub mod revocable;
pub mod sums;
pub mod terms;

mod event;
mod report;

use book::Book;
use event::{EventReader, Heard, Message};
use terms::{BridgeTerms, Lock, Release, TokenPair};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "bridge",
    title: "A bridge pays out what was not locked on the other chain",
    maturity: Maturity::Incubating,
};

/// Grace where the configuration names none, seconds: clocks of chains are at most a minute apart, and nodes a few blocks
/// behind.
const GRACE_SECONDS: u64 = 300;

/// See the module.
#[derive(Debug, Clone)]
pub struct Bridge {
    protocol: Protocol,
    maturity: Maturity,
    source_chain: ChainId,
    finality_seconds: u64,
    lock: EventReader,
    release: EventReader,
    /// The tokens of both sides where the events name none and there is only one.
    only_token: Option<(Address, Address)>,
    book: Book,
    /// Whether it was said that the source chain cannot be seen; until a release was judged again.
    told_blind: bool,
    /// Whether it was said, per side, that logs of the event cannot be read.
    told_unreadable: [bool; 2],
}

impl Bridge {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &BridgeConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        if config.source_chain == protocol.chain {
            return Err(resolver.error(
                "sourceChain",
                "it is the protocol's own chain",
                "name the chain on which is locked; what is released on it is for a protocol of that chain",
            ));
        }
        let source: Address = config.lock.contract.parse().map_err(|_| {
            resolver.error(
                "lock.contract",
                format!("`{}` is not an address", config.lock.contract),
                "write 0x and 40 hexadecimal digits in quotes: the contract is on the other chain",
            )
        })?;
        let destination = resolver.contract("release.contract", &config.release.contract)?.address;
        let tokens = tokens(&resolver, &config.tokens)?;
        check_sides(&resolver, config, &tokens)?;
        let grace_seconds = config.grace_seconds.unwrap_or(GRACE_SECONDS);
        let patience_seconds =
            config.patience_seconds.unwrap_or(grace_seconds.saturating_mul(10)).max(grace_seconds);
        let mut pairs = tokens.iter();
        let only_token = match (pairs.next(), pairs.next()) {
            (Some((source, pair)), None) => Some((*source, pair.destination)),
            _ => None,
        };
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            source_chain: config.source_chain,
            finality_seconds: config.finality_seconds,
            lock: EventReader::new(&resolver, "lock", source, &config.lock)?,
            release: EventReader::new(&resolver, "release", destination, &config.release)?,
            only_token,
            book: Book::new(BridgeTerms {
                grace_seconds,
                history_seconds: config.history_seconds,
                patience_seconds,
                tokens,
            }),
            told_blind: false,
            told_unreadable: [false; 2],
        })
    }

    fn inspect_source(&mut self, evidence: &Evidence, out: &mut Findings) {
        for message in self.messages(evidence, Side::Source, out) {
            let judged = self.book.lock(Lock {
                id: message.id,
                block: evidence.block,
                timestamp: evidence.timestamp,
                final_at: evidence.timestamp.saturating_add(self.finality_seconds),
                token: message.token.or(self.only_token.map(|(source, _)| source)),
                amount: message.amount,
                beneficiary: message.beneficiary,
            });
            self.report(judged, out);
        }
    }

    fn inspect_destination(&mut self, evidence: &Evidence, out: &mut Findings) {
        let messages = self.messages(evidence, Side::Destination, out);
        // Where the event does not say what was paid, the transaction's flows do; all of it is laid to the first release.
        let mut unsaid = lost(&self.protocol, evidence).map(|lost| lost.value);
        for (ordinal, message) in (0..).zip(messages) {
            let token = message.token.or(self.only_token.map(|(_, destination)| destination));
            let said = self.value(token, &message);
            let value = said.unwrap_or_else(|| unsaid.take().unwrap_or_default());
            let judged = self.book.release(Release {
                id: message.id,
                block: evidence.block,
                timestamp: evidence.timestamp,
                token,
                amount: message.amount,
                beneficiary: message.beneficiary,
                transaction: evidence.hash,
                ordinal,
                sender: evidence.from,
                value,
            });
            self.report(vec![judged], out);
        }
    }

    fn value(&self, token: Option<Address>, message: &Message) -> Option<Usd> {
        let spec = self.protocol.asset(asset(token?))?;
        Some(spec.value(message.amount?))
    }

    /// What the logs of one side say. Logs that cannot be read are said once.
    fn messages(&mut self, evidence: &Evidence, side: Side, out: &mut Findings) -> Vec<Message> {
        let reader = if side == Side::Source { &self.lock } else { &self.release };
        let mut messages = Vec::new();
        let mut unreadable = !evidence.known.logs && evidence.success;
        for log in &evidence.logs {
            match reader.read(log) {
                Heard::Nothing => {}
                Heard::Message(message) => messages.push(message),
                Heard::Unreadable => unreadable = true,
            }
        }
        let told = self.told_unreadable.get_mut(side as usize);
        if let Some(told) = told.filter(|told| unreadable && !**told) {
            *told = true;
            out.push(self.unreadable(evidence, side));
        }
        messages
    }

    fn unreadable(&self, evidence: &Evidence, side: Side) -> Finding {
        let (field, contract) = match side {
            Side::Source => ("lock", self.lock.contract),
            Side::Destination => ("release", self.release.contract),
        };
        let draft = draft(
            &META,
            self.maturity,
            &self.protocol,
            evidence,
            self.release.contract,
            field.as_bytes(),
        );
        Finding {
            evidence: vec![
                format!("contract {contract} on chain {}", evidence.chain),
                format!("transaction {}", evidence.hash),
            ],
            sentence: format!(
                "could not look: logs of the bridge's {field} event cannot be read; compare `{field}.event` with the \
                 contract, its `indexed` marks above all, and see that the node gives logs"
            ),
            ..draft
        }
    }
}

/// One of the two chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

/// Whether the two sides can be held against each other at all.
fn check_sides(
    resolver: &Resolver<'_>,
    config: &BridgeConfig,
    tokens: &BTreeMap<Address, TokenPair>,
) -> Result<(), ConfigError> {
    if config.lock.id.len() != config.release.id.len() {
        return Err(resolver.error(
            "release.id",
            format!(
                "it has {} parameters and `lock.id` has {}",
                config.release.id.len(),
                config.lock.id.len()
            ),
            "name as many on both sides, in the same order",
        ));
    }
    let opened = tokens.values().all(|pair| pair.opening.is_some());
    let sums_work = !tokens.is_empty()
        && opened
        && config.lock.amount.is_some()
        && config.release.amount.is_some();
    if config.lock.id.is_empty() && !sums_work {
        return Err(resolver.error(
            "lock.id",
            "there is no id, and without amounts on both sides and `tokens` with `opening` no sums either",
            "name the parameter that holds the message id, or both amounts and what each token opens with",
        ));
    }
    Ok(())
}

fn tokens(
    resolver: &Resolver<'_>,
    configs: &[BridgeToken],
) -> Result<BTreeMap<Address, TokenPair>, ConfigError> {
    let mut tokens = BTreeMap::new();
    for (index, config) in configs.iter().enumerate() {
        let at = |field: &str| format!("tokens[{index}].{field}");
        let source: Address = config.source.parse().map_err(|_| {
            resolver.error(
                at("source"),
                format!("`{}` is not an address", config.source),
                "write 0x and 40 hexadecimal digits in quotes",
            )
        })?;
        let spec = resolver.asset(&at("asset"), &config.asset)?;
        let destination = match spec.asset {
            Asset::Token(address) => address,
            Asset::Native => Address::ZERO,
        };
        let pair = TokenPair {
            destination,
            source_decimals: config.source_decimals.unwrap_or(spec.decimals),
            destination_decimals: spec.decimals,
            fee_bps: config.fee_bps.unwrap_or(0),
            opening: config.opening.map(|opening| opening.0),
        };
        if tokens.insert(source, pair).is_some() {
            return Err(resolver.error(
                at("source"),
                format!("{source} stands there twice"),
                "name each token of the source chain once",
            ));
        }
    }
    Ok(tokens)
}

fn asset(token: Address) -> Asset {
    if token == Address::ZERO { Asset::Native } else { Asset::Token(token) }
}

impl Detector for Bridge {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if evidence.chain == self.source_chain {
            self.inspect_source(evidence, out);
        } else if evidence.chain == self.protocol.chain {
            self.inspect_destination(evidence, out);
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.book.retract(blocks);
    }

    fn watches(&self) -> Vec<(ChainId, Address)> {
        vec![(self.source_chain, self.lock.contract)]
    }

    fn keeps_books(&self) -> bool {
        true
    }

    fn seen(&mut self, chain: ChainId, seen: Seen, out: &mut Findings) {
        let judged = if chain == self.source_chain {
            self.book.seen(seen)
        } else {
            self.book.destination_time(seen.through)
        };
        self.report(judged, out);
    }
}

#[cfg(test)]
mod tests;
