//! Lido, Optimism and an xERC20 as shapes; Chainlink's RMN as its package ships it.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};
use alloy_signer::SignerSync as _;
use alloy_sol_types::{SolValue as _, sol};
use serde_json::json;

use super::{
    support::chain::{OWNER, RESPONDER, contracts},
    world::{End, Scene, Then, World, act},
};

const DAY: u64 = 86_400;

sol! {
    function allow(address account) external;
    function requestWithdrawal() external;
    function registerPauser(address pausable, address pauser) external;
    function pause(address identifier) external;
    function unpause(address identifier) external;
    function proveWithdrawal(address identifier) external;
    function digestOf(bytes32 nonce) external view returns (bytes32);
    function curse(bytes16 subject) external;
    function send(address rmn, bytes16 subject) external;
    function setLimits(address bridge, uint256 mintingLimit, uint256 burningLimit) external;
    function mint(address user, uint256 amount) external;
    function burn(address user, uint256 amount) external;
    function move(address to, uint256 amount) external;
    function transferOwnership(address to) external;
    function acceptOwnership() external;
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    let mut all = lido(world).await;
    all.extend(optimism(world).await);
    all.push(curse(world).await);
    all.push(limits(world).await);
    all
}

async fn lido(world: &World) -> Vec<Scene> {
    let mut queues = Vec::new();
    for _ in 0..3 {
        queues.push(world.deploy("out/LidoShape.sol/LidoPausableShape.json", vec![]).await);
    }
    let expiry = world.time().await + 300 * DAY;
    let arguments = (RESPONDER, U256::from(4 * DAY), queues[..2].to_vec(), U256::from(expiry))
        .abi_encode_params();
    let seal = world.deploy("out/LidoShape.sol/LidoGateSealShape.json", arguments).await;
    let arguments = (U256::from(5 * DAY), U256::from(30 * DAY)).abi_encode_params();
    let breaker = world.deploy("out/LidoShape.sol/LidoCircuitBreakerShape.json", arguments).await;
    for queue in &queues {
        world.as_owner(*queue, allowCall { account: seal }).await;
        world.as_owner(*queue, allowCall { account: breaker }).await;
    }
    for pausable in [queues[0], queues[2]] {
        world.as_owner(breaker, registerPauserCall { pausable, pauser: RESPONDER }).await;
    }
    let request = |queue: Address| act(OWNER, queue, requestWithdrawalCall {});
    let (first, second) = (request(queues[0]), request(queues[1]));
    let config = json!({"gateSeal": seal, "sealables": queues[..2], "holdSeconds": 345_600});
    let mut sealed = Scene::new("lidoGateSeal", config, first.clone(), End::Expiry(4 * DAY))
        .keeps(request(queues[2]))
        .trap_after("the seal expired", 301 * DAY, Then::Refused("is_expired"));
    sealed.stopped.push(second.clone());

    let config = json!({"breaker": breaker, "pausable": queues[0], "holdSeconds": 432_000});
    let replaced = registerPauserCall { pausable: queues[0], pauser: OWNER };
    let used = act(RESPONDER, breaker, pauseCall { identifier: queues[0] });
    let tripped = Scene::new("lidoCircuitBreaker", config, first, End::Expiry(5 * DAY))
        .keeps(second)
        .trap_after("the heartbeat lapsed", 31 * DAY, Then::Refused("isPauserLive"))
        .trap("another pauser", vec![act(OWNER, breaker, replaced)], Then::Refused("getPauser"))
        .trap_late("single use", vec![used], 6 * DAY, Then::Refused("getPauser"));
    vec![sealed, tripped]
}

