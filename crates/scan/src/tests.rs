//! Small transactions made by hand, signal by signal: one that fires and one that must not.

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Created, Evidence, Flow, Frame, Known, Reentry, Transfer, WriteAfter},
    money::Asset,
};

use crate::{Level, Scanner, vocabulary::Meaning};

mod strangers;

const THIEF: Address = Address::repeat_byte(0xa1);
const CODE: Address = Address::repeat_byte(0xa2);
const VICTIM: Address = Address::repeat_byte(0xb1);
const POOL: Address = Address::repeat_byte(0xb2);
const LENDER: Address = Address::repeat_byte(0xb3);
const HOLDER: Address = Address::repeat_byte(0xb4);
const TOKEN: Address = Address::repeat_byte(0xc1);
const OTHER: Address = Address::repeat_byte(0xc2);

/// A transaction of the thief to his own code, by a function of no standard.
struct Story(Evidence);

impl Story {
    fn new() -> Self {
        let mut story = Self(Evidence {
            chain: 1,
            block: BlockId { number: 1, hash: B256::ZERO },
            timestamp: 0,
            index: 0,
            hash: B256::repeat_byte(1),
            from: THIEF,
            to: Some(CODE),
            value: U256::ZERO,
            gas_used: None,
            success: true,
            known: Known { logs: true, state: false, callers: true },
            frames: Vec::new(),
            logs: Vec::new(),
            transfers: Vec::new(),
            flows: Vec::new(),
            storage: Vec::new(),
            code: Vec::new(),
            created: Vec::new(),
            reentries: Vec::new(),
            call_tree_hash: B256::ZERO,
        });
        story.add(None, THIEF, CODE, "attack()", &[]);
        story
    }

    fn add(
        &mut self,
        parent: Option<u32>,
        from: Address,
        to: Address,
        function: &str,
        words: &[U256],
    ) -> u32 {
        let mut input = alloy_primitives::keccak256(function).0[..4].to_vec();
        for word in words {
            input.extend(word.to_be_bytes::<32>());
        }
        self.0.frames.push(Frame {
            parent,
            kind: CallKind::Call,
            from,
            to,
            context: to,
            value: U256::ZERO,
            input_length: input.len() as u32,
            input: Bytes::from(input),
            effective: true,
            failed: false,
        });
        self.0.frames.len() as u32 - 1
    }

    /// The thief's code calls somebody.
    fn call(mut self, to: Address, function: &str, words: &[U256]) -> Self {
        self.add(Some(0), CODE, to, function, words);
        self
    }

    /// Whom the thief's code called last calls somebody in turn.
    fn then(mut self, to: Address, function: &str, words: &[U256]) -> Self {
        let parent = self.0.frames.len() - 1;
        let from = self.0.frames[parent].to;
        self.add(Some(parent as u32), from, to, function, words);
        self
    }

    fn create(mut self, number: u8) -> (Self, Address) {
        let address = Address::repeat_byte(number);
        self.0.created.push(Created { address, creator: CODE, features: None });
        (self, address)
    }

    fn pay(mut self, token: Address, from: Address, to: Address, amount: u64) -> Self {
        let (asset, amount) = (Asset::Token(token), U256::from(amount));
        self.0.transfers.push(Transfer { asset, from, to, amount, token_id: None });
        self
    }

    fn evidence(mut self) -> Evidence {
        let mut sums = std::collections::BTreeMap::new();
        for transfer in &self.0.transfers {
            let amount = I256::try_from(transfer.amount).unwrap();
            *sums.entry((transfer.from, transfer.asset)).or_insert(I256::ZERO) -= amount;
            *sums.entry((transfer.to, transfer.asset)).or_insert(I256::ZERO) += amount;
        }
        let flows = sums.into_iter().filter(|((holder, _), d)| !holder.is_zero() && !d.is_zero());
        self.0.flows =
            flows.map(|((holder, asset), delta)| Flow { holder, asset, delta }).collect();
        self.0
    }
}

fn word(address: Address) -> U256 {
    address.into_word().into()
}

fn n(number: u64) -> U256 {
    U256::from(number)
}

