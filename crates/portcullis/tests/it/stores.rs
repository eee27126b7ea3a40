//! The journal on either database, through the program: replay, run with the server going away, back-up, restore, copy.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use portcullis_range::{PostgresEnding, PostgresServer};

use crate::{
    bad_input::{GOOD, theft},
    kit::{Rig, portcullis, run, texts, without_chain},
};

const SCENARIO: &str = "lending-spot-oracle";
/// Blocks between which the server is away; the attack strikes in block 21.
const AWAY: (u64, u64) = (19, 24);
/// Wall-clock time between two blocks.
const INTERVAL_MS: u64 = 200;

fn server() -> Option<PostgresServer> {
    PostgresServer::start(&[]).inspect_err(|why| eprintln!("skipped: {why}")).ok()
}

/// Runs the program, which must end with `code`; gives back what it says.
#[track_caller]
fn said(args: &[&str], code: i32) -> String {
    let output = run(args);
    let (out, errors, found) = texts(&output);
    assert_eq!(found, Some(code), "{args:?}: {out}{errors}");
    format!("{out}{errors}")
}

/// The last hash that the program names.
fn head(text: &str) -> &str {
    let at = text.rfind("head").expect("a head");
    text[at..]
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| word.len() == 66)
        .expect("a hash")
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A journal with a case in it at `path`.
fn replayed(folder: &Path, path: &Path) {
    let (config, recording) = (folder.join("portcullis.yaml"), folder.join("theft.jsonl"));
    std::fs::write(&config, GOOD).unwrap();
    std::fs::write(&recording, theft()).unwrap();
    let (config, recording, path) = (text(&config), text(&recording), text(path));
    let args = ["replay", &recording, "--config", &config, "--journal", &path];
    assert!(said(&args, 0).contains("gross-outflow"));
    let again = said(&args, 2);
    assert!(again.contains("a replay starts a journal of its own"), "{again}");
}

#[test]
fn a_replay_leads_to_the_same_journal_on_both_and_either_becomes_the_other() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (file, url) = (at("journal.sqlite"), at("journal.url"));
    server.address_file(&url, "first", "").unwrap();
    replayed(folder.path(), &file);
    replayed(folder.path(), &url);
    let verify = |path: &Path| said(&["journal", "verify", "--journal", &text(path)], 0);
    let first = verify(&file);
    assert_eq!(head(&first), head(&verify(&url)), "byte for byte the same journal");
    for command in [["case", "list"], ["journal", "export"]] {
        let on = |path: &Path| {
            let output = run(&[command[0], command[1], "--journal", &text(path)]);
            texts(&output).0
        };
        assert_eq!(on(&file), on(&url), "{command:?}");
        assert!(on(&url).contains("PC-0"), "{command:?}");
    }
    // A back-up of one is restored into the other, and checked on the way.
    let backup = text(&at("backup.jsonl.zst"));
    said(&["journal", "backup", &backup, "--journal", &text(&url)], 0);
    assert_eq!(head(&said(&["journal", "verify", "--file", &backup], 0)), head(&first));
    let second = at("second.url");
    server.address_file(&second, "second", "").unwrap();
    let targets: Vec<PathBuf> = vec![at("restored.sqlite"), second];
    for target in &targets {
        let restore = ["journal", "restore", &backup, "--journal", &text(target)];
        assert_eq!(head(&said(&restore, 0)), head(&first));
        assert_eq!(verify(target), first);
        assert!(said(&restore, 3).contains("nothing is written over"));
    }
    let copied = text(&at("copied.sqlite"));
    said(&["journal", "copy", &text(&url), &copied], 0);
    assert_eq!(verify(Path::new(&copied)), first);
    // A damaged one is refused, and leaves nothing.
    let mut bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&backup, bytes).unwrap();
    let none = text(&at("none.sqlite"));
    let refused = said(&["journal", "restore", &backup, "--journal", &none], 3);
    assert!(refused.contains("line ") && refused.contains("nothing was restored"), "{refused}");
    assert!(!Path::new(&none).exists());
    assert!(said(&["journal", "verify", "--file", &backup], 1).contains("NOT verified"));
}

