// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BoundedCall} from "./BoundedCall.sol";
import {BucketLib} from "./BucketLib.sol";
import {GateLimits} from "./GateLimits.sol";
import {IGateOracle} from "./IGateOracle.sol";
import {IOutflowGate} from "./IOutflowGate.sol";
import {IReputation} from "./IReputation.sol";

/// @title Which outflow may go at once
/// @notice Outflow is counted gross. A net count would let a thief wash: deposit a flash loan, withdraw it together with
/// the loot, and show a net flow near zero; or ride out on the honest deposits of the day. Inflow gives room back only
/// where governance set a `creditTotal`, and then at most that much.
/// The bound that follows is written down in `GateRules`.
abstract contract GateFlow is GateLimits {
    using BucketLib for BucketLib.Bucket;

    /// @dev The value limit's unit is 1e-6 dollars, prices have 18 decimals.
    uint256 private constant PRICE_DECIMALS_OVER_VALUE = 12;

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOutflowGate
    /// @dev For an asset that counts against the value limit, at the price of this moment.
    function available(address asset) external view returns (uint256 units) {
        AssetState storage state = _gate().assets[asset];
        units = _room(state);
        AssetState storage value = _gate().assets[VALUE];
        if (state.valuation.high == 0 || !value.registered) return units;
        uint256 price = _price(asset, state.valuation);
        return Math.min(units, _rules.unitsWorth(_room(value), state.valuation.decimals, price));
    }

    /// @inheritdoc IOutflowGate
    function quote(address asset, address user, uint256 amount)
        external
        view
        returns (Route route, uint256 waitSeconds)
    {
        AssetState storage state = _gate().assets[asset];
        (route,,) = _route(state, asset, user, amount);
        BucketLib.Factor memory factor = _factor(state);
        if (state.nScales == 0) waitSeconds = type(uint256).max;
        for (uint256 i = 0; i < state.nScales; ++i) {
            BucketLib.Bucket memory bucket = state.scales[i];
            bucket.settle(factor);
            waitSeconds = Math.max(waitSeconds, bucket.waitFor(amount));
        }
    }

    /// @inheritdoc IOutflowGate
    /// @dev Counts the limits in force, without a tightening: it may end. If a loosening is announced that can come
    /// into force within the horizon: the bound until then plus the bound under the new limits for the rest.
    /// type(uint256).max for horizons of 2^48 seconds and more.
    function lossBound(address asset, uint256 horizon) external view returns (uint256 units) {
        return _rules.lossBound(this, asset, horizon);
    }

    /// @inheritdoc IOutflowGate
    /// @dev The value limit's scales plus, at each asset's `high`, the totals for small exits and reputation. Counted
    /// dollars are real dollars only as far as `low` and `high` enclose the true price. type(uint256).max without a
    /// value limit, and for horizons of 2^48 seconds and more.
    function valueLossBound(uint256 horizon) external view returns (uint256 microUsd) {
        return _rules.valueLossBound(this, horizon);
    }

    // --------------------------------------------------------------------------------------------------- the check

    /// @dev Decides an outflow and uses the allowance it needs. Makes no calls but to the two views, which are static
    /// and have a gas limit; never reverts, whatever the asset, the amount and the answers.
    function _spend(address asset, address user, uint256 amount) internal returns (Route route) {
        AssetState storage state = _gate().assets[asset];
        uint256 value;
        BucketLib.Bucket memory mine;
        (route, value, mine) = _route(state, asset, user, amount);
        if (route == Route.Main) {
            _take(state, amount);
            if (value != 0) _take(_gate().assets[VALUE], value);
        } else if (route != Route.Queue) {
            bool small = route == Route.Small;
            BucketLib.Bucket storage total = small ? state.smallTotal : state.reputationTotal;
            _takeOne(total, small ? BucketLib.untouched() : _factor(state), amount);
            mine.take(amount);
            state.users[user] = UserDebt(mine.debt, mine.window, mine.updatedAt);
        }
    }

    /// @dev Gives room back to the asset's scales, as far as the total for credit allows. Never reverts.
    function _credit(address asset, uint256 amount) internal returns (uint256 credited) {
        AssetState storage state = _gate().assets[asset];
        credited = Math.min(amount, _roomOf(state.creditTotal, BucketLib.untouched()));
        if (credited == 0) return 0;
        BucketLib.Factor memory factor = _factor(state);
        uint256 given = 0;
        for (uint256 i = 0; i < state.nScales; ++i) {
            BucketLib.Bucket memory bucket = state.scales[i];
            bucket.settle(factor);
            given = Math.max(given, Math.min(credited, bucket.usedUnits()));
            bucket.give(credited);
            (state.scales[i].debt, state.scales[i].updatedAt) = (bucket.debt, bucket.updatedAt);
        }
        // What gave nobody room, because little was used, does not count against the total.
        credited = given;
        _takeOne(state.creditTotal, BucketLib.untouched(), credited);
        emit InflowCredited(asset, credited);
    }

    function _route(AssetState storage state, address asset, address user, uint256 amount)
        private
        view
        returns (Route route, uint256 value, BucketLib.Bucket memory mine)
    {
        if (asset == VALUE) return (Route.Queue, 0, mine);
        if (amount <= _room(state)) {
            bool fits;
            (fits, value) = _fitsValue(state, asset, amount);
            if (fits) return (Route.Main, value, mine);
        }
        mine = _userBucket(state, user);
        if (mine.capacity == 0) return (Route.Queue, 0, mine);
        BucketLib.Factor memory untouched = BucketLib.untouched();
        if (amount <= mine.available(untouched) && amount <= _roomOf(state.smallTotal, untouched)) {
            return (Route.Small, 0, mine);
        }
        // Asked only if there is something to grant: an outflow that fits never depends on a stranger's contract.
        if (amount > _roomOf(state.reputationTotal, _factor(state))) return (Route.Queue, 0, mine);
        mine.capacity = _enlarged(state, asset, user, mine.capacity);
        route = amount <= mine.available(untouched) ? Route.Reputation : Route.Queue;
    }

    function _room(AssetState storage state) private view returns (uint256 units) {
        uint256 nScales = state.nScales;
        if (nScales == 0) return 0;
        BucketLib.Factor memory factor = _factor(state);
        units = type(uint256).max;
        for (uint256 i = 0; i < nScales; ++i) {
            units = Math.min(units, _roomOf(state.scales[i], factor));
        }
    }

    function _roomOf(BucketLib.Bucket storage stored, BucketLib.Factor memory factor)
        private
        view
        returns (uint256)
    {
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(factor);
        return bucket.available(factor);
    }

    function _take(AssetState storage state, uint256 amount) private {
        BucketLib.Factor memory factor = _factor(state);
        uint256 nScales = state.nScales;
        for (uint256 i = 0; i < nScales; ++i) {
            _takeOne(state.scales[i], factor, amount);
        }
    }

    function _takeOne(BucketLib.Bucket storage stored, BucketLib.Factor memory factor, uint256 amount)
        private
    {
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(factor);
        bucket.take(amount);
        (stored.debt, stored.updatedAt) = (bucket.debt, bucket.updatedAt);
    }

    function _userBucket(AssetState storage state, address user)
        private
        view
        returns (BucketLib.Bucket memory mine)
    {
        BucketLib.Limit memory limit = state.smallPerUser;
        UserDebt memory last = state.users[user];
        mine = BucketLib.Bucket(0, 0, last.debt, last.window, last.updatedAt).under(limit);
        mine.settle(BucketLib.untouched());
    }

    /// @dev A user's small exit times the multiplier, at most governance's; zero for a user without reputation, which is
    /// everybody whose source is missing, fails or answers no more than one: the total is not for them.
    function _enlarged(AssetState storage state, address asset, address user, uint128 capacity)
        private
        view
        returns (uint128)
    {
        (, uint256 bps,) = BoundedCall.ask(
            address(_gate().reputation), abi.encodeCall(IReputation.multiplierBps, (user, asset)), 1
        );
        bps = Math.min(bps, state.maxMultiplierBps);
        if (bps <= BucketLib.ONE) return 0;
        return uint128(Math.min(uint256(capacity) * bps / BucketLib.ONE, type(uint128).max));
    }

    // -------------------------------------------------------------------------------------------------------- value

    /// @dev Whether the value limit has room, and how many micro dollars (rounded up) the outflow counts.
    function _fitsValue(AssetState storage state, address asset, uint256 amount)
        private
        view
        returns (bool fits, uint256 microUsd)
    {
        AssetState storage value = _gate().assets[VALUE];
        Valuation memory valuation = state.valuation;
        if (valuation.high == 0 || !value.registered) return (true, 0);
        // amount fits a scale, so it is below 2^128, and so is the price.
        microUsd =
            Math.mulDiv(amount, _price(asset, valuation), _unitsPerDollar(valuation), Math.Rounding.Ceil);
        fits = microUsd <= _room(value);
    }

    /// @dev A price inside governance's bounds; the upper one unless the oracle gives a fresh answer over zero.
    function _price(address asset, Valuation memory valuation) private view returns (uint256) {
        if (valuation.oracle == address(0)) return valuation.high;
        (bool ok, uint256 price, uint256 updatedAt) =
            BoundedCall.ask(valuation.oracle, abi.encodeCall(IGateOracle.price, (asset)), 2);
        if (!ok || price == 0 || updatedAt > block.timestamp) return valuation.high;
        if (block.timestamp - updatedAt > valuation.maxAge) return valuation.high;
        return Math.min(Math.max(price, valuation.low), valuation.high);
    }

    /// @dev amount · price / this = micro dollars.
    function _unitsPerDollar(Valuation memory valuation) private pure returns (uint256) {
        return 10 ** (valuation.decimals + PRICE_DECIMALS_OVER_VALUE);
    }
}
