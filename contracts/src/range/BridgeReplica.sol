// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title The near end of an optimistic bridge: holds what was locked, releases it on a proven message
/// @notice The victim of the drill `bridge-unproven-message`. A message is the ABI encoding of a call to `release`. An
/// updater posts the root of the far chain's messages; after a while a message of that tree can be proven; a proven
/// message can be processed, once, by anyone.
///
/// A pause stops `process` and nothing else, which is all that takes money out. Locking stays possible: closing it
/// would save nothing from a thief, and a lever that an automaton may pull should break as little as it can. What it
/// costs is that whoever locks meanwhile waits for the unpause; a front end should say so.
/// @custom:flaw `initialize` confirms whatever root it is given. Given none, it confirms zero, and zero is also what
/// `messages` says of a message that nobody has proven. From then on every invented message is acceptable.
contract BridgeReplica is AccessControl, Pausable {
    using SafeERC20 for IERC20;

    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant UPDATER_ROLE = keccak256("UPDATER_ROLE");

    /// @dev Stands in `messages` for "done"; no root can be this number.
    bytes32 private constant PROCESSED = bytes32(uint256(1));

    IERC20 public immutable token;
    /// @notice How long watchers have to object to a root, in seconds.
    uint256 public immutable optimisticSeconds;

    bool private _initialized;
    mapping(bytes32 root => uint256) public confirmAt;
    mapping(bytes32 messageHash => bytes32 rootOrStatus) public messages;

    /// @notice Sums over the bridge's life, for monitors: `released <= proven` in a sound bridge, at every block.
    /// @dev Nothing here enforces it. That one comparison in `process` would have made the flaw harmless.
    uint256 public locked;
    uint256 public proven;
    uint256 public released;

    event Locked(address indexed from, uint256 amount);
    event Updated(bytes32 indexed root, uint256 confirmAt);
    event Proven(bytes32 indexed messageHash, bytes32 indexed root, uint256 amount);
    event Processed(bytes32 indexed messageHash);
    event Released(address indexed to, uint256 amount, uint256 nonce);

    error AlreadyInitialized();
    error UnacceptableRoot(bytes32 root);
    error AlreadyProven(bytes32 messageHash);
    error WrongProof(bytes32 messageHash, bytes32 root);
    error NotARelease();
    error OnlyByMessage();

    constructor(IERC20 token_, uint256 optimisticSeconds_) {
        token = token_;
        optimisticSeconds = optimisticSeconds_;
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    /// @notice Sets the bridge going from a root that is already agreed upon.
    /// @custom:flaw The root is not checked; see above.
    function initialize(bytes32 committedRoot) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_initialized) revert AlreadyInitialized();
        _initialized = true;
        confirmAt[committedRoot] = 1;
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @notice Locks tokens here, for the same amount on the far chain.
    function lock(uint256 amount) external {
        locked += amount;
        emit Locked(msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    function update(bytes32 root) external onlyRole(UPDATER_ROLE) {
        uint256 time = block.timestamp + optimisticSeconds;
        confirmAt[root] = time;
        emit Updated(root, time);
    }

    /// @notice Shows that `message` is in the tree of `root`.
    /// @dev A message's length is fixed and no inner node's, so a leaf cannot pass for a node nor a node for a leaf.
    function prove(bytes calldata message, bytes32[] calldata proof, bytes32 root) external {
        bytes32 messageHash = keccak256(message);
        if (messages[messageHash] != 0) revert AlreadyProven(messageHash);
        if (confirmAt[root] == 0) revert UnacceptableRoot(root);
        if (!MerkleProof.verifyCalldata(proof, root, messageHash)) revert WrongProof(messageHash, root);

        messages[messageHash] = root;
        uint256 amount = _amountOf(message);
        proven += amount;
        emit Proven(messageHash, root, amount);
    }

    /// @notice Carries out a proven message.
    function process(bytes calldata message) external whenNotPaused {
        _requireRelease(message);
        bytes32 messageHash = keccak256(message);
        bytes32 root = messages[messageHash];
        if (!acceptableRoot(root)) revert UnacceptableRoot(root);

        messages[messageHash] = PROCESSED;
        emit Processed(messageHash);
        Address.functionCall(address(this), message);
    }

    /// @notice Pays out. Only `process` gets here, by calling the bridge with the message itself.
    function release(address to, uint256 amount, uint256 nonce) external {
        if (msg.sender != address(this)) revert OnlyByMessage();
        released += amount;
        emit Released(to, amount, nonce);
        token.safeTransfer(to, amount);
    }

    /// @notice Whether messages of this root may be processed.
    function acceptableRoot(bytes32 root) public view returns (bool) {
        if (root == PROCESSED) return false;
        uint256 time = confirmAt[root];
        return time != 0 && block.timestamp >= time;
    }

    /// @notice What the bridge should hold: all that was locked less all that was rightly claimed.
    function outstanding() external view returns (uint256) {
        return locked - proven;
    }

    function _amountOf(bytes calldata message) private pure returns (uint256 amount) {
        _requireRelease(message);
        (, amount,) = abi.decode(message[4:], (address, uint256, uint256));
    }

    function _requireRelease(bytes calldata message) private pure {
        if (message.length != 100 || bytes4(message) != this.release.selector) revert NotARelease();
    }
}
