// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Harm, LeverSpec, Order, Outcome, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {EvilTarget, Metered} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

/// @title Every sentinel key is stolen
/// @notice A test is an attack: its modifier reads `harmBound` from the chain first, lets the thief do it, then lets a
/// passer-by release whatever is over until nothing is held, and compares what the victims counted with the bound.
abstract contract Stolen is WardenTest {
    uint256 internal constant HORIZON = 30 days;

    Metered[] internal victims;
    Harm internal bound;
    uint256 internal extraPulls;
    /// @dev Where nobody releases in time, the seconds until anyone might have are compared.
    bool internal releasedLate;

    function setUp() public virtual override {
        super.setUp();
        victims.push(brake);
        victims.push(market);
    }

    modifier bounded() {
        bound = lens.harmBound(warden, HORIZON);
        _;
        settleAndCompare();
    }

    /// @dev Releases every hold as soon as anyone may, as a passer-by would.
    function settle() internal {
        for (uint256 i = 1; i <= warden.holdCount(); ++i) {
            if (warden.hold(i).released) continue;
            if (warden.hold(i).endsAt > block.timestamp) vm.warp(warden.hold(i).endsAt);
            vm.prank(STRANGER);
            warden.release(i);
        }
    }

    function settleAndCompare() internal {
        settle();
        (uint256 pulls, uint256 held) = measured();
        assertLe(pulls, bound.pulls, "more pulls than the bound");
        if (releasedLate) held = promised();
        assertLe(held, bound.holdSeconds, "held longer than the bound");
        assertEq(address(warden).balance, 0, "the Warden holds no ether");
        assertTrue(!brake.paused(), "every hold ends");
    }

    /// @dev What the victims counted.
    function measured() internal view returns (uint256 pulls, uint256 held) {
        pulls = selfEnding.pulls() + queue.pulls() + extraPulls;
        held = selfEnding.stoppedSeconds();
        for (uint256 i = 0; i < victims.length; ++i) {
            pulls += victims[i].pulls();
            held += victims[i].stoppedSeconds();
        }
    }

    /// @dev Seconds from each pull to the moment from which anyone may release.
    function promised() internal view returns (uint256 total) {
        for (uint256 i = 1; i <= warden.holdCount(); ++i) {
            total += warden.hold(i).endsAt - warden.hold(i).startedAt;
        }
    }

    /// @dev A target of the thief's choice that governance was talked into, as the worst case.
    function evilLever(EvilTarget evil) internal returns (bytes32) {
        victims.push(evil);
        return register(pauseSpec(address(evil)));
    }

    function evilOrder(bytes32 lever) internal returns (SignedOrder memory) {
        return sign(orderFor(lever, abi.encodeCall(EvilTarget.pause, ()), 1 hours), 1);
    }

    function expectFailure(bytes memory reason) internal {
        more.expectRevert(reason);
    }
}
