// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title What an integrator asks a Quarantine
interface IQuarantine {
    /// @notice Whether the address is frozen now.
    function isFrozen(address account) external view returns (bool);

    /// @notice Whether one of the two is frozen now: sender and receiver in one call.
    function anyFrozen(address first, address second) external view returns (bool);

    /// @notice The first of the addresses that is frozen now, or zero.
    function firstFrozen(address[] calldata accounts) external view returns (address);
}
