//! A finding.

use portcullis_case::FindingRecord;
use portcullis_engine::Engine;
use portcullis_types::finding::{FindingStatus, Maturity, Outlook};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::usd;

/// A finding.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingView {
    pub(crate) key: String,
    pub(crate) detector: String,
    pub(crate) maturity: String,
    pub(crate) status: String,
    pub(crate) chain: u64,
    pub(crate) block: u64,
    /// Its transaction; null where a state was found wrong without one.
    pub(crate) tx: Option<String>,
    /// When it was journaled; null where the timeline was full by then.
    pub(crate) at: Option<u64>,
    pub(crate) actor: Option<String>,
    pub(crate) contract: String,
    pub(crate) contract_name: String,
    pub(crate) symbol: Option<String>,
    /// Smallest units.
    pub(crate) amount: Option<String>,
    pub(crate) decimals: Option<u8>,
    pub(crate) loss_usd: String,
    /// `continues` or `allAtRisk`.
    pub(crate) outlook: String,
    pub(crate) e_value: f64,
    pub(crate) proof: bool,
    pub(crate) sentence: String,
    /// Facts that a person can check.
    pub(crate) evidence: Vec<String>,
}

pub(crate) fn finding_view(
    engine: &Engine,
    record: &FindingRecord,
    at: Option<u64>,
) -> FindingView {
    let finding = &record.finding;
    let configs = engine.config().into_iter().flat_map(|config| &config.protocols);
    let protocol = configs.map(|config| &config.protocol).find(|one| one.name == finding.protocol);
    let spec = protocol.zip(finding.asset).and_then(|(protocol, asset)| protocol.asset(asset));
    FindingView {
        key: finding.key.to_string(),
        detector: finding.detector.clone(),
        maturity: match finding.maturity {
            Maturity::Sandbox => "sandbox",
            Maturity::Incubating => "incubating",
            Maturity::Stable => "stable",
        }
        .to_owned(),
        status: status_name(record.status).to_owned(),
        chain: finding.chain,
        block: record.block.number,
        tx: finding.transaction.map(|hash| hash.to_string()),
        at,
        actor: finding.actor.map(|actor| actor.to_string()),
        contract: finding.contract.to_string(),
        contract_name: protocol
            .map_or_else(|| finding.contract.to_string(), |one| one.name_of(finding.contract)),
        symbol: spec.map(|spec| spec.symbol.clone()),
        amount: finding.amount.map(|amount| amount.to_string()),
        decimals: spec.map(|spec| spec.decimals),
        loss_usd: usd(finding.loss),
        outlook: match finding.outlook {
            Outlook::Continues => "continues",
            Outlook::AllAtRisk => "allAtRisk",
        }
        .to_owned(),
        e_value: finding.confidence.e_value,
        proof: finding.confidence.proof,
        sentence: finding.sentence.clone(),
        evidence: finding.evidence.clone(),
    }
}

/// As a status is written.
pub(crate) fn status_name(status: FindingStatus) -> &'static str {
    match status {
        FindingStatus::Pending => "pending",
        FindingStatus::Seen => "seen",
        FindingStatus::Confirmed => "confirmed",
        FindingStatus::Finalised => "finalised",
        FindingStatus::Retracted => "retracted",
    }
}
