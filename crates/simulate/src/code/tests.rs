use alloy_primitives::hex;
use proptest::prelude::*;

use super::*;

const TARGET: Address = Address::repeat_byte(0xab);

#[test]
fn data_of_a_push_is_no_instruction() {
    // PUSH2 0xfff1, CALL, PUSH4 cut off after one byte.
    let code = hex!("61fff1f163aa");
    let seen: Vec<(usize, u8, usize)> =
        instructions(&code).map(|i| (i.offset, i.opcode, i.immediate.len())).collect();
    assert_eq!(seen, [(0, 0x61, 2), (3, 0xf1, 0), (4, 0x63, 1)]);
    let found = features(&[], &code);
    assert_eq!((found.n_calls, found.self_destruct, found.n_instructions), (1, false, 3));
}

#[test]
fn constants_are_told_apart() {
    let mut code = Vec::new();
    // DUP1 PUSH4 EQ: a function of its own. PUSH4 DUP2 EQ: another way to ask the same.
    code.extend(hex!("8063a9059cbb14 6370a082318114"));
    // PUSH4 0xffffffff AND: a mask. PUSH4 PUSH1 SHL: a call. PUSH32 selector: one of older compilers.
    code.extend(hex!("63ffffffff16 6323b872dd60e01b"));
    code.extend(hex!("7f3ccfd60b00000000000000000000000000000000000000000000000000000000"));
    // PUSH20 of an address, of a mask, and PUSH32 of an immutable and of a number.
    code.push(0x73);
    code.extend(TARGET);
    code.push(0x73);
    code.extend([0xff; 20]);
    code.push(0x7f);
    code.extend(Address::repeat_byte(0xcd).into_word());
    code.push(0x7f);
    code.extend(alloy_primitives::B256::with_last_byte(9));
    code.push(0xff);
    let found = features(&[], &code);
    let selectors = |list: &[Selector]| list.iter().map(hex::encode).collect::<Vec<_>>();
    assert_eq!(selectors(&found.functions), ["a9059cbb", "70a08231"]);
    assert_eq!(selectors(&found.calls), ["23b872dd", "3ccfd60b"]);
    assert_eq!(found.embedded, [TARGET, Address::repeat_byte(0xcd)]);
    assert!(found.self_destruct);
}

#[test]
fn arguments_of_the_constructor_are_found_and_counts_are_those_of_what_runs() {
    let mut creation = hex!("600080fd").to_vec();
    creation.extend(TARGET.into_word());
    creation.extend(alloy_primitives::B256::with_last_byte(1));
    let found = features(&creation, &hex!("f1f4"));
    assert_eq!(found.embedded, [TARGET]);
    assert_eq!((found.n_instructions, found.n_calls, found.n_delegate_calls), (2, 2, 1));
    assert_eq!((found.length, found.creation_length), (2, 68));
    let in_constructor = features(&hex!("f1ff"), &[]);
    assert_eq!((in_constructor.n_calls, in_constructor.self_destruct), (1, true));
}

#[test]
fn the_compilers_metadata_is_not_code() {
    // INVALID, then a map {"ipfs": …} of which a byte would be SELFDESTRUCT, and its length.
    let code = hex!("f1fe a1 64 69706673 42 ffff 0009");
    let found = features(&[], &code);
    assert_eq!((found.n_instructions, found.self_destruct), (2, false));
    // A length beyond the code is none.
    assert_eq!(features(&[], &hex!("f1ffff")).n_instructions, 3);
}

#[test]
fn lists_are_bounded() {
    let mut code = Vec::new();
    for n in 0..1_000u32 {
        code.push(0x63);
        code.extend((n + 1).to_be_bytes());
        code.push(0x73);
        code.extend([&(n + 1).to_be_bytes()[..], &[7; 16]].concat());
    }
    let found = features(&code, &code);
    assert_eq!((found.calls.len(), found.functions.len()), (SELECTORS_MAX, 0));
    assert_eq!(found.embedded.len(), EMBEDDED_MAX);
}

proptest! {
    /// Instructions cover any code without gap or overlap, and features never panic and keep their bounds.
    #[test]
    fn a_sweep_covers_any_code(
        code in prop::collection::vec(any::<u8>(), 0..2_000),
        creation in prop::collection::vec(prop_oneof![Just(0u8), Just(0x73), Just(0x7f), any::<u8>()], 0..2_000),
    ) {
        let mut next = 0;
        for instruction in instructions(&code) {
            prop_assert_eq!(instruction.offset, next);
            prop_assert_eq!(instruction.opcode, code[next]);
            next += 1 + instruction.immediate.len();
        }
        prop_assert_eq!(next, code.len());
        let found = features(&creation, &code);
        prop_assert!(found.embedded.len() <= EMBEDDED_MAX);
        prop_assert!(found.functions.len().max(found.calls.len()) <= SELECTORS_MAX);
        prop_assert!(found.n_calls <= found.n_instructions);
    }

    /// An address pushed anywhere between whole instructions is found.
    #[test]
    fn an_embedded_address_is_found(before in prop::collection::vec(0u8..0x60, 0..64), last in 1u8..255) {
        let mut address = TARGET;
        address.0[19] = last;
        let mut code = before;
        code.push(0x73);
        code.extend(address);
        code.push(0);
        prop_assert!(features(&[], &code).embedded.contains(&address));
    }
}
