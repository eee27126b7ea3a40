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
            let answer = client.post(node).json(&request).send().await.unwrap();
            Body(answer.json::<Json>().await.unwrap())
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
