//! A price feed that the protocol believes has stopped, or says what no price can be.
//!
//! # What it watches
//!
//! Feeds of Chainlink's interface (`latestRoundData()`), each with the heartbeat that its operator promises:
//!
//! - the answer is older than heartbeat and `graceSeconds` at the time of the newest block that was seen, and again for
//!   every further heartbeat that it stays so;
//! - the answer is zero or negative, or at or beyond `min` or `max`: a feed's contract cuts prices off there;
//! - the round does not move: a later time under the same round, or an answer that was carried over from an earlier round;
//! - on a roll-up, the feed of the sequencer's state says that it is down, or that it came back less than
//!   `graceSeconds` ago, so that prices and users are behind.
//!
//! # Why it matters
//!
//! While a price stands still the protocol buys and lends at it, and whoever knows the true one takes the difference. It is
//! no attack by itself, so its findings weigh nothing; they are the context in which others weigh more (`context` under
//! `policy`, kind `staleOracle`).
//!
//! # What it misses
//!
//! A price that is wrong and fresh (see `price-manipulation`, `volatility`). Feeds of other interfaces: give an `invariant`
//! over their view functions. A chain of which no block is seen: the engine says that it is blind. Where the node shows no
//! changes of state, an update is noticed with the next transaction of the protocol only, and the feed may be said to be
//! stale until then.
//!
//! # False alarms
//!
//! A heartbeat that is shorter than what the operator promises: 3,600 s and 86,400 s are the usual ones, and a feed that updates
//! on deviation may say nothing for all of it. A pause of the chain.
//!
//! # References
//!
//! - Chainlink, "Data Feeds API Reference": `latestRoundData`, `answeredInRound`; "L2 Sequencer Uptime Feeds": answer 0 is up,
//!   1 is down, `startedAt` is when that began
//! - Venus on BNB Chain, May 2022: LUNA's feed stopped at its `minAnswer` of 0.107 dollars

use std::collections::BTreeSet;

use alloy_primitives::{Address, Bytes, I256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity},
    ids::ChainId,
    probe::{Probe, Reading},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, Seen, draft_of_block},
    history::Timeline,
};

mod config;

pub use config::{FeedConfig, SequencerConfig, StaleOracleConfig};

/// `latestRoundData()`: roundId, answer, startedAt, updatedAt, answeredInRound.
const LATEST_ROUND_DATA: [u8; 4] = [0xfe, 0xaf, 0x96, 0x8c];

/// Description of this detector.
pub static META: Meta = Meta {
    id: "stale-oracle",
    title: "A price feed has stopped, or says what no price can be",
    maturity: Maturity::Incubating,
};

/// Most feeds of one configuration.
pub const FEEDS_MAX: usize = 64;
/// Words of `latestRoundData()`.
const WORDS: usize = 5;

/// See the module.
#[derive(Debug, Clone)]
pub struct StaleOracle {
    protocol: Protocol,
    maturity: Maturity,
    feeds: Vec<Feed>,
    /// The newest block that anything was shown of: where a finding about the time stands.
    newest: Option<BlockId>,
}

