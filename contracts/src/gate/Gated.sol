// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title What a protocol needs of a stand-alone gate
interface IOutflowHook {
    /// @notice See `OutflowGate.onOutflow`.
    function onOutflow(address asset, address user, address receiver, uint256 amount)
        external
        returns (address destination, uint256 id);
}

/// @title The small mixin: ask a stand-alone gate, then send
/// @notice For protocols that have no room for the whole gate in their own code. Grant the protocol the gate's
/// `PROTOCOL_ROLE`.
abstract contract Gated {
    using SafeERC20 for IERC20;

    /// @notice The native asset's address (ERC-7528).
    address internal constant NATIVE_ASSET = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;

    /// @notice The gate that is asked. Immutable: a thief of the owner's key cannot swap it for an open one.
    IOutflowHook public immutable outflowGate;

    /// @notice The receiver refused the native asset.
    error GatedTransferFailed(address receiver, uint256 amount);

    constructor(IOutflowHook gate) {
        outflowGate = gate;
    }

    /// @dev Sends to the receiver now, or to a claim's vault.
    /// @param asset token, or the native asset's ERC-7528 address
    /// @param user whose exit it is
    /// @param receiver who is to get the funds, now or when the claim is released
    /// @param amount units
    /// @return id of the claim, 0 if it was sent to the receiver
    function _gatedSend(address asset, address user, address receiver, uint256 amount)
        internal
        returns (uint256 id)
    {
        address destination;
        (destination, id) = outflowGate.onOutflow(asset, user, receiver, amount);
        if (asset == NATIVE_ASSET) {
            (bool ok,) = destination.call{value: amount}("");
            if (!ok) revert GatedTransferFailed(destination, amount);
        } else {
            IERC20(asset).safeTransfer(destination, amount);
        }
    }
}
