//! Asking a local chain for what the world's own means do not do.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// One question over HTTP; the answer's `result`.
pub(crate) fn ask(node: SocketAddr, method: &str, params: &serde_json::Value) -> serde_json::Value {
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let body = body.to_string();
    let mut line = TcpStream::connect(node).expect("the node listens");
    let head = "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json";
    write!(line, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("asked");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("answered");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer over HTTP");
    let answer: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}
