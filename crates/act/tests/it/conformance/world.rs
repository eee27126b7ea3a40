//! One chain, the accounts on it, and how a scene is played.

use std::{path::Path, sync::Arc};

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::SolCall;
use portcullis_act::{
    Actuator, Nodes,
    lever::LeverConfig,
    signer::{KeySource, LocalSigner, Policy},
};
use portcullis_types::{
    action::{Action, AttackSample, Intent, Lever, Outcome, ViewCheck},
    ids::{CaseId, EffectId, Seq},
};
use serde_json::{Value as Json, json};

use crate::support::{
    chain::{CHAIN_ID, Chain, OWNER, RESPONDER, RESPONDER_KEY},
    journal::Journal,
    scene::{EXPIRES, NOW, attack, keystore_of, quick},
};

/// A development account that has no right anywhere.
pub const STRANGER: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
const STRANGER_KEY: &str = "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6";

pub struct World {
    pub chain: Chain,
    nodes: Nodes,
    folder: tempfile::TempDir,
    responder: KeySource,
    stranger: KeySource,
}

/// Something that somebody does: asked as a call, or sent.
#[derive(Clone)]
pub struct Act {
    pub from: Address,
    pub to: Address,
    pub data: Vec<u8>,
}

pub fn act(from: Address, to: Address, call: impl SolCall) -> Act {
    Act { from, to, data: call.abi_encode() }
}

/// How a hold ends.
pub enum End {
    /// The responder undoes it when the hold is over.
    Undo,
    /// By itself, after so many seconds.
    Expiry(u64),
    /// Others undo it, by this.
    Others(Act),
    /// It never ends: what was cancelled must be made anew.
    Never,
}

/// What must come of a pull in a trap.
pub enum Then {
    /// It is refused, and the reason holds these words.
    Refused(&'static str),
    /// It is held, and this still works, or still fails.
    Held { works: Vec<Act>, fails: Vec<Act> },
}

/// A state in which a brake does not work as one would think.
pub struct Trap {
    pub name: &'static str,
    /// What is sent before.
    pub before: Vec<Act>,
    /// Seconds that pass then.
    pub pass: u64,
    pub then: Then,
}

/// A brake on real contracts.
pub struct Scene {
    /// The row of the catalogue.
    pub kind: &'static str,
    /// The lever's configuration, without what all have.
    pub config: Json,
    /// Works before and fails while it holds.
    pub stopped: Vec<Act>,
    /// Works before and while it holds.
    pub keeps: Vec<Act>,
    pub end: End,
    /// Whether anybody may pull it.
    pub for_anybody: bool,
    pub traps: Vec<Trap>,
}

impl Scene {
    pub fn new(kind: &'static str, config: Json, stopped: Act, end: End) -> Self {
        let (keeps, traps) = (Vec::new(), Vec::new());
        Self { kind, config, stopped: vec![stopped], keeps, end, for_anybody: false, traps }
    }

    pub fn keeps(mut self, act: Act) -> Self {
        self.keeps.push(act);
        self
    }

    pub fn trap(mut self, name: &'static str, before: Vec<Act>, then: Then) -> Self {
        self.traps.push(Trap { name, before, pass: 0, then });
        self
    }

    pub fn trap_after(mut self, name: &'static str, pass: u64, then: Then) -> Self {
        self.traps.push(Trap { name, before: Vec::new(), pass, then });
        self
    }

    pub fn trap_late(
        mut self,
        name: &'static str,
        before: Vec<Act>,
        pass: u64,
        then: Then,
    ) -> Self {
        self.traps.push(Trap { name, before, pass, then });
        self
    }

    pub fn lever(&self) -> Lever {
        let mut config = self.config.clone();
        let (kind, action) = self.kind.split_once('.').unwrap_or((self.kind, ""));
        let common =
            json!({"kind": kind, "name": self.kind, "rung": "market", "falseStopCostUsd": "1000"});
        let fields = config.as_object_mut().unwrap();
        for (name, value) in common.as_object().unwrap() {
            fields.insert(name.clone(), value.clone());
        }
        if !action.is_empty() {
            fields.insert("action".to_owned(), json!(action));
        }
        fields.entry("holdSeconds").or_insert(json!(3_600));
        let text = serde_json::to_string(&config).unwrap();
        let config: LeverConfig =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.kind));
        config.build(CHAIN_ID, RESPONDER).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn attack(&self) -> AttackSample {
        let act = &self.stopped[0];
        AttackSample { from: act.from, ..attack(act.to, act.data.clone()) }
    }
}

