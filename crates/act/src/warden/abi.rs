//! The Warden's interface, as `contracts/src/warden` has it. Enumerations are their numbers.

use alloy_sol_types::sol;

sol! {
    #[derive(Debug, PartialEq, Eq)]
    struct Order {
        bytes32 lever;
        uint64 arming;
        bytes data;
        bytes32 incident;
        uint64 holdSeconds;
        uint64 deadline;
        uint256 nonce;
    }

    struct Heartbeat {
        address sentinel;
        uint64 timestamp;
    }

    #[derive(Debug)]
    struct SentinelSignature {
        address signer;
        bytes data;
    }

    #[derive(Debug)]
    struct SignedOrder {
        Order order;
        SentinelSignature[] signatures;
    }

    #[derive(Debug)]
    struct WordRule {
        uint8 kind;
        bytes32 low;
        bytes32 high;
    }

    #[derive(Debug)]
    struct CallTemplate {
        bytes data;
        bytes copies;
    }

    #[derive(Debug)]
    struct VerifyView {
        address target;
        CallTemplate call;
        uint8 word;
        uint8 comparison;
        bytes32 mask;
        bytes32 expected;
    }

    #[derive(Debug)]
    struct Pin {
        bytes32 codeHash;
        address viewTarget;
        bytes viewData;
        bytes32 viewWord;
        bytes32 implementationCodeHash;
    }

    #[derive(Debug)]
    struct LeverSpec {
        address target;
        bytes4 selector;
        uint8 sentinelsRequired;
        bool concurrent;
        uint16 pullsPerArming;
        uint32 shortestHold;
        uint32 longestHold;
        uint32 longestRatified;
        uint32 cooldown;
        uint32 callGas;
        uint32 undoGas;
        uint32 viewGas;
        uint64 unitsPerPull;
        uint64 unitsPerSecond;
        uint96 unitsPerEpoch;
        bytes fixedData;
        WordRule[] words;
        CallTemplate undo;
        VerifyView verify;
        Pin pin;
    }

    #[derive(Debug)]
    struct LeverState {
        uint64 arming;
        uint16 pullsLeft;
        uint16 openHolds;
        uint64 readyAt;
        bool endsByItself;
    }

    #[derive(Debug)]
    struct Hold {
        bytes32 lever;
        uint64 startedAt;
        uint64 endsAt;
        bool released;
        bytes32 incident;
        bytes data;
    }

    #[derive(Debug)]
    struct SentinelRecord {
        uint8 status;
        bool awaitingHeartbeat;
        uint64 heartbeat;
    }

    function pull(SignedOrder signed) external returns (uint256 holdId);
    function release(uint256 holdId) external;
    function postHeartbeat(address sentinel, uint64 timestamp, bytes signature) external;

    function leverIds() external view returns (bytes32[]);
    function leverData(bytes32 id) external view returns (bytes);
    function leverState(bytes32 id) external view returns (LeverState);
    function budget(uint256 horizon) external view returns (uint256 unitsPerEpoch, uint256 available, uint256 spendable);
    function leverBudget(bytes32 id, uint256 horizon) external view returns (uint256 unitsPerEpoch, uint256 available, uint256 spendable);
    function openHolds(bytes32 lever) external view returns (uint256[]);
    function hold(uint256 holdId) external view returns (Hold);
    function sentinels() external view returns (address[]);
    function sentinelState(address account) external view returns (SentinelRecord state, bool counts);
    function heartbeatWindow() external view returns (uint256);
    function orderLife() external view returns (uint256);
    function epochSeconds() external view returns (uint256);
    function domainSeparator() external view returns (bytes32);
    function governance() external view returns (address);
    function getMinDelay() external view returns (uint256);
    function guardians() external view returns (address[]);
}

impl CallTemplate {
    /// The call that the template makes of the order's call data, as `CallTemplates.sol` makes it; none where a copy
    /// does not fit.
    pub(crate) fn filled(&self, data: &[u8]) -> Option<alloy_primitives::Bytes> {
        let mut made = self.data.to_vec();
        let word = |place: u8| 4 + 32 * usize::from(place);
        for pair in self.copies.chunks(2) {
            let [from, to] = pair else { return None };
            let (from, to) = (word(*from), word(*to));
            made.get_mut(to..to + 32)?.copy_from_slice(data.get(from..from + 32)?);
        }
        Some(made.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_copy_words_and_refuse_what_does_not_fit() {
        let word = |byte: u8| [byte; 32];
        let data = [&[1, 2, 3, 4][..], &word(5), &word(6)].concat();
        let blank = [&[9, 9, 9, 9][..], &word(0), &word(7)].concat();
        let template = |copies: &'static [u8]| CallTemplate {
            data: blank.clone().into(),
            copies: copies.into(),
        };
        let plain = template(&[]).filled(&data).unwrap();
        assert_eq!(plain.as_ref(), blank);
        let one = template(&[1, 0]).filled(&data).unwrap();
        assert_eq!(one.as_ref(), [&[9, 9, 9, 9][..], &word(6), &word(7)].concat());
        for bad in [&[2, 0][..], &[0, 2], &[0]] {
            let template = CallTemplate { data: blank.clone().into(), copies: bad.to_vec().into() };
            assert_eq!(template.filled(&data), None, "{bad:?}");
        }
    }
}
