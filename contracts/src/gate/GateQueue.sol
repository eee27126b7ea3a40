// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ClaimVault} from "./ClaimVault.sol";
import {GateFlow} from "./GateFlow.sol";
import {IOutflowGate} from "./IOutflowGate.sol";

/// @title Claims: outflows that wait
/// @notice A claim's funds sit in a vault of its own, out of the protocol's reach. There are two ways out of a vault:
/// to the receiver (or where the receiver says), at the latest `claimDelay + maxHold` after it was queued, by anyone;
/// or back to the protocol it came from, which needs a hold by a guardian, an announcement by governance, and the
/// announcement's delay to pass while the hold still lasts. With a `recallDelay` of zero the second way does not exist.
///
///     None ──outflow──► Queued ──releaseClaim / releaseClaimTo──► Released
///                         │ ▲
///                holdClaims │ liftHold, or its time is over
///                         ▼ │
///                       (held) ──scheduleRecall … executeRecall──► Recalled
abstract contract GateQueue is GateFlow {
    /// @notice Longest that every claim waits: 7 days.
    uint256 public constant MAX_CLAIM_DELAY = 7 days;

    /// @notice Longest that guardians can delay a claim: 30 days.
    uint256 public constant MAX_HOLD = 30 days;

    /// @notice Shortest announcement of a recall: 1 day.
    uint256 public constant MIN_RECALL_DELAY = 1 days;

    /// @inheritdoc IOutflowGate
    uint256 public immutable claimDelay;

    /// @inheritdoc IOutflowGate
    uint256 public immutable maxHold;

    /// @inheritdoc IOutflowGate
    uint256 public immutable recallDelay;

    address private immutable _vaultImplementation;

    constructor(uint256 claimDelay_, uint256 maxHold_, uint256 recallDelay_) {
        bool sound = claimDelay_ != 0 && claimDelay_ <= MAX_CLAIM_DELAY && maxHold_ <= MAX_HOLD
            && loosenDelay <= MAX_LOOSEN_DELAY;
        if (recallDelay_ != 0) sound = sound && recallDelay_ >= MIN_RECALL_DELAY && recallDelay_ < maxHold_;
        if (!sound) revert InvalidDelays(claimDelay_, maxHold_, recallDelay_, loosenDelay);
        claimDelay = claimDelay_;
        maxHold = maxHold_;
        recallDelay = recallDelay_;
        _vaultImplementation = address(new ClaimVault());
    }

    // ----------------------------------------------------------------------------------------------------- release

    /// @inheritdoc IOutflowGate
    /// @dev May be called again for what reached the vault later. A transfer that fails leaves the claim as it was.
    function releaseClaim(uint256 id) external returns (uint256 amount) {
        return _release(id, _gate().claims[id].receiver);
    }

    /// @inheritdoc IOutflowGate
    function releaseClaimTo(uint256 id, address receiver) external returns (uint256 amount) {
        address owner = _gate().claims[id].receiver;
        if (msg.sender != owner) revert NotTheReceiver(msg.sender, owner);
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        return _release(id, receiver);
    }

    // --------------------------------------------------------------------------------------------------- guardians

    /// @inheritdoc IOutflowGate
    function holdClaims(uint256[] calldata ids, uint48 until) external returns (uint256 held) {
        _checkGateRole(Role.Guardian);
        for (uint256 i = 0; i < ids.length; ++i) {
            Claim storage claim = _gate().claims[ids[i]];
            uint256 latest = latestRelease(ids[i]);
            uint256 readyAt = until < latest ? until : latest;
            if (claim.status != ClaimStatus.Queued || readyAt <= claim.readyAt) continue;
            if (readyAt <= block.timestamp) continue;
            // Once it could be released, an announcement made before counts no more.
            if (block.timestamp >= claim.readyAt) claim.recallAt = 0;
            claim.readyAt = uint48(readyAt);
            emit ClaimHeld(ids[i], msg.sender, uint48(readyAt));
            ++held;
        }
    }

    /// @inheritdoc IOutflowGate
    function liftHold(uint256 id) external {
        _checkGateRole(Role.Guardian);
        Claim storage claim = _heldClaim(id);
        claim.readyAt = uint48(claim.queuedAt + claimDelay);
        claim.recallAt = 0;
        emit HoldLifted(id, msg.sender);
    }

    // --------------------------------------------------------------------------------------------------- governance

    /// @inheritdoc IOutflowGate
    function scheduleRecall(uint256 id) external {
        _checkGateRole(Role.Governance);
        if (recallDelay == 0) revert RecallDisabled();
        Claim storage claim = _heldClaim(id);
        uint256 recallAt = block.timestamp + recallDelay;
        claim.recallAt = uint48(recallAt);
        emit RecallScheduled(id, uint48(recallAt));
    }

    /// @inheritdoc IOutflowGate
    function cancelRecall(uint256 id) external {
        _checkGateRole(Role.Governance);
        Claim storage claim = _gate().claims[id];
        if (claim.recallAt == 0 || claim.status != ClaimStatus.Queued) revert RecallNotScheduled(id);
        claim.recallAt = 0;
        emit RecallCancelled(id);
    }

    /// @inheritdoc IOutflowGate
    /// @dev Only while the hold lasts: once a claim can be released, it belongs to its receiver for good.
    function executeRecall(uint256 id) external returns (uint256 amount) {
        _checkGateRole(Role.Governance);
        Claim storage claim = _heldClaim(id);
        if (claim.recallAt == 0) revert RecallNotScheduled(id);
        if (block.timestamp < claim.recallAt) revert TooEarly(claim.recallAt);
        claim.status = ClaimStatus.Recalled;
        _forget(claim);
        amount = _sweep(id, claim.asset, claim.protocol);
        emit ClaimRecalled(id, claim.protocol, amount);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOutflowGate
    function claimOf(uint256 id) external view returns (Claim memory) {
        return _gate().claims[id];
    }

    /// @inheritdoc IOutflowGate
    function claimCount() external view returns (uint256) {
        return _gate().nClaims;
    }

    /// @inheritdoc IOutflowGate
    function vaultOf(uint256 id) public view returns (address vault) {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            _vaultImplementation, abi.encode(address(this)), bytes32(id)
        );
    }

    /// @inheritdoc IOutflowGate
    function latestRelease(uint256 id) public view returns (uint256 time) {
        uint256 queuedAt = _gate().claims[id].queuedAt;
        return queuedAt == 0 ? 0 : queuedAt + claimDelay + maxHold;
    }

    /// @inheritdoc IOutflowGate
    function queuedTotal(address asset) external view returns (uint256 units) {
        return _gate().assets[asset].queued;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev The one question of every outflow: where do the funds go? To `receiver` now, or to a new claim's vault.
    /// @param protocol from where the funds come
    /// @return destination where the caller must send exactly `amount`
    /// @return id of the new claim, 0 if the outflow passed
    function _direct(address protocol, address asset, address user, address receiver, uint256 amount)
        internal
        returns (address destination, uint256 id)
    {
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        if (amount == 0) return (receiver, 0);
        Route route = _spend(asset, user, amount);
        if (route == Route.Queue) return _enqueue(protocol, asset, user, receiver, amount);
        emit OutflowPassed(asset, user, amount, route);
        return (receiver, 0);
    }

    function _enqueue(address protocol, address asset, address user, address receiver, uint256 amount)
        private
        returns (address vault, uint256 id)
    {
        id = ++_gate().nClaims;
        Claim storage claim = _gate().claims[id];
        claim.asset = asset;
        claim.queuedAt = uint48(block.timestamp);
        claim.readyAt = uint48(block.timestamp + claimDelay);
        claim.status = ClaimStatus.Queued;
        claim.receiver = receiver;
        claim.protocol = protocol;
        claim.amount = amount;
        unchecked {
            // Wraps only if claims exceed 2^256 − 1 units: then a figure is wrong, but no exit is refused.
            _gate().assets[asset].queued += amount;
        }
        vault = vaultOf(id);
        emit OutflowQueued(id, asset, receiver, user, amount, vault, claim.readyAt);
    }

    function _release(uint256 id, address receiver) private returns (uint256 amount) {
        Claim storage claim = _gate().claims[id];
        if (claim.status != ClaimStatus.Queued && claim.status != ClaimStatus.Released) {
            revert WrongStatus(id, claim.status);
        }
        if (block.timestamp < claim.readyAt) revert TooEarly(claim.readyAt);
        if (claim.status == ClaimStatus.Queued) {
            claim.status = ClaimStatus.Released;
            _forget(claim);
        }
        amount = _sweep(id, claim.asset, receiver);
        emit ClaimReleased(id, receiver, amount);
    }

    function _forget(Claim storage claim) private {
        unchecked {
            _gate().assets[claim.asset].queued -= claim.amount;
        }
    }

    function _sweep(uint256 id, address asset, address receiver) private returns (uint256 amount) {
        address vault = vaultOf(id);
        if (vault.code.length == 0) {
            Clones.cloneDeterministicWithImmutableArgs(
                _vaultImplementation, abi.encode(address(this)), bytes32(id)
            );
        }
        return ClaimVault(payable(vault)).sweep(asset, receiver);
    }

    function _heldClaim(uint256 id) private view returns (Claim storage claim) {
        claim = _gate().claims[id];
        bool held = claim.status == ClaimStatus.Queued && block.timestamp < claim.readyAt
            && claim.readyAt > claim.queuedAt + claimDelay;
        if (!held) revert NotHeld(id);
    }
}