#[derive(Debug, Clone)]
struct Feed {
    name: String,
    contract: Address,
    kind: Kind,
    probes: Vec<Probe>,
    /// What it said; none where it could not be read.
    rounds: Timeline<Option<Round>>,
    /// What was said of the newest round's age: its time, and for how many heartbeats.
    said: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Price { heartbeat: u64, grace: u64, min: Option<U256>, max: Option<U256> },
    Sequencer { grace: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Round {
    id: U256,
    answer: I256,
    started: u64,
    updated: u64,
    answered_in: U256,
}

impl StaleOracle {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &StaleOracleConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let mut names = BTreeSet::new();
        let mut feeds = Vec::new();
        for (index, feed) in config.feeds.iter().enumerate() {
            let at = |field: &str| format!("feeds[{index}].{field}");
            if feed.name.is_empty() || !names.insert(&feed.name) {
                let problem = format!("`{}` is empty or stands there twice", feed.name);
                return Err(resolver.error(
                    at("name"),
                    problem,
                    "give each feed a name of its own",
                ));
            }
            if feed.heartbeat_seconds == 0 {
                let remedy = "write what its operator promises, for instance 3600";
                return Err(resolver.error(at("heartbeatSeconds"), "it is 0", remedy));
            }
            let (min, max) = (feed.min.map(|one| one.0), feed.max.map(|one| one.0));
            if matches!((min, max), (Some(min), Some(max)) if min >= max) {
                return Err(resolver.error(at("min"), "it is not below `max`", "exchange the two"));
            }
            let (heartbeat, grace) = (feed.heartbeat_seconds, feed.grace_seconds);
            let contract = resolver.account(&at("feed"), &feed.feed)?;
            feeds.push(Feed::new(&feed.name, contract, Kind::Price { heartbeat, grace, min, max }));
        }
        if let Some(sequencer) = &config.sequencer {
            let contract = resolver.account("sequencer.feed", &sequencer.feed)?;
            let kind = Kind::Sequencer { grace: sequencer.grace_seconds };
            feeds.push(Feed::new("sequencer", contract, kind));
        }
        if feeds.is_empty() || feeds.len() > FEEDS_MAX {
            let problem = format!("there are {} feeds", feeds.len());
            let remedy = format!("name from 1 to {FEEDS_MAX}");
            return Err(resolver.error("feeds", problem, remedy));
        }
        let maturity = resolver.maturity(config.maturity)?;
        Ok(Self { protocol: protocol.clone(), maturity, feeds, newest: None })
    }

    fn note(&mut self, block: BlockId) {
        if self.newest.is_none_or(|newest| newest.number <= block.number) {
            self.newest = Some(block);
        }
    }

    fn finding(&self, feed: &Feed, block: BlockId, what: &Said) -> Finding {
        let detail = format!("{} {}", feed.name, what.detail);
        let contract = feed.contract;
        Finding {
            // Context, not evidence: it weighs nothing by itself.
            confidence: Confidence::evidence(1.0),
            evidence: vec![what.line.clone()],
            sentence: what.sentence.clone(),
            ..draft_of_block(
                &META,
                self.maturity,
                &self.protocol,
                block,
                contract,
                detail.as_bytes(),
            )
        }
    }
}

/// What is said of a feed: what tells it from the next, a line with the numbers, a sentence.
struct Said {
    detail: String,
    line: String,
    sentence: String,
}

/// A feed that did not answer.
struct Unread;

impl Feed {
    fn new(name: &str, contract: Address, kind: Kind) -> Self {
        let data = Bytes::from(LATEST_ROUND_DATA);
        let probe = |word| Probe::Call { to: contract, data: data.clone(), word };
        Self {
            name: name.to_owned(),
            contract,
            kind,
            probes: (0..WORDS as u32).map(probe).collect(),
            rounds: Timeline::default(),
            said: None,
        }
    }

    /// The round in these readings, or that the feed could not be read; none if they are not of this feed, or not all of
    /// them.
    fn take(&self, readings: &[Reading]) -> Option<Result<Round, Unread>> {
        let mut words = [U256::ZERO; WORDS];
        let mut failed = false;
        for (word, probe) in words.iter_mut().zip(&self.probes) {
            match &readings.iter().find(|reading| reading.probe == *probe)?.value {
                Ok(value) => *word = *value,
                Err(_) => failed = true,
            }
        }
        let [id, answer, started, updated, answered_in] = words;
        // A time beyond 64 bits is none.
        let time = |word: U256| u64::try_from(word).unwrap_or(u64::MAX);
        if failed {
            return Some(Err(Unread));
        }
        Some(Ok(Round {
            id,
            answer: I256::from_raw(answer),
            started: time(started),
            updated: time(updated),
            answered_in,
        }))
    }

