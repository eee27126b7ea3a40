//! The two sides of Nomad's books between Ethereum and Moonbeam, as facts of two lanes in the order of time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, U256};
use flate2::read::GzDecoder;
use portcullis_detect::bridge::{
    book::{Book, Judgement},
    terms::{BridgeTerms, Lock, Release, TokenPair},
};
use portcullis_detect::detector::Seen;
use portcullis_types::{chain::BlockId, money::Usd};

/// What the data's own makers took for final, seconds, on both chains.
pub(crate) const FINALITY_SECONDS: u64 = 1_800;

/// One event of a lane.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Lock(Lock),
    Release(Release),
}

/// One direction of the bridge.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) terms: BridgeTerms,
    /// By time; of one second, locks first.
    pub(crate) facts: Vec<Fact>,
    /// Time of the newest event of any kind that the data has of the source chain.
    pub(crate) source_ends: u64,
    /// Locks whose time the data does not say: they cannot be put in order and are left out.
    pub(crate) timeless: Vec<Row>,
    /// Transactions of payouts after the re-launch.
    pub(crate) later: BTreeSet<B256>,
}

pub(crate) type Row = BTreeMap<String, String>;

/// Where the data is; none, with a word about it, where it is not.
pub(crate) fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = root.join("../shared");
    let shared = std::env::var_os("PORTCULLIS_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("data/bridges/nomad");
    if folder.join("deposits.csv.gz").exists() {
        return Some(folder);
    }
    println!(
        "SKIPPED: no data at {}; set PORTCULLIS_SHARED to the folder that holds `data`",
        folder.display()
    );
    None
}

/// The rows of a file without quotes, as all of these are.
pub(crate) fn rows(folder: &Path, name: &str) -> Vec<Row> {
    let mut file = File::open(folder.join(name)).unwrap();
    let mut text = String::new();
    if name.strip_suffix(".gz").is_some() {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), names.len(), "{name}: {line}");
            names.iter().zip(cells).map(|(n, c)| ((*n).to_owned(), c.to_owned())).collect()
        })
        .collect()
}

/// Ethereum to Moonbeam (`deposits`) and Moonbeam to Ethereum (`withdrawals`).
pub(crate) fn lanes(folder: &Path) -> [Lane; 2] {
    let (deposits, withdrawals) =
        (rows(folder, "deposits.csv.gz"), rows(folder, "withdrawals.csv.gz"));
    let tokens: Vec<(Address, Address)> = rows(folder, "token_mapping.csv")
        .iter()
        .map(|row| (row["source_token"].parse().unwrap(), row["target_token"].parse().unwrap()))
        .collect();
    let ends = |chain: &str| {
        let here = |row: &&Row| (row["side"] == "source") == (chain == "ethereum");
        let times = deposits.iter().chain(&withdrawals).filter(here).filter_map(time);
        times.max().unwrap()
    };
    let backwards: Vec<(Address, Address)> = tokens.iter().map(|(a, b)| (*b, *a)).collect();
    [
        lane(&deposits, "source", "deposit_id", &tokens, ends("ethereum")),
        lane(&withdrawals, "target", "withdrawal_id", &backwards, ends("moonbeam")),
    ]
}

fn time(row: &Row) -> Option<u64> {
    row["timestamp"].parse().ok()
}

fn lane(
    rows: &[Row],
    source_side: &str,
    id: &str,
    tokens: &[(Address, Address)],
    source_ends: u64,
) -> Lane {
    let pair = |destination| TokenPair {
        destination,
        source_decimals: 18,
        destination_decimals: 18,
        fee_bps: 0,
        opening: None,
    };
    let terms = BridgeTerms {
        grace_seconds: 300,
        // The slowest honest payout took 66 days.
        history_seconds: 90 * 86_400,
        patience_seconds: 3_600,
        tokens: tokens.iter().map(|(from, to)| (*from, pair(*to))).collect(),
    };
    let (mut facts, mut timeless, mut later) = (Vec::new(), Vec::new(), BTreeSet::new());
    for row in rows {
        let Some(at) = time(row) else {
            timeless.push(row.clone());
            continue;
        };
        let transaction: B256 = row["tx"].parse().unwrap();
        let beneficiary = Some(row["beneficiary"].parse::<Address>().unwrap().into_word());
        let amount = Some(row["amount"].parse::<U256>().unwrap());
        let message = Some(B256::from(row[id].parse::<U256>().unwrap()));
        // The data numbers no blocks; a second of a chain is one here.
        let hash = B256::from(U256::from(at));
        let block = BlockId { number: at, hash };
        if row["side"] == source_side {
            facts.push((
                at,
                0,
                Fact::Lock(Lock {
                    id: message,
                    block,
                    timestamp: at,
                    final_at: at + FINALITY_SECONDS,
                    token: Some(row["origin_token"].parse().unwrap()),
                    amount,
                    beneficiary,
                }),
            ));
        } else {
            if row.get("period").is_some_and(|period| period == "later") {
                later.insert(transaction);
            }
            facts.push((
                at,
                1,
                Fact::Release(Release {
                    id: message,
                    block,
                    timestamp: at,
                    token: Some(row["dst_token"].parse().unwrap()),
                    amount,
                    beneficiary,
                    transaction,
                    ordinal: row["event_index"].parse().unwrap(),
                    sender: Address::ZERO,
                    value: Usd::ZERO,
                }),
            ));
        }
    }
    facts.sort_by_key(|(at, kind, _)| (*at, *kind));
    let facts = facts.into_iter().map(|(_, _, fact)| fact).collect();
    Lane { terms, facts, source_ends, timeless, later }
}

/// Plays a lane as two well-read chains would tell it: at every event both chains were seen up to its time, the source
/// chain no further than the data goes. Gives what was said, with the time at which it was.
pub(crate) fn play(lane: &Lane) -> (Book, Vec<(u64, Judgement)>) {
    let mut book = Book::new(lane.terms.clone());
    // The data begins with the bridge: nothing was locked before.
    book.seen(Seen { since: 0, through: 0 });
    let mut said = Vec::new();
    for fact in &lane.facts {
        let now = match fact {
            Fact::Lock(lock) => lock.timestamp,
            Fact::Release(release) => release.timestamp,
        };
        said.extend(look(&mut book, lane, now));
        match fact {
            Fact::Lock(lock) => {
                said.extend(book.lock(lock.clone()).into_iter().map(|judgement| (now, judgement)));
            }
            Fact::Release(release) => said.push((now, book.release(release.clone()))),
        }
    }
    let last = lane.facts.last().map_or(0, |fact| match fact {
        Fact::Lock(lock) => lock.timestamp,
        Fact::Release(release) => release.timestamp,
    });
    said.extend(look(&mut book, lane, last + lane.terms.patience_seconds + 1));
    (book, said)
}

/// Both chains are seen up to `now`, the source chain no further than the data goes.
fn look(book: &mut Book, lane: &Lane, now: u64) -> Vec<(u64, Judgement)> {
    let mut judged = book.seen(Seen { since: 0, through: now.min(lane.source_ends) });
    judged.extend(book.destination_time(now));
    judged.into_iter().map(|judgement| (now, judgement)).collect()
}
