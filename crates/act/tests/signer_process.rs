//! The signer in a process of its own. This program is that process when its first argument is `signer`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use alloy_primitives::{Address, B256, Bytes, U256, address};
use portcullis_act::signer::{
    AllowedCall, AllowedOrder, AllowedWarden, Attestation, HeartbeatRequest, KeySource,
    LINE_BYTES_MAX, OrderRequest, Policy, Sentinel as _, SignError, SignRequest, SignerProcess,
    TransactionSigner as _, serve,
};

const KEY_VARIABLE: &str = "PORTCULLIS_TEST_RESPONDER_KEY";
const KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const ACCOUNT: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
const VAULT: Address = Address::repeat_byte(0xaa);
const PAUSE: [u8; 4] = [0x84, 0x56, 0xcb, 0x59];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("signer") => runtime.block_on(be_the_signer(Path::new(&arguments[2]))),
        // What cargo asks of a test program of its own kind.
        Some("--list") => ExitCode::SUCCESS,
        _ => {
            runtime.block_on(the_signer_signs_what_is_listed_and_nothing_else());
            runtime.block_on(a_sentinel_signs_listed_orders_and_present_heartbeats());
            runtime.block_on(a_signer_without_a_key_or_with_another_tongue_is_not_used());
            what_is_no_request_is_answered_and_shows_no_secret();
            println!("signer_process: 4 cases ok");
            ExitCode::SUCCESS
        }
    }
}

