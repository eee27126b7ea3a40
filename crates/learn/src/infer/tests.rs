use alloy_primitives::{B256, Bytes, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Frame, Known, Transfer},
};

use super::*;
use crate::testing::{POOL, USDC};

const USER: Address = Address::repeat_byte(0x11);

fn evidence(entered: &[Address], moves: &[(Asset, Address, Address)]) -> Evidence {
    let frame = |to: &Address| Frame {
        parent: None,
        kind: CallKind::Call,
        from: Address::ZERO,
        to: *to,
        context: *to,
        value: U256::ZERO,
        input: Bytes::new(),
        input_length: 0,
        effective: true,
        failed: false,
    };
    let transfer = |(asset, from, to): &(Asset, Address, Address)| Transfer {
        asset: *asset,
        from: *from,
        to: *to,
        amount: U256::from(1),
        token_id: None,
    };
    Evidence {
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        timestamp: 12,
        index: 0,
        hash: B256::ZERO,
        from: Address::ZERO,
        to: None,
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: false, state: false, callers: false },
        frames: entered.iter().map(frame).collect(),
        logs: Vec::new(),
        transfers: moves.iter().map(transfer).collect(),
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

#[test]
fn contracts_holders_and_assets_are_those_entered_paid_and_moved() {
    let router = Address::repeat_byte(0xa2);
    let mut inference = Inference::new();
    let moves = [(USDC, USER, POOL), (USDC, POOL, USER), (Asset::Native, POOL, USER)];
    inference.see(&evidence(&[router, POOL], &moves)).expect("one protocol");
    let protocol = inference.protocol("it", 1).expect("contracts");
    let contracts: Vec<(Address, bool)> = protocol
        .contracts
        .iter()
        .map(|contract| (contract.address, contract.holds_value))
        .collect();
    assert_eq!(contracts, [(POOL, true), (router, false)]);
    let assets: Vec<(Asset, &str, u8)> = protocol
        .assets
        .iter()
        .map(|spec| (spec.asset, spec.symbol.as_str(), spec.decimals))
        .collect();
    assert_eq!(assets, [(USDC, "TOKEN-1", 0), (Asset::Native, "COIN", 18)]);
}

#[test]
fn a_recording_of_everything_or_nothing_is_no_protocol() {
    let many: Vec<Address> =
        (0..=CONTRACTS_MAX).map(|n| Address::from_word(B256::from(U256::from(n + 1)))).collect();
    let error = Inference::new().see(&evidence(&many, &[])).expect_err("too many");
    assert!(error.contains("--config"), "{error}");
    assert!(Inference::new().protocol("it", 1).is_err());
}
