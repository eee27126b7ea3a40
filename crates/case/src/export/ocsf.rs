//! A case as OCSF Incident Finding (class 2005) and its findings as Detection Findings (class 2004), schema 1.8.0:
//! the newest that a test holds them against.
//!
//! OCSF has no object for chains: contracts stand in `resources` by CAIP-10 name, transactions in `evidences`. There `role`
//! is `attack` where the finding accuses the transaction, and `observed` where it was only laid to it; `sender` stands there
//! only where the case accuses that account ([`Case::attackers`]).

use portcullis_types::{finding::Finding, ids::Millis, text::printable};
use serde_json::{Value as Json, json};

use super::called;
use crate::{Case, Severity, Stage};

fn metadata(uid: &str) -> Json {
    json!({"version": "1.8.0", "uid": uid, "product": {"name": "portcullis", "vendor_name": "portcullis"}})
}

fn finding_info(finding: &Finding) -> Json {
    json!({
        "uid": finding.key.to_string(),
        "title": finding.detector,
        "desc": printable(&finding.sentence),
        "analytic": {"uid": finding.detector, "type_id": 1},
    })
}

/// 0 Unknown where nobody declared a grade.
fn severity_id(case: &Case) -> u8 {
    let lost = case.loss().0 > 0;
    case.life.severity().map_or(0, |severity| severity.ocsf(lost))
}

/// Findings that stand, one event each. `time` is when the case was opened: findings carry blocks, not times.
pub fn findings(case: &Case) -> Vec<Json> {
    let (attackers, called) = (case.attackers(), called(case));
    let event = |finding: &Finding| {
        let contract = format!("eip155:{}:{:#x}", finding.chain, finding.contract);
        let sender = finding.actor.filter(|actor| attackers.contains(&(finding.chain, *actor)));
        let is_attack = case.accuses(finding) || sender.is_some();
        let mut evidence = json!({
            "transaction": finding.transaction, "chain_id": finding.chain, "block": finding.block.number,
            "block_hash": finding.block.hash, "role": if is_attack { "attack" } else { "observed" }, "loss_usd": finding.loss,
            "facts": finding.evidence.iter().map(|fact| printable(fact)).collect::<Vec<_>>(),
        });
        let contract_called = finding.transaction.and_then(|hash| called.get(&hash));
        if let Some(evidence) = evidence.as_object_mut() {
            evidence.extend(sender.map(|sender| ("sender".to_owned(), json!(sender))));
            evidence.extend(contract_called.map(|(_, to)| ("called".to_owned(), json!(to))));
        }
        json!({
            "class_uid": 2004, "category_uid": 2, "activity_id": 1, "type_uid": 200_401,
            "time": case.opened_at.0, "severity_id": severity_id(case),
            "status_id": if case.life.stage().is_open() { 2 } else { 4 },
            "is_alert": true, "metadata": metadata(&finding.key.to_string()),
            "finding_info": finding_info(finding),
            "resources": [{"uid": contract, "type": "smart-contract"}],
            "evidences": [{"data": evidence}],
        })
    };
    case.live_findings().map(event).collect()
}

/// The case. `team` is the group it is assigned to: OCSF wants one.
pub fn incident(case: &Case, team: &str, now: Millis) -> Json {
    let stage = case.life.stage();
    let (activity, status) = match stage {
        Stage::Detected => (1, 1),
        Stage::Resolved => (2, 4),
        _ if stage.is_open() => (2, 2),
        _ => (3, 5),
    };
    let verdict = match stage {
        Stage::FalsePositive => Some(1),
        Stage::Duplicate { .. } | Stage::Merged { .. } => Some(10),
        _ => case.life.severity().filter(|grade| grade.is_at_least(Severity::P2)).map(|_| 2),
    };
    let mut incident = json!({
        "class_uid": 2005, "category_uid": 2, "activity_id": activity, "type_uid": 200_500 + activity,
        "time": now.0, "start_time": case.opened_at.0, "severity_id": severity_id(case), "status_id": status,
        "metadata": metadata(&case.id.to_string()),
        "desc": format!("{} of {}", case.id, printable(&case.protocol)),
        "assignee_group": {"name": team},
        "finding_info_list": case.live_findings().map(finding_info).collect::<Vec<_>>(),
        "unmapped": {"stage": stage.name(), "loss_usd": case.loss()},
    });
    if let (Some(verdict), Some(map)) = (verdict, incident.as_object_mut()) {
        map.insert("verdict_id".to_owned(), verdict.into());
    }
    incident
}
