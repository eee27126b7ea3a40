// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {GateLimits} from "./GateLimits.sol";
import {GateQueue} from "./GateQueue.sol";

/// @title The gate as a contract that protocols ask before they send
/// @notice Roles: `DEFAULT_ADMIN_ROLE` is governance (a timelock), `SENTINEL_ROLE` the Warden, `GUARDIAN_ROLE` people,
/// `PROTOCOL_ROLE` the contracts whose outflow is gated. The gate itself holds no funds.
contract OutflowGate is GateQueue, AccessControl {
    using SafeERC20 for IERC20;

    /// @notice May tighten.
    bytes32 public constant SENTINEL_ROLE = keccak256("SENTINEL_ROLE");
    /// @notice May hold claims and let them go.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice May use allowances.
    bytes32 public constant PROTOCOL_ROLE = keccak256("PROTOCOL_ROLE");

    /// @notice Deploys a gate.
    /// @param governance gets `DEFAULT_ADMIN_ROLE`
    /// @param delays seconds: claim (1 s to 7 days), longest hold (to 30 days), recall (0, or 1 day to less than the
    /// hold), loosening (to 30 days)
    /// @param assets whose first limits need no announcement; may include `VALUE`
    /// @param limits of these assets
    constructor(address governance, uint256[4] memory delays, address[] memory assets, Limits[] memory limits)
        GateLimits(delays[3])
        GateQueue(delays[0], delays[1], delays[2])
    {
        _grantRole(DEFAULT_ADMIN_ROLE, governance);
        for (uint256 i = 0; i < assets.length; ++i) {
            _initLimits(assets[i], limits[i]);
        }
    }

    /// @notice Asks where an outflow must go, and uses the allowance for it. The caller must then send exactly `amount`
    /// of `asset` to `destination` in the same transaction.
    /// @param asset token, or the native asset's ERC-7528 address
    /// @param user whose exit it is: the small exit and the reputation that count are this account's
    /// @param receiver who is to get the funds, now or when the claim is released
    /// @param amount units
    /// @return destination the receiver, or the vault of a new claim
    /// @return id of the claim, 0 if the outflow passed
    function onOutflow(address asset, address user, address receiver, uint256 amount)
        external
        onlyRole(PROTOCOL_ROLE)
        returns (address destination, uint256 id)
    {
        return _direct(msg.sender, asset, user, receiver, amount);
    }

    /// @notice Asks and sends in one: tokens come from the caller's allowance to the gate, the native asset with the
    /// call. The funds go straight to the destination.
    /// @return id of the claim, 0 if the receiver has the funds
    function sendThrough(address asset, address user, address receiver, uint256 amount)
        external
        payable
        onlyRole(PROTOCOL_ROLE)
        returns (uint256 id)
    {
        uint256 needed = asset == NATIVE ? amount : 0;
        if (msg.value != needed) revert NotEnoughNative(msg.value, needed);
        address destination;
        (destination, id) = _direct(msg.sender, asset, user, receiver, amount);
        if (asset == NATIVE) {
            (bool ok,) = destination.call{value: amount}("");
            if (!ok) revert NativeTransferFailed(destination, amount);
        } else {
            IERC20(asset).safeTransferFrom(msg.sender, destination, amount);
        }
    }

    /// @notice Optional: reports an inflow. Without a `creditTotal` nothing happens. Never reverts for a protocol.
    /// @return credited units of room that came back
    function onInflow(address asset, uint256 amount)
        external
        onlyRole(PROTOCOL_ROLE)
        returns (uint256 credited)
    {
        return _credit(asset, amount);
    }

    /// @dev Governance, sentinels and guardians by their roles.
    function _checkGateRole(Role role) internal view override {
        bytes32 needed = DEFAULT_ADMIN_ROLE;
        if (role == Role.Sentinel) needed = SENTINEL_ROLE;
        if (role == Role.Guardian) needed = GUARDIAN_ROLE;
        if (!hasRole(needed, msg.sender)) revert NotAllowed(msg.sender, role);
    }
}
