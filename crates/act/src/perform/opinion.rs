//! What nodes say to a transaction, in their many words.

use alloy_primitives::B256;

use crate::nodes::NodeError;

/// What the nodes together say to a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    Taken,
    NonceUsed,
    TooCheap,
    Rejected(String),
    /// A node has trouble of its own.
    Trouble(String),
    Silence(String),
}

impl Opinion {
    /// The most hopeful answer counts: one node that takes it is enough.
    pub(super) fn of(answers: &[Result<B256, NodeError>]) -> Self {
        let mut opinion = Self::Silence("there is no node".to_owned());
        for answer in answers {
            let one = match answer {
                Ok(_) => Self::Taken,
                Err(error) => Self::of_error(error),
            };
            if one.rank() > opinion.rank() || matches!(opinion, Self::Silence(_)) {
                opinion = one;
            }
        }
        opinion
    }

    /// Nodes have no common codes for these; the words are those of geth, reth, Nethermind, Besu, Erigon and anvil.
    fn of_error(error: &NodeError) -> Self {
        let NodeError::Refused { message, .. } = error else {
            return Self::Silence(error.to_string());
        };
        let message = message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if error.is_known_already() {
            Self::Taken
        } else if says(&[
            "nonce too low",
            "nonce is too low",
            "oldnonce",
            "nonce_too_low",
            "nonce below",
        ]) {
            Self::NonceUsed
        } else if says(&[
            "underpriced",
            "less than block base fee",
            "fee too low",
            "feetoolow",
            "fee cap less than",
        ]) {
            Self::TooCheap
        } else if error.is_nodes_own() {
            Self::Trouble(error.to_string())
        } else {
            Self::Rejected(error.to_string())
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Silence(_) => 0,
            Self::Rejected(_) => 1,
            Self::Trouble(_) => 2,
            Self::TooCheap => 3,
            Self::NonceUsed => 4,
            Self::Taken => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Result<B256, NodeError> {
        let method = "eth_sendRawTransaction";
        Err(NodeError::Refused { method, code: -32000, message: message.to_owned() })
    }

    fn silent() -> Result<B256, NodeError> {
        let (node, detail) = ("a".to_owned(), "not reachable".to_owned());
        Err(NodeError::Silent { method: "eth_sendRawTransaction", node, detail })
    }

    #[test]
    fn nodes_words_are_understood_and_the_most_hopeful_counts() {
        let cases = [
            (vec![Ok(B256::ZERO)], 5),
            (vec![refused("already known")], 5),
            (vec![refused("transaction already imported")], 5),
            (vec![refused("nonce too low: next nonce 5, tx nonce 4")], 4),
            (vec![refused("replacement transaction underpriced")], 3),
            (vec![refused("max fee per gas less than block base fee")], 3),
            (vec![refused("insufficient funds for gas * price + value")], 1),
            (vec![refused("internal error")], 2),
            (vec![refused("insufficient funds"), refused("internal error")], 2),
            (vec![silent()], 0),
            (vec![silent(), refused("insufficient funds"), refused("nonce too low")], 4),
            (vec![refused("nonce too low"), Ok(B256::ZERO), silent()], 5),
            (vec![], 0),
        ];
        for (answers, rank) in cases {
            assert_eq!(Opinion::of(&answers).rank(), rank, "{answers:?}");
        }
    }
}