#[test]
fn backups_in_a_folder_are_named_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.sqlite");
    replayed(folder.path(), &journal);
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let put = |name: &str| std::fs::write(backups.join(name), b"x").unwrap();
    put("portcullis-1000000000-5.jsonl.zst");
    put("portcullis-9999999999-5.jsonl.zst");
    put("somebody-elses-1000000000-5.jsonl.zst");
    let args =
        ["journal", "backup", &text(&backups), "--keep-days", "30", "--journal", &text(&journal)];
    let out = said(&args, 0);
    assert!(out.contains("removed") && out.contains("portcullis-1000000000-5"), "{out}");
    let mut left: Vec<_> = std::fs::read_dir(&backups)
        .unwrap()
        .map(|one| text(Path::new(&one.unwrap().file_name())))
        .collect();
    left.sort();
    assert_eq!(left.len(), 3, "the new one, a newer one, and what is not ours: {left:?}");
    assert!(!left.contains(&"portcullis-1000000000-5.jsonl.zst".to_owned()));
    let to_file = text(&folder.path().join("one.zst"));
    let args = ["journal", "backup", &to_file, "--keep-days", "30", "--journal", &text(&journal)];
    assert!(said(&args, 2).contains("needs a folder"));
}

/// The program archives; the same cases, decisions and head follow from the archive and what comes behind it.
#[test]
fn an_archived_journal_tells_the_same_story_and_a_kill_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut places = vec![(at("old.sqlite"), at("new.sqlite"))];
    let server = server();
    if let Some(server) = &server {
        for name in ["before", "after"] {
            server.address_file(&at(&format!("{name}.url")), name, "").unwrap();
        }
        places.push((at("before.url"), at("after.url")));
    }
    for (old, new) in places {
        replayed(folder.path(), &old);
        let verify = |path: &Path| said(&["journal", "verify", "--journal", &text(path)], 0);
        let list = |path: &Path| said(&["case", "list", "--journal", &text(path)], 0);
        let (whole, cases) = (verify(&old), list(&old));
        let (from, to) = (text(&old), text(&new));
        let args = ["journal", "archive", &to, "--older-than-days", "30", "--journal", &from];
        // Killed at some moment, again and again: the old journal is whole, the new one is empty or whole.
        for wait_ms in [0, 2, 5, 9, 14, 20, 30] {
            let mut child = portcullis().args(args).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(wait_ms));
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(verify(&old), whole);
            let (out, errors, code) = texts(&run(&["journal", "verify", "--journal", &to]));
            assert!(out == whole || code == Some(3) || out.contains("0 records"), "{out}{errors}");
        }
        let (out, errors, code) = texts(&run(&args));
        let is_done = code == Some(0) && out.contains("archived");
        assert!(is_done || errors.contains("nothing is written over"), "{out}{errors}");
        assert_eq!((verify(&new), list(&new)), (whole.clone(), cases.clone()), "the same story");
        let archive = new.with_extension("archive.jsonl.zst");
        said(&["journal", "verify", "--file", &text(&archive)], 0);
        let nothing = ["journal", "archive", &text(&at("x.sqlite")), "--older-than-days", "30"];
        let nothing: Vec<&str> = nothing.into_iter().chain(["--journal", &to]).collect();
        assert!(said(&nothing, 0).contains("nothing to archive"), "the case is open");
        // One byte of the archive.
        let bytes = std::fs::read(&archive).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&archive, changed).unwrap();
        let found = said(&["journal", "verify", "--journal", &to], 1);
        assert!(found.contains("NOT verified") && found.contains("was changed"), "{found}");
        std::fs::remove_file(&archive).unwrap();
        let missing = said(&["case", "list", "--journal", &to], 3);
        assert!(missing.contains("put it back beside the journal"), "{missing}");
        std::fs::write(&archive, bytes).unwrap();
        // A back-up of it is of everything, and restored it is one journal again.
        let backup = text(&new.with_extension("backup.zst"));
        said(&["journal", "backup", &backup, "--journal", &to], 0);
        let restored = new.with_extension("restored.sqlite");
        said(&["journal", "restore", &backup, "--journal", &text(&restored)], 0);
        assert_eq!((verify(&restored), list(&restored)), (whole, cases));
    }
}

