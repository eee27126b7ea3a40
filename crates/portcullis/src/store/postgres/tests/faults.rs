use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use portcullis_engine::Event;
use portcullis_range::{PostgresEnding, PostgresServer};
use portcullis_types::ids::{Millis, Seq};

use crate::store::{
    Journal, StoreError,
    tests::kit::{Place, fill, records, server},
    verify_chain,
};

/// A server that the test may stop, and a journal's path.
fn own_server(more: &str) -> Option<(PostgresServer, tempfile::TempDir, std::path::PathBuf)> {
    // Where the shared one could not be had, this cannot either.
    server()?;
    let own = PostgresServer::start(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.url");
    own.address_file(&path, "portcullis", more).unwrap();
    Some((own, folder, path))
}

/// Ends the writer's session from outside.
fn cut(schema: &str) {
    let key = super::super::schema::lock_key(schema);
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks WHERE locktype = 'advisory' AND
         ((classid::bigint << 32) | objid::bigint) = {key}"
    );
    assert_eq!(server().unwrap().sql(&sql).unwrap(), "1", "one session holds the lock");
}

fn writer(place: &Place) -> Journal {
    let mut journal = Journal::create_or_open(&place.path).unwrap();
    fill(&mut journal, 3);
    journal
}

#[test]
fn a_server_that_goes_away_and_comes_back_loses_nothing_and_doubles_nothing() {
    const ENTRIES: u64 = 3_000;
    let Some((mut own, _folder, path)) = own_server("") else { return };
    let mut journal = Journal::create_or_open(&path).unwrap();
    let health = journal.health();
    let written = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&written);
    let writing = std::thread::spawn(move || {
        for at in 0..ENTRIES {
            assert_eq!(journal.append(Millis(at), &Event::Tick).unwrap(), Seq(at + 1));
            count.store(at + 1, Ordering::SeqCst);
        }
        journal
    });
    let mut n_waits = 0;
    for how in [
        PostgresEnding::Orderly,
        PostgresEnding::Crash,
        PostgresEnding::Orderly,
        PostgresEnding::Crash,
    ] {
        std::thread::sleep(Duration::from_millis(60));
        own.stop(how).unwrap();
        let before = written.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        if before < ENTRIES {
            let trouble = health.trouble().expect("it says that it waits");
            assert!(trouble.attempts >= 1 && !trouble.why.is_empty(), "{trouble:?}");
            n_waits += 1;
        }
        own.resume().unwrap();
        // What was confirmed before the crash is there after it.
        let n_there: u64 =
            own.sql("SELECT count(*) FROM portcullis.entry").unwrap().parse().unwrap();
        assert!(n_there >= before, "{n_there} of {before} confirmed entries are there");
    }
    let journal = writing.join().unwrap();
    assert!(n_waits >= 1, "the server was away while entries were written");
    assert_eq!(health.trouble(), None);
    let all = records(&journal);
    assert_eq!(all.len() as u64, ENTRIES);
    assert!(all.iter().zip(0..).all(|(record, at)| record.at == Millis(at)), "in order, each once");
    verify_chain(&journal, Some(journal.head())).unwrap();
    eprintln!("{ENTRIES} entries, {n_waits} times away while writing");
}

