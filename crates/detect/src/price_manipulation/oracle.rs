//! Oracles that leave their bounds between blocks. See [`crate::price_manipulation`].

use alloy_primitives::{Address, U256};
use portcullis_types::{
    chain::BlockId,
    probe::{Probe, Reading},
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    config::{Scale, Term},
    history::Timeline,
    invariant::side::Side,
    ratio::{BPS, Ratio},
};

/// An oracle of the protocol under watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchedOracle {
    /// Name for people, part of the findings' keys: `ether price`.
    pub name: String,
    /// Its answer.
    pub value: Term,
    /// What it is compared with, multiplied by `scale`. Default: its own answer in an earlier block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Term>,
    /// Default 1/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Most that the larger of the two may exceed the smaller, basis points.
    pub max_deviation_bps: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Oracle {
    pub(super) name: String,
    pub(super) contract: Address,
    pub(super) max_bps: u64,
    value: Side,
    against: Option<Side>,
    scale: Scale,
    answers: Timeline<U256>,
    /// Whether the deviation in force was raised.
    raised: Timeline<bool>,
}

/// An oracle beyond its bound.
pub(super) struct Deviation {
    pub(super) bps: u64,
    pub(super) value: U256,
    pub(super) other: U256,
    pub(super) than: String,
}

impl Oracle {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        index: usize,
        config: &WatchedOracle,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("watchedOracles[{index}].{name}");
        let value = Side::new(resolver, &field("value"), &config.value)?;
        let contract = value.contract().ok_or_else(|| {
            let remedy = "make it a call, a slot or a balance";
            resolver.error(field("value"), "it is a constant", remedy)
        })?;
        let against = match &config.against {
            Some(term) => Some(Side::new(resolver, &field("against"), term)?),
            None => None,
        };
        let scale = config.scale.unwrap_or(Scale { numerator: 1, denominator: 1 });
        if scale.numerator == 0 || scale.denominator == 0 {
            let remedy = "leave it out, or write 1 or more on both sides of the line";
            return Err(resolver.error(field("scale"), "a part of it is 0", remedy));
        }
        if config.max_deviation_bps == 0 || config.name.is_empty() {
            return Err(resolver.error(
                field("maxDeviationBps"),
                "the oracle has no bound or no name",
                "write a name, and basis points above 0: 500 is 5 %",
            ));
        }
        Ok(Self {
            name: config.name.clone(),
            contract,
            max_bps: config.max_deviation_bps,
            value,
            against,
            scale,
            answers: Timeline::default(),
            raised: Timeline::default(),
        })
    }

    pub(super) fn probes(&self) -> impl Iterator<Item = Probe> {
        let sides = std::iter::once(&self.value).chain(self.against.as_ref());
        sides.filter_map(Side::probe).cloned()
    }

    /// Takes an answer in; the deviation if it is a new one.
    pub(super) fn take(&mut self, block: BlockId, readings: &[Reading]) -> Option<Deviation> {
        let (mut answered, mut mine) = (false, false);
        for reading in readings {
            answered |= self.value.take(block, reading);
            mine |= self.against.as_mut().is_some_and(|side| side.take(block, reading));
        }
        if !answered && !mine {
            return None;
        }
        let value = self.value.value()?;
        if answered {
            self.answers.set(block, value);
        }
        let found = self.deviation(value);
        let is_off = found.is_some();
        let was_off = self.against.is_some() && self.raised.latest().copied().unwrap_or_default();
        if is_off != self.raised.latest().copied().unwrap_or_default() {
            self.raised.set(block, is_off);
        }
        found.filter(|_| !was_off)
    }

    fn deviation(&self, value: U256) -> Option<Deviation> {
        let (other, than) = match &self.against {
            Some(side) => (side.value()?, side.text()),
            None => (*self.answers.iter().rev().nth(1)?, "itself in an earlier block".to_owned()),
        };
        let (numerator, denominator) =
            (U256::from(self.scale.numerator), U256::from(self.scale.denominator));
        let scale = Ratio::new(numerator, denominator)?;
        let bps = match Ratio::new(value, other) {
            Some(ratio) => ratio.bps_apart(scale),
            // An oracle that says 0 is as far off as one can be; both at 0 agree.
            None if value == other => 0,
            None => crate::ratio::BPS_MAX,
        };
        (bps > self.max_bps).then_some(Deviation { bps, value, other, than })
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.value.retract(blocks);
        if let Some(side) = &mut self.against {
            side.retract(blocks);
        }
        self.answers.retract(blocks);
        self.raised.retract(blocks);
    }
}

/// Bounds of a deviation within one transaction, basis points: above 0 and below a hundredfold.
pub(super) fn is_bound(bps: u64) -> bool {
    (1..=100 * BPS).contains(&bps)
}
