//! News as they happen: server-sent events.
//!
//! A stream says which cases changed and in what respect; what it is now is read anew. Who comes back with `Last-Event-ID`
//! gets what was missed, or `resync`. Who reads too slowly gets `resync` and is let go.
//!
//! Source: WHATWG HTML, server-sent events.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use portcullis_types::ids::Seq;
use tokio::sync::broadcast;

use super::{
    App,
    access::Caller,
    asked::Asked,
    error::ApiError,
    replica::{Change, Missed},
    secret::header as header_text,
};
use crate::runner::now;

/// Most streams at once.
pub(crate) const STREAMS_MAX: usize = 200;
/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Least time between two events: what happens in between is told together.
const GATHER: Duration = Duration::from_millis(100);

/// Streams that are open.
#[derive(Debug, Default)]
pub(crate) struct Streams(Arc<AtomicUsize>);

/// A place among them, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    fn take(&self) -> Option<Place> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.0));
        (before < STREAMS_MAX).then_some(place)
    }
}

struct Stream {
    app: Arc<App>,
    caller: Caller,
    receiver: broadcast::Receiver<Change>,
    waiting: Vec<Bytes>,
    is_over: bool,
    _place: Place,
}

/// GET events.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = asked.caller()?.clone();
    let place = app.streams.take().ok_or_else(|| ApiError::busy("too many streams are open"))?;
    let last = header_text(&headers, "last-event-id").map(|text| text.parse().map(Seq));
    let (receiver, missed) = match last {
        Some(Ok(seq)) => app.replica.changes().listen(Some(seq)),
        // An id that is none of ours: begin anew.
        Some(Err(_)) => (app.replica.changes().listen(None).0, Missed::TooMuch),
        None => app.replica.changes().listen(None),
    };
    let mut waiting = vec![Bytes::from_static(b"retry: 2000\n: portcullis\n\n")];
    match missed {
        Missed::Changes(changes) => waiting.extend(changes.iter().map(written)),
        Missed::TooMuch => waiting.push(resync(app.replica.look().seq)),
    }
    waiting.reverse();
    let stream = Stream { app, caller, receiver, waiting, is_over: false, _place: place };
    let body = futures_util::stream::unfold(stream, async |mut stream| {
        let bytes = stream.next().await?;
        Some((Ok::<Bytes, Infallible>(bytes), stream))
    });
    let mut response = Body::from_stream(body).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn written(change: &Change) -> Bytes {
    let data = serde_json::to_string(change).unwrap_or_default();
    format!("event: change\nid: {}\ndata: {data}\n\n", change.seq).into()
}

fn resync(seq: Seq) -> Bytes {
    format!("event: resync\nid: {seq}\ndata: {{\"seq\":{seq},\"cases\":[],\"what\":[]}}\n\n").into()
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.waiting.pop() {
            return Some(bytes);
        }
        if self.is_over {
            return None;
        }
        match tokio::time::timeout(HEARTBEAT, self.receiver.recv()).await {
            Err(_) => {
                // A session that has ended hears nothing more.
                let key = self.caller.session;
                let goes_on = key.is_none_or(|key| self.app.sessions.is_open(&key, now()));
                goes_on.then(|| Bytes::from_static(b": still here\n\n"))
            }
            Ok(Ok(first)) => Some(self.gather(first).await),
            Ok(Err(broadcast::error::RecvError::Lagged(_))) => Some(self.too_slow()),
            Ok(Err(broadcast::error::RecvError::Closed)) => None,
        }
    }

    fn too_slow(&mut self) -> Bytes {
        self.is_over = true;
        self.app.counters.resynced();
        resync(self.app.replica.look().seq)
    }

    /// Tells together what happens within a moment.
    async fn gather(&mut self, mut change: Change) -> Bytes {
        tokio::time::sleep(GATHER).await;
        loop {
            match self.receiver.try_recv() {
                Ok(next) => {
                    change.seq = change.seq.max(next.seq);
                    change.cases.extend(next.cases);
                    change.what.extend(next.what);
                }
                Err(broadcast::error::TryRecvError::Lagged(_)) => return self.too_slow(),
                Err(_) => return written(&change),
            }
        }
    }
}
