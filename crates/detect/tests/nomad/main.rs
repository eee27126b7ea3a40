//! The whole history of Nomad's Moonbeam lane, both directions, against the streaming book: every forged payout is flagged
//! and every other alarm is named with its reason. Skipped, with a word, where the data is not there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that finds nothing to unwrap has failed, and says so this way"
)]

mod data;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use data::{Fact, Lane, folder, lanes, play, rows};
use portcullis_detect::bridge::{
    book::Judgement,
    terms::{Fault, Release, Unknown, Verdict},
};

/// What was said of releases of the time before the re-launch, with the second at which it was.
fn broken(lane: &Lane, said: &[(u64, Judgement)]) -> Vec<(u64, Release, Vec<Fault>)> {
    let mut found = Vec::new();
    for (at, judgement) in said {
        if let Verdict::Broken(faults) = &judgement.verdict {
            assert!(!lane.later.contains(&judgement.release.transaction));
            found.push((*at, judgement.release.clone(), faults.clone()));
        }
    }
    found
}

/// Transactions of one kind among the events that the data's makers found without a partner, with how often.
fn unmatched(
    rows: &[data::Row],
    column: &str,
    wanted: impl Fn(&data::Row) -> bool,
) -> BTreeMap<B256, usize> {
    let mut found = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        *found.entry(row[column].parse().unwrap()).or_default() += 1;
    }
    found
}

fn by_transaction<'a>(releases: impl Iterator<Item = &'a Release>) -> BTreeMap<B256, usize> {
    let mut found = BTreeMap::new();
    for release in releases {
        *found.entry(release.transaction).or_default() += 1;
    }
    found
}

fn print(why: &str, alarms: &[&(u64, Release, Vec<Fault>)]) {
    println!("{} × {why}", alarms.len());
    for (_, release, faults) in alarms {
        let id = U256::from_be_bytes(release.id.unwrap_or_default().0);
        println!("    id {id:>5}  {}  {faults:?}", release.transaction);
    }
}

#[test]
fn every_forged_payout_is_flagged_at_once_and_five_others() {
    let Some(folder) = folder() else { return };
    let [_, lane] = lanes(&folder);
    let unmatched_rows = rows(&folder, "unmatched.csv.gz");
    let (book, said) = play(&lane);
    let broken = broken(&lane, &said);

    let without_request = |row: &data::Row| row["kind"] == "withdrawal_executed_without_request";
    let forged = unmatched(&unmatched_rows, "tx", |r| without_request(r) && r["drain"] == "1");
    let (hack, others): (Vec<_>, Vec<_>) =
        broken.iter().partition(|(_, release, _)| forged.contains_key(&release.transaction));
    assert_eq!(forged.values().sum::<usize>(), 382);
    assert_eq!(by_transaction(hack.iter().map(|(_, release, _)| release)), forged);
    assert!(hack.iter().all(|(at, release, _)| *at == release.timestamp), "none had to wait");
    let mut kinds: BTreeMap<&[Fault], usize> = BTreeMap::new();
    for (_, _, faults) in &hack {
        *kinds.entry(faults).or_default() += 1;
    }
    println!("forged payouts flagged: {} of 382, 0 s after their block\n{kinds:#?}", hack.len());

    // The other alarms: the data's makers have the same five.
    let theirs = unmatched(&unmatched_rows, "tx", |r| without_request(r) && r["drain"] == "0");
    assert_eq!(by_transaction(others.iter().map(|(_, release, _)| release)), theirs);
    assert!(others.iter().all(|(_, _, faults)| *faults == [Fault::WithoutLock]));
    let timeless: BTreeSet<B256> = lane
        .timeless
        .iter()
        .map(|row| B256::from(row["withdrawal_id"].parse::<U256>().unwrap()))
        .collect();
    let (no_time, rest): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(_, r, _)| r.id.is_some_and(|id| timeless.contains(&id)));
    print("false alarms: the request is in the data, without a time", &no_time);
    // An address that spells `0000000000000058fB43`: 20 of the 40 digits of one, taken for its bytes.
    let is_text = |release: &Release| {
        let bytes = release.beneficiary.unwrap_or_default();
        bytes[12..].iter().all(u8::is_ascii_hexdigit)
    };
    assert!(rest.iter().all(|(_, release, _)| is_text(release)));
    print(
        "false alarms: trials of one asker; the beneficiary is text, no request is in the data",
        &rest,
    );
    assert_eq!((no_time.len(), rest.len()), (2, 3));

    // After the re-launch: what has a request matches, of the others the source side was not seen.
    let later: Vec<&Judgement> = said
        .iter()
        .map(|(_, judgement)| judgement)
        .filter(|judgement| lane.later.contains(&judgement.release.transaction))
        .collect();
    let n = |verdict: &Verdict| later.iter().filter(|j| j.verdict == *verdict).count();
    let behind = Verdict::Unknown(Unknown::SourceBehind);
    assert_eq!((n(&Verdict::Matched), n(&behind), book.n_pending()), (99, 831, 831));
    println!("later payouts: 99 match, 831 could not be looked at (requests end before them)");
}