async fn be_the_signer(policy: &Path) -> ExitCode {
    let policy = Policy::from_json(&std::fs::read_to_string(policy).unwrap()).unwrap();
    let source = KeySource::Environment { variable: KEY_VARIABLE.to_owned() };
    match serve(tokio::io::stdin(), tokio::io::stdout(), source, ACCOUNT, policy).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn request() -> SignRequest {
    SignRequest {
        chain_id: 31_337,
        nonce: 4,
        to: VAULT,
        data: Bytes::from(PAUSE),
        gas_limit: 60_000,
        max_fee_per_gas: 7_000_000_000,
        max_priority_fee_per_gas: 5_000_000_000,
        value: U256::ZERO,
    }
}

fn command(folder: &Path) -> Command {
    let call = AllowedCall { chain_id: 31_337, to: VAULT, data: Bytes::from(PAUSE) };
    let policy = Policy {
        calls: vec![call],
        cost_max_wei: 10_000_000_000_000_000,
        signatures_per_hour_max: 10,
        ..Policy::default()
    };
    let file = folder.join("policy.json");
    std::fs::write(&file, serde_json::to_string(&policy).unwrap()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("signer").arg(file).env(KEY_VARIABLE, KEY);
    command
}

async fn the_signer_signs_what_is_listed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let signer = SignerProcess::spawn(command(folder.path()).into()).await.unwrap();
    assert_eq!(signer.address(), ACCOUNT);
    assert!(!format!("{signer:?}").contains(&KEY[..16]));

    let first = signer.sign(request()).await.unwrap();
    first.check(&request(), ACCOUNT).unwrap();
    assert_eq!(signer.sign(request()).await.unwrap(), first, "signing is deterministic");

    let refused = [
        SignRequest { data: Bytes::from(vec![0x3f, 0x4b, 0xa8, 0x3a]), ..request() },
        SignRequest { to: ACCOUNT, ..request() },
        SignRequest { chain_id: 1, ..request() },
        SignRequest { value: U256::ONE, ..request() },
        SignRequest { max_fee_per_gas: 1_000_000_000_000, ..request() },
    ];
    for request in refused {
        let answer = signer.sign(request.clone()).await;
        assert!(matches!(answer, Err(SignError::Refused { .. })), "{request:?}: {answer:?}");
    }

    // A request that is too long ends the process; the next one starts it again.
    let long = SignRequest { data: Bytes::from(vec![1; LINE_BYTES_MAX]), ..request() };
    let answer = signer.sign(long).await.unwrap_err();
    assert!(
        matches!(&answer, SignError::Refused { .. } | SignError::Unavailable { .. }),
        "{answer}"
    );
    let again = loop {
        // The end of the process is noticed by the request that meets it.
        if let Ok(signed) = signer.sign(request()).await {
            break signed;
        }
    };
    assert_eq!(again, first);
}

async fn a_sentinel_signs_listed_orders_and_present_heartbeats() {
    const LEVER: B256 = B256::repeat_byte(7);
    let folder = tempfile::tempdir().unwrap();
    let lever = AllowedOrder {
        lever: LEVER,
        data: Bytes::from(PAUSE),
        hold_seconds_max: 600,
        order_life_seconds_max: 300,
    };
    let warden = AllowedWarden {
        chain_id: 31_337,
        warden: VAULT,
        levers: vec![lever],
        orders_per_hour_max: 2,
    };
    let policy = Policy { wardens: vec![warden], ..Policy::default() };
    let file = folder.path().join("sentinel.json");
    std::fs::write(&file, serde_json::to_string(&policy).unwrap()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("signer").arg(&file).env(KEY_VARIABLE, KEY);
    let signer = SignerProcess::spawn(command.into()).await.unwrap();

    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = since.unwrap().as_secs();
    let order = OrderRequest {
        chain_id: 31_337,
        warden: VAULT,
        lever: LEVER,
        arming: 1,
        data: Bytes::from(PAUSE),
        incident: B256::ZERO,
        hold_seconds: 600,
        deadline: now + 200,
        nonce: U256::from(1),
    };
    let asked = Attestation::Order(order.clone());
    let first = signer.attest(asked.clone()).await.unwrap();
    assert_eq!(signer.attest(asked.clone()).await.unwrap(), first, "signing is deterministic");
    let answer = signer.attest(asked).await;
    assert!(matches!(answer, Err(SignError::Refused { .. })), "a third within an hour: {answer:?}");

    let beat = |timestamp| {
        Attestation::Heartbeat(HeartbeatRequest { chain_id: 31_337, warden: VAULT, timestamp })
    };
    assert_eq!(signer.attest(beat(now)).await.unwrap().len(), 65);
    let refused = [
        beat(now + 3_600),
        Attestation::Order(OrderRequest { deadline: now + 86_400, ..order.clone() }),
        Attestation::Order(OrderRequest { lever: B256::ZERO, ..order.clone() }),
        Attestation::Order(OrderRequest { hold_seconds: 601, ..order }),
    ];
    for asked in refused {
        let answer = signer.attest(asked.clone()).await;
        assert!(matches!(answer, Err(SignError::Refused { .. })), "{asked:?}: {answer:?}");
    }
    let answer = signer.sign(request()).await;
    assert!(matches!(answer, Err(SignError::Refused { .. })), "a transaction: {answer:?}");
}

async fn a_signer_without_a_key_or_with_another_tongue_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut keyless = command(folder.path());
    keyless.env_remove(KEY_VARIABLE).stderr(Stdio::null());
    let parrot = Command::new("cat");
    let missing = Command::new(folder.path().join("no-such-program"));
    for command in [keyless, parrot, missing] {
        let shown = format!("{command:?}");
        let answer = SignerProcess::spawn(command.into()).await;
        assert!(matches!(answer, Err(SignError::Unavailable { .. })), "{shown}: {answer:?}");
    }
}

fn what_is_no_request_is_answered_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"pause!\n{\"sign\":{}}\n\"address\"\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the end of its input is the end of its work");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("{\"refused\":") && lines[1].starts_with("{\"refused\":"),
        "{lines:?}"
    );
    assert_eq!(lines[2].to_lowercase(), format!("{{\"address\":\"{ACCOUNT}\"}}").to_lowercase());
    let all = format!("{lines:?}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!all.contains(&KEY[..16]), "{all}");
}
