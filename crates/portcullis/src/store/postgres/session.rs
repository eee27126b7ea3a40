//! One connection to the database, and what is asked over it.

use std::{future::Future, time::Duration};

use portcullis_types::ids::{Millis, Seq};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, NoTls, Row, Statement, error::SqlState};

use super::{address::Address, schema, tls::Tls};
use crate::store::{
    SCHEMA_ARCHIVED, SCHEMA_VERSION, archive::Anchor, error::StoreError, record::Record,
};

/// Longest wait for a connection, name lookup and handshakes included.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longest wait for the answer to one question.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Longest wait until everything that was taken in is durable.
const COMMIT_MAX: Duration = Duration::from_mins(10);
/// Longest wait for a goodbye to be sent.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may be answered over another connection or later.
    Passing(String),
    /// A record with this sequence is there already.
    Taken,
    /// Asking again helps nobody.
    Final(StoreError),
}

/// What tells a session of ours from every other that the server ever had.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    process: i32,
    started: String,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    All,
    /// What people are told of.
    ToTell,
}

pub(super) struct Session {
    client: Client,
    connection: JoinHandle<()>,
    pub(super) identity: Identity,
    statements: Option<Statements>,
}

struct Statements {
    insert: Statement,
    insert_many: Statement,
    all: Statement,
    to_tell: Statement,
}

impl Session {
    /// Connects, and makes the settings that durability needs.
    pub(super) async fn connect(
        address: &Address,
        tls: Option<&Tls>,
        to_write: bool,
    ) -> Result<Self, Trouble> {
        let connecting = async {
            Ok(match tls {
                None => {
                    let (client, connection) =
                        address.config.connect(NoTls).await.map_err(|e| trouble(address, &e))?;
                    // However it ends, the client says so at the next question.
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }
                Some(tls) => {
                    let (client, connection) = address
                        .config
                        .connect(tls.clone())
                        .await
                        .map_err(|e| trouble(address, &e))?;
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }
            })
        };
        let (client, connection) = timeout(CONNECT_MAX, connecting).await.unwrap_or_else(|_| {
            Err(Trouble::Passing(format!("no connection within {} s", CONNECT_MAX.as_secs())))
        })?;
        within(address, client.query_one(schema::SETTINGS, &[])).await?;
        let about = within(address, client.query_one(schema::ABOUT, &[])).await?;
        let get = |error| trouble(address, &error);
        let identity = Identity {
            process: about.try_get(0).map_err(get)?,
            started: about.try_get(1).map_err(get)?,
        };
        let encoding: String = about.try_get(2).map_err(get)?;
        if encoding != "UTF8" {
            let why =
                format!("the database is encoded in {encoding}: make one with ENCODING 'UTF8'");
            return Err(Trouble::Final(StoreError::Foreign { path: address.place.clone(), why }));
        }
        if to_write && about.try_get(3).map_err(get)? {
            let why =
                "the server is a standby, which cannot be written to: give the primary's address";
            return Err(Trouble::Passing(why.to_owned()));
        }
        if to_write && about.try_get::<_, String>(4).map_err(get)? == "off" {
            tracing::warn!(journal = %address.place.display(), "the server runs with fsync = off: a power cut there may lose entries");
        }
        Ok(Self { client, connection, identity, statements: None })
    }

    /// Asks for the writer's lock; says whether this session has it now.
    pub(super) async fn try_lock(&self, address: &Address) -> Result<bool, Trouble> {
        let key = schema::lock_key(&address.schema);
        let ask = "SELECT pg_try_advisory_lock($1)";
        let row = within(address, self.client.query_one(ask, &[&key])).await?;
        row.try_get(0).map_err(|error| trouble(address, &error))
    }

    /// Ends an earlier session of this process that the server may still hold to be there.
    pub(super) async fn end(&self, address: &Address, other: &Identity) -> Result<(), Trouble> {
        let Identity { process, started } = other;
        within(address, self.client.execute(schema::END_SESSION, &[process, started]))
            .await
            .map(|_| ())
    }

