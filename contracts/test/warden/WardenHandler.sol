// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Harm, Hold, LeverSpec, Order, Outcome, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {WardenTest} from "./WardenTest.sol";

/// @title What a fuzzer may do to a Warden, and what it must have seen
/// @notice Thieves sign whatever they like, strangers release, guardians and governance act now and then, time passes.
/// No function here reverts but for a broken law. The bound is read again after every act of governance, and when its
/// horizon has passed.
contract WardenHandler is WardenTest {
    uint256 private constant HORIZON = 2 days;
    uint96 private constant SMALL_BUDGET = 20_000;

    struct Spending {
        uint256 time;
        uint256 units;
    }

    bytes32[] public levers;
    Harm public bound;
    uint256 public pulls;
    uint256 public holdSeconds;
    uint256 public units;
    uint256 public boundAt;
    uint256 public allPulls;
    uint256 public strangersReleases;
    uint256 public guardiansReleases;
    uint256 public ratifications;
    uint256 public refusals;
    mapping(bytes32 => uint256) public pulledSinceArming;
    mapping(bytes32 => bool) public disarmed;
    mapping(uint256 => bool) private wasReleased;
    Spending[] private log;

    constructor() {
        setUp();
        warden.setBudget(SMALL_BUDGET);
        levers.push(pauseLever);
        levers.push(reserveLever);
        levers.push(selfEndingLever);
        levers.push(cancelLever);
        readBound();
    }

    function readBound() private {
        bound = lens.harmBound(warden, HORIZON);
        boundAt = block.timestamp;
        (pulls, holdSeconds, units) = (0, 0, 0);
    }

    function pass(uint256 seconds_) external {
        skip(seconds_ % 6 hours);
    }

    function beatOne(uint256 index, uint256 back) external {
        index %= 3;
        address who = more.addr(keys[index]);
        uint256 timestamp = block.timestamp - back % 2 hours;
        bytes memory signed = heartbeatSignature(warden, keys[index], timestamp);
        try warden.postHeartbeat(who, uint64(timestamp), signed) {}
        catch {
            vm.prank(GUARDIAN);
            try warden.reviveSentinel(who) {} catch {}
        }
    }

    function pull(uint256 which, uint256 argument, uint256 hold, uint256 nSignatures) external {
        if (block.timestamp > boundAt + HORIZON) readBound();
        SignedOrder memory signed = anOrder(which, argument, hold, nSignatures);
        try warden.pull(signed) {
            note(signed.order);
        } catch {
            ++refusals;
        }
    }

    function pullTwiceInABatch(uint256 which, uint256 argument, uint256 hold) external {
        if (block.timestamp > boundAt + HORIZON) readBound();
        SignedOrder[] memory batch = new SignedOrder[](3);
        batch[0] = anOrder(which, argument, hold, 2);
        batch[1] = batch[0];
        batch[2] = anOrder(which / 4, argument / 4, hold / 4, argument);
        try warden.pullBatch(batch) returns (Outcome[] memory outcomes) {
            for (uint256 i = 0; i < 3; ++i) {
                if (outcomes[i].pulled) note(batch[i].order);
            }
            assertTrue(!(outcomes[0].pulled && outcomes[1].pulled), "an order was carried out twice");
        } catch {}
    }

    function releaseAsStranger(uint256 id) external {
        if (warden.holdCount() == 0) return;
        id = someHold(id);
        uint256 endsAt = warden.hold(id).endsAt;
        vm.prank(STRANGER);
        try warden.release(id) {
            assertGe(block.timestamp, endsAt, "a stranger let go before the end");
            noteRelease(id);
            ++strangersReleases;
        } catch {
            bool over = warden.hold(id).released || block.timestamp < endsAt;
            assertTrue(over, "a hold that is over cannot be released");
        }
    }

    function releaseAsGuardian(uint256 id, bool batch) external {
        if (warden.holdCount() == 0) return;
        uint256[] memory ids = new uint256[](1);
        ids[0] = someHold(id);
        vm.prank(GUARDIAN);
        if (batch) {
            if (warden.releaseBatch(ids)[0]) {
                noteRelease(ids[0]);
                ++guardiansReleases;
            }
        } else {
            try warden.release(ids[0]) {
                noteRelease(ids[0]);
                ++guardiansReleases;
            } catch {}
        }
    }

    function ratify(uint256 id, uint256 seconds_) external {
        if (warden.holdCount() == 0) return;
        id = someHold(id);
        vm.prank(GUARDIAN);
        try warden.ratify(id, uint64(block.timestamp + seconds_ % 3 days)) {
            ++ratifications;
        } catch {}
    }

    function disarm(uint256 which) external {
        if (which % 32 > 3) return;
        vm.prank(GUARDIAN);
        warden.disarm(levers[which % 4]);
        disarmed[levers[which % 4]] = true;
    }

    function arm(uint256 which) external {
        // Governance is rare, or the bound would be read again before anything happened.
        if (which % 16 > 3) return;
        bytes32 lever = levers[which % 4];
        warden.arm(lever);
        pulledSinceArming[lever] = 0;
        disarmed[lever] = false;
        readBound();
    }

    function setBudget(uint256 units_) external {
        if (units_ % 16 > 1) return;
        // Only downwards and back: the log of spendings is compared with the highest.
        warden.setBudget(units_ % 2 == 0 ? SMALL_BUDGET : units_ % SMALL_BUDGET);
        readBound();
    }

    function sendValue(uint96 value) external {
        vm.deal(address(this), value);
        (bool taken,) = address(warden).call{value: value}("");
        assertTrue(!taken, "the Warden took a call without a function");
    }

    /// @dev Everything that is held can be released by anyone once its time is over.
    function releaseEverything() external {
        for (uint256 id = 1; id <= warden.holdCount(); ++id) {
            Hold memory hold = warden.hold(id);
            if (hold.released) continue;
            if (hold.endsAt > block.timestamp) vm.warp(hold.endsAt);
            vm.prank(STRANGER);
            warden.release(id);
            noteRelease(id);
        }
        assertTrue(!brake.paused(), "the brake is still on");
        assertTrue(!market.isPaused(asset(0)) && !market.isPaused(asset(1)), "a reserve is still stopped");
        assertEq(lens.harmBound(warden, 0).openHoldSeconds, 0, "nothing is held");
    }

    function wardenBalance() external view returns (uint256) {
        return address(warden).balance;
    }

    function leverCount() external view returns (uint256) {
        return levers.length;
    }

    function pullsLeft(bytes32 lever) external view returns (uint256 left, uint256 perArming) {
        (LeverSpec memory spec,) = lens.lever(warden, lever);
        return (warden.leverState(lever).pullsLeft, spec.pullsPerArming);
    }

    function victimsPulls() external view returns (uint256 brakePulls, uint256 lifted) {
        return (brake.pulls(), brake.lifted());
    }

    /// @dev The most that was spent in any stretch as long as an epoch.
    function mostSpentInAnEpoch() external view returns (uint256 most) {
        uint256 from = 0;
        uint256 sum = 0;
        for (uint256 i = 0; i < log.length; ++i) {
            sum += log[i].units;
            while (log[from].time + EPOCH <= log[i].time) sum -= log[from++].units;
            if (sum > most) most = sum;
        }
    }

    function smallBudget() external pure returns (uint256) {
        return SMALL_BUDGET;
    }

    function anOrder(uint256 which, uint256 argument, uint256 hold, uint256 nSignatures)
        private
        returns (SignedOrder memory)
    {
        uint256 seconds_ = hold % 5 == 0 ? hold % 8 hours : 10 minutes + hold % 3 hours;
        Order memory order;
        if (which % 4 == 0) order = pauseOrder(seconds_);
        if (which % 4 == 1) order = reserveOrder(argument % 3, seconds_);
        if (which % 4 == 2) order = selfEndingOrder(seconds_);
        if (which % 4 == 3) order = cancelOrder(bytes32(argument));
        if (argument % 13 == 0) order.arming += 1;
        if (argument % 17 == 0) order.deadline += 1 days;
        uint256 right = which % 4 == 1 ? 2 : 1;
        return sign(order, nSignatures % 5 == 0 ? nSignatures % 4 : right);
    }

    /// @dev An open hold three times out of four, as most of them are over after a while.
    function someHold(uint256 seed) private view returns (uint256 id) {
        uint256 count = warden.holdCount();
        id = 1 + seed % count;
        if (seed % 4 == 0) return id;
        for (uint256 i = 0; i < count && warden.hold(id).released; ++i) {
            id = 1 + id % count;
        }
    }

    function note(Order memory order) private {
        uint256 cost = 1000 + order.holdSeconds;
        pulls += 1;
        allPulls += 1;
        holdSeconds += order.holdSeconds;
        units += cost;
        pulledSinceArming[order.lever] += 1;
        log.push(Spending(block.timestamp, cost));
    }

    function noteRelease(uint256 id) private {
        assertTrue(!wasReleased[id], "a hold was released twice");
        wasReleased[id] = true;
    }
}
