// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IOutflowGate} from "../gate/IOutflowGate.sol";
import {IQuarantine} from "../quarantine/IQuarantine.sol";

/// @dev What a lane asks of the risk management network.
interface ICurse {
    function isCursed(bytes16 subject) external view returns (bool);
}

/// @title Users of brakes that stop nothing by themselves: contracts that ask them
/// @notice Each function does what a protocol's own would do before it lets somebody go on.
contract LeverUsers {
    error Stopped();

    /// @notice A message over a lane.
    function send(ICurse rmn, bytes16 subject) external view returns (bool) {
        if (rmn.isCursed(subject)) revert Stopped();
        return true;
    }

    /// @notice An exit of somebody who may be frozen.
    function leave(IQuarantine quarantine, address account) external view returns (bool) {
        if (quarantine.isFrozen(account)) revert Stopped();
        return true;
    }

    /// @notice An outflow that wants to be paid at once.
    function pay(IOutflowGate gate, address asset, address user, uint256 amount)
        external
        view
        returns (bool)
    {
        (IOutflowGate.Route route,) = gate.quote(asset, user, amount);
        if (route == IOutflowGate.Route.Queue) revert Stopped();
        return true;
    }
}
