//! A node that answers what a test tells it to.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What to answer.
pub(crate) enum Reply {
    Result(Value),
    Refusal(i64, &'static str),
    Status(u16),
    Text(String),
    Hang,
}

type Script = dyn FnMut(&str, &Value) -> Reply + Send;

/// An HTTP server with a script, ended with this value.
pub(crate) struct Fake {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Fake {
    /// `script` gets the method and the parameters. It is asked for `eth_chainId` as well.
    pub(crate) async fn start(script: impl FnMut(&str, &Value) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone()));
            }
        });
        Self { port, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/key0123456789", self.port)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let reply = script.lock().unwrap()(asked["method"].as_str().unwrap(), &asked["params"]);
        let (status, text) = match reply {
            Reply::Result(value) => (200, json!({"id": 1, "result": value}).to_string()),
            Reply::Refusal(code, message) => {
                (200, json!({"id": 1, "error": {"code": code, "message": message}}).to_string())
            }
            Reply::Status(status) => (status, "no".to_owned()),
            Reply::Text(text) => (200, text),
            Reply::Hang => return std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all((head + &text).as_bytes()).await.is_err() {
            return;
        }
    }
}
