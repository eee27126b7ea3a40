//! A node of less: anvil behind a line on which one method is missing or slow.

use std::time::Duration;

use alloy_primitives::{Bytes, keccak256};
use axum::{Json as Body, Router, routing::post};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use url::Url;

#[derive(Clone, Copy)]
pub enum Fault {
    Missing,
    Slow(Duration),
    /// Says that it took a transaction, and forgets it.
    Swallows,
    /// Says of a transaction that took effect that it did not.
    Belies,
    /// Says of a transaction that is in no block that it is in the newest one.
    Invents,
}

/// The address of a line to `node` on which `method` (all of them: `*`) has a fault. It lives as long as the test's
/// runtime.
pub async fn start(node: Url, method: &'static str, fault: Fault) -> Url {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let handler = move |Body(request): Body<Json>| {
        let (client, node) = (client.clone(), node.clone());
        async move {
            if method == "*" || request["method"] == method {
                match fault {
                    Fault::Missing => {
                        let error = json!({"code": -32601, "message": "the method does not exist"});
                        return Body(
                            json!({"jsonrpc": "2.0", "id": request["id"], "error": error}),
                        );
                    }
                    Fault::Slow(wait) => tokio::time::sleep(wait).await,
                    Fault::Belies | Fault::Invents => {}
                    Fault::Swallows => {
                        let raw: Bytes =
                            serde_json::from_value(request["params"][0].clone()).unwrap();
                        let hash = keccak256(raw);
                        return Body(
                            json!({"jsonrpc": "2.0", "id": request["id"], "result": hash}),
                        );
                    }
                }
            }
            let answer = client.post(node.clone()).json(&request).send().await.unwrap();
            let mut answer = answer.json::<Json>().await.unwrap();
            if request["method"] == method {
                lie(&client, &node, fault, &request, &mut answer).await;
            }
            Body(answer)
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Alters the answer to a question for a receipt.
async fn lie(
    client: &reqwest::Client,
    node: &Url,
    fault: Fault,
    request: &Json,
    answer: &mut Json,
) {
    let receipt = &mut answer["result"];
    match fault {
        Fault::Belies if receipt.is_object() => receipt["status"] = json!("0x0"),
        Fault::Invents if receipt.is_null() => {
            let head =
                super::relay::ask(client, node, "eth_getBlockByNumber", json!(["latest", false]));
            let head = head.await;
            *receipt = json!({
                "transactionHash": request["params"][0], "blockHash": head["hash"],
                "blockNumber": head["number"], "status": "0x1",
            });
        }
        _ => {}
    }
}
