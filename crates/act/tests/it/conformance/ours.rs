//! This repository's quarantine, gate and guardian module, the last on a real Safe.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};
use serde_json::json;

use super::{
    support::{
        chain::{OWNER, RESPONDER},
        scene::{grantRoleCall, pauseCall, takeCall, takeUnguardedCall},
    },
    world::{End, STRANGER, Scene, Then, World, act},
};

sol! {
    struct Limit { uint128 capacity; uint128 refill; uint32 window; }
    struct Valuation { address oracle; uint32 maxAge; uint8 decimals; uint128 low; uint128 high; }
    struct Limits {
        Limit[] scales; Limit smallTotal; Limit smallPerUser; Limit reputationTotal; Limit creditTotal;
        uint32 maxMultiplierBps; uint16 minTightenBps; uint32 maxTightenDuration; uint32 tightenCooldown;
        Valuation valuation;
    }
    struct WordBound { uint256 low; uint256 high; }
    struct Permission {
        address target; bytes4 selector; uint48 expiresAt; uint32 usesLeft; uint8 needed; bytes32 dataHash; WordBound[] words;
    }

    function setFreezer(address freezer, bool active) external;
    function setExempt(address account, bool exempt) external;
    function leave(address quarantine, address account) external;
    function pay(address gate, address asset, address user, uint256 amount) external;
    function enableModule(address module) external;
    function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver) external;
    function grant(Permission permission) external returns (uint256);
    function revoke(uint256 id) external;
    function assignPermissions(address module, uint256[] permissions) external;
    function unpause() external;
}

/// The deputy's pause, which shares its name with another.
pub mod deputy {
    alloy_sol_types::sol! {
        function pause(bytes32 nonce, bytes signature) external;
    }
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    vec![quarantine(world).await, gate(world).await, module(world).await]
}

async fn quarantine(world: &World) -> Scene {
    let hours = |n: u64| U256::from(n * 3_600);
    let arguments = (OWNER, hours(24), hours(48), hours(1), hours(24), U256::from(10));
    let artifact = "out/Quarantine.sol/Quarantine.json";
    let quarantine = world.deploy(artifact, arguments.abi_encode_params()).await;
    world.as_owner(quarantine, setFreezerCall { freezer: RESPONDER, active: true }).await;
    let users = world.deploy("out/LeverUsers.sol/LeverUsers.json", vec![]).await;
    let leave = |account: Address| act(account, users, leaveCall { quarantine, account });
    let config =
        json!({"quarantine": quarantine, "account": STRANGER, "reason": keccak256("rule")});
    let exempt = setExemptCall { account: STRANGER, exempt: true };
    let dismissed = setFreezerCall { freezer: RESPONDER, active: false };
    Scene::new("quarantine", config, leave(STRANGER), End::Expiry(3_600))
        .keeps(leave(OWNER))
        .trap("an exempt address", vec![act(OWNER, quarantine, exempt)], Then::Refused("recordOf"))
        .trap("no freezer", vec![act(OWNER, quarantine, dismissed)], Then::Refused("isFreezer"))
}

async fn gate(world: &World) -> Scene {
    let asset = Address::repeat_byte(0xa5);
    let limit = |capacity: u64| Limit {
        capacity: u128::from(capacity),
        refill: u128::from(capacity / 100),
        window: 3_600,
    };
    let off = || Limit { capacity: 0, refill: 0, window: 0 };
    let limits = Limits {
        scales: vec![limit(1_000_000)],
        smallTotal: off(),
        smallPerUser: off(),
        reputationTotal: off(),
        creditTotal: off(),
        maxMultiplierBps: 10_000,
        minTightenBps: 100,
        maxTightenDuration: 86_400,
        tightenCooldown: 3_600,
        valuation: Valuation { oracle: Address::ZERO, maxAge: 0, decimals: 0, low: 0, high: 0 },
    };
    let delays = [3_600_u64, 86_400, 0, 0].map(U256::from);
    let arguments = (OWNER, delays, vec![asset], vec![limits]).abi_encode_params();
    let gate = world.deploy("out/OutflowGate.sol/OutflowGate.json", arguments).await;
    let role = keccak256("SENTINEL_ROLE");
    world.as_owner(gate, grantRoleCall { role, account: RESPONDER }).await;
    let users = world.deploy("out/LeverUsers.sol/LeverUsers.json", vec![]).await;
    let pay = |amount: u64| {
        let amount = U256::from(amount);
        act(OWNER, users, payCall { gate, asset, user: OWNER, amount })
    };
    let config = json!({"gate": gate, "asset": asset, "bps": 1_000});
    Scene::new("outflowGate", config, pay(500_000), End::Expiry(3_600)).keeps(pay(50_000))
}

/// A Safe of one owner.
pub async fn safe(world: &World) -> Address {
    let artifacts = "node_modules/@safe-global/safe-contracts/build/artifacts/contracts";
    let singleton = world.deploy(&format!("{artifacts}/Safe.sol/Safe.json"), vec![]).await;
    let proxy = format!("{artifacts}/proxies/SafeProxy.sol/SafeProxy.json");
    let safe = world.deploy(&proxy, singleton.abi_encode()).await;
    let setup = setupCall {
        owners: vec![OWNER],
        threshold: U256::ONE,
        to: Address::ZERO,
        data: Bytes::new(),
        fallbackHandler: Address::ZERO,
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    };
    world.as_owner(safe, setup).await;
    // As a transaction of the Safe to itself would; made beforehand, so that it can pay for gas.
    let coins = U256::from(10).pow(U256::from(20));
    world.chain.request::<serde_json::Value>("anvil_setBalance", json!([safe, coins])).await;
    safe
}

async fn module(world: &World) -> Scene {
    let safe = safe(world).await;
    let arguments = (safe, vec![OWNER], U256::ONE).abi_encode_params();
    let module = world.deploy("out/GuardianModule.sol/GuardianModule.json", arguments).await;
    world.call_as(safe, safe, enableModuleCall { module }).await;
    let vault = "out/PausableFixture.sol/PausableFixture.json";
    let vault = world.chain.deploy(vault, vec![], U256::from(10)).await;
    for (role, account) in [("PAUSER_ROLE", safe), ("UNPAUSER_ROLE", OWNER)] {
        world.as_owner(vault, grantRoleCall { role: keccak256(role), account }).await;
    }
    let expires = world.time().await + 30 * 86_400;
    let permission = Permission {
        target: vault,
        selector: pauseCall::SELECTOR.into(),
        expiresAt: expires.try_into().unwrap(),
        usesLeft: 3,
        needed: 1,
        dataHash: B256::ZERO,
        words: vec![],
    };
    world.call_as(safe, module, grantCall { permission }).await;
    world.call_as(safe, module, enableModuleCall { module: RESPONDER }).await;
    let permissions = vec![U256::ONE];
    world.call_as(safe, module, assignPermissionsCall { module: RESPONDER, permissions }).await;
    let config = json!({
        "module": module, "permission": "1", "target": vault, "function": "pause()", "verify": "paused()",
    });
    let undo = act(OWNER, vault, unpauseCall {});
    let revoked = act(safe, module, revokeCall { id: U256::ONE });
    Scene::new("guardianModule", config, act(OWNER, vault, takeCall {}), End::Others(undo))
        .keeps(act(OWNER, vault, takeUnguardedCall {}))
        .trap("the permission is revoked", vec![revoked], Then::Refused("isInScope"))
        .trap_after("the permission ended", 31 * 86_400, Then::Refused("isInScope"))
}
