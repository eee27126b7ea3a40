// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title What an asset is worth
/// @notice Read by a gate with a gas limit, and believed only inside the bounds that governance set.
interface IGateOracle {
    /// @notice The value of one whole token (10^decimals units).
    /// @return usdE18 US dollars with 18 decimals
    /// @return updatedAt when it was observed (UNIX seconds)
    function price(address asset) external view returns (uint256 usdE18, uint256 updatedAt);
}
