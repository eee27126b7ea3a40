use portcullis_detect::novelty::FalseAlarms;

use super::*;
use crate::{
    Edit, caps, edited,
    testing::{FREE, observation, outflow, protocol},
    thresholds::Reason,
    unified, whitelist,
};

const CONFIG: &str = "\
chains:
  - name: mainnet

protocols:
  - name: other
    detectors:
      - detector: reentrancy
  - name: \"pool\"   # ours
    detectors:   # what looks at it
      # a comment
      - detector: control-plane
        contracts: [pool]

      - detector: reentrancy
    # of the ladder
    ladder: []
journal: x
";

#[test]
fn detectors_are_added_at_the_end_of_the_protocols_own_list() {
    let config = CONFIG.replace("   # ours", "").replace("   # what looks at it", "");
    let found = place(&config, "pool").expect("a place");
    assert_eq!(found, Place { after: 14, indent: 6 });
    assert_eq!(place(&config, "other"), Ok(Place { after: 7, indent: 6 }));
    for (text, problem) in [
        ("a: 1\n", "protocols:"),
        (config.as_str(), "name: nobody"),
        ("protocols:\n  - name: nobody\n", "detectors:"),
        ("protocols:\n  - name: nobody\n    detectors:\n    ladder: []\n", "not a list"),
    ] {
        let error = place(text, "nobody").expect_err(problem);
        assert!(error.contains(problem), "{error}");
    }
    let flat = "protocols:\n- name: pool\n  detectors:\n  - detector: reentrancy\n  ladder: []\n";
    assert_eq!(place(flat, "pool"), Ok(Place { after: 4, indent: 2 }), "lists may stand flush");
}

#[test]
fn a_diff_has_the_form_that_patch_reads() {
    let added = || vec!["X".to_owned(), "Y".to_owned()];
    let text = "1\n2\n3\n4\n5\n6\n7\n8\n";
    let diff = unified("a", "b", text, &[Edit::insert(4, added())]);
    assert_eq!(diff, "--- a\n+++ b\n@@ -2,6 +2,8 @@\n 2\n 3\n 4\n+X\n+Y\n 5\n 6\n 7\n");
    assert_eq!(
        unified("/dev/null", "b", "", &[Edit::insert(0, added())]),
        "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+X\n+Y\n"
    );
    assert_eq!(unified("a", "b", "1\n", &[Edit::insert(1, Vec::new())]), "");
    let edits = [
        Edit { after: 1, removed: 1, added: vec!["B".to_owned()] },
        Edit { after: 7, removed: 0, added: added() },
    ];
    let diff = unified("a", "b", text, &edits);
    assert_eq!(
        diff,
        "--- a\n+++ b\n@@ -1,8 +1,10 @@\n 1\n-2\n+B\n 3\n 4\n 5\n 6\n 7\n+X\n+Y\n 8\n"
    );
    assert_eq!(edited(text, &edits), "1\nB\n3\n4\n5\n6\n7\nX\nY\n8\n");
    // Far from each other: two pieces, the second named by where it comes to stand.
    let long = (1..=20).fold(String::new(), |text, n| text + &n.to_string() + "\n");
    let edits = [Edit::insert(2, added()), Edit { after: 15, removed: 1, added: Vec::new() }];
    let diff = unified("a", "b", &long, &edits);
    assert!(diff.contains("@@ -1,5 +1,7 @@\n") && diff.contains("@@ -13,7 +15,6 @@\n"), "{diff}");
}

#[test]
fn numbers_of_rules_are_set_where_the_rules_are() {
    let head = "protocols:\n  - name: pool\n    detectors:\n";
    let params = [
        ("big.limit".to_owned(), "usd(\"5\")".to_owned()),
        ("rush.many".to_owned(), "7".to_owned()),
    ];
    let set = |body: &str| {
        let text = format!("{head}{body}    ladder: []\n");
        let edits = set_params(&text, "pool", 0, &params)?;
        Some(edited(&text, &edits).replace(head, "").replace("    ladder: []\n", ""))
    };
    let plain = "      - detector: reentrancy\n      - detector: rules\n        rules: [a.yaml]\n";
    let set_up = "        params:\n          big.limit: 'usd(\"5\")'\n          rush.many: '7'\n";
    assert_eq!(set(plain), Some(format!("{plain}{set_up}")));
    let with = "      - detector: rules\n        params:\n            rush.many: \"3\" # ours\n            x.y: '1'\n        rules: [a.yaml]\n";
    let expected = "      - detector: rules\n        params:\n            big.limit: 'usd(\"5\")'\n            rush.many: '7'\n            x.y: '1'\n        rules: [a.yaml]\n";
    assert_eq!(set(with), Some(expected.to_owned()));
    assert_eq!(set("      - detector: rules\n        params: {x.y: '1'}\n"), None);
    assert_eq!(set("      - detector: reentrancy\n"), None);
}

#[test]
fn every_proposal_states_what_it_rests_on() {
    let mut past: Vec<_> = (0..50).map(|n| outflow(n * 600, 100)).collect();
    past.push(observation(40_000, &[1, 2]));
    for one in past.iter_mut().take(30) {
        let amount = one.outflows.values().next().copied().unwrap_or_default();
        one.outflows.insert(FREE, amount);
    }
    let (protocol, learned, caps) = (protocol(), whitelist::learn(&past, 2), caps::learn(&past));
    let threshold = |param: &str, advice| Threshold {
        rule: "rush".to_owned(),
        param: param.to_owned(),
        now: "3".to_owned(),
        now_alarms: FalseAlarms { alarms: 7, of: 51 },
        advice,
    };
    let rate = FalseAlarms { alarms: 0, of: 41 };
    let thresholds = [
        threshold("many", Advice::Change { to: "9".to_owned(), false_alarms: rate }),
        threshold("few", Advice::Keep),
        threshold("none", Advice::None(Reason::Blind(4))),
    ];
    let proposal = Proposal {
        protocol: &protocol,
        observations: past.len(),
        learned: &learned,
        learned_file: "learned/pool.json",
        caps: &caps,
        thresholds: &thresholds,
    };
    let text = proposal.detectors(2).join("\n");
    for part in [
        "  # Learned from 51 transactions, blocks 0 to 40000: 2 functions, 1 steps, 2 forms;",
        "  # False alarms it would have had on its past: 1 of 41 (2.44 %, at most 11.06 % with 95 % confidence).",
        "  - detector: novelty\n    learned: learned/pool.json\n",
        "    # 50 outflows in 51 transactions; most seen 100 USDC, bound 10 times that;",
        "      - {asset: USDC, windowSeconds: 3600, maxAmount: \"1000\"}",
        "  # Give FREE its decimals and price, then add",
        "  #   - {asset: FREE, windowSeconds: 3600, maxAmount: \"1000\"}",
        "  # Rule rush, many = 3, spoke of 7 of 51 (13.73 %, at most ",
        "  #   9 is proposed; false alarms of numbers chosen so: 0 of 41 (0.00 %, at most ",
        "  # Rule rush, few = 3, spoke of 7 of 51",
        "  #   No other value is proposed: the rule could not look at 4 transactions",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(text.lines().all(|line| line.starts_with("  ")));
}
