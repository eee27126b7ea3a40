//! The report as data: what `--json` prints, field by field (`docs/json.md`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use portcullis_types::{ids::ChainId, money::Usd};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    files::Skipped,
    loss::{LossCurve, Saved},
    tables::Baseline,
};

/// Most misses, false alarms, detections and recordings that are listed each; all are counted.
pub const LISTED_MAX: usize = 5_000;
/// Most thresholds of the score curve.
pub const THRESHOLDS_MAX: usize = 60;

/// Dollars as a JSON number, exact: the digits are written as they are, not by way of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dollars(pub Usd);

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.plain()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A back-test, measured.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `chainWide` or `protocolAware`.
    pub mode: &'static str,
    /// Incidents in the labels that the recordings hold.
    pub incidents: u64,
    /// Those with an alert on a theft or on its preparation.
    pub incidents_detected: u64,
    /// Those of which nothing could be looked into. They count as not detected.
    pub incidents_blind: u64,
    /// Detected of all; null without incidents.
    pub recall: Option<f64>,
    /// The 95 % interval of it.
    pub recall_interval95: Option<[f64; 2]>,
    /// Transactions looked into.
    pub transactions: u64,
    /// Of those: thefts.
    pub exploit_transactions: u64,
    /// Labelled preparation.
    pub setup_transactions: u64,
    /// Honest ones.
    pub benign_transactions: u64,
    /// Without a label.
    pub unlabelled: u64,
    /// What those count as: `benign` or `ignored`.
    pub unlabelled_counted_as: &'static str,
    /// Alerts on those that are ignored.
    pub unlabelled_alerts: u64,
    /// Transactions that could not be looked into. Nothing is known of them.
    pub blind_transactions: u64,
    /// Lines that could not be looked into.
    pub blind_lines: u64,
    /// Honest transactions with an alert.
    pub false_alerts: u64,
    /// Of all honest ones looked into; null without any.
    pub false_alert_rate: Option<f64>,
    /// Upper end of its 95 % interval.
    pub false_alert_rate_upper95: Option<f64>,
    /// Honest transactions on which it would have acted unattended.
    pub false_automatic: u64,
    /// From the first alert to the first theft, seconds.
    pub lead_seconds: Percentiles,
    /// From the first alert to the last theft.
    pub lead_to_last_seconds: Percentiles,
    /// Incidents of which the times are known.
    pub lead_known: u64,
    /// Incidents of a single transaction: a brake after it saves nothing, so they have no loss curve.
    pub atomic_incidents: u64,
    /// Mean over the loss curves.
    pub loss_saved_percent: Saved,
    /// Losses over time.
    pub loss_curves: Vec<LossCurve>,
    /// Others' alerts, to compare with.
    pub baselines: Vec<Baseline>,
    /// Recall by kind of attack.
    pub by_class: Vec<RecallOf>,
    /// Recall by chain.
    pub by_chain: Vec<RecallOf>,
    /// Recall by year.
    pub by_year: Vec<RecallOf>,
    /// What each detector contributes.
    pub by_detector: Vec<DetectorShare>,
    /// False alarms by the detector that spoke loudest and the class it named.
    pub false_alerts_by_cause: Vec<Cause>,
    /// Recall against false alarms for every threshold on the e-value.
    pub score_curve: Vec<Threshold>,
    /// One line for each recording.
    pub by_recording: Vec<RecordingLine>,
    /// Incidents that were not detected.
    pub misses: Vec<Miss>,
    /// Honest transactions with an alert.
    pub false_alert_list: Vec<FalseAlert>,
    /// Incidents that were detected.
    pub detections: Vec<Detection>,
    /// Lines that could not be looked into, some of each recording.
    pub blind: Vec<BlindPlace>,
    /// Recordings that could not be read to their end: nothing of them is counted.
    pub unreadable: Vec<Skipped>,
    /// What was left out of folders.
    pub skipped: Vec<Skipped>,
    /// Labels of thefts that are in no recording.
    pub labels_without_transaction: Vec<LabelAlone>,
    /// Wall-clock seconds.
    pub seconds_elapsed: f64,
    /// Transactions looked into a second.
    pub transactions_per_second: f64,
}

/// Nearest-rank percentiles; null without values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: Option<i64>,
    /// Nine of ten are at most this.
    pub p90: Option<i64>,
}

/// Recall of one kind of incident.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecallOf {
    /// Which kind.
    pub name: String,
    /// How many.
    pub incidents: u64,
    /// How many were detected.
    pub detected: u64,
    /// Detected of all.
    pub recall: f64,
}

/// What one detector contributes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetectorShare {
    /// Detector.
    pub detector: String,
    /// Transactions that it spoke about.
    pub transactions: u64,
    /// Incidents that it saw.
    pub incidents: u64,
    /// Incidents that no other saw.
    pub only_by_it: u64,
    /// Honest transactions that it spoke about, in an alert.
    pub false_alerts: u64,
    /// Those about which no other spoke.
    pub false_only_by_it: u64,
    /// Transactions that it spoke about on probation, which are counted nowhere else.
    pub on_probation: u64,
}

