// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {Answers} from "./Answers.sol";
import {GateTest} from "./GateTest.sol";

/// @title A gate with one asset of a thousand units, whose protocol is the test
abstract contract FlowTest is GateTest {
    address internal constant TOKEN = address(0x70);
    address internal constant COIN = address(0x71);
    OutflowGate internal gate;
    Answers internal answers;

    /// @dev The test is the protocol.
    function setUpFlow() internal {
        vm.warp(START);
        answers = new Answers();
        address[] memory assets = new address[](1);
        assets[0] = TOKEN;
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](1);
        limits[0] = usualLimits(1000);
        gate = newGate(assets, limits);
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(this));
        gate.setReputation(answers);
        vm.stopPrank();
    }

    function out(address user, uint256 amount) internal returns (bool passed) {
        (, uint256 id) = gate.onOutflow(TOKEN, user, user, amount);
        return id == 0;
    }

    function install(address asset, IOutflowGate.Limits memory limits) internal {
        vm.prank(governance);
        if (gate.setLimits(asset, limits) == block.timestamp) return;
        skip(LOOSEN_DELAY);
        gate.applyLimits(asset);
    }

    /// @dev Everything that the scales allow at this moment, out.
    function drain() internal {
        assertTrue(out(account("whale", 0), gate.available(TOKEN)), "drained");
    }
}
