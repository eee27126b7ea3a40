//! A person whose account is a contract signs in (EIP-1271).

use alloy_primitives::{Address, hex};
use serde_json::{Value as Json, json};

use super::{
    CLEO, CONTRACT, STRANGER,
    client::{Door, answer, personal_sign},
    key, opened,
};
use crate::kit::{ask, without_chain};

/// A contract whose `isValidSignature(bytes32,bytes)` agrees where `ecrecover` of the signature's 65 bytes is `owner`:
///
/// ```text
/// mstore(0, hash)  mstore(32, v)  mstore(64, r)  mstore(96, s)
/// pop(staticcall(gas, 1, 0, 128, 128, 32))
/// mstore(0, mul(0x1626ba7e << 224, eq(mload(128), owner)))  return(0, 32)
/// ```
fn wallet_of(owner: Address) -> String {
    let before = hex!(
        "600435600052" "60a43560f81c602052" "606435604052" "608435606052"
        "602060806080600060015afa50" "60805173"
    );
    let agreement = hex!("1626ba7e00000000000000000000000000000000000000000000000000000000");
    let mut code = before.to_vec();
    code.extend_from_slice(owner.as_slice());
    code.extend_from_slice(&hex!("147f"));
    code.extend_from_slice(&agreement);
    code.extend_from_slice(&hex!("0260005260206000f3"));
    hex::encode_prefixed(code)
}

async fn sign_in(door: &Door, key: alloy_primitives::B256, more: &str) -> (u16, Json) {
    let account: Address = CONTRACT.parse().expect("an address");
    let message = door.message(account, "").await;
    let signature = format!("{}{more}", personal_sign(key, &message));
    let body = json!({"message": message, "signature": signature});
    answer(door.api(reqwest::Method::POST, "session").json(&body)).await
}

#[tokio::test]
async fn a_contract_wallet_signs_in_where_its_contract_agrees() {
    if without_chain() {
        return;
    }
    let (rig, door) = opened(&[]).await;
    let node: url::Url = rig.chain.http_url().parse().expect("a URL");
    let node = node.socket_addrs(|| None).expect("an address")[0];
    let (owner, stranger) = (key(&rig, CLEO), key(&rig, STRANGER));
    let why = |body: &Json| body["error"]["message"].as_str().unwrap_or_default().to_owned();
    let (status, body) = sign_in(&door, owner, "").await;
    assert!(status == 401 && why(&body).contains("no contract"), "{status} {body:#}");
    let owner_address = rig.chain.development_address(CLEO).expect("an account");
    ask(node, "anvil_setCode", &json!([CONTRACT, wallet_of(owner_address)]));
    let (status, body) = sign_in(&door, owner, "").await;
    assert_eq!((status, &body["name"]), (200, &json!("dora")), "{body:#}");
    assert_eq!(body["access"], "responder");
    // Contracts may take longer ones: this one looks at the first 65 bytes.
    assert_eq!(sign_in(&door, owner, &"00".repeat(65)).await.0, 200);
    let (status, body) = sign_in(&door, stranger, "").await;
    assert!(status == 401 && why(&body).contains("it says no"), "{status} {body:#}");
    let (status, body) = sign_in(&door, owner, &"00".repeat(5_000)).await;
    assert!(status == 401 && why(&body).contains("more than 4096 bytes"), "{status} {body:#}");
    // A contract that gives up, or answers with something else, has not agreed.
    for code in ["0x60006000fd", "0x600160005260206000f3", "0x00", "0x5b600056"] {
        ask(node, "anvil_setCode", &json!([CONTRACT, code]));
        let (status, body) = sign_in(&door, owner, "").await;
        assert_eq!(status, 401, "{code}: {body:#}");
    }
}
