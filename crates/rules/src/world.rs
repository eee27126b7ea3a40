//! A protocol, prepared for quick questions.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use portcullis_types::{
    money::{Asset, Usd},
    protocol::{AssetSpec, Protocol},
};

/// What a rule set knows of the protocol it guards.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) protocol: Protocol,
    pub(crate) contracts: BTreeSet<Address>,
    pub(crate) holders: BTreeSet<Address>,
    assets: BTreeMap<Asset, AssetSpec>,
}

impl World {
    pub(crate) fn new(protocol: &Protocol) -> Self {
        let address = |contract: &portcullis_types::protocol::Contract| contract.address;
        Self {
            contracts: protocol.contracts.iter().map(address).collect(),
            holders: protocol.holders().map(address).collect(),
            assets: protocol.assets.iter().map(|spec| (spec.asset, spec.clone())).collect(),
            protocol: protocol.clone(),
        }
    }

    pub(crate) fn spec(&self, asset: Asset) -> Option<&AssetSpec> {
        self.assets.get(&asset)
    }

    pub(crate) fn by_symbol(&self, symbol: &str) -> Option<&AssetSpec> {
        self.protocol.assets.iter().find(|spec| spec.symbol == symbol)
    }

    /// The symbol from the configuration, or the token's address: what a token calls itself is not believed.
    pub(crate) fn symbol(&self, asset: Asset) -> String {
        self.spec(asset).map_or_else(|| asset.to_string(), |spec| spec.symbol.clone())
    }

    /// What an amount is worth; 0 for assets without a listed price.
    pub(crate) fn value(&self, asset: Asset, raw: U256) -> Usd {
        self.spec(asset).map_or(Usd::ZERO, |spec| spec.value(raw))
    }
}
