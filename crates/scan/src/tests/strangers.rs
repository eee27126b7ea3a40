//! Strangers who act as owners, name their own witnesses, or work through helpers; and what was lost to them.

use portcullis_types::{
    evidence::{CodeFeatures, StorageChange},
    money::Usd,
};

use super::*;

const HELPER: Address = Address::repeat_byte(0xa3);
const USDC: Address = alloy_primitives::address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
const WETH: Address = alloy_primitives::address!("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");

#[test]
fn taken_out_as_by_an_owner() {
    let paid = |story: Story| story.pay(TOKEN, VICTIM, CODE, 5);
    let rescue = |story: Story| story.call(VICTIM, "rescueTokens(address,uint256)", &[]);
    let prepared = paid(rescue(Story::new().call(VICTIM, "become(address)", &[])));
    check("after a call of its own", prepared, "rescued", true, true);
    check("alone", paid(rescue(Story::new())), "rescued", true, false);
    check("unpaid", rescue(Story::new()), "rescued", false, false);
    let mut direct = Story::new();
    direct.0.frames.clear();
    direct.0.to = Some(VICTIM);
    direct.add(None, THIEF, VICTIM, "rescueTokens(address,uint256)", &[]);
    direct.add(Some(0), VICTIM, TOKEN, "transfer(address,uint256)", &[]);
    check("by an account", direct.pay(TOKEN, VICTIM, THIEF, 5), "rescued", false, false);
}

#[test]
fn set_up_again_by_a_stranger() {
    let set_up = |function: &str| Story::new().call(VICTIM, function, &[]);
    let of_five = "initialize(address,address,address,address,address)";
    let robbed = set_up(of_five).call(VICTIM, "pull()", &[]).pay(TOKEN, VICTIM, CODE, 5);
    check("and robbed", robbed, "exposed-function", true, true);
    let paid_for = set_up(of_five).pay(OTHER, CODE, VICTIM, 5).pay(TOKEN, VICTIM, CODE, 5);
    check("and paid", paid_for, "exposed-function", true, false);
    check("by any name", set_up("begin(address)"), "exposed-function", false, false);
    let mut story = Story::new();
    story.0.frames.clear();
    story.0.to = Some(VICTIM);
    story.add(None, THIEF, VICTIM, "initialize(address)", &[word(THIEF)]);
    story.add(Some(0), VICTIM, TOKEN, "name()", &[]);
    story = story.pay(TOKEN, VICTIM, THIEF, 1);
    let change = |before: Address| StorageChange {
        address: VICTIM,
        slot: B256::ZERO,
        before: before.into_word(),
        after: THIEF.into_word(),
    };
    let seized = |before| {
        let mut evidence = story.0.clone();
        evidence.storage.push(change(before));
        Story(evidence)
    };
    check("in another's place", seized(HOLDER), "exposed-function", true, true);
    check("for the first time", seized(Address::ZERO), "exposed-function", true, false);
}

#[test]
fn internal_functions_called_by_an_account() {
    let direct = |function: &str| {
        let mut story = Story::new();
        story.0.frames.clear();
        story.0.to = Some(VICTIM);
        story.0.known.logs = false;
        story.add(None, THIEF, VICTIM, function, &[word(HOLDER), word(HOLDER), n(5)]);
        story
    };
    let burn = direct("_burn(address,address,uint256)");
    check("of a holder's tokens", burn, "exposed-function", true, true);
    check("an owner's, perhaps", direct("_mint(address,uint256)"), "exposed-function", true, false);
    check("a public one", direct("burn(address,uint256)"), "exposed-function", false, false);
}

#[test]
fn rates_go_with_the_number_of_signals() {
    use crate::signals::{RARE, UNHEARD, WATCHES};
    let signals = WATCHES.len() as f64;
    assert!((RARE - 1_000.0 * signals).abs() < 1.0 && (UNHEARD - 4.0 * RARE).abs() < 1.0);
}

#[test]
fn sums_to_and_fro() {
    let passes = |times: u64, fee: u64| {
        let story = Story::new().call(VICTIM, "poke()", &[]);
        (0..times).fold(story, |story, i| {
            story.pay(TOKEN, HOLDER, VICTIM, 50).pay(TOKEN, VICTIM, HOLDER, 50 - fee * (i + 1))
        })
    };
    check("twenty times", passes(20, 0), "to-and-fro", true, true);
    check("seven times", passes(7, 0), "to-and-fro", true, false);
    check("twice", passes(2, 0), "to-and-fro", false, false);
    check("for a fee", passes(20, 1), "to-and-fro", false, false);
}

