//! Who lost what.
//!
//! A victim is somebody who ends poorer, by the prices that are known and those that the transaction's own trades show, or,
//! where nothing moved, whom the signals name. A pool that got something of a known price in return lost only the
//! difference. All losses together are at most what the sender's side gained, where that is known: what went from pool to
//! pool on the way is nobody's loss.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    evidence::{CallKind, Flow},
    money::{Asset, Usd},
};

use crate::{
    picture::Picture,
    rates::{self, Rates},
    signals::Sighting,
    suspicion::Loss,
};

/// Most losses named; the greatest ones are kept.
const LOSSES_MAX: usize = 32;

/// Losses, greatest first: those with a price before those without.
pub(crate) fn losses(picture: &Picture<'_>) -> Vec<Loss> {
    let rates = Rates::new(picture);
    let gain = gain(picture, &rates);
    let mut losses = Vec::new();
    for (holder, flows) in picture.others() {
        if !holder.is_zero() && !is_coin(picture, holder) {
            losses.extend(of_holder(picture, &rates, holder, flows, gain.is_some()));
        }
    }
    let all: Usd = losses.iter().filter_map(|loss| loss.usd).sum();
    if let Some(gain) = gain.filter(|gain| *gain < all) {
        for loss in &mut losses {
            if let Some(usd) = loss.usd {
                loss.usd = Some(scaled_usd(usd, gain, all));
                loss.amount = scaled(loss.amount, gain, all);
            }
        }
    }
    losses.sort_by(|a: &Loss, b| (b.usd, b.amount, a.victim).cmp(&(a.usd, a.amount, b.victim)));
    losses.truncate(LOSSES_MAX);
    losses
}

/// What the sender's side is richer by, where all that it gained has a value: nobody else can have lost more to it. None
/// where that is not known.
fn gain(picture: &Picture<'_>, rates: &Rates) -> Option<Usd> {
    let mut sum = Usd::ZERO;
    for (asset, delta) in &picture.net {
        let value = rates.value(picture, *asset, delta.unsigned_abs());
        sum = match (delta.is_negative(), value) {
            (true, value) => sum - value.unwrap_or_default(),
            (false, Some(value)) => sum + value,
            (false, None) if is_receipt(picture, *asset) => sum,
            (false, None) => return None,
        };
    }
    (sum > Usd::ZERO).then_some(sum)
}

/// Whether an asset was issued on the way: a share in something, whose worth is what was paid for it.
fn is_receipt(picture: &Picture<'_>, asset: Asset) -> bool {
    picture.evidence.transfers.iter().any(|transfer| {
        transfer.asset == asset
            && (transfer.from.is_zero() || Asset::Token(transfer.from) == asset)
            && picture.is_own(&transfer.to)
    })
}

/// What one holder lost beyond what it got: of everything where the sender's gain bounds the sum or the holder got nothing,
/// else of what the sender gained.
fn of_holder(
    picture: &Picture<'_>,
    rates: &Rates,
    holder: Address,
    flows: &[Flow],
    bounded: bool,
) -> Vec<Loss> {
    let value = |flow: &Flow| rates.value(picture, flow.asset, flow.delta.unsigned_abs());
    let got: Usd = flows.iter().filter(|f| f.delta.is_positive()).filter_map(value).sum();
    let priced: Usd = flows.iter().filter(|f| f.delta.is_negative()).filter_map(value).sum();
    let mut losses = Vec::new();
    let only_lost = flows.iter().all(|flow| flow.delta.is_negative());
    for flow in flows.iter().filter(|flow| flow.delta.is_negative()) {
        let amount = flow.delta.unsigned_abs();
        let taken = !picture.gain_of(flow.asset).is_zero();
        match value(flow) {
            // Of what was lost, the part that something of a known price came back for is no loss.
            Some(usd) if (taken || bounded || only_lost) && priced > got => losses.push(Loss {
                victim: holder,
                asset: flow.asset,
                amount: scaled(amount, priced - got, priced),
                usd: Some(scaled_usd(usd, priced - got, priced)),
            }),
            None if taken => {
                losses.push(Loss { victim: holder, asset: flow.asset, amount, usd: None });
            }
            _ => {}
        }
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
    match (U256::try_from(part.0), U256::try_from(whole.0)) {
        (Ok(part), Ok(whole)) => rates::scaled(usd, part, whole),
        _ => usd,
    }
}

/// Contracts whose functions were used: those the signals name, then those asked for more than a trade, then the code that
/// those delegate to.
pub(crate) fn targets(picture: &Picture<'_>, sightings: &[(&str, Sighting)]) -> Vec<Address> {
    let named = sightings.iter().flat_map(|(_, sighting)| sighting.victims.iter().copied());
    let mut targets =
        distinct(picture, named.chain(picture.acts_beyond_trade().map(|act| act.callee)));
    // The error is mostly in the code behind a proxy.
    let delegated = picture
        .evidence
        .frames
        .iter()
        .filter(|frame| frame.kind == CallKind::DelegateCall && targets.contains(&frame.from));
    let code: BTreeSet<Address> = delegated.map(|frame| frame.to).collect();
    targets.extend(code.into_iter().take(LOSSES_MAX));
    targets
}

/// Who lost most first; where nobody is known to have lost anything, the targets.
pub(crate) fn victims(picture: &Picture<'_>, losses: &[Loss], targets: &[Address]) -> Vec<Address> {
    let losers = distinct(picture, losses.iter().map(|loss| loss.victim));
    if losers.is_empty() { targets.to_vec() } else { losers }
}

fn distinct(picture: &Picture<'_>, addresses: impl Iterator<Item = Address>) -> Vec<Address> {
    let mut seen = BTreeSet::new();
    let is_other = |address: &Address| seen.insert(*address) && !is_coin(picture, *address);
    addresses.filter(is_other).take(LOSSES_MAX).collect()
}

fn is_coin(picture: &Picture<'_>, address: Address) -> bool {
    picture.prices.plain(picture.evidence.chain, Asset::Token(address)) == Asset::Native
}
