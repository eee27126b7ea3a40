//! A storm of findings through the whole program: a real chain, rules that fire on real events, the journal, the outbox and
//! a channel, the console's API with somebody who looks at it all the time; and in the middle of it a real theft.
//!
//! The figures of the large one: `cargo test --release --workspace --test it -- --ignored --nocapture storm`.

mod http;
mod noise;
mod record;
pub(crate) mod visitor;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::{
    kit::{Rig, without_chain},
    telling::{Arrival, Receiver},
};
use noise::{KINDS, Noise};
use record::Written;
use visitor::{TOKEN, Visit, Visitor, by_page, free_port, see, spread, unix_millis};

const SCENARIO: &str = "lending-spot-oracle";
/// Most findings of one block that are journaled, as the detectors' limit says.
const FINDINGS_A_BLOCK: usize = 1_000;
/// Transactions of a block's noise: with [`KINDS`] events each they make a tenth more findings than a block may have.
const TRANSACTIONS: u64 = 22;
/// Findings that a case keeps, and that a decision names.
const FINDINGS_A_CASE: u64 = 10_000;
const FINDINGS_A_DECISION: usize = 256;
const LINES_A_CASE: u64 = 60_000;
/// Most blocks until the lever holds, and the longest wait for the program to have read everything.
const BLOCKS_MAX: u64 = 60;
const SETTLES_WITHIN: Duration = Duration::from_mins(3);

/// How to play.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Blocks without noise, blocks with noise before the attack, and after it.
    quiet: u64,
    before: u64,
    after: u64,
    transactions: u64,
    interval_ms: u64,
    /// The channel is down from some blocks before the attack until a lever holds.
    goes_down: bool,
}

/// What was seen.
struct Seen {
    written: Written,
    arrivals: Vec<Arrival>,
    /// Messages that had come when the channel was up again.
    before_up: usize,
    visits: Vec<Visit>,
    heard: Vec<(u64, u64)>,
    /// Resident memory in KiB, with the number of noisy blocks so far; the most of all.
    memory: Vec<(u64, u64)>,
    memory_most: u64,
    storm: (Instant, Instant),
    case: Json,
    /// Whether the timeline says that something was left out.
    is_said: bool,
    channel: Json,
}

fn memory_kib(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    line.trim_start_matches(':').split_whitespace().next().map_or(0, |n| n.parse().expect("KiB"))
}

/// The world with the noisy contract in the protocol, a channel and the console.
async fn rig(plan: Plan, receiver: &Receiver, api: SocketAddr) -> (Rig, Noise) {
    let mut rig = Rig::with_attack_at(SCENARIO, plan.quiet + plan.before + 1).await;
    let noise = Noise::deploy(&rig).await;
    let folder = rig.config().parent().expect("a folder").to_owned();
    noise::write_rules(&folder.join("noise"));
    std::fs::write(folder.join("hook.url"), &receiver.url).expect("written");
    std::fs::write(folder.join("hook.secret"), "0123456789abcdef0123456789abcdef")
        .expect("written");
    rig.watcher.with("STORM_TOKEN", TOKEN);
    let contract =
        format!("    contracts:\n      - {{name: noise, address: \"{}\"}}\n", noise.contract);
    let rules = "    detectors:\n      - detector: rules\n        rules: [noise]\n";
    let people = format!(
        "notify:\n  groupSeconds: 5\n  channels:\n    - name: hook\n      via: {{webhook: {{url: {{file: hook.url}}, \
         secret: {{file: hook.secret}}}}}}\n      perMinute: 600\n      burst: 50\n  \
         routes: [{{minSeverity: P5, channels: [hook]}}]\n\nconsole:\n  listen: {api}\n  \
         tokens: [{{name: storm, environment: STORM_TOKEN, access: viewer}}]\n\nresponder:\n"
    );
    rig.configure_with(
        &rig.chain.http_url(),
        &[
            ("    contracts:\n", &contract),
            ("    detectors:\n", rules),
            ("responder:\n", &people),
            // What is measured is the storm, not how long a busy machine takes for an answer.
            ("requestTimeoutMs: 1000", "requestTimeoutMs: 20000"),
        ],
    );
    (rig, noise)
}

