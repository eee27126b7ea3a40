//! A protocol with a lever, a responder and an attack.

use std::{path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};
use portcullis_act::{
    ActSettings, Actuator, FeePolicy, Nodes, PerformError,
    lever::LeverConfig,
    signer::{KeySource, LocalSigner, Policy, TransactionSigner},
};
use portcullis_types::{
    action::{Action, AttackSample, Intent, Lever, Outcome},
    ids::{CaseId, EffectId, Millis, Seq},
};
use serde_json::{Value as Json, json};
use url::Url;

use super::{
    chain::{CHAIN_ID, Chain, RESPONDER, RESPONDER_KEY, THIEF},
    journal::Journal,
};

sol! {
    function pause() external;
    function paused() external view returns (bool);
    function take() external;
    function takeUnguarded() external;
    function steal(address vault) external;
    function grantRole(bytes32 role, address account) external;
    function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId) external;
    function setTargetClosed(address target, bool closed) external;
}

/// A role grant of an `AccessManager`, whose name is that of another function in `AccessControl`.
pub mod manager {
    alloy_sol_types::sol! {
        function grantRole(uint64 roleId, address account, uint32 executionDelay) external;
    }
}

pub const NOW: Millis = Millis(1_000_000);
pub const EXPIRES: Millis = Millis(2_000_000);
/// Ten coins.
pub const TREASURE: u64 = 10;

/// A vault with a lever, and an actuator for it.
pub struct Scene {
    pub chain: Chain,
    pub vault: Address,
    pub lever: Lever,
    pub actuator: Arc<Actuator>,
}

/// What differs from test to test.
pub struct Options {
    pub anvil: Vec<&'static str>,
    pub has_role: bool,
    pub settings: ActSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self { anvil: Vec::new(), has_role: true, settings: quick() }
    }
}

/// Settings for a chain that mines at once.
pub fn quick() -> ActSettings {
    ActSettings {
        poll_interval: Duration::from_millis(25),
        in_flight_time_limit: Duration::from_millis(500),
        settle_time_limit: Duration::from_secs(20),
        rehearsal_time_limit: Duration::from_secs(10),
        ..ActSettings::default()
    }
}

pub fn quick_bumps(settings: ActSettings) -> ActSettings {
    let fees = FeePolicy { bump_after: Duration::from_millis(300), ..settings.fees };
    ActSettings { fees, ..settings }
}

impl Scene {
    /// A vault with OpenZeppelin's `Pausable` and `AccessControl`; none without a chain.
    pub async fn pausable(options: Options) -> Option<Self> {
        let chain = Chain::start(&options.anvil)?;
        let value = U256::from(TREASURE) * U256::from(10).pow(U256::from(18));
        let vault =
            chain.deploy("out/PausableFixture.sol/PausableFixture.json", vec![], value).await;
        if options.has_role {
            for role in ["PAUSER_ROLE", "UNPAUSER_ROLE"] {
                let grant = grantRoleCall { role: keccak256(role), account: RESPONDER };
                chain.call_as_owner(vault, grant).await;
            }
        }
        let config = json!({
            "kind": "pausable", "name": "stop", "target": vault, "rung": "market", "holdSeconds": 3600,
            "falseStopCostUsd": "1000", "release": "responder",
        });
        Some(Self::new(chain, vault, config, options.settings).await)
    }

    /// A vault behind OpenZeppelin's `AccessManager`, where the responder's role has this delay.
    pub async fn access_managed(delay_seconds: u32) -> Option<Self> {
        let chain = Chain::start(&[])?;
        let artifacts = "node_modules/@openzeppelin/contracts/build/contracts";
        let manager = format!("{artifacts}/AccessManager.json");
        let manager = chain.deploy(&manager, super::chain::OWNER.abi_encode(), U256::ZERO).await;
        let value = U256::from(TREASURE) * U256::from(10).pow(U256::from(18));
        let vault = "out/AccessManagedFixture.sol/AccessManagedFixture.json";
        let vault = chain.deploy(vault, manager.abi_encode(), value).await;
        let selectors = vec![pauseCall::SELECTOR.into()];
        let map = setTargetFunctionRoleCall { target: vault, selectors, roleId: 7 };
        chain.call_as_owner(manager, map).await;
        let grant =
            manager::grantRoleCall { roleId: 7, account: RESPONDER, executionDelay: delay_seconds };
        chain.call_as_owner(manager, grant).await;
        let config = json!({
            "kind": "accessManaged", "name": "stop", "manager": manager, "target": vault, "rung": "protocol",
            "holdSeconds": 3600, "falseStopCostUsd": "1000",
        });
        Some(Self::new(chain, vault, config, quick()).await)
    }

