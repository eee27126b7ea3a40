//! Transactions of attacks, as a rehearsal can play them.

use portcullis_types::{action::AttackSample, evidence::Evidence, ids::CaseId};

use crate::step::Engine;

/// Transactions remembered for rehearsals.
pub(crate) const SAMPLES_MAX: usize = 4_096;

impl Engine {
    /// The newest transaction of the attack that a rehearsal can play.
    pub(crate) fn attack_sample(&self, case: CaseId) -> Option<AttackSample> {
        let case = self.cases.get(&case)?;
        let all = case.live_findings().chain(case.pending_findings());
        let hash = all.filter_map(|finding| {
            finding.transaction.map(|hash| (finding.block.number, finding.loss, hash))
        });
        let (_, _, hash) = hash.max()?;
        self.samples.get(&hash).cloned()
    }

    /// Remembers how to play the transactions of a block that raised findings.
    pub(crate) fn remember_samples(&mut self, evidence: &[Evidence]) {
        for one in evidence {
            let (Some(frame), Some(to)) = (one.frames.first(), one.to) else { continue };
            // A cut input cannot be played.
            if frame.input_length as usize != frame.input.len()
                || frame.selector().is_none() && !frame.input.is_empty()
            {
                continue;
            }
            let sample = AttackSample {
                hash: one.hash,
                from: one.from,
                to,
                value: one.value,
                input: frame.input.clone(),
            };
            self.samples.insert(one.hash, sample);
            self.sample_order.push_back(one.hash);
        }
        while self.sample_order.len() > SAMPLES_MAX {
            if let Some(oldest) = self.sample_order.pop_front() {
                self.samples.remove(&oldest);
            }
        }
    }
}
