use alloy_primitives::{Address, B256, Bytes, U256, address, b256, bytes, keccak256};
use alloy_sol_types::SolCall as _;
use proptest::prelude::*;

use super::{
    calls::{multiSendCall, setGuardCall, swapOwnerCall, transferCall},
    *,
};

const OWNER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const SAFE: Address = Address::repeat_byte(0x11);

fn tx() -> SafeTx {
    SafeTx {
        to: Address::repeat_byte(0x22),
        value: U256::ZERO,
        data: bytes!("8456cb59"),
        operation: Operation::Call,
        safe_tx_gas: U256::ZERO,
        base_gas: U256::ZERO,
        gas_price: U256::ZERO,
        gas_token: Address::ZERO,
        refund_receiver: Address::ZERO,
        nonce: U256::from(7),
    }
}

fn subject(tx: SafeTx) -> Subject {
    Subject { chain_id: 1, safe: SAFE, version: "1.4.1".parse().unwrap(), tx }
}

/// Public facts: signatures of Safe's `SafeTx` with these fields (chain 1), computed apart from this code, with the key of
/// the first development account.
const ECDSA: Bytes = bytes!(
    "8bbdd840ca67344331997a7fdc658076faf2e53f6a44d9b47f2e18a61a1b189a427c16946d5de3e3d9edd34f7b21f11f09f717d631548e080359d5c3f90bf2791c"
);
const ETH_SIGN: Bytes = bytes!(
    "364717c11e6772ba61b17faab3a34bd06cdb3a29a89761b8b4ffb8c65f577d44686037faf4eb86e1f9aa15ef0e23d7af99a79d1b384f390fc597e6caf3a9eccd1f"
);

mod signatures;

#[test]
fn the_three_hashes_are_the_published_ones() {
    let hashes = subject(tx()).hashes();
    assert_eq!(
        hashes.domain,
        b256!("f0dcfe86ad4a409690a57dbaae9b1e14c5ea1750a48271a0a3a6037a8100624d")
    );
    assert_eq!(
        hashes.message,
        b256!("40bd7aa2123be23eea51eaa9bb42828ee5744fabfa0103fae56d390b47357be6")
    );
    assert_eq!(
        hashes.safe_tx,
        b256!("0dbeac2a55d54c72836491fc443175bcadf8a7542ae88e90dc8effa8f7502f8a")
    );
    assert_eq!(keccak256(subject(tx()).preimage()), hashes.safe_tx);
    // Before 1.3.0 the chain is in no hash.
    let old = |chain_id| {
        Subject { chain_id, version: "1.1.1".parse().unwrap(), ..subject(tx()) }.hashes()
    };
    assert_eq!(old(1), old(10));
    let type_text = keccak256("EIP712Domain(address verifyingContract)");
    assert_eq!(old(1).domain, keccak256([type_text.0, SAFE.into_word().0].concat()));
    assert_ne!(old(1).safe_tx, hashes.safe_tx);
}

/// The same from the shared file of vectors.
#[test]
fn the_shared_vectors_agree() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder = std::env::var("PORTCULLIS_SHARED").unwrap_or_else(|_| root.to_owned());
    let file = format!("{folder}/reference/data/standards_vectors.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {file} is not there; set PORTCULLIS_SHARED");
        return;
    };
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut one = all["safeTx"].clone();
    let text = |name: &str| all["safeTx"][name].as_str().unwrap().to_owned();
    one["contractTransactionHash"] = one["safeTxHash"].clone();
    let proposal = Proposal::parse(&one.to_string()).unwrap();
    let subject = Subject {
        chain_id: proposal.chain_id.unwrap(),
        safe: proposal.safe.unwrap(),
        version: "1.4.1".parse().unwrap(),
        tx: proposal.tx,
    };
    let hashes = subject.hashes();
    assert_eq!(Some(hashes.safe_tx), proposal.claimed_hash);
    assert_eq!(hashes.domain.to_string(), text("domainSeparator"));
    assert_eq!(hashes.message.to_string(), text("structHash"));
    for (name, kind) in [("sig_ecdsa", Kind::Ecdsa), ("sig_eth_sign", Kind::EthSign)] {
        let bytes: Bytes = text(name).parse().unwrap();
        assert_eq!(OwnerSignature::read(&bytes, &hashes, Some(OWNER)).unwrap().kind, kind);
    }
}

#[test]
fn names_of_slots_are_hashes_of_their_texts() {
    let named = |text: &str| U256::from_be_bytes(keccak256(text).0);
    let [_, _, _, guard, module_guard, handler] = state::slots();
    assert_eq!(guard, named("guard_manager.guard.address"));
    assert_eq!(module_guard, named("module_manager.module_guard.address"));
    assert_eq!(handler, named("fallback_manager.handler.address"));
}

