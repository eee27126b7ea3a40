//! From configuration to detector: names become addresses, and what cannot work is refused with the remedy.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    finding::Maturity,
    money::Usd,
    protocol::{AssetSpec, Contract, Protocol},
};

use crate::{
    bridge::Bridge,
    config::DetectorConfig,
    control_plane::ControlPlane,
    detector::{Detector, Meta},
    gross_outflow::GrossOutflow,
    invariant::Invariant,
    novelty::Novelty,
    number::Decimal,
    reentrancy::Reentrancy,
    rules::Rules,
};

/// What is wrong with a detector's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("detector `{detector}`, field `{field}`: {problem}; {remedy}")]
pub struct ConfigError {
    /// Which detector.
    pub detector: &'static str,
    /// Which field, from the detector's own line on: `limits[0].asset`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// Makes the detector that `config` describes for `protocol`.
pub fn build(
    protocol: &Protocol,
    config: &DetectorConfig,
) -> Result<Box<dyn Detector>, ConfigError> {
    Ok(match config {
        DetectorConfig::GrossOutflow(config) => Box::new(GrossOutflow::new(protocol, config)?),
        DetectorConfig::ControlPlane(config) => Box::new(ControlPlane::new(protocol, config)?),
        DetectorConfig::Invariant(config) => Box::new(Invariant::new(protocol, config)?),
        DetectorConfig::Reentrancy(config) => Box::new(Reentrancy::new(protocol, config)?),
        DetectorConfig::FirstCaller(config) => {
            Box::new(crate::first_caller::FirstCaller::new(protocol, config)?)
        }
        DetectorConfig::FailedAttempts(config) => {
            Box::new(crate::failed_attempts::FailedAttempts::new(protocol, config)?)
        }
        DetectorConfig::AdversarialDeployment(config) => {
            Box::new(crate::adversarial_deployment::AdversarialDeployment::new(protocol, config)?)
        }
        DetectorConfig::Governance(config) => {
            Box::new(crate::governance::Governance::new(protocol, config)?)
        }
        DetectorConfig::NetLoss(config) => {
            Box::new(crate::net_loss::NetLoss::new(protocol, config)?)
        }
        DetectorConfig::Bridge(config) => Box::new(Bridge::new(protocol, config)?),
        DetectorConfig::Novelty(config) => Box::new(Novelty::new(protocol, config)?),
        DetectorConfig::PriceManipulation(config) => {
            Box::new(crate::price_manipulation::PriceManipulation::new(protocol, config)?)
        }
        DetectorConfig::Supply(config) => Box::new(crate::supply::Supply::new(protocol, config)?),
        DetectorConfig::Vault(config) => Box::new(crate::vault::Vault::new(protocol, config)?),
        DetectorConfig::MarketOrTheft(config) => {
            Box::new(crate::market_or_theft::MarketOrTheft::new(protocol, config)?)
        }
        DetectorConfig::Volatility(config) => {
            Box::new(crate::volatility::Volatility::new(protocol, config)?)
        }
        DetectorConfig::Contagion(config) => {
            Box::new(crate::contagion::Contagion::new(protocol, config)?)
        }
        DetectorConfig::StaleOracle(config) => {
            Box::new(crate::stale_oracle::StaleOracle::new(protocol, config)?)
        }
        DetectorConfig::Rules(config) => Box::new(Rules::new(protocol, config)?),
        DetectorConfig::LiquidityFlow(config) => {
            Box::new(crate::liquidity_flow::LiquidityFlow::new(protocol, config)?)
        }
    })
}

/// Largest factor by which a breach must exceed its bound to be a proof.
const HARD_FACTOR_MAX: u64 = 100;

/// Looks names up in a protocol on behalf of one detector.
pub(crate) struct Resolver<'a> {
    pub(crate) protocol: &'a Protocol,
    pub(crate) meta: &'static Meta,
}

