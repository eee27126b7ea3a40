//! What can go wrong while looking, and what whoever sees it should do.

use std::path::PathBuf;

use portcullis_types::{chain::BlindCause, ids::ChainId, text::printable};

/// What the caller should do about an [`ObserveError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing is wrong on this side: try again later.
    Retry,
    /// The configuration (or the command line) names the wrong thing.
    FixConfig,
    /// A file is damaged or not what its name says: get it again, or choose another.
    FixFile,
    /// Neither waiting nor this program can heal it.
    WakeHuman,
}

/// Why something could not be observed. Nodes are named without user, path and query of their
/// address, because those hold keys.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// No address was given.
    #[error("no node is configured for chain {chain}: add at least one address under its `nodes`")]
    NoNodes {
        /// For which chain.
        chain: ChainId,
    },
    /// An address cannot be read.
    #[error(
        "node address `{shown}` {problem}: write http(s)://…, ws(s)://… or the path of an IPC socket"
    )]
    Address {
        /// The address, without its secrets.
        shown: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A node belongs to another chain.
    #[error(
        "node {node} is of chain {found}, not of chain {expected}: correct the address or the chain id in the configuration"
    )]
    WrongChain {
        /// Which node.
        node: String,
        /// The chain that was configured.
        expected: ChainId,
        /// The chain that the node names.
        found: ChainId,
    },
    /// No node answered.
    #[error("no node of chain {chain} answers, try again: {detail}")]
    Unreachable {
        /// Which chain.
        chain: ChainId,
        /// What the last one said.
        detail: String,
    },
    /// A node answered, but not with what was asked for.
    #[error("could not look at {what}, try again: {cause}")]
    Blind {
        /// At what.
        what: String,
        /// Why.
        cause: BlindCause,
    },
    /// A subscription was asked for, and no address can carry one.
    #[error("none of the nodes of chain {chain} can send {what}: add a ws:// or IPC address")]
    NoSubscription {
        /// Which chain.
        chain: ChainId,
        /// What was to be sent.
        what: &'static str,
    },
    /// A file or folder could not be opened, read or written.
    #[error("{path}: {source}: check that it exists and may be {access}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        access: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not a recording, or a damaged one.
    #[error("{path}:{line}: {problem}", path = .path.display())]
    BadRecording {
        /// Which file.
        path: PathBuf,
        /// Line, from 1; 0 for the file as a whole.
        line: u64,
        /// What is wrong and what to do about it.
        problem: String,
    },
}

impl ObserveError {
    /// What the caller should do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Unreachable { .. } | Self::Blind { .. } => Remedy::Retry,
            Self::NoNodes { .. }
            | Self::Address { .. }
            | Self::WrongChain { .. }
            | Self::NoSubscription { .. } => Remedy::FixConfig,
            Self::BadRecording { .. } => Remedy::FixFile,
            Self::File { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidInput => {
                    Remedy::FixConfig
                }
                _ => Remedy::WakeHuman,
            },
        }
    }
}

/// How one request failed. Inside this crate only: outside it is a [`BlindCause`] or an
/// [`ObserveError`].
#[derive(Debug, Clone)]
pub(crate) enum CallFailure {
    /// The connection broke, could not be made, or the time limit ran out.
    Lost { node: String, detail: String },
    /// The node (or what stands before it) answered with an HTTP status.
    Status { node: String, method: &'static str, status: u16 },
    /// A JSON-RPC error.
    Refused { node: String, method: &'static str, code: i64, message: String },
    /// An answer that is not of the shape that the method has.
    Garbled { node: String, method: &'static str, detail: String },
    /// The node belongs to another chain.
    WrongChain { node: String, expected: ChainId, found: ChainId },
}

/// JSON-RPC: the method does not exist.
const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC: the parameters are not understood.
const INVALID_PARAMS: i64 = -32602;
/// EIP-1474 and Geth: the call reverted.
const REVERTED: i64 = 3;

impl CallFailure {
    /// Whether the node does not have the method or the tracer at all, so that asking again is
    /// useless. Nodes agree on the code only roughly, hence the words. They must speak of the
    /// method: a *state* or *block* that is not available is a failure and not a missing feature.
    pub(crate) fn is_unsupported(&self) -> bool {
        let Self::Refused { code, message, method, .. } = self else { return false };
        if *code == METHOD_NOT_FOUND {
            return true;
        }
        let message = message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let method = method.to_ascii_lowercase();
        says(&["not found", "not supported", "unsupported", "not available", "not whitelisted"])
            && says(&["method", "tracer", &method])
    }

    /// Whether the node did not understand the parameters.
    pub(crate) fn is_bad_parameters(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == INVALID_PARAMS || *code == -32600)
    }

    /// Whether the call itself failed inside the EVM: the same everywhere, no other node helps.
    pub(crate) fn is_revert(&self) -> bool {
        let Self::Refused { code, message, .. } = self else { return false };
        *code == REVERTED || message.to_ascii_lowercase().contains("revert")
    }

    /// Whether the connection is to be made anew.
    pub(crate) fn breaks_link(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::WrongChain { .. })
    }
}

impl std::fmt::Display for CallFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { node, detail } => write!(f, "{node}: {detail}"),
            Self::Status { node, method, status } => {
                write!(f, "{node} answered {method} with HTTP status {status}")
            }
            Self::Refused { node, method, code, message } => {
                write!(f, "{node} refused {method}: {message} ({code})")
            }
            Self::Garbled { node, method, detail } => {
                write!(f, "{node} answered {method} with something else: {detail}")
            }
            Self::WrongChain { node, expected, found } => {
                write!(f, "{node} is of chain {found}, not of chain {expected}")
            }
        }
    }
}

impl From<CallFailure> for BlindCause {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Lost { node, detail } => {
                Self::Unreachable { detail: format!("{node}: {detail}") }
            }
            CallFailure::Status { node, method, status } => Self::NodeError {
                method: method.to_owned(),
                detail: format!("{node} answered with HTTP status {status}"),
            },
            CallFailure::Refused { node, method, code, message } => Self::NodeError {
                method: method.to_owned(),
                detail: format!("{node}: {message} ({code})"),
            },
            CallFailure::Garbled { node, method, detail } => {
                Self::NodeError { method: method.to_owned(), detail: format!("{node}: {detail}") }
            }
            CallFailure::WrongChain { .. } => Self::Inconsistent { detail: failure.to_string() },
        }
    }
}

/// A decoding error in words that may be shown: `serde` quotes the input.
pub(crate) fn decoding(error: &serde_json::Error) -> String {
    printable(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_method_is_told_from_a_missing_state() {
        let refused = |code: i64, message: &str| CallFailure::Refused {
            node: "n".to_owned(),
            method: "debug_traceBlockByHash",
            code,
            message: message.to_owned(),
        };
        for (code, message) in [
            (-32601, ""),
            (-32000, "the method debug_traceBlockByHash does not exist/is not available"),
            (-32600, "debug_traceBlockByHash is not available on the Free tier"),
            (-32000, "unsupported method: debug"),
            (-32603, "tracer not found"),
        ] {
            assert!(refused(code, message).is_unsupported(), "{message}");
        }
        for message in [
            "historical state 0x12 is not available",
            "block not found",
            "missing trie node 0x12",
            "execution reverted: unsupported token",
            "rate limit exceeded",
        ] {
            assert!(!refused(-32000, message).is_unsupported(), "{message}");
        }
        assert!(refused(3, "x").is_revert() && refused(-32000, "execution reverted").is_revert());
    }
}
