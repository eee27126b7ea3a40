// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Token buckets in exact arithmetic
/// @notice A bucket lets at most `capacity + refill · T / window` units pass in any interval of T seconds (both ends
/// counted): the B + ρ·T of the loss bound, with B = `capacity` and ρ = `refill / window`.
/// @dev What was used is kept times the window, so a second of refill subtracts `refill` and no fraction is ever lost:
/// somebody who touches a bucket in every block can neither slow its refill nor speed it up. Times are UNIX seconds.
library BucketLib {
    /// @notice One hundred percent, in basis points.
    uint256 internal constant ONE = 10_000;

    /// @notice A limit as governance writes it.
    /// @param capacity B: what may pass at once from a full bucket, in units of the asset
    /// @param refill what comes back in one window, in units of the asset; ρ = refill / window
    /// @param window seconds in which `refill` comes back; 1 to 2^32 − 1, zero only if the capacity is zero
    struct Limit {
        uint128 capacity;
        uint128 refill;
        uint32 window;
    }

    /// @notice A limit and what of it is used.
    /// @param debt units used times the window (units · seconds)
    /// @param updatedAt when `debt` was last true (UNIX seconds)
    struct Bucket {
        uint128 capacity;
        uint128 refill;
        uint176 debt;
        uint32 window;
        uint48 updatedAt;
    }

    /// @notice How far, and until when, sentinels have tightened a bucket.
    /// @param bps what is left of capacity and refill, in basis points; 10,000 is untouched
    /// @param until when the tightening ends by itself (UNIX seconds)
    struct Factor {
        uint256 bps;
        uint256 until;
    }

    /// @notice No tightening.
    function untouched() internal pure returns (Factor memory) {
        return Factor(ONE, 0);
    }

    /// @notice The factor that counts at this moment: the tightening's until it ends, then one.
    function current(Factor memory factor) internal view returns (uint256 bps) {
        return block.timestamp < factor.until ? factor.bps : ONE;
    }

    /// @notice Brings `debt` up to now. The part of the time in which the tightening counted refills slower.
    /// @dev Correct only if `updatedAt` is not before the tightening began: whoever tightens settles first.
    function settle(Bucket memory bucket, Factor memory factor) internal view {
        uint256 since = bucket.updatedAt;
        uint256 tightEnd = factor.until < block.timestamp ? factor.until : block.timestamp;
        uint256 tight = tightEnd > since ? tightEnd - since : 0;
        uint256 free = block.timestamp - since - tight;
        uint256 refilled = free * bucket.refill + tight * (bucket.refill * factor.bps / ONE);
        // Both are below 2^176: the debt by its type, and what is subtracted is smaller than the debt.
        bucket.debt = refilled >= bucket.debt ? 0 : uint176(bucket.debt - refilled);
        bucket.updatedAt = uint48(block.timestamp);
    }

    /// @notice What may pass now, in units. The bucket must be settled.
    function available(Bucket memory bucket, Factor memory factor) internal view returns (uint256 units) {
        uint256 capacity = uint256(bucket.capacity) * current(factor) / ONE;
        uint256 used = usedUnits(bucket);
        return used < capacity ? capacity - used : 0;
    }

    /// @notice What is used, in units, rounded up. The bucket must be settled.
    function usedUnits(Bucket memory bucket) internal pure returns (uint256 units) {
        if (bucket.debt == 0) return 0;
        return (uint256(bucket.debt) - 1) / bucket.window + 1;
    }

    /// @notice Uses `amount` units. The bucket must be settled and `amount` must be available.
    function take(Bucket memory bucket, uint256 amount) internal pure {
        // amount ≤ capacity < 2^128 and window < 2^32, so the sum is below 2^161.
        bucket.debt = uint176(bucket.debt + amount * bucket.window);
    }

    /// @notice Gives back up to `amount` units of what is used. The bucket must be settled.
    function give(Bucket memory bucket, uint256 amount) internal pure {
        uint256 back = amount * bucket.window;
        bucket.debt = back >= bucket.debt ? 0 : uint176(bucket.debt - back);
    }

    /// @notice The same bucket under another limit: what is used stays used.
    function under(Bucket memory bucket, Limit memory limit) internal pure returns (Bucket memory changed) {
        changed = Bucket(limit.capacity, limit.refill, 0, limit.window, bucket.updatedAt);
        if (bucket.debt != 0 && limit.window != 0) {
            // Rounded up: a change of the limit never gives a fraction away. Below 2^161 · 2^32.
            changed.debt = uint176((uint256(bucket.debt) * limit.window - 1) / bucket.window + 1);
        }
    }

    /// @notice Seconds until `amount` would be available, if nothing else passes and nothing is tightened meanwhile.
    /// @return time 0 if it is available now; type(uint256).max if it never will be
    function waitFor(Bucket memory bucket, uint256 amount) internal pure returns (uint256 time) {
        if (amount > bucket.capacity) return type(uint256).max;
        uint256 allowed = (bucket.capacity - amount) * bucket.window;
        if (bucket.debt <= allowed) return 0;
        if (bucket.refill == 0) return type(uint256).max;
        return (bucket.debt - allowed - 1) / bucket.refill + 1;
    }

    /// @notice The most that can pass in any `time` seconds: B + ρ·T, rounded down.
    /// @param time seconds; at most 2^64 − 1
    function bound(Limit memory limit, uint256 time) internal pure returns (uint256 units) {
        if (limit.capacity == 0) return 0;
        return limit.capacity + limit.refill * time / limit.window;
    }

    /// @notice Whether `next` allows no more than `last` in any interval.
    function notLooser(Limit memory next, Limit memory last) internal pure returns (bool) {
        if (next.capacity == 0) return true;
        if (next.capacity > last.capacity) return false;
        return uint256(next.refill) * last.window <= uint256(last.refill) * next.window;
    }

    /// @notice Whether a limit can be used: without a window only if nothing passes anyway.
    function isSound(Limit memory limit) internal pure returns (bool) {
        return limit.window != 0 || limit.capacity == 0;
    }
}
