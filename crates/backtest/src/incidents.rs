//! Incidents: what belongs together, whether and when it was seen, and what a brake would have saved.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::{
    ids::ChainId,
    money::{Asset, Usd},
};

use crate::{
    join::{Told, Truth},
    judge::Alert,
    loss::{Alarm, Basis, LossCurve, Theft},
};

/// One incident.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its name, or the hash of its only transaction.
    pub name: String,
    /// Day, as the source writes it.
    pub date: Option<String>,
    /// Chain.
    pub chain: ChainId,
    /// Kind of attack: as labelled, else as the first alert has it, else `unclassified`.
    pub class: String,
    /// Its thefts, by place in the list, in order.
    pub thefts: Vec<usize>,
    /// What was alerted: thefts, labelled preparation, and earlier transactions of the same senders; in order.
    pub alerts: Vec<usize>,
    /// What was lost, where the labels say.
    pub loss: Option<Usd>,
    /// Whether none of its transactions could be looked into.
    pub is_blind: bool,
}

/// Incidents, and which alerts turned out to be on their preparation.
#[derive(Debug, Default)]
pub struct Incidents {
    /// In order of chain, date and name.
    pub all: Vec<Incident>,
    /// Alerted transactions, by place in the list, that nobody labelled but whose sender robbed somebody later.
    pub preparations: BTreeSet<usize>,
}

/// Groups transactions into incidents: those with the same name, date and chain belong together, across recordings.
pub fn incidents(told: &[Told]) -> Incidents {
    let mut groups: BTreeMap<(ChainId, Option<String>, String), Vec<usize>> = BTreeMap::new();
    for (place, one) in told.iter().enumerate() {
        let Some(label) = &one.label else { continue };
        if matches!(one.truth, Truth::Exploit | Truth::Setup) {
            let name = label.incident.clone().unwrap_or_else(|| one.seen.hash.to_string());
            groups.entry((one.chain, label.date.clone(), name)).or_default().push(place);
        }
    }
    let mut incidents = Incidents::default();
    for ((chain, date, name), mut members) in groups {
        in_order(told, &mut members);
        let of = |truth: Truth| {
            let is = move |place: &usize| told.get(*place).is_some_and(|one| one.truth == truth);
            members.iter().copied().filter(is)
        };
        let thefts: Vec<usize> = of(Truth::Exploit).collect();
        if thefts.is_empty() {
            // Preparation of a theft that the recordings do not hold.
            continue;
        }
        let early = preparation(told, &members, &thefts);
        incidents.preparations.extend(&early);
        let mut alerts: Vec<usize> = members.iter().copied().chain(early).collect();
        in_order(told, &mut alerts);
        alerts.retain(|place| told.get(*place).is_some_and(Told::is_alerted));
        let class = class(told, &thefts, &alerts);
        let is_blind =
            members.iter().all(|place| told.get(*place).is_some_and(|t| t.seen.is_blind));
        let loss = losses(told, &thefts).map(|losses| losses.into_iter().sum());
        incidents.all.push(Incident { name, date, chain, class, thefts, alerts, loss, is_blind });
    }
    incidents
}

/// Chain order: by time where all know it, else as the recordings have them.
fn in_order(told: &[Told], places: &mut [usize]) {
    let time = |place: usize| told.get(place).and_then(|one| one.seen.place.time);
    if places.iter().all(|place| time(*place).is_some()) {
        // Places in the list are those of the recordings.
        places.sort_by_key(|place| (time(*place), *place));
    } else {
        places.sort_unstable();
    }
}

/// Alerted transactions without a label of those who are the attackers, before the first theft and in the same recording.
fn preparation(told: &[Told], members: &[usize], thefts: &[usize]) -> Vec<usize> {
    let labels = || members.iter().filter_map(|place| told.get(*place)?.label.as_ref());
    let attackers: BTreeSet<Address> =
        labels().flat_map(|label| label.attackers.iter().copied()).collect();
    let Some(first) = thefts.first() else { return Vec::new() };
    let Some(recording) = told.get(*first).map(|one| one.recording) else { return Vec::new() };
    let mut found = Vec::new();
    for (place, one) in told.iter().enumerate().take(*first) {
        let is_theirs = one.recording == recording && attackers.contains(&one.seen.from);
        if is_theirs && one.label.is_none() && one.is_alerted() {
            found.push(place);
        }
    }
    found
}

fn class(told: &[Told], thefts: &[usize], alerts: &[usize]) -> String {
    let labelled = thefts.iter().find_map(|place| told.get(*place)?.label.as_ref()?.class.clone());
    // What the theft itself looks like says more than its preparation.
    let alerted = || {
        let on_theft = alerts.iter().filter(|place| thefts.contains(place));
        on_theft
            .chain(alerts)
            .find_map(|place| Some(told.get(*place)?.alert.as_ref()?.class.clone()))
    };
    labelled.or_else(alerted).unwrap_or_else(|| "unclassified".to_owned())
}

/// What each theft took. Labels that all name the same sum for several thefts mean the sum of the incident; it is given to
/// the first, so that it is counted once. None where any is unknown.
fn losses(told: &[Told], thefts: &[usize]) -> Option<Vec<Usd>> {
    let labelled = thefts.iter().map(|place| told.get(*place)?.label.as_ref()?.loss);
    let losses: Vec<Usd> = labelled.collect::<Option<_>>()?;
    let first = *losses.first()?;
    if losses.len() > 1 && losses.iter().all(|loss| *loss == first) {
        return Some(vec![first]);
    }
    Some(losses)
}