    /// What is wrong with a round itself, whatever the time.
    fn wrong(&self, before: Option<Round>, now: Round) -> Option<Said> {
        let name = &self.name;
        let Kind::Price { min, max, .. } = self.kind else { return None };
        let magnitude = now.answer.unsigned_abs();
        let why = if now.answer <= I256::ZERO {
            format!("{name} answers {}, which is no price", now.answer)
        } else if min.is_some_and(|min| magnitude <= min) || max.is_some_and(|max| magnitude >= max)
        {
            format!("{name} answers {}, where its contract cuts prices off", now.answer)
        } else if now.answered_in < now.id {
            format!("{name} answers for round {} with what round {} said", now.id, now.answered_in)
        } else if before.is_some_and(|before| before.id == now.id && before.updated < now.updated) {
            format!("{name} has a later time under the same round {}", now.id)
        } else {
            return None;
        };
        Some(Said {
            detail: format!("round {} {} {}", now.id, now.updated, now.answer),
            line: format!("round {}: answer {}, updated at {}", now.id, now.answer, now.updated),
            sentence: why,
        })
    }

    /// What is wrong with the newest round at `time`, where that was not said yet.
    fn late(&mut self, time: u64) -> Option<Said> {
        let round = (*self.rounds.latest()?)?;
        let name = &self.name;
        let (since, count, sentence) = match self.kind {
            Kind::Price { heartbeat, grace, .. } => {
                let age = time.saturating_sub(round.updated);
                let over =
                    age.checked_sub(heartbeat.saturating_add(grace)).filter(|over| *over > 0)?;
                let sentence = format!(
                    "{name} was updated {age} s ago, and its heartbeat is {heartbeat} s: the price is stale"
                );
                (round.updated, over / heartbeat, sentence)
            }
            Kind::Sequencer { grace } if round.answer == I256::ZERO => {
                let up = time.saturating_sub(round.started);
                if up >= grace {
                    return None;
                }
                let sentence = format!("the sequencer came back {up} s ago, and prices are behind");
                (round.started, 0, sentence)
            }
            Kind::Sequencer { grace } => {
                let down = time.saturating_sub(round.started);
                let sentence = format!("the sequencer has been down for {down} s");
                (round.started, down / grace.max(1), sentence)
            }
        };
        let said = (since, count);
        if self.said == Some(said) {
            return None;
        }
        self.said = Some(said);
        Some(Said {
            detail: format!("late {since} {count}"),
            line: format!("round {}: updated at {}, seen up to {time}", round.id, round.updated),
            sentence,
        })
    }
}

impl Detector for StaleOracle {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        self.feeds.iter().flat_map(|feed| feed.probes.clone()).collect()
    }

    fn inspect(&mut self, evidence: &Evidence, _out: &mut Findings) {
        if evidence.chain == self.protocol.chain {
            self.note(evidence.block);
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        self.note(block);
        let mut wrong = Vec::new();
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            let Some(taken) = feed.take(readings) else { continue };
            let round = taken.ok();
            let before = feed.rounds.latest().copied().flatten();
            feed.rounds.set(block, round);
            if let Some(round) = round.filter(|round| before != Some(*round))
                && let Some(said) = feed.wrong(before, round)
            {
                wrong.push((place, said));
            }
        }
        for (place, said) in wrong {
            if let Some(feed) = self.feeds.get(place) {
                out.push(self.finding(feed, block, &said));
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        if self.newest.is_some_and(|newest| blocks.contains(&newest)) {
            self.newest = None;
        }
        for feed in &mut self.feeds {
            let before = feed.rounds.newest();
            feed.rounds.retract(blocks);
            // What was said stood in a block that is gone, or may have: it is said again.
            if feed.rounds.newest() != before || self.newest.is_none() {
                feed.said = None;
            }
        }
    }

    fn seen(&mut self, chain: ChainId, seen: Seen, out: &mut Findings) {
        if chain != self.protocol.chain {
            return;
        }
        let mut late = Vec::new();
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            let Some(block) = self.newest.or_else(|| feed.rounds.newest()) else { continue };
            if let Some(said) = feed.late(seen.through) {
                late.push((place, block, said));
            }
        }
        for (place, block, said) in late {
            if let Some(feed) = self.feeds.get(place) {
                out.push(self.finding(feed, block, &said));
            }
        }
    }
}

#[cfg(test)]
mod tests;
