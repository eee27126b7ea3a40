//! A plain TCP forwarder that can cut its connections: for WebSocket, which the HTTP proxy does
//! not speak.

use crate::{RangeError, proxy::listen};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

/// A TCP forwarder on loopback. Dropping it closes it and its connections.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    cuts: watch::Sender<u64>,
    refuse_until: Mutex<Option<Instant>>,
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl TcpProxy {
    /// Starts a forwarder to a socket address, such as [`Chain::address`](crate::Chain::address).
    ///
    /// # Errors
    /// [`RangeError::Listen`].
    pub async fn spawn(upstream: SocketAddr) -> Result<Self, RangeError> {
        let (listener, address) = listen().await?;
        let shared = Arc::new(Shared {
            upstream,
            cuts: watch::Sender::new(0),
            refuse_until: Mutex::new(None),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// The forwarder's socket address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The forwarder's address for WebSocket clients.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Closes every open connection; new ones are accepted.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes every open connection, and new ones as soon as they come, for this long.
    pub fn refuse_for(&self, duration: Duration) {
        self.set_refuse_until(Instant::now().checked_add(duration));
        self.cut();
    }

    /// Accepts connections again.
    pub fn accept(&self) {
        self.set_refuse_until(None);
    }

    /// How many connections were forwarded so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many connections were closed as soon as they came.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    fn set_refuse_until(&self, until: Option<Instant>) {
        *self.shared.refuse_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        // The connections are tasks of the server's set and end with it.
        self.server.abort();
    }
}

impl Shared {
    fn is_refusing(&self) -> bool {
        let until = *self.refuse_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // Connections that have ended are forgotten as they end.
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((client, _)) = accepted else {
            // Out of file descriptors, most likely: give others time to close theirs.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if shared.is_refusing() {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        connections.spawn(forward(client, shared.upstream, shared.cuts.subscribe()));
    }
}

/// Forwards both ways until one side closes or the connection is cut.
async fn forward(mut client: TcpStream, upstream: SocketAddr, mut cuts: watch::Receiver<u64>) {
    let Ok(mut node) = TcpStream::connect(upstream).await else { return };
    tokio::select! {
        // A cut comes first: nothing is forwarded after it.
        biased;
        _ = cuts.changed() => {}
        // An error of either side ends the connection for both, as it would without us.
        _ = copy_bidirectional(&mut client, &mut node) => {}
    }
}
