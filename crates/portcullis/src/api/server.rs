//! The socket: at most so many connections, no header and no body for ever, and a runtime of its own, so that whoever reads
//! takes no thread from what decides.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::sync::{Semaphore, oneshot};

use super::Peer;

/// Most connections at once.
pub(crate) const CONNECTIONS_MAX: usize = 512;
/// Longest time a client may take for the head of a request.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// Longest head of a request, bytes.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Threads that answer.
const THREADS: usize = 2;

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Begins to listen and to answer.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub(crate) fn start(
        listen: SocketAddr,
        router: impl FnOnce(SocketAddr) -> Router + Send + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).with_context(|| {
            format!("the console cannot listen on {listen}: give `console.listen` a free address")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(8)
            .thread_name("console")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("console".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let router = router(address);
                tokio::select! {
                    () = accept(listener, router) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        Ok(Self { address, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the console cannot listen");
            return;
        }
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or a client that is gone already: neither ends the server.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let service = TowerToHyperService::new(router.layer(Extension(Peer(peer))));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_WITHIN)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}
