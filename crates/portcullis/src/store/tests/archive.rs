use std::path::{Path, PathBuf};

use portcullis_engine::{Event, StepOutput};
use portcullis_types::ids::{Millis, Seq};

use super::kit::{Place, fill, records, server};
use crate::store::{
    Anchor, Archived, BackupError, Follower, Journal, Record, SCHEMA_ARCHIVED, StoreError, archive,
    archive_of, check_backup, copy, verify_chain,
};

/// A journal of `n` ticks with an answer after every tenth.
fn written(place: &Place, n: u64) -> Vec<Record> {
    let mut journal = Journal::create_or_open(&place.path).unwrap();
    for at in 0..n {
        let seq = journal.append(Millis(at), &Event::Tick).unwrap();
        if at % 10 == 0 {
            journal.append_output(Millis(at), seq, &StepOutput::default()).unwrap();
        }
    }
    records(&journal)
}

fn archived(from: &Path, to: &Path, last: u64) -> Archived {
    archive(from, to, Seq(last)).unwrap()
}

/// All records by pages of `most`, and all that people are told of.
fn paged(journal: &Journal, most: u32) -> (Vec<Record>, Vec<Seq>) {
    let (mut all, mut told) = (Vec::new(), Vec::new());
    loop {
        let page = journal.after(Seq(all.len() as u64), most).unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    loop {
        let page = journal.to_tell(told.last().copied().unwrap_or_default(), most).unwrap();
        if page.is_empty() {
            return (all, told);
        }
        told.extend(page.iter().map(|record| record.seq));
    }
}

#[test]
fn an_archived_journal_is_the_journal_that_it_was() {
    for from in Place::each() {
        let all = written(&from, 500);
        let head = all.last().unwrap().hash;
        let before = paged(&Journal::open_to_read(&from.path).unwrap(), 1_000);
        assert_eq!((before.0.len(), before.1.len()), (550, 50));
        for to in Place::each() {
            let done = archived(&from.path, &to.path, 400);
            assert_eq!((done.archived, done.kept, done.head), (400, 150, head));
            assert_eq!(check_backup(&done.archive).unwrap().head, all[399].hash, "alone");
            let mut journal = Journal::create_or_open(&to.path).unwrap();
            assert_eq!(verify_chain(&journal, Some(head)).unwrap(), head);
            assert_eq!(records(&journal), all, "every byte");
            for most in [1, 7, 64, 1_000] {
                assert_eq!(paged(&journal, most), before, "{most} at once");
            }
            // Any page, also behind one that was just read, and across the border.
            for after in [0, 399, 10, 398, 400, 549, 120] {
                let page = journal.after(Seq(after), 3).unwrap();
                let end = all.len().min(after as usize + 3);
                assert_eq!(page, all[after as usize..end], "after {after}");
            }
            fill(&mut journal, 1);
            assert_eq!(journal.last_seq(), Seq(551), "it goes on");
            drop(journal);
            let mut follower = Follower::open(&to.path).unwrap();
            let mut n_read = 0;
            while let read @ 1.. = follower.read(64).unwrap().len() {
                n_read += read;
            }
            assert_eq!(n_read, 551, "and is followed from the first record");
            whole_again_and_archived_again(&to);
        }
        let left = records(&Journal::open_to_read(&from.path).unwrap());
        assert_eq!(left, all, "the journal from before is as it was");
    }
}

fn whole_again_and_archived_again(place: &Place) {
    let all = records(&Journal::open_to_read(&place.path).unwrap());
    for to in Place::each() {
        copy(&place.path, &to.path).unwrap();
        let whole = Journal::open_to_read(&to.path).unwrap();
        assert_eq!((records(&whole), whole.anchor()), (all.clone(), None), "a whole one again");
    }
    for to in Place::each() {
        // To the last record: the new journal has none of its own.
        let done = archived(&place.path, &to.path, 551);
        assert_eq!((done.archived, done.kept), (551, 0));
        let mut journal = Journal::create_or_open(&to.path).unwrap();
        assert_eq!((records(&journal), journal.head()), (all.clone(), done.head));
        fill(&mut journal, 2);
        verify_chain(&journal, None).expect("it goes on");
    }
}

#[test]
fn one_changed_byte_of_an_archive_is_found() {
    for from in Place::each() {
        let all = written(&from, 40);
        let Some(to) = Place::each().pop() else { return };
        let path = archived(&from.path, &to.path, 30).archive;
        let whole = std::fs::read(&path).unwrap();
        let journal = Journal::open_to_read(&to.path).unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1 << (place % 8);
            std::fs::write(&path, &changed).unwrap();
            let error = verify_chain(&journal, None).unwrap_err().to_string();
            assert!(error.contains("was changed"), "byte {place}: {error}");
            // Who only reads never gets another record; what changed nothing of the content may pass there.
            let mut read = Vec::new();
            let each = journal.each(|record| {
                read.push(record);
                Ok::<(), StoreError>(())
            });
            assert!(each.is_err() || read == all, "byte {place}");
        }
        for cut in [0, 3, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(verify_chain(&journal, None).is_err(), "cut at {cut}");
        }
        std::fs::remove_file(&path).unwrap();
        for opened in [Journal::create_or_open(&to.path), Journal::open_to_read(&to.path)] {
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::Archive { .. }), "{error}");
            assert!(error.to_string().contains("put it back beside the journal"), "{error}");
        }
        // Put back, everything is there again.
        std::fs::write(&path, &whole).unwrap();
        verify_chain(&Journal::create_or_open(&to.path).unwrap(), None).unwrap();
    }
}

