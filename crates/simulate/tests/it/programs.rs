//! Both roads on programs made by chance: contracts that call each other, create, destroy themselves, log, write and
//! fail, under old and new rules.

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use portcullis_simulate::{
    replay::{MissingState, Replayer},
    rules::Hardfork,
};
use portcullis_types::wire::{BlockMaterial, Prestate, WireAccount, WireBlock, WireTransaction};
use proptest::{collection::vec, prelude::*, sample::select};
use revm::bytecode::opcode::{
    CALL, CALLCODE, CREATE, CREATE2, DELEGATECALL, GAS, INVALID, LOG0, MSTORE, POP, PUSH1, PUSH32,
    RETURN, REVERT, SELFDESTRUCT, SSTORE, STATICCALL, STOP,
};

use crate::{
    common::{topic, who},
    roads,
};

const HARDFORKS: [Hardfork; 9] = [
    Hardfork::Frontier,
    Hardfork::Tangerine,
    Hardfork::SpuriousDragon,
    Hardfork::Byzantium,
    Hardfork::Istanbul,
    Hardfork::London,
    Hardfork::Shanghai,
    Hardfork::Cancun,
    Hardfork::Osaka,
];

/// Where contracts stand, and besides them two that are built in and one that has no code.
const CONTRACTS: std::ops::Range<u8> = 0x20..0x24;
const PLACES: [u8; 7] = [0x20, 0x21, 0x22, 0x23, 0x01, 0x04, 0x30];

const SENDER: u8 = 0x77;

fn place() -> impl Strategy<Value = u8> {
    select(&PLACES[..])
}

fn push(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [PUSH1, *byte]).collect()
}

fn word(word: B256) -> Vec<u8> {
    [&[PUSH32], word.as_slice()].concat()
}

fn a_call() -> impl Strategy<Value = Vec<u8>> {
    let kind = select(&[CALL, CALL, CALL, CALLCODE, DELEGATECALL, STATICCALL][..]);
    (kind, place(), 0u8..3, 0u8..70).prop_map(|(kind, to, value, input)| {
        let value: &[u8] = if matches!(kind, CALL | CALLCODE) { &[value] } else { &[] };
        let arguments = [&[0, 0, input, 0], value, &[to]].concat();
        [push(&arguments), vec![GAS, kind, POP]].concat()
    })
}

fn a_log() -> impl Strategy<Value = Vec<u8>> {
    let topics = prop_oneof![
        Just(topic("Transfer(address,address,uint256)")),
        Just(topic("Deposit(address,uint256)")),
    ];
    (topics, vec(place(), 0..4)).prop_map(|(first, holders)| {
        let holders: Vec<u8> =
            holders.iter().flat_map(|holder| word(who(*holder).into_word())).collect();
        let count = (holders.len() / 33).min(3) as u8;
        let amount = [push(&[5, 0]), vec![MSTORE]].concat();
        [amount, holders, word(first), push(&[32, 0]), vec![LOG0 + 1 + count]].concat()
    })
}

/// What fits in a word and ends in one way or another.
fn init_code() -> impl Strategy<Value = Vec<u8>> {
    (proptest::option::of(a_call()), an_end()).prop_map(|(call, end)| {
        let code = [call.unwrap_or_default(), end].concat();
        if code.len() <= 32 { code } else { vec![STOP] }
    })
}

fn a_creation() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), 0u8..3, init_code()).prop_map(|(salted, value, code)| {
        let length = code.len() as u8;
        let stored = [word(B256::right_padding_from(&code)), push(&[0]), vec![MSTORE]].concat();
        let arguments = push(&[length, 0, value]);
        let (salt, create) = if salted { (push(&[5]), CREATE2) } else { (vec![], CREATE) };
        [stored, salt, arguments, vec![create, POP]].concat()
    })
}

fn a_step() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => a_call(),
        2 => a_log(),
        2 => a_creation(),
        2 => (0u8..3, 0u8..3).prop_map(|(value, slot)| [push(&[value, slot]), vec![SSTORE]].concat()),
    ]
}

fn an_end() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(vec![STOP]),
        2 => (0u8..33).prop_map(|length| [push(&[length, 0]), vec![RETURN]].concat()),
        2 => Just([push(&[0, 0]), vec![REVERT]].concat()),
        2 => place().prop_map(|to| [push(&[to]), vec![SELFDESTRUCT]].concat()),
        1 => Just(vec![INVALID]),
        1 => Just(vec![POP]),
    ]
}

fn program() -> impl Strategy<Value = Vec<u8>> {
    (vec(a_step(), 0..5), an_end()).prop_map(|(steps, end)| [steps.concat(), end].concat())
}

fn transaction(nonce: u64, to: Option<Address>, input: Vec<u8>, gas: u64) -> WireTransaction {
    WireTransaction {
        hash: B256::with_last_byte(nonce as u8 + 1),
        from: who(SENDER),
        to,
        input: input.into(),
        nonce: U64::from(nonce),
        gas: U64::from(gas),
        gas_price: Some(U256::from(7)),
        value: U256::from(nonce),
        ..WireTransaction::default()
    }
}

fn material(programs: Vec<Vec<u8>>, calls: Vec<(Option<u8>, Vec<u8>, u64)>) -> BlockMaterial {
    // The nonce of one of them is at its end, so that it cannot create anything.
    let contract = |at: u8, code: Vec<u8>| WireAccount {
        nonce: Some(if at == CONTRACTS.start { u64::MAX } else { 1 }),
        balance: Some(U256::from(9)),
        code: Some(Bytes::from(code)),
        ..WireAccount::default()
    };
    let rich = WireAccount { balance: Some(U256::from(u64::MAX)), ..WireAccount::default() };
    let mut prestate: Prestate =
        CONTRACTS.zip(programs).map(|(at, code)| (who(at), contract(at, code))).collect();
    prestate.insert(who(SENDER), rich);
    let calls = (0u64..).zip(calls);
    let transactions =
        calls.map(|(nonce, (to, code, gas))| transaction(nonce, to.map(who), code, gas));
    let block = WireBlock {
        number: U64::from(9),
        gas_limit: U64::from(30_000_000),
        base_fee_per_gas: Some(U256::from(7)),
        mix_hash: Some(B256::ZERO),
        beneficiary: who(0xfe),
        transactions: transactions.collect(),
        ..WireBlock::default()
    };
    BlockMaterial { chain_id: 1, block, prestate: Some(prestate), ..BlockMaterial::default() }
}

proptest! {
    #[test]
    fn traces_and_execution_agree_on_programs(
        hardfork in select(&HARDFORKS[..]),
        programs in vec(program(), CONTRACTS.len()),
        calls in vec((proptest::option::weighted(0.8, place()), program(), 100_000u64..400_000), 1..4),
    ) {
        let replayer = Replayer::new(1).with_hardfork(hardfork);
        let mut replayer = replayer.with_missing(MissingState::Zero);
        roads::check(&mut replayer, &material(programs, calls));
    }
}
