//! The reader of one chain: makes Evidence and readings, one job after the other, in the order of the blocks.

use std::{sync::Arc, time::Duration};

use portcullis_observe::{EvidenceMethod, Node};
use portcullis_simulate::{
    replay::{Replayer, complete_reentries},
    traces::evidence_from_traces,
};
use portcullis_types::{
    chain::{BlindCause, BlockId},
    evidence::{Evidence, Method, WriteAfter},
    ids::{ChainId, EffectId},
    probe::{Probe, Reading},
    wire::BlockMaterial,
};
use tokio::sync::{Notify, mpsc};

use super::service::{JOBS_MAX, ServiceError};

/// Something to be read.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// Evidence of a block.
    Inspect { id: EffectId, block: BlockId },
    /// State as of the end of a block.
    Read { id: EffectId, block: BlockId, probes: Vec<Probe> },
}

impl Job {
    pub(crate) fn id(&self) -> EffectId {
        match self {
            Self::Inspect { id, .. } | Self::Read { id, .. } => *id,
        }
    }
}

/// What became of a job.
#[derive(Debug)]
pub(crate) enum Answer {
    Evidence {
        id: EffectId,
        chain: ChainId,
        block: BlockId,
        transactions: u32,
        method: Method,
        evidence: Vec<Evidence>,
    },
    Readings {
        id: EffectId,
        chain: ChainId,
        block: BlockId,
        readings: Vec<Reading>,
    },
    Blind {
        chain: ChainId,
        job: Job,
        cause: BlindCause,
    },
}

impl Answer {
    pub(crate) fn id(&self) -> EffectId {
        match self {
            Self::Evidence { id, .. } | Self::Readings { id, .. } => *id,
            Self::Blind { job, .. } => job.id(),
        }
    }
}

/// The queue in front of a reader.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    jobs: mpsc::Sender<Job>,
    /// Told when a job succeeds after one that failed.
    healed: Arc<Notify>,
}

impl Reader {
    /// Starts a reader. Its answers go to `answers`.
    pub(crate) fn start(node: Node, how: EvidenceMethod, answers: mpsc::Sender<Answer>) -> Self {
        let (jobs, mut queue) = mpsc::channel(JOBS_MAX);
        let reader = Self { jobs, healed: Arc::default() };
        let healed = Arc::clone(&reader.healed);
        tokio::spawn(async move {
            let mut is_ill = false;
            while let Some(job) = queue.recv().await {
                let answer = work(&node, how, job).await;
                match &answer {
                    Answer::Blind { .. } => is_ill = true,
                    Answer::Evidence { .. } if is_ill => {
                        is_ill = false;
                        healed.notify_waiters();
                    }
                    Answer::Evidence { .. } | Answer::Readings { .. } => {}
                }
                if answers.send(answer).await.is_err() {
                    return;
                }
            }
        });
        reader
    }

    pub(crate) fn ask(&self, job: Job) -> Result<(), ServiceError> {
        self.jobs.try_send(job).map_err(|_| ServiceError::PartEnded("the reader's queue"))
    }

    /// Asks after a pause, or as soon as another job shows that the node has come to itself: what was missed in an
    /// outage may be the attack.
    pub(crate) fn ask_later(&self, job: Job, pause: Duration) {
        let (jobs, healed) = (self.jobs.clone(), Arc::clone(&self.healed));
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = healed.notified() => {}
            }
            // Nobody listens any more only when the program stops.
            let _stopped = jobs.send(job).await;
        });
    }
}

async fn work(node: &Node, how: EvidenceMethod, job: Job) -> Answer {
    let chain = node.chain();
    match job.clone() {
        Job::Inspect { id, block } => match inspect(node, how, block).await {
            Ok((transactions, method, evidence)) => {
                Answer::Evidence { id, chain, block, transactions, method, evidence }
            }
            Err(cause) => Answer::Blind { chain, job, cause },
        },
        Job::Read { id, block, probes } => {
            // A block that is gone cannot be read; its inspection says so.
            let readings = node.read(&probes, &block).await;
            Answer::Readings { id, chain, block, readings }
        }
    }
}

async fn inspect(
    node: &Node,
    how: EvidenceMethod,
    block: BlockId,
) -> Result<(u32, Method, Vec<Evidence>), BlindCause> {
    let mut material = node.material(&block).await?;
    let transactions = material.block.head().transactions;
    if how == EvidenceMethod::Reexecution && transactions > 0 {
        material.prestate = Some(node.block_prestate(&material).await?);
        let mut replayer = Replayer::new(material.chain_id);
        return Ok((transactions, Method::Reexecution, replayer.execute_block(&material)?));
    }
    let mut evidence = evidence_from_traces(&material)?;
    for one in &mut evidence {
        if one.reentries.iter().any(|reentry| reentry.write_after == WriteAfter::Unknown) {
            complete(node, &material, one).await;
        }
    }
    let whole = evidence.iter().all(|one| one.known.state);
    Ok((transactions, if whole { Method::NodeTraces } else { Method::CallTreeOnly }, evidence))
}

/// Re-executes one transaction to see in which order it wrote. What stays unknown says so in the Evidence.
async fn complete(node: &Node, material: &BlockMaterial, evidence: &mut Evidence) {
    let Some(transaction) = material.block.transactions.get(evidence.index as usize) else {
        return;
    };
    let completed = match node.transaction_prestate(evidence.hash).await {
        Ok(prestate) => {
            complete_reentries(evidence, transaction, &material.block, material.chain_id, &prestate)
                .map_err(|error| error.to_string())
        }
        Err(cause) => Err(cause.to_string()),
    };
    if let Err(why) = completed {
        tracing::warn!(hash = %evidence.hash, why, "the order of writes stays unknown");
    }
}
