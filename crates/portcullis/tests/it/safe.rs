//! `portcullis safe` on the world of the drill `safe-singleton-swap`: a real Safe 1.4.1 with three owners, here two of them
//! enough, and the thief's contracts ready.

mod fees;
mod post;
mod service;
mod world;

use std::time::Duration;

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use portcullis_range::{Fault, FaultProxy};
use serde_json::{Value, json};

use self::world::{SafeWorld, abi};
use crate::kit::{Rig, texts, without_chain};

fn refusals(report: &Value) -> Vec<&str> {
    let all = report["check"]["refusals"].as_array().expect("a list");
    all.iter().map(|one| one["code"].as_str().expect("a code")).collect()
}

#[tokio::test]
async fn the_swap_that_looks_like_a_transfer_is_refused_before_anybody_signs() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let call = abi::transferCall { to: world.at("evilSingleton"), amount: U256::ZERO };
    let file = world.propose("swap.json", world.at("evilTransfer"), &call.abi_encode(), 1);

    let (text, errors, code) = texts(&world.run(&["safe", "check", &file]).await);
    assert_eq!(code, Some(1), "{text}\n{errors}");
    assert!(text.starts_with("REFUSED [delegatecall]"), "{text}");
    for words in [
        "which is not on the list of allowed targets",
        "It looks like transfer(address,uint256), but a name means nothing here.",
        "REFUSED [singleton] when it is played, slot 0 becomes",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (report, code) = world.json(&["safe", "check", &file]).await;
    assert_eq!((code, report["ok"].clone()), (Some(1), json!(false)));
    assert_eq!(refusals(&report)[..2], ["delegatecall", "singleton"], "{report:#}");
    let after = &report["check"]["after"]["singleton"];
    assert_eq!(*after, json!(world.at("evilSingleton")), "the difference in slot 0 is shown");

    // The same refusal where a key is at hand; nothing is written, nothing is sent.
    let out = world.path("signature.json");
    let (report, code) = world.json(&["safe", "sign", &file, "--out", &out]).await;
    assert_eq!((code, refusals(&report)), (Some(1), vec!["delegatecall"]), "{report:#}");
    assert!(!std::path::Path::new(&out).exists());
    // The process with the key refuses by itself, whoever starts it.
    let (_, errors, code) = texts(&world.run(&["safe", "signer", &file]).await);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("is a delegatecall to"), "{errors}");

    // Where the target was let in by mistake, playing it still shows what it does.
    let lax = format!("delegatecall: [\"{}\"]\n", world.at("evilTransfer"));
    world.configure(4, &lax);
    let (report, code) = world.json(&["safe", "check", &file]).await;
    assert_eq!((code, refusals(&report)), (Some(1), vec!["singleton"]), "{report:#}");
    let (report, code) = world.json(&["safe", "sign", &file, "--out", &out]).await;
    assert_eq!((code, refusals(&report)), (Some(1), vec!["singleton"]), "{report:#}");
    assert!(!std::path::Path::new(&out).exists());
}

#[tokio::test]
async fn an_honest_payment_is_signed_by_two_owners_and_carried_out() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let (token, shop) = (world.at("token"), world.at("shop"));
    let pay = abi::transferCall { to: shop, amount: U256::from(5_000_000) };
    let file = world.propose("pay.json", token, &pay.abi_encode(), 0);
    let (report, code) = world.json(&["safe", "check", &file]).await;
    assert_eq!((code, report["check"]["passes"].clone()), (Some(0), json!(true)), "{report:#}");
    let moved = report["check"]["moved"].as_array().expect("a list");
    assert_eq!((moved.len(), &moved[0]["token"]), (1, &json!(token)), "{report:#}");
    assert_eq!(report["check"]["changes"], json!([]));

    let mut files = Vec::new();
    for owner in [4, 5] {
        world.configure(owner, "");
        let out = world.path(&format!("signature-{owner}.json"));
        let more: &[&str] = if owner == 5 { &["--expires-in", "24"] } else { &[] };
        let args = [&["safe", "sign", &file, "--out", &out], more].concat();
        let (report, code) = world.json(&args).await;
        assert_eq!((code, report["ok"].clone()), (Some(0), json!(true)), "{report:#}");
        files.push(out);
    }
    // One is not enough, nor the same one twice.
    let one = ["safe", "exec", &file, "--signatures", &files[0], &files[0]];
    let (report, code) = world.json(&one).await;
    assert_eq!((code, report["signatures"]["missing"].clone()), (Some(1), json!(1)), "{report:#}");
    // Nor one whose expiry passed.
    let stale = world.edited(&files[1], "expires", json!(1_700_000_000_u64));
    let (_, errors, code) =
        texts(&world.run(&["safe", "exec", &file, "--signatures", &files[0], &stale]).await);
    assert!(code == Some(2) && errors.contains("expired"), "{errors}");

    let before = world.balance(token, shop).await;
    // In the wrong order on purpose: they are put in that of the owners' addresses.
    for order in [[0, 1], [1, 0]] {
        let [a, b] = order.map(|index| files[index].as_str());
        let (report, code) = world.json(&["safe", "exec", &file, "--signatures", a, b]).await;
        if order == [0, 1] {
            assert_eq!(code, Some(0), "{report:#}");
            assert_eq!(report["executed"]["success"], json!(true), "{report:#}");
        } else {
            // Carried out already: its nonce is in the past.
            assert_eq!((code, refusals(&report)), (Some(1), vec!["nonce-past"]), "{report:#}");
        }
    }
    assert_eq!(world.balance(token, shop).await, before + U256::from(5_000_000));
}

