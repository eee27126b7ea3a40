//! Over real recordings, where they are. How much is found is for others to say; here it is that all of it is played.

use std::path::{Path, PathBuf};

use super::{json, options};
use crate::{Options, run};

/// The data, or none after saying so.
fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("PORTCULLIS_SHARED").map_or_else(beside, PathBuf::from);
    let path = root.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is not there; set PORTCULLIS_SHARED to test on real data",
        path.display()
    );
    None
}

#[test]
fn real_exploits_are_all_counted() {
    let (Some(traces), Some(replays)) = (data("exploits/traces"), data("exploits/replays")) else {
        return;
    };
    let wide = |paths: &[PathBuf]| {
        let done = run(&Options { config: None, ..options(paths) }, &|_| {}).unwrap();
        json(&done)
    };
    let got = wide(&[traces]);
    assert_eq!((got["incidents"].as_u64(), got["transactions"].as_u64()), (Some(113), Some(113)));
    assert_eq!(
        (got["blindTransactions"].as_u64(), got["benignTransactions"].as_u64()),
        (Some(0), Some(0))
    );
    let got = wide(&[replays]);
    assert_eq!((got["incidents"].as_u64(), got["transactions"].as_u64()), (Some(31), Some(62)));
}

#[test]
fn real_blocks_are_all_counted() {
    let Some(blocks) = data("benign/blocks") else { return };
    // The whole set takes minutes without optimisation; a few blocks are enough to see that they are played.
    let few = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (std::fs::metadata(&path).unwrap().len() < 20_000).then_some(path)
    };
    let all = cfg!(not(debug_assertions));
    let paths: Vec<PathBuf> = if all {
        vec![blocks]
    } else {
        std::fs::read_dir(blocks).unwrap().filter_map(few).collect()
    };
    let done = run(&Options { config: None, ..options(&paths) }, &|_| {}).unwrap();
    assert_eq!(done.report.blind_transactions, 0, "{:?}", done.report.blind);
    assert!(done.report.benign_transactions > 0);
    assert!(
        !all || done.report.benign_transactions == 6_841,
        "{}",
        done.report.benign_transactions
    );
}

#[test]
fn real_losses_give_the_published_shares() {
    let (Some(timings), Some(drains)) = (data("timings"), data("bridges/nomad/drains.csv.gz"))
    else {
        return;
    };
    let tables = crate::tables::Tables::read(&[timings, drains]).unwrap();
    assert_eq!(
        tables.curves.len(),
        5,
        "{:?}",
        tables.curves.iter().map(|c| &c.name).collect::<Vec<_>>()
    );
    assert_eq!((tables.baselines[0].attacks, tables.baselines[0].timed), (203, 58));
    assert_eq!((tables.baselines[0].before, tables.baselines[0].within_minute), (18, 33));
    let nomad = tables.curves.iter().find(|curve| curve.name.starts_with("nomad")).unwrap();
    // 16.3, 23.8 and 27.9 of 191.6 million dollars are gone after 1, 30 and 60 minutes.
    for (key, percent) in [("1", 91.5), ("30", 87.6), ("60", 85.4)] {
        let saved = nomad.saved_percent.0[key].unwrap();
        assert!((saved - percent).abs() < 0.3, "{key}: {saved}");
    }
}
