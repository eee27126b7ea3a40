//! A browser with a wallet, as far as the console can tell.

use std::time::Duration;

use alloy_primitives::{Address, B256, eip191_hash_message, hex};
use k256::ecdsa::SigningKey;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value as Json, json};

/// Where the console listens.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) address: String,
    client: Client,
}

impl Door {
    /// An address that nobody listens at.
    pub(super) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        Self { address, client: Client::new() }
    }

    /// A request to any path.
    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request of the API.
    pub(super) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, &format!("/api/v1/{path}"))
    }

    /// What a viewer's token reads.
    pub(super) async fn as_viewer(&self, path: &str) -> (u16, Json) {
        answer(self.api(Method::GET, path).bearer_auth(super::VIEWER_TOKEN)).await
    }

    /// The message that the console asks a wallet to sign, for an address; `more` stands at its end.
    pub(super) async fn message(&self, address: Address, more: &str) -> String {
        let (status, asked) = answer(self.api(Method::POST, "session/nonce")).await;
        assert_eq!(status, 200, "{asked:#}");
        let text = |name: &str| asked[name].as_str().expect("text").to_owned();
        format!(
            "{} wants you to sign in with your Ethereum account:\n{}\n\n{}\n\nURI: {}\nVersion: 1\nChain ID: {}\nNonce: \
             {}\nIssued At: {}{more}",
            text("domain"),
            address.to_checksum(None),
            text("statement"),
            text("uri"),
            asked["chainId"],
            text("nonce"),
            text("issuedAt"),
        )
    }

    /// Hands a signed message in.
    pub(super) async fn hand_in(&self, message: &str, signature: &str) -> reqwest::Response {
        let body = json!({"message": message, "signature": signature});
        self.api(Method::POST, "session").json(&body).send().await.expect("it answers")
    }
}

/// Status and body.
pub(super) async fn answer(request: RequestBuilder) -> (u16, Json) {
    let response = request.send().await.expect("it answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
}

/// The address of a key.
pub(super) fn address_of(key: B256) -> Address {
    Address::from_public_key(signing(key).verifying_key())
}

fn signing(key: B256) -> SigningKey {
    SigningKey::from_slice(key.as_slice()).expect("a key")
}

/// What `personal_sign` answers.
pub(super) fn personal_sign(key: B256, text: &str) -> String {
    let hash = eip191_hash_message(text.as_bytes());
    let signed = signing(key).sign_prehash_recoverable(hash.as_slice());
    let (signature, recovery) = signed.expect("signed");
    format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + recovery.to_byte())
}

/// Somebody with a session.
pub(super) struct Person {
    door: Door,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Person {
    /// Signs in; the refusal where that is refused.
    pub(super) async fn sign_in(door: &Door, key: B256) -> Result<Self, (u16, Json)> {
        let message = door.message(address_of(key), "").await;
        let response = door.hand_in(&message, &personal_sign(key, &message)).await;
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").cloned();
        let body: Json = response.json().await.expect("JSON");
        if status != 200 {
            return Err((status, body));
        }
        let cookie = cookie.expect("a cookie").to_str().expect("text").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().expect("one").to_owned();
        let csrf = body["csrf"].as_str().expect("a token").to_owned();
        Ok(Self { door: door.clone(), cookie, csrf })
    }

    /// A request in this session.
    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.door.api(method, path).header("cookie", &self.cookie);
        request.header("x-csrf-token", &self.csrf)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Json) {
        answer(self.ask(Method::GET, path)).await
    }

    /// Reads until it is so.
    pub(super) async fn until(&self, path: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..300 {
            let (status, found) = self.get(path).await;
            assert_eq!(status, 200, "{found:#}");
            if is_so(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} does not come to be so: {:#}", self.get(path).await.1);
    }

    pub(super) async fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        answer(self.ask(Method::POST, path).json(body)).await
    }

    pub(super) async fn command(&self, case: &str, what: &Json) -> (u16, Json) {
        self.post(&format!("cases/{case}/commands"), &json!({"command": what})).await
    }
}