#[test]
fn the_archive_of_another_journal_does_not_pass() {
    for to in Place::each() {
        let (one, other) = (Place::sqlite(), Place::sqlite());
        written(&one, 40);
        fill(&mut Journal::create_or_open(&other.path).unwrap(), 60);
        let path = archived(&one.path, &to.path, 30).archive;
        let foreign = archived(&other.path, &other.path.with_file_name("n.sqlite"), 30).archive;
        std::fs::copy(foreign, &path).unwrap();
        let journal = Journal::open_to_read(&to.path).unwrap();
        let error = journal.each(|_| Ok::<(), StoreError>(())).unwrap_err();
        assert!(matches!(error, StoreError::Archive { .. }), "{error}");
        assert!(verify_chain(&journal, None).is_err());
    }
}

#[test]
fn a_run_that_was_interrupted_is_begun_again_and_loses_nothing() {
    for from in Place::each() {
        let all = written(&from, 300);
        for to in Place::each() {
            // The archive was written, and nothing else.
            let source = Journal::open_to_read(&from.path).unwrap();
            let path = archive_of(&to.path);
            crate::store::backup::write_prefix(&source, Seq(200), &path).unwrap();
            // Half of the rest was on its way into the new journal.
            let mut target = Journal::create_or_open(&to.path).unwrap();
            let (last, file) = (&all[199], path.file_name().unwrap().to_str().unwrap().to_owned());
            let anchor =
                Anchor { seq: last.seq, at: last.at, hash: last.hash, file, sha256: last.hash };
            let mut import = target.import_behind(anchor).unwrap();
            all[200..250].iter().for_each(|record| import.push(record.clone()).unwrap());
            drop(import);
            drop(target);
            assert_eq!(Journal::open_to_read(&to.path).unwrap().anchor(), None, "nothing of it");
            assert_eq!(records(&source), all);
            assert_eq!(archived(&from.path, &to.path, 200).kept, 130);
            assert_eq!(records(&Journal::open_to_read(&to.path).unwrap()), all);
            // Another archive with that name is not written over.
            let second = to.path.with_file_name("second.sqlite");
            std::fs::copy(&path, archive_of(&second)).unwrap();
            let error = archive(&from.path, &second, Seq(100)).unwrap_err();
            assert!(matches!(error, BackupError::Exists { .. }), "{error}");
        }
    }
}

#[test]
fn a_journal_in_use_is_not_archived() {
    for from in Place::each() {
        written(&from, 30);
        let writer = Journal::create_or_open(&from.path).unwrap();
        let to = Place::sqlite();
        let error = archive(&from.path, &to.path, Seq(10)).unwrap_err();
        assert!(matches!(error, BackupError::Store(StoreError::Locked { .. })), "{error}");
        assert!(!to.path.exists() && !archive_of(&to.path).exists());
        drop(writer);
        let error = archive(&from.path, &from.path, Seq(10)).unwrap_err();
        assert!(matches!(error, BackupError::Exists { .. }), "{error}");
    }
}

#[test]
fn an_anchor_is_never_changed() {
    for to in Place::each() {
        let from = Place::sqlite();
        written(&from, 30);
        archived(&from.path, &to.path, 20);
        let table =
            to.schema.as_ref().map_or("anchor".to_owned(), |schema| format!("{schema}.anchor"));
        let sql = |sql: &str| {
            let sql = sql.replace("ANCHOR", &table);
            match &to.schema {
                Some(_) => server().unwrap().sql(&sql).map(drop),
                None => to.sql(&sql).map(drop),
            }
        };
        for change in [
            "UPDATE ANCHOR SET seq = 1",
            "DELETE FROM ANCHOR",
            "INSERT INTO ANCHOR SELECT seq + 1, at, hash, file, sha256 FROM ANCHOR",
        ] {
            let error = sql(change).unwrap_err();
            assert!(error.contains("append-only"), "{change}: {error}");
        }
        if to.schema.is_none() {
            let error = sql("INSERT OR REPLACE INTO ANCHOR SELECT * FROM ANCHOR").unwrap_err();
            assert!(error.contains("append-only"), "{error}");
            let version = rusqlite::Connection::open(&to.path).unwrap().pragma_query_value(
                None,
                "user_version",
                |row| row.get::<_, i64>(0),
            );
            assert_eq!(version.unwrap(), SCHEMA_ARCHIVED, "older programs refuse it");
        }
        for wrong in [1, 20, 40] {
            let hash = if to.schema.is_some() { "hash" } else { "zeroblob(32)" };
            let insert = format!(
                "INSERT INTO entry SELECT {wrong}, 0, 'event', '{{}}', {hash} FROM entry LIMIT 1"
            );
            assert!(to.sql(&insert).unwrap_err().contains("append-only"), "{wrong}");
        }
    }
}

/// The names that `archive` makes: beside the new journal, whichever database.
#[test]
fn an_archive_lies_beside_its_journal() {
    for (to, expected) in
        [("a/j.sqlite", "a/j.archive.jsonl.zst"), ("j.url", "j.archive.jsonl.zst")]
    {
        assert_eq!(archive_of(Path::new(to)), PathBuf::from(expected));
    }
}
