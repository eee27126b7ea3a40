// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {GateLimits} from "./GateLimits.sol";
import {GateQueue} from "./GateQueue.sol";

/// @title The gate as a part of a protocol
/// @notice Inherit it, say who holds the three roles in `_checkGateRole`, and send with `_gatedSend` everything that
/// leaves to users. Deposits, repayments and added collateral do not pass here and so can never be blocked.
/// @dev Behind a proxy the delays are the implementation's immutables; the state is at an ERC-7201 slot.
abstract contract OutflowGateMixin is GateQueue {
    using SafeERC20 for IERC20;

    /// @param claimDelay_ seconds that every claim waits, 1 to 7 days
    /// @param maxHold_ seconds by which guardians may delay a claim in all, 0 to 30 days
    /// @param recallDelay_ seconds that a recall is announced, 1 day to less than `maxHold_`; 0: no recalls, ever
    /// @param loosenDelay_ seconds that a loosening is announced, 0 to 30 days
    constructor(uint256 claimDelay_, uint256 maxHold_, uint256 recallDelay_, uint256 loosenDelay_)
        GateLimits(loosenDelay_)
        GateQueue(claimDelay_, maxHold_, recallDelay_)
    {}

    /// @dev Sends to the receiver now, or to a claim's vault. Allowances are used before anything is called, so a
    /// receiver that re-enters finds them used.
    /// @param user whose exit it is: the small exit and the reputation that count are this account's
    /// @return id of the claim, 0 if it was sent to the receiver. A caller that needs the funds in this very
    /// transaction (a router) must revert if this is not 0.
    function _gatedSend(address asset, address user, address receiver, uint256 amount)
        internal
        returns (uint256 id)
    {
        address destination;
        (destination, id) = _direct(address(this), asset, user, receiver, amount);
        if (asset == NATIVE) {
            (bool ok,) = destination.call{value: amount}("");
            if (!ok) revert NativeTransferFailed(destination, amount);
        } else {
            IERC20(asset).safeTransfer(destination, amount);
        }
    }

    /// @dev Optional: tells the gate of an inflow. Without a `creditTotal` nothing happens. Never reverts.
    function _creditInflow(address asset, uint256 amount) internal {
        _credit(asset, amount);
    }
}
