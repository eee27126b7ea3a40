//! Finds a protocol in a recording where nobody described it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::{
    evidence::Evidence,
    ids::ChainId,
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

/// Most contracts that are taken for one protocol's. A recording of whole blocks enters thousands: there people must
/// say which are theirs.
pub const CONTRACTS_MAX: usize = 64;

/// Most assets listed; those that moved most often come first.
pub const ASSETS_MAX: usize = 64;

/// Collects what a recording enters and moves.
#[derive(Debug, Default)]
pub struct Inference {
    contracts: BTreeSet<Address>,
    moves: Vec<(Asset, Address, Address)>,
}

impl Inference {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a transaction. Only recordings of function entries name a protocol by what they hold.
    ///
    /// # Errors
    /// Where this cannot be one protocol's recording, with the remedy.
    pub fn see(&mut self, evidence: &Evidence) -> Result<(), String> {
        self.contracts.extend(evidence.frames.iter().map(|frame| frame.to));
        if self.contracts.len() > CONTRACTS_MAX {
            return Err(format!(
                "the recording enters more than {CONTRACTS_MAX} contracts, which cannot all be one protocol's: describe the protocol and give it with --config"
            ));
        }
        let moves = evidence.transfers.iter();
        self.moves.extend(moves.map(|transfer| (transfer.asset, transfer.from, transfer.to)));
        Ok(())
    }

    /// The protocol: all contracts entered, those that were sent or paid something as holders of value, and what moved
    /// in or out. Prices are unknown and 0; so are decimals of tokens, whose amounts then count in smallest units.
    ///
    /// # Errors
    /// If no contract was entered.
    pub fn protocol(self, name: &str, chain: ChainId) -> Result<Protocol, String> {
        if self.contracts.is_empty() {
            return Err("the recording enters no contract: there is nothing to learn from".into());
        }
        let mut holders = BTreeSet::new();
        let mut counts: BTreeMap<Asset, u64> = BTreeMap::new();
        for (asset, from, to) in &self.moves {
            let own = [from, to].into_iter().filter(|account| self.contracts.contains(*account));
            let before = holders.len();
            let mut touched = false;
            for account in own {
                touched = true;
                holders.insert(*account);
            }
            if touched || holders.len() > before {
                *counts.entry(*asset).or_default() += 1;
            }
        }
        let mut assets: Vec<(Asset, u64)> = counts.into_iter().collect();
        assets.sort_by_key(|(asset, count)| (u64::MAX - count, *asset));
        assets.truncate(ASSETS_MAX);
        let contracts = (1..).zip(&self.contracts).map(|(number, address)| Contract {
            name: format!("contract-{number}"),
            address: *address,
            holds_value: holders.contains(address),
        });
        let assets = (1..).zip(assets).map(|(number, (asset, _))| match asset {
            Asset::Native => spec("COIN".to_owned(), asset, 18),
            Asset::Token(_) => spec(format!("TOKEN-{number}"), asset, 0),
        });
        Ok(Protocol {
            name: name.to_owned(),
            chain,
            contracts: contracts.collect(),
            assets: assets.collect(),
        })
    }
}

fn spec(symbol: String, asset: Asset, decimals: u8) -> AssetSpec {
    AssetSpec { symbol, asset, decimals, price_usd: Usd::ZERO }
}

#[cfg(test)]
mod tests;