#[tokio::test]
async fn what_an_owner_is_said_to_have_approved_is_asked_of_the_chain() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let shop = world.at("shop");
    let pay = abi::transferCall { to: shop, amount: U256::ONE };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let mine = world.path("signature.json");
    let (report, code) = world.json(&["safe", "sign", &file, "--out", &mine]).await;
    assert_eq!(code, Some(0), "{report:#}");
    // Two owners and a stranger who are said to agree; nobody of them told the chain.
    let said = [5, 6, 9].map(|index| {
        let owner = world.account(index);
        json!({"owner": owner, "signature": portcullis_act::safe::OwnerSignature::approved(owner).bytes})
    });
    let file = world.edited(&file, "confirmations", json!(said));
    let exec = ["safe", "exec", &file, "--signatures", &mine];
    let (report, code) = world.json(&exec).await;
    assert_eq!((code, report["signatures"]["missing"].clone()), (Some(1), json!(1)), "{report:#}");
    let aside = report["signatures"]["setAside"].to_string();
    assert!(aside.contains("is no owner") && aside.contains("has not approved"), "{aside}");
    // One of them sends it: that is agreeing.
    world.executes(6);
    let (report, code) = world.json(&exec).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["executed"]["success"], json!(true), "{report:#}");
}

#[tokio::test]
async fn what_changes_the_rule_must_be_named_and_every_trick_has_its_word() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let (safe, newcomer) = (world.at("safe"), world.at("bookkeeper"));
    let add = abi::addOwnerWithThresholdCall { owner: newcomer, threshold: U256::from(3) };
    let file = world.propose("add.json", safe, &add.abi_encode(), 0);
    let (report, code) = world.json(&["safe", "check", &file]).await;
    assert_eq!(code, Some(1), "{report:#}");
    let owner = format!("add-owner:{newcomer}");
    let half = ["safe", "check", &file, "--expect", &owner];
    let (report, code) = world.json(&half).await;
    assert_eq!((code, refusals(&report)), (Some(1), vec!["unexpected-change"]), "the threshold");
    let (report, code) = world.json(&[&half[..], &["--expect", "threshold:3"]].concat()).await;
    assert_eq!((code, report["check"]["passes"].clone()), (Some(0), json!(true)), "{report:#}");
    let wrong = [
        &half[..],
        &[
            "--expect",
            "threshold:3",
            "--expect",
            "guard:0x00000000000000000000000000000000000000aa",
        ],
    ];
    let (report, _) = world.json(&wrong.concat()).await;
    assert_eq!(refusals(&report), ["missing-change"], "{report:#}");

    let pay = abi::transferCall { to: newcomer, amount: U256::ONE };
    let honest = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let cases = [
        ("nonce", json!("0"), "nonce-past"),
        ("nonce", json!("9"), "nonce-ahead"),
        ("gasPrice", json!("1"), "refund"),
        ("refundReceiver", json!(newcomer), "refund"),
        ("gasToken", json!(world.at("token")), "refund"),
        ("contractTransactionHash", json!(alloy_primitives::B256::ZERO), "hash"),
        ("value", json!("1"), "fails"),
    ];
    for (field, value, code) in cases {
        let file = world.edited(&honest, field, value);
        let (report, ending) = world.json(&["safe", "check", &file]).await;
        assert_eq!(ending, Some(1), "{field}: {report:#}");
        assert!(refusals(&report).contains(&code), "{field}: {:?}", refusals(&report));
    }
    let ahead = world.edited(&honest, "nonce", json!("9"));
    let (report, code) = world.json(&["safe", "check", &ahead, "--nonce-ahead"]).await;
    assert_eq!(code, Some(0), "{report:#}");

    // Not looked at is not passed.
    let (_, errors, code) = texts(&world.run(&["safe", "check", &honest, "--offline"]).await);
    assert!(code == Some(3) && errors.contains("could not look"), "{errors}");
    // What is wrong with a file is said with file and field.
    let bad = world.edited(&honest, "value", json!("\u{1b}[2J12"));
    let (_, errors, code) = texts(&world.run(&["safe", "check", &bad]).await);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains(&bad) && errors.contains("`value` is"), "{errors}");
    assert!(!errors.contains('\u{1b}'), "{errors:?}");
    let other = world.edited(&honest, "safe", json!(newcomer));
    let (_, errors, code) = texts(&world.run(&["safe", "check", &other]).await);
    assert!(code == Some(2) && errors.contains("`safe` is"), "{errors}");
}

