//! Reads recorded blocks (one `type: block` object a line, as in a `portcullis-recording/1`) that hold traces, diffs and
//! prestate, and compares what both roads make of each.
//!
//! ```text
//! cargo run -p portcullis-simulate --example both_roads -- 31337 < recording.jsonl
//! ```

#![allow(clippy::indexing_slicing, reason = "indexing a JSON value does not panic")]

use std::{env, error::Error, io};

use portcullis_simulate::{replay::Replayer, traces::evidence_from_traces};
use portcullis_types::{
    evidence::{Evidence, WriteAfter},
    wire::BlockMaterial,
};

fn main() -> Result<(), Box<dyn Error>> {
    let chain_id = env::args().nth(1).ok_or("give the chain's id")?.parse()?;
    let mut replayer = Replayer::new(chain_id);
    for line in io::stdin().lines() {
        let line = line?;
        let mut value: serde_json::Value = serde_json::from_str(&line)?;
        if value["type"] != "block" {
            continue;
        }
        value["chainId"] = chain_id.into();
        let material: BlockMaterial = serde_json::from_value(value)?;
        let number = material.block.number;
        let traced = evidence_from_traces(&material)?;
        let executed = replayer.execute_block(&material)?;
        for (traced, executed) in traced.iter().zip(executed) {
            let same = *traced == without_order(executed.clone());
            println!(
                "block {number} transaction {}: {}",
                traced.hash,
                if same { "same" } else { "DIFFERENT" }
            );
            if !same {
                println!("by traces:    {traced:#?}\nby execution: {executed:#?}");
            }
        }
    }
    Ok(())
}

/// The order of writes is not in a call tree.
fn without_order(mut evidence: Evidence) -> Evidence {
    for reentry in &mut evidence.reentries {
        reentry.write_after = WriteAfter::Unknown;
    }
    evidence
}
