// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

/// @title Governance, and guardians
/// @notice Governance is one address, a timelock or a Safe: it decides what the machine may do. Guardians are people,
/// normally one Safe: they may let go early, let a stop last longer within limits, and take authority away from the
/// machine at once; they can give it none.
abstract contract Governed {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice The caller is not governance.
    error NotGovernance(address caller);
    /// @notice The caller is neither a guardian nor governance.
    error NotGuardian(address caller);
    /// @notice The address cannot be that: it is zero, the contract itself, or has another part already.
    error UnfitAddress(address account);
    /// @notice There are as many as there may be.
    error TooMany(uint256 maximum);

    /// @notice Governance named its successor, which has yet to accept.
    event GovernanceProposed(address indexed governance, address indexed successor);
    /// @notice Governance changed hands.
    event GovernanceChanged(address indexed previous, address indexed governance);
    /// @notice A guardian was added or removed.
    event GuardianSet(address indexed guardian, bool active);

    /// @notice Guardians that there may be at once.
    uint256 public constant GUARDIANS_MAX = 16;

    address private _governance;
    address private _pendingGovernance;
    EnumerableSet.AddressSet private _guardians;

    constructor(address governance_) {
        if (governance_ == address(0)) revert UnfitAddress(governance_);
        _governance = governance_;
        emit GovernanceChanged(address(0), governance_);
    }

    modifier onlyGovernance() {
        if (msg.sender != _governance) revert NotGovernance(msg.sender);
        _;
    }

    modifier onlyGuardian() {
        if (!mayGuard(msg.sender)) revert NotGuardian(msg.sender);
        _;
    }

    /// @notice Names the next governance; zero withdraws the name.
    function proposeGovernance(address successor) external onlyGovernance {
        _pendingGovernance = successor;
        emit GovernanceProposed(_governance, successor);
    }

    /// @notice Called by the named successor, so that governance cannot be lost to a wrong address.
    function acceptGovernance() external {
        if (msg.sender != _pendingGovernance) revert NotGovernance(msg.sender);
        _requireFit(msg.sender);
        emit GovernanceChanged(_governance, msg.sender);
        _governance = msg.sender;
        _pendingGovernance = address(0);
    }

    /// @notice Adds or removes a guardian.
    function setGuardian(address guardian, bool active) external onlyGovernance {
        if (active) {
            if (guardian == address(0)) revert UnfitAddress(guardian);
            _requireFit(guardian);
            if (_guardians.length() >= GUARDIANS_MAX) revert TooMany(GUARDIANS_MAX);
            _guardians.add(guardian);
        } else {
            _guardians.remove(guardian);
        }
        emit GuardianSet(guardian, active);
    }

    /// @notice The address that decides.
    function governance() public view returns (address) {
        return _governance;
    }

    /// @notice The named successor, or zero.
    function pendingGovernance() external view returns (address) {
        return _pendingGovernance;
    }

    /// @notice All guardians.
    function guardians() external view returns (address[] memory) {
        return _guardians.values();
    }

    /// @notice Whether `account` is a guardian. Governance has a guardian's rights without being one.
    function isGuardian(address account) public view returns (bool) {
        return _guardians.contains(account);
    }

    /// @notice Whether `account` has a guardian's rights.
    function mayGuard(address account) internal view returns (bool) {
        return account == _governance || _guardians.contains(account);
    }

    /// @dev Reverts where `account` must not be a guardian or governance: it is a machine's key, or this contract.
    function _requireFit(address account) internal view virtual;
}
