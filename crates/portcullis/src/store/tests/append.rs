use std::sync::{Arc, Barrier};

use portcullis_engine::{Event, StepOutput};
use portcullis_types::{
    chain::{BlindCause, ChainEvent},
    ids::{Millis, Seq},
};

use super::kit::{Place, fill, records};
use crate::store::{Journal, StoreError, verify_chain};

#[test]
fn what_is_written_is_read_again_and_the_databases_agree() {
    let mut heads = Vec::new();
    for place in Place::each() {
        let mut journal = Journal::create_or_open(&place.path).unwrap();
        assert_eq!((journal.last_seq(), records(&journal).len()), (Seq(0), 0));
        fill(&mut journal, 200);
        journal.append_output(Millis(7), Seq(3), &StepOutput::default()).unwrap();
        let all = records(&journal);
        assert_eq!(all.len(), 201, "more than a page of either database");
        let head = journal.head();
        drop(journal);
        let again = Journal::create_or_open(&place.path).unwrap();
        assert_eq!((again.head(), again.last_seq()), (head, Seq(201)));
        assert_eq!(records(&again), all);
        assert_eq!(verify_chain(&again, Some(head)).unwrap(), head);
        heads.push(head);
    }
    assert!(heads.iter().all(|head| *head == heads[0]), "the same entries, the same hash");
}

#[test]
fn nothing_is_changed_deleted_replaced_or_left_out() {
    for place in Place::each() {
        let mut journal = Journal::create_or_open(&place.path).unwrap();
        fill(&mut journal, 3);
        let head = journal.head();
        let hash =
            if place.schema.is_some() { "decode(repeat('00', 32), 'hex')" } else { "zeroblob(32)" };
        let insert = |how: &str, seq: u64| {
            format!("{how} INTO entry VALUES ({seq}, 0, 'event', '{{}}', {hash})")
        };
        let mut refused = vec![
            "UPDATE entry SET at = 1".to_owned(),
            "DELETE FROM entry WHERE seq = 3".to_owned(),
            insert("INSERT", 3),
            insert("INSERT", 5),
        ];
        if place.schema.is_some() {
            refused.push("TRUNCATE entry".to_owned());
            refused.push(insert("SET session_replication_role = replica; INSERT", 5));
            refused.push(insert("INSERT", 3) + " ON CONFLICT (seq) DO UPDATE SET body = '{}'");
        } else {
            refused.push(insert("INSERT OR REPLACE", 2));
            refused.push(insert("REPLACE", 3));
        }
        for sql in &refused {
            let why = place.sql(sql).expect_err(sql);
            assert!(why.contains("append-only"), "{sql}: {why}");
        }
        assert_eq!(records(&journal).len(), 3);
        assert_eq!(verify_chain(&journal, Some(head)).unwrap(), head);
    }
}

#[test]
fn who_goes_around_the_schema_is_found_out() {
    for place in Place::each() {
        let mut journal = Journal::create_or_open(&place.path).unwrap();
        fill(&mut journal, 100);
        drop(journal);
        let off = match &place.schema {
            Some(_) => "ALTER TABLE entry DISABLE TRIGGER ALL;",
            None => "DROP TRIGGER entry_is_never_changed; DROP TRIGGER entry_is_never_deleted;",
        };
        place.sql(&format!("{off} UPDATE entry SET at = 9 WHERE seq = 70")).unwrap();
        let journal = Journal::open_to_read(&place.path).unwrap();
        let error = verify_chain(&journal, None).unwrap_err().to_string();
        assert!(error.contains("record 70 was changed"), "{error}");
        place.sql("DELETE FROM entry WHERE seq BETWEEN 20 AND 99").unwrap();
        let error = verify_chain(&journal, None).unwrap_err().to_string();
        assert!(error.contains("record 20 is missing"), "{error}");
    }
}

#[test]
fn one_process_writes_and_readers_do_not_disturb_it() {
    for place in Place::each() {
        let missing = Journal::open_to_read(&place.path).unwrap_err();
        assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
        assert!(!Journal::is_taken(&place.path).unwrap());
        let mut writer = Journal::create_or_open(&place.path).unwrap();
        fill(&mut writer, 5);
        let second = Journal::create_or_open(&place.path).unwrap_err();
        assert!(matches!(second, StoreError::Locked { .. }), "{second}");
        let reader = Journal::open_to_read(&place.path).unwrap();
        reader
            .each(|record| {
                // Written in the middle of a reading.
                if record.seq == Seq(2) {
                    fill(&mut writer, 1);
                }
                Ok::<(), StoreError>(())
            })
            .unwrap();
        assert_eq!(writer.last_seq(), Seq(6));
        let fresh = Journal::open_to_read(&place.path).unwrap();
        assert_eq!(records(&fresh).len(), 6);
        drop(writer);
        let mut next = Journal::create_or_open(&place.path).expect("the lock went with its holder");
        fill(&mut next, 1);
        assert!(Journal::is_taken(&place.path).unwrap());
    }
}

#[test]
fn of_many_who_open_at_once_one_writes() {
    for place in Place::each() {
        let barrier = Arc::new(Barrier::new(4));
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (path, barrier) = (place.path.clone(), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    let opened = Journal::create_or_open(&path);
                    // Held until all have tried.
                    barrier.wait();
                    opened.map(|mut journal| fill(&mut journal, 1)).is_ok()
                })
            })
            .collect();
        let n_writers =
            tries.into_iter().filter_map(|one| one.join().ok()).filter(|ok| *ok).count();
        assert_eq!(n_writers, 1);
    }
}

#[test]
fn people_are_told_of_the_same_records() {
    let mut told = Vec::new();
    for place in Place::each() {
        let mut journal = Journal::create_or_open(&place.path).unwrap();
        fill(&mut journal, 1);
        let cause = BlindCause::Unreachable { detail: "gone".to_owned() };
        let blind = ChainEvent::Blind { chain: 1, from: 5, to: 6, cause };
        let seq = journal.append(Millis(2), &Event::Chain(blind)).unwrap();
        fill(&mut journal, 1);
        let out = journal.append_output(Millis(3), seq, &StepOutput::default()).unwrap();
        let found = journal.to_tell(Seq(0), 10).unwrap();
        let seqs: Vec<Seq> = found.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, [seq, out]);
        assert_eq!(journal.to_tell(Seq(0), 1).unwrap().len(), 1);
        assert_eq!(journal.to_tell(out, 10).unwrap(), []);
        told.push(found);
    }
    assert!(told.iter().all(|one| *one == told[0]));
}

#[test]
fn a_page_of_large_records_ends_early_and_nothing_is_left_out() {
    for place in Place::each() {
        let mut journal = Journal::create_or_open(&place.path).unwrap();
        for at in 1..=5u64 {
            let cause = BlindCause::Unreachable { detail: "x".repeat(3 << 20) };
            let blind = ChainEvent::Blind { chain: 1, from: at, to: at, cause };
            journal.append(Millis(at), &Event::Chain(blind)).unwrap();
        }
        let (mut at, mut pages) = (Seq(0), Vec::new());
        loop {
            let page = journal.after(at, 100).unwrap();
            assert_eq!(page, journal.to_tell(at, 100).unwrap());
            let Some(last) = page.last() else { break };
            at = last.seq;
            pages.push(page.len());
        }
        assert_eq!((at, pages.iter().sum::<usize>()), (Seq(5), 5));
        // A server sends its page whole: there the number of records is the limit.
        assert!(place.schema.is_some() || pages == [3, 2], "{pages:?}");
    }
}