#[test]
fn an_entry_does_not_wait_for_ever_and_the_next_start_knows_where_it_stands() {
    let Some((mut own, _folder, path)) = own_server("&waitSeconds=1") else { return };
    let mut journal = Journal::create_or_open(&path).unwrap();
    fill(&mut journal, 3);
    own.stop(PostgresEnding::Crash).unwrap();
    let started = Instant::now();
    let error = journal.append(Millis(9), &Event::Tick).unwrap_err();
    assert!(matches!(error, StoreError::Down { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(journal.health().trouble().is_some());
    let closed = Journal::create_or_open(&path).unwrap_err();
    assert!(matches!(closed, StoreError::Database { .. }), "{closed}");
    own.resume().unwrap();
    drop(journal);
    let mut again = Journal::create_or_open(&path).unwrap();
    assert_eq!(again.last_seq(), Seq(3));
    fill(&mut again, 1);
    verify_chain(&again, None).unwrap();
}

#[test]
fn a_lost_session_is_replaced_and_nobody_notices() {
    let Some(place) = Place::postgres() else { return };
    let mut journal = writer(&place);
    for _ in 0..3 {
        cut(place.schema.as_deref().unwrap());
        fill(&mut journal, 2);
        let second = Journal::create_or_open(&place.path).unwrap_err();
        assert!(matches!(second, StoreError::Locked { .. }), "the lock is held again: {second}");
    }
    assert_eq!(records(&journal).len(), 9);
    verify_chain(&journal, None).unwrap();
}

#[test]
fn a_writer_that_was_overtaken_stops() {
    let Some(place) = Place::postgres() else { return };
    let mut first = writer(&place);
    cut(place.schema.as_deref().unwrap());
    let mut second = Journal::create_or_open(&place.path).expect("the lock is free");
    fill(&mut second, 1);
    let error = first.append(Millis(9), &Event::Tick).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(second);
    let error = first.append(Millis(9), &Event::Tick).unwrap_err();
    assert!(matches!(error, StoreError::Overtaken { .. }), "{error}");
    let reader = Journal::open_to_read(&place.path).unwrap();
    assert_eq!(records(&reader).len(), 4);
    verify_chain(&reader, None).unwrap();
}

#[test]
fn a_server_that_forgot_what_it_confirmed_is_not_written_to() {
    let Some(place) = Place::postgres() else { return };
    let mut journal = writer(&place);
    cut(place.schema.as_deref().unwrap());
    place.sql("ALTER TABLE entry DISABLE TRIGGER ALL; DELETE FROM entry WHERE seq = 3").unwrap();
    let error = journal.append(Millis(9), &Event::Tick).unwrap_err();
    let expected = matches!(error, StoreError::Overtaken { expected: Seq(3), found: Seq(2), .. });
    assert!(expected, "{error}");
}

/// The server wrote an entry and its answer never came: the entry is there and must not be written again.
#[test]
fn an_entry_whose_answer_was_lost_is_found_and_not_doubled() {
    for with_cut in [true, false] {
        let Some(place) = Place::postgres() else { return };
        let mut journal = writer(&place);
        let mut twin = Journal::in_memory().unwrap();
        fill(&mut twin, 3);
        twin.append(Millis(77), &Event::Tick).unwrap();
        let fourth = records(&twin).pop().unwrap();
        if with_cut {
            cut(place.schema.as_deref().unwrap());
        }
        let (body, hash) = (&fourth.body, alloy_primitives::hex::encode(fourth.hash));
        let sql =
            format!("INSERT INTO entry VALUES (4, 77, 'event', '{body}', decode('{hash}', 'hex'))");
        place.sql(&sql).unwrap();
        assert_eq!(journal.append(Millis(77), &Event::Tick).unwrap(), Seq(4));
        fill(&mut journal, 1);
        assert_eq!(records(&journal).len(), 5);
        verify_chain(&journal, None).unwrap();
    }
}

#[test]
fn tasks_go_on_while_an_entry_waits() {
    let Some((mut own, _folder, path)) = own_server("") else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ticks = Arc::new(AtomicU64::new(0));
    let (counted, file) = (Arc::clone(&ticks), path.clone());
    runtime.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut journal = runtime.block_on(async { open(&file) });
    own.stop(PostgresEnding::Orderly).unwrap();
    let appended = runtime.spawn(async move { journal.append(Millis(1), &Event::Tick).unwrap() });
    std::thread::sleep(Duration::from_millis(200));
    let before = ticks.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(300));
    let after = ticks.load(Ordering::SeqCst);
    assert!(after > before, "the only worker is not held up: {before}, {after}");
    own.resume().unwrap();
    assert_eq!(runtime.block_on(appended).unwrap(), Seq(1));
    // On a runtime of one thread it must work too.
    let single = tokio::runtime::Builder::new_current_thread().build().unwrap();
    single.block_on(async { fill(&mut open(&path), 2) });
}

fn open(path: &Path) -> Journal {
    Journal::create_or_open(path).unwrap()
}
