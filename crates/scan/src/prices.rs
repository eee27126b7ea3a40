//! Reference prices of what hardly ever moves, and of the coins everything is paid in.
//!
//! They serve to tell a fortune from small change, not to settle a loss: a coin's price of another year may be off by
//! a factor of ten. Who needs better sets [`ScanConfig::prices`].

use std::collections::BTreeMap;

use alloy_primitives::{
    Address, U256, address,
    map::{HashMap, HashSet},
};
use portcullis_types::{
    ids::ChainId,
    money::{Asset, Usd},
};

/// What a whole unit of an asset is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Decimals of the asset.
    pub decimals: u8,
    /// US dollars a whole unit.
    pub usd: Usd,
}

/// What a scanner may be told. The default is enough.
#[derive(Debug, Clone, Default)]
pub struct ScanConfig {
    /// Reference prices, before the built-in ones. Few.
    pub prices: BTreeMap<(ChainId, Asset), Price>,
}

const DOLLAR: i64 = 1;
const ETHER: i64 = 2_000;
const BITCOIN: i64 = 30_000;
const BNB: i64 = 300;

/// Chain, dollars a whole native coin, its canonical wrapped form.
const COINS: &[(ChainId, i64, Address)] = &[
    (1, ETHER, address!("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")),
    (10, ETHER, address!("4200000000000000000000000000000000000006")),
    (56, BNB, address!("bb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c")),
    (100, DOLLAR, address!("e91d153e0b41518a2ce8dd3d7944fa863463a97d")),
    (137, DOLLAR, address!("0d500b1d8e8ef31e21c99d1db9a6444d3adf1270")),
    (250, DOLLAR, address!("21be370d5312f44cb42ce377bc9b8a0cef1a4c83")),
    (8453, ETHER, address!("4200000000000000000000000000000000000006")),
    (42161, ETHER, address!("82af49447d8a07e3bd95bd0d56f35241523fbab1")),
    (43114, 20, address!("b31f66aa3c1e785363f0875a1b74e27b85fd66c7")),
];

/// Chain, token, decimals, dollars: the canonical addresses as their issuers publish them.
const TOKENS: &[(ChainId, Address, u8, i64)] = &[
    (1, address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), 6, DOLLAR),
    (1, address!("dac17f958d2ee523a2206206994597c13d831ec7"), 6, DOLLAR),
    (1, address!("6b175474e89094c44da98b954eedeac495271d0f"), 18, DOLLAR),
    (1, address!("89d24a6b4ccb1b6faa2625fe562bdd9a23260359"), 18, DOLLAR),
    (1, address!("4fabb145d64652a948d72533023f6e7a623c7c53"), 18, DOLLAR),
    (1, address!("0000000000085d4780b73119b644ae5ecd22b376"), 18, DOLLAR),
    (1, address!("853d955acef822db058eb8505911ed77f175b99e"), 18, DOLLAR),
    (1, address!("2260fac5e5542a773aa44fbcfedf7c193bc2c599"), 8, BITCOIN),
    (1, address!("ae7ab96520de3a18e5e111b5eaab095312d7fe84"), 18, ETHER),
    (1, address!("7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0"), 18, ETHER),
    (1, address!("6c3f90f043a72fa612cbac8115ee7e52bde6e490"), 18, DOLLAR),
    (10, address!("0b2c639c533813f4aa9d7837caf62653d097ff85"), 6, DOLLAR),
    (10, address!("94b008aa00579c1307b0ef2c499ad98a8ce58e58"), 6, DOLLAR),
    (56, address!("55d398326f99059ff775485246999027b3197955"), 18, DOLLAR),
    (56, address!("e9e7cea3dedca5984780bafc599bd69add087d56"), 18, DOLLAR),
    (56, address!("8ac76a51cc950d9822d68b83fe1ad97b32cd580d"), 18, DOLLAR),
    (56, address!("1af3f329e8be154074d8769d1ffa4ee058b1dbc3"), 18, DOLLAR),
    (56, address!("2170ed0880ac9a755fd29b2688956bd959f933f8"), 18, ETHER),
    (56, address!("7130d2a12b9bcbfae4f2634d864a1ee1ce3ead9c"), 18, BITCOIN),
    (100, address!("ddafbb505ad214d7b80b1f830fccc89b60fb7a83"), 6, DOLLAR),
    (100, address!("4ecaba5870353805a9f068101a40e0f32ed605c6"), 6, DOLLAR),
    (137, address!("2791bca1f2de4661ed88a30c99a7a9449aa84174"), 6, DOLLAR),
    (137, address!("c2132d05d31c914a87c6611c10748aeb04b58e8f"), 6, DOLLAR),
    (137, address!("8f3cf7ad23cd3cadbd9735aff958023239c6a063"), 18, DOLLAR),
    (137, address!("7ceb23fd6bc0add59e62ac25578270cff1b9f619"), 18, ETHER),
    (250, address!("04068da6c83afcfa0e13ba15a6696662335d5b75"), 6, DOLLAR),
    (250, address!("8d11ec38a3eb5e956b052f67da8bdc9bef8abf3e"), 18, DOLLAR),
    (250, address!("74b23882a30290451a17c44f4f05243b6b58c76d"), 18, ETHER),
    (8453, address!("833589fcd6edb6e08f4c7c32d4f71b54bda02913"), 6, DOLLAR),
    (42161, address!("ff970a61a04b1ca14834a43f5de4533ebddb5cc8"), 6, DOLLAR),
    (42161, address!("af88d065e77c8cc2239327c5edb3a432268e5831"), 6, DOLLAR),
    (42161, address!("fd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9"), 6, DOLLAR),
    (43114, address!("b97ef9ef8734c71904d8002f8b6bc66dd9c48a6e"), 6, DOLLAR),
];

