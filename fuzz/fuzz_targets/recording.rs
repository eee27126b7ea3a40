//! A line of a recording that anybody may have written: it is read or refused, and what is read becomes Evidence or an
//! error, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_observe::RecordingLine;
use portcullis_simulate::traces::evidence_from_traces;
use portcullis_types::wire::BlockMaterial;

fuzz_target!(|text: &str| {
    let _meta = RecordingLine::read(text, None);
    let material = match RecordingLine::read(text, Some(1)) {
        Ok(RecordingLine::Block(material)) => *material,
        Ok(RecordingLine::Transaction(one)) => BlockMaterial::alone(
            one.chain_id,
            one.block_number.unwrap_or(1),
            one.timestamp,
            one.hash,
            one.trace,
        ),
        Ok(RecordingLine::Phase(phase)) => BlockMaterial::alone(
            phase.chain_id,
            phase.fork_block,
            None,
            Default::default(),
            phase.trace,
        ),
        Ok(_) => return,
        Err(why) => {
            assert!(!why.is_empty() && why.chars().all(|c| !c.is_control()), "{why:?}");
            return;
        }
    };
    if let Ok(evidence) = evidence_from_traces(&material) {
        assert_eq!(evidence.len(), material.block.transactions.len());
    }
});
