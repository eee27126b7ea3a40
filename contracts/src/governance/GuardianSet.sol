// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title People who may act together at once
/// @notice k of n guardians agree on one typed message (EIP-712): by signatures that anyone may relay, by one call
/// each, or mixed. A message works once, until its deadline, on one chain, in one contract, and only with the set of
/// guardians it was signed under: every change of the set raises `guardianEpoch`, which is part of each message.
abstract contract GuardianSet is EIP712 {
    /// @notice Most guardians of one set.
    uint256 public constant MAX_GUARDIANS = 16;

    /// @notice How many guardians must agree at least, 1 to their number.
    uint256 public threshold;

    /// @notice Number of the set: part of every message, raised by every change.
    uint256 public guardianEpoch;

    address[] private _guardians;
    mapping(address account => bool) private _isGuardian;
    mapping(bytes32 digest => bool) private _spent;
    mapping(bytes32 digest => mapping(address guardian => bool)) private _approvals;

    /// @notice The set changed; messages signed under the last one are void.
    event GuardiansSet(address[] guardians, uint256 threshold, uint256 epoch);
    /// @notice One guardian agreed to a message by a call.
    event Approved(bytes32 indexed digest, address indexed guardian);
    /// @notice One guardian took the agreement back.
    event ApprovalWithdrawn(bytes32 indexed digest, address indexed guardian);

    /// @notice Reserved for the Safe, or for governance.
    error NotAuthority(address caller);
    /// @notice The account is no guardian, or has not agreed.
    error NotGuardian(address account);
    /// @notice 1 to 16 different guardians, and a threshold of 1 to their number.
    error InvalidGuardians();
    /// @notice The deadline (UNIX seconds) is over: sign a new message.
    error MessageExpired(uint256 deadline);
    /// @notice The message was used: sign one with another incident or deadline.
    error MessageSpent(bytes32 digest);
    /// @notice Sort signers by address; none may be there twice.
    error SignersNotAscending(address last, address next);
    /// @notice The signature is not this signer's for this message, or the agreement by call is missing.
    error InvalidSignature(address signer);
    /// @notice `needed` signers are needed, with one signature each.
    error TooFewGuardians(uint256 agreed, uint256 needed);

    constructor(address[] memory guardians_, uint256 threshold_) {
        _setGuardians(guardians_, threshold_);
    }

    /// @dev Reverts unless the caller is the authority over this contract: the Safe, or governance.
    function _checkAuthority() internal view virtual;

    /// @notice Replaces the whole set. The authority only.
    /// @param guardians_ at most 16, none twice, none zero
    /// @param threshold_ how many must agree, 1 to their number
    function setGuardians(address[] calldata guardians_, uint256 threshold_) external {
        _checkAuthority();
        _setGuardians(guardians_, threshold_);
    }

    /// @notice Takes back an agreement given by a call. Guardians only.
    function withdrawApproval(bytes32 digest) external {
        if (!_approvals[digest][msg.sender]) revert NotGuardian(msg.sender);
        _approvals[digest][msg.sender] = false;
        emit ApprovalWithdrawn(digest, msg.sender);
    }

    /// @notice The set.
    function guardians() external view returns (address[] memory) {
        return _guardians;
    }

    /// @notice Whether an account is in the set.
    function isGuardian(address account) public view returns (bool) {
        return _isGuardian[account];
    }

    /// @notice Whether a message was already used.
    function isSpent(bytes32 digest) external view returns (bool) {
        return _spent[digest];
    }

    /// @notice How many guardians of this set agreed to a message by a call.
    function approvals(bytes32 digest) public view returns (uint256 agreed) {
        for (uint256 i = 0; i < _guardians.length; ++i) {
            if (_approvals[digest][_guardians[i]]) ++agreed;
        }
    }

    /// @dev Spends a message that enough guardians signed.
    /// @param needed how many must agree; never fewer than `threshold`
    /// @param signers strictly ascending, so none counts twice
    /// @param signatures one each: 65 bytes, or what the signer's ERC-1271 wants; empty: the signer agreed by a call
    function _spendSigned(
        bytes32 digest,
        uint256 deadline,
        uint256 needed,
        address[] calldata signers,
        bytes[] calldata signatures
    ) internal {
        _spend(digest, deadline);
        if (needed < threshold) needed = threshold;
        if (signers.length < needed || signers.length != signatures.length) {
            revert TooFewGuardians(signers.length, needed);
        }
        address last = address(0);
        for (uint256 i = 0; i < signers.length; ++i) {
            address signer = signers[i];
            if (signer <= last) revert SignersNotAscending(last, signer);
            if (!_isGuardian[signer]) revert NotGuardian(signer);
            bool agreed = signatures[i].length == 0
                ? _approvals[digest][signer]
                : SignatureChecker.isValidSignatureNow(signer, digest, signatures[i]);
            if (!agreed) revert InvalidSignature(signer);
            last = signer;
        }
    }

    /// @dev Records the caller's agreement; spends the message if it was the last that was missing.
    /// @return reached whether the message is spent and must be acted on now
    function _approve(bytes32 digest, uint256 deadline, uint256 needed) internal returns (bool reached) {
        if (!_isGuardian[msg.sender]) revert NotGuardian(msg.sender);
        _checkOpen(digest, deadline);
        _approvals[digest][msg.sender] = true;
        emit Approved(digest, msg.sender);
        if (needed < threshold) needed = threshold;
        reached = approvals(digest) >= needed;
        if (reached) _spent[digest] = true;
    }

    function _spend(bytes32 digest, uint256 deadline) private {
        _checkOpen(digest, deadline);
        _spent[digest] = true;
    }

    function _checkOpen(bytes32 digest, uint256 deadline) private view {
        if (block.timestamp > deadline) revert MessageExpired(deadline);
        if (_spent[digest]) revert MessageSpent(digest);
    }

    function _setGuardians(address[] memory next, uint256 threshold_) private {
        bool sound = threshold_ != 0 && threshold_ <= next.length && next.length <= MAX_GUARDIANS;
        if (!sound) revert InvalidGuardians();
        for (uint256 i = 0; i < _guardians.length; ++i) {
            _isGuardian[_guardians[i]] = false;
        }
        for (uint256 i = 0; i < next.length; ++i) {
            if (next[i] == address(0) || _isGuardian[next[i]]) revert InvalidGuardians();
            _isGuardian[next[i]] = true;
        }
        _guardians = next;
        threshold = threshold_;
        ++guardianEpoch;
        emit GuardiansSet(next, threshold_, guardianEpoch);
    }
}
