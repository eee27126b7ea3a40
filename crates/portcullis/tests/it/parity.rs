//! Two roads, one Evidence: what the node's tracers say and what executing the block again says are equal.

use alloy_primitives::Address;
use portcullis_observe::Node;
use portcullis_simulate::{
    replay::{Replayer, complete_reentries},
    traces::evidence_from_traces,
};
use portcullis_types::evidence::WriteAfter;

use crate::kit::{Rig, without_chain};

#[tokio::test]
async fn both_roads_lead_to_the_same_evidence() {
    if without_chain() {
        return;
    }
    for scenario in ["lending-spot-oracle", "safe-singleton-swap", "bridge-unproven-message"] {
        let mut rig = Rig::new(scenario).await;
        let blocks = rig.scenario.blocks();
        rig.play(true, blocks, 0).await;
        let node = Node::connect(&[rig.chain.http_url()], 31_337).await.expect("a node");
        let head = rig.chain.block_number().await.expect("a head");
        let (mut compared, mut reentries) = (0, 0);
        // The set-up is part of it: creations, proxies, delegate calls.
        for number in 1..=head {
            let id = node.head_by_number(number).await.expect("read").expect("there").id;
            let mut material = node.material(&id).await.expect("material");
            let mut traced = evidence_from_traces(&material).expect("road a");
            for (one, transaction) in traced.iter_mut().zip(&material.block.transactions) {
                if one.reentries.iter().any(|r| r.write_after == WriteAfter::Unknown) {
                    let prestate = node.transaction_prestate(one.hash).await.expect("prestate");
                    complete_reentries(one, transaction, &material.block, 31_337, &prestate)
                        .expect("completed");
                    reentries += one.reentries.len();
                }
            }
            material.prestate = Some(node.block_prestate(&material).await.expect("prestate"));
            let executed = Replayer::new(31_337).execute_block(&material).expect("road b");
            for (one, two) in traced.iter().zip(&executed) {
                assert_eq!(one, two, "{scenario}, block {number}");
                compared += 1;
            }
            assert_eq!(traced.len(), executed.len());
        }
        assert!(compared > 100, "{scenario}: {compared} transactions compared");
        eprintln!("{scenario}: {compared} transactions equal, {reentries} re-entries");
        assert!(rig.world.responder().is_none_or(|account| account != Address::ZERO));
    }
}
