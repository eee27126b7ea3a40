//! OpenZeppelin's timelock and governor.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolValue as _, sol};
use serde_json::json;

use super::{
    support::chain::{OWNER, RESPONDER},
    world::{End, Scene, Then, World, act},
};

sol! {
    function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay) external;
    function execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) external;
    function hashOperation(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) external view returns (bytes32);
    function grantRole(bytes32 role, address account) external;
    function revokeRole(bytes32 role, address account) external;
    function propose(address[] targets, uint256[] values, bytes[] calldatas, string description) external returns (uint256);
    function castVote(uint256 id, uint8 support) external;
    function hashProposal(address[] targets, uint256[] values, bytes[] calldatas, bytes32 description) external view returns (uint256);
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    vec![timelock(world).await, governor(world).await]
}

async fn timelock(world: &World) -> Scene {
    let one = vec![OWNER];
    let arguments = (U256::ZERO, one.clone(), one, OWNER).abi_encode_params();
    let artifact = "node_modules/@openzeppelin/contracts/build/contracts/TimelockController.json";
    let timelock = world.deploy(artifact, arguments).await;
    let role = keccak256("CANCELLER_ROLE");
    world.as_owner(timelock, grantRoleCall { role, account: RESPONDER }).await;
    let operation = |salt: u8| {
        let (target, salt) = (Address::repeat_byte(0x77), B256::repeat_byte(salt));
        (target, U256::ZERO, Bytes::new(), B256::ZERO, salt)
    };
    let run = |salt: u8| {
        let (target, value, data, predecessor, salt) = operation(salt);
        executeCall { target, value, data, predecessor, salt }
    };
    let mut id = B256::ZERO;
    for salt in [2, 1] {
        let (target, value, data, predecessor, salt) = operation(salt);
        let delay = U256::ZERO;
        let plan = scheduleCall { target, value, data: data.clone(), predecessor, salt, delay };
        world.as_owner(timelock, plan).await;
        let hash = hashOperationCall { target, value, data, predecessor, salt };
        id = world.chain.view(timelock, hash).await;
    }
    let execute = act(OWNER, timelock, run(1));
    let revoke = act(OWNER, timelock, revokeRoleCall { role, account: RESPONDER });
    Scene::new(
        "timelockCancel",
        json!({"timelock": timelock, "operation": id}),
        execute.clone(),
        End::Never,
    )
    .keeps(act(OWNER, timelock, run(2)))
    .trap("done already", vec![execute], Then::Refused("isOperationPending"))
    .trap("not the canceller", vec![revoke], Then::Refused("hasRole"))
}

async fn governor(world: &World) -> Scene {
    let artifact = "out/GuardedGovernor.sol/GuardedGovernor.json";
    let governor = world.deploy(artifact, RESPONDER.abi_encode()).await;
    let mut ids = Vec::new();
    let parts =
        (vec![Address::repeat_byte(0x77)], vec![U256::ZERO], vec![Bytes::from_static(&[1])]);
    for description in ["good", "bad"] {
        let (targets, values, calldatas) = parts.clone();
        let propose =
            proposeCall { targets, values, calldatas, description: description.to_owned() };
        world.as_owner(governor, propose).await;
        let (targets, values, calldatas) = parts.clone();
        let hash =
            hashProposalCall { targets, values, calldatas, description: keccak256(description) };
        ids.push(world.chain.view(governor, hash).await);
    }
    world.chain.mine(12).await;
    let (targets, values, calldatas) = parts;
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let config = json!({
        "governor": governor, "proposal": ids[1].to_string(), "targets": targets, "values": values,
        "calldatas": calldatas, "descriptionHash": keccak256("bad"),
    });
    let vote = |id: U256| act(OWNER, governor, castVoteCall { id, support: 1 });
    Scene::new("governorCancel", config, vote(ids[1]), End::Never).keeps(vote(ids[0]))
}
