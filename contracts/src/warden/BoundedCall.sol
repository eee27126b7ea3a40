// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Calls that cost a known amount of gas and bring back a known amount of data
/// @notice The callee is given exactly the gas that the lever says, never less: whoever relays an order cannot make a
/// call fail, or a view answer otherwise, by sending little gas. Nothing here sends value or delegates.
library BoundedCall {
    /// @notice The transaction has too little gas for the call; relay it again with more.
    error InsufficientGas(uint256 available, uint256 required);

    /// @dev Bytes of a failure that are kept.
    uint256 internal constant FAILURE_BYTES_MAX = 256;
    /// @dev Gas for the call itself: 2,600 for a cold address, expanding memory, and the check's own instructions.
    uint256 private constant CALL_OVERHEAD_GAS = 12_000;

    /// @notice Calls `target` with `gasLimit` gas and no value.
    /// @return success Whether it returned.
    /// @return failure At most the first 256 bytes of what it reverted with.
    function tryCall(address target, uint256 gasLimit, bytes memory data)
        internal
        returns (bool success, bytes memory failure)
    {
        requireGas(gasLimit);
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
        if (!success) failure = failureBytes();
    }

    /// @notice Asks `target` with `gasLimit` gas for one word of its answer.
    /// @return readable False when the call reverted or answered with too few bytes: then nothing is known.
    /// @return answer The word.
    function tryView(address target, uint256 gasLimit, bytes memory data, uint256 word)
        internal
        view
        returns (bool readable, bytes32 answer)
    {
        requireGas(gasLimit);
        assembly ("memory-safe") {
            let success := staticcall(gasLimit, target, add(data, 0x20), mload(data), 0, 0)
            let end := mul(add(word, 1), 0x20)
            readable := and(success, iszero(lt(returndatasize(), end)))
            if readable {
                returndatacopy(0, mul(word, 0x20), 0x20)
                answer := mload(0)
            }
        }
    }

    /// @dev A call may pass on all but a 64th of what is left (EIP-150), silently less than was asked for.
    function requireGas(uint256 gasLimit) private view {
        uint256 available = gasleft();
        uint256 required = gasLimit + CALL_OVERHEAD_GAS;
        if (available - available / 64 < required) revert InsufficientGas(available, required);
    }

    function failureBytes() private pure returns (bytes memory failure) {
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, FAILURE_BYTES_MAX) { size := FAILURE_BYTES_MAX }
            failure := mload(0x40)
            mstore(failure, size)
            returndatacopy(add(failure, 0x20), 0, size)
            mstore(0x40, and(add(add(failure, size), 0x3f), not(0x1f)))
        }
    }
}
