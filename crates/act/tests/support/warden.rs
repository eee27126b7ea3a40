//! A Warden with three sentinels over an OpenZeppelin `Pausable` vault.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};
use portcullis_act::{
    ActSettings, Actuator, FeePolicy, Nodes,
    lever::LeverConfig,
    signer::{LocalSigner, Policy, Sentinel, TransactionSigner},
    warden::{Beat, BeatError, HeartbeatSettings, WardenHarm, beat, harm},
};
use portcullis_types::{
    action::{Action, Intent, Lever, Outcome},
    ids::{CaseId, EffectId, Millis, Seq},
};
use serde_json::{Value as Json, json};
use url::Url;

use super::{
    chain::{CHAIN_ID, Chain, OWNER, RESPONDER, RESPONDER_KEY},
    journal::Journal,
    scene::{attack, grantRoleCall, keystore, keystore_of, pauseCall, pausedCall, quick, takeCall},
};

sol! {
    struct WordRule { uint8 kind; bytes32 low; bytes32 high; }
    struct CallTemplate { bytes data; bytes copies; }
    struct VerifyView { address target; CallTemplate call; uint8 word; uint8 comparison; bytes32 mask; bytes32 expected; }
    struct Pin { bytes32 codeHash; address viewTarget; bytes viewData; bytes32 viewWord; bytes32 implementationCodeHash; }
    struct LeverSpec {
        address target; bytes4 selector; uint8 sentinelsRequired; bool concurrent; uint16 pullsPerArming;
        uint32 shortestHold; uint32 longestHold; uint32 longestRatified; uint32 cooldown; uint32 callGas; uint32 undoGas;
        uint32 viewGas; uint64 unitsPerPull; uint64 unitsPerSecond; uint96 unitsPerEpoch; bytes fixedData;
        WordRule[] words; CallTemplate undo; VerifyView verify; Pin pin;
    }
    struct LensHarm { uint256 pulls; uint256 holdSeconds; uint256 units; uint256 openHoldSeconds; }

    function registerLever(LeverSpec spec) external returns (bytes32 id);
    function arm(bytes32 lever) external;
    function disarm(bytes32 lever) external;
    function release(uint256 holdId) external;
    function addSentinel(address sentinel, bool isContract) external;
    function holdCount() external view returns (uint256);
    function openHolds(bytes32 lever) external view returns (uint256[]);
    function harmBound(address warden, uint256 horizon) external view returns (LensHarm);
    function leverHarmBound(address warden, bytes32 id, uint256 horizon) external view returns (LensHarm);
    function unpause() external;
}

/// Development accounts three to five.
pub const SENTINEL_KEYS: [&str; 3] = [
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
];
pub const HOLD: u64 = 3_600;
pub const WINDOW: u64 = 86_400;
pub const EPOCH: u64 = 86_400;

/// A Warden, its sentinels, and an actuator that relays.
pub struct WardenScene {
    pub chain: Chain,
    pub vault: Address,
    pub warden: Address,
    pub lens: Address,
    pub lever: Lever,
    pub actuator: Arc<Actuator>,
    pub sentinels: Vec<Arc<dyn Sentinel>>,
    pub nodes: Nodes,
    pub now: Millis,
}

pub fn wall_clock() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Millis(u64::try_from(since.as_millis()).unwrap())
}

/// What differs from test to test.
pub struct WardenOptions {
    pub cooldown: u32,
    pub pulls_per_arming: u16,
    /// How many sentinels have the lever in their policy.
    pub knowing: usize,
    pub beats: bool,
    pub anvil: Vec<&'static str>,
}

impl Default for WardenOptions {
    fn default() -> Self {
        Self { cooldown: 600, pulls_per_arming: 1, knowing: 3, beats: true, anvil: Vec::new() }
    }
}

