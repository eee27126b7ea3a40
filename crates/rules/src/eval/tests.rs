use alloy_primitives::{B256, Bytes, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Evidence, Frame, Log},
    money::Usd,
};
use proptest::prelude::*;

use crate::{RuleSet, Settings, Source, fixture, run_tests, test_protocol};

const HEAD: &str = "title: t\ndescription: d\nseverity: low\nfalseAlarms: none\n";

/// A rule with one test, which must pass.
fn passes(rule: &str, test: &str) {
    let yaml = format!("id: t\n{HEAD}{rule}\ntests:\n  - name: t\n{test}");
    let source = Source { name: "t.yaml".into(), text: yaml };
    match run_tests(&source) {
        Ok(results) => {
            for result in results {
                assert!(result.problem.is_none(), "{rule}\n{}", result.problem.unwrap());
            }
        }
        Err(list) => panic!("{rule}\n{}", list[0]),
    }
}

/// What a constant or an expression over one event is shown as.
fn shows(expression: &str, wanted: &str) {
    let rule = format!(
        "on: {{event: \"E(int256 i, uint256 u, bytes b, string s, address a, uint8[] l)\"}}\nexplain: '<{{{}}}>'",
        expression.replace('\'', "''")
    );
    let test = format!(
        "    fires: true\n    says: '<{wanted}>'\n    evidence:\n      event: {{address: vault, args: {{i: -7, u: 5, b: \"0x01020304\", s: hello, a: $bob, l: [3, 1, 2, 3]}}}}\n"
    );
    passes(&rule, &test);
}

#[test]
fn expressions_have_the_values_they_should() {
    let cases = [
        ("args.i + 2", "-5"),
        ("args.i / 2", "-3"),
        ("args.i % 4", "-3"),
        ("-args.i", "7"),
        ("args.u * 1000000000000000000000000", "5000000000000000000000000"),
        ("args.i < args.u", "true"),
        ("int(args.u) - 10", "-5"),
        ("3 - 5", "-2"),
        ("abs(args.i)", "7"),
        ("args.l.sum()", "9"),
        ("args.l.max() - args.l.min()", "2"),
        ("args.l.distinct().size()", "3"),
        ("args.l.filter(x, x > 1).map(x, x * 2)", "6, 4, 6"),
        ("args.l.exists_one(x, x == 2)", "true"),
        ("args.l.all(x, x < 4)", "true"),
        ("args.l[1]", "1"),
        ("args.u > 3 ? \"big\" : \"small\"", "big"),
        ("({\"a\": 1, \"b\": 2})[\"b\"]", "2"),
        ("args.b.slice(1, 3)", "0x0203"),
        ("args.b.startsWith(\"0x0102\")", "true"),
        ("args.s.contains(\"ell\") && args.s.size() == 5", "true"),
        ("args.s + \"!\"", "hello!"),
        ("keccak(\"a\") == keccak(args.b)", "false"),
        ("amount(\"USDC\", \"1.5\").usd", "1.50 dollars"),
        ("amount(\"USDC\", \"1.5\") * 2", "3 USDC"),
        ("amount(asset(\"WETH\"), args.u).raw", "5"),
        ("usd(10) / 4", "2.50 dollars"),
        ("units(\"1.5\", 18)", "1500000000000000000"),
        ("address(bytes32(args.a)) == args.a", "true"),
        ("uint(bytes32(\"0x10\"))", "16"),
        ("event.address", "vault"),
        ("protocol.holders.size()", "2"),
        ("asset(\"VLT\").address == contract(\"token\")", "true"),
        ("native.symbol", "ETH"),
        ("token(args.a).listed", "false"),
        ("tx.creates", "false"),
        ("block.number + 1", "2"),
        ("max(args.u, 9)", "9"),
        ("args.u in [1, 5]", "true"),
        ("[args.i, 3].max()", "3"),
        ("args.l.size() == 0 || args.l[0] == 3", "true"),
    ];
    for (expression, wanted) in cases {
        shows(expression, wanted);
    }
}

/// A rule set of one rule about an event with one unsigned argument.
fn set(when: &str) -> RuleSet {
    let text =
        format!("id: t\n{HEAD}explain: e\non: {{event: \"E(uint256 u)\"}}\nwhen: |\n  {when}\n");
    let source = Source { name: "t.yaml".into(), text };
    RuleSet::compile(&[source], &test_protocol(), &Settings::default())
        .unwrap_or_else(|e| panic!("{}", e[0]))
}

fn evidence(value: U256) -> Evidence {
    let mut evidence = super::blank();
    evidence.block = BlockId { number: 1, hash: B256::ZERO };
    let topic = alloy_primitives::keccak256("E(uint256)");
    let data = Bytes::copy_from_slice(&value.to_be_bytes::<32>());
    evidence.logs.push(Log { address: fixture::made("vault"), topics: vec![topic], data });
    evidence
}

