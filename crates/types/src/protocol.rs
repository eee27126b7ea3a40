//! A protected protocol, as its owners describe it.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    ids::ChainId,
    money::{Asset, Usd},
};

/// A protocol on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocol {
    /// Short name, unique in the configuration.
    pub name: String,
    /// Chain it lives on.
    pub chain: ChainId,
    /// Its contracts.
    pub contracts: Vec<Contract>,
    /// What it holds or issues, with a price.
    pub assets: Vec<AssetSpec>,
}

/// A contract of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// Name for people, unique in the protocol.
    pub name: String,
    /// Address.
    pub address: Address,
    /// Whether it holds users' money: its balances are what can be lost.
    pub holds_value: bool,
}

/// An asset of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetSpec {
    /// Symbol for people (from the configuration, never from the chain).
    pub symbol: String,
    /// Which.
    pub asset: Asset,
    /// Decimals of its smallest unit.
    pub decimals: u8,
    /// Reference price of a whole unit.
    pub price_usd: Usd,
}

impl Protocol {
    /// The contract at `address`.
    pub fn contract(&self, address: Address) -> Option<&Contract> {
        self.contracts.iter().find(|contract| contract.address == address)
    }

    /// The description of `asset`.
    pub fn asset(&self, asset: Asset) -> Option<&AssetSpec> {
        self.assets.iter().find(|spec| spec.asset == asset)
    }

    /// Name of the contract at `address`, or the address.
    pub fn name_of(&self, address: Address) -> String {
        self.contract(address).map_or_else(|| address.to_string(), |c| c.name.clone())
    }

    /// Contracts that hold users' money.
    pub fn holders(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.iter().filter(|contract| contract.holds_value)
    }
}

impl AssetSpec {
    /// Value of `amount` smallest units.
    pub fn value(&self, amount: alloy_primitives::U256) -> Usd {
        Usd::of_amount(amount, self.decimals, self.price_usd)
    }

    /// `amount` smallest units for people: `12.5 WETH`.
    pub fn show(&self, amount: alloy_primitives::U256) -> String {
        format!("{} {}", crate::money::format_amount(amount, self.decimals), self.symbol)
    }
}
