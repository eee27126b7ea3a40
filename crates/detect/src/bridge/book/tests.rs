use alloy_primitives::U256;
use portcullis_types::money::Usd;
use proptest::prelude::*;

use super::*;
use crate::bridge::terms::TokenPair;

const HERE: Address = Address::repeat_byte(0xa);
const THERE: Address = Address::repeat_byte(0xb);
const JUNK: Address = Address::repeat_byte(0xc);

/// Grace 10 s, history 1,000 s, patience 100 s; one token with 18 decimals there and 6 here, fee up to 1 %.
fn terms() -> BridgeTerms {
    let pair = TokenPair {
        destination: HERE,
        source_decimals: 18,
        destination_decimals: 6,
        fee_bps: 100,
        opening: Some(U256::ZERO),
    };
    BridgeTerms {
        grace_seconds: 10,
        history_seconds: 1_000,
        patience_seconds: 100,
        tokens: BTreeMap::from([(THERE, pair)]),
    }
}

fn block(number: u64, fork: u8) -> BlockId {
    BlockId { number, hash: B256::repeat_byte(fork) }
}

fn id(n: u64) -> B256 {
    B256::from(U256::from(n))
}

/// A lock of 5 whole tokens at a time, final 60 s later.
fn lock(n: u64, timestamp: u64) -> Lock {
    Lock {
        id: Some(id(n)),
        block: block(timestamp, 1),
        timestamp,
        final_at: timestamp + 60,
        token: Some(THERE),
        amount: Some(U256::from(5) * U256::from(10).pow(U256::from(18))),
        beneficiary: Some(B256::repeat_byte(1)),
    }
}

fn release(n: u64, timestamp: u64) -> Release {
    Release {
        id: Some(id(n)),
        block: block(timestamp, 2),
        timestamp,
        token: Some(HERE),
        amount: Some(U256::from(5_000_000)),
        beneficiary: Some(B256::repeat_byte(1)),
        transaction: B256::from(U256::from(timestamp)),
        ordinal: 0,
        sender: Address::ZERO,
        value: Usd::ZERO,
    }
}

/// A book that has seen everything from the beginning up to `through`.
fn book(through: u64) -> Book {
    let mut book = Book::new(terms());
    book.seen(Seen { since: 0, through: 0 });
    book.seen(Seen { since: 0, through });
    book
}

fn verdicts(judged: Vec<Judgement>) -> Vec<Verdict> {
    judged.into_iter().map(|judgement| judgement.verdict).collect()
}

fn broken(faults: &[Fault]) -> Verdict {
    Verdict::Broken(faults.to_vec())
}

#[test]
fn a_release_is_held_against_its_lock() {
    let change = |f: &dyn Fn(&mut Release)| {
        let mut changed = release(1, 160);
        f(&mut changed);
        changed
    };
    for (name, release, verdict) in [
        ("fits", release(1, 160), Verdict::Matched),
        ("fee", change(&|r| r.amount = Some(U256::from(4_950_000))), Verdict::Matched),
        ("nothing is named", change(&|r| r.amount = None), Verdict::Matched),
        (
            "above the fee",
            change(&|r| r.amount = Some(U256::from(4_949_999))),
            broken(&[Fault::WrongAmount]),
        ),
        (
            "one unit more",
            change(&|r| r.amount = Some(U256::from(5_000_001))),
            broken(&[Fault::WrongAmount]),
        ),
        ("token", change(&|r| r.token = Some(JUNK)), broken(&[Fault::WrongToken])),
        (
            "beneficiary",
            change(&|r| r.beneficiary = Some(B256::ZERO)),
            broken(&[Fault::WrongBeneficiary]),
        ),
        ("early", release(1, 159), broken(&[Fault::BeforeFinality])),
        ("before it was locked, clocks apart", release(1, 90), broken(&[Fault::BeforeFinality])),
        ("long before it was locked", release(1, 89), broken(&[Fault::WithoutLock])),
    ] {
        // Whatever the history, the id is another's: no older lock can have had it.
        let mut book = book(2_000);
        book.terms.history_seconds = 0;
        book.lock(lock(1, 100));
        assert_eq!(book.release(release).verdict, verdict, "{name}");
    }
}

