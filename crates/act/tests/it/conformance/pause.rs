//! OpenZeppelin's pause and manager, flags of owners, and any call.

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};
use serde_json::json;

use super::{
    support::{
        chain::{OWNER, RESPONDER},
        scene::{
            grantRoleCall, manager, pauseCall, setTargetClosedCall, setTargetFunctionRoleCall,
            takeCall, takeUnguardedCall,
        },
    },
    world::{End, Scene, Then, World, act},
};

sol! {
    function setTargetAdminDelay(address target, uint32 delay) external;
    function unpause() external;
    function setPaused(bool state) external;
    function swap() external;
    function exitInProportion() external;
    function setLimits(address bridge, uint256 mintingLimit, uint256 burningLimit) external;
    function mint(address user, uint256 amount) external;
    function move(address to, uint256 amount) external;
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    let value = U256::from(10);
    let vault = "out/PausableFixture.sol/PausableFixture.json";
    let vault = world.chain.deploy(vault, vec![], value).await;
    for role in ["PAUSER_ROLE", "UNPAUSER_ROLE"] {
        world.as_owner(vault, grantRoleCall { role: keccak256(role), account: RESPONDER }).await;
    }
    let config = json!({"target": vault, "release": "responder"});
    let pausable = Scene::new("pausable", config, act(OWNER, vault, takeCall {}), End::Undo)
        .keeps(act(OWNER, vault, takeUnguardedCall {}));

    let artifacts = "node_modules/@openzeppelin/contracts/build/contracts";
    let manager =
        world.deploy(&format!("{artifacts}/AccessManager.json"), OWNER.abi_encode()).await;
    let vault_of_role = "out/AccessManagedFixture.sol/AccessManagedFixture.json";
    let vault_of_role = world.chain.deploy(vault_of_role, manager.abi_encode(), value).await;
    let selectors = vec![pauseCall::SELECTOR.into()];
    let map = setTargetFunctionRoleCall { target: vault_of_role, selectors, roleId: 7 };
    world.as_owner(manager, map).await;
    for account in [OWNER, RESPONDER] {
        let grant = manager::grantRoleCall { roleId: 7, account, executionDelay: 0 };
        world.as_owner(manager, grant).await;
    }
    let config = json!({"manager": manager, "target": vault_of_role});
    let delayed = manager::grantRoleCall { roleId: 7, account: RESPONDER, executionDelay: 86_400 };
    let take = act(OWNER, vault_of_role, takeCall {});
    let unpause = act(OWNER, vault_of_role, unpauseCall {});
    let access_managed = Scene::new("accessManaged", config, take.clone(), End::Others(unpause))
        .trap("a role with a delay", vec![act(OWNER, manager, delayed)], Then::Refused("at once"))
        .trap(
            "a closed target",
            vec![act(OWNER, manager, setTargetClosedCall { target: vault_of_role, closed: true })],
            Then::Refused("at once"),
        );
    let mut all = vec![pausable, access_managed, close(world).await];
    all.extend(owners(world).await);
    all
}

/// The admin role in a manager of its own: the responder has it there.
async fn close(world: &World) -> Scene {
    let artifacts = "node_modules/@openzeppelin/contracts/build/contracts";
    let manager =
        world.deploy(&format!("{artifacts}/AccessManager.json"), OWNER.abi_encode()).await;
    let vault_of_role = "out/AccessManagedFixture.sol/AccessManagedFixture.json";
    let vault_of_role =
        world.chain.deploy(vault_of_role, manager.abi_encode(), U256::from(10)).await;
    let admin = manager::grantRoleCall { roleId: 0, account: RESPONDER, executionDelay: 0 };
    world.as_owner(manager, admin).await;
    let slow = manager::grantRoleCall { roleId: 0, account: RESPONDER, executionDelay: 3_600 };
    let config = json!({"manager": manager, "target": vault_of_role, "release": "responder"});
    Scene::new("accessManagerClose", config, act(OWNER, vault_of_role, pauseCall {}), End::Undo)
        .keeps(act(OWNER, vault_of_role, takeCall {}))
        .trap("an admin with a delay", vec![act(OWNER, manager, slow)], Then::Refused("hasRole"))
        .trap_late(
            "an admin delay on the target",
            vec![act(
                OWNER,
                manager,
                setTargetAdminDelayCall { target: vault_of_role, delay: 86_400 },
            )],
            // OpenZeppelin's own minimum before a changed delay counts: 5 days.
            5 * 86_400 + 1,
            Then::Refused("getTargetAdminDelay"),
        )
}

async fn owners(world: &World) -> Vec<Scene> {
    let exchange = "out/BridgeTokenShape.sol/OwnerFlagShape.json";
    let exchange = world.deploy(exchange, RESPONDER.abi_encode()).await;
    let config = json!({"target": exchange, "owner": "owner()", "release": "responder"});
    let flag = Scene::new("ownerFlag", config, act(OWNER, exchange, swapCall {}), End::Undo)
        .keeps(act(OWNER, exchange, exitInProportionCall {}));

    let token =
        world.deploy("out/BridgeTokenShape.sol/XERC20Shape.json", RESPONDER.abi_encode()).await;
    let bridge = Address::repeat_byte(0xb1);
    let limit = U256::from(1_000);
    let limits = setLimitsCall { bridge, mintingLimit: limit, burningLimit: limit };
    world.call_as(RESPONDER, token, limits).await;
    world.call_as(bridge, token, mintCall { user: OWNER, amount: U256::from(10) }).await;
    let config = json!({
        "target": token, "function": "setLimits(address,uint256,uint256)", "args": [bridge, "0", "0"],
        "verify": "mintingMaxLimitOf(address)", "verifyArgs": [bridge], "expect": "0", "expectReleased": "1000",
        "undo": "setLimits(address,uint256,uint256)", "undoArgs": [bridge, "1000", "1000"], "release": "responder",
    });
    let mint = act(bridge, token, mintCall { user: OWNER, amount: U256::from(1) });
    let other = setLimitsCall { bridge, mintingLimit: U256::from(5), burningLimit: U256::from(5) };
    let call = Scene::new("call", config, mint, End::Undo)
        .keeps(act(OWNER, token, moveCall { to: RESPONDER, amount: U256::from(1) }))
        .trap(
            "others changed the limit",
            vec![act(RESPONDER, token, other)],
            Then::Refused("1000"),
        );
    vec![flag, call]
}
