//! A key of AWS KMS pulls a lever on a real chain. `scripts/test-kms.sh` starts an emulator of the service, makes the keys and
//! says where they are. This program is also the signer process that it tests, when its first argument is `signer`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

#[path = "support/mod.rs"]
mod support;

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, Bytes, U256, keccak256};
use portcullis_act::{
    Actuator, Nodes,
    lever::LeverConfig,
    signer::{
        AwsKmsKey, KeySource, Policy, SignError, SignRequest, SignerProcess, TransactionSigner,
        record_beside, serve,
    },
};
use portcullis_types::action::{Intent, Outcome};
use serde_json::json;

use self::support::{
    chain::{CHAIN_ID, Chain},
    journal::Journal,
    scene::{Scene, grantRoleCall, quick},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("signer") => runtime.block_on(be_the_signer(Path::new(&arguments[2]))),
        Some("--list") => ExitCode::SUCCESS,
        _ => {
            runtime.block_on(a_key_of_the_service_pulls_a_lever());
            what_is_wrong_is_said_before_anything_is_signed();
            runtime.block_on(the_other_kinds_say_what_is_missing());
            println!("kms_aws: 3 cases ok");
            ExitCode::SUCCESS
        }
    }
}

/// What `scripts/test-kms.sh` says.
fn told(name: &str) -> String {
    let name = format!("PORTCULLIS_TEST_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test-kms.sh"))
}

fn key(key_id: &str, region: &str) -> AwsKmsKey {
    let endpoint = told("KMS_ENDPOINT").parse().unwrap();
    AwsKmsKey {
        key_id: key_id.to_owned(),
        region: region.to_owned(),
        endpoint: Some(endpoint),
        record: None,
    }
}

