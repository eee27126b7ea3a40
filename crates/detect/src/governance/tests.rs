use alloy_primitives::keccak256;
use portcullis_types::{evidence::CallKind, money::Asset};
use proptest::prelude::*;

use super::{signs::*, *};
use crate::testing::{
    ALICE, MARKET, SAFE, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction,
    usdc,
};

const VOTES: Address = Address::repeat_byte(0xf0);
const POOL: Address = Address::repeat_byte(0x77);
const PLAIN: &str = r#"{"detector":"governance","governors":["treasury"],"holdBlocks":100,
    "votingTokens":["0xf0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0"]}"#;
const TOKEN: Asset = Asset::Token(VOTES);

/// A detector that knows of a supply of 1,000.
fn fresh(json: &str) -> Box<dyn Detector> {
    let mut detector = detector(json);
    let supply = |probe| Reading { probe, value: Ok(U256::from(1_000)), depends_on: Vec::new() };
    let readings: Vec<Reading> = detector.probes().into_iter().map(supply).collect();
    detector.read(block(0, 1), &readings, &mut Findings::default());
    detector
}

fn call(signature: &str, proposal: u64) -> Vec<u8> {
    let mut input = keccak256(signature).0[..4].to_vec();
    input.extend(U256::from(proposal).to_be_bytes::<32>());
    input
}

trait Governs {
    fn gov(self, by: Address, signature: &str, proposal: u64) -> Self;
    fn votes_moved(self, from: Address, to: Address, amount: u64) -> Self;
    fn delegated(self, to: Address, before: u64, after: u64) -> Self;
}

impl Governs for Evidence {
    fn gov(self, by: Address, signature: &str, proposal: u64) -> Self {
        self.calls(None, CallKind::Call, by, SAFE, &call(signature, proposal))
    }
    fn votes_moved(self, from: Address, to: Address, amount: u64) -> Self {
        self.moves(TOKEN, from, to, U256::from(amount))
    }
    fn delegated(self, to: Address, before: u64, after: u64) -> Self {
        let mut evidence = self.logs(VOTES, vec![words::votes_changed(), to.into_word()]);
        let data =
            [U256::from(before), U256::from(after)].map(|word| word.to_be_bytes::<32>()).concat();
        evidence.logs.last_mut().unwrap().data = data.into();
        evidence
    }
}

const VOTE: &str = "castVote(uint256,uint8)";
const EXECUTE: &str = "execute(uint256)";
const COMMIT: &str = "emergencyCommit(uint32)";

#[test]
fn functions_are_understood() {
    assert_eq!(words::functions().len(), words::N_FUNCTIONS);
    let created = words::events().into_iter().find(|(_, kind)| *kind == Kind::Propose).unwrap().0;
    // Standards, A.3.
    assert_eq!(
        created,
        alloy_primitives::b256!("7d84a6263ae0d98d3329bd7b46bb4e8d6f98cd35a7adb45c274c8b7fd5ebd5e0")
    );
}

#[test]
fn borrowed_votes_are_found_in_one_transaction() {
    let at = || transaction().at(5, 60);
    for (name, evidence, e_value) in [
        (
            "a flash loan",
            at().votes_moved(POOL, THIEF, 500).gov(THIEF, VOTE, 1).votes_moved(THIEF, POOL, 500),
            Some(GIVEN_BACK),
        ),
        ("bought and kept", at().votes_moved(POOL, THIEF, 10).gov(THIEF, VOTE, 1), Some(KEPT)),
        ("too few", at().votes_moved(POOL, THIEF, 9).gov(THIEF, VOTE, 1), None),
        ("of another", at().votes_moved(POOL, ALICE, 500).gov(THIEF, VOTE, 1), None),
        ("not used", at().votes_moved(POOL, THIEF, 500), None),
        ("delegated", at().delegated(THIEF, 0, 20).gov(THIEF, VOTE, 1), Some(KEPT)),
        ("already held", at().gov(THIEF, VOTE, 1), None),
        ("other token", at().moves(USDC, POOL, THIEF, usdc(9)).gov(THIEF, VOTE, 1), None),
    ] {
        let found = inspect(fresh(PLAIN).as_mut(), &evidence);
        let values: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
        assert_eq!(values, Vec::from_iter(e_value), "{name}: {found:?}");
        assert!(found.iter().all(|one| one.contract == SAFE && !one.confidence.proof), "{name}");
    }
    let evidence = at().votes_moved(POOL, THIEF, 500).gov(THIEF, VOTE, 1);
    assert_eq!(inspect(detector(PLAIN).as_mut(), &evidence), [], "without a supply no share");
}

