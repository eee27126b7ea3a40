//! A JSON-RPC proxy that fails on demand, in the ways that nodes and their providers fail.

mod answer;
mod stream;

use crate::RangeError;
use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use stream::{Connection, CuttableListener};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long a request hangs at most.
const HANG_SECONDS_MAX: u64 = 60;
/// The largest request body, in bytes: a proxy for tests has no use for more.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A way to fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// Answer as the node does.
    #[default]
    None,
    /// Read the request, then close the connection without an answer.
    DropConnection,
    /// Do not answer until the fault is changed, for 60 seconds at most; then answer normally.
    Hang,
    /// HTTP status 429, too many requests.
    Http429,
    /// HTTP status 200 with a JSON-RPC error for every request.
    RpcErrorIn200,
    /// An empty list, once, for the next `debug_traceBlock*` or `debug_traceTransaction`: the node claims that nothing
    /// happened. In a batch, for each of them. Receipts and logs are left alone: who acts asks for those too.
    EmptyLogsOnce,
    /// `eth_blockNumber` and `eth_getBlockByNumber("latest")` answer with a head this many blocks
    /// behind.
    StaleHead(u64),
    /// A JSON-RPC error with HTTP status 200 for one method.
    ErrorFor {
        /// The method's exact name.
        method: String,
    },
}

impl Fault {
    /// Whether the fault changes the answer to a request of this method.
    fn touches(&self, method: &str) -> bool {
        match self {
            Self::None => false,
            Self::DropConnection | Self::Hang | Self::Http429 | Self::RpcErrorIn200 => true,
            Self::EmptyLogsOnce => {
                method == "debug_traceTransaction"
                    // Not `debug_traceCall`: that is a question about a view, and says nothing of what happened.
                    || method.starts_with("debug_traceBlock")
            }
            Self::StaleHead(_) => matches!(method, "eth_blockNumber" | "eth_getBlockByNumber"),
            Self::ErrorFor { method: broken } => method == broken,
        }
    }
}

/// An HTTP JSON-RPC proxy on loopback. Dropping it closes it and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    plan: Mutex<Plan>,
    /// Counts changes by the user, so that hanging requests notice them.
    changes: watch::Sender<u64>,
    counts: Mutex<BTreeMap<String, u64>>,
    closed: Arc<AtomicBool>,
}

/// The fault, and how many more requests it touches; `None` means until it is changed.
#[derive(Debug, Default)]
struct Plan {
    fault: Fault,
    remaining: Option<u64>,
}

impl FaultProxy {
    /// Starts a proxy for the node at an HTTP address.
    ///
    /// # Errors
    /// [`RangeError::Listen`].
    pub async fn spawn(upstream: &str) -> Result<Self, RangeError> {
        let (listener, address) = listen().await?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(|error| RangeError::Node { method: "connect", message: error.to_string() })?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client,
            plan: Mutex::default(),
            changes: watch::Sender::new(0),
            counts: Mutex::default(),
            closed: Arc::default(),
        });
        let listener = CuttableListener { listener, closed: Arc::clone(&shared.closed) };
        let router = Router::new()
            .route("/", post(handle))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Connection>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fault proxy ended");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// The proxy's address, for the program under test.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Fails in this way from now on.
    pub fn set(&self, fault: Fault) {
        self.change(Plan { fault, remaining: None });
    }

    /// Fails in this way for the next `requests` HTTP requests that the fault touches; a batch
    /// counts as one.
    pub fn set_for(&self, fault: Fault, requests: u64) {
        self.change(Plan { fault, remaining: Some(requests) });
    }

    /// Answers as the node does from now on.
    pub fn clear(&self) {
        self.set(Fault::None);
    }

    /// The fault that the next request may meet.
    pub fn fault(&self) -> Fault {
        lock(&self.shared.plan).fault.clone()
    }

    /// How many requests came in, by method, whatever was answered. Requests of a batch count each.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.counts).clone()
    }

    fn change(&self, plan: Plan) {
        let once = plan.fault == Fault::EmptyLogsOnce;
        let none = plan.remaining == Some(0);
        *lock(&self.shared.plan) = match plan {
            _ if none => Plan::default(),
            Plan { fault, .. } if once => Plan { fault, remaining: Some(1) },
            plan => plan,
        };
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.server.abort();
        // Hanging requests would keep their connections.
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

impl Shared {
    /// The fault for a request with these methods; counts it down.
    fn take_fault(&self, methods: &[String]) -> Fault {
        let mut plan = lock(&self.plan);
        if !methods.iter().any(|method| plan.fault.touches(method)) {
            return Fault::None;
        }
        let fault = plan.fault.clone();
        if let Some(remaining) = plan.remaining.as_mut() {
            *remaining -= 1;
            if *remaining == 0 {
                *plan = Plan::default();
            }
        }
        fault
    }

    fn count(&self, methods: &[String]) {
        let mut counts = lock(&self.counts);
        for method in methods {
            *counts.entry(method.clone()).or_default() += 1;
        }
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    body: Bytes,
) -> Response {
    // What is no JSON has no method; the node may say what it thinks of it.
    let request: Json = serde_json::from_slice(&body).unwrap_or(Json::Null);
    let methods = answer::methods(&request);
    shared.count(&methods);
    let mut changes = shared.changes.subscribe();
    match shared.take_fault(&methods) {
        Fault::None => forward(&shared, body).await,
        Fault::DropConnection => {
            connection.cut();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Fault::Hang => {
            let limit = Duration::from_secs(HANG_SECONDS_MAX);
            // Whether the fault changed or the time is over, the request is answered now.
            let _ = tokio::time::timeout(limit, changes.changed()).await;
            forward(&shared, body).await
        }
        Fault::Http429 => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], "too many requests")
                .into_response()
        }
        fault => match answer::with_fault(&shared, &fault, &request).await {
            Ok(answer) => axum::Json(answer).into_response(),
            Err(error) => bad_gateway(&error),
        },
    }
}

/// A listener on a free port of loopback.
pub(crate) async fn listen() -> Result<(TcpListener, SocketAddr), RangeError> {
    let failed = |source| RangeError::Listen { source };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The node's own answer, unread.
async fn forward(shared: &Shared, body: Bytes) -> Response {
    match answer::post(shared, body).await {
        Ok((status, answer)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "application/json")], answer).into_response()
        }
        Err(error) => bad_gateway(&error),
    }
}

fn bad_gateway(error: &reqwest::Error) -> Response {
    (StatusCode::BAD_GATEWAY, format!("the node behind the proxy does not answer: {error}"))
        .into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
