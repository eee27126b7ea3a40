// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Who has earned a larger small exit
/// @notice Read by a gate with a gas limit. Whatever it answers, a gate grants at most the multiplier and the total
/// budget that governance set; an answer that fails counts as 10,000.
interface IReputation {
    /// @notice How many times the ordinary small exit this user may take, in basis points: 10,000 is once.
    /// @param user whose exit it is
    /// @param asset the asset's address, ERC-7528's for the native one
    function multiplierBps(address user, address asset) external view returns (uint256 bps);
}
