// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {
    GovernorProposalGuardian
} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BucketLib} from "../gate/BucketLib.sol";
import {GuardianSet} from "./GuardianSet.sol";

/// @title Stops what is queued, and cannot be used to stop governance
/// @notice Holds CANCELLER_ROLE of a TimelockController, and may be the proposal guardian of a Governor. k of n
/// guardians, or the Warden, cancel a queued operation at once. Two things bound stolen keys:
///
/// 1. Each of the two has a budget, a token bucket: in any T seconds at most N + N·T/epoch operations and proposals
///    together are cancelled. What is cancelled can be queued again at once; the one after the budget goes through.
/// 2. What only takes power from this contract cannot be cancelled by it: an operation or a proposal whose every call
///    is (a) revoking its CANCELLER_ROLE on the timelock, (b) naming somebody else the governor's proposal guardian,
///    or (c) a call to this contract (new guardians, another Warden, other budgets), without value.
///
/// To know (2), it must have seen the calls: an operation is registered before it can be cancelled. Anyone may register,
/// from the timelock's CallScheduled or the governor's ProposalCreated events; the id is the proof.
contract Canceller is GuardianSet {
    using BucketLib for BucketLib.Bucket;
    using BucketLib for BucketLib.Limit;

    /// @notice What is known of an id. `Protected` is never cancelled here.
    enum Kind {
        Unknown,
        Ordinary,
        Protected
    }

    /// @notice Type hash of what guardians sign to cancel an operation of the timelock.
    bytes32 public constant CANCEL_OPERATION_TYPEHASH =
        keccak256("CancelOperation(bytes32 id,bytes32 incident,uint256 guardianEpoch,uint256 deadline)");
    /// @notice Type hash of what guardians sign to cancel a proposal of the governor.
    bytes32 public constant CANCEL_PROPOSAL_TYPEHASH =
        keccak256("CancelProposal(uint256 id,bytes32 incident,uint256 guardianEpoch,uint256 deadline)");

    /// @notice Most cancellations per epoch that governance can set.
    uint256 public constant MAX_BUDGET = 100;
    /// @notice Shortest epoch that governance can set.
    uint256 public constant MIN_EPOCH = 1 days;
    /// @notice Most bytes of a proposal's calls that are kept; a longer one is cancelled in two steps.
    uint256 public constant MAX_PROPOSAL_BYTES = 16_384;

    bytes32 private constant CANCELLER_ROLE = keccak256("CANCELLER_ROLE");

    /// @notice Whose operations are cancelled; zero: none.
    TimelockController public immutable timelock;
    /// @notice Whose proposals are cancelled; zero: none.
    IGovernor public immutable governor;
    /// @notice Who configures: the timelock, or what executes for the governor.
    address public immutable governance;

    /// @notice May cancel without guardians, on a budget of its own; zero: nobody.
    address public warden;

    BucketLib.Bucket private _guardianBudget;
    BucketLib.Bucket private _wardenBudget;
    mapping(bytes32 id => Kind) private _operations;
    mapping(uint256 id => Kind) private _proposals;
    mapping(uint256 id => bytes call) private _proposalCancels;
    mapping(uint256 id => bool) private _ordered;

    /// @notice An operation's calls are known.
    event OperationRegistered(bytes32 indexed id, Kind kind);
    /// @notice A proposal's calls are known.
    event ProposalRegistered(uint256 indexed id, Kind kind);
    /// @notice An operation was cancelled.
    event OperationCancelled(bytes32 indexed id, bytes32 indexed incident, bool byWarden);
    /// @notice A proposal was cancelled; one whose calls are not kept, as soon as anyone calls `finishCancelProposal`.
    event ProposalCancelled(uint256 indexed id, bytes32 indexed incident, bool byWarden);
    /// @notice Governance named the Warden.
    event WardenSet(address warden);
    /// @notice Governance set a budget: `perEpoch` cancellations at once, and again in each `epoch` seconds.
    event BudgetSet(bool ofWarden, uint32 perEpoch, uint32 epoch);

    /// @notice Reserved for the Warden.
    error NotWarden(address caller);
    /// @notice Register the operation or proposal with its calls first.
    error NotRegistered(bytes32 id);
    /// @notice It only takes power from this contract, and so cannot be cancelled by it.
    error ProtectedOperation(bytes32 id);
    /// @notice No cancellation is left at this moment; see `cancelsLeft`.
    error BudgetSpent(bool ofWarden);
    /// @notice 1 to 100 cancellations, in an epoch of at least a day (seconds).
    error InvalidBudget(uint256 perEpoch, uint256 epoch);
    /// @notice As many values and payloads as targets; a single operation has one.
    error LengthMismatch();
    /// @notice The proposal was not cancelled here, or the second step is done.
    error NotOrdered(uint256 id);

    /// @notice Deploys a canceller, without a Warden.
    /// @param governance_ who configures it
    /// @param perEpoch cancellations of the guardians per epoch, 1 to 100; the Warden's budget is set with `setBudget`
    /// @param epoch seconds, at least a day
    constructor(
        address governance_,
        TimelockController timelock_,
        IGovernor governor_,
        address[] memory guardians_,
        uint256 threshold_,
        uint32 perEpoch,
        uint32 epoch
    ) EIP712("Portcullis Canceller", "1") GuardianSet(guardians_, threshold_) {
        governance = governance_;
        timelock = timelock_;
        governor = governor_;
        _setBudget(_guardianBudget, false, perEpoch, epoch);
    }

    // -------------------------------------------------------------------------------------------------- governance

    /// @notice Names the Warden; zero: nobody. Governance only.
    function setWarden(address next) external {
        _checkAuthority();
        warden = next;
        emit WardenSet(next);
    }

    /// @notice Sets a budget. What was used stays used. Governance only.
    /// @param ofWarden the Warden's, else the guardians'
    /// @param perEpoch 1 to 100
    /// @param epoch seconds, at least a day
    function setBudget(bool ofWarden, uint32 perEpoch, uint32 epoch) external {
        _checkAuthority();
        _setBudget(ofWarden ? _wardenBudget : _guardianBudget, ofWarden, perEpoch, epoch);
    }

    // ---------------------------------------------------------------------------------------------------- register

    /// @notice Makes an operation of the timelock known. Anyone; again is no error.
    /// @param batch whether it was scheduled with scheduleBatch (the id differs even for one call)
    /// @return id the timelock's id
    function registerOperation(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        bool batch
    ) external returns (bytes32 id) {
        if (targets.length != values.length || targets.length != payloads.length) {
            revert LengthMismatch();
        }
        if (batch) {
            id = keccak256(abi.encode(targets, values, payloads, predecessor, salt));
        } else {
            if (targets.length != 1) revert LengthMismatch();
            id = keccak256(abi.encode(targets[0], values[0], payloads[0], predecessor, salt));
        }
        if (_operations[id] == Kind.Unknown) {
            _operations[id] = _kindOf(targets, values, payloads);
            emit OperationRegistered(id, _operations[id]);
        }
    }

    /// @notice Makes a proposal of the governor known. Anyone; again is no error.
    /// @return id IGovernor.hashProposal of the arguments
    function registerProposal(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 id) {
        if (targets.length != values.length || targets.length != calldatas.length) {
            revert LengthMismatch();
        }
        id = uint256(keccak256(abi.encode(targets, values, calldatas, descriptionHash)));
        if (_proposals[id] != Kind.Unknown) return id;
        _proposals[id] = _kindOf(targets, values, calldatas);
        if (_proposals[id] == Kind.Ordinary) {
            bytes memory call =
                abi.encodeCall(IGovernor.cancel, (targets, values, calldatas, descriptionHash));
            if (call.length <= MAX_PROPOSAL_BYTES) _proposalCancels[id] = call;
        }
        emit ProposalRegistered(id, _proposals[id]);
    }

    // ------------------------------------------------------------------------------------------------------ cancel

    /// @notice Cancels an operation. The Warden only.
    function cancelOperation(bytes32 id, bytes32 incident) external {
        _checkWarden();
        _cancelOperation(id, incident, true);
    }

    /// @notice Cancels an operation that enough guardians signed against. Anyone may relay it.
    /// @param deadline last second (UNIX) in which it counts
    /// @param signers guardians, strictly ascending
    /// @param signatures one each; empty for a guardian who agreed by `approveCancelOperation`
    function cancelOperationSigned(
        bytes32 id,
        bytes32 incident,
        uint256 deadline,
        address[] calldata signers,
        bytes[] calldata signatures
    ) external {
        _spendSigned(operationDigest(id, incident, deadline), deadline, threshold, signers, signatures);
        _cancelOperation(id, incident, false);
    }

    /// @notice Agrees to cancel an operation; the last guardian who is needed cancels it. Guardians only.
    /// @return cancelled whether this was the last one
    function approveCancelOperation(bytes32 id, bytes32 incident, uint256 deadline)
        external
        returns (bool cancelled)
    {
        cancelled = _approve(operationDigest(id, incident, deadline), deadline, threshold);
        if (cancelled) _cancelOperation(id, incident, false);
    }

    /// @notice Cancels a proposal. The Warden only.
    function cancelProposal(uint256 id, bytes32 incident) external {
        _checkWarden();
        _cancelProposal(id, incident, true);
    }

    /// @notice Cancels a proposal that enough guardians signed against. Anyone may relay it.
    function cancelProposalSigned(
        uint256 id,
        bytes32 incident,
        uint256 deadline,
        address[] calldata signers,
        bytes[] calldata signatures
    ) external {
        _spendSigned(proposalDigest(id, incident, deadline), deadline, threshold, signers, signatures);
        _cancelProposal(id, incident, false);
    }

    /// @notice Agrees to cancel a proposal; the last guardian who is needed cancels it. Guardians only.
    /// @return cancelled whether this was the last one
    function approveCancelProposal(uint256 id, bytes32 incident, uint256 deadline)
        external
        returns (bool cancelled)
    {
        cancelled = _approve(proposalDigest(id, incident, deadline), deadline, threshold);
        if (cancelled) _cancelProposal(id, incident, false);
    }

    /// @notice The second step for a proposal too long to be kept: anyone gives its calls once it was cancelled here.
    function finishCancelProposal(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external {
        uint256 id = uint256(keccak256(abi.encode(targets, values, calldatas, descriptionHash)));
        if (!_ordered[id]) revert NotOrdered(id);
        _ordered[id] = false;
        governor.cancel(targets, values, calldatas, descriptionHash);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @notice What guardians sign to cancel an operation, under the set of this moment.
    function operationDigest(bytes32 id, bytes32 incident, uint256 deadline) public view returns (bytes32) {
        return _digest(CANCEL_OPERATION_TYPEHASH, id, incident, deadline);
    }

    /// @notice What guardians sign to cancel a proposal, under the set of this moment.
    function proposalDigest(uint256 id, bytes32 incident, uint256 deadline) public view returns (bytes32) {
        return _digest(CANCEL_PROPOSAL_TYPEHASH, bytes32(id), incident, deadline);
    }

    /// @notice What is known of an operation of the timelock.
    function operationKind(bytes32 id) external view returns (Kind) {
        return _operations[id];
    }

    /// @notice What is known of a proposal of the governor.
    function proposalKind(uint256 id) external view returns (Kind) {
        return _proposals[id];
    }

    /// @notice How many cancellations are left at this moment.
    function cancelsLeft(bool ofWarden) external view returns (uint256) {
        BucketLib.Bucket memory bucket = ofWarden ? _wardenBudget : _guardianBudget;
        bucket.settle(BucketLib.untouched());
        return bucket.available(BucketLib.untouched());
    }

    /// @notice The most that stolen keys of the guardians and the Warden together can cancel in any `horizon` seconds.
    /// @param horizon at most 2^48 − 1
    function cancelBound(uint256 horizon) external view returns (uint256) {
        if (horizon > type(uint48).max) return type(uint256).max;
        return _bound(_guardianBudget, horizon) + _bound(_wardenBudget, horizon);
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _checkAuthority() internal view override {
        if (msg.sender != governance) revert NotAuthority(msg.sender);
    }

    function _checkWarden() private view {
        // The zero address calls nobody.
        if (msg.sender != warden) revert NotWarden(msg.sender);
    }

    function _cancelOperation(bytes32 id, bytes32 incident, bool byWarden) private {
        _spendBudget(_operations[id], id, byWarden);
        emit OperationCancelled(id, incident, byWarden);
        timelock.cancel(id);
    }

    function _cancelProposal(uint256 id, bytes32 incident, bool byWarden) private {
        _spendBudget(_proposals[id], bytes32(id), byWarden);
        emit ProposalCancelled(id, incident, byWarden);
        bytes memory call = _proposalCancels[id];
        if (call.length == 0) _ordered[id] = true;
        else Address.functionCall(address(governor), call);
    }

    /// @dev A cancellation that the timelock or the governor refuses reverts, and with it what it used.
    function _spendBudget(Kind kind, bytes32 id, bool byWarden) private {
        if (kind == Kind.Unknown) revert NotRegistered(id);
        if (kind == Kind.Protected) revert ProtectedOperation(id);
        BucketLib.Bucket storage stored = byWarden ? _wardenBudget : _guardianBudget;
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(BucketLib.untouched());
        if (bucket.available(BucketLib.untouched()) == 0) revert BudgetSpent(byWarden);
        bucket.take(1);
        (stored.debt, stored.updatedAt) = (bucket.debt, bucket.updatedAt);
    }

    /// @dev Protected only if every single call is: a batch that hides something behind a removal can be cancelled.
    function _kindOf(address[] calldata targets, uint256[] calldata values, bytes[] calldata payloads)
        private
        view
        returns (Kind)
    {
        if (targets.length == 0) return Kind.Ordinary;
        for (uint256 i = 0; i < targets.length; ++i) {
            if (values[i] != 0 || !_onlyLimitsThis(targets[i], payloads[i])) return Kind.Ordinary;
        }
        return Kind.Protected;
    }

    function _onlyLimitsThis(address target, bytes calldata payload) private view returns (bool) {
        if (target == address(this)) return true;
        bytes32 hash = keccak256(payload);
        if (target == address(timelock)) {
            return
                hash == keccak256(abi.encodeCall(IAccessControl.revokeRole, (CANCELLER_ROLE, address(this))));
        }
        bool names = target == address(governor) && payload.length == 36
            && bytes4(payload[:4]) == GovernorProposalGuardian.setProposalGuardian.selector;
        return names && uint256(bytes32(payload[4:])) != uint256(uint160(address(this)));
    }

    function _setBudget(BucketLib.Bucket storage stored, bool ofWarden, uint32 perEpoch, uint32 epoch)
        private
    {
        if (perEpoch == 0 || perEpoch > MAX_BUDGET || epoch < MIN_EPOCH) {
            revert InvalidBudget(perEpoch, epoch);
        }
        BucketLib.Bucket memory bucket = stored;
        bucket.settle(BucketLib.untouched());
        bucket = bucket.under(BucketLib.Limit(perEpoch, perEpoch, epoch));
        stored.capacity = bucket.capacity;
        stored.refill = bucket.refill;
        stored.debt = bucket.debt;
        stored.window = bucket.window;
        stored.updatedAt = bucket.updatedAt;
        emit BudgetSet(ofWarden, perEpoch, epoch);
    }

    function _bound(BucketLib.Bucket storage bucket, uint256 horizon) private view returns (uint256) {
        return BucketLib.Limit(bucket.capacity, bucket.refill, bucket.window).bound(horizon);
    }

    function _digest(bytes32 typeHash, bytes32 id, bytes32 incident, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(typeHash, id, incident, guardianEpoch, deadline)));
    }
}
