use super::{ask, chain, post};
use portcullis_range::{Chain, Fault, FaultProxy, TcpProxy};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

async fn chain_with_blocks(count: u64) -> Option<(Chain, FaultProxy)> {
    let chain = chain().await?;
    let to = chain.development_address(1).unwrap();
    let payment =
        json!([{"from": chain.development_address(0).unwrap(), "to": to, "value": "0x1"}]);
    ask(&chain.http_url(), "eth_sendTransaction", payment).await;
    for _ in 0..count {
        chain.mine(None).await.unwrap();
    }
    let proxy = FaultProxy::spawn(&chain.http_url()).await.unwrap();
    Some((chain, proxy))
}

#[tokio::test]
async fn without_a_fault_the_node_answers() {
    let Some((_chain, proxy)) = chain_with_blocks(3).await else { return };
    let head = request("eth_blockNumber", &json!([]));
    let expect = json!({"jsonrpc": "2.0", "id": 7, "result": "0x3"});
    assert_eq!(post(&proxy.url(), &head).await, Some((200, expect.clone())));
    let batch = json!([head, request("eth_chainId", &json!([]))]);
    let (_, answers) = post(&proxy.url(), &batch).await.unwrap();
    assert_eq!(answers[0], expect);
    assert_eq!(answers[1]["result"], "0x7a69");
    assert_eq!(proxy.counts()["eth_blockNumber"], 2);
    assert_eq!(proxy.counts()["eth_chainId"], 1);
}

#[tokio::test]
async fn faults_of_the_connection() {
    let Some((_chain, proxy)) = chain_with_blocks(1).await else { return };
    let head = request("eth_blockNumber", &json!([]));
    proxy.set_for(Fault::DropConnection, 1);
    assert_eq!(post(&proxy.url(), &head).await, None, "closed without an answer");
    assert_eq!(post(&proxy.url(), &head).await.unwrap().0, 200, "for one request only");
    proxy.set(Fault::Http429);
    for _ in 0..3 {
        assert_eq!(post(&proxy.url(), &head).await.unwrap().0, 429);
    }
    proxy.set(Fault::Hang);
    let url = proxy.url();
    let hanging = tokio::spawn(async move { post(&url, &head).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!hanging.is_finished());
    proxy.clear();
    let answer = timeout(Duration::from_secs(5), hanging).await.unwrap().unwrap();
    assert_eq!(answer.unwrap().1["result"], "0x1");
}

#[tokio::test]
async fn wrong_answers() {
    let Some((_chain, proxy)) = chain_with_blocks(5).await else { return };
    let url = proxy.url();
    let head = request("eth_blockNumber", &json!([]));
    let latest = request("eth_getBlockByNumber", &json!(["latest", false]));
    let receipts = request("eth_getBlockReceipts", &json!(["0x1"]));
    let answer = async |body: &Value| post(&url, body).await.unwrap().1;

    proxy.set(Fault::RpcErrorIn200);
    let failed = answer(&json!([head, latest])).await;
    assert_eq!((&failed[0]["id"], &failed[1]["error"]["code"]), (&json!(7), &json!(-32603)));

    proxy.set(Fault::StaleHead(2));
    assert_eq!(answer(&head).await["result"], "0x3");
    assert_eq!(answer(&latest).await["result"]["number"], "0x3");
    let first = request("eth_getBlockByNumber", &json!(["0x5", false]));
    assert_eq!(answer(&first).await["result"]["number"], "0x5", "only the head is stale");
    proxy.set(Fault::StaleHead(9));
    assert_eq!(answer(&head).await["result"], "0x0");

    proxy.set(Fault::ErrorFor { method: "eth_blockNumber".to_owned() });
    let batch = answer(&json!([latest, head])).await;
    assert_eq!(batch[0]["result"]["number"], "0x5");
    assert!(batch[1]["error"].is_object());

    proxy.set(Fault::EmptyLogsOnce);
    assert_eq!(answer(&head).await["result"], "0x5", "touches other methods not at all");
    let trace = request("debug_traceBlockByNumber", &json!(["0x1", {"tracer": "callTracer"}]));
    assert_eq!(answer(&trace).await["result"], json!([]));
    assert_eq!(proxy.fault(), Fault::None);
    assert_eq!(answer(&receipts).await["result"].as_array().unwrap().len(), 1, "once only");
    proxy.set(Fault::EmptyLogsOnce);
    assert_eq!(answer(&receipts).await["result"].as_array().unwrap().len(), 1, "traces only");
}

#[tokio::test]
async fn a_proxy_without_a_node_says_so() {
    let proxy = FaultProxy::spawn("http://127.0.0.1:1").await.unwrap();
    let head = request("eth_blockNumber", &json!([]));
    assert_eq!(post(&proxy.url(), &head).await.unwrap().0, 502);
    proxy.set(Fault::StaleHead(1));
    assert_eq!(post(&proxy.url(), &head).await.unwrap().0, 502);
}

/// Whether a connection answers an HTTP request within a second.
async fn speaks(stream: &mut TcpStream) -> bool {
    let body = request("eth_chainId", &json!([])).to_string();
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    let request = format!("{head}content-type: application/json\r\n\r\n{body}");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    // The whole answer, so that nothing of it is left for the next question.
    while !String::from_utf8_lossy(&answer).contains("0x7a69") {
        match timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
            Ok(Ok(count)) if 0 < count => answer.extend(&buffer[..count]),
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn tcp_connections_are_forwarded_cut_and_refused() {
    let Some(chain) = chain().await else { return };
    let proxy = TcpProxy::spawn(chain.address()).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(speaks(&mut stream).await);
    proxy.cut();
    assert!(!speaks(&mut stream).await);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(speaks(&mut stream).await, "new connections are accepted");
    proxy.refuse_for(Duration::from_mins(1));
    assert!(!speaks(&mut stream).await);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(!speaks(&mut stream).await);
    assert_eq!((proxy.accepted(), proxy.refused()), (2, 1));
    proxy.accept();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(speaks(&mut stream).await);
}