/// Which signals an evidence gives, and whether it is an alarm.
fn signals(evidence: &Evidence) -> (Vec<&'static str>, bool) {
    let mut scanner = Scanner::new();
    let mut names: Vec<_> = scanner.weigh(evidence).1.iter().map(|s| s.detector).collect();
    names.sort_unstable();
    (names, scanner.inspect(evidence).is_some())
}

fn check(name: &str, story: Story, signal: &str, fires: bool, alarms: bool) {
    let (names, alarm) = signals(&story.evidence());
    assert_eq!((names.contains(&signal), alarm), (fires, alarms), "{name}: {names:?}");
}

#[test]
fn borrowed_money_used_for_more_than_a_trade() {
    let loan = || {
        let lend = Story::new().call(LENDER, "flashLoan(address,address,uint256,bytes)", &[]);
        lend.then(CODE, "onFlashLoan(address,address,uint256,uint256,bytes)", &[])
    };
    let gain = |story: Story| story.pay(TOKEN, VICTIM, CODE, 5);
    let vault = gain(loan().call(VICTIM, "deposit(uint256,address)", &[]));
    check("into a vault", vault, "flash-funded", true, true);
    let arbitrage = gain(loan().call(POOL, "swap(uint256,uint256,address,bytes)", &[]));
    check("arbitrage", arbitrage, "flash-funded", false, false);
    let liquidation = gain(loan().call(VICTIM, "liquidateBorrow(address,uint256,address)", &[]));
    check("liquidation", liquidation, "flash-funded", false, false);
    let own_money = gain(Story::new().call(VICTIM, "deposit(uint256,address)", &[]));
    check("without a loan", own_money, "flash-funded", false, false);
}

#[test]
fn more_back_than_was_given() {
    let trip = |given, back| {
        Story::new()
            .call(VICTIM, "stake(uint256)", &[])
            .call(VICTIM, "unstake(uint256)", &[])
            .pay(TOKEN, CODE, VICTIM, given)
            .pay(TOKEN, VICTIM, CODE, back)
    };
    check("more", trip(10, 15), "round-trip", true, true);
    check("the same", trip(10, 10), "round-trip", false, false);
    check("less", trip(10, 9), "round-trip", false, false);
    let claim_first = Story::new()
        .call(VICTIM, "restake(uint256)", &[])
        .pay(TOKEN, VICTIM, CODE, 15)
        .pay(TOKEN, CODE, VICTIM, 10);
    check("a reward put back", claim_first, "round-trip", false, false);
}

#[test]
fn a_pool_traded_there_and_back() {
    let trade = |second: Address| {
        Story::new()
            .call(POOL, "swap(uint256,uint256,address,bytes)", &[])
            .call(VICTIM, "harvest()", &[])
            .call(second, "swap(uint256,uint256,address,bytes)", &[])
            .pay(TOKEN, CODE, POOL, 100)
            .pay(OTHER, POOL, CODE, 50)
            .pay(OTHER, CODE, second, 50)
            .pay(TOKEN, second, CODE, 120)
    };
    check("one pool", trade(POOL), "there-and-back", true, true);
    check("two pools", trade(LENDER), "there-and-back", false, false);
}

#[test]
fn pools_made_to_believe() {
    let sync = Story::new().call(POOL, "sync()", &[]).call(
        POOL,
        "swap(uint256,uint256,address,bytes)",
        &[],
    );
    check("sync and swap", sync, "pool-upkeep", true, true);
    let swap = Story::new().call(POOL, "swap(uint256,uint256,address,bytes)", &[]);
    check("swap alone", swap, "pool-upkeep", false, false);
}

#[test]
fn entered_again() {
    let entered = |inner: &str| {
        let mut story = Story::new()
            .call(VICTIM, "borrow(uint256)", &[])
            .then(CODE, "tokensReceived(address,address,address,uint256,bytes,bytes)", &[])
            .then(VICTIM, inner, &[])
            .pay(TOKEN, VICTIM, CODE, 5);
        let slots = WriteAfter::Slots(vec![B256::ZERO]);
        let through = vec![CODE];
        story.0.reentries.push(Reentry {
            contract: VICTIM,
            outer: 1,
            inner: 3,
            through,
            write_after: slots,
        });
        story
    };
    check("to borrow", entered("borrow(uint256)"), "entered-again", true, true);
    check("to ask a price", entered("get_virtual_price()"), "entered-again", false, false);
}

