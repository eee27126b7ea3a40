// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title A deadline for transactions that have none
/// @notice A Safe's signed transaction is good until its nonce is used up. As the first call of a batch, this one makes
/// the whole batch revert after a time that the owners signed.
/// @dev No state, no owner, no funds: anybody may deploy it, and one is enough for everybody on a chain.
contract NotAfter {
    /// @notice The time that the owners signed has passed.
    error TooLate(uint256 deadline, uint256 time);

    /// @param deadline Unix time in seconds; the last second in which the batch may run.
    function notAfter(uint256 deadline) external view {
        if (block.timestamp > deadline) revert TooLate(deadline, block.timestamp);
    }
}
