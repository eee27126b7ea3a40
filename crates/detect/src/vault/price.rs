//! What a share of a vault is worth from block to block. See [`crate::vault`].

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    probe::{Probe, Reading},
    protocol::{AssetSpec, Contract},
};

use super::{
    VaultConfig,
    books::{Moves, shifted},
};
use crate::{
    build::{ConfigError, Resolver},
    config::Term,
    history::{Balance, Timeline},
    invariant::side::Side,
    ratio::{Ratio, mul_div},
};

#[derive(Debug, Clone)]
pub(super) struct SharePrice {
    assets: Side,
    supply: Side,
    price: Option<Side>,
    /// Assets and supply, carried on by what moved since they were read.
    assets_now: Balance,
    supply_now: Balance,
    seen: Timeline<Seen>,
    /// The last transaction of each block that moved something: hash and sender.
    suspects: Timeline<(B256, Address)>,
}

/// Assets and shares, or a price and one.
#[derive(Debug, Clone, Copy)]
struct Seen {
    assets: U256,
    shares: U256,
}

/// A change of the price beyond the bound.
pub(super) struct Jump {
    pub(super) bps: u64,
    pub(super) fell: bool,
    /// What the shares of today were worth more at the earlier price, smallest units of the asset.
    pub(super) missing: Option<U256>,
    pub(super) suspect: Option<(B256, Address)>,
    pub(super) line: String,
}

impl SharePrice {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        vault: &Contract,
        asset: &AssetSpec,
        config: &VaultConfig,
        supply: &Term,
    ) -> Result<Self, ConfigError> {
        let name = || Some(vault.name.clone());
        let assets = match (&config.total_assets, &config.price) {
            (Some(term), _) => term.clone(),
            (None, None) => {
                Term { call: Some("totalAssets()".to_owned()), contract: name(), ..Term::default() }
            }
            (None, Some(_)) => {
                Term { balance: Some(asset.symbol.clone()), of: name(), ..Term::default() }
            }
        };
        let price = match &config.price {
            Some(term) => Some(Side::new(resolver, "price", term)?),
            None => None,
        };
        Ok(Self {
            assets: Side::new(resolver, "totalAssets", &assets)?,
            supply: Side::new(resolver, "totalSupply", supply)?,
            price,
            assets_now: Balance::default(),
            supply_now: Balance::default(),
            seen: Timeline::default(),
            suspects: Timeline::default(),
        })
    }

    pub(super) fn probes(&self) -> Vec<Probe> {
        let sides = [Some(&self.assets), Some(&self.supply), self.price.as_ref()];
        sides.into_iter().flatten().filter_map(Side::probe).cloned().collect()
    }

    pub(super) fn assets(&self) -> Option<U256> {
        self.assets_now.now()
    }

    pub(super) fn supply(&self) -> Option<U256> {
        self.supply_now.now()
    }

    pub(super) fn note(&mut self, evidence: &Evidence, moves: &Moves) {
        self.suspects.set(evidence.block, (evidence.hash, evidence.from));
        let changes =
            [(&mut self.assets_now, moves.net_assets), (&mut self.supply_now, moves.net_shares())];
        for (balance, change) in changes {
            let (gained, lost) =
                (shifted(U256::ZERO, change), shifted(U256::ZERO, change.saturating_neg()));
            balance.flow(evidence.block, gained, lost);
        }
    }

    /// Takes answers in; the jump that they show.
    pub(super) fn take(
        &mut self,
        block: BlockId,
        readings: &[Reading],
        max_bps: u64,
    ) -> Option<Jump> {
        let mut mine = false;
        for reading in readings {
            if self.assets.take(block, reading) {
                mine = true;
                self.assets.value().into_iter().for_each(|v| self.assets_now.read(block, v));
            }
            if self.supply.take(block, reading) {
                mine = true;
                self.supply.value().into_iter().for_each(|v| self.supply_now.read(block, v));
            }
            mine |= self.price.as_mut().is_some_and(|side| side.take(block, reading));
        }
        if !mine {
            return None;
        }
        let now = match &self.price {
            Some(price) => Seen { assets: price.value()?, shares: U256::from(1) },
            None => Seen { assets: self.assets.value()?, shares: self.supply.value()? },
        };
        let price = Ratio::new(now.assets, now.shares);
        // An empty vault has no price, and its next one is no jump.
        self.seen.set(block, now);
        let before = *self.seen.iter().rev().nth(1)?;
        let (price, earlier) = (price?, Ratio::new(before.assets, before.shares)?);
        let bps = price.bps_apart(earlier);
        if bps < max_bps {
            return None;
        }
        let fell = earlier.is_above(price);
        let missing = mul_div(now.shares, before.assets, before.shares).saturating_sub(now.assets);
        let show = |seen: Seen| format!("{} for {} shares", seen.assets, seen.shares);
        Some(Jump {
            bps,
            fell,
            missing: (fell && self.price.is_none()).then_some(missing),
            suspect: self.suspects.at(block).copied(),
            line: format!("assets {}, before {}", show(now), show(before)),
        })
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        let sides = [Some(&mut self.assets), Some(&mut self.supply), self.price.as_mut()];
        sides.into_iter().flatten().for_each(|side| side.retract(blocks));
        self.assets_now.retract(blocks);
        self.supply_now.retract(blocks);
        self.seen.retract(blocks);
        self.suspects.retract(blocks);
    }
}