/// A lock of a token nobody lists may not become one that is worth something.
#[test]
fn an_unlisted_token_becomes_no_listed_one() {
    let mut book = book(2_000);
    for (n, paid, verdict) in [(1, JUNK, Verdict::Matched), (2, HERE, broken(&[Fault::WrongToken]))]
    {
        let (mut locked, mut released) = (lock(n, 100), release(n, 200));
        locked.token = Some(JUNK);
        locked.amount = released.amount;
        released.token = Some(paid);
        book.lock(locked);
        assert_eq!(book.release(released).verdict, verdict);
    }
}

#[test]
fn a_second_release_is_told_and_a_wrong_one_uses_nothing_up() {
    let mut book = book(2_000);
    book.lock(lock(1, 100));
    let mut wrong = release(1, 200);
    wrong.beneficiary = Some(B256::ZERO);
    assert_eq!(book.release(wrong).verdict, broken(&[Fault::WrongBeneficiary]));
    assert_eq!(book.release(release(1, 201)).verdict, Verdict::Matched);
    assert_eq!(book.release(release(1, 202)).verdict, broken(&[Fault::TwiceReleased]));
}

#[test]
fn a_lock_that_is_read_late_is_no_accusation() {
    let mut book = book(1_500);
    assert_eq!(book.release(release(1, 1_490)).verdict, Verdict::Pending, "at the grace's end");
    assert_eq!(book.seen(Seen { since: 0, through: 1_500 }), []);
    assert_eq!(verdicts(book.lock(lock(1, 1_400))), [Verdict::Matched]);
    assert_eq!(book.release(release(2, 1_495)).verdict, Verdict::Pending);
    assert_eq!(book.seen(Seen { since: 0, through: 1_505 }), []);
    let judged = book.seen(Seen { since: 0, through: 1_506 });
    assert_eq!(verdicts(judged), [broken(&[Fault::WithoutLock])]);
}

#[test]
fn a_blind_source_is_said_once_and_made_up_for() {
    let mut book = book(1_500);
    book.release(release(1, 1_500));
    assert_eq!(book.destination_time(1_599), []);
    let told = verdicts(book.destination_time(1_600));
    assert_eq!(told, [Verdict::Unknown(Unknown::SourceBehind)]);
    assert_eq!(book.destination_time(9_999), []);
    let judged = book.seen(Seen { since: 0, through: 9_999 });
    assert_eq!(verdicts(judged), [broken(&[Fault::WithoutLock])]);
}

#[test]
fn what_may_be_older_than_the_watch_is_evidence_by_its_rarity() {
    let mut book = Book::new(terms());
    book.seen(Seen { since: 0, through: 5_000 });
    book.seen(Seen { since: 0, through: 9_000 });
    for n in 0..99 {
        book.lock(lock(n, 5_000 + n));
        assert_eq!(book.release(release(n, 5_100 + n)).verdict, Verdict::Matched);
    }
    for (n, e_value) in [(100, 100.0), (101, 50.5)] {
        let judged = book.release(release(n, 5_999));
        assert_eq!(judged.verdict, Verdict::Unknown(Unknown::HistoryIncomplete));
        assert!((judged.e_value() - e_value).abs() < 1e-9, "{}", judged.e_value());
    }
    assert_eq!(book.release(release(102, 6_000)).verdict, broken(&[Fault::WithoutLock]));
    // A hole makes it unknown again.
    book.seen(Seen { since: 6_500, through: 9_000 });
    let judged = book.release(release(103, 7_000));
    assert_eq!(judged.verdict, Verdict::Unknown(Unknown::HistoryIncomplete));
    assert!(book.release(release(104, 7_500)).verdict.is_forged());
}

