use std::path::{Path, PathBuf};

use portcullis_notify::{Kind, Notice, NoticeKey, Outbox, Plan, Severity};
use portcullis_types::ids::{Millis, Seq};
use sha2::{Digest as _, Sha256};

use super::kit::{Place, fill};
use crate::store::{
    BackedUp, BackupError, Beside, Journal, check_backup, replay_backup, restore, restore_with,
    write_backup_with,
};

fn sha256_hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(Sha256::digest(bytes))
}

fn plan() -> Plan {
    Plan {
        channels: Vec::new(),
        routes: Vec::new(),
        group_millis: 0,
        queue_rows_max: 10,
        down_after_millis: 1,
        seed: 1,
    }
}

/// A journal with two files of evidence, what was said of one, and an outbox that is in use.
struct Rig {
    place: Place,
    beside: Beside,
    _outbox: Outbox,
}

const LONG: usize = 3 << 20;

fn rig() -> Rig {
    let place = Place::sqlite();
    fill(&mut Journal::create_or_open(&place.path).unwrap(), 20);
    let (evidence, outbox) =
        (place.folder.path().join("evidence"), place.folder.path().join("outbox.sqlite"));
    let case = evidence.join("PC-000007");
    std::fs::create_dir_all(&case).unwrap();
    for bytes in [b"a screenshot".to_vec(), vec![0xa5; LONG]] {
        std::fs::write(case.join(sha256_hex(&bytes)), &bytes).unwrap();
    }
    std::fs::write(case.join(format!("{}.json", sha256_hex(b"a screenshot"))), b"{}").unwrap();
    std::fs::write(evidence.join("stray"), b"not of a case").unwrap();
    std::fs::write(case.join(".hidden"), b"not evidence").unwrap();
    let queue = Outbox::open(&outbox, plan()).unwrap();
    let notice = Notice::new(Kind::Finding, Severity::P2, "g", "t", Millis(0));
    queue.enqueue(Millis(0), &notice, &NoticeKey::of_step(Seq(9), 0)).unwrap();
    let beside = Beside { evidence: Some(evidence), outbox: Some(outbox) };
    Rig { place, beside, _outbox: queue }
}

fn backed_up(rig: &Rig) -> (PathBuf, BackedUp) {
    let path = rig.place.folder.path().join("backup.zst");
    let journal = Journal::open_to_read(&rig.place.path).unwrap();
    let done = write_backup_with(&journal, &rig.beside, &path).unwrap();
    (path, done)
}

fn elsewhere(folder: &Path) -> Beside {
    Beside { evidence: Some(folder.join("e")), outbox: Some(folder.join("o.sqlite")) }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn evidence_and_outbox_are_saved_and_come_back() {
    let rig = rig();
    let (path, done) = backed_up(&rig);
    assert_eq!((done.head.format, done.head.records, done.head.files), (2, 20, 4));
    assert_eq!(done.damaged, [""; 0]);
    assert_eq!(check_backup(&path).unwrap(), done.head);
    assert!(replay_backup(&path).is_ok(), "the records among files are read");
    let left = names(rig.place.folder.path());
    assert!(!left.iter().any(|name| name.starts_with('.')), "no draft is left: {left:?}");
    for to in Place::each() {
        let folder = to.folder.path();
        let error = restore(&path, &to.path).unwrap_err();
        assert!(error.to_string().contains("say where"), "{error}");
        assert!(!Journal::is_taken(&to.path).unwrap());
        let beside = elsewhere(folder);
        restore_with(&path, &to.path, &beside).unwrap();
        let case = |evidence: &Option<PathBuf>| evidence.as_ref().unwrap().join("PC-000007");
        let (was, is) = (case(&rig.beside.evidence), case(&beside.evidence));
        let back = names(&is);
        assert_eq!(back.len(), 3);
        for name in &back {
            let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
            assert_eq!(read(&is), read(&was), "{name}");
        }
        let outbox = Outbox::open(beside.outbox.as_ref().unwrap(), plan()).unwrap();
        assert_eq!(outbox.last_step().unwrap(), Some(9));
    }
}

#[test]
fn a_restore_goes_on_where_one_was_interrupted_and_writes_nothing_over() {
    let rig = rig();
    let (path, _) = backed_up(&rig);
    for to in Place::each() {
        let beside = elsewhere(to.folder.path());
        let case = beside.evidence.as_ref().unwrap().join("PC-000007");
        std::fs::create_dir_all(&case).unwrap();
        let name = case.join(sha256_hex(b"a screenshot"));
        std::fs::write(&name, b"another").unwrap();
        let error = restore_with(&path, &to.path, &beside).unwrap_err();
        assert!(matches!(error, BackupError::Exists { .. }), "{error}");
        assert!(!Journal::is_taken(&to.path).unwrap(), "nothing was made");
        assert_eq!(names(&case).len(), 1, "nothing of it");
        std::fs::write(&name, b"a screenshot").unwrap();
        restore_with(&path, &to.path, &beside).expect("the same is no obstacle");
        assert_eq!(names(&case).len(), 3);
    }
}

#[test]
fn evidence_that_was_changed_on_disk_is_named() {
    let rig = rig();
    let file = format!("PC-000007/{}", sha256_hex(b"a screenshot"));
    std::fs::write(rig.beside.evidence.as_ref().unwrap().join(&file), b"forged").unwrap();
    let (path, done) = backed_up(&rig);
    assert_eq!(done.damaged, [file]);
    check_backup(&path).expect("it is saved as it is");
}

#[test]
fn a_changed_file_in_a_backup_is_refused_with_the_line() {
    let rig = rig();
    let (path, _) = backed_up(&rig);
    let plain = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let lines: Vec<&str> = plain.lines().collect();
    let refused = |lines: &[String], part: &str| {
        let packed = zstd::encode_all((lines.join("\n") + "\n").as_bytes(), 1).unwrap();
        std::fs::write(&path, packed).unwrap();
        let error = check_backup(&path).unwrap_err().to_string();
        assert!(error.contains(part), "`{part}` in: {error}");
        let to = Place::sqlite();
        restore_with(&path, &to.path, &elsewhere(to.folder.path())).unwrap_err();
        assert_eq!(names(to.folder.path()), [""; 0], "nothing was made");
    };
    let with = |index: usize, line: String| {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[index] = line;
        changed
    };
    let file = lines.iter().position(|line| line.contains("\"bytes\":12,")).unwrap();
    let part = file + 1;
    assert!(lines[part].starts_with("{\"part\":\"0x61") && file >= 20, "behind the records");
    refused(&with(part, lines[part].replace("0x61", "0x62")), "is not the one that was saved");
    refused(&with(file, lines[file].replace("PC-000007/", "../")), "no name");
    refused(&with(file, lines[file].replace("PC-000007/", "PC-000007/../")), "no name");
    refused(&with(file, lines[file].replace("evidence", "secret")), "no file");
    let mut missing = with(0, lines[0].to_owned());
    missing.drain(file..=part);
    refused(&missing, "there are 3 files, and should be 4");
    let mut without_head = with(0, lines[0].to_owned());
    without_head.remove(file);
    refused(&without_head, "file");
    let mut behind = with(0, lines[0].to_owned());
    behind.swap(19, lines.len() - 2);
    refused(&behind, "line 20");
}