/// Why honest transactions were alerted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The loudest detector and the class.
    pub cause: String,
    /// False alarms.
    pub alerts: u64,
    /// On how many of those it would have acted.
    pub automatic: u64,
}

/// What would be seen if only alerts of at least this e-value counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    /// Smallest e-value that counts.
    pub e_value: f64,
    /// Incidents detected.
    pub incidents_detected: u64,
    /// Of all.
    pub recall: Option<f64>,
    /// Honest transactions with an alert.
    pub false_alerts: u64,
    /// Of all.
    pub false_alert_rate: Option<f64>,
    /// Upper end of its 95 % interval.
    pub false_alert_rate_upper95: Option<f64>,
}

/// One recording.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingLine {
    /// File.
    pub recording: String,
    /// Chain.
    pub chain: Option<ChainId>,
    /// Whether it has labels.
    pub labelled: bool,
    /// Transactions looked into.
    pub transactions: u64,
    /// Transactions not looked into.
    pub blind_transactions: u64,
    /// Thefts.
    pub exploit_transactions: u64,
    /// Thefts with an alert.
    pub exploit_alerts: u64,
    /// Honest transactions.
    pub benign_transactions: u64,
    /// Honest transactions with an alert.
    pub false_alerts: u64,
}

/// An incident that was not detected.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Miss {
    /// Name.
    pub incident: String,
    /// Day.
    pub date: Option<String>,
    /// Chain.
    pub chain: ChainId,
    /// Kind of attack, where labelled.
    pub class: String,
    /// Its thefts.
    pub transactions: Vec<B256>,
    /// Victims as labelled.
    pub victims: Vec<Address>,
    /// Loss as labelled.
    pub loss_usd: Option<Dollars>,
    /// File and line of the first theft.
    pub recording: String,
    /// Line.
    pub line: u64,
    /// Whether nothing of it could be looked into.
    pub blind: bool,
    /// Why it was missed, as far as can be said.
    pub why: String,
    /// Where the page shows the transaction.
    pub evidence: String,
}

/// An honest transaction with an alert.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FalseAlert {
    /// Transaction.
    pub hash: B256,
    /// Chain.
    pub chain: ChainId,
    /// File.
    pub recording: String,
    /// Line.
    pub line: u64,
    /// Height, where known.
    pub block: Option<u64>,
    /// Whether people labelled it honest, or nobody labelled it.
    pub labelled: bool,
    /// `alert` or `act`.
    pub level: &'static str,
    /// What it looked like.
    pub class: String,
    /// The loudest detector and the class.
    pub cause: String,
    /// All detectors, loudest first.
    pub detectors: Vec<String>,
    /// Greatest e-value.
    pub e_value: f64,
    /// In one sentence.
    pub sentence: String,
    /// Where the page shows the transaction.
    pub evidence: String,
}

/// An incident that was detected.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// Name.
    pub incident: String,
    /// Day.
    pub date: Option<String>,
    /// Chain.
    pub chain: ChainId,
    /// Kind of attack: as labelled, else as the alert has it.
    pub class: String,
    /// The transaction first alerted.
    pub hash: B256,
    /// File.
    pub recording: String,
    /// Line.
    pub line: u64,
    /// The greatest level among its alerts: `alert` or `act`.
    pub level: &'static str,
    /// Detectors of all its alerts.
    pub detectors: Vec<String>,
    /// Greatest e-value.
    pub e_value: f64,
    /// Whether the first alert was on its preparation.
    pub on_preparation: bool,
    /// Seconds from the first alert to the first theft.
    pub lead_seconds: Option<i64>,
    /// Whether the alert names an attacker whom the labels name; null where they name none.
    pub attacker_named: Option<bool>,
    /// Whether it names a victim whom the labels name, as a loser or as a contract that was used; null where they name none.
    pub victim_named: Option<bool>,
    /// Loss as labelled.
    pub loss_usd: Option<Dollars>,
    /// Loss as the alerts have it, over all its thefts.
    pub loss_seen_usd: Option<Dollars>,
    /// Whether the two are within a tenth of each other; null where one is unknown.
    pub loss_agrees: Option<bool>,
    /// In one sentence.
    pub sentence: String,
    /// Where the page shows the transaction.
    pub evidence: String,
}

/// A line that could not be looked into.
#[derive(Debug, Clone, Serialize)]
pub struct BlindPlace {
    /// File.
    pub recording: String,
    /// Line.
    pub line: u64,
    /// Why.
    pub cause: String,
}

/// A label of a theft that no recording holds.
#[derive(Debug, Clone, Serialize)]
pub struct LabelAlone {
    /// Transaction.
    pub hash: B256,
    /// Incident.
    pub incident: Option<String>,
}

/// Where the page shows a transaction.
pub fn evidence_link(hash: B256) -> String {
    format!("report.html#{}", anchor(hash))
}

/// The page's name for a transaction.
pub fn anchor(hash: B256) -> String {
    format!("tx-{hash}")
}

/// Counts by name, sorted by name.
pub(crate) type Tally<T> = BTreeMap<String, T>;