impl<'a> Resolver<'a> {
    pub(crate) fn error(
        &self,
        field: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            detector: self.meta.id,
            field: field.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// The maturity to work with: the detector's own, or a lower one.
    pub(crate) fn maturity(&self, wanted: Option<Maturity>) -> Result<Maturity, ConfigError> {
        match wanted {
            Some(wanted) if wanted > self.meta.maturity => Err(self.error(
                "maturity",
                format!(
                    "{wanted:?} is more than the detector has proven ({:?})",
                    self.meta.maturity
                ),
                "leave it out, or write a lower one",
            )),
            Some(wanted) => Ok(wanted),
            None => Ok(self.meta.maturity),
        }
    }

    /// The factor in thousandths from which on a breach is a proof; none if no breach is one.
    pub(crate) fn hard_factor(&self, factor: Option<Decimal>) -> Result<Option<u64>, ConfigError> {
        let Some(factor) = factor else { return Ok(None) };
        let thousandths = factor.units(3).and_then(|thousandths| u64::try_from(thousandths).ok());
        let range = 1_000..=HARD_FACTOR_MAX * 1_000;
        thousandths.filter(|factor| range.contains(factor)).map(Some).ok_or_else(|| {
            let problem = "it is outside 1 to 100 or has more than three places";
            self.error("hardFactor", problem, "leave it out: no breach is a proof then")
        })
    }

    pub(crate) fn contract(&self, field: &str, name: &str) -> Result<&'a Contract, ConfigError> {
        self.protocol.contracts.iter().find(|contract| contract.name == name).ok_or_else(|| {
            let known: Vec<&str> =
                self.protocol.contracts.iter().map(|c| c.name.as_str()).collect();
            self.error(
                field,
                format!("`{name}` is not a contract of `{}`", self.protocol.name),
                format!(
                    "add it to the protocol's contracts, or write one of: {}",
                    known.join(", ")
                ),
            )
        })
    }

    /// The named contracts, or those that `default` picks where none are named. Never empty.
    pub(crate) fn contracts(
        &self,
        field: &str,
        names: &[String],
        default: impl Fn(&Contract) -> bool,
    ) -> Result<BTreeSet<Address>, ConfigError> {
        let mut found = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            found.insert(self.contract(&format!("{field}[{index}]"), name)?.address);
        }
        if names.is_empty() {
            let picked = self.protocol.contracts.iter().filter(|contract| default(contract));
            found.extend(picked.map(|contract| contract.address));
        }
        if found.is_empty() {
            return Err(self.error(
                field,
                "there is no contract to watch",
                "name some here, or mark the protocol's contracts with `holdsValue: true`",
            ));
        }
        Ok(found)
    }

    /// An asset by its symbol. It must have a price: a loss in it could not be weighed otherwise.
    pub(crate) fn asset(&self, field: &str, symbol: &str) -> Result<&'a AssetSpec, ConfigError> {
        let spec =
            self.protocol.assets.iter().find(|spec| spec.symbol == symbol).ok_or_else(|| {
                let known: Vec<&str> =
                    self.protocol.assets.iter().map(|spec| spec.symbol.as_str()).collect();
                self.error(
                    field,
                    format!("`{symbol}` is not an asset of `{}`", self.protocol.name),
                    format!(
                        "add it to the protocol's assets, or write one of: {}",
                        known.join(", ")
                    ),
                )
            })?;
        if spec.price_usd <= Usd::ZERO {
            return Err(self.error(
                field,
                format!("`{symbol}` has no price"),
                "give the asset a reference price above 0 in `priceUsd`",
            ));
        }
        Ok(spec)
    }

    /// An account by its address or by the name of a contract.
    pub(crate) fn account(&self, field: &str, text: &str) -> Result<Address, ConfigError> {
        if let Some(contract) = self.protocol.contracts.iter().find(|c| c.name == text) {
            return Ok(contract.address);
        }
        text.parse().map_err(|_| {
            self.error(
                field,
                format!(
                    "`{text}` is neither an address nor a contract of `{}`",
                    self.protocol.name
                ),
                "write 0x and 40 hexadecimal digits in quotes, or the name of one of its contracts",
            )
        })
    }

    pub(crate) fn accounts(
        &self,
        field: &str,
        texts: &[String],
    ) -> Result<BTreeSet<Address>, ConfigError> {
        let resolve =
            |(index, text): (usize, &String)| self.account(&format!("{field}[{index}]"), text);
        texts.iter().enumerate().map(resolve).collect()
    }
}
