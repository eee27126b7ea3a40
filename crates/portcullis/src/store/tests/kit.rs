//! Both databases for tests: a file each, or a schema each of one private server.

use std::{
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use portcullis_engine::Event;
use portcullis_range::PostgresServer;
use portcullis_types::ids::{Millis, Seq};

use crate::store::{Journal, Record};

/// One for this test run. Where there is none, what needs it says so and is skipped.
static SERVER: LazyLock<Option<PostgresServer>> = LazyLock::new(|| {
    PostgresServer::start(&[]).inspect_err(|why| eprintln!("skipped on PostgreSQL: {why}")).ok()
});

static SCHEMAS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn server() -> Option<&'static PostgresServer> {
    SERVER.as_ref()
}

/// A name that no other test has.
pub(crate) fn new_schema() -> String {
    format!("test_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed))
}

/// A place for one journal that is not there yet.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    /// The schema, on `PostgreSQL`.
    pub(crate) schema: Option<String>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        Self { folder, path, schema: None }
    }

    pub(crate) fn postgres() -> Option<Self> {
        let (folder, schema) = (tempfile::tempdir().unwrap(), new_schema());
        let path = folder.path().join("journal.url");
        server()?.address_file(&path, &schema, "").unwrap();
        Some(Self { folder, path, schema: Some(schema) })
    }

    /// One on each database that there is.
    pub(crate) fn each() -> Vec<Self> {
        std::iter::once(Self::sqlite()).chain(Self::postgres()).collect()
    }

    /// Runs SQL past the program, as somebody would who goes around it. `entry` stands for the table.
    pub(crate) fn sql(&self, sql: &str) -> Result<String, String> {
        if let Some(schema) = &self.schema {
            return server().unwrap().sql(&sql.replace("entry", &format!("{schema}.entry")));
        }
        let database = rusqlite::Connection::open(&self.path).unwrap();
        database.execute_batch(sql).map(|()| String::new()).map_err(|e| e.to_string())
    }
}

/// Writes `n` entries, the first at time 0.
pub(crate) fn fill(journal: &mut Journal, n: u64) {
    for at in 0..n {
        journal.append(Millis(at), &Event::Tick).unwrap();
    }
}

/// Every record.
pub(crate) fn records(journal: &Journal) -> Vec<Record> {
    let mut all = Vec::new();
    journal
        .each(|record| {
            all.push(record);
            Ok::<(), crate::store::StoreError>(())
        })
        .unwrap();
    assert_eq!(all.last().map_or(Seq(0), |last| last.seq), journal.last_seq());
    all
}
