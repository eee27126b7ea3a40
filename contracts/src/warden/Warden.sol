// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ArgumentBounds} from "./ArgumentBounds.sol";
import {BoundedCall} from "./BoundedCall.sol";
import {CallTemplates} from "./CallTemplates.sol";
import {EpochBudget} from "./EpochBudget.sol";
import {Governed} from "./Governed.sol";
import {LeverBook} from "./LeverBook.sol";
import {LeverChecks} from "./LeverChecks.sol";
import {SentinelSet} from "./SentinelSet.sol";
import {
    CallTemplate,
    Hold,
    LeverSpec,
    LeverState,
    Order,
    Outcome,
    ReleaseKind,
    SignedOrder
} from "./WardenTypes.sol";

/// @title Warden: what a machine may stop, for how long, and how often
/// @notice Holds the protocol's emergency rights, and lets sentinels use them within bounds that governance set:
/// registered calls only, one arming at a time, each stop with an end. A sentinel can tighten; to let go early, to
/// prolong or to arm is for people. The Warden sends no value, delegates to nobody, has no way to receive ether, and
/// calls nothing but a registered lever's target, its undo and its views. `WardenLens.harmBound` says what stolen keys
/// are worth.
/// @dev Every call gets a fixed amount of gas (see `BoundedCall`). A pull that fails changes nothing at all: neither
/// its order nor its lever is spent, and it can be relayed again until its deadline.
contract Warden is LeverBook, ReentrancyGuardTransient {
    using CallTemplates for CallTemplate;
    using EnumerableSet for EnumerableSet.UintSet;
    using EpochBudget for EpochBudget.Account;
    using LeverChecks for LeverSpec;

    /// @notice The order's deadline has passed.
    error OrderExpired(uint256 deadline);
    /// @notice The order's deadline is further away than an order may live.
    error DeadlineTooFar(uint256 deadline, uint256 latest);
    /// @notice The order was carried out or revoked.
    error OrderConsumed(bytes32 digest);
    /// @notice The lever is spent or disarmed.
    error LeverSpent(bytes32 lever);
    /// @notice The order is for another arming of its lever.
    error WrongArming(uint256 signed, uint256 current);
    /// @notice The lever rests until `readyAt`.
    error CoolingDown(uint256 readyAt);
    /// @notice The hold is shorter or longer than the lever allows.
    error HoldOutOfBounds(uint256 holdSeconds);
    /// @notice The stop is in force already: its end is not for this lever to decide.
    error AlreadyInForce();
    /// @notice An open hold has the same undo: whichever ended first would lift the other's stop as well.
    error UndoTaken();
    /// @notice The target reverted.
    error CallFailed(bytes reason);
    /// @notice The target did not revert, and the stop is not in force.
    error NotInForce();
    /// @notice No hold has this number.
    error UnknownHold(uint256 holdId);
    /// @notice The hold is over.
    error AlreadyReleased(uint256 holdId);
    /// @notice Only guardians and governance may release before `endsAt`.
    error HoldNotOver(uint256 endsAt);
    /// @notice The target ends this hold; the Warden can neither shorten nor prolong it.
    error NothingToUndo();
    /// @notice The undo reverted; the hold is still open and can be released again.
    error UndoFailed(bytes reason);
    /// @notice The new end is not later than the old one, or later than guardians may ratify.
    error BadRatification(uint256 endsAt, uint256 latest);
    /// @notice Too many orders or holds in one call.
    error BatchTooLong(uint256 maximum);
    /// @notice For the Warden's own calls to itself only.
    error NotSelf();

    /// @notice A lever was pulled. `data` is the target's calldata; `holdId` is zero for a one-way lever.
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
    /// @notice An order of a batch failed and changed nothing. `reason` is at most 256 bytes.
    event OrderFailed(bytes32 indexed lever, bytes32 indexed incident, bytes32 digest, bytes reason);
    /// @notice A hold is over.
    event HoldReleased(
        uint256 indexed holdId, bytes32 indexed lever, ReleaseKind kind, address by, bool early
    );
    /// @notice A release of a batch failed; the hold is still open.
    event ReleaseFailed(uint256 indexed holdId, bytes reason);
    /// @notice Guardians prolonged a hold.
    event HoldRatified(uint256 indexed holdId, bytes32 indexed lever, uint64 endsAt, address by);
    /// @notice An order was made void before it was carried out.
    event OrderRevoked(bytes32 indexed digest, address by);
    /// @notice EIP-712 type of an order.
    bytes32 public constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 lever,uint64 arming,bytes data,bytes32 incident,uint64 holdSeconds,uint64 deadline,uint256 nonce)"
    );
    /// @notice Orders or holds in one call.
    uint256 public constant BATCH_MAX = 32;
    /// @notice Holds of one lever that may be open at once.
    uint256 public constant OPEN_HOLDS_MAX = 256;
    uint256 private _nHolds;
    mapping(uint256 => Hold) private _holds;
    mapping(bytes32 => EnumerableSet.UintSet) private _openHolds;
    mapping(bytes32 => bool) private _consumed;
    /// @dev Undos of open holds, by the hash of target and calldata.
    mapping(bytes32 => bool) private _undoTaken;

    /// @param governance_ A timelock or a Safe. Where it is slow, guardians are who takes authority away at once.
    /// @param heartbeatWindow_ Seconds for which a heartbeat counts.
    /// @param orderLife_ Seconds that an order may live.
    /// @param epochSeconds_ Length of a budget's epoch.
    /// @param unitsPerEpoch Harm units per epoch over all levers.
    constructor(
        address governance_,
        uint256 heartbeatWindow_,
        uint256 orderLife_,
        uint256 epochSeconds_,
        uint256 unitsPerEpoch
    )
        EIP712("Portcullis Warden", "1")
        Governed(governance_)
        SentinelSet(heartbeatWindow_, orderLife_)
        LeverBook(epochSeconds_, unitsPerEpoch)
    {}

    /// @notice Pulls one lever, or reverts with the reason. Anyone may relay.
    /// @return holdId The hold, from 1; zero for a one-way lever.
    function pull(SignedOrder calldata signed) external nonReentrant returns (uint256 holdId) {
        return _pull(signed, msg.sender);
    }

    /// @notice Pulls several levers, each by itself: a failure is reported and changes nothing, the others go on.
    function pullBatch(SignedOrder[] calldata orders)
        external
        nonReentrant
        returns (Outcome[] memory outcomes)
    {
        if (orders.length > BATCH_MAX) revert BatchTooLong(BATCH_MAX);
        outcomes = new Outcome[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try this.pullForBatch(orders[i], msg.sender) returns (uint256 holdId) {
                outcomes[i] = Outcome(true, holdId, "");
            } catch (bytes memory reason) {
                outcomes[i] = Outcome(false, 0, reason);
                Order calldata order = orders[i].order;
                emit OrderFailed(order.lever, order.incident, orderDigest(order), reason);
            }
        }
    }

    /// @notice Ends a hold: anyone once its time is over, guardians and governance before. Reverts with the reason and
    /// leaves the hold open where the undo fails, so that it can be tried again.
    function release(uint256 holdId) external nonReentrant {
        _release(holdId, msg.sender);
    }

    /// @notice Ends several holds, each by itself.
    function releaseBatch(uint256[] calldata holdIds) external nonReentrant returns (bool[] memory released) {
        if (holdIds.length > BATCH_MAX) revert BatchTooLong(BATCH_MAX);
        released = new bool[](holdIds.length);
        for (uint256 i = 0; i < holdIds.length; ++i) {
            try this.releaseForBatch(holdIds[i], msg.sender) {
                released[i] = true;
            } catch (bytes memory reason) {
                emit ReleaseFailed(holdIds[i], reason);
            }
        }
    }

    /// @dev A call of its own, so that a failure takes its effects back.
    function pullForBatch(SignedOrder calldata signed, address relayer) external returns (uint256) {
        if (msg.sender != address(this)) revert NotSelf();
        return _pull(signed, relayer);
    }

    /// @dev A call of its own, so that a failure takes its effects back.
    function releaseForBatch(uint256 holdId, address by) external {
        if (msg.sender != address(this)) revert NotSelf();
        _release(holdId, by);
    }

    /// @notice Prolongs a hold to `endsAt`, Unix seconds, at most the lever's `longestRatified` after its beginning.
    function ratify(uint256 holdId, uint64 endsAt) external onlyGuardian {
        Hold storage hold_ = requireOpen(holdId);
        if (block.timestamp >= hold_.endsAt) revert AlreadyReleased(holdId);
        if (_states[hold_.lever].endsByItself) revert NothingToUndo();
        uint256 latest = uint256(hold_.startedAt) + _spec(hold_.lever).longestRatified;
        if (endsAt <= hold_.endsAt || endsAt > latest) revert BadRatification(endsAt, latest);
        hold_.endsAt = endsAt;
        emit HoldRatified(holdId, hold_.lever, endsAt, msg.sender);
    }

    /// @notice Governance keeps what a hold stopped: the hold is over, its undo is never called by the Warden.
    function adopt(uint256 holdId) external onlyGovernance {
        Hold storage hold_ = requireOpen(holdId);
        close(holdId, hold_, _spec(hold_.lever), ReleaseKind.Adopted, msg.sender);
    }

    /// @notice Makes a signed order void.
    function revokeOrder(bytes32 digest) external onlyGuardian {
        _consumed[digest] = true;
        emit OrderRevoked(digest, msg.sender);
    }

    /// @notice What sentinels sign for an order.
    function orderDigest(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    ORDER_TYPEHASH,
                    order.lever,
                    uint256(order.arming),
                    keccak256(order.data),
                    order.incident,
                    uint256(order.holdSeconds),
                    uint256(order.deadline),
                    order.nonce
                )
            )
        );
    }

    /// @notice Whether an order was carried out or revoked.
    function isConsumed(bytes32 digest) external view returns (bool) {
        return _consumed[digest];
    }

    /// @notice How many holds there ever were; they are numbered from 1.
    function holdCount() external view returns (uint256) {
        return _nHolds;
    }

    /// @notice A hold.
    function hold(uint256 holdId) external view returns (Hold memory) {
        return _holds[holdId];
    }

    /// @notice The numbers of a lever's open holds.
    function openHolds(bytes32 lever) external view returns (uint256[] memory) {
        return _openHolds[lever].values();
    }

    function _pull(SignedOrder calldata signed, address relayer) private returns (uint256 holdId) {
        Order calldata order = signed.order;
        bytes32 digest = orderDigest(order);
        requireLever(order.lever);
        LeverSpec memory spec = _spec(order.lever);
        requireTimely(order, digest);
        requireReady(order, spec);
        ArgumentBounds.check(spec, _sets, order.data, order.holdSeconds);
        _requireSignatures(digest, signed.signatures, spec.sentinelsRequired);
        LeverChecks.requirePinned(spec.target, spec.pin, spec.viewGas);
        if (readView(spec, order.data)) revert AlreadyInForce();

        spend(order, spec, digest);
        if (order.holdSeconds != 0) holdId = open(order, spec);

        (bool success, bytes memory failure) = BoundedCall.tryCall(spec.target, spec.callGas, order.data);
        if (!success) revert CallFailed(failure);
        if (!readView(spec, order.data)) revert NotInForce();
        emit LeverPulled(
            order.lever,
            order.incident,
            holdId,
            digest,
            uint64(block.timestamp) + order.holdSeconds,
            _states[order.lever].pullsLeft,
            order.data,
            relayer
        );
    }

    function requireTimely(Order calldata order, bytes32 digest) private view {
        if (block.timestamp > order.deadline) revert OrderExpired(order.deadline);
        uint256 latest = block.timestamp + _orderLife;
        if (order.deadline > latest) revert DeadlineTooFar(order.deadline, latest);
        if (_consumed[digest]) revert OrderConsumed(digest);
    }

    function requireReady(Order calldata order, LeverSpec memory spec) private view {
        LeverState storage state = _states[order.lever];
        if (state.pullsLeft == 0) revert LeverSpent(order.lever);
        if (order.arming != state.arming) revert WrongArming(order.arming, state.arming);
        if (block.timestamp < state.readyAt) revert CoolingDown(state.readyAt);
        if (!spec.concurrent && state.openHolds != 0) revert HoldOpen(order.lever);
        if (state.openHolds >= OPEN_HOLDS_MAX) revert TooMany(OPEN_HOLDS_MAX);
        if (order.holdSeconds < spec.shortestHold || order.holdSeconds > spec.longestHold) {
            revert HoldOutOfBounds(order.holdSeconds);
        }
    }

    function spend(Order calldata order, LeverSpec memory spec, bytes32 digest) private {
        uint256 cost = spec.unitsPerPull + uint256(spec.unitsPerSecond) * order.holdSeconds;
        _consumed[digest] = true;
        _spent.spend(_unitsPerEpoch, epochSeconds, cost);
        _leverSpent[order.lever].spend(spec.unitsPerEpoch, epochSeconds, cost);
        LeverState storage state = _states[order.lever];
        state.pullsLeft -= 1;
        // Otherwise the cool-down begins when the hold is released.
        if (spec.concurrent || order.holdSeconds == 0) {
            state.readyAt = uint64(block.timestamp + spec.cooldown);
        }
    }

    function open(Order calldata order, LeverSpec memory spec) private returns (uint256 holdId) {
        holdId = ++_nHolds;
        Hold storage hold_ = _holds[holdId];
        hold_.lever = order.lever;
        hold_.startedAt = uint64(block.timestamp);
        hold_.endsAt = uint64(block.timestamp) + order.holdSeconds;
        hold_.incident = order.incident;
        if (spec.undo.copies.length != 0 || spec.verify.call.copies.length != 0) hold_.data = order.data;
        if (spec.undo.data.length != 0) {
            bytes32 key = undoKey(spec, order.data);
            if (_undoTaken[key]) revert UndoTaken();
            _undoTaken[key] = true;
        }
        _states[order.lever].openHolds += 1;
        _openHolds[order.lever].add(holdId);
    }

    function _release(uint256 holdId, address by) private {
        Hold storage hold_ = requireOpen(holdId);
        LeverSpec memory spec = _spec(hold_.lever);
        bool early = block.timestamp < hold_.endsAt;
        if (early && !mayGuard(by)) revert HoldNotOver(hold_.endsAt);
        if (early && spec.undo.data.length == 0) revert NothingToUndo();

        ReleaseKind kind = ReleaseKind.EndedByTarget;
        if (early || !_states[hold_.lever].endsByItself) kind = plan(spec, hold_.data);
        close(holdId, hold_, spec, kind, by);
        if (kind != ReleaseKind.Undone) return;
        bytes memory undo = spec.undo.fill(hold_.data);
        (bool success, bytes memory failure) = BoundedCall.tryCall(spec.target, spec.undoGas, undo);
        if (!success) revert UndoFailed(failure);
    }

    /// @dev People may have lifted the stop themselves, and many undos revert then. Only a view that answers counts:
    /// where it does not, the undo is tried.
    function plan(LeverSpec memory spec, bytes memory data) private view returns (ReleaseKind) {
        (bool readable, bool inForce) = spec.isInForce(data);
        return readable && !inForce ? ReleaseKind.AlreadyLifted : ReleaseKind.Undone;
    }

    function close(uint256 holdId, Hold storage hold_, LeverSpec memory spec, ReleaseKind kind, address by)
        private
    {
        LeverState storage state = _states[hold_.lever];
        hold_.released = true;
        state.openHolds -= 1;
        _openHolds[hold_.lever].remove(holdId);
        if (spec.undo.data.length != 0) _undoTaken[undoKey(spec, hold_.data)] = false;
        if (!spec.concurrent) state.readyAt = uint64(block.timestamp + spec.cooldown);
        emit HoldReleased(holdId, hold_.lever, kind, by, block.timestamp < hold_.endsAt);
    }

    function undoKey(LeverSpec memory spec, bytes memory data) private pure returns (bytes32) {
        return keccak256(bytes.concat(bytes20(spec.target), spec.undo.fill(data)));
    }

    function requireOpen(uint256 holdId) private view returns (Hold storage hold_) {
        hold_ = _holds[holdId];
        if (hold_.startedAt == 0) revert UnknownHold(holdId);
        if (hold_.released) revert AlreadyReleased(holdId);
    }

    function readView(LeverSpec memory spec, bytes memory data) private view returns (bool inForce) {
        bool readable;
        (readable, inForce) = spec.isInForce(data);
        if (!readable) revert LeverChecks.ViewUnreadable(spec.verify.target);
    }
}
