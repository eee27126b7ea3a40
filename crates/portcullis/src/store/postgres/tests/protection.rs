use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use portcullis_range::PostgresServer;

use crate::store::{
    Journal, StoreError,
    tests::kit::{fill, records, server},
};

/// Two authorities, and a certificate of the first for `localhost`, made by openssl.
fn certificates(folder: &Path) -> Option<()> {
    let openssl = |args: &str| {
        let done =
            Command::new("openssl").args(args.split(' ')).current_dir(folder).output().ok()?;
        done.status.success().then_some(())
    };
    for ca in ["ca", "other"] {
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem"
        ))?;
    }
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr")?;
    std::fs::write(folder.join("ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .ok()?;
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt",
    )
}

const WHO: &str = "local all tester trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// A server that lets in over loopback only with TLS and a password.
fn protected() -> Option<(PostgresServer, tempfile::TempDir, u16)> {
    server()?;
    let folder = tempfile::tempdir().unwrap();
    if certificates(folder.path()).is_none() {
        eprintln!("skipped: openssl is not installed");
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = ["ssl=on", "listen_addresses=127.0.0.1", &format!("port={port}")];
    let (crt, key) = (read("server.crt"), read("server.key"));
    let files = [("server.crt", crt.as_str()), ("server.key", &key), ("pg_hba.conf", WHO)];
    let own = PostgresServer::start_with(&settings, &files).unwrap();
    own.sql("CREATE ROLE owner LOGIN PASSWORD 'SECRET'; CREATE ROLE keeper LOGIN PASSWORD 'SE@CRET'; GRANT CREATE ON DATABASE postgres TO owner")
        .unwrap();
    Some((own, folder, port))
}

fn open(folder: &Path, text: &str) -> Result<Journal, String> {
    let path: PathBuf = folder.join("journal.url");
    std::fs::write(&path, text).unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    let opened = Journal::create_or_open(&path);
    if let Err(error) = &opened {
        assert!(matches!(error, StoreError::Database { .. }), "{error}");
    }
    opened.map_err(|error| format!("{error} {error:?}"))
}

#[test]
fn the_connection_is_protected_as_the_address_says() {
    let Some((own, folder, port)) = protected() else { return };
    let address =
        |host: &str, more: &str| format!("postgresql://owner:SECRET@{host}:{port}/postgres?{more}");
    for (host, more, part) in [
        ("localhost", "sslmode=verify-full&sslrootcert=other.pem", "UnknownIssuer"),
        ("localhost", "sslmode=verify-full", "UnknownIssuer"),
        // The certificate is for another name.
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=ca.pem", "not valid for"),
        // The server refuses it.
        ("localhost", "sslmode=disable", "no encryption"),
    ] {
        let error = open(folder.path(), &address(host, more)).unwrap_err();
        assert!(error.contains(part), "{more}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
    for more in ["sslmode=verify-full&sslrootcert=ca.pem", "sslrootcert=ca.pem", "sslmode=require"]
    {
        let mut journal = open(folder.path(), &address("localhost", more)).expect(more);
        fill(&mut journal, 1);
        let protected = own.sql(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE ssl AND version >= 'TLSv1.2' AND application_name = 'portcullis journal'",
        );
        assert_eq!(protected.unwrap(), "1", "{more}");
    }
    let wrong = address("localhost", "sslmode=require").replace("SECRET", "SECRETS");
    let error = open(folder.path(), &wrong).unwrap_err();
    assert!(
        error.contains("password authentication failed") && !error.contains("SECRET"),
        "{error}"
    );
}

/// The role that runs every day needs no more than to read and to add; it cannot switch the triggers off.
#[test]
fn a_role_that_may_only_read_and_add_is_enough() {
    let Some((own, folder, port)) = protected() else { return };
    let end = format!("@localhost:{port}/postgres?sslrootcert=ca.pem");
    let mut made = open(folder.path(), &format!("postgresql://owner:SECRET{end}")).unwrap();
    fill(&mut made, 1);
    drop(made);
    let keeper = format!("postgresql://keeper:SE%40CRET{end}");
    let error = open(folder.path(), &keeper).unwrap_err();
    assert!(error.contains("permission denied"), "{error}");
    own.sql(
        "GRANT USAGE ON SCHEMA portcullis TO keeper;
         GRANT SELECT, INSERT ON portcullis.entry TO keeper; GRANT SELECT ON portcullis.journal_version TO keeper",
    )
    .unwrap();
    let mut journal = open(folder.path(), &keeper).unwrap();
    fill(&mut journal, 1);
    assert_eq!(records(&journal).len(), 2);
    let off = own.sql("SET ROLE keeper; ALTER TABLE portcullis.entry DISABLE TRIGGER ALL");
    assert!(off.unwrap_err().contains("must be owner"));
}