#[test]
fn a_contract_of_the_senders_taken_for_a_token() {
    let (story, fake) = Story::new().create(0xa7);
    let posed = story
        .call(VICTIM, "zap(address)", &[])
        .then(fake, "transferFrom(address,address,uint256)", &[])
        .pay(TOKEN, VICTIM, CODE, 5);
    check("a fresh token", posed, "posed-contract", true, true);
    let callback = Story::new().call(POOL, "swap(address,bool,int256,uint160,bytes)", &[]).then(
        CODE,
        "uniswapV3SwapCallback(int256,int256,bytes)",
        &[],
    );
    check("a callback", callback, "posed-contract", false, false);
}

#[test]
fn many_hands_and_many_times() {
    let mut story = Story::new();
    for number in 1..=5 {
        let hand;
        (story, hand) = story.create(number);
        story.add(Some(0), hand, VICTIM, "register()", &[]);
    }
    check("five hands", story.pay(TOKEN, VICTIM, CODE, 5), "many-hands", true, true);
    let times = |times| (0..times).fold(Story::new(), |story, _| story.call(VICTIM, "poke()", &[]));
    check("thirty times", times(30).pay(TOKEN, VICTIM, CODE, 5), "repeated-act", true, true);
    check("three times", times(3).pay(TOKEN, VICTIM, CODE, 5), "repeated-act", false, false);
}

#[test]
fn approvals_of_others() {
    let pull = |holder: Address, back: u64| {
        let words = [word(holder), word(CODE), n(5)];
        let story = Story::new()
            .call(VICTIM, "route(address)", &[])
            .then(TOKEN, "transferFrom(address,address,uint256)", &words)
            .pay(TOKEN, holder, CODE, 5);
        if back > 0 { story.pay(OTHER, CODE, holder, back) } else { story }
    };
    check("a silent holder", pull(HOLDER, 0), "pulled-approval", true, true);
    check("an order filled", pull(HOLDER, 4), "pulled-approval", false, false);
    check("the sender's own", pull(THIEF, 0), "pulled-approval", false, false);
    let words = [word(CODE), U256::MAX];
    let tricked = Story::new()
        .call(VICTIM, "run(address)", &[])
        .then(TOKEN, "approve(address,uint256)", &words)
        .pay(TOKEN, VICTIM, CODE, 5);
    check("tricked", tricked, "tricked-approval", true, false);
    let ours = Story::new().call(TOKEN, "approve(address,uint256)", &[word(POOL), U256::MAX]);
    check("one's own approval", ours, "tricked-approval", false, false);
}

#[test]
fn amounts_that_wrap() {
    let half = U256::from(1) << 255;
    let to = |words: &[U256]| {
        let mut story = Story::new();
        story.0.frames.clear();
        story.add(None, THIEF, TOKEN, "batchTransfer(address[],uint256)", words);
        story
    };
    let receivers = [n(64), half, n(2), word(THIEF), word(HOLDER)];
    check("product", to(&receivers), "wrapping-amounts", true, true);
    let small = [n(64), n(1_000), n(2), word(THIEF), word(HOLDER)];
    check("small", to(&small), "wrapping-amounts", false, false);
    let maximum = [n(64), U256::MAX, n(2), word(THIEF), word(HOLDER)];
    check("all there is", to(&maximum), "wrapping-amounts", false, false);
}

#[test]
fn functions_not_for_strangers() {
    let burn = Story::new().call(VICTIM, "_burn(address,uint256)", &[]);
    check("an internal one", burn, "exposed-function", true, true);
    let (story, new) = Story::new().create(0xa8);
    check("a new contract", story.call(new, "initialize()", &[]), "exposed-function", false, false);
}

