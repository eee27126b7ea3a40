//! A market, a thief, and what a node would say of them.

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_engine::{ChainSettings, Config, ProtocolConfig};
use portcullis_types::{
    action::{Call, Lever, Rung, Undo, ViewCheck},
    chain::BlockId,
    evidence::{CallKind, Evidence, Flow, Frame, Known, Transfer},
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::{AssetSpec, Contract, Protocol},
};

pub(crate) const CHAIN: u64 = 31_337;
const MARKET: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const THIEF: Address = Address::repeat_byte(0x33);

pub(crate) fn config() -> Config {
    let view = |expect: u64| ViewCheck {
        to: MARKET,
        data: Bytes::from_static(&[0x5c, 0x97, 0x5a, 0xbb]),
        expect: U256::from(expect),
        meaning: "paused()".to_owned(),
        word: 0,
    };
    let call = |selector: [u8; 4]| Call { to: MARKET, data: selector.into(), gas_limit: 100_000 };
    let lever = Lever {
        name: "pause-market".to_owned(),
        rung: Rung::Market,
        chain: CHAIN,
        covers: vec![MARKET],
        preflight: Vec::new(),
        call: call([0x84, 0x56, 0xcb, 0x59]),
        verify: view(1),
        undo: Undo::ByCall { call: call([0x3f, 0x4b, 0xa8, 0x3a]), verify: view(0) },
        hold_seconds: 600,
        false_stop_cost: Usd::dollars(1_000),
        traps: Vec::new(),
        warden: None,
        false_stop_parts: None,
        forms: Vec::new(),
    };
    let detector = serde_json::from_value(serde_json::json!({
        "detector": "gross-outflow",
        "limits": [{ "asset": "USDC", "windowSeconds": 12, "maxAmount": "50000" }],
    }));
    let policy = serde_json::from_value(serde_json::json!({
        "autonomy": "act", "coolDownSeconds": 60, "pullsPerDayMax": 50,
    }));
    Config {
        chains: vec![ChainSettings {
            chain: CHAIN,
            name: "test".to_owned(),
            confirmed_depth: 2,
            finalised_depth: 8,
        }],
        protocols: vec![ProtocolConfig {
            protocol: Protocol {
                name: "market".to_owned(),
                chain: CHAIN,
                contracts: vec![Contract {
                    name: "market".to_owned(),
                    address: MARKET,
                    holds_value: true,
                }],
                assets: vec![AssetSpec {
                    symbol: "USDC".to_owned(),
                    asset: Asset::Token(TOKEN),
                    decimals: 6,
                    price_usd: Usd::dollars(1),
                }],
            },
            detectors: vec![detector.unwrap()],
            ladder: vec![lever],
            policy: policy.unwrap(),
        }],
    }
}

pub(crate) fn theft(block: BlockId, dollars: u32) -> Evidence {
    let amount = U256::from(dollars) * U256::from(1_000_000u64);
    let asset = Asset::Token(TOKEN);
    let (plus, minus) = (I256::from_raw(amount), -I256::from_raw(amount));
    let mut flows = vec![
        Flow { holder: MARKET, asset, delta: minus },
        Flow { holder: THIEF, asset, delta: plus },
    ];
    flows.retain(|flow| !flow.delta.is_zero());
    // A re-organisation may put the same transaction into another block: its hash depends on what it does only.
    let mut hash = B256::repeat_byte(0x55);
    hash.0[..8].copy_from_slice(&block.number.to_be_bytes());
    hash.0[8..12].copy_from_slice(&dollars.to_be_bytes());
    Evidence {
        chain: CHAIN,
        block,
        timestamp: block.number * 12,
        index: 0,
        hash,
        from: THIEF,
        to: Some(MARKET),
        value: U256::ZERO,
        gas_used: Some(100_000),
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: vec![Frame {
            parent: None,
            kind: CallKind::Call,
            from: THIEF,
            to: MARKET,
            context: MARKET,
            value: U256::ZERO,
            input: Bytes::from_static(&[1, 2, 3, 4]),
            input_length: 4,
            effective: true,
            failed: false,
        }],
        logs: Vec::new(),
        transfers: vec![Transfer { asset, from: MARKET, to: THIEF, amount, token_id: None }],
        flows,
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

pub(crate) fn reading(probe: Probe, paused: bool) -> Reading {
    let value = match &probe {
        Probe::Balance { .. } => Ok(U256::from(4_000_000u64) * U256::from(1_000_000u64)),
        _ => Ok(U256::from(u8::from(paused))),
    };
    Reading { probe, value, depends_on: vec![(MARKET, B256::ZERO)] }
}
