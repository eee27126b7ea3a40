//! Receivers.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use portcullis_notify::{Dispatcher, Kind, Notice, NotifyFile, Outbox, Plan, Secrecy, Severity};
use portcullis_types::ids::{CaseId, Millis, Seq};

/// 2026-09-01.
pub(crate) const START: u64 = 1_788_221_100_000;

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Status, value of Retry-After, body.
pub(crate) type Answer = (u16, Option<&'static str>, &'static str);

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    /// What is answered next; 200 when it is empty.
    pub(crate) answers: Arc<Mutex<VecDeque<Answer>>>,
    /// What is answered when `answers` is empty.
    pub(crate) status: Arc<Mutex<u16>>,
}

impl Server {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let server = Self::default();
        *server.status.lock().unwrap() = 200;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, address)
    }

    pub(crate) fn taken(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

async fn answer(
    State(server): State<Server>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    server.requests.lock().unwrap().push(Request { path: uri.to_string(), headers, body });
    let next = server.answers.lock().unwrap().pop_front();
    let (status, after, words) = next.unwrap_or((*server.status.lock().unwrap(), None, "ok"));
    let mut answer = (StatusCode::from_u16(status).unwrap(), words).into_response();
    if let Some(after) = after {
        answer.headers_mut().insert("retry-after", after.parse().unwrap());
    }
    answer
}

/// A configuration, its secrets in files, and the queue.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) file: NotifyFile,
}

impl Bench {
    /// `secrets` are files: name and content.
    pub(crate) fn new(yaml: &str, secrets: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in secrets {
            std::fs::write(folder.path().join(name), format!("{content}\n")).unwrap();
        }
        let file: NotifyFile = serde_saphyr::from_str(yaml).unwrap();
        file.check().unwrap();
        Self { folder, file }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.file.outbox)
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::open(&self.path(), Plan::new(&self.file, 7)).unwrap()
    }

    pub(crate) fn dispatcher(&self, outbox: &Outbox) -> Dispatcher {
        let folder: &Path = self.folder.path();
        Dispatcher::new(outbox.clone(), &self.file, folder).unwrap()
    }
}

pub(crate) fn case() -> CaseId {
    CaseId(Seq(42))
}

pub(crate) fn notice(severity: Severity, group: &str) -> Notice {
    Notice::new(Kind::Finding, severity, group, &format!("{group} <@everyone>"), Millis(START))
        .of_case(case())
        .with("Loss so far", "$4,200,000.00", Secrecy::WhileContaining)
        .linked("https://ir.example/cases/PC-000042".parse().unwrap())
}
