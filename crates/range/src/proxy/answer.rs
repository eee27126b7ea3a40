//! Wrong answers, request by request.

use super::{Fault, Shared};
use axum::body::Bytes;
use serde_json::{Value as Json, json};

/// The methods of a request or batch.
pub(super) fn methods(request: &Json) -> Vec<String> {
    entries(request).iter().map(|entry| method(entry).to_owned()).collect()
}

/// Answers a request or batch with the fault. The requests of a batch go to the node one by one;
/// the answers keep their order.
pub(super) async fn with_fault(
    shared: &Shared,
    fault: &Fault,
    request: &Json,
) -> Result<Json, reqwest::Error> {
    let mut answers = Vec::new();
    for entry in entries(request) {
        answers.push(one(shared, fault, entry).await?);
    }
    Ok(match request {
        Json::Array(_) => Json::Array(answers),
        _ => answers.pop().unwrap_or(Json::Null),
    })
}

/// Sends a body to the node; gives status and body of its answer.
pub(super) async fn post(
    shared: &Shared,
    body: impl Into<reqwest::Body>,
) -> Result<(u16, Bytes), reqwest::Error> {
    let answer = shared
        .client
        .post(&shared.upstream)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    Ok((answer.status().as_u16(), answer.bytes().await?))
}

fn entries(request: &Json) -> &[Json] {
    match request {
        Json::Array(entries) => entries,
        Json::Object(_) => std::slice::from_ref(request),
        _ => &[],
    }
}

fn method(entry: &Json) -> &str {
    entry.get("method").and_then(Json::as_str).unwrap_or("")
}

async fn one(shared: &Shared, fault: &Fault, entry: &Json) -> Result<Json, reqwest::Error> {
    let id = entry.get("id").cloned().unwrap_or(Json::Null);
    if !fault.touches(method(entry)) {
        return ask(shared, entry).await;
    }
    match fault {
        Fault::RpcErrorIn200 | Fault::ErrorFor { .. } => Ok(json!({
            "jsonrpc": "2.0",
            "id": id,
            "error": {"code": -32603, "message": "internal error (injected by the range)"},
        })),
        Fault::EmptyLogsOnce => Ok(json!({"jsonrpc": "2.0", "id": id, "result": []})),
        Fault::StaleHead(behind) => stale(shared, *behind, entry).await,
        _ => ask(shared, entry).await,
    }
}

/// The answer of a node whose head is `behind` blocks back.
async fn stale(shared: &Shared, behind: u64, entry: &Json) -> Result<Json, reqwest::Error> {
    if method(entry) == "eth_blockNumber" {
        let mut answer = ask(shared, entry).await?;
        if let Some(result) = answer.get_mut("result")
            && let Some(head) = quantity(result)
        {
            *result = json!(format!("{:#x}", head.saturating_sub(behind)));
        }
        return Ok(answer);
    }
    let mut entry = entry.clone();
    if entry.pointer("/params/0") == Some(&json!("latest")) {
        let question =
            json!({"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []});
        let head = ask(shared, &question).await?.get("result").and_then(quantity);
        if let (Some(head), Some(block)) = (head, entry.pointer_mut("/params/0")) {
            *block = json!(format!("{:#x}", head.saturating_sub(behind)));
        }
    }
    ask(shared, &entry).await
}

fn quantity(value: &Json) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// The node's answer to one request.
async fn ask(shared: &Shared, entry: &Json) -> Result<Json, reqwest::Error> {
    let (_, body) = post(shared, entry.to_string()).await?;
    Ok(serde_json::from_slice(&body).unwrap_or(Json::Null))
}
