use portcullis_backtest::report::{Cause, LabelAlone, Percentiles};

use super::*;

#[test]
fn a_report_is_told_in_a_few_lines() {
    let report = Report {
        incidents: 113,
        incidents_detected: 90,
        recall: Some(90.0 / 113.0),
        transactions: 6_954,
        benign_transactions: 6_841,
        false_alerts: 3,
        false_alert_rate: Some(3.0 / 6_841.0),
        false_alert_rate_upper95: Some(0.001_281),
        false_automatic: 1,
        lead_seconds: Percentiles { p50: Some(12), p90: Some(135) },
        lead_known: 4,
        blind_transactions: 7,
        unlabelled: 6_841,
        unlabelled_counted_as: "benign",
        by_class: vec![RecallOf {
            name: "reentrancy".into(),
            incidents: 20,
            detected: 19,
            recall: 0.95,
        }],
        false_alerts_by_cause: vec![Cause {
            cause: "profit (other)".into(),
            alerts: 3,
            automatic: 1,
        }],
        labels_without_transaction: vec![LabelAlone {
            hash: alloy_primitives::B256::ZERO,
            incident: None,
        }],
        seconds_elapsed: 2.0,
        transactions_per_second: 3_477.0,
        ..Report::default()
    };
    let expected = "\
recall             90 of 113 incidents (79.6 %)
                   reentrancy             19 of 20
false alarms       3 of 6841 honest transactions (0.044 %, at most 0.128 % at 95 %)
                   profit (other)                          3
would have acted   on 1 of those
lead               p50 12 s, p90 135 s, of 4 incidents
not looked into    7 transactions, of which nothing is known
without a label    6841, counted as benign
labels alone       1 labelled thefts are in no recording
played             6954 transactions in 2.0 s, 3477 a second
";
    assert_eq!(text(&report, Paint::stdout()), expected);
}
