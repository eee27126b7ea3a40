//! What the tests of detectors are made of: a small protocol, and evidence built call by call.

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Evidence, Flow, Frame, Known, Log, StorageChange, Transfer},
    finding::Finding,
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

use crate::{
    DetectorConfig, build,
    detector::{Detector, Findings},
};

pub(crate) const MARKET: Address = Address::repeat_byte(0xa1);
pub(crate) const VAULT: Address = Address::repeat_byte(0xa2);
pub(crate) const ROUTER: Address = Address::repeat_byte(0xa3);
pub(crate) const SAFE: Address = Address::repeat_byte(0xa4);
pub(crate) const LAND: Address = Address::repeat_byte(0xa5);
pub(crate) const USDC: Asset = Asset::Token(Address::repeat_byte(0xc1));
pub(crate) const ALICE: Address = Address::repeat_byte(0x11);
pub(crate) const THIEF: Address = Address::repeat_byte(0x66);

/// Market and vault hold value, router and Safe do not; USDC at 1 dollar (6 decimals), ether at 2,000, LAND at 9,000.
pub(crate) fn protocol() -> Protocol {
    let contract =
        |name: &str, address, holds_value| Contract { name: name.to_owned(), address, holds_value };
    let asset = |symbol: &str, asset, decimals, dollars| AssetSpec {
        symbol: symbol.to_owned(),
        asset,
        decimals,
        price_usd: Usd::dollars(dollars),
    };
    Protocol {
        name: "test".to_owned(),
        chain: 1,
        contracts: vec![
            contract("market", MARKET, true),
            contract("vault", VAULT, true),
            contract("router", ROUTER, false),
            contract("treasury", SAFE, false),
            contract("land", LAND, false),
        ],
        assets: vec![
            asset("USDC", USDC, 6, 1),
            asset("ETH", Asset::Native, 18, 2_000),
            asset("LAND", Asset::Token(LAND), 0, 9_000),
            asset("FREE", Asset::Token(Address::repeat_byte(0xc9)), 18, 0),
        ],
    }
}

/// The detector of a configuration in JSON.
pub(crate) fn detector(json: &str) -> Box<dyn Detector> {
    let config: DetectorConfig =
        serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"));
    build(&protocol(), &config).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The error of a configuration in JSON, from reading or from building it.
pub(crate) fn error(json: &str) -> String {
    match serde_json::from_str::<DetectorConfig>(json) {
        Err(error) => error.to_string(),
        Ok(config) => match build(&protocol(), &config) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("built: {json}"),
        },
    }
}

pub(crate) fn inspect(detector: &mut dyn Detector, evidence: &Evidence) -> Vec<Finding> {
    let mut out = Findings::default();
    detector.inspect(evidence, &mut out);
    out.into_parts().0
}

/// Block `number` of the fork `fork`.
pub(crate) fn block(number: u64, fork: u8) -> BlockId {
    let mut hash = B256::repeat_byte(fork);
    hash.0[24..].copy_from_slice(&number.to_be_bytes());
    BlockId { number, hash }
}

pub(crate) fn usdc(dollars: u64) -> U256 {
    U256::from(dollars) * U256::from(1_000_000)
}

/// A transaction of `THIEF` in block 1 at second 1,000 that does nothing yet.
pub(crate) fn transaction() -> Evidence {
    Evidence {
        chain: 1,
        block: block(1, 1),
        timestamp: 1_000,
        index: 0,
        hash: B256::repeat_byte(0x77),
        from: THIEF,
        to: Some(MARKET),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: Vec::new(),
        logs: Vec::new(),
        transfers: Vec::new(),
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

/// Evidence is built by naming what happened, in order.
pub(crate) trait With: Sized {
    fn at(self, number: u64, timestamp: u64) -> Self;
    fn moves(self, asset: Asset, from: Address, to: Address, amount: U256) -> Self;
    fn calls(
        self,
        parent: Option<u32>,
        kind: CallKind,
        from: Address,
        to: Address,
        input: &[u8],
    ) -> Self;
    fn stores(self, address: Address, slot: B256, before: B256, after: B256) -> Self;
    fn logs(self, address: Address, topics: Vec<B256>) -> Self;
    /// A log of an event without indexed parameters, with its words.
    fn says(self, address: Address, event: &str, words: &[U256]) -> Self;
    /// A movement of a token with its `Transfer` log.
    fn sends(self, asset: Asset, from: Address, to: Address, amount: U256) -> Self;
}

impl With for Evidence {
    fn at(mut self, number: u64, timestamp: u64) -> Self {
        self.block = block(number, 1);
        self.timestamp = timestamp;
        self.hash = B256::from(U256::from(number));
        self
    }

    fn moves(mut self, asset: Asset, from: Address, to: Address, amount: U256) -> Self {
        self.transfers.push(Transfer { asset, from, to, amount, token_id: None });
        let amount = I256::try_from(amount).unwrap();
        for (holder, delta) in [(from, -amount), (to, amount)] {
            match self.flows.iter_mut().find(|f| f.holder == holder && f.asset == asset) {
                Some(flow) => flow.delta += delta,
                None => self.flows.push(Flow { holder, asset, delta }),
            }
        }
        self.flows.retain(|flow| !flow.delta.is_zero());
        self
    }

    fn calls(
        mut self,
        parent: Option<u32>,
        kind: CallKind,
        from: Address,
        to: Address,
        input: &[u8],
    ) -> Self {
        let context = if kind == CallKind::DelegateCall { from } else { to };
        self.frames.push(Frame {
            parent,
            kind,
            from,
            to,
            context,
            value: U256::ZERO,
            input: Bytes::copy_from_slice(input),
            input_length: input.len() as u32,
            effective: true,
            failed: false,
        });
        self
    }

    fn stores(mut self, address: Address, slot: B256, before: B256, after: B256) -> Self {
        self.storage.push(StorageChange { address, slot, before, after });
        self
    }

    fn logs(mut self, address: Address, topics: Vec<B256>) -> Self {
        self.logs.push(Log { address, topics, data: Bytes::new() });
        self
    }

    fn says(mut self, address: Address, event: &str, words: &[U256]) -> Self {
        let data: Vec<u8> = words.iter().flat_map(U256::to_be_bytes::<32>).collect();
        let topics = vec![alloy_primitives::keccak256(event)];
        self.logs.push(Log { address, topics, data: data.into() });
        self
    }

    fn sends(self, asset: Asset, from: Address, to: Address, amount: U256) -> Self {
        let mut moved = self.moves(asset, from, to, amount);
        if let Asset::Token(address) = asset {
            let event = alloy_primitives::keccak256("Transfer(address,address,uint256)");
            let topics = vec![event, from.into_word(), to.into_word()];
            let data = amount.to_be_bytes_vec().into();
            moved.logs.push(Log { address, topics, data });
        }
        moved
    }
}
