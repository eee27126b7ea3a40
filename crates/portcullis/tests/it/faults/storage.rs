//! Where the journal lies goes away while a case is open: a file that another program locks, a disk that is full, a
//! database server that dies.

use std::{path::PathBuf, process::Command, time::Duration};

use portcullis_range::{PostgresEnding, PostgresServer};

use super::{INTERVAL_MS, SCENARIO, STRIKE, contained};
use crate::kit::{Rig, root, without_chain};

/// How long another program locks the file: less than the five seconds for which the program waits.
const LOCKED: Duration = Duration::from_secs(3);
/// How long the program may take to say that it cannot go on.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Plays until a case is open and its lever is not pulled yet, or just so.
async fn struck(rig: &mut Rig) {
    rig.watch().await;
    rig.play(true, STRIKE, INTERVAL_MS).await;
    rig.until("a case is open", super::CATCH_UP, |story| story.engine.cases().next().is_some())
        .await;
}

fn assert_one_case(story: &crate::kit::Story) {
    assert_eq!(story.engine.cases().count(), 1, "one attack, one case");
    assert_eq!(story.actions().len(), 1, "one action");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_another_program_locks_for_a_while() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    rig.configure(&rig.chain.http_url());
    struck(&mut rig).await;
    let path = rig.watcher.journal();
    let lock = std::thread::spawn(move || {
        let other = rusqlite::Connection::open(path).expect("it opens");
        other.busy_timeout(Duration::from_secs(5)).expect("set");
        other.execute_batch("BEGIN IMMEDIATE").expect("locked");
        std::thread::sleep(LOCKED);
        other.execute_batch("ROLLBACK").expect("let go");
    });
    rig.play(true, 12, INTERVAL_MS).await;
    lock.join().expect("let go");
    rig.watcher.assert_running();
    assert_one_case(&contained(&mut rig).await);
}

/// A library that lets no byte be written into the journal while a file is there, and that file.
fn disk(folder: &std::path::Path) -> Option<(PathBuf, PathBuf)> {
    let (library, flag) = (folder.join("full.so"), folder.join("full"));
    let source = root().join("crates/portcullis/tests/it/fixtures/full.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler to make a full disk with");
        return None;
    }
    Some((library, flag))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_stops_the_program_and_nothing_is_lost() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some((library, flag)) = disk(folder.path()) else { return };
    let mut rig = Rig::new(SCENARIO).await;
    rig.watcher.with("LD_PRELOAD", &library.display().to_string());
    rig.watcher.with("DISK_FULL_FILE", &flag.display().to_string());
    rig.configure(&rig.chain.http_url());
    struck(&mut rig).await;
    std::fs::write(&flag, "").expect("full");
    rig.play(true, 3, INTERVAL_MS).await;
    let status = rig.watcher.ended(ENDS_WITHIN).await;
    let log = rig.watcher.log();
    // What cannot be written down is not done: whoever supervises the program has to learn of it.
    assert!(!status.success() && log.contains("make room"), "{status}:\n{log}");
    // Nor does it go on after a start, as long as it is full.
    rig.watcher.start();
    rig.play(true, 3, INTERVAL_MS).await;
    let status = rig.watcher.ended(ENDS_WITHIN).await;
    assert!(!status.success(), "{status}:\n{}", rig.watcher.log());
    std::fs::remove_file(&flag).expect("room again");
    rig.watch().await;
    assert_one_case(&contained(&mut rig).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_while_a_case_is_open() {
    if without_chain() {
        return;
    }
    let server = PostgresServer::start(&[]).inspect_err(|why| eprintln!("skipped: {why}"));
    let Ok(mut server) = server else { return };
    let mut rig = Rig::new(SCENARIO).await;
    server.address_file(&rig.watcher.path("journal.url"), "portcullis", "").expect("written");
    rig.configure_with(&rig.chain.http_url(), &[("journal.sqlite", "journal.url")]);
    struck(&mut rig).await;
    let case = rig.story_so_far().engine.cases().next().expect("a case").id;
    for _ in 0..2 {
        server.stop(PostgresEnding::Crash).expect("it is gone");
        rig.play(true, 4, INTERVAL_MS).await;
        rig.watcher.assert_running();
        server.resume().expect("it is back");
        rig.caught_up(super::CATCH_UP).await;
    }
    let log = rig.watcher.log();
    assert!(log.contains("out of reach") && log.contains("is back"), "it says so:\n{log}");
    let story = contained(&mut rig).await;
    assert_one_case(&story);
    assert_eq!(story.engine.cases().next().expect("a case").id, case);
    // Killed, and started again on what the database holds.
    rig.watch().await;
    rig.watcher.kill();
    rig.watch().await;
    rig.play(false, 2, INTERVAL_MS).await;
    assert_one_case(&contained(&mut rig).await);
}
