//! A small protocol and its observations.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, FixedBytes, U256};
use portcullis_detect::novelty::{Form, Function};
use portcullis_types::{
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

use crate::Observation;

pub(crate) const POOL: Address = Address::repeat_byte(0xa1);
pub(crate) const USDC: Asset = Asset::Token(Address::repeat_byte(0xc1));
pub(crate) const FREE: Asset = Asset::Token(Address::repeat_byte(0xc2));

pub(crate) fn protocol() -> Protocol {
    let asset = |symbol: &str, asset, price_usd| AssetSpec {
        symbol: symbol.to_owned(),
        asset,
        decimals: 6,
        price_usd,
    };
    Protocol {
        name: "pool".to_owned(),
        chain: 1,
        contracts: vec![Contract { name: "pool".to_owned(), address: POOL, holds_value: true }],
        assets: vec![asset("USDC", USDC, Usd::dollars(1)), asset("FREE", FREE, Usd::ZERO)],
    }
}

pub(crate) fn function(selector: u8) -> Function {
    Function { contract: POOL, selector: Some(FixedBytes([selector; 4])) }
}

/// A composed transaction of block `block` that enters these functions and lets somebody gain.
pub(crate) fn observation(block: u64, selectors: &[u8]) -> Observation {
    let mut form = Form { composed: true, ..Form::default() };
    form.first = selectors.first().map(|selector| function(*selector));
    for selector in selectors {
        *form.entries.entry(function(*selector)).or_default() += 1;
    }
    for pair in selectors.windows(2) {
        if let [from, to] = pair {
            form.steps.insert((function(*from), function(*to)));
        }
    }
    Observation {
        hash: B256::from(U256::from(block)),
        block,
        timestamp: block * 12,
        form,
        has_gain: true,
        outflows: BTreeMap::new(),
    }
}

/// The same, with `dollars` of USDC leaving.
pub(crate) fn outflow(block: u64, dollars: u64) -> Observation {
    let mut observation = observation(block, &[1]);
    observation.outflows.insert(USDC, U256::from(dollars) * U256::from(1_000_000));
    observation
}
