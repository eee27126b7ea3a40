use super::kit::{Place, fill, records, server};
use crate::store::{Journal, SCHEMA_VERSION, StoreError, verify_chain};

/// A journal as Portcullis wrote it before there was schema 2.
const V1: &str = include_str!("../../../tests/fixtures/journal-v1.sql");

fn v1() -> Place {
    let place = Place::sqlite();
    place.sql(V1).unwrap();
    place
}

fn version(place: &Place) -> i64 {
    let database = rusqlite::Connection::open(&place.path).unwrap();
    database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_journal_of_schema_1_is_read_as_it_is_and_brought_up_to_date_by_the_writer() {
    let place = v1();
    let head: alloy_primitives::B256 =
        V1.lines().nth(1).unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let reader = Journal::open_to_read(&place.path).unwrap();
    assert_eq!(verify_chain(&reader, Some(head)).unwrap(), head);
    assert_eq!(version(&place), 1, "a reader changes nothing");
    let before = records(&reader);
    let mut writer = Journal::create_or_open(&place.path).unwrap();
    assert_eq!(version(&place), SCHEMA_VERSION);
    assert_eq!(records(&writer), before, "not a byte of a record");
    fill(&mut writer, 1);
    let mut n_read = 0;
    reader
        .each(|_| {
            n_read += 1;
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(n_read, 16, "who read before reads on");
    let replaced = "INSERT OR REPLACE INTO entry VALUES (2, 0, 'event', '{}', zeroblob(32))";
    assert!(place.sql(replaced).unwrap_err().contains("append-only"));
    drop(writer);
    assert_eq!(records(&Journal::create_or_open(&place.path).unwrap()).len(), 16);
}

#[test]
fn the_hole_that_schema_2_closes_was_there() {
    let replaced = "INSERT OR REPLACE INTO entry VALUES (2, 0, 'event', '{}', zeroblob(32))";
    v1().sql(replaced).expect("schema 1 let it through");
}

#[test]
fn a_newer_schema_is_refused_with_what_to_do() {
    for place in Place::each() {
        drop(Journal::create_or_open(&place.path).unwrap());
        match &place.schema {
            Some(schema) => {
                let sql = format!(
                    "INSERT INTO {schema}.journal_version VALUES (99, 'portcullis-journal')"
                );
                server().unwrap().sql(&sql).map(|_| ())
            }
            None => place.sql("PRAGMA user_version = 99").map(|_| ()),
        }
        .unwrap();
        for opened in [Journal::create_or_open(&place.path), Journal::open_to_read(&place.path)] {
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
            assert!(error.to_string().contains("install that one or a newer one"), "{error}");
        }
    }
}

#[test]
fn what_is_no_journal_is_refused() {
    for place in Place::each() {
        match &place.schema {
            Some(schema) => {
                let sql = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.entry (a int)");
                server().unwrap().sql(&sql).unwrap();
            }
            None => drop(place.sql("CREATE TABLE entry (a INTEGER)").unwrap()),
        }
        for opened in [Journal::create_or_open(&place.path), Journal::open_to_read(&place.path)] {
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        }
    }
}