#[test]
fn re_organisations_are_forgotten_on_either_side() {
    let mut book = book(2_000);
    book.lock(lock(1, 1_800));
    assert_eq!(book.release(release(1, 1_900)).verdict, Verdict::Matched);
    // The destination's block is gone: the release comes again and is not a second one.
    book.retract(&[release(1, 1_900).block]);
    assert_eq!(book.release(release(1, 1_901)).verdict, Verdict::Matched);
    // The source's block is gone: the release waits, for the lock or for the lack of it.
    book.retract(&[lock(1, 1_800).block]);
    assert_eq!(book.n_pending(), 1);
    let mut other = book;
    assert_eq!(verdicts(other.lock(lock(1, 1_805))), [Verdict::Matched]);
    other.retract(&[lock(1, 1_805).block]);
    assert_eq!(other.seen(Seen { since: 0, through: 1_799 }), []);
    let judged = other.seen(Seen { since: 0, through: 2_001 });
    assert_eq!(verdicts(judged), [broken(&[Fault::WithoutLock])]);
    // A pending release whose own block is gone waits no more.
    other.release(release(2, 2_000));
    other.retract(&[release(2, 2_000).block]);
    assert_eq!(other.n_pending(), 0);
}

#[test]
fn a_forgotten_lock_becomes_no_accusation() {
    let mut book = book(1_000_000);
    let n = LOCKS_MAX as u64;
    for i in 0..n {
        book.lock(lock(i, 2_000 + i / 100));
    }
    // One was released: it goes first, and a second release of it is still told.
    book.release(release(77, 5_000));
    book.lock(lock(n, 5_000));
    assert_eq!((book.counts().forgotten_released, book.counts().forgotten_open), (1, 0));
    assert_eq!(book.release(release(77, 5_001)).verdict, broken(&[Fault::WithoutLock]));
    // All are open: the oldest goes, and what could be its release is unknown.
    book.lock(lock(n + 1, 5_001));
    assert_eq!(book.counts().forgotten_open, 1);
    let unknown = Verdict::Unknown(Unknown::HistoryIncomplete);
    assert_eq!(book.release(release(0, 3_000)).verdict, unknown);
    assert_eq!(book.release(release(1, 3_000)).verdict, Verdict::Matched);
    assert_eq!(book.release(release(0, 3_001)).verdict, broken(&[Fault::WithoutLock]));
}

#[test]
fn too_many_pending_releases_are_said() {
    let mut book = book(1_000);
    for n in 0..PENDING_MAX as u64 {
        assert_eq!(book.release(release(n, 2_000)).verdict, Verdict::Pending);
    }
    let one_more = book.release(release(PENDING_MAX as u64, 2_000)).verdict;
    assert_eq!(one_more, Verdict::Unknown(Unknown::TooManyPending));
    assert_eq!(book.counts().not_kept, 1);
}

#[test]
fn the_sums_work_without_ids() {
    let mut book = book(2_000);
    let plain = |mut lock: Lock| {
        lock.id = None;
        lock
    };
    book.lock(plain(lock(1, 1_000)));
    book.lock(plain(lock(2, 1_100)));
    // The first lock is final at 1,060 and the second at 1,160: until then only one release is covered.
    for (at, deficit) in [(1_100, 0), (1_155, 5_000_000), (1_160, 0), (1_161, 5_000_000)] {
        let judged = book.release(Release { id: None, ..release(0, at) });
        assert_eq!(judged.verdict, Verdict::Unknown(Unknown::NoId));
        let found = judged.deficit.map(|deficit| (deficit.grown, deficit.is_proof));
        let expected = (deficit > 0).then(|| (U256::from(deficit), true));
        assert_eq!(found, expected, "at {at}");
    }
}

#[derive(Debug, Clone)]
struct Pair {
    id: u64,
    locked: Option<u64>,
    released: Vec<(u64, u8)>,
}

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let pair = (prop::option::of(0u64..400), prop::collection::vec((0u64..500, 0u8..3), 0..3));
    prop::collection::vec(pair, 0..12).prop_map(|pairs| {
        let number = |(id, (locked, released))| Pair { id, locked, released };
        (0..).zip(pairs).map(number).collect()
    })
}

