//! More findings than there is room for: counted, said, and the decision is made all the same.

use portcullis_case::timeline::LEFT_OUT;
use portcullis_decide::OnPending;
use portcullis_engine::FINDINGS_A_DECISION_MAX;
use portcullis_types::case_event::CaseEvent;

use crate::{
    fixtures::theft,
    pending::{World, block},
};

/// Thefts in one block, each of which breaks the limit by itself.
const THEFTS: u32 = 1_100;
/// Findings of one block that are kept.
const KEPT: usize = 1_000;

#[test]
fn a_block_of_too_many_findings_is_weighed_whole_and_says_what_was_left_out() {
    let mut world = World::new(OnPending::Recommend);
    let thefts: Vec<_> = (0..THEFTS).map(|n| theft(block(3), 60_000 + n)).collect();
    world.mine(&thefts);
    let raised = world.said.iter().filter(|one| matches!(one, CaseEvent::FindingRaised { .. }));
    assert_eq!(raised.count(), KEPT);
    let case = world.engine.cases().next().unwrap();
    let left_out = u64::from(THEFTS) - KEPT as u64;
    assert_eq!((case.findings.len(), case.findings_dropped), (KEPT, left_out));
    assert_eq!(world.engine.findings_dropped(), left_out);
    let line = case.timeline.iter().find(|line| line.what == LEFT_OUT).unwrap();
    assert!(line.text.starts_with("100 findings"), "{}", line.text);
    let decision = &case.decisions[0];
    assert_eq!(decision.findings.len(), FINDINGS_A_DECISION_MAX);
    let others = KEPT - FINDINGS_A_DECISION_MAX;
    let words = format!("; {others} lesser findings were weighed too");
    assert!(decision.sentence.ends_with(&words), "{}", decision.sentence);
    // The costliest are named, in the order of all.
    let named: Vec<_> =
        decision.findings.iter().map(|key| case.findings[key].finding.loss).collect();
    let cheapest = named.iter().min().unwrap();
    let dearer = case.findings.values().filter(|record| record.finding.loss > *cheapest).count();
    assert!(dearer < FINDINGS_A_DECISION_MAX, "{dearer} findings cost more than the least named");
}
