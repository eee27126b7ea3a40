//! What can go wrong, by what the caller should do about it.

use portcullis_types::chain::BlindCause;

/// Why Evidence could not be made. In every case the block stays blind until the remedy has been tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// Something needed is not there: fetch it, or take the other road.
    #[error("data incomplete: {detail}; fetch it or use another source")]
    Incomplete {
        /// What is missing.
        detail: String,
    },
    /// The data contradicts itself: ask again, from another node if it persists.
    #[error("data inconsistent: {detail}; ask again or ask another node")]
    Inconsistent {
        /// What does not fit.
        detail: String,
    },
    /// The node gave an error instead of a trace: ask again.
    #[error("the node could not trace {what}: {detail}; ask again or ask another node")]
    Node {
        /// Of which transaction.
        what: String,
        /// The node's words, made printable.
        detail: String,
    },
    /// A limit of this crate was reached: wake a human, for this is either an attack on the monitor or a new kind of
    /// chain.
    #[error("{what} exceeds the limit of {limit}; look at it by hand")]
    TooLarge {
        /// What was too large.
        what: String,
        /// The limit.
        limit: usize,
    },
}

impl SimulateError {
    pub(crate) fn incomplete(detail: impl Into<String>) -> Self {
        Self::Incomplete { detail: detail.into() }
    }

    pub(crate) fn inconsistent(detail: impl Into<String>) -> Self {
        Self::Inconsistent { detail: detail.into() }
    }
}

/// An error is a reason for not having seen a block.
impl From<SimulateError> for BlindCause {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Incomplete { detail } => Self::Incomplete { detail },
            SimulateError::Inconsistent { detail } => Self::Inconsistent { detail },
            SimulateError::Node { what, detail } => Self::NodeError {
                method: "debug_traceBlockByNumber".to_owned(),
                detail: format!("{what}: {detail}"),
            },
            SimulateError::TooLarge { .. } => Self::Incomplete { detail: error.to_string() },
        }
    }
}
