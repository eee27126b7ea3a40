// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BucketLib} from "./BucketLib.sol";
import {IOutflowGate} from "./IOutflowGate.sol";

/// @title The arithmetic of a gate's limits: sound, looser, bounded by
/// @notice A contract of its own, without state, only because a contract that inherits a gate would otherwise not fit
/// under EIP-170. Every gate deploys its own in its constructor.
///
/// The bound. In any T seconds, what leaves at once of one asset is at most
///
///     min( min over scales (B + ρ·T) + B_c + ρ_c·T ,  V(T) · 10^(decimals+12) / low )  +  B_s + ρ_s·T  +  B_r + ρ_r·T
///
/// where c is the total for credit, s the total for small exits (it bounds all Sybil addresses together), r the total
/// for reputation, each zero if off, and V(T) = min over the value limit's scales (B + ρ·T) in micro dollars.
/// `lossBound` is this expression in integers, each product rounded down.
contract GateRules {
    using BucketLib for BucketLib.Limit;

    /// @notice Most buckets of one asset: 1 block, 1 hour, 1 day, 7 days.
    uint256 public constant MAX_SCALES = 4;

    /// @notice Most decimals of an asset that counts against the value limit.
    uint256 public constant MAX_DECIMALS = 36;

    /// @notice Longest tightening, and longest cool-down between two: 30 days.
    uint256 public constant MAX_TIGHTEN_TIME = 30 days;

    /// @dev The value limit's unit is 1e-6 dollars, prices have 18 decimals.
    uint256 private constant PRICE_DECIMALS_OVER_VALUE = 12;

    /// @notice Whether limits can be used at all.
    /// @param isValue whether they are the value limit's, which has no value of its own
    function isSound(IOutflowGate.Limits calldata limits, bool isValue) external pure returns (bool) {
        if (limits.scales.length > MAX_SCALES) return false;
        for (uint256 i = 0; i < limits.scales.length; ++i) {
            if (!limits.scales[i].isSound()) return false;
        }
        if (!limits.smallTotal.isSound() || !limits.smallPerUser.isSound()) return false;
        if (!limits.reputationTotal.isSound() || !limits.creditTotal.isSound()) return false;
        if (limits.maxMultiplierBps < BucketLib.ONE || limits.minTightenBps > BucketLib.ONE) return false;
        if (limits.maxTightenDuration > MAX_TIGHTEN_TIME || limits.tightenCooldown > MAX_TIGHTEN_TIME) {
            return false;
        }
        IOutflowGate.Valuation calldata valuation = limits.valuation;
        if (valuation.high == 0) return true;
        return !isValue && valuation.decimals <= MAX_DECIMALS && valuation.low != 0
            && valuation.low <= valuation.high;
    }

    /// @notice Whether anything of `next` allows more than `last`, or is not comparable with it: another number of
    /// scales, another valuation of an asset that counts, other bounds for sentinels.
    function loosens(IOutflowGate.Limits calldata last, IOutflowGate.Limits calldata next)
        external
        pure
        returns (bool)
    {
        if (next.scales.length != last.scales.length) return true;
        for (uint256 i = 0; i < next.scales.length; ++i) {
            if (!next.scales[i].notLooser(last.scales[i])) return true;
        }
        if (!next.smallTotal.notLooser(last.smallTotal)) return true;
        if (!next.smallPerUser.notLooser(last.smallPerUser)) return true;
        if (!next.reputationTotal.notLooser(last.reputationTotal)) return true;
        if (!next.creditTotal.notLooser(last.creditTotal)) return true;
        if (next.maxMultiplierBps > last.maxMultiplierBps) return true;
        if (next.minTightenBps != last.minTightenBps) return true;
        if (next.maxTightenDuration != last.maxTightenDuration) return true;
        if (next.tightenCooldown != last.tightenCooldown) return true;
        return last.valuation.high != 0
            && keccak256(abi.encode(next.valuation)) != keccak256(abi.encode(last.valuation));
    }

    /// @notice See `IOutflowGate.lossBound`.
    function lossBound(IOutflowGate gate, address asset, uint256 horizon)
        external
        view
        returns (uint256 units)
    {
        if (horizon > type(uint48).max) return type(uint256).max;
        uint256 value = _valueMain(gate, horizon);
        (uint256 early, uint256 late, bool changes, IOutflowGate.Limits memory pending) =
            _split(gate, asset, horizon);
        units = _bound(gate.limitsOf(asset), early, value);
        if (changes) units = Math.saturatingAdd(units, _bound(pending, late, value));
    }

    /// @notice See `IOutflowGate.valueLossBound`.
    function valueLossBound(IOutflowGate gate, uint256 horizon) external view returns (uint256 microUsd) {
        microUsd = _valueMain(gate, horizon);
        if (microUsd == type(uint256).max) return microUsd;
        address[] memory assets = gate.gatedAssets();
        for (uint256 i = 0; i < assets.length; ++i) {
            (uint256 early, uint256 late, bool changes, IOutflowGate.Limits memory pending) =
                _split(gate, assets[i], horizon);
            microUsd = Math.saturatingAdd(microUsd, _allowanceValue(gate.limitsOf(assets[i]), early));
            if (changes) microUsd = Math.saturatingAdd(microUsd, _allowanceValue(pending, late));
        }
    }

    /// @notice How many units are worth so many micro dollars at a price, rounded down; saturates, for with many
    /// decimals and a low price that is more than a word holds.
    /// @param price of one whole token, US dollars with 18 decimals, not zero
    function unitsWorth(uint256 microUsd, uint8 decimals, uint256 price) public pure returns (uint256) {
        uint256 scale = 10 ** (decimals + PRICE_DECIMALS_OVER_VALUE);
        (uint256 high,) = Math.mul512(microUsd, scale);
        return high < price ? Math.mulDiv(microUsd, scale, price) : type(uint256).max;
    }

    /// @dev The limits in force count until announced ones can be applied, those from then on. At the very second of
    /// the announcement's end both can be used.
    function _split(IOutflowGate gate, address asset, uint256 horizon)
        private
        view
        returns (uint256 early, uint256 late, bool changes, IOutflowGate.Limits memory pending)
    {
        uint256 eta;
        (eta, pending) = gate.pendingLimits(asset);
        if (eta == 0 || eta > block.timestamp + horizon) return (horizon, 0, false, pending);
        early = eta > block.timestamp ? eta - block.timestamp : 0;
        return (early, horizon - early, true, pending);
    }

    /// @dev V(T): what the value limit's scales let pass, in micro dollars; type(uint256).max if there is none.
    function _valueMain(IOutflowGate gate, uint256 horizon) private view returns (uint256 microUsd) {
        address value = gate.VALUE();
        if (!gate.isRegistered(value) || horizon > type(uint48).max) return type(uint256).max;
        (uint256 early, uint256 late, bool changes, IOutflowGate.Limits memory pending) =
            _split(gate, value, horizon);
        microUsd = _scalesBound(gate.limitsOf(value), early);
        if (changes) microUsd += _scalesBound(pending, late);
    }

    function _bound(IOutflowGate.Limits memory limits, uint256 time, uint256 value)
        private
        pure
        returns (uint256 units)
    {
        if (limits.scales.length != 0) {
            units = _scalesBound(limits, time) + limits.creditTotal.bound(time);
        }
        if (limits.valuation.high != 0 && value != type(uint256).max) {
            units = Math.min(units, unitsWorth(value, limits.valuation.decimals, limits.valuation.low));
        }
        (uint256 small, uint256 enlarged) = _allowances(limits, time);
        return units + small + enlarged;
    }

    function _scalesBound(IOutflowGate.Limits memory limits, uint256 time)
        private
        pure
        returns (uint256 units)
    {
        if (limits.scales.length == 0) return 0;
        units = type(uint256).max;
        for (uint256 i = 0; i < limits.scales.length; ++i) {
            units = Math.min(units, limits.scales[i].bound(time));
        }
    }

    /// @dev What may pass beside the scales in `time` seconds: small exits, and exits enlarged by reputation.
    function _allowances(IOutflowGate.Limits memory limits, uint256 time)
        private
        pure
        returns (uint256 small, uint256 enlarged)
    {
        if (limits.smallPerUser.capacity == 0) return (0, 0);
        small = limits.smallTotal.bound(time);
        if (limits.maxMultiplierBps > BucketLib.ONE) enlarged = limits.reputationTotal.bound(time);
    }

    function _allowanceValue(IOutflowGate.Limits memory limits, uint256 time)
        private
        pure
        returns (uint256 microUsd)
    {
        IOutflowGate.Valuation memory valuation = limits.valuation;
        if (valuation.high == 0) return 0;
        (uint256 small, uint256 enlarged) = _allowances(limits, time);
        uint256 scale = 10 ** (valuation.decimals + PRICE_DECIMALS_OVER_VALUE);
        return Math.mulDiv(small + enlarged, valuation.high, scale, Math.Rounding.Ceil);
    }
}