#[test]
fn versions() {
    for (text, shown, binds) in
        [("1.4.1", "1.4.1", true), ("1.3.0+L2", "1.3.0", true), ("1.1.1", "1.1.1", false)]
    {
        let version: SafeVersion = text.parse().unwrap();
        assert_eq!((version.to_string().as_str(), version.binds_chain()), (shown, binds));
    }
    for bad in ["", "1.4", "1.4.1.0", "0.1.0", "2.0.0", "1.+4.1", "1.4.x", "\u{202e}1.4.1"] {
        assert!(bad.parse::<SafeVersion>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_and_no_bytes_make_it_fall_over(text in ".{0,200}", noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Proposal::parse(&text);
        let _ = text.parse::<Change>();
        let _ = OwnerSignature::read(&noise, &subject(tx()).hashes(), None);
        let batch = multiSendCall { transactions: noise.clone().into() }.abi_encode();
        for data in [noise, batch] {
            let _ = steps(SAFE, &SafeTx { data: data.into(), ..tx() });
        }
    }
}

fn packed(operation: u8, to: Address, data: &[u8]) -> Vec<u8> {
    let mut out = vec![operation];
    out.extend(to);
    out.extend([0; 32]);
    out.extend(U256::from(data.len()).to_be_bytes::<32>());
    out.extend(data);
    out
}

fn batch(calls: &[Vec<u8>]) -> SafeTx {
    let data = multiSendCall { transactions: calls.concat().into() }.abi_encode();
    SafeTx { to: CALL_ONLY[2].1, data: data.into(), operation: Operation::DelegateCall, ..tx() }
}

#[test]
fn batches_are_taken_apart() {
    let pay = transferCall { to: OWNER, amount: U256::from(5) }.abi_encode();
    let inner = multiSendCall { transactions: packed(0, SAFE, &[]).into() }.abi_encode();
    let found = steps(SAFE, &batch(&[packed(0, OWNER, &pay), packed(1, OWNER, &inner)])).unwrap();
    let places: Vec<_> = found.iter().map(|step| step.place.as_str()).collect();
    assert_eq!(places, ["1", "1.1", "1.2", "1.2.1"]);
    assert!(found[1].says.contains("transfer(address,uint256)"), "{}", found[1].says);
    assert!(found[2].says.contains("DELEGATECALL"), "{}", found[2].says);

    let mut deep = packed(0, SAFE, &[]);
    for _ in 0..=DEPTH_MAX {
        deep = packed(0, OWNER, &multiSendCall { transactions: deep.into() }.abi_encode());
    }
    let cut = packed(0, OWNER, &pay);
    let cases = [
        (vec![cut[..cut.len() - 1].to_vec()], "cut off"),
        (vec![packed(2, OWNER, &[])], "malformed"),
        (vec![packed(0, OWNER, &[]); STEPS_MAX], "256"),
        (vec![deep], "deeper"),
    ];
    for (calls, words) in cases {
        let error = steps(SAFE, &batch(&calls)).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_deadline_is_the_first_call_of_a_batch() {
    let limited = limited(&tx(), OWNER, CALL_ONLY[2].1, 1_800_000_000);
    let found = steps(SAFE, &limited).unwrap();
    let calls: Vec<_> = found.iter().map(|step| (step.place.as_str(), step.to)).collect();
    assert_eq!(calls, [("1", CALL_ONLY[2].1), ("1.1", OWNER), ("1.2", tx().to)]);
    assert!(found[1].says.contains("after Unix time 1800000000"), "{}", found[1].says);
    assert_eq!(codes(limited, &Rules::default()), [""; 0]);
}

fn codes(tx: SafeTx, rules: &Rules) -> Vec<&'static str> {
    refusals_of_bytes(&subject(tx), rules).1.iter().map(|refusal| refusal.code).collect()
}

#[test]
fn what_needs_no_chain_to_be_refused() {
    let call = |to, data: Vec<u8>| SafeTx { to, data: data.into(), ..tx() };
    let pay = transferCall { to: OWNER, amount: U256::from(5) }.abi_encode();
    let guard = setGuardCall { guard: OWNER }.abi_encode();
    let swap = swapOwnerCall { previous: SAFE, owner: OWNER, successor: SAFE }.abi_encode();
    let delegate = SafeTx { operation: Operation::DelegateCall, ..call(OWNER, pay.clone()) };
    let expect = |texts: &[&str]| Rules {
        expected: texts.iter().map(|text| text.parse().unwrap()).collect(),
        ..Rules::default()
    };
    let none = Rules::default();
    let one = U256::ONE;
    let cases: [(&str, SafeTx, &Rules, &[&str]); 15] = [
        ("a payment", call(OWNER, pay.clone()), &none, &[]),
        ("using up the nonce", call(SAFE, vec![]), &none, &[]),
        ("a delegatecall", delegate.clone(), &none, &["delegatecall"]),
        (
            "the same, listed",
            delegate.clone(),
            &Rules { delegate_targets: [OWNER].into(), ..Rules::default() },
            &[],
        ),
        ("a batch", batch(&[packed(0, OWNER, &pay)]), &none, &[]),
        ("a delegatecall in a batch", batch(&[packed(1, OWNER, &pay)]), &none, &["delegatecall"]),
        ("a guard", call(SAFE, guard.clone()), &none, &["unexpected-change"]),
        ("a guard in a batch", batch(&[packed(0, SAFE, &guard)]), &none, &["unexpected-change"]),
        (
            "the guard expected",
            call(SAFE, guard.clone()),
            &expect(&[&format!("guard:{OWNER}")]),
            &[],
        ),
        (
            "another guard expected",
            call(SAFE, guard),
            &expect(&[&format!("guard:{SAFE}")]),
            &["unexpected-change"],
        ),
        (
            "half a swap expected",
            call(SAFE, swap),
            &expect(&[&format!("remove-owner:{OWNER}")]),
            &["unexpected-change"],
        ),
        ("an unknown call to itself", call(SAFE, vec![1, 2, 3, 4]), &none, &["unknown-self-call"]),
        ("a refund", SafeTx { gas_price: one, ..call(OWNER, pay.clone()) }, &none, &["refund"]),
        (
            "a receiver",
            SafeTx { refund_receiver: OWNER, ..call(OWNER, pay.clone()) },
            &none,
            &["refund"],
        ),
        ("a gas token", SafeTx { gas_token: OWNER, ..call(OWNER, pay) }, &none, &["refund"]),
    ];
    for (name, tx, rules, expect) in cases {
        assert_eq!(codes(tx, rules), expect, "{name}");
    }
    let why = &refusals_of_bytes(&subject(delegate), &none).1[0].why;
    assert!(why.contains("looks like transfer(address,uint256)"), "{why}");
    assert!(!Check::of_bytes(question(&subject(tx()), &none)).passes, "nothing passes unplayed");
}

fn question<'a>(subject: &'a Subject, rules: &'a Rules) -> Question<'a> {
    Question { subject, claimed_hash: Some(B256::ZERO), rules, sender: None, tokens: &[] }
}

#[test]
fn a_file_that_is_wrong_names_the_field() {
    let good = r#"{"to":"0x2222222222222222222222222222222222222222","value":"0","data":null,
        "operation":0,"nonce":"7","safeTxGas":0,"gasToken":null}"#;
    assert_eq!(Proposal::parse(good).unwrap().tx, SafeTx { data: Bytes::new(), ..tx() });
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let confirmations =
        |value: &str| with("\"nonce\"", &format!("\"confirmations\":{value},\"nonce\""));
    let cases = [
        (String::new(), "not JSON"),
        ("[]".to_owned(), "not a JSON object"),
        ("{}".to_owned(), "`to` is missing"),
        (with("\"nonce\":\"7\",", ""), "`nonce` is missing"),
        (with("\"operation\":0,", ""), "`operation` is missing"),
        (with("\"operation\":0", "\"operation\":2"), "`operation` is 2"),
        (with("\"7\"", "\"0x7\""), "`nonce`"),
        (with("\"7\"", "-7"), "`nonce` is -7"),
        (with("\"7\"", "7.5"), "`nonce` is 7.5"),
        (with("\"0\"", &format!("\"1{}\"", "0".repeat(78))), "`value`"),
        (with("null,\n", "\"0x123\",\n"), "`data`"),
        (with("null,\n", "\"\u{202e}\",\n"), "`data` is \u{201c}\\u{202e}\u{201d}"),
        (with("null,\n", &format!("\"0x{}\",\n", "00".repeat(DATA_BYTES_MAX + 1))), "`data` has"),
        (with("0x22", "22"), "`to`"),
        (
            with(
                "0x2222222222222222222222222222222222222222",
                "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            ),
            "checksum",
        ),
        (confirmations("7"), "`confirmations` must be"),
        (confirmations("[7]"), "`confirmations[0]` must be"),
        (confirmations("[{}]"), "`confirmations[0]`: `signature` is missing"),
        (confirmations(r#"[{"signature":"0x","owner":"x"}]"#), "`confirmations[0]`: `owner`"),
        (" ".repeat(PROPOSAL_BYTES_MAX + 1), "longer than"),
    ];
    for (text, words) in cases {
        let error = Proposal::parse(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(error.chars().all(portcullis_types::text::is_plain), "{error:?}");
    }
    assert!(SignatureFile::parse(good).unwrap_err().to_string().contains("`signature` is missing"));
}

#[test]
fn changes_are_written_and_read_alike() {
    let at = OWNER;
    let all = [
        Change::Singleton(at),
        Change::AddOwner(at),
        Change::RemoveOwner(at),
        Change::Threshold(U256::from(2)),
        Change::AddModule(at),
        Change::RemoveModule(at),
        Change::Guard(at),
        Change::ModuleGuard(at),
        Change::FallbackHandler(at),
    ];
    for change in all {
        assert_eq!(change.to_string().parse(), Ok(change));
    }
    for bad in ["", "guard", "guard:", "guard:0x12", "threshold:0x2", "owner:0x", "threshold:-1"] {
        assert!(bad.parse::<Change>().is_err(), "{bad}");
    }
}
