//! Exploits played on the state before them; what they take is in the README beside each.

use std::{collections::BTreeMap, fs};

use alloy_primitives::{Address, Bytes, I256, U64, U256, address};
use portcullis_simulate::{
    replay::{MissingState, Replayer},
    rules::Hardfork,
};
use portcullis_types::{
    evidence::{Evidence, Flow},
    money::Asset,
    wire::{BlockMaterial, Prestate, WireBlock, WireTransaction},
};
use serde::Deserialize;

use crate::data;

#[derive(Deserialize)]
pub(crate) struct Call {
    from: Address,
    to: Address,
    value: U256,
    data: Bytes,
    gas: U64,
}

/// The calls of an exploit as a block on its state.
pub(crate) fn material(case: &str) -> Option<BlockMaterial> {
    let folder = data::folder("exploits/states")?.join(case);
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let prestate: Prestate = serde_json::from_str(&text("prestate.json")).unwrap();
    let calls: Vec<Call> = serde_json::from_str(&text("calls.json")).unwrap();
    // Transactions of the header are hashes here, which the wire form does not read.
    let mut header: serde_json::Value = serde_json::from_str(&text("block.json")).unwrap();
    header.as_object_mut().unwrap().remove("transactions");
    let before: WireBlock = serde_json::from_value(header).unwrap();
    let mut nonces: BTreeMap<Address, u64> = BTreeMap::new();
    let mut transactions = Vec::new();
    for call in calls {
        let known = prestate.get(&call.from).and_then(|account| account.nonce).unwrap_or(0);
        let nonce = nonces.entry(call.from).or_insert(known);
        transactions.push(WireTransaction {
            hash: alloy_primitives::keccak256(&call.data),
            from: call.from,
            to: Some(call.to),
            value: call.value,
            input: call.data,
            nonce: U64::from(*nonce),
            gas: call.gas,
            gas_price: Some(U256::ZERO),
            ..WireTransaction::default()
        });
        *nonce += 1;
    }
    let block = WireBlock {
        number: before.number + U64::from(1),
        parent_hash: before.hash,
        timestamp: before.timestamp + U64::from(13),
        base_fee_per_gas: Some(U256::ZERO),
        gas_used: U64::ZERO,
        logs_bloom: None,
        transactions,
        ..before
    };
    Some(BlockMaterial { chain_id: 1, block, prestate: Some(prestate), ..BlockMaterial::default() })
}

fn play(case: &str) -> Option<Vec<Evidence>> {
    let mut replayer = Replayer::new(1).with_missing(MissingState::Zero);
    Some(replayer.execute_block(&material(case)?).unwrap())
}

fn flow(evidence: &Evidence, holder: Address, asset: Asset) -> I256 {
    let of = |flow: &&Flow| flow.holder == holder && flow.asset == asset;
    evidence.flows.iter().find(of).map_or(I256::ZERO, |flow| flow.delta)
}

fn units(text: &str) -> I256 {
    text.replace('_', "").parse().unwrap()
}

/// Per call: gas used and number of logs.
fn check(case: &str, expected: &[(u64, usize)]) -> Option<Vec<Evidence>> {
    let evidence = play(case)?;
    let seen: Vec<(u64, usize)> =
        evidence.iter().map(|e| (e.gas_used.unwrap(), e.logs.len())).collect();
    assert_eq!(seen, expected, "{case}");
    assert!(evidence.iter().all(|e| e.success), "{case}");
    Some(evidence)
}

#[test]
fn daomaker_loses_derc() {
    let Some(evidence) = check("daomaker", &[(46_863, 1), (61_159, 1)]) else { return };
    let derc = Asset::Token(address!("9fa69536d1cda4a04cfb50688294de75b505a9ae"));
    let attacker = address!("2708cace7b42302af26f1ab896111d87faeff92f");
    let vesting = address!("2fd602ed1f8cb6deaba9bedd560ffe772eb85940");
    let amount = units("5_760_000_000_000_000_000_000_000");
    assert_eq!(flow(&evidence[1], attacker, derc), amount);
    assert_eq!(flow(&evidence[1], vesting, derc), -amount);
    assert_eq!(evidence[1].flows.len(), 2);
}

