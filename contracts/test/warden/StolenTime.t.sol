// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EpochBudget} from "../../src/warden/EpochBudget.sol";
import {Governed} from "../../src/warden/Governed.sol";
import {LeverBook} from "../../src/warden/LeverBook.sol";
import {SentinelSet} from "../../src/warden/SentinelSet.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {LeverSpec, Order, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {Stolen} from "./Stolen.sol";
import {Brake, Market, Metered} from "./Targets.sol";

/// @notice Attacks by time: heartbeats, budgets, cool-downs, and the ends of holds.
contract StolenTimeTest is Stolen {
    function test_heartbeat_forged_by_a_stranger() public bounded {
        skip(1);
        bytes memory forged = heartbeatSignature(warden, 0xbad, block.timestamp);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.postHeartbeat(more.addr(keys[0]), uint64(block.timestamp), forged);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, STRANGER));
        warden.postHeartbeat(STRANGER, uint64(block.timestamp), forged);
    }

    function test_heartbeat_dated_back() public bounded {
        skip(10 minutes);
        beat(keys[0], block.timestamp - 5 minutes);
        more.expectRevert(
            abi.encodeWithSelector(SentinelSet.BadHeartbeat.selector, block.timestamp - 6 minutes)
        );
        this.beatAt(0, block.timestamp - 6 minutes);
        vm.prank(GUARDIAN);
        warden.reviveSentinel(more.addr(keys[0]));
        skip(2 days);
        more.expectRevert(
            abi.encodeWithSelector(SentinelSet.BadHeartbeat.selector, block.timestamp - WINDOW - 1)
        );
        this.beatAt(0, block.timestamp - WINDOW - 1);
    }

    function test_heartbeat_dated_ahead() public bounded {
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadHeartbeat.selector, block.timestamp + 1));
        this.beatAt(0, block.timestamp + 1);
    }

    function test_heartbeat_replayed() public bounded {
        skip(1 hours);
        beat(keys[0], block.timestamp);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadHeartbeat.selector, block.timestamp));
        this.beatAt(0, block.timestamp);
    }

    function test_heartbeat_of_another_warden() public bounded {
        Warden other = new Warden(address(this), WINDOW, ORDER_LIFE, EPOCH, BUDGET);
        skip(1);
        bytes memory foreign = heartbeatSignature(other, keys[0], block.timestamp);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.postHeartbeat(more.addr(keys[0]), uint64(block.timestamp), foreign);
    }

    /// @dev A key that was asleep when it was stolen cannot wake itself.
    function test_lapsed_sentinel_brings_itself_back() public bounded {
        skip(WINDOW + 1);
        address thief = more.addr(keys[0]);
        bytes memory lapsed = abi.encodeWithSelector(SentinelSet.HeartbeatLapsed.selector, thief, START);
        more.expectRevert(lapsed);
        this.beatAt(0, block.timestamp);
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        more.expectRevert(lapsed);
        warden.pull(signed);
    }

    function test_heartbeat_alone_of_the_one_who_does_not_sign() public bounded {
        skip(WINDOW);
        beat(keys[2], block.timestamp);
        skip(1);
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        more.expectRevert(
            abi.encodeWithSelector(SentinelSet.HeartbeatLapsed.selector, more.addr(keys[0]), START)
        );
        warden.pull(signed);
    }

    function test_new_sentinel_signs_before_its_first_heartbeat() public bounded {
        uint256 key = 0xabcdef;
        warden.rotateSentinel(more.addr(keys[0]), more.addr(key), false);
        keys[0] = key;
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.HeartbeatLapsed.selector, more.addr(key), 0));
        warden.pull(signed);
    }

    /// @dev A poor Warden: two cancellations per epoch. Nothing that a sentinel can call gives more.
    function test_budget_reset_by_failing_batching_beating_or_releasing() public {
        warden.setBudget(2000);
        bound = lens.harmBound(warden, HORIZON);
        warden.pull(sign(cancelOrder("a"), 1));
        warden.pull(sign(cancelOrder("b"), 1));
        skip(1);
        beatAll();
        SignedOrder[] memory batch = new SignedOrder[](2);
        batch[0] = sign(pauseOrder(0), 1);
        batch[1] = sign(cancelOrder("c"), 1);
        assertTrue(!warden.pullBatch(batch)[1].pulled, "the budget was reset");
        warden.releaseBatch(new uint256[](1));
        (, uint256 available,) = warden.budget(0);
        assertEq(available, 0, "spent stays spent");
        SignedOrder memory third = sign(cancelOrder("c"), 1);
        more.expectRevert(abi.encodeWithSelector(EpochBudget.BudgetExceeded.selector, 1000, 0));
        warden.pull(third);
        settleAndCompare();
    }

    /// @dev Once at the end of an epoch and again at the beginning of the next.
    function test_budget_twice_around_the_end_of_an_epoch() public {
        warden.setBudget(2000);
        vm.warp((block.timestamp / EPOCH + 1) * EPOCH - 1);
        bound = lens.harmBound(warden, EPOCH - 1);
        assertEq(bound.pulls, 2, "one budget in any stretch of an epoch");
        warden.pull(sign(cancelOrder("a"), 1));
        warden.pull(sign(cancelOrder("b"), 1));
        skip(1);
        SignedOrder memory third = sign(cancelOrder("c"), 1);
        more.expectRevert(abi.encodeWithSelector(EpochBudget.BudgetExceeded.selector, 1000, 0));
        warden.pull(third);
        settleAndCompare();
    }

    function test_lever_budget_beside_a_rich_warden() public {
        LeverSpec memory spec = cancelSpec();
        spec.unitsPerEpoch = 1999;
        cancelLever = register(spec);
        bound = lens.leverHarmBound(warden, cancelLever, 0);
        assertEq(bound.pulls, 1, "one pull fits");
        warden.pull(sign(cancelOrder("a"), 1));
        SignedOrder memory second = sign(cancelOrder("b"), 1);
        more.expectRevert(abi.encodeWithSelector(EpochBudget.BudgetExceeded.selector, 1000, 999));
        warden.pull(second);
        settleAndCompare();
    }

    function test_griefing_hold_pulled_again_when_it_ends() public bounded {
        pullPause(4 hours);
        skip(4 hours);
        SignedOrder memory again = sign(pauseOrder(4 hours), 1);
        more.expectRevert(abi.encodeWithSelector(Warden.LeverSpent.selector, pauseLever));
        warden.pull(again);
        warden.release(1);
        more.expectRevert(abi.encodeWithSelector(Warden.LeverSpent.selector, pauseLever));
        warden.pull(again);
    }

    function sequential() private returns (bytes32 lever) {
        LeverSpec memory spec = pauseSpec(address(brake));
        spec.pullsPerArming = 3;
        warden.retireLever(pauseLever);
        pauseLever = lever = register(spec);
    }

    function test_griefing_hold_without_its_cool_down() public {
        sequential();
        bound = lens.harmBound(warden, HORIZON);
        pullPause(4 hours);
        skip(4 hours);
        warden.release(1);
        SignedOrder memory again = sign(pauseOrder(4 hours), 1);
        more.expectRevert(abi.encodeWithSelector(Warden.CoolingDown.selector, block.timestamp + 1 hours));
        warden.pull(again);
        skip(1 hours);
        pullPause(4 hours);
        settleAndCompare();
    }

    /// @dev Late release gives no credit: the rest begins when the stop really ended.
    function test_cool_down_spent_while_nobody_releases() public {
        bytes32 lever = sequential();
        bound = lens.harmBound(warden, HORIZON);
        pullPause(4 hours);
        skip(6 hours);
        SignedOrder memory again = sign(pauseOrder(4 hours), 1);
        more.expectRevert(abi.encodeWithSelector(LeverBook.HoldOpen.selector, lever));
        warden.pull(again);
        warden.release(1);
        vm.expectPartialRevert(Warden.CoolingDown.selector);
        warden.pull(again);
        releasedLate = true;
        settleAndCompare();
    }

    /// @dev The thief sees the release coming, lets it pass first or after: no second hold in the same block.
    function test_front_running_and_back_running_a_release() public {
        sequential();
        bound = lens.harmBound(warden, HORIZON);
        pullPause(1 hours);
        skip(1 hours);
        SignedOrder memory again = sign(pauseOrder(4 hours), 1);
        vm.expectPartialRevert(LeverBook.HoldOpen.selector);
        warden.pull(again);
        vm.prank(more.addr(keys[0]));
        warden.release(1);
        vm.expectPartialRevert(Warden.CoolingDown.selector);
        warden.pull(again);
        more.expectRevert(abi.encodeWithSelector(Warden.AlreadyReleased.selector, 1));
        warden.release(1);
        settleAndCompare();
    }

    function test_un_pause_before_its_time() public bounded {
        pullPause(4 hours);
        skip(4 hours - 1);
        for (uint256 i = 0; i < keys.length; ++i) {
            vm.prank(more.addr(keys[i]));
            more.expectRevert(abi.encodeWithSelector(Warden.HoldNotOver.selector, START + 4 hours));
            warden.release(1);
        }
        uint256[] memory ids = new uint256[](1);
        ids[0] = 1;
        vm.prank(STRANGER);
        assertTrue(!warden.releaseBatch(ids)[0], "not by a batch either");
        assertTrue(brake.paused(), "still stopped");
    }

    function test_hold_longer_or_shorter_than_the_lever_allows() public bounded {
        uint32[4] memory holds = [uint32(4 hours + 1), type(uint32).max, 10 minutes - 1, 0];
        for (uint256 i = 0; i < holds.length; ++i) {
            SignedOrder memory signed = sign(pauseOrder(holds[i]), 1);
            more.expectRevert(abi.encodeWithSelector(Warden.HoldOutOfBounds.selector, holds[i]));
            warden.pull(signed);
        }
    }

    function test_hold_prolonged_past_the_maximum() public bounded {
        pullPause(4 hours);
        vm.startPrank(GUARDIAN);
        more.expectRevert(
            abi.encodeWithSelector(Warden.BadRatification.selector, START + 2 days + 1, START + 2 days)
        );
        warden.ratify(1, uint64(START + 2 days + 1));
        more.expectRevert(
            abi.encodeWithSelector(Warden.BadRatification.selector, START + 4 hours, START + 2 days)
        );
        warden.ratify(1, uint64(START + 4 hours));
        vm.stopPrank();
    }

    /// @dev What a guardian let go early cannot be taken back with the same arming.
    function test_pull_again_after_a_guardian_let_go() public bounded {
        pullPause(4 hours);
        skip(5 minutes);
        vm.prank(GUARDIAN);
        warden.release(1);
        SignedOrder memory again = sign(pauseOrder(4 hours), 1);
        more.expectRevert(abi.encodeWithSelector(Warden.LeverSpent.selector, pauseLever));
        warden.pull(again);
    }

    /// @dev The shortest hold keeps a thief from making a guardian's own pause revert and letting go a second later.
    function test_flash_hold_in_front_of_a_guardians_pause() public bounded {
        pullPause(10 minutes);
        vm.expectRevert();
        brake.pause();
        skip(1);
        vm.prank(STRANGER);
        vm.expectPartialRevert(Warden.HoldNotOver.selector);
        warden.release(1);
        vm.prank(GUARDIAN);
        warden.ratify(1, uint64(START + 1 days));
        // The guardian's own decision, not the thief's harm.
        bound.holdSeconds += 1 days - 10 minutes;
    }

    function test_every_hold_at_once_and_the_network_stops() public bounded {
        pullPause(4 hours);
        pullReserve(0, 4 hours);
        warden.pull(sign(selfEndingOrder(4 hours), 1));
        skip(365 days);
        uint256[] memory ids = lens.releasable(warden);
        assertEq(ids.length, 3, "everything is over");
        vm.prank(STRANGER);
        warden.releaseBatch(ids);
        assertTrue(!brake.paused() && !market.isPaused(asset(0)), "nobody's consent was needed");
        releasedLate = true;
    }

    function beatAt(uint256 index, uint256 timestamp) external {
        beat(keys[index], timestamp);
    }
}
