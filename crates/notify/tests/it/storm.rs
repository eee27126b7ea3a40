//! A hundred thousand findings.

use std::time::Instant;

use portcullis_notify::{NoticeKey, Severity};
use portcullis_types::ids::{Millis, Seq};

use super::support::{Bench, START, Server, notice};

const N: u64 = 100_000;

const YAML: &str = "channels: [{name: hook, perMinute: 6000, burst: 20, via: {webhook: {url: {file: hook}, secret: {file: shared}}}}]\n\
    routes: [{minSeverity: P5, channels: [hook]}]\nqueueRowsMax: 500\n";

/// Each finding is told twice, as by a program that starts again; `groups` say how many groups there are. A P1 comes
/// last.
async fn storm(groups: u64) {
    let (server, address) = Server::start().await;
    let secrets = [("hook", format!("http://{address}/")), ("shared", "x".repeat(32))];
    let bench = Bench::new(YAML, &secrets);
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    let (memory, began) = (memory_kib(), Instant::now());
    for start in (0..N).step_by(100) {
        let step: Vec<_> = (start..start + 100)
            .map(|n| {
                let severity = if n == N - 1 { Severity::P1 } else { Severity::P3 };
                (NoticeKey::of_step(Seq(n), 0), notice(severity, &format!("g{}", n % groups)))
            })
            .collect();
        outbox.enqueue_all(Millis(START), &step).unwrap();
        outbox.enqueue_all(Millis(START), &step).unwrap();
    }
    let (took, grown) = (began.elapsed(), memory_kib().saturating_sub(memory));
    let rows = outbox.health().unwrap().channel("hook").unwrap().waiting;
    let files = std::fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap());
    let bytes: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
    println!(
        "{N} notices in {groups} groups, each told twice: {took:.1?}, {rows} rows, {bytes} bytes on disk, {grown} KiB more memory"
    );
    assert!(rows <= 501, "{rows}");
    assert!(bytes < 32 << 20, "{bytes}");
    assert!(grown < 64 << 10, "{grown} KiB");
    let mut second = 0;
    while outbox.health().unwrap().channel("hook").unwrap().waiting > 0 {
        dispatcher.tick(Millis(START + second * 1000)).await.unwrap();
        second += 1;
        assert!(second < 600, "it is sent in minutes");
    }
    let told = server.taken();
    assert_eq!(told[0].json()["severity"], "P1", "first, though it came last");
    let folded: u64 = told.iter().map(|request| request.json()["folded"].as_u64().unwrap()).sum();
    // The row for what did not fit stands for none of them itself.
    let own = told.iter().filter(|request| request.json()["group"] != "overflow").count() as u64;
    assert_eq!(own + folded, N, "all are counted, and none twice");
    println!("{} messages", told.len());
}

#[tokio::test]
async fn a_storm_in_ten_groups_is_folded() {
    storm(10).await;
}

#[tokio::test]
async fn a_storm_without_groups_is_bounded() {
    storm(N).await;
}

/// Resident memory of this process; 0 where the system does not say.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
