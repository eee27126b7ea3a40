//! Who lost what.
//!
//! A victim is somebody who ends poorer in something the sender's side ends richer in, or, where no such thing moved,
//! whom the signals name. A pool that got something of a known price in return lost only the difference.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    evidence::Flow,
    money::{Asset, Usd},
};

use crate::{picture::Picture, signals::Sighting, suspicion::Loss};

/// Most losses named; the greatest ones are kept.
const LOSSES_MAX: usize = 32;

/// Losses, greatest first: those with a price before those without.
pub(crate) fn losses(picture: &Picture<'_>) -> Vec<Loss> {
    let mut losses = Vec::new();
    for (holder, flows) in picture.others() {
        losses.extend(of_holder(picture, holder, flows));
    }
    losses.sort_by(|a: &Loss, b| (b.usd, b.amount, a.victim).cmp(&(a.usd, a.amount, b.victim)));
    losses.truncate(LOSSES_MAX);
    losses
}

fn of_holder(picture: &Picture<'_>, holder: Address, flows: &[Flow]) -> Vec<Loss> {
    let chain = picture.evidence.chain;
    let value = |flow: &Flow| picture.prices.value(chain, flow.asset, flow.delta.unsigned_abs());
    let got: Usd = flows.iter().filter(|f| f.delta.is_positive()).filter_map(value).sum();
    let priced: Usd = flows.iter().filter(|f| f.delta.is_negative()).filter_map(value).sum();
    let lost = flows.iter().filter(|flow| flow.delta.is_negative());
    let lost = lost.filter(|flow| !picture.gain_of(flow.asset).is_zero());
    let mut losses = Vec::new();
    for flow in lost {
        let amount = flow.delta.unsigned_abs();
        let usd = value(flow);
        // Of what was lost, the part that something of a known price came back for is no loss.
        let part =
            if got > Usd::ZERO && priced > got { Some((priced - got, priced)) } else { None };
        let (amount, usd) = match (usd, part) {
            (Some(_), None) if got > Usd::ZERO => continue,
            (Some(usd), Some((left, all))) => {
                (scaled(amount, left, all), Some(scaled_usd(usd, left, all)))
            }
            (usd, _) => (amount, usd),
        };
        losses.push(Loss { victim: holder, asset: flow.asset, amount, usd });
    }
    losses
}

fn scaled(amount: U256, part: Usd, whole: Usd) -> U256 {
    let (Ok(part), Ok(whole)) = (U256::try_from(part.0), U256::try_from(whole.0)) else {
        return amount;
    };
    amount.checked_mul(part).and_then(|product| product.checked_div(whole)).unwrap_or(amount)
}

fn scaled_usd(usd: Usd, part: Usd, whole: Usd) -> Usd {
    match usd.0.checked_mul(part.0).and_then(|product| product.checked_div(whole.0)) {
        Some(micros) => Usd(micros),
        None => usd,
    }
}

/// Contracts whose functions were used: those the signals name, then those asked for more than a trade.
pub(crate) fn targets(picture: &Picture<'_>, sightings: &[(&str, Sighting)]) -> Vec<Address> {
    let named = sightings.iter().flat_map(|(_, sighting)| sighting.victims.iter().copied());
    distinct(picture, named.chain(picture.acts_beyond_trade().map(|act| act.callee)))
}

/// Who lost most first; where nobody is known to have lost anything, the targets.
pub(crate) fn victims(picture: &Picture<'_>, losses: &[Loss], targets: &[Address]) -> Vec<Address> {
    let losers = distinct(picture, losses.iter().map(|loss| loss.victim));
    if losers.is_empty() { targets.to_vec() } else { losers }
}

fn distinct(picture: &Picture<'_>, addresses: impl Iterator<Item = Address>) -> Vec<Address> {
    let mut seen = BTreeSet::new();
    let coin = |address| {
        picture.prices.plain(picture.evidence.chain, Asset::Token(address)) == Asset::Native
    };
    addresses.filter(|address| seen.insert(*address) && !coin(*address)).take(LOSSES_MAX).collect()
}
