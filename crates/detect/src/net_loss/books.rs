//! What the protocol owes and is owed, as far as a transaction changed it. See [`crate::net_loss`].

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, I256, U256, keccak256};
use portcullis_types::{
    chain::BlockId,
    evidence::{Evidence, Log},
    money::{Asset, Usd, signed},
    probe::{Probe, Reading},
};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    detector::NOBODY,
    invariant::side::Side,
    net_loss::config::{BookEntry, ClaimToken, Meaning, NetLossConfig},
    ratio::mul_div,
    reference::Prices,
};

/// Most tokens and most kinds of logs.
pub const BOOKS_MAX: usize = 256;

/// Most decimals of a token with a price of its own.
const DECIMALS_MAX: u8 = 36;

/// The books of a protocol.
#[derive(Debug, Clone)]
pub(super) struct Books {
    tokens: Vec<Token>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Token {
    address: Address,
    /// Whether its holders owe the protocol, and not the protocol them.
    is_debt: bool,
    worth: Worth,
}

#[derive(Debug, Clone)]
enum Worth {
    Price {
        price: Usd,
        decimals: u8,
    },
    Asset(Asset),
    /// `side` smallest units of the asset for `per` of the token.
    Rate {
        asset: Asset,
        side: Side,
        per: U256,
    },
}

#[derive(Debug, Clone)]
struct Entry {
    contract: Address,
    topic: B256,
    word: usize,
    asset: Asset,
    meaning: Meaning,
}

impl Books {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        config: &NetLossConfig,
    ) -> Result<Self, ConfigError> {
        let mut books = Self { tokens: Vec::new(), entries: Vec::new() };
        let mut known = BTreeSet::new();
        for (list, tokens) in [("shares", &config.shares), ("debts", &config.debts)] {
            for (index, token) in tokens.iter().enumerate() {
                let field = format!("{list}[{index}]");
                let token = Token::new(resolver, &field, token, list == "debts")?;
                if !known.insert(token.address) {
                    return Err(resolver.error(
                        format!("{field}.token"),
                        "the token is listed twice",
                        "leave it in one place: `shares` if the protocol owes, `debts` if it is owed",
                    ));
                }
                books.tokens.push(token);
            }
        }
        for (index, entry) in config.entries.iter().enumerate() {
            books.entries.push(Entry::new(resolver, index, entry)?);
        }
        if books.tokens.len().max(books.entries.len()) > BOOKS_MAX {
            return Err(resolver.error(
                "shares",
                format!("there are more than {BOOKS_MAX} tokens or entries"),
                "divide the protocol",
            ));
        }
        Ok(books)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.entries.is_empty()
    }

    /// Whether `asset` is a token of these books, and so no property.
    pub(super) fn contains(&self, asset: Asset) -> bool {
        self.tokens.iter().any(|token| Asset::Token(token.address) == asset)
    }

    pub(super) fn probes(&self) -> impl Iterator<Item = Probe> {
        self.tokens.iter().filter_map(|token| match &token.worth {
            Worth::Rate { side, .. } => side.probe().cloned(),
            _ => None,
        })
    }

    pub(super) fn take(&mut self, block: BlockId, reading: &Reading) {
        for token in &mut self.tokens {
            if let Worth::Rate { side, .. } = &mut token.worth {
                side.take(block, reading);
            }
        }
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        for token in &mut self.tokens {
            if let Worth::Rate { side, .. } = &mut token.worth {
                side.retract(blocks);
            }
        }
    }

    /// By how much a transaction made the protocol's claims less its debts larger. None if a token moved whose rate was
    /// never read.
    pub(super) fn change(&self, prices: &Prices, evidence: &Evidence) -> Option<Usd> {
        let mut sum = Usd::ZERO;
        for token in &self.tokens {
            let supply = supply_change(Asset::Token(token.address), evidence);
            if supply.is_zero() {
                continue;
            }
            let value = token.worth.of(prices, supply.unsigned_abs())?;
            let larger = supply.is_negative() != token.is_debt;
            sum += if larger { value } else { -value };
        }
        for log in &evidence.logs {
            for entry in self.entries.iter().filter(|entry| entry.is_on(log)) {
                let value = prices.value(entry.asset, entry.amount(log)).unwrap_or_default();
                let larger = matches!(entry.meaning, Meaning::Lent | Meaning::Settled);
                sum += if larger { value } else { -value };
            }
        }
        Some(sum)
    }
}