#[test]
fn votes_of_the_last_blocks_are_found_until_they_are_held_long_enough() {
    for (vote_in, expected) in [(6, 1), (104, 1), (105, 0)] {
        let mut detector = fresh(PLAIN);
        inspect(detector.as_mut(), &transaction().at(5, 60).votes_moved(POOL, THIEF, 100));
        let found = inspect(detector.as_mut(), &transaction().at(vote_in, 99).gov(THIEF, VOTE, 1));
        assert_eq!(found.len(), expected, "{vote_in}");
        assert!(found.iter().all(|one| one.evidence[0].contains("got 10.00 %")), "{found:?}");
    }
    let mut detector = fresh(PLAIN);
    inspect(detector.as_mut(), &transaction().at(5, 60).votes_moved(POOL, THIEF, 100));
    detector.retract(&[block(5, 1)]);
    assert_eq!(inspect(detector.as_mut(), &transaction().at(6, 72).gov(THIEF, VOTE, 1)), []);
}

#[test]
fn haste_is_found_and_is_a_proof_where_the_owners_set_a_delay() {
    let slow = PLAIN.replace(r#""holdBlocks":100"#, r#""minDelayBlocks":50"#);
    let at_once = transaction().at(9, 108).gov(THIEF, VOTE, 18).gov(THIEF, COMMIT, 18);
    let found = inspect(fresh(PLAIN).as_mut(), &at_once.moves(USDC, MARKET, THIEF, usdc(76)));
    assert_eq!(found.len(), 1);
    assert!(found[0].evidence[0].contains("proposal 18 was voted on and executed at once"));
    assert_eq!(found[0].amount, Some(usdc(76)));
    let made = |number: u64, id: u64| {
        let topic = keccak256(
            "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)",
        );
        let mut evidence = transaction().at(number, number * 12).logs(SAFE, vec![topic]);
        let by = U256::from_be_slice(ALICE.into_word().as_slice());
        evidence.logs[0].data =
            [U256::from(id), by].map(|word| word.to_be_bytes::<32>()).concat().into();
        evidence
    };
    let run = |number| transaction().at(number, number * 12).gov(THIEF, EXECUTE, 7);
    for (json, executed_in, expected) in
        [(PLAIN, 10, Some(false)), (PLAIN, 11, None), (&slow, 59, Some(true)), (&slow, 60, None)]
    {
        let mut detector = fresh(json);
        assert_eq!(inspect(detector.as_mut(), &made(10, 7)), []);
        assert_eq!(inspect(detector.as_mut(), &made(executed_in, 8)), [], "another proposal");
        let found = inspect(detector.as_mut(), &run(executed_in));
        let proofs: Vec<bool> = found.iter().map(|finding| finding.confidence.proof).collect();
        assert_eq!(proofs, Vec::from_iter(expected), "{json} {executed_in}: {found:?}");
    }
    let mut retracted = fresh(&slow);
    inspect(retracted.as_mut(), &made(10, 7));
    retracted.retract(&[block(10, 1)]);
    assert_eq!(inspect(retracted.as_mut(), &run(11)), [], "of an unknown age");
}

#[test]
fn calls_without_effect_are_no_acts() {
    let mut failed = transaction().votes_moved(POOL, THIEF, 500).gov(THIEF, VOTE, 1);
    failed.frames[0].effective = false;
    assert_eq!(inspect(fresh(PLAIN).as_mut(), &failed), []);
    let mut reverted = transaction().gov(THIEF, VOTE, 1).gov(THIEF, EXECUTE, 1);
    reverted.success = false;
    assert_eq!(inspect(fresh(PLAIN).as_mut(), &reverted), []);
}

#[test]
fn it_wants_to_see_governors_and_tokens() {
    assert_eq!(fresh(PLAIN).watches(), [(1, SAFE), (1, VOTES)]);
    assert_ne!(VAULT, VOTES);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| format!(r#"{{"detector":"governance","governors":["market"]{rest}}}"#);
    for (json, parts) in [
        (r#"{"detector":"governance","governors":[]}"#.to_owned(), ["`governors`", "1 to 16"]),
        (json(r#","votingTokens":["x"]"#), ["`votingTokens[0]`", "neither an address"]),
        (json(r#","functions":["x"]"#), ["`functions[0]`", "parentheses"]),
        (json(r#","minShare":"0""#), ["`minShare`", "leave it out"]),
        (json(r#","minShare":"101""#), ["`minShare`", "percent"]),
        (json(r#","holdBlocks":0"#), ["`holdBlocks`", "216000"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// What is held at most is never less than what is kept, and never more than all that came in.
    #[test]
    fn a_peak_lies_between_what_is_kept_and_what_came(
        moves in prop::collection::vec((0u8..4, 0u8..4, 0u64..1_000), 0..30),
    ) {
        let mut evidence = transaction();
        let mut came = BTreeMap::<Address, u64>::new();
        for (from, to, amount) in moves {
            let [from, to] = [from, to].map(|n| Address::repeat_byte(n + 1));
            evidence = evidence.votes_moved(from, to, amount);
            *came.entry(to).or_default() += amount;
        }
        for (account, Held { peak, kept }) in held(VOTES, &evidence) {
            prop_assert!(kept <= peak);
            prop_assert!(peak <= U256::from(came[&account]));
        }
    }
}