impl Incident {
    /// Whether anything of it was alerted.
    pub fn is_detected(&self) -> bool {
        !self.alerts.is_empty()
    }

    /// The strongest e-value among its alerts.
    pub fn score(&self, told: &[Told]) -> Option<f64> {
        let alerts = self.alerts.iter().filter_map(|place| told.get(*place)?.alert.as_ref());
        alerts.map(|alert| alert.e_value).reduce(f64::max)
    }

    /// Seconds from the first alert to the first theft; negative if the alert came after it. None where a time is unknown.
    pub fn lead_seconds(&self, told: &[Told]) -> Option<i64> {
        self.seconds_to(told, *self.thefts.first()?)
    }

    /// The same to the last theft.
    pub fn seconds_to_last(&self, told: &[Told]) -> Option<i64> {
        self.seconds_to(told, *self.thefts.last()?)
    }

    fn seconds_to(&self, told: &[Told], theft: usize) -> Option<i64> {
        let time = |place: usize| told.get(place)?.seen.place.time.map(u64::cast_signed);
        Some(time(theft)?.saturating_sub(time(*self.alerts.first()?)?))
    }

    /// What the alerts on its thefts say was lost, in dollars, all thefts together; none where none says anything.
    pub fn loss_seen(&self, told: &[Told]) -> Option<Usd> {
        let alerts = self.thefts.iter().filter_map(|place| told.get(*place)?.alert.as_ref());
        let seen: Vec<Usd> = alerts.filter_map(loss_of).collect();
        (!seen.is_empty()).then(|| seen.into_iter().sum())
    }

    /// Whether that is within a tenth of what the labels say; none where either is unknown.
    pub fn loss_agrees(&self, told: &[Told]) -> Option<bool> {
        let (seen, labelled) = (self.loss_seen(told)?, self.loss.filter(|loss| *loss > Usd::ZERO)?);
        let apart = (seen - labelled).max_zero() + (labelled - seen).max_zero();
        Some(apart <= labelled.mul_ratio(1, 10))
    }

    /// Its losses over time; none of an incident of one transaction, which nothing after it can stop.
    pub fn loss_curve(&self, told: &[Told]) -> Option<LossCurve> {
        if self.thefts.len() < 2 {
            return None;
        }
        let losses = losses(told, &self.thefts).filter(|l| l.len() == self.thefts.len());
        let mut thefts = Vec::new();
        for (index, place) in self.thefts.iter().enumerate() {
            let place = told.get(*place)?.seen.place;
            let loss = losses.as_ref().and_then(|losses| losses.get(index));
            let weight = loss.map_or(1.0, |loss| loss.as_ratio_operand());
            thefts.push(Theft { block: place.block, time: place.time, weight });
        }
        let alarm = self.alerts.first().and_then(|place| told.get(*place)).map(|one| {
            let place = one.seen.place;
            (Basis::FirstAlert, Alarm { block: place.block, time: place.time })
        });
        let unit = if losses.is_some() { "usd" } else { "transactions" };
        Some(LossCurve::new(self.name.clone(), unit.to_owned(), self.loss, &thefts, alarm))
    }
}

/// What an alert says was lost. Detectors that speak of the same loss are not added up: of each victim's asset the greatest
/// sum counts, and a sum without asset only where it is more than all of these.
fn loss_of(alert: &Alert) -> Option<Usd> {
    let mut assets: BTreeMap<(Address, Option<Asset>), Usd> = BTreeMap::new();
    for loss in &alert.losses {
        let Some(usd) = loss.usd else { continue };
        let sum = assets.entry((loss.victim, loss.asset)).or_default();
        *sum = (*sum).max(usd);
    }
    let mut victims: BTreeMap<Address, (Usd, Usd)> = BTreeMap::new();
    for ((victim, asset), usd) in assets {
        let (by_asset, at_once) = victims.entry(victim).or_default();
        if asset.is_some() { *by_asset += usd } else { *at_once = usd }
    }
    (!victims.is_empty()).then(|| victims.into_values().map(|(a, b)| a.max(b)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::LossSeen;

    #[test]
    fn losses_that_two_detectors_name_count_once() {
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let token = Asset::Token(Address::repeat_byte(9));
        let loss = |victim, asset, dollars: Option<i64>| {
            let usd = dollars.map(Usd::dollars);
            LossSeen { victim, asset, amount: None, usd }
        };
        let cases = [
            (vec![], None),
            (vec![loss(one, Some(token), None)], None),
            (vec![loss(one, Some(token), Some(5)), loss(one, Some(token), Some(7))], Some(7)),
            (
                vec![loss(one, Some(token), Some(5)), loss(one, Some(Asset::Native), Some(7))],
                Some(12),
            ),
            (vec![loss(one, Some(token), Some(5)), loss(one, None, Some(4))], Some(5)),
            (vec![loss(one, Some(token), Some(5)), loss(other, None, Some(4))], Some(9)),
        ];
        for (losses, expected) in cases {
            let alert = Alert { losses, ..Alert::default() };
            assert_eq!(loss_of(&alert), expected.map(Usd::dollars), "{:?}", alert.losses);
        }
    }
}
