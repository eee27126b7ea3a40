//! A bridge between two chains through the engine: a release without its lock is found once the other chain was seen, and
//! taken back when its block is.

use alloy_primitives::{Address, B256, U256, keccak256};
use portcullis_engine::{ChainSettings, Config, Effect, Engine, Entry, Event, ProtocolConfig};
use portcullis_types::{
    case_event::CaseEvent,
    chain::{BlindCause, BlockHead, BlockId, ChainEvent},
    evidence::{Evidence, Known, Log, Method},
    finding::{Finding, FindingStatus},
    ids::{Millis, Seq},
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

const SOURCE: u64 = 1;
const DESTINATION: u64 = 2;
const LOCKER: Address = Address::repeat_byte(0x11);
const PAYER: Address = Address::repeat_byte(0x22);
const TOKEN_THERE: Address = Address::repeat_byte(0x33);
const TOKEN_HERE: Address = Address::repeat_byte(0x44);

fn config() -> Config {
    let detector = serde_json::json!({
        "detector": "bridge",
        "sourceChain": SOURCE,
        "lock": {
            "contract": LOCKER,
            "event": "Locked(bytes32 indexed id, address token, uint256 amount, address to)",
            "id": ["id"], "token": "token", "amount": "amount", "beneficiary": "to",
        },
        "release": {
            "contract": "payer",
            "event": "Released(bytes32 indexed id, address token, uint256 amount, address to)",
            "id": ["id"], "token": "token", "amount": "amount", "beneficiary": "to",
        },
        "tokens": [{ "source": TOKEN_THERE, "asset": "USDC" }],
        "finalitySeconds": 24, "historySeconds": 60, "graceSeconds": 12, "patienceSeconds": 60,
    });
    let chain = |chain, name: &str| ChainSettings {
        chain,
        name: name.to_owned(),
        confirmed_depth: 2,
        finalised_depth: 8,
    };
    Config {
        chains: vec![chain(SOURCE, "there"), chain(DESTINATION, "here")],
        protocols: vec![ProtocolConfig {
            protocol: Protocol {
                name: "bridge".to_owned(),
                chain: DESTINATION,
                contracts: vec![Contract {
                    name: "payer".to_owned(),
                    address: PAYER,
                    holds_value: true,
                }],
                assets: vec![AssetSpec {
                    symbol: "USDC".to_owned(),
                    asset: Asset::Token(TOKEN_HERE),
                    decimals: 6,
                    price_usd: Usd::dollars(1),
                }],
            },
            detectors: vec![serde_json::from_value(detector).unwrap()],
            ladder: Vec::new(),
            policy: serde_json::from_value(serde_json::json!({ "autonomy": "observe" })).unwrap(),
        }],
    }
}

fn hash(chain: u64, number: u64, fork: u8) -> B256 {
    keccak256([chain.to_be_bytes(), number.to_be_bytes(), [fork; 8]].concat())
}

fn head(chain: u64, number: u64, fork: u8, parent: u8) -> BlockHead {
    BlockHead {
        id: BlockId { number, hash: hash(chain, number, fork) },
        parent: hash(chain, number - 1, parent),
        timestamp: number * 12,
        transactions: 1,
    }
}

fn transaction(
    chain: u64,
    block: BlockId,
    emitter: Address,
    event: &str,
    token: Address,
    n: u64,
) -> Evidence {
    let topic = keccak256(format!("{event}(bytes32,address,uint256,address)"));
    let words = [token.into_word(), U256::from(7_000_000).into(), Address::ZERO.into_word()];
    Evidence {
        chain,
        block,
        timestamp: block.number * 12,
        index: 0,
        hash: keccak256([chain.to_be_bytes(), n.to_be_bytes()].concat()),
        from: Address::repeat_byte(0x66),
        to: Some(emitter),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: Vec::new(),
        logs: vec![Log {
            address: emitter,
            topics: vec![topic, U256::from(n).into()],
            data: words.concat().into(),
        }],
        transfers: Vec::new(),
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

fn lock(block: BlockId, n: u64) -> Evidence {
    transaction(SOURCE, block, LOCKER, "Locked", TOKEN_THERE, n)
}

fn release(block: BlockId, n: u64) -> Evidence {
    transaction(DESTINATION, block, PAYER, "Released", TOKEN_HERE, n)
}

struct World {
    engine: Engine,
    seq: u64,
    said: Vec<CaseEvent>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { engine: Engine::new(), seq: 0, said: Vec::new() };
        world.start();
        world
    }

    fn start(&mut self) {
        self.take(Event::Started { version: "test".to_owned(), config: Box::new(config()) });
    }

    fn take(&mut self, event: Event) {
        self.seq += 1;
        let entry = Entry { seq: Seq(self.seq), at: Millis(self.seq * 1_000), event };
        self.said.extend(self.engine.step(&entry).unwrap().case_events);
        self.engine.check().unwrap();
    }

    /// Answers every open inspection, with what belongs to its block.
    fn inspect(&mut self, evidence: &[Evidence]) {
        let open: Vec<_> = self.engine.outstanding().map(|(id, e)| (id, e.clone())).collect();
        for (effect, asked) in open {
            let Effect::Inspect { chain, block } = asked else { continue };
            let mine = |one: &&Evidence| one.chain == chain && one.block == block;
            let relevant = |one: &&Evidence| self.engine.is_relevant(one);
            let evidence = evidence.iter().filter(mine).filter(relevant).cloned().collect();
            let method = Method::NodeTraces;
            self.take(Event::Inspected { effect, chain, block, transactions: 1, method, evidence });
        }
    }

    fn blocks(
        &mut self,
        chain: u64,
        numbers: std::ops::RangeInclusive<u64>,
        evidence: &[Evidence],
    ) {
        for number in numbers {
            let head = head(chain, number, 0, 0);
            self.take(Event::Chain(ChainEvent::Committed { chain, head }));
            self.inspect(evidence);
        }
    }

    fn reorg(&mut self, chain: u64, numbers: std::ops::RangeInclusive<u64>) {
        let first = *numbers.start();
        let old = numbers.clone().map(|number| head(chain, number, 0, 0).id).collect();
        let new = numbers.map(|n| head(chain, n, 1, u8::from(n > first))).collect();
        self.take(Event::Chain(ChainEvent::Reorged { chain, old, new }));
        self.inspect(&[]);
    }

    fn raised(&self) -> Vec<&Finding> {
        self.said
            .iter()
            .filter_map(|event| match event {
                CaseEvent::FindingRaised { finding, .. } => Some(finding.as_ref()),
                _ => None,
            })
            .collect()
    }
}

fn at(chain: u64, number: u64) -> BlockId {
    head(chain, number, 0, 0).id
}

#[test]
fn a_release_without_a_lock_is_found_when_the_other_chain_was_seen_and_taken_back_with_its_block() {
    let mut world = World::new();
    world.blocks(SOURCE, 1..=10, &[lock(at(SOURCE, 3), 1)]);
    let releases = [release(at(DESTINATION, 8), 1), release(at(DESTINATION, 11), 2)];
    world.blocks(DESTINATION, 1..=11, &releases);
    world.blocks(SOURCE, 11..=12, &[]);
    assert_eq!(world.raised(), Vec::<&Finding>::new(), "the grace after block 11 is not over");
    world.blocks(SOURCE, 13..=13, &[]);
    let raised = world.raised();
    assert_eq!(raised.len(), 1, "{raised:#?}");
    let finding = raised[0];
    assert!(finding.confidence.proof);
    assert_eq!((finding.chain, finding.block), (DESTINATION, at(DESTINATION, 11)));
    assert_eq!(finding.loss, Usd::dollars(7));
    assert!(finding.sentence.contains("no lock"), "{}", finding.sentence);

    world.said.clear();
    world.reorg(DESTINATION, 11..=11);
    let retracted = |event: &CaseEvent| {
        matches!(event, CaseEvent::FindingMoved { status: FindingStatus::Retracted, .. })
    };
    assert!(world.said.iter().any(retracted), "{:?}", world.said);
    assert!(world.said.iter().any(|event| matches!(event, CaseEvent::Dissolved { .. })));
}

#[test]
fn a_lock_that_a_re_organisation_takes_away_makes_its_release_a_finding() {
    let mut world = World::new();
    world.blocks(SOURCE, 1..=10, &[lock(at(SOURCE, 7), 1)]);
    world.blocks(DESTINATION, 1..=10, &[release(at(DESTINATION, 9), 1)]);
    world.blocks(SOURCE, 11..=12, &[]);
    assert_eq!(world.raised(), Vec::<&Finding>::new());
    world.reorg(SOURCE, 7..=12);
    assert_eq!(world.raised().len(), 1);
    assert!(world.raised()[0].confidence.proof);
}

#[test]
fn a_release_while_the_other_chain_is_blind_is_said_to_be_unseen() {
    let mut world = World::new();
    world.blocks(SOURCE, 1..=8, &[]);
    let (from, to) = (9, 20);
    let cause = BlindCause::Unreachable { detail: "refused".to_owned() };
    world.take(Event::Chain(ChainEvent::Blind { chain: SOURCE, from, to, cause }));
    world.blocks(DESTINATION, 1..=14, &[release(at(DESTINATION, 9), 1)]);
    let raised = world.raised();
    assert_eq!(raised.len(), 1, "{raised:#?}");
    assert!(raised[0].sentence.contains("could not look"), "{}", raised[0].sentence);
    assert!(!raised[0].confidence.proof && raised[0].confidence.e_value <= 1.0);
    assert_eq!(raised[0].loss, Usd::ZERO);
}

#[test]
fn the_book_outlives_a_restart() {
    let mut world = World::new();
    world.blocks(SOURCE, 1..=10, &[lock(at(SOURCE, 3), 1)]);
    world.blocks(DESTINATION, 1..=7, &[]);
    world.start();
    world.blocks(DESTINATION, 8..=8, &[release(at(DESTINATION, 8), 1)]);
    world.blocks(SOURCE, 11..=14, &[]);
    assert_eq!(world.raised(), Vec::<&Finding>::new());
}

#[test]
fn only_what_is_watched_on_another_chain_is_relevant() {
    let world = World::new();
    let relevant = |evidence: &Evidence| world.engine.is_relevant(evidence);
    assert!(relevant(&lock(at(SOURCE, 1), 1)));
    assert!(relevant(&release(at(DESTINATION, 1), 1)));
    // The same addresses on the other chain are other contracts.
    let mut swapped = release(at(SOURCE, 1), 1);
    swapped.chain = SOURCE;
    assert!(!relevant(&swapped));
    let mut swapped = lock(at(DESTINATION, 1), 1);
    swapped.chain = DESTINATION;
    assert!(!relevant(&swapped));
}

#[test]
fn a_chain_that_nobody_reads_is_refused() {
    let mut config = config();
    config.chains.retain(|settings| settings.chain == DESTINATION);
    let error = Engine::accepts(&config).unwrap_err().to_string();
    assert!(error.contains("chain 1 is not among the chains"), "{error}");
}