    /// Looks whether the tables are there and of a version that is known, and gets ready to use them. Says whether they
    /// are there.
    pub(super) async fn prepare(&mut self, address: &Address) -> Result<bool, Trouble> {
        let schema = &address.schema;
        let ask = format!(
            "SELECT to_regclass('\"{schema}\".journal_version') IS NOT NULL, to_regclass('\"{schema}\".entry') IS NOT NULL"
        );
        let there = within(address, self.client.query_one(&ask, &[])).await?;
        let get = |index| there.try_get::<_, bool>(index).map_err(|error| trouble(address, &error));
        match (get(0)?, get(1)?) {
            (false, false) => return Ok(false),
            (true, true) => {}
            _ => {
                let why = "the schema has tables of another program".to_owned();
                let path = address.place.clone();
                return Err(Trouble::Final(StoreError::Foreign { path, why }));
            }
        }
        let ask = format!("SELECT max(version) FROM \"{schema}\".journal_version");
        let version: Option<i64> = within(address, self.client.query_one(&ask, &[]))
            .await?
            .try_get(0)
            .map_err(|error| trouble(address, &error))?;
        let found = version.unwrap_or_default();
        let path = address.place.clone();
        if found > SCHEMA_ARCHIVED {
            let known = SCHEMA_ARCHIVED;
            return Err(Trouble::Final(StoreError::Newer { path, found, known }));
        }
        if found < SCHEMA_VERSION {
            let why = format!("schema {found} was never written on this database");
            return Err(Trouble::Final(StoreError::Foreign { path, why }));
        }
        self.statements = Some(self.statements(address).await?);
        Ok(true)
    }

    async fn statements(&self, address: &Address) -> Result<Statements, Trouble> {
        let entry = format!("\"{}\".entry", address.schema);
        let insert = format!("INSERT INTO {entry} (seq, at, kind, body, hash)");
        let select = format!("SELECT seq, at, kind, body, hash FROM {entry} WHERE seq > $1");
        // Only the beginning of a body is looked at: a long one need not be unpacked whole.
        let told = "(kind = 'output' OR starts_with(left(body, 64), '{\"event\":\"chain\",\"fact\":\"blind\"'))";
        let prepare = async |sql: String| within(address, self.client.prepare(&sql)).await;
        Ok(Statements {
            insert: prepare(format!("{insert} VALUES ($1, $2, $3, $4, $5)")).await?,
            insert_many: prepare(format!(
                "{insert} SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])"
            ))
            .await?,
            all: prepare(format!("{select} ORDER BY seq LIMIT $2")).await?,
            to_tell: prepare(format!("{select} AND {told} ORDER BY seq LIMIT $2")).await?,
        })
    }

    fn prepared(&self, address: &Address) -> Result<&Statements, Trouble> {
        let missing = || StoreError::Missing { path: address.place.clone() };
        self.statements.as_ref().ok_or_else(|| Trouble::Final(missing()))
    }

    /// Makes the tables.
    pub(super) async fn create(&mut self, address: &Address) -> Result<(), Trouble> {
        let ask = "SELECT count(*) = 0 FROM pg_namespace WHERE nspname = $1";
        let row = within(address, self.client.query_one(ask, &[&address.schema])).await?;
        let with_schema = row.try_get(0).map_err(|error| trouble(address, &error))?;
        let sql = schema::creation(&address.schema, with_schema);
        within(address, self.client.batch_execute(&sql)).await?;
        self.prepare(address).await.map(|_| ())
    }

    pub(super) async fn last(&self, address: &Address) -> Result<Option<Record>, Trouble> {
        let ask = format!(
            "SELECT seq, at, kind, body, hash FROM \"{}\".entry ORDER BY seq DESC LIMIT 1",
            address.schema
        );
        let row = within(address, self.client.query_opt(&ask, &[])).await?;
        row.map(|row| record(&row)).transpose().map_err(|error| trouble(address, &error))
    }

    /// Where the journal begins, if its older part is archived.
    pub(super) async fn anchor(&self, address: &Address) -> Result<Option<Anchor>, Trouble> {
        let schema = &address.schema;
        let ask = format!("SELECT to_regclass('\"{schema}\".anchor') IS NOT NULL");
        let there = within(address, self.client.query_one(&ask, &[])).await?;
        let get = |error| trouble(address, &error);
        if !there.try_get::<_, bool>(0).map_err(get)? {
            return Ok(None);
        }
        let ask = format!("SELECT seq, at, hash, file, sha256 FROM \"{schema}\".anchor");
        let row = within(address, self.client.query_one(&ask, &[])).await?;
        let number = |index| row.try_get::<_, i64>(index).map_err(get);
        let hash = |index| {
            let bytes: &[u8] = row.try_get(index).map_err(get)?;
            Ok::<_, Trouble>(bytes.try_into().unwrap_or_default())
        };
        Ok(Some(Anchor {
            seq: Seq(number(0)?.unsigned_abs()),
            at: Millis(number(1)?.unsigned_abs()),
            hash: hash(2)?,
            file: row.try_get(3).map_err(get)?,
            sha256: hash(4)?,
        }))
    }