async fn optimism(world: &World) -> Vec<Scene> {
    let shape = "out/SuperchainShape.sol/SuperchainConfigShape.json";
    let config = world.deploy(shape, (OWNER, RESPONDER).abi_encode_params()).await;
    let (ours, others) = (Address::repeat_byte(0x0a), Address::repeat_byte(0x0b));
    let prove =
        |at: Address, identifier: Address| act(OWNER, at, proveWithdrawalCall { identifier });
    let fields = json!({"config": config, "identifier": ours, "role": "incidentResponder()"});
    let undo = act(OWNER, config, unpauseCall { identifier: ours });
    let early = act(RESPONDER, config, pauseCall { identifier: ours });
    let superchain =
        Scene::new("opSuperchainConfig", fields, prove(config, ours), End::Others(undo))
            .keeps(prove(config, others))
            .trap_late("expired, not reset", vec![early], 7_884_001, Then::Refused("pausable"));

    let safe = super::ours::safe(world).await;
    let guarded = world.deploy(shape, (safe, OWNER).abi_encode_params()).await;
    let key = alloy_signer_local::PrivateKeySigner::random();
    let arguments = (safe, guarded, key.address()).abi_encode_params();
    let module =
        world.deploy("out/SuperchainShape.sol/DeputyPauseModuleShape.json", arguments).await;
    world.call_as(safe, safe, super::ours::enableModuleCall { module }).await;
    let nonce = B256::repeat_byte(5);
    let digest = world.chain.view(module, digestOfCall { nonce }).await;
    let signature = Bytes::from(key.sign_hash_sync(&digest).unwrap().as_bytes().to_vec());
    let fields =
        json!({"module": module, "config": guarded, "nonce": nonce, "signature": signature});
    let everywhere = unpauseCall { identifier: Address::ZERO };
    let used = act(OWNER, module, super::ours::deputy::pauseCall { nonce, signature });
    let reset = act(safe, guarded, everywhere.clone());
    let mut deputy =
        Scene::new("opDeputyPause", fields, prove(guarded, ours), End::Others(reset.clone())).trap(
            "a used nonce",
            vec![used, reset],
            Then::Refused("usedNonces"),
        );
    deputy.for_anybody = true;
    vec![superchain, deputy]
}

async fn curse(world: &World) -> Scene {
    let file = "node_modules/@chainlink/contracts-ccip/bytecode/v1_6_0/rmn_remote.bin";
    let code = std::fs::read_to_string(contracts().join(file)).expect("run: make setup");
    let arguments = (5_009_297_550_715_157_269_u64, Address::ZERO).abi_encode_params();
    let rmn = world.chain.deploy_code(&code, arguments, U256::ZERO).await;
    world.as_owner(rmn, transferOwnershipCall { to: RESPONDER }).await;
    world.call_as(RESPONDER, rmn, acceptOwnershipCall {}).await;
    let users = world.deploy("out/LeverUsers.sol/LeverUsers.json", vec![]).await;
    let subject = |selector: u64| FixedBytes::<16>::from(u128::from(selector).to_be_bytes());
    let lane = |selector: u64| act(OWNER, users, sendCall { rmn, subject: subject(selector) });
    let config =
        json!({"rmn": rmn, "subject": subject(7), "role": "owner()", "release": "responder"});
    Scene::new("ccipRmnCurse", config, lane(7), End::Undo).keeps(lane(8))
}

async fn limits(world: &World) -> Scene {
    let shape = "out/BridgeTokenShape.sol/XERC20Shape.json";
    let token = world.deploy(shape, RESPONDER.abi_encode()).await;
    let (bridge, other) = (Address::repeat_byte(0xb1), Address::repeat_byte(0xb2));
    let limit = U256::from(1_000);
    for bridge in [bridge, other] {
        let set = setLimitsCall { bridge, mintingLimit: limit, burningLimit: limit };
        world.call_as(RESPONDER, token, set).await;
    }
    let user = OWNER;
    world.call_as(other, token, mintCall { user, amount: U256::from(10) }).await;
    let config = json!({
        "token": token, "bridge": bridge, "mintingLimit": "1000", "burningLimit": "1000", "release": "responder",
    });
    let mint = |from: Address| act(from, token, mintCall { user, amount: U256::ONE });
    let changed =
        setLimitsCall { bridge, mintingLimit: U256::from(5), burningLimit: U256::from(5) };
    let mut scene = Scene::new("xerc20Limits", config, mint(bridge), End::Undo)
        .keeps(mint(other))
        .keeps(act(OWNER, token, moveCall { to: RESPONDER, amount: U256::ONE }))
        .trap("others' limits", vec![act(RESPONDER, token, changed)], Then::Refused("MaxLimitOf"));
    scene.stopped.push(act(bridge, token, burnCall { user, amount: U256::ONE }));
    scene
}
