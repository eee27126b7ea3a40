use std::path::Path;

use super::kit::{Place, fill, records};
use crate::store::{
    BackupError, Journal, StoreError, check_backup, copy, read_export, restore, verify_chain,
    write_backup,
};

/// A journal with records, and a back-up of it.
fn backed_up(place: &Place, n: u64) -> (std::path::PathBuf, alloy_primitives::B256) {
    let mut journal = Journal::create_or_open(&place.path).unwrap();
    fill(&mut journal, n);
    let path = place.folder.path().join("backup.zst");
    let head = write_backup(&journal, &path).unwrap();
    assert_eq!((head.records, head.head), (n, journal.head()));
    (path, journal.head())
}

#[test]
fn a_backup_of_either_is_restored_into_either() {
    for from in Place::each() {
        let (file, head) = backed_up(&from, 700);
        let written = Journal::open_to_read(&from.path).unwrap();
        for to in Place::each() {
            let restored = restore(&file, &to.path).unwrap();
            assert_eq!(restored.head, head);
            let mut journal = Journal::create_or_open(&to.path).unwrap();
            assert_eq!(records(&journal), records(&written), "every byte");
            fill(&mut journal, 1);
            verify_chain(&journal, None).expect("it goes on where it ended");
            let error = restore(&file, &to.path).unwrap_err();
            assert!(matches!(error, BackupError::Exists { .. }), "{error}");
            assert_eq!(journal.last_seq().0, 701, "nothing was written over");
        }
        let error = write_backup(&written, &file).unwrap_err();
        assert!(matches!(error, BackupError::Exists { .. }), "{error}");
    }
}

#[test]
fn a_journal_is_copied_from_either_to_either() {
    for from in Place::each() {
        backed_up(&from, 300);
        for to in Place::each() {
            let head = copy(&from.path, &to.path).unwrap();
            assert_eq!(head.records, 300);
            assert!(matches!(copy(&from.path, &to.path), Err(BackupError::Exists { .. })));
        }
    }
}

#[test]
fn the_uncompressed_records_are_an_export() {
    let place = Place::sqlite();
    let (file, head) = backed_up(&place, 3);
    let plain = zstd::decode_all(std::fs::File::open(&file).unwrap()).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines.len(), 4, "records, and where they end");
    assert!(lines[3].contains(&format!("\"records\":3,\"head\":\"{head}\"")), "{}", lines[3]);
    // Ticks before a configuration are no replayable story; the chain is what this looks at.
    let broken = read_export(lines[..3].join("\n").replace("\"at\":1", "\"at\":2").as_bytes());
    assert!(broken.unwrap_err().to_string().contains("record 2 was changed"));
}

/// Nothing may be left of a restore that failed: the next try must find the place free.
fn assert_refused(file: &Path, part: &str) {
    let error = check_backup(file).unwrap_err().to_string();
    assert!(error.contains(part), "`{part}` in: {error}");
    for to in Place::each() {
        restore(file, &to.path).unwrap_err();
        assert!(!Journal::is_taken(&to.path).unwrap(), "nothing was made: {error}");
    }
}

#[test]
fn a_cut_changed_or_foreign_backup_is_refused_with_the_place() {
    let place = Place::sqlite();
    let (file, _) = backed_up(&place, 50);
    let whole = std::fs::read(&file).unwrap();
    let other = |bytes: &[u8]| {
        let path = place.folder.path().join("other.zst");
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for cut in [whole.len() - 1, whole.len() / 2, 20] {
        assert_refused(&other(&whole[..cut]), "it cannot be read on");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    check_backup(&other(&flipped)).expect_err("one bit");
    assert_refused(&other(b""), "no back-up");
    assert_refused(&other(b"SQLite format 3\0"), "no back-up");
    let plain = zstd::decode_all(whole.as_slice()).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let lines: Vec<&str> = plain.lines().collect();
    let packed = |lines: &[&str]| {
        let text = lines.join("\n") + "\n";
        other(&zstd::encode_all(text.as_bytes(), 1).unwrap())
    };
    assert_refused(&packed(&lines[..50]), "its last line is missing");
    let cut_within: Vec<&str> = lines[..49].iter().chain(&lines[50..]).copied().collect();
    assert_refused(&packed(&cut_within), "it ends with record 49");
    let gap: Vec<&str> = lines[..9].iter().chain(&lines[10..]).copied().collect();
    assert_refused(&packed(&gap), "line 10: record 10 is missing");
    let changed = lines[19].replace("\"at\":19", "\"at\":18");
    let mut with_change = lines.clone();
    with_change[19] = &changed;
    assert_refused(&packed(&with_change), "line 20: record 20 was changed");
    let mut behind = lines.clone();
    behind.push(lines[0]);
    assert_refused(&packed(&behind), "behind the last line");
    let newer = lines[50].replace("\"format\":1", "\"format\":3");
    let mut of_newer = lines.clone();
    of_newer[50] = &newer;
    assert_refused(&packed(&of_newer), "format 3");
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let source = Place::sqlite();
    backed_up(&source, 600);
    let journal = Journal::open_to_read(&source.path).unwrap();
    let all = records(&journal);
    for to in Place::each() {
        let mut target = Journal::create_or_open(&to.path).unwrap();
        {
            let mut import = target.import().unwrap();
            for record in &all[..400] {
                import.push(record.clone()).unwrap();
            }
            import.push(all[401].clone()).expect_err("one is missing");
        }
        assert_eq!(records(&target), []);
        let mut import = target.import().unwrap();
        for record in &all[..599] {
            import.push(record.clone()).unwrap();
        }
        import.finish(journal.head()).expect_err("the last is missing");
        assert_eq!(records(&target), []);
        fill(&mut target, 1);
        let error = target.import().unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}
