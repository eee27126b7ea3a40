//! Why a question to a node has no answer, and what that means.

/// JSON-RPC's code for a method that the node does not have.
const METHOD_NOT_FOUND: i64 = -32601;
/// The code for a call that reverted.
const REVERTED: i64 = 3;
/// The codes for a failure inside the node, and for a limit of requests: neither says anything of what was asked.
const NODES_OWN_TROUBLE: [i64; 2] = [-32603, -32005];

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The node answered with an error.
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

    /// Whether the node has the transaction already. Nodes have no common code for it; the words are those of geth, reth,
    /// Nethermind, Besu, Erigon and anvil.
    pub fn is_known_already(&self) -> bool {
        let Self::Refused { message, .. } = self else { return false };
        let message = message.to_ascii_lowercase();
        ["already known", "alreadyknown", "known transaction", "already imported", "already in"]
            .iter()
            .any(|words| message.contains(words))
    }

    /// Whether no node said anything.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }

    /// Whether the trouble is the node's own, so that asking again may help: silence, an error inside it, a limit of
    /// requests. Some put that into an answer of HTTP status 200.
    pub fn is_nodes_own(&self) -> bool {
        let Self::Refused { code, message, .. } = self else { return self.is_silence() };
        let message = message.to_ascii_lowercase();
        let says_so =
            ["internal error", "too many requests", "rate limit", "timed out", "try again"];
        !self.is_revert()
            && !self.is_missing_method()
            && (NODES_OWN_TROUBLE.contains(code)
                || says_so.iter().any(|words| message.contains(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_method_a_revert_and_a_nodes_own_trouble_are_told_apart() {
        let refused = |code, message: &str| NodeError::Refused {
            method: "eth_simulateV1",
            code,
            message: message.to_owned(),
        };
        let cases = [
            (refused(-32601, "Method not found"), (true, false, false)),
            (
                refused(-32000, "the method eth_simulateV1 does not exist/is not available"),
                (true, false, false),
            ),
            (refused(-32601, ""), (true, false, false)),
            (refused(3, "execution reverted: EnforcedPause()"), (false, true, false)),
            (refused(-32000, "execution reverted"), (false, true, false)),
            (refused(-32603, "execution reverted"), (false, true, false)),
            (refused(-32000, "header not found"), (false, false, false)),
            (refused(-32000, "insufficient funds for gas * price + value"), (false, false, false)),
            (refused(-32603, "unexpected state"), (false, false, true)),
            (refused(-32005, "limit exceeded"), (false, false, true)),
            (refused(-32000, "Too Many Requests"), (false, false, true)),
        ];
        for (error, expected) in cases {
            let is = (error.is_missing_method(), error.is_revert(), error.is_nodes_own());
            assert_eq!(is, expected, "{error}");
        }
    }
}