/// All prices, ready to look up.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    table: HashMap<(ChainId, Asset), Price>,
    wrapped: HashMap<ChainId, Address>,
    /// What is worth a dollar by issue, and what has a configured price.
    firm: HashSet<(ChainId, Asset)>,
}

impl Prices {
    pub(crate) fn new(config: &ScanConfig) -> Self {
        let mut table = HashMap::default();
        let mut wrapped = HashMap::default();
        for (chain, dollars, token) in COINS {
            let price = Price { decimals: 18, usd: Usd::dollars(*dollars) };
            table.insert((*chain, Asset::Native), price);
            wrapped.insert(*chain, *token);
        }
        for (chain, token, decimals, dollars) in TOKENS {
            let price = Price { decimals: *decimals, usd: Usd::dollars(*dollars) };
            table.insert((*chain, Asset::Token(*token)), price);
        }
        let dollars = TOKENS.iter().filter(|(_, _, _, dollars)| *dollars == DOLLAR);
        let mut firm: HashSet<(ChainId, Asset)> =
            dollars.map(|(chain, token, _, _)| (*chain, Asset::Token(*token))).collect();
        firm.extend(config.prices.keys().copied());
        table.extend(config.prices.iter().map(|(key, price)| (*key, *price)));
        Self { table, wrapped, firm }
    }

    /// The asset itself, or the native coin for its canonical wrapped form: they are the same money.
    pub(crate) fn plain(&self, chain: ChainId, asset: Asset) -> Asset {
        match asset {
            Asset::Token(token) if self.wrapped.get(&chain) == Some(&token) => Asset::Native,
            other => other,
        }
    }

    /// Whether an asset's price is not only a reference.
    pub(crate) fn is_firm(&self, chain: ChainId, asset: Asset) -> bool {
        self.firm.contains(&(chain, asset))
    }

    /// The value of an amount; none where there is no price.
    pub(crate) fn value(&self, chain: ChainId, asset: Asset, amount: U256) -> Option<Usd> {
        let asset = self.plain(chain, asset);
        let price = self.table.get(&(chain, asset))?;
        Some(Usd::of_amount(amount, price.decimals, price.usd))
    }
}
