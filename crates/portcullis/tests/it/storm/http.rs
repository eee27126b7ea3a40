//! HTTP in a few lines: one question, one connection.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value as Json;

/// Longest wait for an answer.
const WITHIN: Duration = Duration::from_secs(20);

fn send(to: SocketAddr, head: &str, body: &str) -> std::io::Result<TcpStream> {
    let mut line = TcpStream::connect_timeout(&to, WITHIN)?;
    line.set_read_timeout(Some(WITHIN))?;
    write!(line, "{head} HTTP/1.0\r\nHost: {to}\r\n{body}")?;
    Ok(line)
}

/// Asks a node several things at once.
pub(super) fn post(node: SocketAddr, body: &Json) -> Json {
    let body = body.to_string();
    let rest =
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut line = send(node, "POST /", &rest).expect("the node listens");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("answered");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer over HTTP");
    serde_json::from_str(body).expect("JSON")
}

/// Asks the API; the status and what it says.
pub(super) fn get(api: SocketAddr, token: &str, path: &str) -> std::io::Result<(u16, Json)> {
    let rest = format!("Authorization: Bearer {token}\r\n\r\n");
    let mut line = send(api, &format!("GET {path}"), &rest)?;
    let mut answer = String::new();
    line.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

/// The ids of the API's events, one after the other, until it says no more for [`WITHIN`] or ends.
pub(super) fn events(api: SocketAddr, token: &str, mut tell: impl FnMut(u64)) {
    let rest = format!("Authorization: Bearer {token}\r\n\r\n");
    let Ok(line) = send(api, "GET /api/v1/events", &rest) else { return };
    for line in BufReader::new(line).lines().map_while(Result::ok) {
        if let Some(id) = line.strip_prefix("id: ").and_then(|id| id.trim().parse().ok()) {
            tell(id);
        }
    }
}