#[test]
fn what_has_no_answer_is_counted_and_given_back() {
    let cases = [
        ("args.u + 1 > 5", "overflowed"),
        (
            "10 / (115792089237316195423570985008687907853269984665640564039457584007913129639935 - args.u) > 5",
            "division by zero",
        ),
        ("events[3].address == tx.from", "not there"),
        ("transfers.map(t, t.amount).sum() > amount(\"USDC\", \"1\")", "not there"),
        ("int(args.u) > 5", "does not fit"),
    ];
    for (when, wanted) in cases {
        let mut set = set(when);
        let seen = set.inspect(&evidence(U256::MAX));
        assert_eq!(seen.matches, [], "{when}");
        let failure = seen.no_answers[0].failure.to_string();
        assert!(failure.contains(wanted), "{when}: {failure}");
        assert_eq!((set.health()[0].evaluations, set.health()[0].failures), (1, 1));
    }
    // The other side decides.
    for when in [
        "args.u + 1 > 5 || tx.success",
        "tx.success || args.u + 1 > 5",
        "!(args.u + 1 > 5 && !tx.success)",
    ] {
        let seen = set(when).inspect(&evidence(U256::MAX));
        assert_eq!((seen.matches.len(), seen.no_answers.len()), (1, 0), "{when}");
    }
}

#[test]
fn steps_are_bounded() {
    let mut set = set(
        "events.exists(a, events.exists(b, events.exists(c, a.address != b.address && b.address != c.address)))",
    );
    let mut big = evidence(U256::from(1));
    let log = big.logs[0].clone();
    big.logs.extend(std::iter::repeat_n(Log { topics: vec![], ..log }, 200));
    let seen = set.inspect(&big);
    assert_eq!(seen.no_answers[0].failure, super::Failure::Steps);
}

#[test]
fn undecodable_and_unseen_are_told_from_silent() {
    let mut rules = set("args.u > 5");
    let mut short = evidence(U256::from(9));
    short.logs[0].data = Bytes::from_static(&[1, 2, 3]);
    let seen = rules.inspect(&short);
    assert!(seen.no_answers[0].failure.to_string().contains("`u` could not be decoded"));
    let mut unseen = evidence(U256::from(9));
    unseen.known.logs = false;
    let seen = rules.inspect(&unseen);
    assert_eq!((seen.blind, seen.matches.len()), (vec![0], 0));
    assert_eq!(rules.health()[0].blind, 1);
    assert_eq!(rules.inspect(&evidence(U256::from(9))).matches.len(), 1);
}

#[test]
fn a_rule_speaks_of_its_loss() {
    let text = format!("id: t\n{HEAD}explain: e\non: transfer\nloss: transfer.amount\n");
    let source = Source { name: "t.yaml".into(), text };
    let mut set = RuleSet::compile(&[source], &test_protocol(), &Settings::default()).unwrap();
    let usdc = set.world.by_symbol("USDC").unwrap().asset;
    let mut evidence = super::blank();
    evidence.transfers.push(portcullis_types::evidence::Transfer {
        asset: usdc,
        from: fixture::made("vault"),
        to: fixture::made("$bob"),
        amount: U256::from(2_500_000),
        token_id: None,
    });
    let seen = set.inspect(&evidence);
    assert_eq!(seen.matches[0].loss, Usd(2_500_000));
    assert_eq!(seen.matches[0].amount, Some((usdc, U256::from(2_500_000))));
    assert_eq!(seen.matches[0].contract, fixture::made("vault"));
}

proptest! {
    /// Whatever a chain holds, there is an answer or a reason.
    #[test]
    fn hostile_logs_and_calls_never_panic(
        data in proptest::collection::vec(any::<u8>(), 0..260),
        topics in proptest::collection::vec(any::<[u8; 32]>(), 0..3),
        offset in any::<u64>(),
    ) {
        let signature = "(address asset, bytes data, uint8[3] l, string[] s) order, uint256 indexed u, bytes b, int8 i";
        let conditions = "args.order.data.size() + args.b.size() + args.order.s.size() > 7 && args.order.l[2] > 3 || args.i < 5";
        let rule = |on: &str, indexed: &str| {
            let signature = signature.replace("indexed ", indexed);
            format!("id: t-{on}\n{HEAD}explain: '{{args.order}} {{args.b}}'\ncontracts: any\non: {{{on}: \"f({signature})\"}}\nwhen: |\n  {conditions}\n")
        };
        let text = format!("{}---\n{}", rule("event", "indexed "), rule("call", ""));
        let source = Source { name: "t".into(), text };
        let mut set = RuleSet::compile(&[source], &test_protocol(), &Settings::default()).unwrap();
        let keys: Vec<B256> = set.signatures.iter().map(|signature| signature.key).collect();
        let mut hostile = data.clone();
        // An offset that leads anywhere, in front.
        hostile.splice(0..0, U256::from(offset % 300).to_be_bytes::<32>());
        let mut evidence = super::blank();
        let all = std::iter::once(keys[0]).chain(topics.into_iter().map(B256::from)).collect();
        evidence.logs.push(Log { address: fixture::made("vault"), topics: all, data: hostile.clone().into() });
        let input: Bytes = [&keys[1][..4], &hostile].concat().into();
        evidence.frames.push(Frame {
            parent: None,
            kind: CallKind::Call,
            from: fixture::made("a"),
            to: fixture::made("b"),
            context: fixture::made("b"),
            value: U256::ZERO,
            input_length: input.len() as u32 + 7,
            input,
            effective: true,
            failed: false,
        });
        let seen = set.inspect(&evidence);
        prop_assert!(seen.matches.len() + seen.no_answers.len() <= 2);
    }
}
