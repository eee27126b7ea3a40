//! Aave v3 as its package ships it: pool, configurator, roles, tokens and one reserve with a loan.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::{SolValue as _, sol};
use serde_json::{Value as Json, json};

use super::{
    support::chain::{OWNER, RESPONDER, contracts},
    world::{End, Scene, Then, World, act},
};

const ARTIFACTS: &str = "node_modules/@aave/core-v3/artifacts/contracts";

sol! {
    struct InitReserveInput {
        address aTokenImpl; address stableDebtTokenImpl; address variableDebtTokenImpl; uint8 underlyingAssetDecimals;
        address interestRateStrategyAddress; address underlyingAsset; address treasury; address incentivesController;
        string aTokenName; string aTokenSymbol; string variableDebtTokenName; string variableDebtTokenSymbol;
        string stableDebtTokenName; string stableDebtTokenSymbol; bytes params;
    }

    function setACLAdmin(address admin) external;
    function setACLManager(address manager) external;
    function addPoolAdmin(address account) external;
    function addEmergencyAdmin(address account) external;
    function addRiskAdmin(address account) external;
    function removeEmergencyAdmin(address account) external;
    function setPoolImpl(address implementation) external;
    function setPoolConfiguratorImpl(address implementation) external;
    function setPriceOracle(address oracle) external;
    function getPool() external view returns (address);
    function getPoolConfigurator() external view returns (address);
    function setAssetPrice(address asset, uint256 price) external;
    function initReserves(InitReserveInput[] input) external;
    function configureReserveAsCollateral(address asset, uint256 ltv, uint256 threshold, uint256 bonus) external;
    function setReserveBorrowing(address asset, bool enabled) external;
    function mint(uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
    function supply(address asset, uint256 amount, address onBehalfOf, uint16 referral) external;
    function borrow(address asset, uint256 amount, uint256 mode, uint16 referral, address onBehalfOf) external;
    function repay(address asset, uint256 amount, uint256 mode, address onBehalfOf) external returns (uint256);
    function withdraw(address asset, uint256 amount, address to) external returns (uint256);
}

/// Units of a token of 18 decimals.
fn coins(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

/// A pool with two reserves.
struct Market {
    pool: Address,
    configurator: Address,
    data_provider: Address,
    acl_manager: Address,
    assets: [Address; 2],
}

pub async fn scenes(world: &World) -> Vec<Scene> {
    let market = deploy(world).await;
    let [asset, other] = market.assets;
    let amount = coins(10);
    let pool = market.pool;
    let on_behalf = OWNER;
    let supply =
        |asset| act(OWNER, pool, supplyCall { asset, amount, onBehalfOf: on_behalf, referral: 0 });
    let withdraw = |asset| act(OWNER, pool, withdrawCall { asset, amount, to: OWNER });
    let repay = |asset| {
        act(OWNER, pool, repayCall { asset, amount, mode: U256::from(2), onBehalfOf: on_behalf })
    };
    let config = json!({
        "pool": pool, "configurator": market.configurator, "dataProvider": market.data_provider,
        "aclManager": market.acl_manager, "asset": asset, "release": "responder",
    });
    let no_role = act(OWNER, market.acl_manager, removeEmergencyAdminCall { account: RESPONDER });

    let mut everything = Scene::new("aavePoolPause", config.clone(), withdraw(asset), End::Undo)
        .trap("without the role", vec![no_role], Then::Refused("isEmergencyAdmin"));
    everything.stopped.extend([supply(asset), repay(asset), withdraw(other)]);
    let mut one = Scene::new("aaveReservePause", config.clone(), withdraw(asset), End::Undo)
        .keeps(supply(other))
        .keeps(withdraw(other));
    one.stopped.extend([supply(asset), repay(asset)]);
    let borrow =
        borrowCall { asset, amount, mode: U256::from(2), referral: 0, onBehalfOf: on_behalf };
    let mut frozen = Scene::new("aaveReserveFreeze", config, supply(asset), End::Undo)
        .keeps(withdraw(asset))
        .keeps(repay(asset))
        .keeps(supply(other));
    frozen.stopped.push(act(OWNER, pool, borrow));
    vec![everything, one, frozen]
}

/// Deploys contracts of the package, their libraries first.
struct Package<'a> {
    world: &'a World,
    libraries: BTreeMap<String, Address>,
}

impl Package<'_> {
    async fn deploy(&mut self, path: &str, arguments: Vec<u8>) -> Address {
        let name = path.rsplit('/').next().unwrap();
        let file = contracts().join(format!("{ARTIFACTS}/{path}.sol/{name}.json"));
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("{} is missing: run: make setup", file.display()));
        let json: Json = serde_json::from_str(&text).unwrap();
        let mut code = json["bytecode"].as_str().unwrap().to_owned();
        for (source, libraries) in json["linkReferences"].as_object().unwrap() {
            for (library, places) in libraries.as_object().unwrap() {
                let address = if let Some(address) = self.libraries.get(library) {
                    *address
                } else {
                    let path = source.trim_start_matches("contracts/").trim_end_matches(".sol");
                    let address = Box::pin(self.deploy(path, vec![])).await;
                    self.libraries.insert(library.clone(), address);
                    address
                };
                for place in places.as_array().unwrap() {
                    let start = 2 + 2 * usize::try_from(place["start"].as_u64().unwrap()).unwrap();
                    code.replace_range(start..start + 40, &hex::encode(address));
                }
            }
        }
        self.world.chain.deploy_code(&code, arguments, U256::ZERO).await
    }
}