#[test]
fn witnesses_of_the_callers_choice() {
    let told = |amount: u64, paid: u64| {
        Story::new()
            .call(VICTIM, "migrate(address,uint256)", &[word(HOLDER), n(amount)])
            .then(HOLDER, "moved(address,uint256)", &[word(CODE), n(amount)])
            .pay(TOKEN, VICTIM, CODE, paid)
    };
    check("just what was told", told(500, 500), "vouched", true, true);
    check("another sum", told(500, 400), "vouched", false, false);
    let moved = told(500, 500).pay(OTHER, HOLDER, VICTIM, 500);
    check("a witness that pays", moved, "vouched", false, false);
    let unnamed = Story::new()
        .call(VICTIM, "claimFor(uint256)", &[n(500)])
        .then(HOLDER, "moved(address,uint256)", &[word(CODE), n(500)])
        .pay(TOKEN, VICTIM, CODE, 500);
    check("the payer's own books", unnamed, "vouched", false, false);
}

#[test]
fn plans_for_one_occasion() {
    let created = |offers: &[&str], calls: &[&str], addresses: u8| {
        let mut story = Story::new();
        story.0.frames.clear();
        story.add(None, THIEF, CODE, "()", &[]);
        story.0.frames[0].kind = CallKind::Create;
        story.0.frames[0].input_length = 9_000;
        let selectors = |functions: &[&str]| {
            let hash = |f: &&str| alloy_primitives::keccak256(f)[..4].try_into().unwrap();
            functions.iter().map(hash).collect()
        };
        let features = CodeFeatures {
            embedded: (1..=addresses).map(Address::repeat_byte).collect(),
            functions: selectors(offers),
            calls: selectors(calls),
            ..CodeFeatures::default()
        };
        let features = Some(Box::new(features));
        story.0.created.push(Created { address: CODE, creator: THIEF, features });
        story.0.known.logs = false;
        story
    };
    let callback = "onFlashLoan(address,address,uint256,uint256,bytes)";
    let swap = "swap(uint256,uint256,address,bytes)";
    let plan = ["deposit(uint256)", "borrow(uint256)", swap];
    check("a plan", created(&[callback], &plan, 9), "armed-contract", true, true);
    check("at few places", created(&[callback], &plan, 5), "armed-contract", false, false);
    check("no loan", created(&[], &plan, 9), "armed-contract", false, false);
    check("trades only", created(&[callback], &[swap], 9), "armed-contract", false, false);
    let vault = created(&[callback, "deposit(uint256)"], &plan, 9);
    check("a vault", vault, "armed-contract", false, false);
    let keeper = ["deposit(uint256)", "borrow(uint256)", swap, "liquidateBorrow(address)"];
    check("a keeper", created(&[callback], &keeper, 9), "armed-contract", false, false);
}

#[test]
fn helpers_that_hand_everything_over() {
    let pull = |to: Address| {
        let words = [word(HOLDER), word(to), n(5)];
        let mut story = Story::new().call(HELPER, "work()", &[]).then(VICTIM, "swap(address)", &[]);
        story = story.then(TOKEN, "transferFrom(address,address,uint256)", &words);
        story.pay(TOKEN, HOLDER, to, 5)
    };
    let over = pull(HELPER).pay(TOKEN, HELPER, CODE, 5);
    check("handed over", over, "pulled-approval", true, true);
    check("kept", pull(HELPER), "pulled-approval", false, false);
    let passed = pull(POOL).pay(TOKEN, POOL, CODE, 5);
    check("passed on", passed, "pulled-approval", true, true);
}

#[test]
fn smart_wallets_are_their_owners() {
    let words = [word(HOLDER), word(CODE), n(5)];
    let mut story = Story::new();
    story.0.frames.clear();
    story.add(None, THIEF, CODE, "execute(address,bytes)", &[]);
    let story = story.call(VICTIM, "route(address)", &[]).then(
        TOKEN,
        "transferFrom(address,address,uint256)",
        &words,
    );
    let small = Story(story.0.clone()).pay(TOKEN, HOLDER, CODE, 5);
    check("unknown worth", small, "pulled-approval", true, false);
    let large = story.pay(USDC, HOLDER, CODE, 300_000_000_000);
    check("a lot", large, "pulled-approval", true, true);
}

#[test]
fn traded_with_as_a_pool() {
    let posed = |function: &str| Story::new().call(VICTIM, "go()", &[]).then(CODE, function, &[]);
    let swap = posed("swap(uint256,uint256,address,bytes)")
        .call(POOL, "sync()", &[])
        .pay(TOKEN, POOL, CODE, 5);
    check("and a pool believes", swap, "posed-contract", true, true);
    let asked = posed("getReserves()").pay(TOKEN, POOL, CODE, 5);
    check("asked", asked, "posed-contract", true, false);
}

