//! A case as a STIX 2.1 bundle: who we are, the incident with the Incident Core extension, the attackers' wallets, an
//! indicator for each, and how they hang together.
//!
//! STIX has no object for wallets of its own; `cryptocurrency-wallet` is the extension that most use. The chain stands in
//! an external reference (CAIP-10). **Promise.** Only whom the case accuses ([`Case::attackers`]) gets an indicator, and only
//! while people have graded the case and not called it a false alarm. The sender of a transaction to which a finding was laid
//! that accuses nobody does not stand in the bundle at all. A contract that an attacker's transaction called is a wallet
//! without an indicator: others may use it too.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    ids::{ChainId, Millis},
    text::printable,
};
use serde_json::{Value as Json, json};

use super::{called, uuid};
use crate::{Case, Stage, calendar::rfc3339};

/// Most attackers of which objects are made, and most contracts that they called; the rest stays in the record.
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
    for (chain, sender) in attackers(case) {
        let value = format!("{sender:#x}");
        let caip = format!("eip155:{chain}:{value}");
        let indicator = id("indicator", &caip);
        add(&mut objects, wallet(&value));
        let body = json!({
            "created_by_ref": identity, "name": format!("attacker in {name}"),
            "description": format!("The account sent a transaction of the attack, as a finding in {name} says that stands. That is no proof in court."),
            "indicator_types": ["malicious-activity"], "pattern_type": "stix", "pattern_version": "2.1",
            "pattern": format!("[cryptocurrency-wallet:value = '{value}']"), "valid_from": created,
            "external_references": [{"source_name": "caip-10", "external_id": caip}],
        });
        objects.push(with(common("indicator", &indicator), body));
        let relation = id("relationship", &caip);
        let body = json!({"relationship_type": "related-to", "source_ref": incident, "target_ref": indicator});
        objects.push(with(common("relationship", &relation), body));
    }
    for (chain, contract) in contracts(case) {
        let wallet = wallet(&format!("{contract:#x}"));
        let caip = format!("eip155:{chain}:{contract:#x}");
        let relation = id("relationship", &format!("called {caip}"));
        let body = json!({
            "relationship_type": "related-to", "source_ref": incident, "target_ref": wallet.get("id"),
            "description": "A transaction of the attack called this contract. It was observed and is accused of nothing: others may use it too.",
            "external_references": [{"source_name": "caip-10", "external_id": caip}],
        });
        add(&mut objects, wallet);
        objects.push(with(common("relationship", &relation), body));
    }
    json!({"type": "bundle", "id": id("bundle", &modified), "objects": objects})
}

/// An account. Its id follows from its address alone, as the standard wants it of observables.
fn wallet(value: &str) -> Json {
    json!({
        "type": "cryptocurrency-wallet", "spec_version": "2.1",
        "id": format!("cryptocurrency-wallet--{}", uuid::v5(uuid::STIX, value)), "value": value,
        "extensions": {WALLET: {"extension_type": "new-sco"}},
    })
}

fn add(objects: &mut Vec<Json>, object: Json) {
    if !objects.contains(&object) {
        objects.push(object);
    }
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

/// Whether people have graded the case. Before that nobody is told on.
fn is_judged(case: &Case) -> bool {
    case.life.severity().is_some()
}

fn attackers(case: &Case) -> impl Iterator<Item = (ChainId, Address)> {
    let all = if is_judged(case) { case.attackers() } else { BTreeSet::new() };
    all.into_iter().take(SENDERS_MAX)
}

fn contracts(case: &Case) -> impl Iterator<Item = (ChainId, Address)> {
    let all: BTreeSet<_> = called(case).into_values().filter(|_| is_judged(case)).collect();
    all.into_iter().take(SENDERS_MAX)
}