#[test]
fn nomad_loses_wbtc() {
    let Some(evidence) = check("nomad", &[(170_310, 3)]) else { return };
    let wbtc = Asset::Token(address!("2260fac5e5542a773aa44fbcfedf7c193bc2c599"));
    let attacker = address!("a8c83b1b30291a3a1a118058b5445cc83041cd9d");
    let bridge = address!("88a69b4e698a4b090df6cf5bd7b2d47325ad30a3");
    assert_eq!(flow(&evidence[0], attacker, wbtc), units("10_000_000_000"));
    assert_eq!(flow(&evidence[0], bridge, wbtc), -units("10_000_000_000"));
    assert!(evidence[0].known.state && evidence[0].storage.len() >= 3);
}

#[test]
fn polynetwork_loses_ether() {
    let Some(evidence) = check("polynetwork", &[(139_119, 1), (134_447, 2)]) else { return };
    let attacker = address!("c8a65fadf0e0ddaf421f28feab69bf6e2e589963");
    let proxy = address!("250e76987d838a75310c34bf422ea9f1ac4cc906");
    let taken = flow(&evidence[1], attacker, Asset::Native);
    assert_eq!(taken / units("1_000_000_000_000_000"), units("2_857_486"));
    assert_eq!(flow(&evidence[1], proxy, Asset::Native), -taken);
}

#[test]
fn ronin_unwraps_and_loses_ether() {
    let Some(evidence) = check("ronin", &[(198_990, 2)]) else { return };
    let amount = units("173_600_000_000_000_000_000_000");
    let attacker = address!("098b716b8aaf21512996dc57eb0615e2383e2f96");
    let gateway = address!("1a2a1c938ce3ec39b6d47113c7955baa9dd454f2");
    let weth = address!("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");
    let evidence = &evidence[0];
    assert_eq!(flow(evidence, attacker, Asset::Native), amount);
    assert_eq!(flow(evidence, gateway, Asset::Native), I256::ZERO);
    assert_eq!(flow(evidence, gateway, Asset::Token(weth)), -amount, "WETH burnt, not sent");
    assert_eq!(flow(evidence, weth, Asset::Native), -amount);
}

#[test]
fn sandbox_burns_the_land_of_another() {
    let Some(evidence) = check("sandbox", &[(51_541, 1)]) else { return };
    let owner = address!("9cfa73b8d300ec5bf204e4de4a58e5ee6b7dc93c");
    let burnt = &evidence[0].transfers[0];
    assert_eq!((burnt.from, burnt.to, burnt.amount), (owner, Address::ZERO, U256::from(1)));
    assert_eq!(burnt.token_id, Some(U256::from(3738)));
    assert_eq!(evidence[0].flows.len(), 1);
}

#[test]
fn states_that_lack_slots_fail_where_nothing_may_be_missing() {
    for case in ["daomaker", "nomad"] {
        let Some(material) = material(case) else { return };
        let mut strict = Replayer::new(1);
        let error = strict.execute_block(&material).unwrap_err().to_string();
        assert!(error.contains("slot"), "{error}");
        let again = strict.execute_block(&BlockMaterial { prestate: None, ..material });
        assert!(again.unwrap_err().to_string().contains("no state is loaded"));
    }
}

#[test]
fn rules_follow_block_and_time() {
    let cases = [
        (1, 1_149_999, 0, Hardfork::Frontier),
        (1, 7_280_000, 0, Hardfork::Petersburg),
        (1, 15_537_393, 0, Hardfork::London),
        (1, 19_426_586, 1_710_338_123, Hardfork::Shanghai),
        (1, 19_426_587, 1_710_338_135, Hardfork::Cancun),
        (31_337, 1, 1, Hardfork::Osaka),
    ];
    for (chain, number, timestamp, expected) in cases {
        assert_eq!(Hardfork::of_block(chain, number, timestamp), expected, "{number}");
    }
    assert_eq!("spuriousDragon".parse(), Ok(Hardfork::SpuriousDragon));
    assert!("constantinopel".parse::<Hardfork>().unwrap_err().contains("petersburg"));
}