/// What was minted of a token in a transaction, less what was burnt.
pub(crate) fn supply_change(asset: Asset, evidence: &Evidence) -> I256 {
    let mut sum = I256::ZERO;
    for transfer in evidence.transfers.iter().filter(|transfer| transfer.asset == asset) {
        if transfer.from == NOBODY {
            sum = sum.saturating_add(signed(transfer.amount));
        }
        if transfer.to == NOBODY {
            sum = sum.saturating_sub(signed(transfer.amount));
        }
    }
    sum
}

impl Token {
    fn new(
        resolver: &Resolver<'_>,
        field: &str,
        config: &ClaimToken,
        is_debt: bool,
    ) -> Result<Self, ConfigError> {
        let address = resolver.account(&format!("{field}.token"), &config.token)?;
        let wrong = |part: &str, problem: &str| {
            resolver.error(
                format!("{field}.{part}"),
                problem,
                "write {token, asset}, {token, asset, rate, per} or {token, priceUsd, decimals}",
            )
        };
        let worth = match (&config.asset, config.price_usd, config.decimals) {
            (Some(symbol), None, None) => {
                let asset = resolver.asset(&format!("{field}.asset"), symbol)?.asset;
                match (&config.rate, config.per) {
                    (None, None) => Worth::Asset(asset),
                    (Some(rate), Some(per)) if !per.0.is_zero() => {
                        let side = Side::new(resolver, &format!("{field}.rate"), rate)?;
                        Worth::Rate { asset, side, per: per.0 }
                    }
                    _ => return Err(wrong("per", "`rate` needs a `per` above 0, and the reverse")),
                }
            }
            (None, Some(price), Some(decimals))
                if config.rate.is_none() && config.per.is_none() && decimals <= DECIMALS_MAX =>
            {
                Worth::Price { price, decimals }
            }
            _ => return Err(wrong("asset", "it does not say once what the token is worth")),
        };
        Ok(Self { address, is_debt, worth })
    }
}

impl Worth {
    fn of(&self, prices: &Prices, amount: U256) -> Option<Usd> {
        match self {
            Self::Price { price, decimals } => Some(Usd::of_amount(amount, *decimals, *price)),
            Self::Asset(asset) => prices.value(*asset, amount),
            Self::Rate { asset, side, per } => {
                prices.value(*asset, mul_div(amount, side.value()?, *per))
            }
        }
    }
}

impl Entry {
    fn new(resolver: &Resolver<'_>, index: usize, config: &BookEntry) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("entries[{index}].{name}");
        let event = Signature::parse(&config.event).map_err(|why| {
            resolver.error(field("event"), why, "compare it with the contract's interface")
        })?;
        Ok(Self {
            contract: resolver.contract(&field("contract"), &config.contract)?.address,
            topic: keccak256(event.text),
            word: config.word as usize,
            asset: resolver.asset(&field("asset"), &config.asset)?.asset,
            meaning: config.means,
        })
    }

    fn is_on(&self, log: &Log) -> bool {
        log.address == self.contract && log.topics.first() == Some(&self.topic)
    }

    /// The amount; 0 where the log is too short for it.
    fn amount(&self, log: &Log) -> U256 {
        word(log, self.word).unwrap_or_default()
    }
}

/// The 32-byte word of a log's data at `index`.
pub(crate) fn word(log: &Log, index: usize) -> Option<U256> {
    let start = index.checked_mul(32)?;
    let bytes = log.data.get(start..start.checked_add(32)?)?;
    Some(U256::from_be_slice(bytes))
}
