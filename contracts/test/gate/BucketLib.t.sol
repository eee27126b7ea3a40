// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {GateTest} from "./GateTest.sol";

contract BucketLibTest is GateTest {
    using BucketLib for BucketLib.Bucket;
    using BucketLib for BucketLib.Limit;

    function setUp() public {
        vm.warp(START);
    }

    function fresh(BucketLib.Limit memory limit_) private view returns (BucketLib.Bucket memory bucket) {
        bucket = BucketLib.Bucket(limit_.capacity, limit_.refill, 0, limit_.window, uint48(block.timestamp));
    }

    function moveTo(BucketLib.Bucket memory bucket, uint256 time) private {
        vm.warp(time);
        bucket.settle(BucketLib.untouched());
    }

    function room(BucketLib.Bucket memory bucket) private view returns (uint256) {
        return bucket.available(BucketLib.untouched());
    }

    function test_fresh_bucket_is_full_and_refills_to_its_capacity_only() public {
        BucketLib.Bucket memory bucket = fresh(limit(100, 10, 60));
        assertEq(room(bucket), 100, "full");
        bucket.take(100);
        assertEq(room(bucket), 0, "empty");
        moveTo(bucket, START + 60);
        assertEq(room(bucket), 10, "one window");
        moveTo(bucket, START + 10 days);
        assertEq(room(bucket), 100, "full again, not fuller");
    }

    /// @dev One unit in a thousand seconds, touched every second: rounding down at each touch would never refill.
    function test_touching_a_bucket_does_not_slow_its_refill() public {
        BucketLib.Bucket memory bucket = fresh(limit(5, 1, 1000));
        bucket.take(5);
        for (uint256 i = 1; i <= 2000; ++i) {
            moveTo(bucket, START + i);
        }
        assertEq(room(bucket), 2, "two units after two thousand seconds");
    }

    function test_a_fraction_of_a_unit_is_not_available() public {
        BucketLib.Bucket memory bucket = fresh(limit(5, 1, 1000));
        bucket.take(5);
        moveTo(bucket, START + 999);
        assertEq(room(bucket), 0, "999 thousandths");
        assertEq(bucket.usedUnits(), 5, "rounded up");
        moveTo(bucket, START + 1000);
        assertEq(room(bucket), 1, "one");
    }

    function test_tightening_that_ends_between_two_touches_counts_for_its_time_only() public {
        BucketLib.Bucket memory bucket = fresh(limit(1000, 10, 1));
        BucketLib.Factor memory factor = BucketLib.Factor(1000, START + 20);
        bucket.take(1000);
        vm.warp(START + 30);
        bucket.settle(factor);
        // 20 seconds at 1 per second, 10 at 10 per second.
        assertEq(bucket.available(factor), 120, "piecewise");
    }

    function test_tightened_capacity_counts_what_is_used() public {
        BucketLib.Bucket memory bucket = fresh(limit(1000, 10, 1));
        BucketLib.Factor memory factor = BucketLib.Factor(5000, START + 20);
        bucket.take(600);
        assertEq(bucket.available(factor), 0, "600 used of 500");
        bucket.give(200);
        assertEq(bucket.available(factor), 100, "400 used of 500");
        vm.warp(START + 20);
        assertEq(bucket.available(factor), 600, "over: 400 used of 1,000, not settled");
    }

    function test_changed_limit_keeps_what_is_used_rounded_up() public {
        BucketLib.Bucket memory bucket = fresh(limit(100, 1, 3));
        bucket.take(100);
        moveTo(bucket, START + 1); // 99 and two thirds are used
        BucketLib.Bucket memory changed = bucket.under(limit(200, 7, 7));
        assertEq(changed.usedUnits(), 100, "used");
        assertEq(changed.debt, 698, "99.67 times 7, rounded up");
        assertEq(bucket.under(none()).debt, 0, "no limit, no debt");
    }

    function test_wait() public {
        BucketLib.Bucket memory bucket = fresh(limit(100, 10, 60));
        assertEq(bucket.waitFor(100), 0, "now");
        assertEq(bucket.waitFor(101), type(uint256).max, "never: over the capacity");
        bucket.take(100);
        assertEq(bucket.waitFor(1), 6, "one");
        assertEq(bucket.waitFor(100), 600, "all");
        moveTo(bucket, START + 6);
        assertEq(room(bucket), 1, "as foretold");
        bucket.refill = 0;
        assertEq(bucket.waitFor(2), type(uint256).max, "never: no refill");
    }

    function test_bound_and_order() public pure {
        BucketLib.Limit memory day = limit(100, 50, 86_400);
        assertEq(day.bound(0), 100, "B");
        assertEq(day.bound(1 hours), 102, "B + rho T, rounded down");
        assertEq(none().bound(1 days), 0, "none");
        assertTrue(limit(100, 25, 43_200).notLooser(day), "the same rate");
        assertTrue(!limit(100, 26, 43_200).notLooser(day), "faster");
        assertTrue(!limit(101, 1, 86_400).notLooser(day), "larger");
        assertTrue(none().notLooser(day), "nothing");
        assertTrue(none().notLooser(none()), "nothing of nothing");
        assertTrue(!limit(1, 0, 1).notLooser(none()), "something of nothing");
        assertTrue(!limit(1, 1, 0).isSound(), "no window");
        assertTrue(none().isSound() && day.isSound(), "sound");
    }

    /// @dev Whatever is taken whenever there is room: never more than B + ρ·T, in every interval that starts with the
    /// first; and a wait that is waited for is always enough.
    function testFuzz_never_more_than_the_bound(
        uint128 capacity,
        uint128 refill,
        uint32 window,
        uint256[12] calldata steps,
        uint256[12] calldata amounts
    ) public {
        vm_assume(window != 0);
        BucketLib.Limit memory limit_ = limit(capacity, refill, window);
        BucketLib.Bucket memory bucket = fresh(limit_);
        uint256 taken = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            moveTo(bucket, block.timestamp + steps[i] % 100_000);
            uint256 free = room(bucket);
            uint256 amount = free == 0 ? 0 : amounts[i] % (free + 1);
            bucket.take(amount);
            taken += amount;
            assertLe(taken, limit_.bound(block.timestamp - START), "bound");
        }
        uint256 want = uint256(keccak256(abi.encode(amounts))) % (uint256(capacity) + 1);
        uint256 wait = bucket.waitFor(want);
        if (wait > type(uint32).max) return;
        moveTo(bucket, block.timestamp + wait);
        assertGe(room(bucket), want, "waited long enough");
    }

    /// @dev Settling often or seldom is the same, to the last fraction.
    function testFuzz_settling_is_associative(uint128 refill, uint32 window, uint16[8] calldata steps)
        public
    {
        vm_assume(window != 0);
        BucketLib.Bucket memory often = fresh(limit(type(uint128).max, refill, window));
        often.take(type(uint128).max);
        BucketLib.Bucket memory once = fresh(limit(type(uint128).max, refill, window));
        once.take(type(uint128).max);
        for (uint256 i = 0; i < steps.length; ++i) {
            moveTo(often, block.timestamp + steps[i]);
        }
        once.settle(BucketLib.untouched());
        assertEq(often.debt, once.debt, "debt");
    }

    function vm_assume(bool condition) private pure {
        more.assume(condition);
    }
}
