use portcullis_types::evidence::StorageChange;

use super::*;
use crate::{
    detector::Meta,
    price_manipulation::META,
    testing::{ALICE, LAND, THIEF, USDC, VAULT, With, block, protocol, transaction, usdc},
};

const POOL: Address = VAULT;
const SYNC: &str = "Sync(uint112,uint112)";
const SWAP_V2: &str = "Swap(address,uint256,uint256,uint256,uint256,address)";
const SWAP_V3: &str = "Swap(address,address,int256,int256,uint160,uint128,int24)";

fn pool(kind: &str) -> Pool {
    static META_OF: &Meta = &META;
    let protocol = protocol();
    let resolver = Resolver { protocol: &protocol, meta: META_OF };
    let json = format!(r#"{{"pool":"{POOL}","kind":"{kind}","assets":["USDC","LAND"]}}"#);
    Pool::new(&resolver, "pools[0]", &serde_json::from_str(&json).unwrap()).unwrap()
}

fn n(number: u64) -> U256 {
    U256::from(number)
}

/// Start and points as basis points above `base`.
fn check(name: &str, path: Option<Path>, base: (u64, u64), expected: Option<(u64, &[u64])>) {
    let base = Ratio::new(n(base.0), n(base.1)).unwrap();
    let seen = path.map(|path| {
        let points: Vec<u64> = path.points.iter().map(|p| p.price.bps_apart(base)).collect();
        (path.start.bps_apart(base), points)
    });
    assert_eq!(seen, expected.map(|(start, points)| (start, points.to_vec())), "{name}");
}

#[test]
fn a_v2_pair_begins_where_its_storage_its_swap_or_its_past_says() {
    let mut pair = pool("uniswap-v2");
    check("untouched", pair.path(&transaction()), (1, 1), None);
    let sync = |evidence: Evidence, one, two| evidence.says(POOL, SYNC, &[n(one), n(two)]);
    let bare = sync(transaction(), 100, 400);
    check("nothing else known", pair.path(&bare), (2, 1), Some((10_000, &[10_000])));
    // 100 of the first went out, 200 of the second came in: it was 200 to 200.
    let swapped = bare.clone().says(POOL, SWAP_V2, &[n(0), n(200), n(100), n(0)]);
    check("by its swap", pair.path(&swapped), (1, 1), Some((0, &[30_000])));
    let slot = |one: u64, two: u64| B256::from(n(one) | (n(two) << 112) | (n(7) << 224));
    let mut stored = bare.clone();
    let change =
        |before, after| StorageChange { address: POOL, slot: B256::from(n(8)), before, after };
    stored.storage.push(change(slot(100, 200), slot(100, 400)));
    check("by its storage", pair.path(&stored), (2, 1), Some((0, &[10_000])));
    let mut other = bare.clone();
    other.storage.push(change(slot(100, 200), slot(100, 401)));
    check("another layout", pair.path(&other), (2, 1), Some((10_000, &[10_000])));
    let path = pair.path(&bare);
    pair.note(&bare, path.as_ref());
    let later = sync(transaction().at(2, 1_012), 100, 200);
    check("by its past", pair.path(&later), (2, 1), Some((10_000, &[0])));
    pair.is_own = false;
    check("somebody else's, a block later", pair.path(&later), (2, 1), Some((0, &[0])));
    pair.is_own = true;
    pair.retract(&[block(1, 1)]);
    check("forgotten", pair.path(&later), (2, 1), Some((0, &[0])));
    let empty = sync(transaction(), 0, 0);
    check("emptied", pair.path(&empty), (1, 1), None);
    let short = transaction().says(POOL, SYNC, &[n(1)]);
    check("too short a log", pair.path(&short), (1, 1), None);
}

#[test]
fn a_v3_pool_begins_at_its_slot_or_at_what_the_first_swap_paid() {
    let pool = pool("uniswap-v3");
    let one: U256 = n(1) << 96;
    let minus = |amount: u64| U256::ZERO.wrapping_sub(n(amount));
    let swap = |words: [U256; 5]| transaction().says(POOL, SWAP_V3, &words);
    let bought = swap([minus(100), n(150), one + (one >> 1), n(9), n(0)]);
    // 150 for 100, at the end 2.25 for one.
    check("paid", pool.path(&bought), (3, 2), Some((0, &[5_000])));
    let mut stored = bought.clone();
    let high: U256 = n(1) << 160;
    stored.storage.push(StorageChange {
        address: POOL,
        slot: B256::ZERO,
        before: B256::from(one | high),
        after: B256::from((one + (one >> 1)) | high),
    });
    check("stored", pool.path(&stored), (1, 1), Some((0, &[12_500])));
}

#[test]
fn without_logs_balances_and_trades_tell_the_price() {
    let land = Asset::Token(LAND);
    let mut pool = pool("balances");
    let trades = |mut evidence: Evidence| {
        evidence.known.logs = false;
        evidence
    };
    let there_and_back = trades(
        transaction()
            .moves(USDC, THIEF, POOL, n(100))
            .moves(land, POOL, THIEF, n(50))
            .moves(USDC, ALICE, POOL, n(100))
            .moves(land, POOL, ALICE, n(25)),
    );
    // LAND has the lower address: USDC for a LAND.
    check("what was paid", pool.path(&there_and_back), (2, 1), Some((0, &[0, 10_000])));
    for (asset, value) in [(USDC, 300), (land, 150)] {
        let probe = Probe::Balance { asset, holder: POOL };
        assert!(pool.probes().contains(&probe));
        let reading = Reading { probe, value: Ok(n(value)), depends_on: Vec::new() };
        pool.take(block(0, 1), &reading);
    }
    check("what it owns", pool.path(&there_and_back), (2, 1), Some((0, &[10_000, 23_333])));
    pool.note(&there_and_back, None);
    let donation = transaction().moves(USDC, THIEF, POOL, n(250));
    check("carried on", pool.path(&donation), (20, 3), Some((0, &[5_000])));
    let liquidity =
        transaction().moves(USDC, ALICE, POOL, usdc(1)).moves(land, ALICE, POOL, n(150_000));
    let moved = pool.path(&liquidity).unwrap();
    assert_eq!(moved.points.len(), 1, "both sides are one step");
}

#[test]
fn assets_are_two_or_none() {
    let protocol = protocol();
    let resolver = Resolver { protocol: &protocol, meta: &META };
    for (kind, assets, fine) in [
        ("uniswap-v2", "[]", true),
        ("balances", "[]", false),
        ("balances", r#"["USDC"]"#, false),
        ("uniswap-v3", r#"["USDC","USDC"]"#, false),
        ("uniswap-v3", r#"["USDC","NONE"]"#, false),
    ] {
        let json = format!(r#"{{"pool":"market","kind":"{kind}","assets":{assets}}}"#);
        let built = Pool::new(&resolver, "pools[0]", &serde_json::from_str(&json).unwrap());
        assert_eq!(built.is_ok(), fine, "{json}: {built:?}");
    }
}
