//! The desk: where people's words come into the running program, from whichever surface.
//!
//! **Promise.** What [`Desk::say`] answers with a number is in the journal; what it refuses changed nothing. Two people who
//! say what excludes each other are judged one after the other: the second is told what happened meanwhile.

use alloy_primitives::Bytes;
use portcullis_case::{CaseCommand, RunEvent, life::Verb};
use portcullis_engine::{Refusal, RefusalCode};
use portcullis_types::{
    approval::Approval,
    ids::{CaseId, Seq},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Most words that wait at the desk. People are slow; more is a fault or an attack.
pub const ORDERS_MAX: usize = 64;

/// Who speaks. Whoever lets them to the desk has made sure that it is they.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Name, as in the roster.
    pub name: String,
}

/// What people can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "camelCase")]
pub enum Order {
    /// Something about a case. `who` in it is replaced by who speaks; `when` is at the latest now.
    Command {
        /// Case. That of an alert is found here, whatever is named.
        case: CaseId,
        /// What.
        command: CaseCommand,
    },
    /// Begin a playbook of the configuration.
    StartPlaybook {
        /// Case.
        case: CaseId,
        /// Playbook, by id.
        playbook: String,
    },
    /// A word on a playbook: only those that people say, by who speaks.
    Playbook {
        /// Case.
        case: CaseId,
        /// Run, by the journal entry that began it.
        run: Seq,
        /// What.
        event: RunEvent,
        /// Signature of the step's typed data, where agreeing leads to a lever.
        #[serde(default)]
        signature: Option<Bytes>,
    },
    /// A guardian's signature. It says by itself whose it is.
    Approval(Approval),
}

/// What kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// Not possible now: somebody or something was faster.
    Conflict,
    /// There is no such case, run, step or playbook.
    NotFound,
    /// It would never be possible.
    Invalid,
    /// The program does not come to it now: try again.
    Busy,
}

/// Why something was not taken. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{why}; {remedy}")]
pub struct Refused {
    /// What kind.
    pub code: Code,
    /// Why not.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// Commands that are allowed now, where a command was refused.
    #[serde(default)]
    pub allowed: Vec<Verb>,
}

impl Refused {
    pub(crate) fn new(code: Code, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, why: why.into(), remedy: remedy.into(), allowed: Vec::new() }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.code {
            RefusalCode::NotFound => Code::NotFound,
            RefusalCode::Conflict => Code::Conflict,
            RefusalCode::Invalid => Code::Invalid,
        };
        let Refusal { why, remedy, allowed, .. } = refusal;
        Self { code, why, remedy, allowed }
    }
}

/// Something said, and whom to answer.
pub(crate) struct Said {
    pub(crate) who: Who,
    pub(crate) order: Order,
    pub(crate) answer: oneshot::Sender<Result<Seq, Refused>>,
}

/// A handle to the desk. Copies are handles to the same.
#[derive(Debug, Clone)]
pub struct Desk {
    to: mpsc::Sender<Said>,
}

impl Desk {
    /// A desk, and what is said at it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Said>) {
        let (to, said) = mpsc::channel(ORDERS_MAX);
        (Self { to }, said)
    }

    /// Says something, and waits until it is in the journal. The number is that of the entry.
    ///
    /// # Errors
    /// [`Refused`]: why not, and what to do.
    pub async fn say(&self, who: Who, order: Order) -> Result<Seq, Refused> {
        let (answer, answered) = oneshot::channel();
        let ended = || {
            let remedy = "start it again; `portcullis case show` says whether it was written down";
            Refused::new(Code::Busy, "the program is ending", remedy)
        };
        match self.to.try_send(Said { who, order, answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(ended())),
            Err(mpsc::error::TrySendError::Full(_)) => {
                let why = format!("{ORDERS_MAX} others wait");
                Err(Refused::new(Code::Busy, why, "try again in a moment"))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ended()),
        }
    }
}