#[test]
fn evidence_is_in_the_backup_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, restored) =
        (folder.path().join("journal.sqlite"), folder.path().join("restored.sqlite"));
    replayed(folder.path(), &journal);
    let case = folder.path().join("journal.sqlite.evidence/PC-000007");
    std::fs::create_dir_all(&case).unwrap();
    std::fs::write(case.join("0123abcd"), b"a screenshot").unwrap();
    let backup = text(&folder.path().join("backup.zst"));
    let out = said(&["journal", "backup", &backup, "--journal", &text(&journal)], 0);
    assert!(out.contains("with 1 files"), "{out}");
    said(&["journal", "verify", "--file", &backup], 0);
    let out = said(&["journal", "restore", &backup, "--journal", &text(&restored)], 0);
    assert!(out.contains("restored.sqlite.evidence"), "{out}");
    let back = folder.path().join("restored.sqlite.evidence/PC-000007/0123abcd");
    assert_eq!(std::fs::read(back).unwrap(), b"a screenshot");
}

#[test]
fn what_cannot_be_reached_is_said_with_the_remedy_and_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("journal.url");
    let verify = |code: i32, part: &str| {
        let out = said(&["journal", "verify", "--journal", &text(&url)], code);
        assert!(out.contains(part) && !out.contains("SECRET"), "{part}: {out}");
    };
    verify(3, "no such address file");
    let write = |address: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&url, address).unwrap();
        std::fs::set_permissions(&url, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("postgresql://u:SECRET@127.0.0.1:1/p");
    verify(3, "check that the server runs");
    write("host=x password=SECRET");
    verify(3, "no address");
    let Some(server) = server() else { return };
    server.address_file(&url, "nobody", "").unwrap();
    verify(3, "no journal at");
}

/// A whole incident with the journal on `PostgreSQL`, the server being away when the attack strikes.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_goes_away_in_the_attack_and_nothing_is_lost_or_done_twice() {
    if without_chain() {
        return;
    }
    let Some(mut server) = server() else { return };
    let mut rig = Rig::new(SCENARIO).await;
    let url = rig.watcher.path("journal.url");
    server.address_file(&url, "portcullis", "").unwrap();
    let on_postgres = ("journal.sqlite", "journal.url");
    rig.configure_with(&rig.chain.http_url(), &[on_postgres]);
    rig.watch().await;
    let blocks = rig.scenario.blocks();
    rig.play_telling(true, blocks, INTERVAL_MS, |played| match played.index {
        at if at == AWAY.0 => server.stop(PostgresEnding::Crash).unwrap(),
        at if at == AWAY.1 => server.resume().unwrap(),
        _ => {}
    })
    .await;
    rig.until("a lever holds", Duration::from_secs(30), |story| story.held_in().is_some()).await;
    rig.caught_up(Duration::from_secs(30)).await;
    rig.watcher.assert_running();
    let log = rig.watcher.log();
    assert!(log.contains("out of reach") && log.contains("is back"), "it says so:\n{log}");
    // Killed, and started again on what the database holds.
    rig.watcher.kill();
    rig.watch().await;
    rig.watcher.stop().await;
    let story = rig.story();
    story.assert_whole();
    assert_eq!(rig.pauses().await.len(), 1, "paused once");
    assert!(rig.is_paused("market").await);
    let journal = text(&url);
    let verified = said(&["journal", "verify", "--journal", &journal], 0);
    let copied = text(&rig.watcher.path("copy.sqlite"));
    said(&["journal", "copy", &journal, &copied], 0);
    assert_eq!(said(&["journal", "verify", "--journal", &copied], 0), verified);
    assert!(said(&["case", "list", "--journal", &journal], 0).contains("PC-"));
}
