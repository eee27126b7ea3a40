//! A call tree from a node that lies: Evidence or an error, and the same again from what it was written as.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_simulate::traces::evidence_from_traces;
use portcullis_types::{
    evidence::Evidence,
    wire::{BlockMaterial, TraceFrame},
};

fuzz_target!(|text: &str| {
    let Ok(trace) = serde_json::from_str::<TraceFrame>(text) else { return };
    let material = BlockMaterial::alone(1, 1, None, Default::default(), trace);
    let Ok(evidence) = evidence_from_traces(&material) else { return };
    for one in evidence {
        let written = serde_json::to_string(&one).expect("Evidence is JSON");
        let read: Evidence = serde_json::from_str(&written).expect("what was written is read");
        assert_eq!(read, one);
        assert!(one.flows.iter().all(|flow| !flow.delta.is_zero()));
    }
});
