// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {RangeTest} from "../RangeTest.sol";
import {GateHandler} from "./GateHandler.sol";

/// @dev The handler checks with every step that no window of outflow exceeds the bound and no sentinel loosens; here is
/// what holds between steps. FOUNDRY_PROFILE=deep makes more than a hundred thousand calls.
contract GateInvariants is RangeTest {
    GateHandler private handler;

    function setUp() public {
        handler = new GateHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[18] memory selectors = [
            GateHandler.passTime.selector,
            GateHandler.passTime.selector,
            GateHandler.withdraw.selector,
            GateHandler.withdraw.selector,
            GateHandler.withdraw.selector,
            GateHandler.sybil.selector,
            GateHandler.wash.selector,
            GateHandler.donate.selector,
            GateHandler.tighten.selector,
            GateHandler.overreach.selector,
            GateHandler.lie.selector,
            GateHandler.hold.selector,
            GateHandler.lift.selector,
            GateHandler.setLimits.selector,
            GateHandler.applyLimits.selector,
            GateHandler.endTightening.selector,
            GateHandler.recall.selector,
            GateHandler.release.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), new bytes4[](selectors.length));
        for (uint256 i = 0; i < selectors.length; ++i) {
            targets[0].selectors[i] = selectors[i];
        }
    }

    /// @dev A long walk with a fixed seed: everything that can happen does, so no invariant holds for want of trying.
    function test_the_handler_reaches_everything() public {
        FuzzSelector memory target = targetSelectors()[0];
        for (uint256 i = 0; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("walk", i)));
            bytes4 selector = target.selectors[seed % target.selectors.length];
            bytes memory words = abi.encode(
                uint256(keccak256(abi.encode(seed, 1))) >> 192,
                uint256(keccak256(abi.encode(seed, 2))) >> 192,
                uint256(keccak256(abi.encode(seed, 3))) >> 128,
                uint256(keccak256(abi.encode(seed, 4))) >> 192
            );
            seed = uint256(keccak256(abi.encode(seed)));
            if (selector == GateHandler.tighten.selector) {
                words = abi.encode(seed % 3, seed % 10_001, seed % 5 hours);
            }
            if (selector == GateHandler.overreach.selector) words = abi.encode(seed % 2, seed, seed);
            if (selector == GateHandler.recall.selector) words = abi.encode(seed >> 8, seed % 2);
            if (selector == GateHandler.lie.selector) {
                words = abi.encode(seed, seed >> 8, seed >> 16, seed % 256);
            }
            (bool ok,) = address(handler).call(bytes.concat(selector, words));
            require(ok, "a step failed");
        }
        string[11] memory what = [
            "passed",
            "queued",
            "sybil",
            "tightened",
            "held",
            "lifted",
            "set",
            "applied",
            "recalled",
            "released",
            "small"
        ];
        for (uint256 i = 0; i < what.length; ++i) {
            assertGe(handler.count(what[i]), 2, what[i]);
        }
        handler.checkFunds();
        handler.checkBounds();
        handler.checkEveryClaimIsPaid();
    }

    /// @dev No path loses a user's queued funds.
    /// forge-config: default.invariant.runs = 10
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.runs = 200
    /// forge-config: deep.invariant.depth = 150
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_every_claim_is_whole_and_is_paid() public {
        handler.checkFunds();
    }

    /// @dev `lossBound` is the formula; that no window exceeds it is checked after every exit.
    /// forge-config: default.invariant.runs = 10
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.runs = 200
    /// forge-config: deep.invariant.depth = 150
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_the_bound_is_the_formula() public {
        handler.checkBounds();
        handler.checkTightenings();
    }

    function afterInvariant() public {
        handler.checkFunds();
        handler.checkEveryClaimIsPaid();
    }
}