#[tokio::test]
async fn a_deadline_that_the_owners_signed_holds_on_the_chain() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    world.configure(4, &format!("delegatecall: [\"{}\"]\n", world.at("callOnly")));
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::ONE };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let (limiter, batcher) = (world.at("limiter").to_string(), world.at("callOnly").to_string());
    for (deadline, name, code) in [("4102444800", "later.json", 0), ("1000000000", "past.json", 1)]
    {
        let out = world.path(name);
        let args = [
            "safe",
            "limit",
            &file,
            "--contract",
            &limiter,
            "--batcher",
            &batcher,
            "--not-after",
            deadline,
            "--out",
            &out,
        ];
        let (_, errors, ending) = texts(&world.run(&args).await);
        assert_eq!(ending, Some(0), "{errors}");
        let (report, ending) = world.json(&["safe", "check", &out]).await;
        assert_eq!(ending, Some(code), "{deadline}: {report:#}");
        assert_eq!(report["check"]["steps"].as_array().map(Vec::len), Some(3), "{report:#}");
        let expect: &[&str] = if code == 0 { &[] } else { &["fails"] };
        assert_eq!(refusals(&report), expect, "{report:#}");
    }
}

#[tokio::test]
async fn what_cannot_be_played_does_not_pass_and_is_not_signed() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::ONE };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let proxy = FaultProxy::spawn(&world.node()).await.expect("a proxy");
    world.reroute(&proxy.url());
    let out = world.path("signature.json");
    let sign = ["safe", "sign", &file, "--out", &out];
    for method in ["eth_simulateV1", "eth_call", "eth_getBlockByNumber", "eth_chainId"] {
        proxy.set(Fault::ErrorFor { method: method.to_owned() });
        for args in [&["safe", "check", &file][..], &sign[..]] {
            let (_, errors, code) = texts(&world.run(args).await);
            assert_eq!(code, Some(3), "{method}: {errors}");
            assert!(errors.contains("could not look, so it does not pass"), "{method}: {errors}");
        }
        assert!(!std::path::Path::new(&out).exists(), "{method}");
    }
    proxy.clear();
    let (report, code) = world.json(&sign).await;
    assert_eq!(code, Some(0), "{report:#}");
}

/// After an unprotected swap, the alarm comes from slot 0, in the block of the swap, before any other block.
#[tokio::test]
async fn a_swap_that_went_through_is_found_in_its_own_block() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new("safe-singleton-swap").await;
    rig.configure(&rig.chain.http_url());
    rig.watch().await;
    let start = rig.scenario.attack_start_block().expect("an attack");
    // The approvals come first, the swap one block later; no block comes after it.
    rig.play(true, start + 1, 100).await;
    let swap = rig.head().await.id.number;
    rig.until("the swap is found", Duration::from_secs(30), |story| !story.found_in().is_empty())
        .await;
    assert_eq!(rig.head().await.id.number, swap, "no block came after it");
    let story = rig.story_so_far();
    assert_eq!(story.found_in(), [swap].into());
    let mut cases = Vec::new();
    for case in story.engine.cases() {
        cases.extend(case.live_findings());
    }
    let finding =
        cases.iter().find(|one| one.detector.starts_with("control-plane")).expect("of slot 0");
    assert_eq!(Some(finding.contract), rig.world.value("safe").expect("a Safe").address());
    assert!(finding.sentence.contains("singleton"), "{}", finding.sentence);
}