#[test]
fn plans_under_the_name_of_a_set_up() {
    let set_up = |function: &str| {
        let mut story = Story::new();
        story.0.frames.clear();
        story.add(None, THIEF, CODE, "init(address)", &[]);
        story.call(POOL, function, &[]).call(POOL, "swap(uint256,uint256,address,bytes)", &[])
    };
    let dealing = set_up("sync()").pay(TOKEN, POOL, CODE, 5);
    check("dealing", dealing, "pool-upkeep", true, true);
    check("without money", set_up("sync()"), "pool-upkeep", false, false);
}

#[test]
fn loans_asked_for_by_the_sender_himself() {
    let lent = |function: &str| {
        let mut story = Story::new();
        story.0.frames.clear();
        story.0.to = Some(LENDER);
        story.add(None, THIEF, LENDER, "flashLoan(address,address,uint256,bytes)", &[]);
        let callback = "onFlashLoan(address,address,uint256,uint256,bytes)";
        let story = story.then(CODE, callback, &[]);
        story.then(VICTIM, function, &[]).pay(TOKEN, VICTIM, CODE, 5)
    };
    check("to deposit", lent("deposit(uint256)"), "flash-funded", true, true);
    let swap = "swap(uint256,uint256,address,bytes)";
    check("to trade", lent(swap), "flash-funded", false, false);
}

#[test]
fn withdrawals_that_look_like_unwrapping() {
    let loan = Story::new().call(LENDER, "flashLoan(address,address,uint256,bytes)", &[]).then(
        CODE,
        "onFlashLoan(address,address,uint256,uint256,bytes)",
        &[],
    );
    let withdrawn = loan.call(VICTIM, "withdraw(uint256)", &[n(5)]);
    let with_token = Story(withdrawn.0.clone()).then(TOKEN, "transfer(address,uint256)", &[]);
    check("of a token", with_token.pay(TOKEN, VICTIM, CODE, 5), "flash-funded", true, true);
    check("of the coin", withdrawn.pay(TOKEN, POOL, CODE, 5), "flash-funded", false, false);
}

fn losses(story: Story) -> (Vec<(Address, String)>, String) {
    let said = Scanner::new().inspect(&story.evidence()).unwrap();
    let plain = |usd: Option<Usd>| usd.map(Usd::plain).unwrap_or_default();
    let each = said.losses.iter().map(|loss| (loss.victim, plain(loss.usd))).collect();
    (each, said.losses.iter().filter_map(|loss| loss.usd).sum::<Usd>().plain())
}

#[test]
fn losses_at_the_prices_of_the_transaction() {
    let story =
        || Story::new().call(POOL, "sync()", &[]).call(POOL, "swap(uint256,uint256,address)", &[]);
    let ether = |story: Story, from, to, milli: u64| {
        let mut story = story.pay(WETH, from, to, 0);
        story.0.transfers.last_mut().unwrap().amount =
            U256::from(milli) * U256::from(10).pow(n(15));
        story
    };
    // Two pools sell ether at 3,000 and 3,100 dollars; what is robbed is worth the lower one, not the reference.
    let traded = |story: Story| {
        let story = ether(story.pay(USDC, HOLDER, LENDER, 3_000_000_000), LENDER, HOLDER, 1_000);
        ether(story.pay(USDC, HELPER, POOL, 3_100_000_000), POOL, HELPER, 1_000)
    };
    let robbed = ether(traded(story()), VICTIM, CODE, 10_000);
    assert_eq!(losses(robbed).1, "30000");
    let alone = ether(story(), VICTIM, CODE, 10_000);
    assert_eq!(losses(alone), (vec![(VICTIM, "20000".to_owned())], "20000".to_owned()));
    // A loser pays through a pool: only what the thief ends up with was lost, by the one who lost it.
    let through =
        story().pay(USDC, VICTIM, POOL, 9_000_000_000).pay(USDC, POOL, CODE, 5_000_000_000);
    assert_eq!(losses(through), (vec![(VICTIM, "5000".to_owned())], "5000".to_owned()));
    // A token that only a pool prices.
    let token = story()
        .pay(TOKEN, CODE, POOL, 400)
        .pay(USDC, POOL, CODE, 2_000_000_000)
        .pay(TOKEN, VICTIM, CODE, 1_000);
    let (each, sum) = losses(token);
    assert_eq!((each[0].0, sum.as_str()), (VICTIM, "5000"));
}
