// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "./BucketLib.sol";
import {GateRules} from "./GateRules.sol";
import {IOutflowGate} from "./IOutflowGate.sol";
import {IReputation} from "./IReputation.sol";

/// @title Who may change the gate's limits, how far and for how long
/// @notice Governance may make anything stricter at once and looser after a delay. Sentinels may only tighten: within
/// the bounds governance set, for a time that ends by itself, and not again before a cool-down is over.
abstract contract GateLimits is IOutflowGate {
    using BucketLib for BucketLib.Bucket;

    /// @dev One user's bucket of small exits is kept under the window that counted when it was last used.
    struct UserDebt {
        uint176 debt;
        uint32 window;
        uint48 updatedAt;
    }

    struct AssetState {
        bool registered;
        uint8 nScales;
        uint16 minTightenBps;
        uint32 maxTightenDuration;
        uint32 tightenCooldown;
        uint32 maxMultiplierBps;
        Tightening tightening;
        BucketLib.Bucket[4] scales;
        BucketLib.Bucket smallTotal;
        BucketLib.Bucket reputationTotal;
        BucketLib.Bucket creditTotal;
        BucketLib.Limit smallPerUser;
        Valuation valuation;
        uint256 pendingEta;
        bytes pending;
        uint256 queued;
        mapping(address user => UserDebt) users;
    }

    struct GateState {
        mapping(address asset => AssetState) assets;
        address[] assetList;
        IReputation reputation;
        uint256 nClaims;
        mapping(uint256 id => Claim) claims;
    }

    /// @inheritdoc IOutflowGate
    address public constant NATIVE = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;

    /// @inheritdoc IOutflowGate
    /// @dev The last 20 bytes of keccak256("portcullis.gate.value"): nobody can have a contract there.
    address public constant VALUE = address(uint160(uint256(keccak256("portcullis.gate.value"))));

    /// @notice Most buckets of one asset: 1 block, 1 hour, 1 day, 7 days.
    uint256 public constant MAX_SCALES = 4;

    /// @notice Most assets of one gate: `valueLossBound` walks over all.
    uint256 public constant MAX_ASSETS = 64;

    /// @notice Longest announcement of a loosening: 30 days.
    uint256 public constant MAX_LOOSEN_DELAY = 30 days;

    /// @inheritdoc IOutflowGate
    uint256 public immutable loosenDelay;

    /// @dev The arithmetic, in a contract of its own for its size.
    GateRules internal immutable _rules;

    /// @dev keccak256(abi.encode(uint256(keccak256("portcullis.storage.OutflowGate")) - 1)) & ~bytes32(uint256(0xff)):
    /// ERC-7201, so that a protocol that inherits the gate, also behind a proxy, keeps its own layout.
    bytes32 private constant STORAGE = 0x1dd26d7b8b2938d243c9a6f639f313374aa73fc0c2e7bb2cbc18653ac4858500;

    constructor(uint256 loosenDelay_) {
        loosenDelay = loosenDelay_;
        _rules = new GateRules();
    }

    /// @dev Reverts with `NotAllowed` unless the caller has the role.
    function _checkGateRole(Role role) internal view virtual;

    function _gate() internal pure returns (GateState storage state) {
        bytes32 slot = STORAGE;
        assembly ("memory-safe") {
            state.slot := slot
        }
    }

    // ------------------------------------------------------------------------------------------------- governance

    /// @inheritdoc IOutflowGate
    /// @dev The first limits of an asset loosen (until then everything is queued); the first value limit tightens.
    function setLimits(address asset, Limits memory limits) external returns (uint256 eta) {
        _checkGateRole(Role.Governance);
        _checkLimits(asset, limits);
        AssetState storage state = _gate().assets[asset];
        if (state.pendingEta != 0) _dropPending(asset, state);
        bool looser = state.registered ? _rules.loosens(limitsOf(asset), limits) : asset != VALUE;
        if (loosenDelay == 0 || !looser) {
            _install(asset, limits);
            return block.timestamp;
        }
        eta = block.timestamp + loosenDelay;
        state.pendingEta = eta;
        state.pending = abi.encode(limits);
        emit LimitsScheduled(asset, uint48(eta), limits);
    }

    /// @inheritdoc IOutflowGate
    function applyLimits(address asset) external {
        (uint256 eta, Limits memory limits) = pendingLimits(asset);
        if (eta == 0) revert NothingScheduled(asset);
        if (block.timestamp < eta) revert TooEarly(eta);
        AssetState storage state = _gate().assets[asset];
        delete state.pendingEta;
        delete state.pending;
        _install(asset, limits);
    }

    /// @inheritdoc IOutflowGate
    function cancelLimits(address asset) external {
        _checkGateRole(Role.Governance);
        AssetState storage state = _gate().assets[asset];
        if (state.pendingEta == 0) revert NothingScheduled(asset);
        _dropPending(asset, state);
    }

    /// @inheritdoc IOutflowGate
    function setReputation(IReputation source) external {
        _checkGateRole(Role.Governance);
        _gate().reputation = source;
        emit ReputationSet(source);
    }

    /// @inheritdoc IOutflowGate
    function endTightening(address asset) external {
        _checkGateRole(Role.Governance);
        AssetState storage state = _gate().assets[asset];
        if (block.timestamp >= state.tightening.until) revert NotTightened(asset);
        // The time until now still counts as tightened when the buckets are settled next.
        state.tightening.until = uint48(block.timestamp);
        emit TighteningEnded(asset);
    }

    // --------------------------------------------------------------------------------------------------- sentinels

    /// @inheritdoc IOutflowGate
    /// @dev While a tightening lasts, another order may only make it stricter or, up to the longest duration counted
    /// from its beginning, longer. So a stolen sentinel holds the limits down for at most
    /// maxTightenDuration / (maxTightenDuration + tightenCooldown) of the time, to minTightenBps of themselves.
    function tighten(address asset, uint16 bps, uint32 duration) external {
        _checkGateRole(Role.Sentinel);
        AssetState storage state = _gate().assets[asset];
        Tightening memory last = state.tightening;
        if (duration == 0 || duration > state.maxTightenDuration) {
            revert TightenTooLong(duration, state.maxTightenDuration);
        }
        bool active = block.timestamp < last.until;
        uint256 loosest = active ? last.bps : BucketLib.ONE - 1;
        if (bps < state.minTightenBps || bps > loosest) {
            revert TightenTooFar(bps, state.minTightenBps, loosest);
        }
        uint256 until = block.timestamp + duration;
        if (active) {
            uint256 end = uint256(last.startedAt) + state.maxTightenDuration;
            if (until > end) until = end;
            if (until < last.until) until = last.until;
        } else {
            uint256 earliest = last.until == 0 ? 0 : uint256(last.until) + state.tightenCooldown;
            if (block.timestamp < earliest) revert TightenCoolingDown(earliest);
            last.startedAt = uint48(block.timestamp);
        }
        _settleTightened(state);
        state.tightening = Tightening(last.startedAt, uint48(until), bps);
        emit Tightened(asset, msg.sender, bps, uint48(until));
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOutflowGate
    function limitsOf(address asset) public view returns (Limits memory limits) {
        AssetState storage state = _gate().assets[asset];
        limits.scales = new BucketLib.Limit[](state.nScales);
        for (uint256 i = 0; i < limits.scales.length; ++i) {
            limits.scales[i] = _limitOf(state.scales[i]);
        }
        limits.smallTotal = _limitOf(state.smallTotal);
        limits.smallPerUser = state.smallPerUser;
        limits.reputationTotal = _limitOf(state.reputationTotal);
        limits.creditTotal = _limitOf(state.creditTotal);
        limits.maxMultiplierBps = state.maxMultiplierBps;
        limits.minTightenBps = state.minTightenBps;
        limits.maxTightenDuration = state.maxTightenDuration;
        limits.tightenCooldown = state.tightenCooldown;
        limits.valuation = state.valuation;
    }

    /// @inheritdoc IOutflowGate
    function pendingLimits(address asset) public view returns (uint256 eta, Limits memory limits) {
        AssetState storage state = _gate().assets[asset];
        eta = state.pendingEta;
        if (eta != 0) limits = abi.decode(state.pending, (Limits));
    }

    /// @inheritdoc IOutflowGate
    function tighteningOf(address asset) external view returns (Tightening memory) {
        return _gate().assets[asset].tightening;
    }

    /// @inheritdoc IOutflowGate
    function isTightened(address asset) external view returns (bool) {
        return block.timestamp < _gate().assets[asset].tightening.until;
    }

    /// @inheritdoc IOutflowGate
    function reputation() external view returns (IReputation) {
        return _gate().reputation;
    }

    /// @inheritdoc IOutflowGate
    function isRegistered(address asset) external view returns (bool) {
        return _gate().assets[asset].registered;
    }

    /// @inheritdoc IOutflowGate
    function gatedAssets() external view returns (address[] memory) {
        return _gate().assetList;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev For a constructor or initializer: the first limits, without the delay.
    function _initLimits(address asset, Limits memory limits) internal {
        _checkLimits(asset, limits);
        _install(asset, limits);
    }

    function _checkLimits(address asset, Limits memory limits) private view {
        if (asset == address(0) || !_rules.isSound(limits, asset == VALUE)) revert InvalidLimits(asset);
    }

    function _factor(AssetState storage state) internal view returns (BucketLib.Factor memory) {
        Tightening memory tightening = state.tightening;
        return BucketLib.Factor(tightening.bps, tightening.until);
    }

    /// @dev Brings the buckets that a tightening touches up to now, before the tightening changes.
    function _settleTightened(AssetState storage state) private {
        BucketLib.Factor memory factor = _factor(state);
        for (uint256 i = 0; i < state.nScales; ++i) {
            _settleOne(state.scales[i], factor);
        }
        _settleOne(state.reputationTotal, factor);
    }

    function _settleOne(BucketLib.Bucket storage stored, BucketLib.Factor memory factor) private {
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(factor);
        (stored.debt, stored.updatedAt) = (bucket.debt, bucket.updatedAt);
    }

    function _dropPending(address asset, AssetState storage state) private {
        delete state.pendingEta;
        delete state.pending;
        emit LimitsCancelled(asset);
    }

    function _install(address asset, Limits memory limits) private {
        GateState storage gate = _gate();
        AssetState storage state = gate.assets[asset];
        if (!state.registered) {
            if (gate.assetList.length == MAX_ASSETS) revert TooManyAssets(MAX_ASSETS);
            state.registered = true;
            gate.assetList.push(asset);
        }
        BucketLib.Factor memory factor = _factor(state);
        for (uint256 i = 0; i < MAX_SCALES; ++i) {
            BucketLib.Limit memory none;
            _rewrite(state.scales[i], i < limits.scales.length ? limits.scales[i] : none, factor);
        }
        _rewrite(state.smallTotal, limits.smallTotal, BucketLib.untouched());
        _rewrite(state.reputationTotal, limits.reputationTotal, factor);
        _rewrite(state.creditTotal, limits.creditTotal, BucketLib.untouched());
        state.nScales = uint8(limits.scales.length);
        state.smallPerUser = limits.smallPerUser;
        state.maxMultiplierBps = limits.maxMultiplierBps;
        state.minTightenBps = limits.minTightenBps;
        state.maxTightenDuration = limits.maxTightenDuration;
        state.tightenCooldown = limits.tightenCooldown;
        state.valuation = limits.valuation;
        emit LimitsSet(asset, limits);
    }

    function _rewrite(
        BucketLib.Bucket storage stored,
        BucketLib.Limit memory limit,
        BucketLib.Factor memory factor
    ) private {
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(factor);
        _store(stored, bucket.under(limit));
    }

    function _store(BucketLib.Bucket storage stored, BucketLib.Bucket memory bucket) private {
        stored.capacity = bucket.capacity;
        stored.refill = bucket.refill;
        stored.debt = bucket.debt;
        stored.window = bucket.window;
        stored.updatedAt = bucket.updatedAt;
    }

    function _limitOf(BucketLib.Bucket storage stored) private view returns (BucketLib.Limit memory) {
        return BucketLib.Limit(stored.capacity, stored.refill, stored.window);
    }
}
