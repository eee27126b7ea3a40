//! What people want to see of a transaction: its call tree, who gained and lost, and what was said of it.
//!
//! Recordings are read a second time for it, so that nothing has to be kept of the many transactions that nobody asks about.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy_primitives::{Address, B256};
use portcullis_observe::Recording;
use portcullis_types::{
    evidence::{CallKind, Evidence, WriteAfter},
    ids::ChainId,
    money::Asset,
};

use crate::{
    footage::Footage,
    incidents::Incidents,
    join::{Told, Truth},
    judge::{Alert, Place},
    report::Report,
};

/// Most transactions that are shown with their call tree.
pub const EXHIBITS_MAX: usize = 600;
/// Most frames of a call tree that are shown.
pub const FRAMES_MAX: usize = 200;
/// Most net flows that are shown.
pub const FLOWS_MAX: usize = 60;

/// Why a transaction is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A theft that was not detected.
    Miss,
    /// An honest transaction with an alert.
    FalseAlert,
    /// A theft or its preparation with an alert.
    Detection,
}

/// A transaction, shown.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// Why.
    pub role: Role,
    /// Transaction.
    pub hash: B256,
    /// Chain.
    pub chain: ChainId,
    /// Incident, if it is of one.
    pub incident: Option<String>,
    /// What was said.
    pub alert: Option<Alert>,
    /// What is seen of it, or why nothing is.
    pub view: Result<View, String>,
}

/// What is seen of a transaction.
#[derive(Debug, Clone)]
pub struct View {
    /// Sender.
    pub from: Address,
    /// Callee.
    pub to: Option<Address>,
    /// Whether it took effect.
    pub success: bool,
    /// Whether logs and state changes are known.
    pub known: (bool, bool),
    /// The first frames in order.
    pub frames: Vec<FrameLine>,
    /// How many there are.
    pub frames_total: usize,
    /// The first net flows.
    pub flows: Vec<(Address, Asset, String)>,
    /// How many there are.
    pub flows_total: usize,
    /// How many movements.
    pub transfers: usize,
    /// Contracts entered again while running, and whether one of those wrote afterwards.
    pub reentries: (usize, bool),
    /// Contracts created.
    pub created: usize,
}

/// A frame on one line.
#[derive(Debug, Clone)]
pub struct FrameLine {
    /// Depth, 0 for the transaction's own.
    pub depth: usize,
    /// How it was entered.
    pub kind: CallKind,
    /// Whose code.
    pub to: Address,
    /// Function.
    pub selector: Option<[u8; 4]>,
    /// Wei, decimal; none for 0.
    pub value: Option<String>,
    /// Whether it or a frame around it failed.
    pub failed: bool,
}

/// Which transactions are to be shown.
#[derive(Debug)]
pub struct Wanted {
    /// Role and place in the list of what was told, in the order in which they are shown.
    order: Vec<(Role, usize)>,
    by_recording: Vec<BTreeMap<Place, usize>>,
}

impl Wanted {
    /// The first [`EXHIBITS_MAX`] of: misses, false alarms, detections.
    pub fn of(told: &[Told], incidents: &Incidents, recordings: usize) -> Self {
        let mut order = Vec::new();
        for incident in &incidents.all {
            let role = if incident.is_detected() { Role::Detection } else { Role::Miss };
            // A detection shows its first alert, a miss its first theft: what the report links to.
            let shown = incident.alerts.first().or(incident.thefts.first());
            order.extend(shown.map(|place| (role, *place)));
        }
        for (place, one) in told.iter().enumerate() {
            let is_false = one.truth == Truth::Benign && one.is_alerted();
            if is_false && !incidents.preparations.contains(&place) {
                order.push((Role::FalseAlert, place));
            }
        }
        order.sort_by_key(|(role, _)| *role);
        let mut hashes = BTreeSet::new();
        order.retain(|(_, place)| told.get(*place).is_some_and(|one| hashes.insert(one.seen.hash)));
        order.truncate(EXHIBITS_MAX);
        let mut by_recording = vec![BTreeMap::new(); recordings];
        for (_, place) in &order {
            let Some(one) = told.get(*place) else { continue };
            if let Some(wanted) = by_recording.get_mut(one.recording) {
                wanted.insert(one.seen.place, *place);
            }
        }
        Self { order, by_recording }
    }

    pub(crate) fn of_recording(&self, recording: usize) -> Option<&BTreeMap<Place, usize>> {
        self.by_recording.get(recording)
    }

    pub(crate) fn in_order(
        &self,
        views: Vec<(usize, Result<View, String>)>,
        told: &[Told],
    ) -> Vec<Exhibit> {
        let mut views: BTreeMap<usize, _> = views.into_iter().collect();
        let mut exhibits = Vec::new();
        for (role, place) in &self.order {
            let Some(one) = told.get(*place) else { continue };
            let unseen = || Err("the recording could not be read a second time".to_owned());
            exhibits.push(Exhibit {
                role: *role,
                hash: one.seen.hash,
                chain: one.chain,
                incident: one.label.as_ref().and_then(|label| label.incident.clone()),
                alert: one.alert.clone(),
                view: views.remove(place).unwrap_or_else(unseen),
            });
        }
        exhibits
    }
}

