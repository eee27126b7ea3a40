// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Gated, IOutflowHook} from "../../src/gate/Gated.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {OutflowGateMixin} from "../../src/gate/OutflowGateMixin.sol";

/// @notice A bank that asks a stand-alone gate. Its withdrawal checks nothing: every test is an exploit of it.
contract GatedBank is Gated {
    using SafeERC20 for IERC20;

    constructor(IOutflowHook gate) Gated(gate) {}

    receive() external payable {}

    function deposit(IERC20 token, uint256 amount) external {
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    function withdraw(address asset, address receiver, uint256 amount) external returns (uint256 id) {
        return _gatedSend(asset, msg.sender, receiver, amount);
    }

    function reportInflow(address asset, uint256 amount) external returns (uint256) {
        return OutflowGate(address(outflowGate)).onInflow(asset, amount);
    }

    function sendThrough(address asset, address receiver, uint256 amount, uint256 value)
        external
        returns (uint256 id)
    {
        OutflowGate gate = OutflowGate(address(outflowGate));
        if (value == 0) IERC20(asset).forceApprove(address(gate), amount);
        return gate.sendThrough{value: value}(asset, msg.sender, receiver, amount);
    }
}

/// @notice A bank that is its own gate.
contract MixinBank is OutflowGateMixin {
    address public immutable owner;

    constructor(address owner_, address[] memory assets, Limits[] memory limits)
        OutflowGateMixin(1 days, 7 days, 3 days, 2 days)
    {
        owner = owner_;
        for (uint256 i = 0; i < assets.length; ++i) {
            _initLimits(assets[i], limits[i]);
        }
    }

    receive() external payable {}

    function withdraw(address asset, address receiver, uint256 amount) external returns (uint256 id) {
        return _gatedSend(asset, msg.sender, receiver, amount);
    }

    function reportInflow(address asset, uint256 amount) external {
        _creditInflow(asset, amount);
    }

    function _checkGateRole(Role role) internal view override {
        if (msg.sender != owner) revert NotAllowed(msg.sender, role);
    }
}
