// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Warden} from "./Warden.sol";
import {Harm, LeverSpec, LeverState} from "./WardenTypes.sol";

/// @title The most harm that the sentinels can do, all of their keys stolen, read from the chain
/// @notice For a lever `i`, over the next `T` seconds and without any act of governance:
///
/// ```text
/// U_i = min(spendable(Warden, T), spendable(lever i, T))                   harm units
/// R_i = 1 + (T - wait_i) / cooldown_i, or 0 if T < wait_i                  turns; unlimited if cooldown_i = 0
/// n_i = min(pullsLeft_i, U_i / (unitsPerPull_i + unitsPerSecond_i * shortestHold_i), R_i)        pulls
/// s_i = min(n_i * longestHold_i, U_i / unitsPerSecond_i)                   seconds of hold
/// u_i = min(n_i * (unitsPerPull_i + unitsPerSecond_i * longestHold_i), U_i)
/// ```
///
/// `spendable` is what the epochs leave (`EpochBudget.spendable`); `wait_i` is the time until `readyAt`, or the
/// cool-down while a lever that does one thing at a time holds. The whole Warden, with `U = spendable(Warden, T)`:
///
/// ```text
/// n = min(sum n_i, U / min over i with n_i > 0 of (unitsPerPull_i + unitsPerSecond_i * shortestHold_i))
/// s = min(sum s_i, U / min over i with s_i > 0 of unitsPerSecond_i)        the second only where that is not 0
/// u = min(sum u_i, U)
/// ```
///
/// Every pull that begins within `T` counts with its whole hold, even where that ends
/// later. The seconds are those until anyone may release: somebody has to send that transaction.
contract WardenLens {
    /// @notice The bound over `horizon` seconds for all levers together.
    function harmBound(Warden warden, uint256 horizon) external view returns (Harm memory total) {
        bytes32[] memory ids = warden.leverIds();
        (,, uint256 units) = warden.budget(horizon);
        uint256 cheapestPull = type(uint256).max;
        uint256 cheapestSecond = type(uint256).max;
        for (uint256 i = 0; i < ids.length; ++i) {
            (LeverSpec memory spec, LeverState memory state) = lever(warden, ids[i]);
            Harm memory one = bound(warden, ids[i], spec, state, horizon);
            total.pulls += one.pulls;
            total.holdSeconds += one.holdSeconds;
            total.units += one.units;
            total.openHoldSeconds += one.openHoldSeconds;
            if (one.pulls != 0) cheapestPull = min(cheapestPull, cheapest(spec));
            if (one.holdSeconds != 0) cheapestSecond = min(cheapestSecond, spec.unitsPerSecond);
        }
        total.pulls = min(total.pulls, units / cheapestPull);
        if (cheapestSecond != 0) total.holdSeconds = min(total.holdSeconds, units / cheapestSecond);
        total.units = min(total.units, units);
    }

    /// @notice A lever with all its parameters, and what has become of it.
    function lever(Warden warden, bytes32 id)
        public
        view
        returns (LeverSpec memory spec, LeverState memory state)
    {
        return (abi.decode(warden.leverData(id), (LeverSpec)), warden.leverState(id));
    }

    /// @notice The bound over `horizon` seconds for one lever.
    function leverHarmBound(Warden warden, bytes32 id, uint256 horizon) external view returns (Harm memory) {
        (LeverSpec memory spec, LeverState memory state) = lever(warden, id);
        return bound(warden, id, spec, state, horizon);
    }

    /// @notice Seconds still to run of a lever's open holds together.
    function openHoldSeconds(Warden warden, bytes32 id) public view returns (uint256 total) {
        uint256[] memory holdIds = warden.openHolds(id);
        for (uint256 i = 0; i < holdIds.length; ++i) {
            uint256 endsAt = warden.hold(holdIds[i]).endsAt;
            if (endsAt > block.timestamp) total += endsAt - block.timestamp;
        }
    }

    /// @notice Every open hold of every lever that anyone may release now.
    function releasable(Warden warden) external view returns (uint256[] memory holdIds) {
        bytes32[] memory ids = warden.leverIds();
        uint256 nOpen = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            nOpen += warden.leverState(ids[i]).openHolds;
        }
        holdIds = new uint256[](nOpen);
        uint256 n = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256[] memory open = warden.openHolds(ids[i]);
            for (uint256 j = 0; j < open.length; ++j) {
                if (warden.hold(open[j]).endsAt <= block.timestamp) holdIds[n++] = open[j];
            }
        }
        assembly ("memory-safe") {
            mstore(holdIds, n)
        }
    }

    function bound(Warden warden, bytes32 id, LeverSpec memory spec, LeverState memory state, uint256 horizon)
        private
        view
        returns (Harm memory harm)
    {
        (,, uint256 wardenUnits) = warden.budget(horizon);
        (,, uint256 leverUnits) = warden.leverBudget(id, horizon);
        uint256 units = min(wardenUnits, leverUnits);
        uint256 dearest = spec.unitsPerPull + uint256(spec.unitsPerSecond) * spec.longestHold;
        harm.pulls = min(min(state.pullsLeft, units / cheapest(spec)), turns(spec, state, horizon));
        harm.holdSeconds = harm.pulls * spec.longestHold;
        if (spec.unitsPerSecond != 0) harm.holdSeconds = min(harm.holdSeconds, units / spec.unitsPerSecond);
        harm.units = min(harm.pulls * dearest, units);
        harm.openHoldSeconds = openHoldSeconds(warden, id);
    }

    /// @dev How often the cool-down lets a lever be pulled.
    function turns(LeverSpec memory spec, LeverState memory state, uint256 horizon)
        private
        view
        returns (uint256)
    {
        uint256 cooldown = spec.cooldown;
        uint256 wait = state.readyAt > block.timestamp ? state.readyAt - block.timestamp : 0;
        // The hold may end this second by a guardian's hand, but the cool-down begins only then.
        if (state.openHolds != 0 && !spec.concurrent && wait < cooldown) wait = cooldown;
        if (horizon < wait) return 0;
        if (cooldown == 0) return type(uint256).max;
        return 1 + (horizon - wait) / cooldown;
    }

    /// @dev Harm units of the shortest pull.
    function cheapest(LeverSpec memory spec) private pure returns (uint256) {
        return spec.unitsPerPull + uint256(spec.unitsPerSecond) * spec.shortestHold;
    }

    function min(uint256 left, uint256 right) private pure returns (uint256) {
        return left < right ? left : right;
    }
}
