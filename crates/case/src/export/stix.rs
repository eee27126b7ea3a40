//! A case as a STIX 2.1 bundle: who we are, the incident with the Incident Core extension, the senders' wallets, an
//! indicator for each, and how they hang together.
//!
//! STIX has no object for wallets of its own; `cryptocurrency-wallet` is the extension that most use. The chain stands in
//! an external reference (CAIP-10). Senders of findings are not proven to be attackers: indicators are only made while the
//! case is graded and not a false alarm.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    ids::{ChainId, Millis},
    text::printable,
};
use serde_json::{Value as Json, json};

use super::uuid;
use crate::{Case, Stage, calendar::rfc3339};

/// Most senders of which objects are made; the rest stays in the record.
pub const SENDERS_MAX: usize = 1_000;

const INCIDENT_CORE: &str = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
const WALLET: &str = "extension-definition--be78509e-6958-51b1-8b26-d17ee0eba2d7";

/// A case as a bundle. `producer` is the organisation's name, `now` the time of the export.
pub fn bundle(case: &Case, producer: &str, now: Millis) -> Json {
    let (created, modified) = (rfc3339(case.opened_at), rfc3339(now.max(case.opened_at)));
    let common = |kind: &str, id: &str| json!({"type": kind, "spec_version": "2.1", "id": id, "created": created, "modified": modified});
    let identity = format!("identity--{}", uuid::v4(&["identity", producer]));
    let name = case.id.to_string();
    let id =
        |kind: &str, what: &str| format!("{kind}--{}", uuid::v4(&[kind, producer, &name, what]));
    let incident = id("incident", "");
    let mut objects = vec![
        with(
            common("identity", &identity),
            json!({"name": producer, "identity_class": "organization"}),
        ),
        with(common("incident", &incident), incident_body(case, &identity)),
    ];
    for (chain, sender) in senders(case) {
        let value = format!("{sender:#x}");
        let caip = format!("eip155:{chain}:{value}");
        let wallet = format!("cryptocurrency-wallet--{}", uuid::v5(uuid::STIX, &value));
        let indicator = id("indicator", &caip);
        let wallet_body = json!({
            "type": "cryptocurrency-wallet", "spec_version": "2.1", "id": wallet, "value": value,
            "extensions": {WALLET: {"extension_type": "new-sco"}},
        });
        if !objects.contains(&wallet_body) {
            objects.push(wallet_body);
        }
        let body = json!({
            "created_by_ref": identity, "name": format!("sender in {name}"),
            "description": format!("The account sent a transaction of which a finding in {name} stands. It is not proven to be the attacker's."),
            "indicator_types": ["malicious-activity"], "pattern_type": "stix", "pattern_version": "2.1",
            "pattern": format!("[cryptocurrency-wallet:value = '{value}']"), "valid_from": created,
            "external_references": [{"source_name": "caip-10", "external_id": caip}],
        });
        objects.push(with(common("indicator", &indicator), body));
        let relation = id("relationship", &caip);
        let body = json!({"relationship_type": "related-to", "source_ref": incident, "target_ref": indicator});
        objects.push(with(common("relationship", &relation), body));
    }
    json!({"type": "bundle", "id": id("bundle", &modified), "objects": objects})
}

fn with(mut object: Json, more: Json) -> Json {
    if let (Some(object), Json::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

fn incident_body(case: &Case, identity: &str) -> Json {
    let stage = case.life.stage();
    let determination = match stage {
        Stage::FalsePositive => "false-positive",
        _ if case.loss().0 > 0 => "successful-attempt",
        _ => "suspected",
    };
    let status = match stage {
        Stage::Detected => "new",
        stage if stage.is_open() => "open",
        _ => "closed",
    };
    let mut core = json!({
        "extension_type": "property-extension", "determination": determination,
        "investigation_status": status, "detection_methods": ["automated-tool"],
    });
    if let (Some(severity), Some(map)) = (case.life.severity(), core.as_object_mut()) {
        map.insert("criticality".to_owned(), severity.cacao().into());
    }
    json!({
        "created_by_ref": identity, "name": format!("{} of {}", case.id, printable(&case.protocol)),
        "extensions": {INCIDENT_CORE: core},
    })
}

/// Senders of findings that stand, where people have graded the case and not called it a false alarm.
fn senders(case: &Case) -> BTreeSet<(ChainId, Address)> {
    let is_judged = case.life.severity().is_some() && case.life.stage() != Stage::FalsePositive;
    let all = case.live_findings().filter(|_| is_judged);
    all.filter_map(|finding| Some((finding.chain, finding.actor?))).take(SENDERS_MAX).collect()
}