fn spec(vault: Address, code: B256, options: &WardenOptions) -> LeverSpec {
    LeverSpec {
        target: vault,
        selector: pauseCall::SELECTOR.into(),
        sentinelsRequired: 2,
        concurrent: false,
        pullsPerArming: options.pulls_per_arming,
        shortestHold: 600,
        longestHold: 4 * 3_600,
        longestRatified: 2 * 86_400,
        cooldown: options.cooldown,
        callGas: 100_000,
        undoGas: 100_000,
        viewGas: 50_000,
        unitsPerPull: 1_000,
        unitsPerSecond: 1,
        unitsPerEpoch: "1000000000".parse().unwrap(),
        fixedData: pauseCall {}.abi_encode().into(),
        words: vec![],
        undo: CallTemplate { data: unpauseCall {}.abi_encode().into(), copies: Bytes::new() },
        verify: VerifyView {
            target: vault,
            call: CallTemplate { data: pausedCall {}.abi_encode().into(), copies: Bytes::new() },
            word: 0,
            comparison: 0,
            mask: B256::repeat_byte(0xff),
            expected: U256::ONE.into(),
        },
        pin: Pin {
            codeHash: code,
            viewTarget: Address::ZERO,
            viewData: Bytes::new(),
            viewWord: B256::ZERO,
            implementationCodeHash: B256::ZERO,
        },
    }
}

impl WardenScene {
    /// None without a chain.
    pub async fn start(options: WardenOptions) -> Option<Self> {
        let chain = Chain::start(&options.anvil)?;
        let value = U256::from(10).pow(U256::from(19));
        let vault =
            chain.deploy("out/PausableFixture.sol/PausableFixture.json", vec![], value).await;
        let arguments = (
            OWNER,
            U256::from(WINDOW),
            U256::from(600),
            U256::from(EPOCH),
            U256::from(1_000_000_000_u64),
        );
        let warden = "out/Warden.sol/Warden.json";
        let warden = chain.deploy(warden, arguments.abi_encode_params(), U256::ZERO).await;
        let lens = chain.deploy("out/WardenLens.sol/WardenLens.json", vec![], U256::ZERO).await;
        for role in ["PAUSER_ROLE", "UNPAUSER_ROLE"] {
            let grant = grantRoleCall { role: keccak256(role), account: warden };
            chain.call_as_owner(vault, grant).await;
        }
        let code: Bytes = chain.request("eth_getCode", json!([vault, "latest"])).await;
        let spec = spec(vault, keccak256(&code), &options);
        let id = keccak256(spec.abi_encode());
        chain.call_as_owner(warden, registerLeverCall { spec }).await;
        chain.call_as_owner(warden, armCall { lever: id }).await;
        let config: LeverConfig = serde_json::from_value(json!({
            "kind": "warden", "name": "stop", "warden": warden, "lever": id, "target": vault, "rung": "market",
            "holdSeconds": HOLD, "falseStopCostUsd": "1000",
        }))
        .unwrap();
        let lever = config.build(CHAIN_ID, RESPONDER).unwrap();
        let sentinels = sentinels(&lever, options.knowing);
        for one in &sentinels {
            let add = addSentinelCall { sentinel: one.address(), isContract: false };
            chain.call_as_owner(warden, add).await;
        }
        let settings = quick();
        let policy =
            Policy::for_levers(std::slice::from_ref(&lever), settings.fees.ceiling_wei, 1_000);
        let folder = tempfile::tempdir().unwrap();
        let signer = Arc::new(LocalSigner::new(&keystore(folder.path()), policy).unwrap());
        let urls = [chain.url.clone()];
        let nodes = Nodes::connect(&urls, settings.answer_time_limit).await.unwrap();
        let actuator = Actuator::new(nodes.clone(), CHAIN_ID, signer, settings)
            .with_sentinels(sentinels.clone());
        let (actuator, now) = (Arc::new(actuator), wall_clock());
        let scene = Self { chain, vault, warden, lens, lever, actuator, sentinels, nodes, now };
        if options.beats {
            for one in 0..SENTINEL_KEYS.len() {
                let beat = scene.beat(one).await.unwrap();
                assert!(matches!(beat, Beat::Posted { .. }), "{beat:?}");
            }
        }
        Some(scene)
    }

