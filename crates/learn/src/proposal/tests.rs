use super::*;
use crate::{
    caps,
    testing::{FREE, observation, outflow, protocol},
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
    let added = ["X".to_owned(), "Y".to_owned()];
    let diff = unified("a", "b", "1\n2\n3\n4\n5\n6\n7\n8\n", 4, &added);
    assert_eq!(diff, "--- a\n+++ b\n@@ -2,6 +2,8 @@\n 2\n 3\n 4\n+X\n+Y\n 5\n 6\n 7\n");
    assert_eq!(
        unified("/dev/null", "b", "", 0, &added),
        "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+X\n+Y\n"
    );
    assert_eq!(unified("a", "b", "1\n", 1, &[]), "");
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
    let proposal = Proposal {
        protocol: &protocol,
        observations: past.len(),
        learned: &learned,
        learned_file: "learned/pool.json",
        caps: &caps,
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
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(text.lines().all(|line| line.starts_with("  ")));
}
