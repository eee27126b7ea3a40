//! What guardians are asked for.

use alloy_primitives::Address;
use portcullis_case::Roster;
use portcullis_decide::approval::typed_data;
use portcullis_engine::Engine;
use portcullis_types::{approval::ApprovalKind, ids::CaseId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What guardians are asked to sign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalView {
    pub(crate) lever: String,
    /// `pull`, `ratify` or `resume`.
    pub(crate) kind: String,
    /// Number of the request; it is signed, and goes into the answer.
    pub(crate) decision: u64,
    /// How many must sign.
    pub(crate) quorum: u32,
    /// How many more must.
    pub(crate) missing: u32,
    pub(crate) deadline: u64,
    pub(crate) signed: Vec<GuardianView>,
    pub(crate) guardians: Vec<GuardianView>,
    /// For `eth_signTypedData_v4`.
    #[schema(value_type = Object)]
    pub(crate) typed_data: Value,
    /// What signing it does, in one sentence.
    pub(crate) words: String,
}

/// A guardian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GuardianView {
    pub(crate) guardian: String,
    /// Name in the roster; null where nobody there has the key.
    pub(crate) name: Option<String>,
}

/// What guardians are asked for in a case.
pub(crate) fn approvals(engine: &Engine, id: CaseId, roster: &Roster) -> Vec<ApprovalView> {
    let view = |address: &Address| {
        let person = roster.people.iter().find(|person| person.signer == Some(*address));
        GuardianView {
            guardian: address.to_string(),
            name: person.map(|person| person.name.clone()),
        }
    };
    let mut views = Vec::new();
    for asked in engine.approvals_asked().filter(|one| one.request.case == id) {
        let request = &asked.request;
        let configs = engine.config().into_iter().flat_map(|config| &config.protocols);
        let policy = configs.filter(|one| one.protocol.name == request.protocol).map(|c| &c.policy);
        let guardians = policy.flat_map(|policy| &policy.guardians).flat_map(|all| &all.addresses);
        let about = match request.kind {
            ApprovalKind::Pull => "is pulled at once if it is still worth it",
            ApprovalKind::Ratify => "stays pulled to the end of its time, instead of being let go",
            ApprovalKind::Release => "is let go now",
            ApprovalKind::Resume => "and harsher levers may be pulled unattended again",
        };
        let n_signed = u32::try_from(asked.signed.len()).unwrap_or(u32::MAX);
        views.push(ApprovalView {
            lever: request.lever.clone(),
            kind: request.kind.name().to_owned(),
            decision: request.decision.0,
            quorum: request.signatures,
            missing: request.signatures.saturating_sub(n_signed),
            deadline: request.deadline.0,
            signed: asked.signed.iter().map(view).collect(),
            guardians: guardians.map(view).collect(),
            typed_data: serde_json::to_value(typed_data(request)).unwrap_or_default(),
            words: format!(
                "Once {} of the guardians have signed, {} of {} {about}.",
                request.signatures, request.lever, request.protocol
            ),
        });
    }
    views
}
