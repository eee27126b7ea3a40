//! `safe propose` and `safe sign --post` against a small Safe Transaction Service that checks what the real one checks, by
//! asking the chain: the Safe for the hash and its owners, the precompile at address 1 for who signed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, sol};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use portcullis_observe::Node;
use portcullis_types::probe::Probe;
use serde_json::{Value, json};

use super::world::{SafeWorld, abi};
use crate::kit::{texts, without_chain};

sol! {
    function getTransactionHash(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice,
        address gasToken, address refundReceiver, uint256 nonce
    ) external view returns (bytes32);
    function isOwner(address owner) external view returns (bool);
}

const KEY: &str = "a-key-of-the-service";

/// The service's desk.
struct Desk {
    node: String,
    safe: Address,
    /// What it has, by hash.
    kept: Mutex<BTreeMap<B256, Value>>,
    /// Answers this instead of working.
    instead: Mutex<Option<(u16, &'static str, String)>>,
    /// How often it was asked to take something.
    asked: Mutex<usize>,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    async fn start(world: &SafeWorld) -> (Arc<Self>, String) {
        let desk = Arc::new(Self {
            node: world.node(),
            safe: world.at("safe"),
            kept: Mutex::default(),
            instead: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/v2/safes/{safe}/multisig-transactions/", post(propose))
            .route("/api/v1/multisig-transactions/{hash}/confirmations/", post(confirm))
            .route("/api/v2/multisig-transactions/{hash}/", get(show))
            .with_state(Arc::clone(&desk));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/api", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        (desk, url)
    }

    /// One word of a call's answer.
    async fn word(&self, to: Address, data: Vec<u8>) -> U256 {
        let node = Node::connect(std::slice::from_ref(&self.node), 31_337).await.expect("a node");
        let head = node.head().await.expect("a head").id;
        let readings = node.read(&[Probe::Call { to, data: data.into(), word: 0 }], &head).await;
        *readings[0].value.as_ref().expect("an answer")
    }

    /// Who signed `hash`, by the chain's own recovery; or why that is no signature of an owner.
    async fn owner(&self, hash: B256, signature: &str) -> Result<Address, String> {
        let bytes: Bytes = signature.parse().map_err(|_| "signature is no hex".to_owned())?;
        if bytes.len() != 65 {
            return Err(format!("signature has {} bytes", bytes.len()));
        }
        let mut input = hash.to_vec();
        input.extend(B256::with_last_byte(bytes[64]));
        input.extend(&bytes[..64]);
        let word = self.word(Address::with_last_byte(1), input).await;
        let signer = Address::from_word(word.into());
        let is_owner = self.word(self.safe, isOwnerCall { owner: signer }.abi_encode()).await;
        if is_owner == U256::from(1) {
            Ok(signer)
        } else {
            Err(format!("Signer={signer} is not an owner"))
        }
    }

    /// The answer that stands in for all work, if there is one; without the key always.
    fn refuses(&self, headers: &HeaderMap) -> Option<Response> {
        *open(&self.asked) += 1;
        if let Some((status, header, value)) = open(&self.instead).clone() {
            let status = StatusCode::from_u16(status).expect("a status");
            let said = Json(json!({"detail": "\u{1b}[31mas the test wants"}));
            return Some((status, [(header, value)], said).into_response());
        }
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        (given != Some(&format!("Bearer {KEY}"))).then(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

fn unprocessable(why: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"nonFieldErrors": [why]}))).into_response()
}

/// An address with its checksum, as the service wants it.
fn address(body: &Value, name: &str) -> Result<Address, String> {
    let text = body[name].as_str().ok_or(format!("{name} is missing"))?;
    let address: Address = text.parse().map_err(|_| format!("{name} is no address"))?;
    if address.to_checksum(None) == text {
        Ok(address)
    } else {
        Err(format!("{name} is not checksummed"))
    }
}

fn number(body: &Value, name: &str) -> Result<U256, String> {
    let text = body[name].as_str().ok_or(format!("{name} is missing"))?;
    U256::from_str_radix(text, 10).map_err(|_| format!("{name} is no number"))
}

fn call(body: &Value) -> Result<getTransactionHashCall, String> {
    let data = body["data"].as_str().ok_or("data is missing")?;
    Ok(getTransactionHashCall {
        to: address(body, "to")?,
        value: number(body, "value")?,
        data: data.parse().map_err(|_| "data is no hex".to_owned())?,
        operation: u8::try_from(body["operation"].as_u64().ok_or("operation is missing")?)
            .map_err(|_| "operation is too large".to_owned())?,
        safeTxGas: number(body, "safeTxGas")?,
        baseGas: number(body, "baseGas")?,
        gasPrice: number(body, "gasPrice")?,
        gasToken: address(body, "gasToken")?,
        refundReceiver: address(body, "refundReceiver")?,
        nonce: number(body, "nonce")?,
    })
}

async fn propose(
    State(desk): State<Arc<Desk>>,
    Path(safe): Path<String>,
    headers: HeaderMap,
    Json(mut body): Json<Value>,
) -> Response {
    if let Some(refusal) = desk.refuses(&headers) {
        return refusal;
    }
    if safe != desk.safe.to_checksum(None) {
        return unprocessable("Safe address checksum not valid");
    }
    let (call, sender) = match (call(&body), address(&body, "sender")) {
        (Ok(call), Ok(sender)) => (call, sender),
        (Err(why), _) | (_, Err(why)) => return unprocessable(&why),
    };
    let hash: B256 = desk.word(desk.safe, call.abi_encode()).await.into();
    if body["contractTransactionHash"] != json!(hash) {
        return unprocessable("Contract-transaction-hash does not match");
    }
    let signature = body["signature"].as_str().unwrap_or_default().to_owned();
    match desk.owner(hash, &signature).await {
        Ok(owner) if owner == sender => {}
        Ok(owner) => return unprocessable(&format!("{owner} is not the sender {sender}")),
        Err(why) => return unprocessable(&why),
    }
    body["safe"] = json!(safe);
    body["confirmations"] = json!([{"owner": sender.to_checksum(None), "signature": signature}]);
    open(&desk.kept).insert(hash, body);
    StatusCode::CREATED.into_response()
}

async fn confirm(
    State(desk): State<Arc<Desk>>,
    Path(hash): Path<B256>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refusal) = desk.refuses(&headers) {
        return refusal;
    }
    if !open(&desk.kept).contains_key(&hash) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let signature = body["signature"].as_str().unwrap_or_default().to_owned();
    let owner = match desk.owner(hash, &signature).await {
        Ok(owner) => owner.to_checksum(None),
        Err(why) => return unprocessable(&why),
    };
    let mut kept = open(&desk.kept);
    let list = kept.get_mut(&hash).and_then(|one| one["confirmations"].as_array_mut());
    list.expect("confirmations").push(json!({"owner": owner, "signature": signature}));
    StatusCode::CREATED.into_response()
}

async fn show(State(desk): State<Arc<Desk>>, Path(hash): Path<B256>) -> Response {
    match open(&desk.kept).get(&hash) {
        Some(one) => Json(one.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Keeps the service's key in a file, and says where.
fn key_file(world: &SafeWorld, text: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = world.path("service.key");
    std::fs::write(&path, format!("{text}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    path
}

#[tokio::test]
async fn owners_propose_and_confirm_through_the_service_and_carry_out_what_it_shows() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let (desk, url) = Desk::start(&world).await;
    key_file(&world, KEY, 0o600);
    let service = format!("service: {{url: \"{url}\", tokenFile: service.key}}\n");
    world.configure(4, &service);
    let shop = world.at("shop");
    let pay = abi::transferCall { to: shop, amount: U256::from(5_000_000) };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);

    let (report, code) = world.json(&["safe", "propose", &file]).await;
    assert_eq!(
        (code, report["posted"]["what"].as_str()),
        (Some(0), Some("proposal")),
        "{report:#}"
    );
    let hash = report["check"]["hashes"]["safeTx"].as_str().expect("a hash").to_owned();
    assert!(open(&desk.kept).contains_key(&hash.parse::<B256>().expect("a hash")));

    // The other owner signs the same file and adds the signature there.
    world.configure(5, &service);
    let out = world.path("five.json");
    let (report, code) = world.json(&["safe", "sign", &file, "--out", &out, "--post"]).await;
    assert_eq!(
        (code, report["posted"]["what"].as_str()),
        (Some(0), Some("confirmation")),
        "{report:#}"
    );

    // What the service now shows is enough to carry it out.
    let saved = world.path("saved.json");
    let (report, code) = world.json(&["safe", "check", "--fetch", &hash, "--save", &saved]).await;
    assert_eq!((code, &report["signatures"]["missing"]), (Some(0), &json!(0)), "{report:#}");
    let before = world.balance(world.at("token"), shop).await;
    let (report, code) = world.json(&["safe", "exec", &saved]).await;
    assert_eq!((code, &report["executed"]["success"]), (Some(0), &json!(true)), "{report:#}");
    assert_eq!(world.balance(world.at("token"), shop).await - before, U256::from(5_000_000));
}

#[tokio::test]
async fn nothing_is_posted_that_does_not_pass_and_every_refusal_says_what_to_do() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let (desk, url) = Desk::start(&world).await;
    key_file(&world, KEY, 0o600);
    let service = format!("service: {{url: \"{url}\", tokenFile: service.key}}\n");

    // A swap, and a payment that a stranger would sign: the service is not even asked.
    world.configure(4, &service);
    let swap = abi::transferCall { to: world.at("evilSingleton"), amount: U256::ZERO };
    let swap = world.propose("swap.json", world.at("evilTransfer"), &swap.abi_encode(), 1);
    let (report, code) = world.json(&["safe", "propose", &swap]).await;
    assert_eq!((code, &report["ok"], &report["posted"]), (Some(1), &json!(false), &Value::Null));
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::from(7) };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    world.configure(8, &service);
    let (_, errors, code) = texts(&world.run(&["safe", "propose", &file]).await);
    assert!(code == Some(3) && errors.contains("is no owner of this Safe"), "{errors}");
    assert_eq!(*open(&desk.asked), 0, "the service was not asked");

    // What the service may answer.
    world.configure(4, &service);
    let cases = [
        (401, "x-none", "", "does not take the key"),
        (422, "x-none", "", "refuses it (HTTP 422)"),
        (429, "retry-after", "17", "try again after 17 s"),
        (302, "location", "http://127.0.0.1:9/elsewhere", "a key is not sent after it"),
        (503, "x-none", "", "is in trouble"),
    ];
    for (status, header, value, words) in cases {
        *open(&desk.instead) = Some((status, header, value.to_owned()));
        let (_, errors, code) = texts(&world.run(&["safe", "propose", &file]).await);
        assert!(code == Some(3) && errors.contains(words), "{status}: {errors}");
        assert!(!errors.contains(KEY) && !errors.contains('\u{1b}'), "{status}: {errors}");
    }
    *open(&desk.instead) = None;

    // A confirmation of what nobody proposed; the signature is in its file all the same.
    let out = world.path("four.json");
    let (_, errors, code) =
        texts(&world.run(&["safe", "sign", &file, "--out", &out, "--post"]).await);
    assert!(code == Some(3) && errors.contains("propose it first"), "{errors}");
    assert!(std::path::Path::new(&out).exists());

    // Keys: one that is wrong, one that others can read, none at all; an address without encryption.
    let cases = [
        ("another-key", 0o600, service.as_str(), "does not take the key"),
        (KEY, 0o644, service.as_str(), "chmod 600"),
        (KEY, 0o600, "", "there is no service to post to"),
        (KEY, 0o600, "service: {url: \"http://service.example/api\"}\n", "https://"),
    ];
    for (key, mode, configured, words) in cases {
        key_file(&world, key, mode);
        world.configure(4, configured);
        let (_, errors, code) = texts(&world.run(&["safe", "propose", &file]).await);
        assert!(code != Some(0) && errors.contains(words), "{words}: {errors}");
    }
    // The flag names a service too; without the configuration's key this one wants one.
    world.configure(4, "");
    let (_, errors, _) = texts(&world.run(&["safe", "propose", &file, "--service", &url]).await);
    assert!(errors.contains("wants a key") && errors.contains("tokenFile"), "{errors}");
}
