use std::time::Duration;

use portcullis_engine::{ChainSettings, Config, Event};
use portcullis_types::{
    chain::{BlindCause, BlockHead, BlockId, ChainEvent},
    ids::{Millis, Seq},
};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{changes::Topic, *};
use crate::store::Journal;

fn started() -> Event {
    let settings = ChainSettings {
        chain: 1,
        name: "mainnet".to_owned(),
        confirmed_depth: 2,
        finalised_depth: 64,
    };
    let config = Box::new(Config { chains: vec![settings], protocols: Vec::new() });
    Event::Started { version: "0".to_owned(), config }
}

fn committed(number: u64) -> Event {
    let hash = |n: u64| alloy_primitives::B256::with_last_byte(n as u8);
    let id = BlockId { number, hash: hash(number) };
    let head = BlockHead { id, parent: hash(number - 1), timestamp: number * 12, transactions: 0 };
    Event::Chain(ChainEvent::Committed { chain: 1, head })
}

fn until(replica: &Replica, seq: u64) {
    for _ in 0..500 {
        if replica.look().seq >= Seq(seq) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the replica did not reach {seq}");
}

/// The picture changes before the news of it are told.
fn heard(news: &mut Receiver<Change>) -> Change {
    for _ in 0..500 {
        match news.try_recv() {
            Ok(change) => return change,
            Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(10)),
            Err(problem) => panic!("{problem}"),
        }
    }
    panic!("nothing was told")
}

#[test]
fn it_follows_what_is_written_and_tells_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.sqlite");
    let mut journal = Journal::create_or_open(&path).unwrap();
    journal.append(Millis(1), &started()).unwrap();
    let replica = Replica::follow(&path).unwrap();
    let (mut news, _) = replica.changes().listen(None);
    until(&replica, 1);
    journal.append(Millis(2), &committed(10)).unwrap();
    until(&replica, 2);
    assert_eq!(replica.look().chains[&1].head_at, Some(Millis(2)));
    assert!(news.try_recv().is_err(), "a block alone is no news");
    let cause = BlindCause::Unreachable { detail: "gone\u{202e}".to_owned() };
    let blind = ChainEvent::Blind { chain: 1, from: 11, to: 12, cause };
    journal.append(Millis(3), &Event::Chain(blind)).unwrap();
    let change = heard(&mut news);
    assert_eq!((change.seq, change.what.contains(&Topic::Blind)), (Seq(3), true));
    assert!(!replica.look().chains[&1].causes[0].2.contains('\u{202e}'));
}

#[test]
fn trouble_is_told_and_a_changed_record_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.sqlite");
    let replica = Replica::follow(&path).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(replica.look().trouble.as_ref().unwrap().contains("no journal"));

    let path = folder.path().join("j.sqlite");
    let mut journal = Journal::create_or_open(&path).unwrap();
    journal.append(Millis(1), &started()).unwrap();
    journal.append(Millis(2), &committed(10)).unwrap();
    drop(journal);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("DROP TRIGGER entry_is_never_changed; UPDATE entry SET at = 7 WHERE seq = 2")
        .unwrap();
    let replica = Replica::follow(&path).unwrap();
    for _ in 0..200 {
        if replica.look().trouble.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let picture = replica.look();
    assert!(picture.trouble.as_ref().unwrap().contains("record 2 was changed"));
    assert_eq!(picture.seq, Seq(0), "nothing is concluded from a batch with a changed record");
}
