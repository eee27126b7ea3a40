//! Probes and rehearsals on a small state written by hand.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use portcullis_simulate::{replay::Replayer, rules::Hardfork};
use portcullis_types::{
    action::{AttackSample, Call, Lever, Rung, Undo, ViewCheck},
    money::{Asset, Usd},
    probe::Probe,
    wire::{BlockMaterial, Prestate, WireAccount, WireBlock, WireTransaction},
};

use crate::common::who;

/// A contract with a brake. With call data it sets slot 0 to its first word and, if that is not zero, is paused. A call
/// without data fails if it is paused, and otherwise adds 1 to slot 1. A call of one byte answers slot 0.
///
/// ```text
/// CALLDATASIZE ISZERO PUSH1 run JUMPI
/// PUSH1 1 CALLDATASIZE EQ PUSH1 view JUMPI
/// PUSH1 0 CALLDATALOAD PUSH1 0 SSTORE STOP
/// view: JUMPDEST PUSH1 0 SLOAD PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
/// run:  JUMPDEST PUSH1 0 SLOAD ISZERO PUSH1 go JUMPI PUSH1 0 PUSH1 0 REVERT
/// go:   JUMPDEST PUSH1 1 SLOAD PUSH1 1 ADD PUSH1 1 SSTORE STOP
/// ```
const BRAKE: [u8; 55] = hex!(
    "3615601f5760013614601357600035600055005b60005460005260206000f35b60005415602c5760006000fd5b60015460010160015500"
);

/// TIMESTAMP PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
const CLOCK: [u8; 9] = hex!("4260005260206000f3");

const ONE_BYTE: &[u8] = &[1];

fn state() -> Prestate {
    let contract = |code: &[u8]| WireAccount {
        nonce: Some(1),
        code: Some(Bytes::copy_from_slice(code)),
        storage: (0..2).map(|slot| (B256::with_last_byte(slot), B256::ZERO)).collect(),
        ..WireAccount::default()
    };
    let rich = WireAccount { balance: Some(U256::from(1000)), ..WireAccount::default() };
    [(who(0x77), rich), (who(0xb0), contract(&BRAKE)), (who(0xc0), contract(&CLOCK))].into()
}

fn block() -> WireBlock {
    WireBlock {
        number: U64::from(9),
        timestamp: U64::from(1234),
        gas_limit: U64::from(30_000_000),
        base_fee_per_gas: Some(U256::from(7)),
        mix_hash: Some(B256::ZERO),
        beneficiary: who(0xfe),
        ..WireBlock::default()
    }
}

fn replayer() -> Replayer {
    let mut replayer = Replayer::new(31_337);
    replayer.load(&state(), &BTreeMap::new()).unwrap();
    replayer
}

fn view(to: Address) -> Probe {
    Probe::Call { to, data: Bytes::from_static(ONE_BYTE), word: 0 }
}