async fn deploy(world: &World) -> Market {
    let mut package = Package { world, libraries: BTreeMap::new() };
    let provider = ("market".to_owned(), OWNER).abi_encode_params();
    let provider = package.deploy("protocol/configuration/PoolAddressesProvider", provider).await;
    let of_provider = provider.abi_encode();
    world.as_owner(provider, setACLAdminCall { admin: OWNER }).await;
    let acl_manager =
        package.deploy("protocol/configuration/ACLManager", of_provider.clone()).await;
    world.as_owner(provider, setACLManagerCall { manager: acl_manager }).await;
    world.as_owner(acl_manager, addPoolAdminCall { account: OWNER }).await;
    world.as_owner(acl_manager, addEmergencyAdminCall { account: RESPONDER }).await;
    world.as_owner(acl_manager, addRiskAdminCall { account: RESPONDER }).await;
    let pool = package.deploy("protocol/pool/Pool", of_provider.clone()).await;
    world.as_owner(provider, setPoolImplCall { implementation: pool }).await;
    let configurator = package.deploy("protocol/pool/PoolConfigurator", vec![]).await;
    world.as_owner(provider, setPoolConfiguratorImplCall { implementation: configurator }).await;
    let pool = world.chain.view(provider, getPoolCall {}).await;
    let configurator = world.chain.view(provider, getPoolConfiguratorCall {}).await;
    let data_provider = package.deploy("misc/AaveProtocolDataProvider", of_provider).await;
    let oracle = package.deploy("mocks/oracle/PriceOracle", vec![]).await;
    world.as_owner(provider, setPriceOracleCall { oracle }).await;

    let mut market =
        Market { pool, configurator, data_provider, acl_manager, assets: [Address::ZERO; 2] };
    for (n, name) in ["One", "Two"].into_iter().enumerate() {
        let token = (name.to_owned(), name.to_owned(), U256::from(18)).abi_encode_params();
        let token = package.deploy("mocks/tokens/MintableERC20", token).await;
        market.assets[n] = token;
        world
            .as_owner(oracle, setAssetPriceCall { asset: token, price: U256::from(100_000_000) })
            .await;
    }
    list(&mut package, provider, &market).await;
    for asset in market.assets {
        let amount = coins(1_000_000);
        world.as_owner(asset, mintCall { amount }).await;
        world.as_owner(asset, approveCall { spender: pool, amount: U256::MAX }).await;
        let amount = coins(100_000);
        world.as_owner(pool, supplyCall { asset, amount, onBehalfOf: OWNER, referral: 0 }).await;
    }
    let [asset, _] = market.assets;
    let (amount, mode) = (coins(1_000), U256::from(2));
    world.as_owner(pool, borrowCall { asset, amount, mode, referral: 0, onBehalfOf: OWNER }).await;
    market
}

/// Lists the reserves, as collateral and for borrowing.
async fn list(package: &mut Package<'_>, provider: Address, market: &Market) {
    let of_pool = market.pool.abi_encode();
    let a_token = package.deploy("protocol/tokenization/AToken", of_pool.clone()).await;
    let stable = package.deploy("protocol/tokenization/StableDebtToken", of_pool.clone()).await;
    let variable = package.deploy("protocol/tokenization/VariableDebtToken", of_pool).await;
    // Rates in rays, one is 10^27; any that are sound.
    let percent = |n: u64| U256::from(n) * U256::from(10).pow(U256::from(25));
    let rates = (
        provider,
        percent(80),
        U256::ZERO,
        percent(4),
        percent(60),
        percent(4),
        percent(60),
        percent(1),
        percent(1),
        percent(20),
    );
    let strategy = "protocol/pool/DefaultReserveInterestRateStrategy";
    let strategy = package.deploy(strategy, rates.abi_encode_params()).await;
    let world = package.world;
    let text = |kind: &str| kind.to_owned();
    let input = market.assets.map(|asset| InitReserveInput {
        aTokenImpl: a_token,
        stableDebtTokenImpl: stable,
        variableDebtTokenImpl: variable,
        underlyingAssetDecimals: 18,
        interestRateStrategyAddress: strategy,
        underlyingAsset: asset,
        treasury: RESPONDER,
        incentivesController: Address::ZERO,
        aTokenName: text("a"),
        aTokenSymbol: text("a"),
        variableDebtTokenName: text("v"),
        variableDebtTokenSymbol: text("v"),
        stableDebtTokenName: text("s"),
        stableDebtTokenSymbol: text("s"),
        params: Bytes::new(),
    });
    let configurator = market.configurator;
    world.as_owner(configurator, initReservesCall { input: input.to_vec() }).await;
    for asset in market.assets {
        let (ltv, threshold, bonus) = (U256::from(8_000), U256::from(8_500), U256::from(10_500));
        let collateral = configureReserveAsCollateralCall { asset, ltv, threshold, bonus };
        world.as_owner(configurator, collateral).await;
        world.as_owner(configurator, setReserveBorrowingCall { asset, enabled: true }).await;
    }
}
