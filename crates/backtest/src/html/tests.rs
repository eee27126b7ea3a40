use alloy_primitives::{Address, B256};
use portcullis_types::evidence::CallKind;

use super::*;
use crate::{
    exhibit::{FrameLine, Role, View},
    judge::{Alert, Voice},
    report::{FalseAlert, anchor, evidence_link},
};

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=//x onerror=y>&\u{1b}[2J";

fn alert() -> Alert {
    Alert {
        suspects: vec![0],
        level: Some(portcullis_scan::Level::Alert),
        class: HOSTILE.to_owned(),
        voices: vec![Voice {
            detector: HOSTILE.to_owned(),
            e_value: 1e9,
            sentence: HOSTILE.to_owned(),
            frames: vec![0],
        }],
        e_value: 1e9,
        attackers: Vec::new(),
        victims: Vec::new(),
        targets: Vec::new(),
        losses: Vec::new(),
        sentence: HOSTILE.to_owned(),
    }
}

fn hostile() -> (Report, Vec<Exhibit>) {
    let hash = B256::repeat_byte(7);
    let view = View {
        from: Address::ZERO,
        to: None,
        success: true,
        known: (true, false),
        frames: vec![FrameLine {
            depth: 3,
            kind: CallKind::Call,
            to: Address::ZERO,
            selector: Some([0xa9, 0x05, 0x9c, 0xbb]),
            value: None,
            failed: true,
        }],
        frames_total: 900,
        flows: Vec::new(),
        flows_total: 0,
        transfers: 0,
        reentries: (0, false),
        created: 0,
    };
    let exhibit = Exhibit {
        role: Role::FalseAlert,
        hash,
        chain: 1,
        incident: Some(HOSTILE.to_owned()),
        alert: Some(alert()),
        view: Ok(view),
    };
    let mut report = Report { mode: "chainWide", false_alerts: 1, ..Report::default() };
    report.false_alert_list.push(FalseAlert {
        hash,
        chain: 1,
        recording: HOSTILE.to_owned(),
        line: 2,
        block: None,
        labelled: false,
        level: "alert",
        class: HOSTILE.to_owned(),
        cause: HOSTILE.to_owned(),
        detectors: vec![HOSTILE.to_owned()],
        e_value: 1e9,
        sentence: HOSTILE.to_owned(),
        evidence: evidence_link(hash),
    });
    (report, vec![exhibit])
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let (report, exhibits) = hostile();
    let page = page(&report, &exhibits);
    assert!(!page.contains("<img") && !page.contains("alert(1)</script"), "markup got through");
    assert!(!page.contains('\u{1b}'), "a control character got through");
    assert_eq!(page.matches("<script>").count(), 1, "only our own script");
}

#[test]
fn links_lead_somewhere_and_nothing_is_fetched() {
    let (report, exhibits) = hostile();
    let page = page(&report, &exhibits);
    let hash = report.false_alert_list[0].hash;
    assert_eq!(page.matches(&format!("id=\"{}\"", anchor(hash))).count(), 1);
    assert!(
        page.contains("transfer(address,uint256)") && page.contains("the first 200 of 900 frames")
    );
    for fetched in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.replace(&escape(HOSTILE), "").contains(fetched), "{fetched}");
    }
    // Without its evidence, the row is what the link leads to.
    let bare = super::page(&report, &[]);
    assert_eq!(bare.matches(&format!("id=\"{}\"", anchor(hash))).count(), 1);
}

#[test]
fn figures_read_well() {
    let cases = [(0.0, "0 %"), (0.000_539, "0.054 %"), (0.005, "0.50 %"), (0.5, "50.0 %")];
    for (share, text) in cases {
        assert_eq!(percent_of(share), text);
    }
    assert_eq!((count(999), count(1_234_567)), ("999".to_owned(), "1,234,567".to_owned()));
    let times = [(Some(-19), "−19 s"), (Some(135), "2 min"), (Some(9_000), "2.5 h"), (None, "–")];
    for (time, text) in times {
        assert_eq!(seconds(time), text);
    }
}
