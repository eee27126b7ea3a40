// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BoundedCall} from "../../src/warden/BoundedCall.sol";
import {LeverChecks} from "../../src/warden/LeverChecks.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {LeverSpec, Outcome, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {Stolen} from "./Stolen.sol";
import {Brake, BrakeV1, BrakeV2, EvilTarget, NakedProxy} from "./Targets.sol";

/// @notice Attacks by the contract that is called: it is the thief's, or was changed underneath, or is made to lie.
contract StolenTargetsTest is Stolen {
    EvilTarget private evil;
    bytes32 private lever;

    function setUp() public override {
        super.setUp();
        evil = new EvilTarget();
        lever = evilLever(evil);
        bound = lens.harmBound(warden, HORIZON);
    }

    modifier compared() {
        _;
        settleAndCompare();
    }

    function reenter(bytes memory data) private {
        evil.set(EvilTarget.Trick.CallBack, address(warden), data, 0);
        warden.pull(evilOrder(lever));
        assertTrue(evil.calledBack() && !evil.callBackSucceeded(), "the Warden let itself be re-entered");
    }

    function test_target_re_enters_pull() public compared {
        reenter(abi.encodeCall(warden.pull, (sign(pauseOrder(1 hours), 1))));
        assertTrue(!brake.paused(), "nothing else was pulled");
    }

    function test_target_re_enters_a_batch() public compared {
        SignedOrder[] memory batch = new SignedOrder[](1);
        batch[0] = sign(pauseOrder(1 hours), 1);
        reenter(abi.encodeCall(warden.pullBatch, (batch)));
    }

    function test_target_re_enters_the_inner_functions() public compared {
        reenter(abi.encodeCall(warden.pullForBatch, (sign(pauseOrder(1 hours), 1), address(this))));
        assertEq(evil.callBackAnswer(), abi.encodeWithSelector(Warden.NotSelf.selector), "for itself only");
        vm.expectRevert(Warden.NotSelf.selector);
        warden.releaseForBatch(1, GUARDIAN);
    }

    function test_target_re_enters_release_in_the_pull() public compared {
        pullPause(10 minutes);
        skip(10 minutes);
        reenter(abi.encodeCall(warden.release, (1)));
    }

    /// @dev In the undo, to have the undo run twice.
    function test_target_re_enters_release_in_the_undo() public compared {
        uint256 id = warden.pull(evilOrder(lever));
        evil.set(EvilTarget.Trick.CallBack, address(warden), abi.encodeCall(warden.release, (id)), 0);
        skip(1 hours);
        warden.release(id);
        assertTrue(evil.calledBack() && !evil.callBackSucceeded(), "the undo ran within itself");
        more.expectRevert(abi.encodeWithSelector(Warden.AlreadyReleased.selector, id));
        warden.release(id);
    }

    function test_target_with_other_code_underneath() public compared {
        bytes memory code = address(evil).code;
        SignedOrder memory order = evilOrder(lever);
        more.etch(address(evil), address(new BrakeV2()).code);
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(evil)));
        warden.pull(order);
        more.etch(address(evil), code);
    }

    function test_target_destroyed_and_created_again() public compared {
        SignedOrder memory order = evilOrder(lever);
        bytes memory code = address(evil).code;
        more.etch(address(evil), "");
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(evil)));
        warden.pull(order);
        more.etch(address(evil), bytes.concat(code, hex"00"));
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(evil)));
        warden.pull(order);
        more.etch(address(evil), code);
    }

    function proxyLever(NakedProxy proxy) private returns (bytes32) {
        LeverSpec memory spec = pauseSpec(address(proxy));
        spec.pin.viewTarget = address(proxy);
        spec.pin.viewData = abi.encodeCall(proxy.implementation, ());
        spec.pin.viewWord = word(proxy.implementation());
        spec.pin.implementationCodeHash = proxy.implementation().codehash;
        return register(spec);
    }

    function test_proxy_upgraded_underneath() public {
        address first = address(new BrakeV1());
        NakedProxy proxy = new NakedProxy(first);
        SignedOrder memory order = evilOrder(proxyLever(proxy));
        bound = lens.harmBound(warden, HORIZON);
        proxy.upgradeTo(address(new BrakeV2()));
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(proxy)));
        warden.pull(order);
        proxy.upgradeTo(first);
        more.etch(first, address(new BrakeV2()).code);
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, first));
        warden.pull(order);
        more.etch(first, address(new BrakeV1()).code);
        warden.pull(order);
        assertTrue(BrakeV1(address(proxy)).paused(), "unchanged, it works");
        extraPulls = 1;
        settleAndCompare();
    }

    function test_proxy_that_no_longer_names_its_implementation() public compared {
        NakedProxy proxy = new NakedProxy(address(new BrakeV1()));
        SignedOrder memory order = evilOrder(proxyLever(proxy));
        LeverSpec memory spec = pauseSpec(address(proxy));
        spec.pin.viewTarget = address(market);
        spec.pin.viewData = hex"00000000";
        more.expectRevert(abi.encodeWithSelector(LeverChecks.ViewUnreadable.selector, address(market)));
        warden.registerLever(spec);
        more.etch(address(proxy), address(new Brake(address(warden))).code);
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(proxy)));
        warden.pull(order);
    }

    function gasOf(SignedOrder memory order) private returns (uint256 used, bool pulled) {
        SignedOrder[] memory batch = new SignedOrder[](1);
        batch[0] = order;
        uint256 before = gasleft();
        pulled = warden.pullBatch(batch)[0].pulled;
        used = before - gasleft();
    }

    function test_return_data_bomb() public compared {
        evil.set(EvilTarget.Trick.ReturnBomb, address(0), "", 0);
        (uint256 used,) = gasOf(evilOrder(lever));
        assertLe(used, 900_000, "the bomb costs the caller");
    }

    function test_revert_data_bomb() public compared {
        LeverSpec memory spec = pauseSpec(address(evil));
        spec.callGas = 2_000_000;
        bytes32 rich = register(spec);
        evil.set(EvilTarget.Trick.RevertBomb, address(0), "", 0);
        SignedOrder[] memory batch = new SignedOrder[](1);
        batch[0] = evilOrder(rich);
        Outcome[] memory outcomes = warden.pullBatch(batch);
        assertTrue(!outcomes[0].pulled, "it reverted");
        assertLe(outcomes[0].failure.length, 4 + 64 + 256, "and little of its data came back");
    }

    function test_one_lever_burns_its_gas_and_the_others_go_on() public compared {
        evil.set(EvilTarget.Trick.BurnGas, address(0), "", 0);
        SignedOrder[] memory batch = new SignedOrder[](3);
        batch[0] = evilOrder(lever);
        batch[1] = sign(pauseOrder(1 hours), 1);
        batch[2] = sign(reserveOrder(0, 1 hours), 2);
        Outcome[] memory outcomes = warden.pullBatch{gas: 3_000_000}(batch);
        assertTrue(!outcomes[0].pulled && outcomes[1].pulled && outcomes[2].pulled, "the others go on");
        assertEq(warden.leverState(lever).pullsLeft, 1, "a failure spends nothing");
    }

    /// @dev At whatever gas the thief relays somebody else's order, it either works whole or changes nothing.
    function test_relaying_with_little_gas_63_64() public compared {
        SignedOrder[] memory batch = new SignedOrder[](1);
        batch[0] = sign(pauseOrder(1 hours), 1);
        uint256 failures = 0;
        for (uint256 limit = 60_000; limit < 900_000 && !brake.paused(); limit += 7001) {
            (bool ran, bytes memory answer) =
                address(warden).call{gas: limit}(abi.encodeCall(warden.pullBatch, (batch)));
            if (!ran || !abi.decode(answer, (Outcome[]))[0].pulled) {
                ++failures;
                assertEq(warden.leverState(pauseLever).pullsLeft, 1, "nothing spent");
                assertTrue(!warden.isConsumed(warden.orderDigest(batch[0].order)), "order still good");
            }
        }
        assertGe(failures, 20, "little gas fails");
        assertTrue(brake.paused(), "enough gas works");
    }

    function test_little_gas_is_named() public compared {
        bytes memory call = abi.encodeCall(warden.pull, (sign(pauseOrder(1 hours), 1)));
        uint256 named = 0;
        for (uint256 limit = 100_000; limit < 500_000; limit += 10_000) {
            (bool ran, bytes memory answer) = address(warden).call{gas: limit}(call);
            if (!ran && bytes4(answer) == BoundedCall.InsufficientGas.selector) ++named;
        }
        assertGe(named, 3, "the reason is told");
    }

    /// @dev A view that says yes only when it has little gas left: it gets the same gas whoever relays.
    function test_view_that_lies_by_gas() public compared {
        evil.set(EvilTarget.Trick.ViewByGas, address(0), "", 40_000);
        SignedOrder[] memory batch = new SignedOrder[](1);
        batch[0] = evilOrder(lever);
        for (uint256 limit = 100_000; limit < 1_000_000; limit += 20_011) {
            (bool ran, bytes memory answer) =
                address(warden).call{gas: limit}(abi.encodeCall(warden.pullBatch, (batch)));
            if (ran) assertTrue(!abi.decode(answer, (Outcome[]))[0].pulled, "it lied");
        }
        assertTrue(evil.pulls() == 0, "never in force");
    }

    function test_view_that_says_no_reverts_or_answers_short() public compared {
        evil.set(EvilTarget.Trick.LieAboutIt, address(0), "", 0);
        SignedOrder memory order = evilOrder(lever);
        vm.expectRevert(Warden.NotInForce.selector);
        warden.pull(order);
        bytes memory unreadable = abi.encodeWithSelector(LeverChecks.ViewUnreadable.selector, address(evil));
        evil.set(EvilTarget.Trick.ViewReverts, address(0), "", 0);
        more.expectRevert(unreadable);
        warden.pull(order);
        evil.set(EvilTarget.Trick.ViewShort, address(0), "", 0);
        more.expectRevert(unreadable);
        warden.pull(order);
        assertEq(warden.leverState(lever).pullsLeft, 1, "nothing spent");
    }

    /// @dev People stopped it already. A hold on top would end with an undo, and lift what people decided.
    function test_hold_on_top_of_a_stop_by_people() public compared {
        evil.pause();
        extraPulls = 0;
        SignedOrder memory order = evilOrder(lever);
        vm.expectRevert(Warden.AlreadyInForce.selector);
        warden.pull(order);
        assertTrue(evil.paused(), "what people stopped stays stopped");
        evil.unpause();
    }

    /// @dev People lifted a stop by hand, the thief stops the same again: the first hold's end would lift the second.
    function test_second_hold_that_the_first_one_would_lift() public compared {
        pullReserve(0, 1 hours);
        market.setReservePause(asset(0), false);
        skip(10 minutes);
        SignedOrder memory again = sign(reserveOrder(0, 4 hours), 2);
        vm.expectRevert(Warden.UndoTaken.selector);
        warden.pull(again);
        skip(1 hours);
        warden.release(1);
        again = sign(reserveOrder(0, 4 hours), 2);
        warden.pull(again);
        assertTrue(market.isPaused(asset(0)), "with the first one over, it works");
    }

    function test_little_gas_cannot_make_a_release_skip_its_undo() public compared {
        pullPause(1 hours);
        skip(1 hours);
        for (uint256 limit = 30_000; limit < 900_000 && brake.paused(); limit += 7001) {
            (bool ran,) = address(warden).call{gas: limit}(abi.encodeCall(warden.release, (1)));
            assertEq(ran ? 1 : 0, brake.paused() ? 0 : 1, "released means lifted");
            assertEq(warden.hold(1).released ? 1 : 0, ran ? 1 : 0, "not released means still open");
        }
        assertTrue(!brake.paused(), "enough gas releases");
    }

    /// @dev A view that does not answer is no sign that there is nothing to lift.
    function test_view_that_falls_silent_does_not_skip_the_undo() public compared {
        uint256 id = warden.pull(evilOrder(lever));
        evil.set(EvilTarget.Trick.ViewReverts, address(0), "", 0);
        skip(1 hours);
        warden.release(id);
        evil.set(EvilTarget.Trick.None, address(0), "", 0);
        assertTrue(!evil.paused(), "the undo was called");
    }

    /// @dev An undo that reverts blocks neither other holds nor a later try.
    function test_undo_that_is_stuck() public compared {
        pullPause(1 hours);
        uint256 other = warden.pull(evilOrder(lever));
        brake.setStuck(true);
        skip(1 hours);
        uint256[] memory ids = new uint256[](2);
        (ids[0], ids[1]) = (1, other);
        bool[] memory released = warden.releaseBatch(ids);
        assertTrue(!released[0] && released[1], "the other one is released");
        vm.expectPartialRevert(Warden.UndoFailed.selector);
        warden.release(1);
        brake.setStuck(false);
        warden.release(1);
        assertEq(brake.lifted(), 1, "lifted once");
    }
}
