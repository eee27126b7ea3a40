// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Harm} from "../../src/warden/WardenTypes.sol";
import {RangeTest} from "../RangeTest.sol";
import {WardenHandler} from "./WardenHandler.sol";

/// @title Laws that hold whatever anybody does
/// @notice `FOUNDRY_PROFILE=deep tools/foundry forge test --match-contract Invariants` makes over 100,000 calls.
contract WardenInvariantsTest is RangeTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    WardenHandler private handler;

    function setUp() public {
        handler = new WardenHandler();
    }

    /// @dev Foundry asks for these by name.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](15);
        // Twice where a run would otherwise see too little of it.
        selectors[0] = selectors[1] = selectors[2] = WardenHandler.pull.selector;
        selectors[3] = WardenHandler.pullTwiceInABatch.selector;
        selectors[4] = selectors[5] = WardenHandler.pass.selector;
        selectors[6] = selectors[7] = WardenHandler.beatOne.selector;
        selectors[8] = WardenHandler.releaseAsStranger.selector;
        selectors[9] = WardenHandler.releaseAsGuardian.selector;
        selectors[10] = WardenHandler.ratify.selector;
        selectors[11] = WardenHandler.disarm.selector;
        selectors[12] = WardenHandler.arm.selector;
        selectors[13] = WardenHandler.setBudget.selector;
        selectors[14] = WardenHandler.sendValue.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_laws() public view {
        harmStaysWithinTheBound();
        spentLeversStaySpent();
        budgetIsNeverExceeded();
        noValueAndNoDoubleUndo();
    }

    /// @dev The handler's world lets things happen: laws about nothing would prove nothing.
    function test_handler_is_not_vacuous() public {
        for (uint256 i = 0; i < 1500; ++i) {
            uint256 dice = uint256(keccak256(abi.encode("dice", i)));
            uint256 other = uint256(keccak256(abi.encode(dice)));
            if (dice % 8 < 2) handler.pull(other, dice >> 32, dice >> 64, dice >> 96);
            if (dice % 8 == 2) handler.pullTwiceInABatch(other, dice >> 32, dice >> 64);
            if (dice % 8 == 3) handler.pass(other);
            if (dice % 8 == 4) handler.beatOne(other, dice >> 32);
            if (dice % 8 == 5) handler.releaseAsStranger(other);
            if (dice % 64 == 6) handler.releaseAsGuardian(other, dice >> 32 & 1 == 1);
            if (dice % 16 == 14) handler.ratify(other, dice >> 32);
            if (dice % 8 == 7) handler.arm(other);
        }
        assertGe(handler.allPulls(), 50, "pulls");
        assertGe(handler.refusals(), 50, "refusals");
        assertGe(handler.strangersReleases(), 20, "releases by strangers");
        assertGe(handler.guardiansReleases(), 3, "releases by guardians");
        assertGe(handler.ratifications(), 1, "ratifications");
        invariant_laws();
        afterInvariant();
    }

    /// @dev After each run: every hold ends, by anyone's hand.
    function afterInvariant() public {
        handler.releaseEverything();
    }

    function harmStaysWithinTheBound() private view {
        (uint256 pulls, uint256 holdSeconds, uint256 units,) = handler.bound();
        assertLe(handler.pulls(), pulls, "more pulls than the bound");
        assertLe(handler.holdSeconds(), holdSeconds, "more seconds than the bound");
        assertLe(handler.units(), units, "more units than the bound");
    }

    function spentLeversStaySpent() private view {
        for (uint256 i = 0; i < handler.leverCount(); ++i) {
            bytes32 lever = handler.levers(i);
            (uint256 left, uint256 perArming) = handler.pullsLeft(lever);
            uint256 pulled = handler.pulledSinceArming(lever);
            assertLe(pulled, perArming, "pulled more often than armed");
            if (handler.disarmed(lever)) assertEq(left, 0, "a disarmed lever has pulls");
            else assertEq(left, perArming - pulled, "pulls left");
        }
    }

    function budgetIsNeverExceeded() private view {
        assertLe(handler.mostSpentInAnEpoch(), handler.smallBudget(), "more than a budget in an epoch's time");
    }

    function noValueAndNoDoubleUndo() private view {
        assertEq(handler.wardenBalance(), 0, "the Warden holds ether");
        (uint256 pulls, uint256 lifted) = handler.victimsPulls();
        assertLe(lifted, pulls, "lifted more often than pulled");
    }
}