#[test]
fn mints_without_a_deposit_are_those_of_the_data() {
    let Some(folder) = folder() else { return };
    let [lane, _] = lanes(&folder);
    let unmatched_rows = rows(&folder, "unmatched.csv.gz");
    let (book, said) = play(&lane);
    let broken = broken(&lane, &said);
    assert_eq!(book.n_pending(), 0);
    let theirs = unmatched(&unmatched_rows, "tx", |row| row["kind"] == "mint_without_deposit");
    assert_eq!(by_transaction(broken.iter().map(|(_, release, _)| release)), theirs);
    assert_eq!(broken.len(), 13);

    let of = |fault| -> Vec<_> { broken.iter().filter(|(_, _, f)| *f == [fault]).collect() };
    let early = of(Fault::BeforeFinality);
    let peers = unmatched(&unmatched_rows, "peer_tx", |r| r["kind"] == "deposit_before_finality");
    assert_eq!(by_transaction(early.iter().map(|(_, release, _)| release)), peers);
    let hack_began: u64 = rows(&folder, "drains.csv.gz")[0]["timestamp"].parse().unwrap();
    assert!(early.iter().all(|(_, release, _)| release.timestamp > hack_began));
    print("true, no theft: minted minutes after the lock, while the hack was on", &early);

    let listed: BTreeSet<Address> =
        lane.terms.tokens.values().map(|pair| pair.destination).collect();
    let without = of(Fault::WithoutLock);
    assert!(without.iter().all(|(_, r, _)| !listed.contains(&r.token.unwrap())));
    print("false alarms: trial tokens that no deposit and no mapping of the data names", &without);

    let wrong = of(Fault::WrongBeneficiary);
    let [(_, release, _)] = wrong.as_slice() else { panic!("{wrong:?}") };
    let lock = lane.facts.iter().find_map(|fact| match fact {
        Fact::Lock(lock) if lock.id == release.id => lock.beneficiary,
        _ => None,
    });
    let (locked, paid) = (lock.unwrap(), release.beneficiary.unwrap());
    assert_eq!(locked[24..], paid[12..20], "the last eight bytes, moved to the front");
    print("false alarm: the beneficiary of the mint is the lock's, read twelve bytes off", &wrong);
    assert_eq!((early.len(), without.len(), wrong.len()), (5, 7, 1));
}

/// The second line of defence, had there been no ids.
#[test]
fn the_sums_alone_notice_the_hack_in_its_first_second() {
    let Some(folder) = folder() else { return };
    let [_, mut lane] = lanes(&folder);
    for pair in lane.terms.tokens.values_mut() {
        // The bridge began empty.
        pair.opening = Some(U256::ZERO);
    }
    for fact in &mut lane.facts {
        match fact {
            Fact::Lock(lock) => lock.id = None,
            Fact::Release(release) => release.id = None,
        }
    }
    let (_, said) = play(&lane);
    let drains = rows(&folder, "drains.csv.gz");
    let hack_began: u64 = drains[0]["timestamp"].parse().unwrap();
    let mut first: BTreeMap<Address, (u64, U256)> = BTreeMap::new();
    for (_, judgement) in &said {
        if let Some(deficit) = judgement.deficit.as_ref().filter(|deficit| deficit.is_proof) {
            first.entry(deficit.token).or_insert((judgement.release.timestamp, deficit.grown));
        }
    }
    let (hack, before): (Vec<_>, Vec<_>) = first.iter().partition(|(_, (at, _))| *at >= hack_began);
    for (token, (at, _)) in &hack {
        println!("{token}: a deficit {} s after the first drain", at - hack_began);
    }
    assert_eq!(hack.iter().map(|(_, (at, _))| at - hack_began).min(), Some(0));
    // Two of the trials above paid one whole token each that nobody had locked.
    for (token, (_, amount)) in &before {
        println!("{token}: false alarm, a deficit of {amount} units from a trial");
        assert!(*amount <= U256::from(10).pow(U256::from(18)));
    }
    assert_eq!((hack.len(), before.len()), (6, 2));
}