impl World {
    /// None without a chain.
    pub async fn start() -> Option<Self> {
        let chain = Chain::start(&["--auto-impersonate"])?;
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, key: &str| {
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            keystore_of(Path::new(&folder), key)
        };
        let (responder, stranger) = (keep("r", RESPONDER_KEY), keep("s", STRANGER_KEY));
        let urls = [chain.url.clone()];
        let nodes = Nodes::connect(&urls, quick().answer_time_limit).await.unwrap();
        Some(Self { chain, nodes, folder, responder, stranger })
    }

    pub fn nodes(&self) -> &Nodes {
        assert!(self.folder.path().exists());
        &self.nodes
    }

    /// An actuator of the responder, or of a stranger.
    pub fn actuator(&self, lever: &Lever, is_stranger: bool) -> Arc<Actuator> {
        let settings = quick();
        let policy =
            Policy::for_levers(std::slice::from_ref(lever), settings.fees.ceiling_wei, 1_000);
        let key = if is_stranger { &self.stranger } else { &self.responder };
        let signer = Arc::new(LocalSigner::new(key, policy).unwrap());
        Arc::new(Actuator::new(self.nodes.clone(), CHAIN_ID, signer, settings))
    }

    /// Takes an action to its end; what was reported, and the end.
    pub async fn perform(
        &self,
        actuator: &Actuator,
        lever: &Lever,
        intent: Intent,
        attack: Option<AttackSample>,
    ) -> (Journal, Outcome) {
        let action = Action {
            id: EffectId { seq: Seq(1), index: intent as u32 },
            case: CaseId(Seq(1)),
            protocol: "conformance".to_owned(),
            intent,
            lever: lever.clone(),
            attack,
            expires: EXPIRES,
        };
        let now = if intent == Intent::Release { EXPIRES } else { NOW };
        let journal = Journal::default();
        let end = actuator.perform(&action, &[], now, &journal).await.unwrap();
        (journal, end)
    }

    /// Whether an act would not revert now.
    pub async fn works(&self, act: &Act) -> bool {
        let input = Bytes::from(act.data.clone());
        let call = json!([{"from": act.from, "to": act.to, "input": input}, "latest"]);
        self.chain.try_request("eth_call", call).await.is_ok()
    }

    pub async fn holds(&self, view: &ViewCheck) -> bool {
        let call = json!([{"to": view.to, "input": view.data}, "latest"]);
        let answer: Bytes = self.chain.request("eth_call", call).await;
        view.is_met_by(&answer)
    }

    /// Sends an act, of whomever.
    pub async fn send(&self, act: &Act) {
        let coins = U256::from(10).pow(U256::from(20));
        self.chain.request::<Json>("anvil_setBalance", json!([act.from, coins])).await;
        self.chain.send(act.from, Some(act.to), U256::ZERO, act.data.clone()).await;
    }

    pub async fn call_as(&self, from: Address, to: Address, call: impl SolCall) {
        self.send(&act(from, to, call)).await;
    }

    pub async fn as_owner(&self, to: Address, call: impl SolCall) {
        self.call_as(OWNER, to, call).await;
    }

    pub async fn deploy(&self, artifact: &str, arguments: Vec<u8>) -> Address {
        self.chain.deploy(artifact, arguments, U256::ZERO).await
    }

    pub async fn pass(&self, seconds: u64) {
        self.chain.request::<Json>("evm_increaseTime", json!([seconds])).await;
        self.chain.mine(1).await;
    }

    pub async fn snapshot(&self) -> Json {
        self.chain.request("evm_snapshot", json!([])).await
    }

    pub async fn revert(&self, snapshot: &Json) {
        assert!(self.chain.request::<bool>("evm_revert", json!([snapshot])).await);
    }

    /// The newest block's time, Unix seconds.
    pub async fn time(&self) -> u64 {
        let block: Json =
            self.chain.request("eth_getBlockByNumber", json!(["latest", false])).await;
        let text = block["timestamp"].as_str().unwrap();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    }
}