    /// Makes the journal begin behind an archive, inside the transaction that is open.
    pub(super) async fn set_anchor(&self, address: &Address, to: &Anchor) -> Result<(), Trouble> {
        let schema = &address.schema;
        within(address, self.client.batch_execute(&schema::anchor(schema))).await?;
        let insert = format!("INSERT INTO \"{schema}\".anchor VALUES ($1, $2, $3, $4, $5)");
        let (seq, at) = (to.seq.0.cast_signed(), to.at.0.cast_signed());
        let (hash, sha256) = (to.hash.as_slice(), to.sha256.as_slice());
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&seq, &at, &hash, &to.file, &sha256];
        within(address, self.client.execute(&insert, &values)).await?;
        within(address, self.client.batch_execute(&schema::anchored(schema))).await
    }

    pub(super) async fn insert(&self, address: &Address, one: &Record) -> Result<(), Trouble> {
        let (seq, at) = (one.seq.0.cast_signed(), one.at.0.cast_signed());
        let insert = &self.prepared(address)?.insert;
        let hash = one.hash.as_slice();
        within(address, self.client.execute(insert, &[&seq, &at, &one.kind, &one.body, &hash]))
            .await
            .map(|_| ())
    }

    pub(super) async fn insert_many(
        &self,
        address: &Address,
        records: &[Record],
    ) -> Result<(), Trouble> {
        let seqs: Vec<i64> = records.iter().map(|one| one.seq.0.cast_signed()).collect();
        let ats: Vec<i64> = records.iter().map(|one| one.at.0.cast_signed()).collect();
        let kinds: Vec<&str> = records.iter().map(|one| one.kind.as_str()).collect();
        let bodies: Vec<&str> = records.iter().map(|one| one.body.as_str()).collect();
        let hashes: Vec<&[u8]> = records.iter().map(|one| one.hash.as_slice()).collect();
        let insert = &self.prepared(address)?.insert_many;
        within(address, self.client.execute(insert, &[&seqs, &ats, &kinds, &bodies, &hashes]))
            .await
            .map(|_| ())
    }

    pub(super) async fn page(
        &self,
        address: &Address,
        which: Which,
        after: Seq,
        most: u32,
    ) -> Result<Vec<Record>, Trouble> {
        let statements = self.prepared(address)?;
        let select = match which {
            Which::All => &statements.all,
            Which::ToTell => &statements.to_tell,
        };
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = within(address, self.client.query(select, &[&after, &i64::from(most)])).await?;
        rows.iter().map(record).collect::<Result<_, _>>().map_err(|error| trouble(address, &error))
    }

    /// Runs a statement that takes and gives nothing.
    pub(super) async fn run(&self, address: &Address, sql: &str) -> Result<(), Trouble> {
        answered(address, COMMIT_MAX, self.client.batch_execute(sql)).await
    }

    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// Says goodbye, so that the server frees the lock at once.
    pub(super) async fn close(self) {
        drop(self.client);
        // A server that does not listen any more is not waited for.
        let _late = timeout(CLOSE_MAX, self.connection).await;
    }
}

async fn within<T>(
    address: &Address,
    ask: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Trouble> {
    answered(address, ANSWER_MAX, ask).await
}

async fn answered<T>(
    address: &Address,
    most: Duration,
    ask: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Trouble> {
    match timeout(most, ask).await {
        Ok(answer) => answer.map_err(|error| trouble(address, &error)),
        Err(_) => Err(Trouble::Passing(format!("no answer within {} s", most.as_secs()))),
    }
}

fn record(row: &Row) -> Result<Record, tokio_postgres::Error> {
    let (seq, at): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let hash: &[u8] = row.try_get(4)?;
    Ok(Record {
        seq: Seq(seq.unsigned_abs()),
        at: Millis(at.unsigned_abs()),
        kind: row.try_get(2)?,
        body: row.try_get(3)?,
        // The table holds no hash of another length; one that came to be fits no chain.
        hash: hash.try_into().unwrap_or_default(),
    })
}

/// Whether asking again may help: what has no code of the server is the way there.
fn trouble(address: &Address, error: &tokio_postgres::Error) -> Trouble {
    let why = text(error);
    let Some(code) = error.code() else { return Trouble::Passing(why) };
    if *code == SqlState::UNIQUE_VIOLATION {
        return Trouble::Taken;
    }
    // Connections, rights that a failing-over server does not know yet, transactions it undid, its resources, an operator's
    // doing, its disk; a primary that became a standby.
    let passing = ["08", "28", "40", "53", "57", "58"];
    let class = code.code().get(..2).unwrap_or_default();
    if passing.contains(&class) || *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return Trouble::Passing(why);
    }
    Trouble::Final(StoreError::Database { path: address.place.clone(), why })
}

/// The error with its causes. The server quotes neither passwords nor values of entries there.
fn text(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    let mut out = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        out += &format!(": {one}");
        cause = one.source();
    }
    out
}
