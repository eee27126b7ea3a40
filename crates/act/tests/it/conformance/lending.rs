//! Compound v2 and v3, as shapes.

use alloy_primitives::Address;
use alloy_sol_types::{SolValue as _, sol};
use serde_json::{Value as Json, json};

use super::{
    support::chain::{OWNER, RESPONDER},
    world::{Act, End, Scene, Then, World, act},
};

sol! {
    function mint(address cToken) external;
    function borrow(address cToken) external;
    function transfer() external;
    function seize() external;
    function redeem(address cToken) external;
    function repayBorrow(address cToken) external;
    function _setMintPaused(address cToken, bool state) external;
    function _setBorrowPaused(address cToken, bool state) external;
    function _setTransferPaused(bool state) external;
    function _setSeizePaused(bool state) external;
    function pause(bool supply, bool transfer, bool withdraw, bool absorb, bool buy) external;
    function supply() external;
    function withdraw() external;
    function absorb() external;
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    let mut all = compound(world).await;
    all.push(comet(world).await);
    all
}

async fn compound(world: &World) -> Vec<Scene> {
    let market = Address::repeat_byte(0xc1);
    let arguments = (RESPONDER, market).abi_encode_params();
    let comptroller = world.deploy("out/CompoundShape.sol/CompoundV2Shape.json", arguments).await;
    let act = |call: Vec<u8>| Act { from: OWNER, to: comptroller, data: call };
    let scene = |kind, config: Json, stopped: Vec<u8>, undo: Vec<u8>, keeps: Vec<Vec<u8>>| {
        let mut config = config;
        config["comptroller"] = json!(comptroller);
        let mut scene = Scene::new(kind, config, act(stopped), End::Others(act(undo)));
        let redeem = encode(redeemCall { cToken: market });
        let repay = encode(repayBorrowCall { cToken: market });
        for call in keeps.into_iter().chain([redeem, repay]) {
            scene = scene.keeps(act(call));
        }
        scene
    };
    let one = json!({"cToken": market});
    vec![
        scene(
            "compoundV2.mint",
            one.clone(),
            encode(mintCall { cToken: market }),
            encode(_setMintPausedCall { cToken: market, state: false }),
            vec![encode(borrowCall { cToken: market })],
        ),
        scene(
            "compoundV2.borrow",
            one,
            encode(borrowCall { cToken: market }),
            encode(_setBorrowPausedCall { cToken: market, state: false }),
            vec![encode(mintCall { cToken: market })],
        ),
        scene(
            "compoundV2.transfer",
            json!({}),
            encode(transferCall {}),
            encode(_setTransferPausedCall { state: false }),
            vec![encode(mintCall { cToken: market })],
        ),
        scene(
            "compoundV2.seize",
            json!({}),
            encode(seizeCall {}),
            encode(_setSeizePausedCall { state: false }),
            vec![encode(transferCall {})],
        ),
    ]
}

fn encode(call: impl alloy_sol_types::SolCall) -> Vec<u8> {
    call.abi_encode()
}

async fn comet(world: &World) -> Scene {
    let comet = world.deploy("out/CompoundShape.sol/CometShape.json", RESPONDER.abi_encode()).await;
    let flags = |withdraw: bool, absorb: bool| pauseCall {
        supply: false,
        transfer: false,
        withdraw,
        absorb,
        buy: false,
    };
    let (supply, withdraw, absorb) = (
        act(OWNER, comet, supplyCall {}),
        act(OWNER, comet, withdrawCall {}),
        act(OWNER, comet, absorbCall {}),
    );
    let config = json!({"comet": comet, "pauses": ["withdraw"], "guardian": true});
    let undo = End::Others(act(OWNER, comet, flags(false, false)));
    Scene::new("comet", config, withdraw.clone(), undo)
        .keeps(supply.clone())
        .keeps(absorb.clone())
        .trap(
            "others' flags stay",
            vec![act(OWNER, comet, flags(false, true))],
            Then::Held { works: vec![supply], fails: vec![withdraw, absorb] },
        )
}
