//! Call data and log data that fit no ABI: arguments decode or the evaluation has no answer. The first byte of the input
//! says which of the signatures below is meant, the rest is what a stranger sent; above 127, and the rest is a signature
//! that somebody wrote.

#![no_main]

use std::cell::RefCell;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use libfuzzer_sys::fuzz_target;
use portcullis_detect::abi::Signature;
use portcullis_rules::{RuleSet, Settings, Source, test_protocol};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Evidence, Frame, Known, Log},
};

/// Parameters with names, and the signature without.
const FUNCTIONS: [(&str, &str); 8] = [
    ("uint8 a, int128 b, address c", "f(uint8,int128,address)"),
    ("bytes a, string b, bool c", "f(bytes,string,bool)"),
    ("uint256[] a, bytes32[2] b, address[] c", "f(uint256[],bytes32[2],address[])"),
    (
        "(address x, uint256 y) a, (bytes z, bytes4 w)[] b, int8 c",
        "f((address,uint256),(bytes,bytes4)[],int8)",
    ),
    ("bytes[][] a, string[2][] b, (uint256[] q)[3] c", "f(bytes[][],string[2][],(uint256[])[3])"),
    ("uint256 indexed a, string indexed b, bytes c", "f(uint256,string,bytes)"),
    ("address indexed a, int24 indexed b, (uint8 x, string y) c", "f(address,int24,(uint8,string))"),
    ("bytes24 a, bytes1 b, uint256[][3][] c", "f(bytes24,bytes1,uint256[][3][])"),
];

/// Each asks for so many.
const ARGUMENTS: usize = 3;

thread_local! {
    static SETS: RefCell<Vec<(RuleSet, B256)>> = RefCell::new(
        FUNCTIONS
            .iter()
            .map(|(args, bare)| (set(&format!("f({args})")).expect("the rules compile"), keccak256(bare)))
            .collect(),
    );
}

/// Two rules that ask for every argument, of a call and of an event.
fn set(signature: &str) -> Result<RuleSet, String> {
    let signature = serde_json::to_string(signature).expect("text is JSON");
    let head = "title: t\ndescription: d\nseverity: low\nfalseAlarms: none\n";
    let said = "explain: \"{args.a} {args.b} {args.c}\"\ncontracts: any\n";
    let plain = signature.replace(" indexed", "");
    let text = format!(
        "id: e\n{head}{said}on: {{event: {signature}}}\n---\nid: c\n{head}{said}on: {{call: {plain}}}\n"
    );
    let source = Source { name: "fuzz.yaml".to_owned(), text };
    RuleSet::compile(&[source], &test_protocol(), &Settings::default())
        .map_err(|why| why.first().map(ToString::to_string).unwrap_or_default())
}

fn evidence(key: B256, data: &[u8]) -> Evidence {
    let (vault, mut input) = (Address::repeat_byte(7), key[..4].to_vec());
    input.extend_from_slice(data);
    let topic = |n: usize| B256::right_padding_from(data.get(n * 7..).unwrap_or_default().get(..7).unwrap_or_default());
    let log = |topics: usize| Log {
        address: vault,
        topics: std::iter::once(key).chain((0..topics).map(topic)).collect(),
        data: Bytes::copy_from_slice(data),
    };
    let frame = Frame {
        parent: None,
        kind: CallKind::Call,
        from: vault,
        to: vault,
        context: vault,
        value: U256::ZERO,
        input_length: u32::try_from(input.len()).unwrap_or(u32::MAX),
        input: input.into(),
        effective: true,
        failed: false,
    };
    Evidence {
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        timestamp: 12,
        index: 0,
        hash: B256::ZERO,
        from: vault,
        to: Some(vault),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: vec![frame],
        logs: (0..4).map(log).collect(),
        transfers: Vec::new(),
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    if first > 127 {
        let Ok(text) = std::str::from_utf8(rest) else { return };
        let _ = set(text);
        if let Ok(signature) = Signature::parse(text) {
            let again = Signature::parse(&signature.text).expect("a canonical signature is one");
            assert_eq!(again, signature);
        }
        return;
    }
    SETS.with_borrow_mut(|sets| {
        if let Some((set, key)) = sets.get_mut(usize::from(first) % FUNCTIONS.len()) {
            let said = set.inspect(&evidence(*key, rest));
            assert!(said.matches.len() <= 2 && said.no_answers.len() <= 2 * ARGUMENTS);
            assert!(!said.matches.is_empty() || !said.no_answers.is_empty(), "nobody looked");
        }
    });
});
