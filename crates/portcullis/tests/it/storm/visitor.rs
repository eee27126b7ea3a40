//! Somebody who looks at the console all the time, and somebody who listens.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value as Json;

use super::http;

/// What opens the API. Of this test alone.
pub(crate) const TOKEN: &str = "storm-storm-storm-storm-storm-storm";
/// Pause between two pages: about what three people at a time ask for.
const PAUSE: Duration = Duration::from_millis(60);
/// Items of a page.
const ITEMS: usize = 200;

/// What was asked, when, and how long the answer took.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) page: &'static str,
    pub(super) at: Instant,
    pub(super) took: Duration,
}

/// See the module.
pub(super) struct Visitor {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Vec<Visit>>,
    heard: Arc<Mutex<Vec<(u64, u64)>>>,
}

/// A port that nobody has.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

pub(crate) fn unix_millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a time of this age")
}

impl Visitor {
    pub(super) fn start(api: SocketAddr) -> Self {
        let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<_>>>::default());
        let (is_over, ears) = (Arc::clone(&stop), Arc::clone(&heard));
        std::thread::spawn(move || {
            http::events(api, TOKEN, |seq| {
                ears.lock().expect("not poisoned").push((unix_millis(SystemTime::now()), seq));
            });
        });
        let looking = std::thread::spawn(move || {
            let mut visits = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                look_around(api, &mut visits);
            }
            visits
        });
        Self { stop, looking, heard }
    }

    /// What was seen: every answer was good, and no list longer than was asked for.
    pub(super) fn end(self) -> (Vec<Visit>, Vec<(u64, u64)>) {
        self.stop.store(true, Ordering::Relaxed);
        let visits = self.looking.join().expect("every answer is good");
        let heard = self.heard.lock().expect("not poisoned").clone();
        (visits, heard)
    }
}

/// One round over the pages.
fn look_around(api: SocketAddr, visits: &mut Vec<Visit>) {
    let mut visit = |page: &'static str, path: &str| {
        let at = Instant::now();
        let (status, body) = http::get(api, TOKEN, path).expect("an answer");
        visits.push(Visit { page, at, took: at.elapsed() });
        assert_eq!(status, 200, "{path}: {body}");
        let items = body["items"].as_array().map_or(0, Vec::len);
        assert!(items <= ITEMS, "{path}: {items} items");
        std::thread::sleep(PAUSE);
        body
    };
    visit("overview", "/api/v1/overview");
    let cases = visit("cases", &format!("/api/v1/cases?limit={ITEMS}"));
    let Some(id) = cases["items"][0]["id"].as_str() else { return };
    visit("case", &format!("/api/v1/cases/{id}"));
    visit("timeline", &format!("/api/v1/cases/{id}/timeline?limit={ITEMS}&order=newest"));
    visit("findings", &format!("/api/v1/cases/{id}/findings?limit={ITEMS}"));
}

/// One answer of the API.
pub(crate) fn see(api: SocketAddr, path: &str) -> Json {
    let (status, body) = http::get(api, TOKEN, path).expect("an answer");
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Half of the values are at most the first, 99 of 100 at most the second, all at most the third.
pub(super) fn spread(mut values: Vec<u64>) -> (u64, u64, u64) {
    values.sort_unstable();
    let at =
        |share: usize| values.get((values.len() * share / 100).min(values.len().saturating_sub(1)));
    let value = |share| at(share).copied().unwrap_or_default();
    (value(50), value(99), values.last().copied().unwrap_or_default())
}

/// Milliseconds of the visits of each page.
pub(super) fn by_page(visits: &[&Visit]) -> BTreeMap<&'static str, (usize, (u64, u64, u64))> {
    let mut pages: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for visit in visits {
        let millis = u64::try_from(visit.took.as_millis()).expect("short");
        pages.entry(visit.page).or_default().push(millis);
    }
    pages.into_iter().map(|(page, all)| (page, (all.len(), spread(all)))).collect()
}
