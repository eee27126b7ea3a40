//! Why a question to a node has no answer, and what that means.

/// JSON-RPC's code for a method that the node does not have.
const METHOD_NOT_FOUND: i64 = -32601;
/// The code for a call that reverted.
const REVERTED: i64 = 3;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The node answered with an error. Asking again gives the same until the chain changes.
    #[error("the node refused {method}: {message}")]
    Refused {
        /// JSON-RPC method.
        method: &'static str,
        /// The node's code.
        code: i64,
        /// The node's words, made printable.
        message: String,
    },
    /// No node gave a usable answer. Asking again may help.
    #[error(
        "no usable answer to {method} from {node}: {detail}; check the node or configure another one"
    )]
    Silent {
        /// JSON-RPC method.
        method: &'static str,
        /// Host of the node.
        node: String,
        /// What happened.
        detail: String,
    },
    /// The address of a node is none.
    #[error("node {node} cannot be used: {detail}")]
    Address {
        /// Host of the node.
        node: String,
        /// What is wrong with it, and what to write.
        detail: String,
    },
}

impl NodeError {
    /// Whether the node does not have the method.
    pub fn is_missing_method(&self) -> bool {
        let Self::Refused { code, message, .. } = self else { return false };
        let message = message.to_ascii_lowercase();
        let says_so =
            ["not found", "not supported", "does not exist", "not available", "unsupported"];
        *code == METHOD_NOT_FOUND
            || (message.contains("method") && says_so.iter().any(|words| message.contains(words)))
    }

    /// Whether the call ran and reverted.
    pub fn is_revert(&self) -> bool {
        matches!(self, Self::Refused { code, message, .. }
            if *code == REVERTED || message.to_ascii_lowercase().contains("revert"))
    }

    /// Whether asking again may help.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_method_is_told_from_a_revert() {
        let refused = |code, message: &str| NodeError::Refused {
            method: "eth_simulateV1",
            code,
            message: message.to_owned(),
        };
        let cases = [
            (refused(-32601, "Method not found"), true, false),
            (
                refused(-32000, "the method eth_simulateV1 does not exist/is not available"),
                true,
                false,
            ),
            (refused(-32601, ""), true, false),
            (refused(3, "execution reverted: EnforcedPause()"), false, true),
            (refused(-32000, "execution reverted"), false, true),
            (refused(-32000, "header not found"), false, false),
        ];
        for (error, missing, revert) in cases {
            assert_eq!(
                (error.is_missing_method(), error.is_revert()),
                (missing, revert),
                "{error}"
            );
        }
    }
}