async fn be_the_signer(folder: &Path) -> ExitCode {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let policy = Policy::from_json(&read("policy.json")).unwrap();
    let mut source: KeySource = serde_json::from_str(&read("source.json")).unwrap();
    record_beside(folder, &mut source);
    let account: Address = read("account").parse().unwrap();
    match serve(tokio::io::stdin(), tokio::io::stdout(), source, account, policy).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn command(folder: &Path, key: AwsKmsKey, account: Address, policy: &Policy) -> Command {
    let source = KeySource::AwsKms(key);
    std::fs::write(folder.join("source.json"), serde_json::to_string(&source).unwrap()).unwrap();
    std::fs::write(folder.join("policy.json"), serde_json::to_string(policy).unwrap()).unwrap();
    std::fs::write(folder.join("account"), account.to_string()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("signer").arg(folder);
    command
}

async fn a_key_of_the_service_pulls_a_lever() {
    let account: Address = told("KMS_ACCOUNT").parse().unwrap();
    let Some(chain) = Chain::start(&[]) else { panic!("no anvil; run: make setup") };
    let coins = U256::from(10).pow(U256::from(19));
    chain.request::<serde_json::Value>("anvil_setBalance", json!([account, coins])).await;
    let vault = chain.deploy("out/PausableFixture.sol/PausableFixture.json", vec![], coins).await;
    for role in ["PAUSER_ROLE", "UNPAUSER_ROLE"] {
        chain.call_as_owner(vault, grantRoleCall { role: keccak256(role), account }).await;
    }
    let config = json!({
        "kind": "pausable", "name": "stop", "target": vault, "rung": "market", "holdSeconds": 3600,
        "falseStopCostUsd": "1000", "release": "responder",
    });
    let config: LeverConfig = serde_json::from_value(config).unwrap();
    let lever = config.build(CHAIN_ID, account).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let policy = Policy::for_levers(std::slice::from_ref(&lever), 10_u128.pow(17), 5);
    let asked = key(&told("KMS_KEY"), &told("KMS_REGION"));
    let limit = KeySource::AwsKms(asked.clone()).sign_time_limit();
    let signer = SignerProcess::spawn(command(folder.path(), asked, account, &policy).into());
    let signer = Arc::new(signer.await.unwrap().patient(limit));
    assert_eq!(signer.address(), account);

    let url = chain.url.clone();
    let nodes = Nodes::connect(std::slice::from_ref(&url), Duration::from_secs(5)).await.unwrap();
    let settings = quick();
    let one: Arc<dyn TransactionSigner> = signer.clone();
    let actuator = Arc::new(Actuator::new(nodes, CHAIN_ID, one, settings));
    let scene = Scene { chain, vault, lever, actuator };
    let journal = Journal::default();
    let started = Instant::now();
    let outcome = scene.perform(&scene.action(Intent::Pull, None), &journal).await.unwrap();
    assert!(matches!(outcome, Outcome::Held { by_us: true, .. }), "{outcome:?}");
    assert!(scene.is_paused().await, "the vault is paused");
    let hash = journal.outcomes().iter().find_map(|outcome| match outcome {
        Outcome::Mined { hash, .. } => Some(*hash),
        _ => None,
    });
    let mined: serde_json::Value =
        scene.chain.request("eth_getTransactionByHash", json!([hash.unwrap()])).await;
    let sender: Address = mined["from"].as_str().unwrap().parse().unwrap();
    assert_eq!(sender, account, "the chain recovers the account of the key");
    println!("a pull signed by KMS took {} ms in all", started.elapsed().as_millis());

    // The service chooses another nonce each time; the same request gives the same bytes all the same.
    let request = SignRequest {
        chain_id: CHAIN_ID,
        nonce: 9,
        to: vault,
        data: scene.lever.call.data.clone(),
        gas_limit: 60_000,
        max_fee_per_gas: 7_000_000_000,
        max_priority_fee_per_gas: 5_000_000_000,
        value: U256::ZERO,
    };
    let first = signer.sign(request.clone()).await.unwrap();
    first.check(&request, account).unwrap();
    assert_eq!(signer.sign(request.clone()).await.unwrap(), first);
    // The policy stands before the service.
    for refused in [
        SignRequest { to: account, ..request.clone() },
        SignRequest { value: U256::ONE, ..request.clone() },
        SignRequest { data: Bytes::from(vec![1, 2, 3, 4]), ..request.clone() },
    ] {
        let answer = signer.sign(refused).await;
        assert!(matches!(answer, Err(SignError::Refused { .. })), "{answer:?}");
    }
    // And so does its limit an hour, which a new process does not reset.
    drop(signer);
    let asked = key(&told("KMS_KEY"), &told("KMS_REGION"));
    let again = SignerProcess::spawn(command(folder.path(), asked, account, &policy).into());
    let again = again.await.unwrap().patient(limit);
    let mut refusals = Vec::new();
    for nonce in 10..16 {
        if let Err(error) = again.sign(SignRequest { nonce, ..request.clone() }).await {
            refusals.push(error.to_string());
        }
    }
    assert!(refusals.len() >= 3, "{refusals:?}");
    assert!(refusals.iter().all(|why| why.contains("within an hour")), "{refusals:?}");
}

fn what_is_wrong_is_said_before_anything_is_signed() {
    let account: Address = told("KMS_ACCOUNT").parse().unwrap();
    let (id, region) = (told("KMS_KEY"), told("KMS_REGION"));
    let gone =
        AwsKmsKey { endpoint: Some("http://127.0.0.1:9".parse().unwrap()), ..key(&id, &region) };
    let open =
        AwsKmsKey { endpoint: Some("http://kms.example".parse().unwrap()), ..key(&id, &region) };
    // A service that signs something else than what it was given.
    let wrong = AwsKmsKey {
        endpoint: Some(told("KMS_WRONG_ENDPOINT").parse().unwrap()),
        ..key(&told("KMS_WRONG_KEY"), &region)
    };
    let its_own: Address = told("KMS_WRONG_ACCOUNT").parse().unwrap();
    let cases: [(&str, AwsKmsKey, Address, &[&str]); 7] = [
        (
            "another region",
            key(&id, "us-west-2"),
            account,
            &["NotFound", "correct `keyId`, `region`"],
        ),
        ("no such key", key("alias/none", &region), account, &["NotFound", "`keyId`"]),
        ("another curve", key(&told("KMS_OTHER_CURVE"), &region), account, &["ECC_SECG_P256K1"]),
        (
            "another account",
            key(&id, &region),
            Address::repeat_byte(7),
            &["the key belongs to", "0x0707"],
        ),
        ("signatures of something else", wrong, its_own, &["is not by the key that it showed"]),
        ("nobody there", gone, account, &["was not reached", "`endpoint`"]),
        ("no encryption", open, account, &["must be https"]),
    ];
    for (name, key, account, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let mut command = command(folder.path(), key, account, &Policy::default());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{name}: {text}");
        for word in words {
            assert!(text.contains(word), "{name}: {word}: {text}");
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{name}");
        assert!(!text.contains(&std::env::var("AWS_SECRET_ACCESS_KEY").unwrap()), "{name}: {text}");
    }
    // Without credentials in the environment nothing is asked.
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), key(&id, &region), account, &Policy::default());
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", folder.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("credentials"), "{text}");
}

/// No device is plugged in and no credentials are there: what is said then, where the program was built for it.
async fn the_other_kinds_say_what_is_missing() {
    let gcp = json!({"gcpKms": {"project": "acme-prod", "location": "europe-west3", "keyring": "incident",
        "key": "responder", "version": 1}});
    let ledger = json!({"ledger": {"index": 0}});
    for (source, is_built, words) in [
        // Where no road leads to the service, that is noticed first.
        (
            gcp,
            cfg!(feature = "kms-gcp"),
            &["GOOGLE_APPLICATION_CREDENTIALS", "was not reached"][..],
        ),
        (ledger, cfg!(feature = "ledger"), &["open its Ethereum app"]),
    ] {
        let source: KeySource = serde_json::from_value(source).unwrap();
        let why = source.load(Address::ZERO).await.unwrap_err().to_string();
        let expected = if is_built { words } else { &["--features"] };
        assert!(expected.iter().any(|words| why.contains(words)), "{why}");
        println!("{why}");
    }
}