#[test]
fn fortunes() {
    const USDC: Address = alloy_primitives::address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
    let paid = |dollars: u64, function: &str| {
        Story::new().call(VICTIM, function, &[]).pay(USDC, VICTIM, CODE, dollars * 1_000_000)
    };
    check("a fortune", paid(2_000_000, "process(bytes)"), "outsized-payout", true, true);
    check("small change", paid(500, "process(bytes)"), "outsized-payout", false, false);
    check("one's own", paid(900_000, "exit()"), "outsized-payout", true, false);
    let evidence = paid(2_000_000, "process(bytes)").evidence();
    let said = Scanner::new().inspect(&evidence).unwrap();
    assert_eq!(
        said.losses[0].usd.map(portcullis_types::money::Usd::plain),
        Some("2000000".to_owned())
    );
    assert_eq!((said.victims, said.attackers), (vec![VICTIM], vec![THIEF, CODE]));
    assert_eq!(said.level, Level::Alert, "a fortune alone may be a whale's");
    let trip = Story::new()
        .call(LENDER, "flashLoan(address,address,uint256,bytes)", &[])
        .then(CODE, "onFlashLoan(address,address,uint256,uint256,bytes)", &[])
        .call(VICTIM, "deposit(uint256,address)", &[])
        .call(VICTIM, "withdraw(uint256,address,address)", &[])
        .pay(USDC, CODE, VICTIM, 1_000_000_000_000)
        .pay(USDC, VICTIM, CODE, 1_500_000_000_000);
    assert_eq!(Scanner::new().inspect(&trip.evidence()).unwrap().level, Level::Act);
}

#[test]
fn many_single_tokens_for_nothing() {
    let minted = |count: u64| {
        let mut story = Story::new().call(VICTIM, "drop(uint256)", &[]);
        for id in 0..count {
            story = story.pay(TOKEN, Address::ZERO, CODE, 1);
            story.0.transfers.last_mut().unwrap().token_id = Some(n(id));
        }
        story
    };
    check("four hundred", minted(400), "bulk-mint", true, true);
    check("three", minted(3), "bulk-mint", false, false);
}

#[test]
fn a_contract_that_many_call_is_nobodys_own() {
    let story = || {
        Story::new().call(POOL, "sync()", &[]).call(
            POOL,
            "swap(uint256,uint256,address,bytes)",
            &[],
        )
    };
    let mut scanner = Scanner::new();
    for number in 1..=3 {
        let mut other = story().evidence();
        other.from = Address::repeat_byte(number);
        assert!(scanner.inspect(&other).is_some());
    }
    assert!(scanner.inspect(&story().evidence()).is_none());
}

#[test]
fn what_failed_did_nothing() {
    let mut evidence = Story::new().call(VICTIM, "_burn(address,uint256)", &[]).evidence();
    evidence.success = false;
    assert!(Scanner::new().inspect(&evidence).is_none());
}

#[test]
fn selectors_of_the_vocabulary() {
    let vocabulary = crate::vocabulary::Vocabulary::default();
    let expected = [
        ([0xa9, 0x05, 0x9c, 0xbb], Meaning::Token),
        ([0x02, 0x2c, 0x0d, 0x9f], Meaning::Swap),
        ([0xbc, 0x25, 0xcf, 0x77], Meaning::Upkeep),
        ([0x10, 0xd1, 0xe8, 0x5c], Meaning::FlashCallback),
        ([0x5c, 0xff, 0xe9, 0xde], Meaning::Flash),
    ];
    for (selector, meaning) in expected {
        assert_eq!(vocabulary.meaning(selector), Some(meaning));
    }
}

#[test]
fn memory_is_bounded() {
    let mut history = crate::history::History::default();
    let contract = |number: u64| Address::from_word(U256::from(number + 1).into());
    for sender in [THIEF, VICTIM, POOL] {
        history.note(contract(0), sender);
    }
    assert!(history.public(&contract(0)));
    for number in 1..=65_536 {
        history.note(contract(number), THIEF);
    }
    assert!(!history.public(&contract(0)), "the oldest is forgotten");
}
