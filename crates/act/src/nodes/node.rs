//! One node. A socket is opened when it is needed, and again when it broke: a node that restarts must not leave us
//! without a line for as long as we run.

use std::{fmt, sync::Arc, time::Duration};

use alloy_provider::{Provider as _, ProviderBuilder, RootProvider, WsConnect};
use alloy_transport::{RpcError, TransportError, TransportErrorKind};
use portcullis_types::text::printable;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::{sync::Mutex, time::timeout};
use url::{Host, Url};

use super::NodeError;

/// A node at one address.
#[derive(Clone)]
pub(super) struct Node {
    host: String,
    line: Line,
}

#[derive(Clone)]
enum Line {
    /// Connects at each request, where need be.
    Http(RootProvider),
    /// WebSocket; none where it broke.
    Socket { url: Url, open: Arc<Mutex<Option<Arc<RootProvider>>>> },
}

/// What can be read from a node's answer.
pub(crate) trait Answer:
    DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static
{
}
impl<T: DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static> Answer for T {}

impl Node {
    /// A line to the node at `url`. A socket must stand at first: what never answered may be a mistake in the address.
    pub(super) async fn connect(url: &Url, time_limit: Duration) -> Result<Self, NodeError> {
        let host = url.host_str().unwrap_or("(no host)").to_owned();
        let broken = |detail: String| NodeError::Address { node: host.clone(), detail };
        let line = match url.scheme() {
            "http" | "https" => {
                let mut client = reqwest::Client::builder().timeout(time_limit);
                if is_loopback(url) {
                    // A proxy from the environment must not stand between us and a node of our own.
                    client = client.no_proxy();
                }
                let client =
                    client.build().map_err(|error| broken(error.without_url().to_string()))?;
                Line::Http(ProviderBuilder::default().connect_reqwest(client, url.clone()))
            }
            "ws" | "wss" => Line::Socket { url: url.clone(), open: Arc::default() },
            scheme => {
                return Err(broken(format!(
                    "`{scheme}` is not a scheme: use http, https, ws or wss"
                )));
            }
        };
        match timeout(time_limit, line.provider()).await {
            Ok(Ok(_)) => Ok(Self { host, line }),
            Ok(Err(_)) | Err(_) => Err(broken("no connection: check that it runs".to_owned())),
        }
    }

    /// All of the address that may be shown.
    pub(super) fn host(&self) -> &String {
        &self.host
    }

    pub(super) async fn request<T: Answer>(
        &self,
        method: &'static str,
        params: Json,
        time_limit: Duration,
    ) -> Result<T, NodeError> {
        let mut used = None;
        let asking = async {
            let provider = self.line.provider().await?;
            used = Some(Arc::clone(&provider));
            provider.raw_request::<Json, T>(method.into(), params).await
        };
        let answer = timeout(time_limit, asking).await;
        // One that does not answer may be half open: nobody tells when the other side is gone.
        let is_broken = !matches!(
            answer,
            Ok(Ok(_) | Err(RpcError::ErrorResp(_) | RpcError::DeserError { .. }))
        );
        if let (true, Some(used)) = (is_broken, used) {
            self.line.hang_up(&used).await;
        }
        match answer {
            Ok(answer) => answer.map_err(|error| self.explain(method, &error)),
            Err(_) => Err(silent(
                method,
                &self.host,
                format!("nothing within {} ms", time_limit.as_millis()),
            )),
        }
    }

    /// Our words for a transport's error: its own hold the node's whole address.
    fn explain(&self, method: &'static str, error: &TransportError) -> NodeError {
        let detail = match error {
            RpcError::ErrorResp(refusal) => {
                let data = refusal.data.as_ref().map_or(String::new(), |data| format!(" {data}"));
                let message = printable(&format!("{}{data}", refusal.message));
                return NodeError::Refused { method, code: refusal.code, message };
            }
            RpcError::Transport(
                TransportErrorKind::HttpError(http)
                | TransportErrorKind::HttpErrorWithRetryAfter { error: http, .. },
            ) => format!("HTTP status {}", http.status),
            RpcError::DeserError { .. } | RpcError::NullResp => {
                "an answer of another form".to_owned()
            }
            _ => "not reachable".to_owned(),
        };
        silent(method, &self.host, detail)
    }
}

impl Line {
    /// The connection, made if need be.
    async fn provider(&self) -> Result<Arc<RootProvider>, TransportError> {
        let (url, open) = match self {
            Self::Http(provider) => return Ok(Arc::new(provider.clone())),
            Self::Socket { url, open } => (url, open),
        };
        let mut open = open.lock().await;
        if let Some(provider) = &*open {
            return Ok(Arc::clone(provider));
        }
        // It is made anew here, at the next request, and not after pauses of its own.
        let connect = WsConnect::new(url.as_str()).with_max_retries(1);
        // Boxed: it is large, and a part of every request.
        let connecting = Box::pin(ProviderBuilder::default().connect_ws(connect));
        let provider = Arc::new(connecting.await?);
        *open = Some(Arc::clone(&provider));
        Ok(provider)
    }

    /// Forgets a connection, unless another request replaced it already.
    async fn hang_up(&self, used: &Arc<RootProvider>) {
        let Self::Socket { open, .. } = self else { return };
        let mut open = open.lock().await;
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, used)) {
            *open = None;
        }
    }
}

/// A node that gave no usable answer.
pub(super) fn silent(method: &'static str, node: &str, detail: String) -> NodeError {
    NodeError::Silent { method, node: node.to_owned(), detail }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
