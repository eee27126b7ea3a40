//! A subscription of a node, over WebSocket or IPC.

use alloy_primitives::B256;
use alloy_rpc_client::RpcClient;
use alloy_transport::TransportResult;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    error::CallFailure,
    link::{failure, lost},
    node::Node,
};

/// Most heads that wait to be noticed. They only wake up, so that one would do.
const HEADS_MAX: usize = 16;
/// Most pending transactions that wait to be taken. A busy chain sends a few hundred a second.
const PENDING_MAX: usize = 4_096;

/// What is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `newHeads`.
    NewHeads,
    /// `newPendingTransactions`, whole.
    Pending,
}

/// An open subscription. Dropping it ends it at the node too.
#[derive(Debug)]
pub(crate) struct Feed {
    received: broadcast::Receiver<Box<RawValue>>,
    client: RpcClient,
    id: B256,
}

/// What came out of a [`Feed`].
pub(crate) enum Fed {
    /// A notification.
    Item(Box<RawValue>),
    /// So many were dropped, the oldest first, because nobody took them in time.
    Dropped(u64),
    /// The subscription is over.
    Closed,
}

impl Feed {
    /// Subscribes at the first address that can carry it.
    pub(crate) async fn open(node: &Node, topic: Topic) -> Result<Self, CallFailure> {
        let (address, client) = node.stream().await?;
        let opening = subscribe(&client, topic);
        match tokio::time::timeout(node.options().request_time_limit, opening).await {
            Err(_) => Err(lost(address, "no answer to eth_subscribe in time")),
            Ok(Err(error)) => Err(failure(address, "eth_subscribe", &error)),
            Ok(Ok((received, id))) => Ok(Self { received, client, id }),
        }
    }

    /// Waits for the next notification. May be given up and called again without losing any.
    pub(crate) async fn next(&mut self) -> Fed {
        match self.received.recv().await {
            Ok(item) => Fed::Item(item),
            Err(RecvError::Lagged(count)) => Fed::Dropped(count),
            Err(RecvError::Closed) => Fed::Closed,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(frontend) = self.client.pubsub_frontend() {
            // The connection may be gone already, and the subscription with it.
            let _ = frontend.unsubscribe(self.id);
        }
    }
}

async fn subscribe(
    client: &RpcClient,
    topic: Topic,
) -> TransportResult<(broadcast::Receiver<Box<RawValue>>, B256)> {
    let (parameters, items_max) = match topic {
        Topic::NewHeads => (json!(["newHeads"]), HEADS_MAX),
        Topic::Pending => (json!(["newPendingTransactions", true]), PENDING_MAX),
    };
    let Some(frontend) = client.pubsub_frontend() else {
        return Err(alloy_transport::TransportErrorKind::pubsub_unavailable());
    };
    frontend.set_channel_size(items_max);
    let id = client.request::<Value, B256>("eth_subscribe", parameters).await?;
    let subscription = frontend.get_subscription(id).await?;
    Ok((subscription.rx, id))
}