/// A probe, its answer or words of why there is none, and what the answer depends on.
type Case = (Probe, Result<u64, &'static str>, Vec<(Address, B256)>);

#[test]
fn probes_are_answered_with_what_they_depend_on() {
    let slot = |address, slot| (address, B256::with_last_byte(slot));
    let native = |holder| Probe::Balance { asset: Asset::Native, holder };
    let storage = |slot| Probe::Storage { address: who(0xb0), slot: B256::with_last_byte(slot) };
    let cases: [Case; 10] = [
        (view(who(0xb0)), Ok(0), vec![slot(who(0xb0), 0)]),
        (view(who(0xc0)), Ok(1234), vec![]),
        (storage(1), Ok(0), vec![slot(who(0xb0), 1)]),
        (storage(2), Err("is not in the state"), vec![]),
        (native(who(0x77)), Ok(1000), vec![]),
        (native(who(0x78)), Err("is not in the state"), vec![]),
        (view(who(0x77)), Err("has no code"), vec![]),
        (view(who(0x79)), Err("is not in the state"), vec![]),
        (
            Probe::Call { to: who(0xb0), data: Bytes::from_static(ONE_BYTE), word: 1 },
            Err("32 bytes long and has no word 1"),
            vec![],
        ),
        (Probe::Balance { asset: Asset::Token(who(0xc0)), holder: who(1) }, Ok(1234), vec![]),
    ];
    let probes: Vec<Probe> = cases.iter().map(|(probe, ..)| probe.clone()).collect();
    let mut replayer = replayer();
    let readings = replayer.read(&probes, &block());
    for ((probe, expected, depends_on), reading) in cases.iter().zip(&readings) {
        assert_eq!(&reading.probe, probe);
        match (expected, &reading.value) {
            (Ok(expected), Ok(value)) => assert_eq!(*value, U256::from(*expected), "{probe:?}"),
            (Err(words), Err(why)) => assert!(why.contains(words), "{why}"),
            (_, value) => panic!("{probe:?}: {value:?}"),
        }
        assert_eq!(&reading.depends_on, depends_on, "{probe:?}");
    }
    assert_eq!(readings, replayer.read(&probes, &block()), "the state stays as it is");
    let mut empty = Replayer::new(1);
    let reading = &empty.read(&[view(who(1))], &block())[0];
    assert!(reading.value.as_ref().unwrap_err().contains("no state is loaded"));
}

fn lever(word: B256, gas_limit: u64) -> Lever {
    let verify = ViewCheck {
        to: who(0xb0),
        data: Bytes::from_static(ONE_BYTE),
        expect: U256::from(1),
        meaning: "paused".to_owned(),
        word: 0,
    };
    Lever {
        name: "brake".to_owned(),
        rung: Rung::Protocol,
        chain: 31_337,
        covers: vec![who(0xb0)],
        preflight: vec![],
        call: Call { to: who(0xb0), data: word.into(), gas_limit },
        verify,
        undo: Undo::ByExpiry,
        hold_seconds: 60,
        false_stop_cost: Usd::ZERO,
        traps: vec![],
        warden: None,
        false_stop_parts: None,
        forms: Vec::new(),
    }
}

fn attack() -> AttackSample {
    AttackSample {
        hash: B256::ZERO,
        from: who(0x66),
        to: who(0xb0),
        value: U256::ZERO,
        input: Bytes::new(),
    }
}

#[test]
fn a_lever_is_rehearsed_against_the_attack() {
    let pause = B256::with_last_byte(1);
    let cases = [
        (lever(pause, 60_000), true, Some(true), Some(false)),
        (lever(B256::with_last_byte(2), 60_000), false, Some(true), Some(false)),
        (lever(B256::ZERO, 60_000), false, Some(true), Some(true)),
        // Too little gas, in the call and before it.
        (lever(pause, 30_000), false, Some(true), None),
        (lever(pause, 100), false, Some(true), None),
    ];
    let mut replayer = replayer();
    for (lever, sticks, without, with) in cases {
        let rehearsal = replayer.rehearse(&lever, who(0x99), Some(&attack()), &block());
        let seen = (rehearsal.sticks, rehearsal.attack_works_without, rehearsal.attack_works_with);
        assert_eq!(seen, (sticks, without, with), "{}", rehearsal.detail);
        assert_eq!(rehearsal.block, 9);
    }
    let alone = replayer.rehearse(&lever(pause, 60_000), who(0x99), None, &block());
    assert!(alone.sticks && alone.attack_works_without.is_none());
    // The state stays as it is.
    let slot = Probe::Storage { address: who(0xb0), slot: B256::ZERO };
    assert_eq!(replayer.read(&[slot], &block())[0].value, Ok(U256::ZERO));
    let nowhere = Replayer::new(1).rehearse(&lever(pause, 60_000), who(0x99), None, &block());
    assert!(!nowhere.sticks && nowhere.detail.contains("no state is loaded"));
}

/// An attack that the sender cannot pay for neither works nor fails.
#[test]
fn an_attack_that_cannot_be_played_proves_nothing() {
    let unpaid = AttackSample { value: U256::from(5), ..attack() };
    let lever = lever(B256::with_last_byte(1), 60_000);
    let rehearsal = replayer().rehearse(&lever, who(0x99), Some(&unpaid), &block());
    assert!(rehearsal.sticks && rehearsal.attack_works_without.is_none());
    assert!(rehearsal.detail.contains("could not be played"), "{}", rehearsal.detail);
}

/// It calls itself with all gas but 5,000, as deep as the EVM allows: `PUSH1 0` five times, `ADDRESS PUSH2 5000 GAS SUB
/// CALL STOP`.
const DIVER: [u8; 18] = hex!("60006000600060006000306113885a03f100");

#[test]
fn the_deepest_call_tree_is_executed() {
    let diver = WireAccount {
        nonce: Some(1),
        code: Some(Bytes::from_static(&DIVER)),
        ..WireAccount::default()
    };
    let dive = WireTransaction {
        from: who(0x77),
        to: Some(who(0xd0)),
        gas: U64::from(20_000_000),
        gas_price: Some(U256::ZERO),
        ..WireTransaction::default()
    };
    let material = BlockMaterial {
        chain_id: 31_337,
        block: WireBlock { transactions: vec![dive], base_fee_per_gas: None, ..block() },
        prestate: Some([(who(0xd0), diver)].into()),
        ..BlockMaterial::default()
    };
    // Since Tangerine Whistle a call may not have the last 64th of the gas, which runs out before the depth is reached.
    let mut replayer = Replayer::new(31_337).with_hardfork(Hardfork::Homestead);
    let recorded = replayer.record_block(&material).unwrap();
    let evidence = portcullis_simulate::traces::evidence_from_traces(&recorded).unwrap();
    assert!(evidence[0].success);
    assert_eq!(evidence[0].frames.len(), 1_026, "the last one is refused");
    assert!(evidence[0].frames[1_025].failed);
    assert!(evidence[0].reentries.is_empty(), "nobody else is between");
}
