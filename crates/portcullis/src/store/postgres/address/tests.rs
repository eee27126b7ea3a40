use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn parse(text: &str) -> Result<Address, String> {
    Address::parse(Path::new("/etc/portcullis/journal.url"), text)
}

#[test]
fn protection_is_full_unless_nothing_leaves_the_machine() {
    let ca = Some(PathBuf::from("/etc/portcullis/ca.pem"));
    for (text, expected) in [
        ("postgresql://u@db.example/p", Protection::VerifyFull(None)),
        ("postgres://u@10.0.0.7/p", Protection::VerifyFull(None)),
        ("postgresql://u@db.example/p?sslrootcert=ca.pem", Protection::VerifyFull(ca.clone())),
        ("postgresql://u@localhost/p?sslrootcert=ca.pem", Protection::VerifyFull(ca)),
        ("postgresql://u@db.example/p?sslmode=require", Protection::Require),
        ("postgresql://u@db.example/p?sslmode=disable", Protection::Disable),
        ("postgresql://u@localhost/p", Protection::Disable),
        ("postgresql://u@127.0.0.1/p", Protection::Disable),
        ("postgresql://u@[::1]/p", Protection::Disable),
        ("postgresql:///p?host=/var/run/postgresql", Protection::Disable),
    ] {
        let address = parse(text).expect(text);
        assert_eq!(address.protection, expected, "{text}");
        let is_plain = address.config.get_ssl_mode() == SslMode::Disable;
        assert_eq!(is_plain, expected == Protection::Disable, "never less than what was asked for");
    }
}

#[test]
fn what_is_wrong_is_said_without_the_password() {
    for (text, part) in [
        ("", "no address"),
        ("mysql://u:SECRET@h/p", "no address of PostgreSQL"),
        ("postgresql://u:SECRET@h:x/p", "no address"),
        ("postgresql://u:SEC/RET@h/p", "no address"),
        ("postgresql:///p", "names no host"),
        ("postgresql://u:SECRET@h/p?sslmode=prefer", "sslmode is"),
        ("postgresql://u:SECRET@h/p?sslmode=verify-ca", "sslmode is"),
        ("postgresql://u:SECRET@h/p?schema=x\"y", "schema: use"),
        ("postgresql://u:SECRET@h/p?schema=pg_x", "schema: use"),
        ("postgresql://u:SECRET@h/p?schema=1x", "schema: use"),
        ("postgresql://u:SECRET@h/p?waitSeconds=-1", "waitSeconds"),
        ("postgresql://u:SECRET@h/p?sslcert=x", "sslcert"),
    ] {
        let Err(error) = parse(text) else { panic!("{text} was taken") };
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("SEC"), "{text}: {error}");
    }
}

#[test]
fn parts_are_read() {
    let address = parse(
        "postgresql://u:p%40ss@h:5433/d?schema=a_1&waitSeconds=5&options=-c%20work_mem%3D8MB",
    )
    .unwrap();
    assert_eq!(address.config.get_password(), Some(b"p@ss".as_slice()));
    assert_eq!(address.config.get_ports(), [5433]);
    assert_eq!(address.config.get_options(), Some("-c work_mem=8MB"));
    assert_eq!((address.schema.as_str(), address.wait), ("a_1", Duration::from_secs(5)));
    let place = address.place.display().to_string();
    assert_eq!(place, "/etc/portcullis/journal.url (h, database d, schema a_1)");
}

#[test]
fn the_environment_fills_in_and_a_readable_password_is_refused() {
    assert_eq!(filled("a").unwrap(), "a");
    // `PATH` is always there, and holds what must be encoded.
    let path = std::env::var("PATH").unwrap();
    assert_eq!(filled("${PATH}").unwrap(), path);
    let within = filled("postgresql://u:${PATH}@h/p").unwrap();
    assert!(
        within.contains("%2F") && !within["postgresql://".len()..].contains("/usr"),
        "{within}"
    );
    assert!(
        filled("x${PORTCULLIS_NOT_SET}").unwrap_err().contains("PORTCULLIS_NOT_SET is not set")
    );
    assert!(filled("x${OPEN").unwrap_err().contains("no `}`"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.url");
    let with_mode = |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        Address::read(&file).map(|_| ()).map_err(|error| error.to_string())
    };
    let secret = "# the journal\n\npostgresql://u:SECRET@h/p\n";
    let error = with_mode(secret, 0o644).unwrap_err();
    assert!(error.contains("chmod 600") && !error.contains("SECRET"), "{error}");
    with_mode(secret, 0o600).unwrap();
    with_mode(secret, 0o640).unwrap();
    with_mode("postgresql://u@h/p", 0o644).unwrap();
    assert!(with_mode("a\nb", 0o600).unwrap_err().contains("one address"));
    let none = Address::read(&folder.path().join("none.url")).map(|_| ()).unwrap_err();
    assert!(none.to_string().contains("no such address file"), "{none}");
}