/// Plays both chains, each in its order, with the source chain ahead or behind by `choices`. Gives the last verdict of
/// every release.
fn play(pairs: &[Pair], choices: &[bool], undo: bool) -> BTreeMap<(u64, u64), Verdict> {
    let mut locks: Vec<Lock> =
        pairs.iter().filter_map(|pair| Some(lock(pair.id, 10_000 + pair.locked?))).collect();
    let mut releases = Vec::new();
    for (n, pair) in (0..).zip(pairs) {
        for (m, (at, kind)) in (0..).zip(&pair.released) {
            let mut one = release(pair.id, 10_000 + at);
            one.ordinal = n * 10 + m;
            if *kind == 1 {
                one.beneficiary = Some(B256::ZERO);
            }
            releases.push(one);
        }
    }
    locks.sort_by_key(|lock| std::cmp::Reverse(lock.timestamp));
    releases.sort_by_key(|release| std::cmp::Reverse((release.timestamp, release.ordinal)));
    let mut book = book(0);
    let mut last = BTreeMap::new();
    let mut take = |judged: Vec<Judgement>| {
        for judgement in judged {
            if judgement.verdict != Verdict::Pending {
                let key = (judgement.release.timestamp, u64::from(judgement.release.ordinal));
                last.insert(key, judgement.verdict);
            }
        }
    };
    let mut choices = choices.iter().cycle();
    while !(locks.is_empty() && releases.is_empty()) {
        if *choices.next().unwrap_or(&true) {
            let Some(lock) = locks.pop() else { continue };
            let through = lock.timestamp;
            take(book.lock(lock.clone()));
            if undo {
                // The block goes and comes again.
                book.retract(&[lock.block]);
                for again in pairs.iter().filter(|p| p.locked == Some(through - 10_000)) {
                    let done = !locks.iter().any(|left| left.id == Some(id(again.id)));
                    if done {
                        take(book.lock(super::tests::lock(again.id, through)));
                    }
                }
            }
            // Further locks may come in the same second.
            take(book.seen(Seen { since: 0, through: through - 1 }));
        } else if let Some(release) = releases.pop() {
            take(vec![book.release(release)]);
        }
    }
    take(book.seen(Seen { since: 0, through: 1_000_000 }));
    assert_eq!(book.n_pending(), 0);
    last
}

/// The same in batch, once everything is known: every release against the lock of its id, in order of time.
fn at_leisure(pairs: &[Pair]) -> BTreeMap<(u64, u64), Verdict> {
    let mut verdicts = BTreeMap::new();
    for (n, pair) in (0u64..).zip(pairs) {
        let mut releases: Vec<(u64, u64, u8)> =
            (0..).zip(&pair.released).map(|(m, (at, kind))| (*at, n * 10 + m, *kind)).collect();
        releases.sort_unstable();
        let mut used = false;
        for (at, ordinal, kind) in releases {
            let mut faults = Vec::new();
            match pair.locked.filter(|locked| *locked <= at + 10) {
                None => faults.push(Fault::WithoutLock),
                Some(locked) => {
                    for (fault, is_so) in [
                        (Fault::TwiceReleased, used),
                        (Fault::WrongBeneficiary, kind == 1),
                        (Fault::BeforeFinality, at < locked + 60),
                    ] {
                        faults.extend(is_so.then_some(fault));
                    }
                    used |= faults.is_empty() || faults == [Fault::BeforeFinality];
                }
            }
            let verdict =
                if faults.is_empty() { Verdict::Matched } else { Verdict::Broken(faults) };
            verdicts.insert((10_000 + at, ordinal), verdict);
        }
    }
    verdicts
}

proptest! {
    /// Which of the two chains is read first changes nothing in the end, and neither does a block that goes and comes
    /// again: the verdicts are those of a batch.
    #[test]
    fn verdicts_do_not_depend_on_the_interleaving(
        pairs in pairs(),
        a in prop::collection::vec(any::<bool>(), 1..40),
        b in prop::collection::vec(any::<bool>(), 1..40),
        undo in any::<bool>(),
    ) {
        let (mut a, mut b) = (a, b);
        a.extend([true, false]);
        b.extend([false, true]);
        let expected = at_leisure(&pairs);
        prop_assert_eq!(&play(&pairs, &a, false), &expected);
        prop_assert_eq!(&play(&pairs, &b, undo), &expected);
    }
}
