use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    action::{AttackSample, Intent},
    case_event::CaseEvent,
    ids::{FindingKey, Millis, Seq},
};

use super::{ocsf, stix};
use crate::{
    Command, Severity,
    testing::{MINUTE, action, case, finding, say},
};

#[test]
fn a_case_becomes_a_bundle_whose_references_resolve() {
    let mut case = case();
    let now = Millis(200 * MINUTE);
    let early = stix::bundle(&case, "Bank IR", now);
    assert_eq!(early["objects"].as_array().unwrap().len(), 2, "nobody is accused before a grade");
    say(&mut case, 14, 120, Command::Declare { severity: Severity::P1, why: "loss".into() });
    let bundle = stix::bundle(&case, "Bank IR", now);
    assert_eq!(bundle, stix::bundle(&case, "Bank IR", now), "the same twice");
    let objects = bundle["objects"].as_array().unwrap();
    let types: Vec<&str> = objects.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["identity", "incident", "cryptocurrency-wallet", "indicator", "relationship"]
    );
    let ids: Vec<&str> = objects.iter().map(|one| one["id"].as_str().unwrap()).collect();
    for object in objects {
        let (kind, id) = (object["type"].as_str().unwrap(), object["id"].as_str().unwrap());
        assert!(id.starts_with(&format!("{kind}--")) && id.len() == kind.len() + 38, "{id}");
        for reference in ["created_by_ref", "source_ref", "target_ref"] {
            if let Some(target) = object[reference].as_str() {
                assert!(ids.contains(&target), "{reference} of {id}");
            }
        }
    }
    let core = &objects[1]["extensions"][stix_core()];
    assert_eq!(core["determination"], "successful-attempt");
    assert_eq!(
        (&core["investigation_status"], &core["criticality"]),
        (&"open".into(), &100.into())
    );
    say(&mut case, 15, 121, Command::FalsePositive { why: "a migration".into() });
    let wrong = stix::bundle(&case, "Bank IR", now);
    assert_eq!(wrong["objects"].as_array().unwrap().len(), 2, "an honest sender is not published");
}

#[test]
fn whoever_only_touched_what_broke_is_not_called_malicious() {
    let mut case = case();
    let CaseEvent::FindingRaised { case: id, mut finding } = finding(12, 900, "not covered") else {
        panic!("no finding");
    };
    // A broken invariant may name an honest transaction: here a withdrawal.
    let (honest, withdrawal) = (Address::with_last_byte(0x99), B256::with_last_byte(0x88));
    finding.detector = "invariant".into();
    finding.key = FindingKey(B256::with_last_byte(0xee));
    (finding.transaction, finding.actor) = (Some(withdrawal), Some(honest));
    case.apply(Seq(14), Millis(111 * MINUTE), &CaseEvent::FindingRaised { case: id, finding });
    say(&mut case, 15, 120, Command::Declare { severity: Severity::P1, why: "loss".into() });
    let bundle = stix::bundle(&case, "Bank IR", Millis(200 * MINUTE)).to_string();
    let thief = format!("{:#x}", Address::with_last_byte(0x66));
    assert_eq!(bundle.matches("malicious-activity").count(), 1, "{bundle}");
    assert!(bundle.contains(&thief) && !bundle.contains(&format!("{honest:#x}")), "{bundle}");
    let events = ocsf::findings(&case);
    let of_withdrawal = |event: &&serde_json::Value| {
        event["evidences"][0]["data"]["transaction"] == withdrawal.to_string()
    };
    let (laid, of_thief): (Vec<_>, Vec<_>) = events.iter().partition(of_withdrawal);
    assert_eq!((laid.len(), of_thief.len()), (1, 2));
    assert_eq!(laid[0]["evidences"][0]["data"]["role"], "observed");
    for event in of_thief {
        let data = &event["evidences"][0]["data"];
        assert_eq!((&data["role"], &data["sender"]), (&"attack".into(), &thief.as_str().into()));
    }
    let all = serde_json::to_string(&events).unwrap();
    assert!(!all.contains(&format!("{honest:#x}")), "{all}");
}

#[test]
fn what_the_attacker_called_is_observed_and_has_no_indicator() {
    let mut case = case();
    let CaseEvent::ActionIssued { case: id, mut action } = action(14, Intent::Pull) else {
        panic!("no action");
    };
    let (hash, from) = (B256::with_last_byte(0x77), Address::with_last_byte(0x66));
    let to = Address::with_last_byte(0x44);
    action.attack = Some(AttackSample { hash, from, to, value: U256::ZERO, input: Bytes::new() });
    case.apply(Seq(14), Millis(111 * MINUTE), &CaseEvent::ActionIssued { case: id, action });
    say(&mut case, 15, 120, Command::Declare { severity: Severity::P1, why: "loss".into() });
    let bundle = stix::bundle(&case, "Bank IR", Millis(200 * MINUTE));
    let objects = bundle["objects"].as_array().unwrap();
    let of = |kind: &'static str| objects.iter().filter(move |one| one["type"] == kind);
    let called = of("cryptocurrency-wallet").find(|one| one["value"] == format!("{to:#x}"));
    let called = called.expect("a wallet");
    assert_eq!((of("cryptocurrency-wallet").count(), of("indicator").count()), (2, 1));
    assert!(of("relationship").any(|one| one["target_ref"] == called["id"]), "{bundle:#}");
    assert!(of("indicator").all(|one| !one.to_string().contains(&format!("{to:#x}"))));
    let events = ocsf::findings(&case);
    let data = |index: usize| &events[index]["evidences"][0]["data"];
    assert_eq!(
        (&data(0)["called"], &data(1)["called"]),
        (&format!("{to:#x}").into(), &format!("{to:#x}").into())
    );
}

fn stix_core() -> &'static str {
    "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
}

#[test]
fn a_case_becomes_findings_of_ocsf() {
    let mut case = case();
    let findings = ocsf::findings(&case);
    assert_eq!(findings.len(), 2);
    assert_eq!(
        (&findings[0]["type_uid"], &findings[0]["severity_id"]),
        (&200_401.into(), &0.into())
    );
    say(&mut case, 14, 120, Command::Declare { severity: Severity::P1, why: "loss".into() });
    let incident = ocsf::incident(&case, "response", Millis(200 * MINUTE));
    for (field, value) in [
        ("class_uid", 2005),
        ("type_uid", 200_502),
        ("severity_id", 6),
        ("status_id", 2),
        ("verdict_id", 2),
    ] {
        assert_eq!(incident[field], value, "{field}");
    }
    assert_eq!(incident["finding_info_list"].as_array().unwrap().len(), 2);
    assert_eq!(incident["assignee_group"]["name"], "response");
    say(&mut case, 15, 121, Command::FalsePositive { why: "a migration".into() });
    let incident = ocsf::incident(&case, "response", Millis(200 * MINUTE));
    assert_eq!((&incident["verdict_id"], &incident["status_id"]), (&1.into(), &5.into()));
}
