//! Tables and triggers, and the lock of the one writer.

use alloy_primitives::keccak256;

use crate::store::{SCHEMA_ARCHIVED, SCHEMA_VERSION};

/// Marks the tables as ours.
pub(super) const APPLICATION: &str = "portcullis-journal";

/// The key of the advisory lock that the writer of this schema's journal holds.
pub(super) fn lock_key(schema: &str) -> i64 {
    let hash = keccak256(format!("{APPLICATION}/{schema}"));
    let mut key = [0; 8];
    key.iter_mut().zip(hash.iter()).for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(key)
}

/// Makes the tables, wholly or not at all. The first version on this database has the number that `SQLite` had reached.
/// Triggers are `ALWAYS` on: a session that plays a replica is refused too.
pub(super) fn creation(schema: &str, with_schema: bool) -> String {
    let schema_made =
        if with_schema { format!("CREATE SCHEMA \"{schema}\";") } else { String::new() };
    format!(
        "BEGIN; {schema_made}
CREATE TABLE \"{schema}\".journal_version (
    version     bigint PRIMARY KEY,
    application text   NOT NULL CHECK (application = '{APPLICATION}')
);
CREATE TABLE \"{schema}\".entry (
    seq  bigint PRIMARY KEY CHECK (seq > 0),
    at   bigint NOT NULL,
    kind text   NOT NULL CHECK (kind IN ('event', 'output')),
    body text   NOT NULL,
    hash bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE FUNCTION \"{schema}\".entry_is_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON \"{schema}\".entry
    FOR EACH STATEMENT EXECUTE FUNCTION \"{schema}\".entry_is_refused();
CREATE FUNCTION \"{schema}\".entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM \"{schema}\".entry) THEN
        RAISE EXCEPTION 'the journal is append-only: an entry follows the last one'
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entry_follows_the_last BEFORE INSERT ON \"{schema}\".entry
    FOR EACH ROW EXECUTE FUNCTION \"{schema}\".entry_follows();
ALTER TABLE \"{schema}\".entry ENABLE ALWAYS TRIGGER entry_is_never_changed;
ALTER TABLE \"{schema}\".entry ENABLE ALWAYS TRIGGER entry_follows_the_last;
INSERT INTO \"{schema}\".journal_version VALUES ({SCHEMA_VERSION}, '{APPLICATION}');
COMMIT;"
    )
}

/// Makes a journal begin behind an archive: an entry may follow the anchor, which is written next.
pub(super) fn anchor(schema: &str) -> String {
    format!(
        "
CREATE TABLE \"{schema}\".anchor (
    seq    bigint PRIMARY KEY CHECK (seq > 0),
    at     bigint NOT NULL,
    hash   bytea  NOT NULL CHECK (octet_length(hash) = 32),
    file   text   NOT NULL,
    sha256 bytea  NOT NULL CHECK (octet_length(sha256) = 32)
);
CREATE OR REPLACE FUNCTION \"{schema}\".entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> coalesce((SELECT max(seq) FROM \"{schema}\".entry),
                           (SELECT seq FROM \"{schema}\".anchor)) + 1 THEN
        RAISE EXCEPTION 'the journal is append-only: an entry follows the last one'
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;"
    )
}

/// Closes the table behind the anchor, and gives the journal its version.
pub(super) fn anchored(schema: &str) -> String {
    format!(
        "
CREATE TRIGGER anchor_is_never_changed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON \"{schema}\".anchor
    FOR EACH STATEMENT EXECUTE FUNCTION \"{schema}\".entry_is_refused();
ALTER TABLE \"{schema}\".anchor ENABLE ALWAYS TRIGGER anchor_is_never_changed;
INSERT INTO \"{schema}\".journal_version VALUES ({SCHEMA_ARCHIVED}, '{APPLICATION}');"
    )
}

/// What a session needs so that a confirmed entry is on disk, and so that neither side waits for one that is gone. What an
/// administrator set to more than `on` stays.
pub(super) const SETTINGS: &str = "
SELECT count(set_config(s.name, v.value, false)) FROM pg_settings s JOIN (VALUES
    ('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
        THEN 'on' ELSE current_setting('synchronous_commit') END),
    ('statement_timeout', '0'), ('idle_session_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'),
    ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '20000')
) AS v (name, value) ON v.name = s.name";

/// Who this session is, for the server and for a later one of ours; encoding; whether the server only repeats another; and
/// whether it writes through.
pub(super) const ABOUT: &str = "
SELECT pg_backend_pid(),
    (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()),
    current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync')";

/// Ends a session of ours that was given up, so that its lock is free; the start time tells it from another with its number.
pub(super) const END_SESSION: &str = "
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = $1 AND extract(epoch FROM backend_start)::text = $2";
