//! A journal in memory that can break where a test wants the crash.

use std::{sync::Mutex, time::Instant};

use portcullis_act::{Report, Reporting, Stopped};
use portcullis_types::{action::Outcome, ids::EffectId};

#[derive(Default)]
pub struct Journal {
    outcomes: Mutex<Vec<Outcome>>,
    times: Mutex<Vec<(&'static str, Instant)>>,
    /// The stage after whose journaling the program "crashes".
    crash_after: Option<&'static str>,
}

impl Journal {
    pub fn crashing_after(stage: &'static str) -> Self {
        Self { crash_after: Some(stage), ..Self::default() }
    }

    pub fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().unwrap().clone()
    }

    pub fn stages(&self) -> Vec<&'static str> {
        self.outcomes().iter().map(stage).collect()
    }

    /// When a stage was journaled first.
    pub fn when(&self, wanted: &str) -> Option<Instant> {
        self.times.lock().unwrap().iter().find(|(stage, _)| *stage == wanted).map(|(_, at)| *at)
    }

    /// Nonces and hashes of what was signed.
    pub fn prepared(&self) -> Vec<(u64, alloy_primitives::B256)> {
        let of = |outcome: &Outcome| match outcome {
            Outcome::Prepared { nonce, hash, .. } => Some((*nonce, *hash)),
            _ => None,
        };
        self.outcomes().iter().filter_map(of).collect()
    }

    pub async fn wait_for(&self, wanted: &'static str, times: usize) {
        for _ in 0..400 {
            if self.stages().iter().filter(|stage| **stage == wanted).count() >= times {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("no {times} × {wanted}: {:?}", self.outcomes());
    }
}

impl Report for Journal {
    fn report(&self, _: EffectId, outcome: Outcome) -> Reporting<'_> {
        Box::pin(async move {
            let crash = self.crash_after == Some(stage(&outcome));
            self.times.lock().unwrap().push((stage(&outcome), Instant::now()));
            self.outcomes.lock().unwrap().push(outcome);
            if crash { Err(Stopped { why: "crash".to_owned() }) } else { Ok(()) }
        })
    }
}

pub fn stage(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Rehearsed(_) => "rehearsed",
        Outcome::Refused { .. } => "refused",
        Outcome::Prepared { .. } => "prepared",
        Outcome::Sent { .. } => "sent",
        Outcome::Mined { .. } => "mined",
        Outcome::Held { by_us: true, .. } => "held",
        Outcome::Held { by_us: false, .. } => "held by others",
        Outcome::Failed { .. } => "failed",
    }
}
