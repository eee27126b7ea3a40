// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {CodeStore} from "./CodeStore.sol";
import {EpochBudget} from "./EpochBudget.sol";
import {LeverInspector} from "./LeverInspector.sol";
import {SentinelSet} from "./SentinelSet.sol";
import {LeverSpec, LeverState} from "./WardenTypes.sol";

/// @title The levers: registering, arming, disarming, retiring, and their budgets
abstract contract LeverBook is SentinelSet {
    using Address for address;
    using EnumerableSet for EnumerableSet.Bytes32Set;
    using EpochBudget for EpochBudget.Account;

    /// @notice No lever has this id, or it was retired.
    error UnknownLever(bytes32 lever);
    /// @notice The same lever is, or was, registered.
    error LeverExists(bytes32 lever);
    /// @notice The lever still holds something.
    error HoldOpen(bytes32 lever);
    /// @notice The set is empty, too long, not in ascending order, or registered already.
    error BadSet();

    /// @notice A lever was registered; it is not armed.
    event LeverRegistered(bytes32 indexed lever, address indexed target, bytes4 indexed selector);
    /// @notice A lever may be pulled `pulls` times from now on.
    event LeverArmed(bytes32 indexed lever, uint64 arming, uint256 pulls);
    /// @notice A lever cannot be pulled until governance arms it again.
    event LeverDisarmed(bytes32 indexed lever, address indexed by);
    /// @notice A lever is gone for good.
    event LeverRetired(bytes32 indexed lever);
    /// @notice A set of words was registered for `OneOf` rules.
    event SetRegistered(bytes32 indexed set, uint256 nMembers);
    /// @notice The Warden's budget changed: harm units per epoch, over all levers.
    event BudgetSet(uint256 unitsPerEpoch);

    /// @notice Levers that there may be at once.
    uint256 public constant LEVERS_MAX = 64;
    /// @notice Members that a set may have.
    uint256 public constant SET_MEMBERS_MAX = 256;
    /// @notice Limits of an epoch's length.
    uint256 public constant EPOCH_SECONDS_MIN = 1 hours;
    uint256 public constant EPOCH_SECONDS_MAX = 90 days;
    /// @notice Length of an epoch in seconds. It never changes, as a change would re-open spent budgets.
    uint256 public immutable epochSeconds;

    uint256 internal _unitsPerEpoch;
    EpochBudget.Account internal _spent;
    EnumerableSet.Bytes32Set private _leverIds;
    mapping(bytes32 => address) private _specAt;
    mapping(bytes32 => LeverState) internal _states;
    mapping(bytes32 => EpochBudget.Account) internal _leverSpent;
    mapping(bytes32 => bytes32[]) private _setMembers;
    mapping(bytes32 => mapping(bytes32 => bool)) internal _sets;
    LeverInspector private immutable _inspector = new LeverInspector();

    constructor(uint256 epochSeconds_, uint256 unitsPerEpoch) {
        if (epochSeconds_ < EPOCH_SECONDS_MIN || epochSeconds_ > EPOCH_SECONDS_MAX) {
            revert BadSetting(epochSeconds_);
        }
        epochSeconds = epochSeconds_;
        _setBudget(unitsPerEpoch);
    }

    /// @notice Registers a lever, disarmed. It never changes; another choice is another lever.
    /// @return id `keccak256(abi.encode(spec))`, for a caller that encodes as the ABI's strict mode says.
    function registerLever(LeverSpec calldata spec) external onlyGovernance returns (bytes32 id) {
        // The calldata is the lever's encoding already, and the inspector's argument.
        bytes calldata encoded = msg.data[4:];
        id = keccak256(encoded);
        if (_specAt[id] != address(0)) revert LeverExists(id);
        if (_leverIds.length() >= LEVERS_MAX) revert TooMany(LEVERS_MAX);
        bytes memory answer =
            address(_inspector).functionStaticCall(bytes.concat(LeverInspector.inspect.selector, encoded));
        _specAt[id] = CodeStore.write(encoded);
        _states[id].endsByItself = abi.decode(answer, (bool));
        _leverIds.add(id);
        // Decodes it once, so that nothing is kept that cannot be read again.
        _spec(id);
        emit LeverRegistered(id, spec.target, spec.selector);
    }

    /// @notice Registers a set of words for `OneOf` rules: ascending, without repetition, at most 256.
    /// @return set `keccak256(abi.encode(members))`, so that no set ever changes.
    function registerSet(bytes32[] calldata members) external onlyGovernance returns (bytes32 set) {
        set = keccak256(abi.encode(members));
        if (members.length == 0 || members.length > SET_MEMBERS_MAX || _setMembers[set].length != 0) {
            revert BadSet();
        }
        for (uint256 i = 0; i < members.length; ++i) {
            if (i != 0 && members[i] <= members[i - 1]) revert BadSet();
            _sets[set][members[i]] = true;
        }
        _setMembers[set] = members;
        emit SetRegistered(set, members.length);
    }

    /// @notice Arms a lever for its number of pulls. Orders signed for an earlier arming are void.
    function arm(bytes32 lever) external onlyGovernance {
        requireLever(lever);
        LeverState storage state = _states[lever];
        state.arming += 1;
        state.pullsLeft = _spec(lever).pullsPerArming;
        emit LeverArmed(lever, state.arming, state.pullsLeft);
    }

    /// @notice Takes a lever away from the machine at once. Holds that are open run on.
    function disarm(bytes32 lever) external onlyGuardian {
        requireLever(lever);
        _states[lever].pullsLeft = 0;
        emit LeverDisarmed(lever, msg.sender);
    }

    /// @notice Removes a lever that holds nothing, for good: the same lever cannot be registered again.
    function retireLever(bytes32 lever) external onlyGovernance {
        requireLever(lever);
        if (_states[lever].openHolds != 0) revert HoldOpen(lever);
        _leverIds.remove(lever);
        delete _states[lever];
        emit LeverRetired(lever);
    }

    /// @notice Sets the budget over all levers, in harm units per epoch. What is spent stays spent.
    function setBudget(uint256 unitsPerEpoch) external onlyGovernance {
        _setBudget(unitsPerEpoch);
    }

    /// @notice The ids of all levers.
    function leverIds() external view returns (bytes32[] memory) {
        return _leverIds.values();
    }

    /// @notice A lever as it was registered, ABI-encoded (`WardenLens.lever` decodes it). Retired ones are kept.
    function leverData(bytes32 id) public view returns (bytes memory) {
        if (_specAt[id] == address(0)) revert UnknownLever(id);
        return CodeStore.read(_specAt[id]);
    }

    /// @notice What has become of a lever.
    function leverState(bytes32 id) external view returns (LeverState memory) {
        return _states[id];
    }

    /// @notice Whether a set of words is registered.
    function isSet(bytes32 set) external view returns (bool) {
        return _setMembers[set].length != 0;
    }

    /// @notice The members of a set.
    function setMembers(bytes32 set) external view returns (bytes32[] memory) {
        return _setMembers[set];
    }

    /// @notice The Warden's budget per epoch, what of it can be spent now, and at most within `horizon` seconds; in
    /// harm units.
    function budget(uint256 horizon)
        external
        view
        returns (uint256 unitsPerEpoch, uint256 available, uint256 spendable)
    {
        return budgetOf(_spent, _unitsPerEpoch, horizon);
    }

    /// @notice The same for one lever's own budget.
    function leverBudget(bytes32 id, uint256 horizon)
        external
        view
        returns (uint256 unitsPerEpoch, uint256 available, uint256 spendable)
    {
        return budgetOf(_leverSpent[id], _spec(id).unitsPerEpoch, horizon);
    }

    function _spec(bytes32 id) internal view returns (LeverSpec memory) {
        return abi.decode(leverData(id), (LeverSpec));
    }

    function budgetOf(EpochBudget.Account storage account, uint256 unitsPerEpoch, uint256 horizon)
        private
        view
        returns (uint256, uint256, uint256)
    {
        return (
            unitsPerEpoch,
            account.available(unitsPerEpoch, epochSeconds),
            account.spendable(unitsPerEpoch, epochSeconds, horizon)
        );
    }

    function requireLever(bytes32 id) internal view {
        if (!_leverIds.contains(id)) revert UnknownLever(id);
    }

    function _setBudget(uint256 unitsPerEpoch) private {
        if (unitsPerEpoch > type(uint96).max) revert BadSetting(unitsPerEpoch);
        _unitsPerEpoch = unitsPerEpoch;
        emit BudgetSet(unitsPerEpoch);
    }
}