    async fn new(chain: Chain, vault: Address, config: Json, settings: ActSettings) -> Self {
        let config: LeverConfig = serde_json::from_value(config).unwrap();
        let lever = config.build(CHAIN_ID, RESPONDER).unwrap();
        let actuator = actuator(std::slice::from_ref(&chain.url), &lever, settings).await;
        Self { chain, vault, lever, actuator }
    }

    pub fn action(&self, intent: Intent, attack: Option<AttackSample>) -> Action {
        Action {
            id: EffectId { seq: Seq(1), index: 0 },
            case: CaseId(Seq(1)),
            protocol: "vault".to_owned(),
            intent,
            lever: self.lever.clone(),
            attack,
            expires: EXPIRES,
        }
    }

    /// Pulls, with an attack that the lever stops.
    pub fn pull(&self) -> Action {
        self.action(Intent::Pull, Some(attack(self.vault, takeCall {}.abi_encode())))
    }

    pub async fn perform(
        &self,
        action: &Action,
        journal: &Journal,
    ) -> Result<Outcome, PerformError> {
        let so_far = journal.outcomes();
        self.actuator.perform(action, &so_far, NOW, journal).await
    }

    pub async fn is_paused(&self) -> bool {
        self.chain.view(self.vault, pausedCall {}).await
    }
}

pub fn attack(to: Address, input: Vec<u8>) -> AttackSample {
    AttackSample {
        hash: B256::repeat_byte(1),
        from: THIEF,
        to,
        value: U256::ZERO,
        input: Bytes::from(input),
    }
}

/// An actuator whose key is in a keystore file.
pub async fn actuator(nodes: &[Url], lever: &Lever, settings: ActSettings) -> Arc<Actuator> {
    actuator_with(nodes, lever, settings, &[]).await
}

/// The same with further accounts.
pub async fn actuator_with(
    nodes: &[Url],
    lever: &Lever,
    settings: ActSettings,
    lanes: &[&str],
) -> Arc<Actuator> {
    let policy = Policy::for_levers(std::slice::from_ref(lever), settings.fees.ceiling_wei, 1_000);
    let make = |key: &str| {
        let folder = tempfile::tempdir().unwrap();
        let signer = LocalSigner::new(&keystore_of(folder.path(), key), policy.clone()).unwrap();
        Arc::new(signer) as Arc<dyn TransactionSigner>
    };
    let nodes = Nodes::connect(nodes, settings.answer_time_limit).await.unwrap();
    let actuator = Actuator::new(nodes, CHAIN_ID, make(RESPONDER_KEY), settings);
    Arc::new(actuator.with_lanes(lanes.iter().map(|key| make(key)).collect()))
}

/// The responder's key in a file, with its password beside it.
pub fn keystore(folder: &Path) -> KeySource {
    keystore_of(folder, RESPONDER_KEY)
}

/// A key in a file, with its password beside it.
pub fn keystore_of(folder: &Path, key: &str) -> KeySource {
    let mut random = alloy_signer::k256::elliptic_curve::rand_core::OsRng;
    let secret: B256 = key.parse().unwrap();
    let (_, name) = alloy_signer_local::PrivateKeySigner::encrypt_keystore(
        folder,
        &mut random,
        secret,
        "password",
        None,
    )
    .unwrap();
    let (path, password_file) = (folder.join(name), folder.join("password"));
    std::fs::write(&password_file, "password\n").unwrap();
    for file in [&path, &password_file] {
        #[cfg(unix)]
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }
    KeySource::Keystore { path, password_file }
}