    /// Another actuator for the same lever: the responder's account, then the accounts of `lanes`.
    pub async fn actuator(&self, nodes: &[Url], settings: ActSettings, lanes: &[&str]) -> Actuator {
        let ceiling = settings.fees.in_emergency().ceiling_wei;
        let policy = Policy::for_levers(std::slice::from_ref(&self.lever), ceiling, 1_000);
        let make = |key: &str| {
            let folder = tempfile::tempdir().unwrap();
            let source = keystore_of(folder.path(), key);
            let signer = LocalSigner::new(&source, policy.clone()).unwrap();
            Arc::new(signer) as Arc<dyn TransactionSigner>
        };
        let nodes = Nodes::connect(nodes, settings.answer_time_limit).await.unwrap();
        Actuator::new(nodes, CHAIN_ID, make(RESPONDER_KEY), settings)
            .with_sentinels(self.sentinels.clone())
            .with_lanes(lanes.iter().map(|key| make(key)).collect())
    }

    pub async fn beat(&self, sentinel: usize) -> Result<Beat, BeatError> {
        let settings = HeartbeatSettings {
            fees: FeePolicy::default(),
            poll_interval: Duration::from_millis(20),
            time_limit: Duration::from_secs(10),
            period_seconds: 3_600,
        };
        beat(&self.nodes, CHAIN_ID, self.warden, &*self.sentinels[sentinel], settings).await
    }

    /// The action of one case.
    pub fn action(&self, case: u64, intent: Intent) -> Action {
        let pull = attack(self.vault, takeCall {}.abi_encode());
        Action {
            id: EffectId { seq: Seq(case * 10 + intent as u64), index: 0 },
            case: CaseId(Seq(case)),
            protocol: "vault".to_owned(),
            intent,
            lever: self.lever.clone(),
            attack: (intent == Intent::Pull).then_some(pull),
            expires: self.now.plus_seconds(if intent == Intent::Release { 0 } else { HOLD }),
        }
    }

    pub async fn perform(&self, action: &Action, journal: &Journal) -> Outcome {
        let so_far = journal.outcomes();
        self.actuator.perform(action, &so_far, self.now, journal).await.unwrap()
    }

    pub async fn is_paused(&self) -> bool {
        self.chain.view(self.vault, pausedCall {}).await
    }

    pub async fn holds_ever(&self) -> u64 {
        self.chain.view(self.warden, holdCountCall {}).await.to()
    }

    pub async fn open_holds(&self) -> Vec<U256> {
        let lever = self.lever.warden.as_ref().unwrap().lever;
        self.chain.view(self.warden, openHoldsCall { lever }).await
    }

    pub async fn pass(&self, seconds: u64) {
        self.chain.request::<Json>("evm_increaseTime", json!([seconds])).await;
        self.chain.mine(1).await;
    }

    pub async fn arm(&self) {
        let lever = self.lever.warden.as_ref().unwrap().lever;
        self.chain.call_as_owner(self.warden, armCall { lever }).await;
    }

    pub async fn harm(&self, horizon: u64) -> WardenHarm {
        harm(&self.nodes, self.warden, horizon).await.unwrap()
    }
}

/// Three sentinels; only the first `knowing` have the lever in their policy.
fn sentinels(lever: &Lever, knowing: usize) -> Vec<Arc<dyn Sentinel>> {
    let settings = ActSettings::default();
    let make = |(place, key): (usize, &&str)| {
        let levers = if place < knowing { vec![lever.clone()] } else { vec![] };
        let mut policy = Policy::for_sentinel(&levers, settings.fees.ceiling_wei, 1_000, 1_000);
        if place >= knowing {
            // It may still send its heartbeats.
            let known = Policy::for_sentinel(
                std::slice::from_ref(lever),
                settings.fees.ceiling_wei,
                1_000,
                1_000,
            );
            policy.relays = known.relays;
            policy.wardens = known.wardens;
            policy.wardens.iter_mut().for_each(|one| one.levers.clear());
        }
        let folder = tempfile::tempdir().unwrap();
        let signer = LocalSigner::new(&keystore_of(folder.path(), key), policy).unwrap();
        Arc::new(signer) as Arc<dyn Sentinel>
    };
    SENTINEL_KEYS.iter().enumerate().map(make).collect()
}