/// Looks at the wanted transactions of a recording again.
pub(crate) fn look(
    path: &Path,
    wanted: Option<&BTreeMap<Place, usize>>,
    carries_state: bool,
) -> Vec<(usize, Result<View, String>)> {
    let mut views = Vec::new();
    let Some(wanted) = wanted else { return views };
    let Some(last) = wanted.keys().next_back().map(|place| place.line) else { return views };
    let Ok(recording) = Recording::open(path) else { return views };
    let mut footage = Footage::new();
    for line in recording.lines() {
        let Ok((number, line)) = line else { break };
        if number.line > last {
            break;
        }
        let Some(scene) = footage.stage(line) else { continue };
        let here: Vec<(&Place, &usize)> =
            wanted.iter().filter(|(place, _)| place.line == number.line).collect();
        let loaded = footage.load(&scene);
        if here.is_empty() && !carries_state {
            continue;
        }
        match loaded.and_then(|()| footage.inspect(&scene)) {
            Err(cause) => {
                views.extend(here.iter().map(|(_, told)| (**told, Err(cause.to_string()))));
            }
            Ok(evidence) => {
                for (place, told) in here {
                    let one = evidence.iter().find(|one| one.index == place.index);
                    let missing = || "no Evidence was made of it".to_owned();
                    views.push((*told, one.map(View::of).ok_or_else(missing)));
                }
            }
        }
    }
    views
}

impl View {
    fn of(evidence: &Evidence) -> Self {
        let mut depths: Vec<usize> = Vec::with_capacity(evidence.frames.len());
        let mut frames = Vec::new();
        for frame in evidence.frames.iter().take(FRAMES_MAX) {
            let parent = frame.parent.and_then(|parent| depths.get(parent as usize));
            let depth = parent.map_or(0, |depth| depth + 1);
            depths.push(depth);
            frames.push(FrameLine {
                depth,
                kind: frame.kind,
                to: frame.to,
                selector: frame.selector(),
                value: (!frame.value.is_zero()).then(|| frame.value.to_string()),
                failed: frame.failed || !frame.effective,
            });
        }
        let writes =
            |after: &WriteAfter| matches!(after, WriteAfter::Slots(slots) if !slots.is_empty());
        let flows = evidence.flows.iter().take(FLOWS_MAX);
        Self {
            from: evidence.from,
            to: evidence.to,
            success: evidence.success,
            known: (evidence.known.logs, evidence.known.state),
            frames,
            frames_total: evidence.frames.len(),
            flows: flows.map(|flow| (flow.holder, flow.asset, flow.delta.to_string())).collect(),
            flows_total: evidence.flows.len(),
            transfers: evidence.transfers.len(),
            reentries: (
                evidence.reentries.len(),
                evidence.reentries.iter().any(|one| writes(&one.write_after)),
            ),
            created: evidence.created.len(),
        }
    }

    /// What there was to see, in one sentence.
    pub fn summary(&self) -> String {
        let known = match self.known {
            (true, true) => "logs and state changes are known",
            (true, false) => "logs are known, state changes are not",
            (false, true) => "state changes are known, logs are not",
            (false, false) => "neither logs nor state changes are known",
        };
        let gained = self
            .flows
            .iter()
            .filter(|(who, _, delta)| *who == self.from && !delta.starts_with('-'));
        let sender = match gained.count() {
            0 => "the sender gained nothing that could be seen".to_owned(),
            count => format!("the sender gained {count} {}", plural(count, "asset", "assets")),
        };
        let (reentries, created) = (self.reentries.0, self.created);
        format!(
            "{}{} {}, {} {}, {reentries} {}, {created} {} created; {known}; {sender}",
            if self.success { "" } else { "it failed; " },
            self.frames_total,
            plural(self.frames_total, "frame", "frames"),
            self.transfers,
            plural(self.transfers, "movement", "movements"),
            plural(reentries, "re-entry", "re-entries"),
            plural(created, "contract", "contracts"),
        )
    }
}

fn plural(count: usize, one: &'static str, more: &'static str) -> &'static str {
    if count == 1 { one } else { more }
}

/// Says of each miss what there was to see.
pub(crate) fn explain(report: &mut Report, exhibits: &[Exhibit]) {
    let by_hash: BTreeMap<B256, &Exhibit> = exhibits.iter().map(|one| (one.hash, one)).collect();
    for miss in &mut report.misses {
        let exhibit = miss.transactions.first().and_then(|hash| by_hash.get(hash));
        match exhibit.map(|exhibit| &exhibit.view) {
            Some(Ok(view)) => {
                miss.why = format!("{}; what there was to see: {}", miss.why, view.summary());
            }
            Some(Err(why)) => miss.why = format!("could not be looked into: {why}"),
            None => {}
        }
    }
}