/// Waits until the API has seen all that there is, and everything that waited was told.
async fn settled(rig: &Rig, api: SocketAddr) -> Json {
    let head = rig.chain.block_number().await.expect("a head");
    let deadline = Instant::now() + SETTLES_WITHIN;
    let mut last = 0;
    loop {
        let page = see(api, "/api/v1/overview");
        let chain = &page["health"]["chains"][0];
        let is_read = chain["head"] == head && chain["waiting"] == 0 && page["seq"] == last;
        if is_read && page["channels"][0]["queued"] == 0 {
            return page;
        }
        last = page["seq"].as_u64().expect("a number");
        assert!(Instant::now() < deadline, "{page:#}\n{}", rig.watcher.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Goes through the whole timeline, page by page.
fn says_what_was_left_out(api: SocketAddr, case: &str) -> bool {
    let mut after = String::new();
    loop {
        let path = format!("{case}/timeline?limit=500&kinds=finding{after}");
        let page = see(api, &path);
        let mut lines = page["items"].as_array().expect("lines").iter();
        if lines.any(|line| line["detail"] == "left out") {
            return true;
        }
        let Some(next) = page["next"].as_str() else { return false };
        after = format!("&after={next}");
    }
}

async fn play(plan: Plan) -> Seen {
    let (receiver, api) = (Receiver::start(), free_port());
    let (mut rig, mut noise) = rig(plan, &receiver, api).await;
    rig.watch().await;
    let visitor = Visitor::start(api);
    rig.play(true, plan.quiet, plan.interval_ms).await;
    let (pid, began) = (rig.watcher.pid(), Instant::now());
    let (mut memory, mut is_held) = (vec![(0, memory_kib(pid, "VmRSS"))], false);
    let mut block = 0;
    while block < plan.before + plan.after || !is_held {
        block += 1;
        assert!(
            block < plan.before + plan.after + BLOCKS_MAX,
            "no lever holds\n{}",
            rig.watcher.log()
        );
        if plan.goes_down && block == plan.before {
            receiver.set_down(true);
        }
        if block <= plan.before + plan.after {
            noise.make(plan.transactions);
        }
        rig.play(true, 1, plan.interval_ms).await;
        memory.push((block, memory_kib(pid, "VmRSS")));
        is_held = is_held || see(api, "/api/v1/overview")["counts"]["leversHeld"] == 1;
    }
    let storm = (began, Instant::now());
    let before_up = receiver.arrivals().len();
    receiver.set_down(false);
    let page = settled(&rig, api).await;
    let (visits, heard) = visitor.end();
    let case = see(api, "/api/v1/cases")["items"][0].clone();
    let path = format!("/api/v1/cases/{}", case["id"].as_str().expect("a case"));
    let case = see(api, &path);
    let is_said = says_what_was_left_out(api, &path);
    let memory_most = memory_kib(pid, "VmHWM");
    rig.watcher.stop().await;
    let written = Written::read(&rig.watcher.journal());
    assert_eq!(page["seq"], written.records, "the console has read everything");
    assert!(rig.is_paused("market").await);
    assert_eq!(rig.pauses().await.len(), 1, "one pause");
    Seen {
        written,
        arrivals: receiver.arrivals(),
        before_up,
        visits,
        heard,
        memory,
        memory_most,
        storm,
        case,
        is_said,
        channel: page["channels"][0].clone(),
    }
}

impl Seen {
    /// What must be so however fast the machine is.
    fn check(&self, plan: Plan) {
        let (written, counts) = (&self.written, &self.case["counts"]);
        let noisy = plan.before + plan.after;
        assert!(written.raised >= noisy * FINDINGS_A_BLOCK as u64, "{written:?}");
        assert!(written.raised_at_once <= FINDINGS_A_BLOCK);
        assert!(written.named_at_once <= FINDINGS_A_DECISION);
        assert_eq!(written.cases, 1);
        assert!(written.theft_found.is_some() && written.sent.is_some() && written.held.is_some());
        let number = |name: &str| counts[name].as_u64().expect("a number");
        assert!(number("findings") <= FINDINGS_A_CASE, "{counts}");
        // Of each block the list was full: what it left out is counted too, with what the case has no room for.
        let made = noisy * TRANSACTIONS * KINDS;
        assert!(number("findings") + number("findingsDropped") >= made, "{counts} of {made}");
        assert!(number("findingsDropped") >= made - FINDINGS_A_CASE, "{counts} of {made}");
        assert!(number("timeline") <= LINES_A_CASE && self.is_said, "{counts}");
        // The theft is among what was kept: its loss counts.
        assert_ne!(self.case["lostUsd"], "0.00", "{}", self.case);
        assert!(self.heard.windows(2).all(|pair| pair[0].1 <= pair[1].1), "events in order");
        self.check_told();
    }

    /// Every finding is in a message or counted by one, none twice, and nothing is left.
    fn check_told(&self) {
        let of_findings = |one: &&Arrival| {
            one.body["group"].as_str().is_some_and(|group| group.ends_with("/findings"))
        };
        let mut ids: Vec<&str> =
            self.arrivals.iter().filter_map(|one| one.body["id"].as_str()).collect();
        let n_all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n_all, "no message twice");
        let messages = self.arrivals.iter().filter(of_findings);
        let told: u64 = messages.map(|one| 1 + one.body["folded"].as_u64().expect("a count")).sum();
        assert_eq!(told, self.written.raised, "every finding is told or counted");
        assert_eq!(
            (&self.channel["queued"], &self.channel["undeliverable"]),
            (&0.into(), &0.into())
        );
    }

    /// The first message of the worst grade that came after the theft was found.
    fn first_p1(&self) -> Option<&Arrival> {
        let found = self.written.theft_found?;
        let mut after = self.arrivals.iter().filter(|one| unix_millis(one.at) >= found);
        after.find(|one| one.body["severity"] == "P1")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theft_in_a_storm_is_stopped_and_told_first_and_what_is_left_out_is_said() {
    if without_chain() {
        return;
    }
    let (quiet, before, after, interval_ms) = (3, 11, 2, 150);
    let transactions = TRANSACTIONS;
    let plan = Plan { quiet, before, after, transactions, interval_ms, goes_down: true };
    let seen = play(plan).await;
    seen.check(plan);
    let next = &seen.arrivals[seen.before_up].body;
    assert_eq!(next["severity"], "P1", "of all that waited the worst goes first: {next}");
    assert!(seen.memory_most < 1 << 20, "{} KiB", seen.memory_most);
}

/// What the same machine does without a storm, and with a hundred thousand findings in about a minute.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; for the figures in docs/stores.md"]
async fn a_hundred_thousand_findings_in_a_minute() {
    if without_chain() {
        return;
    }
    let plan = |transactions| Plan {
        quiet: 10,
        before: 50,
        after: 50,
        transactions,
        interval_ms: 450,
        goes_down: false,
    };
    let quiet = play(plan(0)).await;
    print("without a storm", &quiet);
    let seen = play(plan(TRANSACTIONS)).await;
    print("in the storm", &seen);
    seen.check(plan(TRANSACTIONS));
    assert!(seen.written.raised >= 100_000);
}

fn print(name: &str, seen: &Seen) {
    let Seen { written, storm: (began, ended), .. } = seen;
    let since = |at: Option<u64>| match (at, written.theft_block) {
        (Some(at), Some(block)) => at.saturating_sub(written.heads[&block]).to_string(),
        _ => "-".to_owned(),
    };
    println!("== {name}: {:.1?}", ended.duration_since(*began));
    println!(
        "findings {} ({} moved on), {} records, {} bytes, {} decisions, {} cases; case: {}",
        written.raised,
        written.moved,
        written.records,
        written.bytes,
        written.decisions,
        written.cases,
        seen.case["counts"]
    );
    println!("head to findings, ms (p50, p99, max): {:?}", spread(written.looked.clone()));
    println!(
        "from the theft's head, ms: found {}, ordered {}, sent {}, held {}, P1 told {}",
        since(written.theft_found),
        since(written.ordered),
        since(written.sent),
        since(written.held),
        since(seen.first_p1().map(|one| unix_millis(one.at)))
    );
    println!("{} messages; the channel: {}", seen.arrivals.len(), seen.channel);
    let steps: Vec<String> = seen
        .memory
        .iter()
        .step_by(10)
        .map(|(block, kib)| format!("{block}: {}", kib / 1024))
        .collect();
    println!("memory, MiB by block: {}; most {}", steps.join(", "), seen.memory_most / 1024);
    let stormy: Vec<&Visit> =
        seen.visits.iter().filter(|one| one.at >= *began && one.at <= *ended).collect();
    println!("pages, ms (n, (p50, p99, max)): {:?}", by_page(&stormy));
    let lag = |(at, seq): &(u64, u64)| Some(at.saturating_sub(*written.at.get(seq)?));
    let lags: Vec<u64> = seen.heard.iter().filter_map(lag).collect();
    println!("{} events, behind the journal by ms (p50, p99, max): {:?}", lags.len(), spread(lags));
}
