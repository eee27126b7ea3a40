//! What the configuration of each kind of lever says.
//!
//! The fields stand here; what becomes of them stands in [`super::catalogue`]. Examples of every kind are in
//! `docs/levers.md`.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};
use portcullis_types::{
    action::{Lever, Rung},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{
    AccessManagedConfig, CallConfig, CometConfig, GuardianModuleConfig, LeverError, PausableConfig,
    Release, WardenLeverConfig,
    catalogue::{Common, Fields, build, row},
    values::{IntoValue, Value},
};

/// Declares the configurations that are data alone, and the enum of all.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $kind:ident($config:ident) = $name:literal {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty, )*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase", deny_unknown_fields)]
            pub struct $config {
                /// Name, unique in the protocol.
                pub name: String,
                $( $(#[$field_doc])* pub $field: $type, )*
                /// Contracts whose losses it stops; the catalogue's choice where this is left out.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub covers: Option<Vec<Address>>,
                /// Place on the containment ladder.
                pub rung: Rung,
                /// Longest time it is held, seconds.
                pub hold_seconds: u64,
                /// What a stop without need costs honest users, US dollars.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub false_stop_cost_usd: Option<Usd>,
                /// The same from its parts, instead.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub false_stop_cost: Option<FalseStopCost>,
                /// Who lets go.
                #[serde(default)]
                pub release: Release,
                /// Most gas a pull may use; the catalogue's number where this is left out.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub gas_limit: Option<u64>,
            }

            impl $config {
                fn build(&self, chain: ChainId, responder: Address) -> Result<Lever, LeverError> {
                    let mut fields = Fields::new();
                    $( if let Some(value) = self.$field.value() {
                        fields.insert(stringify!($field), value);
                    } )*
                    let common = Common {
                        name: &self.name,
                        covers: self.covers.as_ref(),
                        rung: self.rung,
                        hold_seconds: self.hold_seconds,
                        false_stop: super::false_stop(
            &self.name,
            self.false_stop_cost_usd,
            self.false_stop_cost.as_ref(),
            self.hold_seconds,
        )?,
                        release: self.release,
                        gas_limit: self.gas_limit,
                    };
                    from_row($name, &common, fields, chain, responder)
                }
            }
        )*

        /// A lever as it stands in the configuration.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "camelCase")]
        pub enum LeverConfig {
            /// A contract with `pause()` and `paused()`, as OpenZeppelin's `Pausable` has them.
            Pausable(PausableConfig),
            /// A contract whose `pause()` is restricted by an OpenZeppelin `AccessManager`.
            AccessManaged(AccessManagedConfig),
            /// A lever of a Warden, which sentinels order.
            Warden(WardenLeverConfig),
            /// Flags of a Compound v3 market, which are written all at once.
            Comet(CometConfig),
            /// A call through the guardian module of a Safe.
            GuardianModule(GuardianModuleConfig),
            /// Any call that stops and whose effect a view shows.
            Call(CallConfig),
            $( $(#[$doc])* #[serde(rename = $name)] $kind($config), )*
        }

        impl LeverConfig {
            /// The lever's name.
            pub fn name(&self) -> &str {
                match self {
                    Self::Pausable(config) => &config.name,
                    Self::AccessManaged(config) => &config.name,
                    Self::Warden(config) => &config.name,
                    Self::Comet(config) => &config.name,
                    Self::GuardianModule(config) => &config.name,
                    Self::Call(config) => &config.name,
                    $( Self::$kind(config) => &config.name, )*
                }
            }

            pub(super) fn build_unchecked(
                &self,
                chain: ChainId,
                responder: Address,
            ) -> Result<Lever, LeverError> {
                match self {
                    Self::Pausable(config) => config.build(chain),
                    Self::AccessManaged(config) => config.build(chain, responder),
                    Self::Warden(config) => config.build(chain),
                    Self::Comet(config) => config.build(chain, responder),
                    Self::GuardianModule(config) => config.build(chain, responder),
                    Self::Call(config) => config.build(chain),
                    $( Self::$kind(config) => config.build(chain, responder), )*
                }
            }
        }
    };
}

/// The lever of the row `name`, or of `name.action` where the kind has several.
fn from_row(
    name: &str,
    common: &Common<'_>,
    mut fields: Fields,
    chain: ChainId,
    responder: Address,
) -> Result<Lever, LeverError> {
    let kind = match fields.remove("action") {
        Some(action) => format!("{name}.{}", action.text()),
        None => name.to_owned(),
    };
    let wrong = |reason: String| LeverError { lever: common.name.to_owned(), reason };
    let row = row(&kind).ok_or_else(|| wrong(format!("the catalogue has no `{kind}`")))?;
    build(row, common, fields, chain, responder)
}

/// Which brake of Compound v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CompoundAction {
    /// Supplying to one market.
    Mint,
    /// Borrowing from one market.
    Borrow,
    /// Transfers of shares, in all markets.
    Transfer,
    /// Liquidations, in all markets.
    Seize,
}

impl IntoValue for CompoundAction {
    fn value(&self) -> Option<Value> {
        let name = match self {
            Self::Mint => "mint",
            Self::Borrow => "borrow",
            Self::Transfer => "transfer",
            Self::Seize => "seize",
        };
        Some(Value::One(name.to_owned()))
    }
}

fn set_paused() -> String {
    "setPaused(bool)".to_owned()
}

fn paused() -> String {
    "paused()".to_owned()
}

/// The global subject of Chainlink's RMN.
fn every_lane() -> FixedBytes<16> {
    let mut subject = [0; 16];
    subject[0] = 1;
    subject[15] = 1;
    subject.into()
}

kinds! {
    /// An OpenZeppelin `AccessManager` that closes a target.
    AccessManagerClose(AccessManagerCloseConfig) = "accessManagerClose" {
        /// The `AccessManager`.
        manager: Address,
        /// The contract that is closed.
        target: Address,
    }
    /// A flag that an owner sets: `setPaused(bool)`.
    OwnerFlag(OwnerFlagConfig) = "ownerFlag" {
        /// The contract.
        target: Address,
        /// The function with one flag, which is sent as true.
        #[serde(default = "set_paused")]
        function: String,
        /// The view that is true while it is stopped.
        #[serde(default = "paused")]
        verify: String,
        /// The view that names who may set it, `owner()`; makes the responder's right a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    }
    /// One operation that an OpenZeppelin `TimelockController` has scheduled.
    TimelockCancel(TimelockCancelConfig) = "timelockCancel" {
        /// The timelock.
        timelock: Address,
        /// The operation's id.
        operation: B256,
    }
    /// One proposal of an OpenZeppelin `Governor` with a proposal guardian.
    GovernorCancel(GovernorCancelConfig) = "governorCancel" {
        /// The governor.
        governor: Address,
        /// The proposal's id.
        proposal: U256,
        /// What it calls.
        targets: Vec<Address>,
        /// Wei of each call.
        values: Vec<U256>,
        /// Call data of each.
        calldatas: Vec<Bytes>,
        /// Hash of the description.
        description_hash: B256,
    }
    /// All reserves of an Aave v3 pool.
    AavePoolPause(AavePoolPauseConfig) = "aavePoolPause" {
        /// The pool.
        pool: Address,
        /// Its `PoolConfigurator`.
        configurator: Address,
        /// Its `AaveProtocolDataProvider`.
        data_provider: Address,
        /// Its `ACLManager`; makes the responder's role a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acl_manager: Option<Address>,
        /// The reserve that is looked at.
        asset: Address,
        /// Seconds without liquidations after the release, at most 14,400; Aave v3.1 and later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_seconds: Option<u64>,
    }
    /// One reserve of an Aave v3 pool, everything in it.
    AaveReservePause(AaveReservePauseConfig) = "aaveReservePause" {
        /// The pool.
        pool: Address,
        /// Its `PoolConfigurator`.
        configurator: Address,
        /// Its `AaveProtocolDataProvider`.
        data_provider: Address,
        /// Its `ACLManager`; makes the responder's role a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acl_manager: Option<Address>,
        /// The reserve.
        asset: Address,
        /// Seconds without liquidations after the release, at most 14,400; Aave v3.1 and later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_seconds: Option<u64>,
    }
    /// One reserve of an Aave v3 pool, new business only.
    AaveReserveFreeze(AaveReserveFreezeConfig) = "aaveReserveFreeze" {
        /// The pool.
        pool: Address,
        /// Its `PoolConfigurator`.
        configurator: Address,
        /// Its `AaveProtocolDataProvider`.
        data_provider: Address,
        /// Its `ACLManager`; makes the responder's role a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acl_manager: Option<Address>,
        /// The reserve.
        asset: Address,
    }
    /// One of the four brakes of Compound v2 and its forks.
    CompoundV2(CompoundV2Config) = "compoundV2" {
        /// Which.
        action: CompoundAction,
        /// The comptroller.
        comptroller: Address,
        /// The market, for `mint` and `borrow`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        c_token: Option<Address>,
    }
    /// A seal of Lido's committee.
    LidoGateSeal(LidoGateSealConfig) = "lidoGateSeal" {
        /// The seal.
        gate_seal: Address,
        /// The contracts to seal: all at once, for it works once.
        sealables: Vec<Address>,
    }
    /// Lido's circuit breaker for one contract.
    LidoCircuitBreaker(LidoCircuitBreakerConfig) = "lidoCircuitBreaker" {
        /// The breaker.
        breaker: Address,
        /// The contract to pause.
        pausable: Address,
    }
    /// Optimism's superchain configuration, 2.5 and later.
    OpSuperchainConfig(OpSuperchainConfigConfig) = "opSuperchainConfig" {
        /// The `SuperchainConfig`.
        config: Address,
        /// The chain's identifier; the zero address for all.
        identifier: Address,
        /// The view that names who may, `incidentResponder()` or `guardian()`; makes the responder's right a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    }
    /// Optimism's deputy module, with a signature made beforehand.
    OpDeputyPause(OpDeputyPauseConfig) = "opDeputyPause" {
        /// The `DeputyPauseModule`.
        module: Address,
        /// The `SuperchainConfig`.
        config: Address,
        /// The nonce that the deputy signed.
        nonce: B256,
        /// The signature.
        signature: Bytes,
    }
    /// A curse of Chainlink's risk management network.
    CcipRmnCurse(CcipRmnCurseConfig) = "ccipRmnCurse" {
        /// The RMN contract.
        rmn: Address,
        /// What is cursed; every lane where this is left out.
        #[serde(default = "every_lane")]
        subject: FixedBytes<16>,
        /// The view that names who may, `owner()`; makes the responder's right a condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    }
    /// The limits of one bridge of an xERC20.
    Xerc20Limits(Xerc20LimitsConfig) = "xerc20Limits" {
        /// The token.
        token: Address,
        /// The bridge.
        bridge: Address,
        /// The present limit on minting, in the token's units; needed for `release: responder`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minting_limit: Option<U256>,
        /// The same for burning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        burning_limit: Option<U256>,
    }
    /// A freeze of one address in a quarantine.
    Quarantine(QuarantineConfig) = "quarantine" {
        /// The `Quarantine`.
        quarantine: Address,
        /// The address to freeze.
        account: Address,
        /// A code for the record.
        reason: B256,
    }
    /// A tightening of an outflow gate.
    OutflowGate(OutflowGateConfig) = "outflowGate" {
        /// The gate.
        gate: Address,
        /// The asset, or the gate's `VALUE`.
        asset: Address,
        /// What is left of the limits, basis points.
        bps: u16,
    }
}
