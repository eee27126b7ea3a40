// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {LeverBook} from "../../src/warden/LeverBook.sol";
import {SentinelSet} from "../../src/warden/SentinelSet.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {
    Comparison,
    Harm,
    Hold,
    LeverSpec,
    LeverState,
    Order,
    Outcome,
    ReleaseKind,
    SignedOrder
} from "../../src/warden/WardenTypes.sol";
import {Brake, SelfEnding} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

/// @notice What the Warden does when everybody behaves, and the acts of people.
contract WardenBehaviourTest is WardenTest {
    event LeverPulled(
        bytes32 indexed lever,
        bytes32 indexed incident,
        uint256 indexed holdId,
        bytes32 digest,
        uint64 endsAt,
        uint256 pullsLeft,
        bytes data,
        address relayer
    );
    event HoldReleased(
        uint256 indexed holdId, bytes32 indexed lever, ReleaseKind kind, address by, bool early
    );
    event HoldRatified(uint256 indexed holdId, bytes32 indexed lever, uint64 endsAt, address by);
    event OrderFailed(bytes32 indexed lever, bytes32 indexed incident, bytes32 digest, bytes reason);

    function test_pull_stops_the_target_and_says_so() public {
        Order memory order = pauseOrder(2 hours);
        SignedOrder memory signed = sign(order, 1);
        bytes32 digest = warden.orderDigest(order);
        more.expectEmit();
        emit LeverPulled(pauseLever, INCIDENT, 1, digest, uint64(START + 2 hours), 0, order.data, STRANGER);
        vm.prank(STRANGER);
        assertEq(warden.pull(signed), 1, "hold");
        assertTrue(brake.paused(), "paused");
        assertTrue(warden.isConsumed(digest), "consumed");
        Hold memory hold = warden.hold(1);
        assertEq(uint256(hold.lever), uint256(pauseLever), "lever");
        assertEq(uint256(hold.incident), uint256(INCIDENT), "incident");
        assertEq(hold.startedAt, START, "start");
        assertEq(hold.endsAt, START + 2 hours, "end");
        assertEq(hold.data.length, 0, "no words of it are needed again");
        assertEq(warden.openHolds(pauseLever).length, 1, "open");
    }

    function test_anyone_releases_at_the_end() public {
        pullPause(2 hours);
        skip(2 hours);
        more.expectEmit();
        emit HoldReleased(1, pauseLever, ReleaseKind.Undone, STRANGER, false);
        vm.prank(STRANGER);
        warden.release(1);
        assertTrue(!brake.paused(), "lifted");
        LeverState memory state = warden.leverState(pauseLever);
        assertEq(state.openHolds, 0, "closed");
        assertEq(state.readyAt, block.timestamp + 1 hours, "cool-down");
        assertEq(warden.openHolds(pauseLever).length, 0, "none open");
    }

    function test_guardian_releases_early() public {
        pullPause(2 hours);
        more.expectEmit();
        emit HoldReleased(1, pauseLever, ReleaseKind.Undone, GUARDIAN, true);
        vm.prank(GUARDIAN);
        warden.release(1);
        assertTrue(!brake.paused(), "lifted");
    }

    function test_guardian_ratifies_up_to_the_maximum() public {
        pullPause(2 hours);
        more.expectEmit();
        emit HoldRatified(1, pauseLever, uint64(START + 2 days), GUARDIAN);
        vm.prank(GUARDIAN);
        warden.ratify(1, uint64(START + 2 days));
        skip(1 days);
        vm.expectPartialRevert(Warden.HoldNotOver.selector);
        vm.prank(STRANGER);
        warden.release(1);
        skip(1 days);
        vm.prank(GUARDIAN);
        more.expectRevert(abi.encodeWithSelector(Warden.AlreadyReleased.selector, 1));
        warden.ratify(1, uint64(START + 2 days));
        vm.prank(STRANGER);
        warden.release(1);
    }

    function test_governance_adopts_a_stop() public {
        pullPause(2 hours);
        more.expectEmit();
        emit HoldReleased(1, pauseLever, ReleaseKind.Adopted, address(this), true);
        warden.adopt(1);
        skip(2 hours);
        more.expectRevert(abi.encodeWithSelector(Warden.AlreadyReleased.selector, 1));
        warden.release(1);
        assertTrue(brake.paused(), "governance's now");
        brake.unpause();
        more.expectRevert(abi.encodeWithSelector(Warden.UnknownHold.selector, 2));
        warden.adopt(2);
    }

    function test_stop_that_people_lifted_is_released_without_undo() public {
        pullPause(2 hours);
        brake.unpause();
        skip(2 hours);
        more.expectEmit();
        emit HoldReleased(1, pauseLever, ReleaseKind.AlreadyLifted, address(this), false);
        warden.release(1);
        assertEq(brake.lifted(), 1, "lifted once, by people");
    }

    function test_reserve_is_stopped_and_released_by_its_own_words() public {
        pullReserve(1, 1 hours);
        assertTrue(market.isPaused(asset(1)) && !market.isPaused(asset(0)), "only this one");
        assertGe(warden.hold(1).data.length, 68, "words kept for the undo");
        skip(10 minutes);
        pullReserve(0, 1 hours);
        assertEq(warden.leverState(reserveLever).openHolds, 2, "two at once");
        skip(1 hours);
        warden.release(1);
        assertTrue(!market.isPaused(asset(1)) && market.isPaused(asset(0)), "only this one again");
        warden.release(2);
    }

    function test_self_ending_target_needs_no_undo() public {
        warden.pull(sign(selfEndingOrder(1 hours), 1));
        assertTrue(selfEnding.isPaused(), "stopped");
        vm.startPrank(GUARDIAN);
        vm.expectRevert(Warden.NothingToUndo.selector);
        warden.release(1);
        vm.expectRevert(Warden.NothingToUndo.selector);
        warden.ratify(1, uint64(START + 2 hours));
        vm.stopPrank();
        skip(1 hours);
        assertTrue(!selfEnding.isPaused(), "goes on by itself");
        more.expectEmit();
        emit HoldReleased(1, selfEndingLever, ReleaseKind.EndedByTarget, address(this), false);
        warden.release(1);
    }

    /// @dev With an undo beside, people may end it early; late, the undo would revert and is not called.
    function test_self_ending_target_with_an_undo() public {
        LeverSpec memory spec = selfEndingSpec();
        spec.undo.data = abi.encodeCall(SelfEnding.resume, ());
        spec.undoGas = 100_000;
        spec.cooldown = 0;
        selfEndingLever = register(spec);
        warden.pull(sign(selfEndingOrder(1 hours), 1));
        vm.prank(GUARDIAN);
        warden.release(1);
        assertTrue(!selfEnding.isPaused() && selfEnding.resumed() == 1, "let go early");
        warden.pull(sign(selfEndingOrder(1 hours), 1));
        skip(1 hours);
        more.expectEmit();
        emit HoldReleased(2, selfEndingLever, ReleaseKind.EndedByTarget, address(this), false);
        warden.release(2);
        assertEq(selfEnding.resumed(), 1, "not called again");
    }

    function test_one_way_lever_leaves_no_hold() public {
        assertEq(warden.pull(sign(cancelOrder("operation"), 1)), 0, "no hold");
        assertTrue(queue.cancelled("operation"), "cancelled");
        assertEq(warden.holdCount(), 0, "none counted");
        SignedOrder memory again = sign(cancelOrder("operation"), 1);
        vm.expectRevert(Warden.AlreadyInForce.selector);
        warden.pull(again);
    }

    function test_batch_reports_each_lever() public {
        SignedOrder[] memory batch = new SignedOrder[](3);
        batch[0] = sign(pauseOrder(1 hours), 1);
        batch[1] = sign(pauseOrder(1 hours), 1);
        batch[2] = sign(cancelOrder("operation"), 1);
        bytes memory reason = abi.encodeWithSelector(Warden.LeverSpent.selector, pauseLever);
        more.expectEmit();
        emit OrderFailed(pauseLever, INCIDENT, warden.orderDigest(batch[1].order), reason);
        Outcome[] memory outcomes = warden.pullBatch(batch);
        assertTrue(outcomes[0].pulled && !outcomes[1].pulled && outcomes[2].pulled, "outcomes");
        assertEq(outcomes[0].holdId, 1, "hold");
        assertEq(outcomes[1].failure, reason, "reason");
    }

    function test_batches_have_a_limit() public {
        more.expectRevert(abi.encodeWithSelector(Warden.BatchTooLong.selector, 32));
        warden.pullBatch(new SignedOrder[](33));
        more.expectRevert(abi.encodeWithSelector(Warden.BatchTooLong.selector, 32));
        warden.releaseBatch(new uint256[](33));
    }

    function test_call_that_reverts_is_told() public {
        brake.pause();
        brake.unpause();
        more.etch(address(0xcafe), address(brake).code);
        LeverSpec memory spec = pauseSpec(address(new Brake(GUARDIAN)));
        bytes32 lever = register(spec);
        SignedOrder memory signed = sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), 1);
        vm.expectPartialRevert(Warden.CallFailed.selector);
        warden.pull(signed);
    }

    function test_three_sentinels_are_required_and_sign() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        spec.sentinelsRequired = 3;
        bytes32 lever = register(spec);
        warden.pull(sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), 3));
        assertTrue(brake.paused(), "paused");
    }

    /// @dev The way a client computes it, from the strings of the standard.
    function test_digest_is_eip712() public {
        Order memory order = reserveOrder(0, 1 hours);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Portcullis Warden"),
                keccak256("1"),
                block.chainid,
                address(warden)
            )
        );
        bytes32 typeHash = keccak256(
            "Order(bytes32 lever,uint64 arming,bytes data,bytes32 incident,uint64 holdSeconds,uint64 deadline,uint256 nonce)"
        );
        bytes32 hash = keccak256(
            abi.encode(
                typeHash,
                order.lever,
                order.arming,
                keccak256(order.data),
                order.incident,
                order.holdSeconds,
                order.deadline,
                order.nonce
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, hash));
        assertEq(uint256(domain), uint256(warden.domainSeparator()), "domain");
        assertEq(uint256(digest), uint256(warden.orderDigest(order)), "digest");
    }

    /// @dev Computed with `cast`, for chain 1 and a Warden at 0x1111…11; clients in other languages test against them.
    function test_eip712_vectors() public {
        Warden there = Warden(address(0x1111111111111111111111111111111111111111));
        more.etch(address(there), address(warden).code);
        more.chainId(1);
        bytes32 domain = 0xcc7cf441a14e13d72a1e0db94d38f488c76a83425099126c9b457599ab164613;
        assertEq(uint256(there.domainSeparator()), uint256(domain), "domain");
        bytes32 orderType = 0xed7bfc1b1ea8678ddb82bdd3da0ab67524ea2d66bdfcfcddebd78689b2bcdfb3;
        assertEq(uint256(there.ORDER_TYPEHASH()), uint256(orderType), "order type");
        bytes32 heartbeatType = 0x1dec7a907718fe7a848fef2d66dd67cf2b6a4d289145981002e050985b092156;
        assertEq(uint256(there.HEARTBEAT_TYPEHASH()), uint256(heartbeatType), "heartbeat type");
        Order memory order = Order(
            0x2222222222222222222222222222222222222222222222222222222222222222,
            3,
            hex"8456cb59",
            "INC-2026-0001",
            3600,
            1_800_000_600,
            7
        );
        bytes32 digest = 0x36443cf55410633390558743804d447f9a7081aa74e82764b1269b7d23e99e1e;
        assertEq(uint256(there.orderDigest(order)), uint256(digest), "digest");
        // The first of anvil's well-known keys signed it, and a heartbeat of 1,800,000,000.
        uint256 key = 0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80;
        assertEq(
            signature(key, digest),
            hex"6c5aa7581153c465fc2f411081f68ca48bd79681f637e4496ed9765d9ee2510c757846d0676b596d9688f1a7a44f5522a1a4a49394339da164adb7175c21304a1c",
            "order's signature"
        );
        assertEq(
            heartbeatSignature(there, key, 1_800_000_000),
            hex"a52cfd703c0c4573576468f39ec8ab8839f2912c22dcaaee612ec6c84978752359b902856ceed6acca9f7c73b3b3ff827fdefc1e74ded00882dce45e7ed1ff5f1b",
            "heartbeat's signature"
        );
        more.chainId(31_337);
    }

    function test_comparisons_of_the_view() public {
        Comparison[3] memory comparisons = [Comparison.NotEqual, Comparison.AtLeast, Comparison.AtMost];
        uint256[3] memory expected = [uint256(0), 1, 0];
        for (uint256 i = 0; i < 3; ++i) {
            Brake target = new Brake(address(warden));
            LeverSpec memory spec = pauseSpec(address(target));
            spec.verify.comparison = comparisons[i];
            spec.verify.expected = bytes32(expected[i]);
            bytes32 lever = register(spec);
            SignedOrder memory signed = sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), 1);
            // Not paused is at most zero: that view says that the stop is in force before the pull.
            if (comparisons[i] == Comparison.AtMost) vm.expectRevert(Warden.AlreadyInForce.selector);
            warden.pull(signed);
        }
    }

    function test_governance_sets_the_life_of_orders() public {
        warden.setOrderLife(1 minutes);
        assertEq(warden.orderLife(), 1 minutes, "set");
        uint256[2] memory bad = [uint256(1 minutes - 1), 7 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSetting.selector, bad[i]));
            warden.setOrderLife(bad[i]);
        }
    }

    function test_open_holds_of_a_lever_have_a_limit() public {
        LeverSpec memory spec = cancelSpec();
        spec.selector = Brake.pause.selector;
        spec = pauseSpec(address(market));
        spec.selector = market.setReservePause.selector;
        spec.concurrent = true;
        spec.pullsPerArming = 256;
        spec.cooldown = 0;
        spec.unitsPerPull = 1;
        spec.unitsPerSecond = 0;
        (LeverSpec memory reserve,) = lens.lever(warden, reserveLever);
        spec.words = reserve.words;
        spec.words[0].kind = cancelSpec().words[0].kind;
        spec.undo = reserve.undo;
        spec.verify = reserve.verify;
        bytes32 lever = register(spec);
        bytes4 selector = spec.selector;
        for (uint256 i = 0; i < 256; ++i) {
            warden.pull(sign(orderFor(lever, abi.encodeWithSelector(selector, asset(i), true), 1 hours), 1));
        }
        warden.arm(lever);
        SignedOrder memory last =
            sign(orderFor(lever, abi.encodeWithSelector(selector, asset(256), true), 1 hours), 1);
        vm.expectPartialRevert(bytes4(keccak256("TooMany(uint256)")));
        warden.pull(last);
        assertEq(lens.leverHarmBound(warden, lever, 0).openHoldSeconds, 256 * 1 hours, "open");
        skip(1 hours);
        assertEq(lens.releasable(warden).length, 256, "releasable");
    }

    function test_harm_of_one_lever() public {
        Harm memory harm = lens.leverHarmBound(warden, pauseLever, 1 days);
        assertEq(harm.pulls, 1, "pulls");
        assertEq(harm.holdSeconds, 4 hours, "seconds");
        assertEq(harm.units, 1000 + 4 hours, "units");
        assertEq(harm.openHoldSeconds, 0, "open");
        pullPause(2 hours);
        harm = lens.leverHarmBound(warden, pauseLever, 1 days);
        assertEq(harm.pulls, 0, "spent");
        assertEq(harm.openHoldSeconds, 2 hours, "open");
        warden.arm(pauseLever);
        assertEq(lens.leverHarmBound(warden, pauseLever, 1 hours - 1).pulls, 0, "it rests after any release");
        assertEq(lens.leverHarmBound(warden, pauseLever, 1 hours).pulls, 1, "and then no more");
        vm.expectPartialRevert(LeverBook.UnknownLever.selector);
        lens.leverHarmBound(warden, bytes32(0), 1);
    }

    function test_harm_of_nothing_armed_is_nothing() public {
        Harm memory before = lens.harmBound(warden, 1 days);
        assertEq(before.pulls, 1 + 3 + 2 + 5, "all levers");
        bytes32[] memory ids = warden.leverIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            vm.prank(GUARDIAN);
            warden.disarm(ids[i]);
        }
        Harm memory harm = lens.harmBound(warden, 365 days);
        assertEq(harm.pulls + harm.holdSeconds + harm.units, 0, "nothing");
    }
}
