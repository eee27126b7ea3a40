// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {BoundedCall} from "./BoundedCall.sol";
import {Governed} from "./Governed.sol";
import {Sentinel, Signature} from "./WardenTypes.sol";

/// @title The machines that may sign, whether they are alive, and what they signed
/// @notice A sentinel counts only while its last heartbeat is fresh. One whose heartbeat has lapsed cannot bring itself
/// back: silence takes authority away, and a guardian has to give it back. One that was killed never returns.
abstract contract SentinelSet is Governed, EIP712 {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice Signatures are too few, too many, or not in ascending order of distinct signers.
    error BadSignatureOrder();
    /// @notice The signer is no active sentinel.
    error NotSentinel(address signer);
    /// @notice The signature is not this sentinel's.
    error BadSignature(address signer);
    /// @notice The sentinel has not been heard for longer than the freshness window.
    error HeartbeatLapsed(address sentinel, uint256 heartbeat);
    /// @notice The heartbeat's time is in the future, older than the window, or not after the last one's.
    error BadHeartbeat(uint256 timestamp);
    /// @notice The freshness window, or the longest life of an order, is out of its limits.
    error BadSetting(uint256 value);

    /// @notice A sentinel was added. It counts from its first heartbeat on.
    event SentinelAdded(address indexed sentinel, bool isContract);
    /// @notice A sentinel was killed, for good.
    event SentinelKilled(address indexed sentinel, address indexed by);
    /// @notice A sentinel that had fallen silent may send heartbeats again.
    event SentinelRevived(address indexed sentinel, address indexed by);
    /// @notice A sentinel was alive at `timestamp`, Unix seconds.
    event HeartbeatPosted(address indexed sentinel, uint256 timestamp);
    /// @notice The freshness window changed, in seconds.
    event HeartbeatWindowSet(uint256 seconds_);
    /// @notice The longest life of an order changed, in seconds.
    event OrderLifeSet(uint256 seconds_);

    /// @notice EIP-712 type of a heartbeat.
    bytes32 public constant HEARTBEAT_TYPEHASH = keccak256("Heartbeat(address sentinel,uint64 timestamp)");
    /// @notice Active sentinels that there may be.
    uint256 public constant SENTINELS_MAX = 16;
    /// @notice Seconds: limits of the freshness window.
    uint256 public constant HEARTBEAT_WINDOW_MIN = 1 minutes;
    uint256 public constant HEARTBEAT_WINDOW_MAX = 30 days;
    /// @notice Limits of an order's life in seconds.
    uint256 public constant ORDER_LIFE_MIN = 1 minutes;
    uint256 public constant ORDER_LIFE_MAX = 7 days;
    /// @notice Gas that a contract sentinel's signature check is given.
    uint256 public constant ERC1271_GAS = 100_000;

    uint8 internal constant STATUS_KEY = 1;
    uint8 internal constant STATUS_CONTRACT = 2;
    uint8 internal constant STATUS_KILLED = 3;

    uint256 private _heartbeatWindow;
    uint256 internal _orderLife;
    EnumerableSet.AddressSet private _active;
    mapping(address => Sentinel) private _sentinels;

    constructor(uint256 heartbeatWindow_, uint256 orderLife_) {
        _setHeartbeatWindow(heartbeatWindow_);
        _setOrderLife(orderLife_);
    }

    /// @notice Adds a sentinel: a key, or a contract that checks signatures (ERC-1271). What it is stays what it is,
    /// whatever code appears at its address later.
    function addSentinel(address sentinel, bool isContract) external onlyGovernance {
        _add(sentinel, isContract);
    }

    /// @notice Kills a sentinel at once and for good: nothing it ever signed counts any more.
    function killSentinel(address sentinel) external onlyGuardian {
        _kill(sentinel);
    }

    /// @notice Kills `previous` and adds `next` in one step.
    function rotateSentinel(address previous, address next, bool isContract) external onlyGovernance {
        _kill(previous);
        _add(next, isContract);
    }

    /// @notice Lets a sentinel that had fallen silent begin again.
    function reviveSentinel(address sentinel) external onlyGuardian {
        _requireActive(sentinel);
        _sentinels[sentinel].awaitingHeartbeat = true;
        emit SentinelRevived(sentinel, msg.sender);
    }

    /// @notice Seconds for which a heartbeat counts.
    function setHeartbeatWindow(uint256 seconds_) external onlyGovernance {
        _setHeartbeatWindow(seconds_);
    }

    /// @notice Guardians may shorten the window, which only takes authority away.
    function shortenHeartbeatWindow(uint256 seconds_) external onlyGuardian {
        if (seconds_ >= _heartbeatWindow) revert BadSetting(seconds_);
        _setHeartbeatWindow(seconds_);
    }

    /// @notice Sets how many seconds ahead an order's deadline may be.
    function setOrderLife(uint256 seconds_) external onlyGovernance {
        _setOrderLife(seconds_);
    }

    /// @notice Records that a sentinel is alive. Anyone may relay its signed heartbeat.
    /// @param timestamp Unix seconds that it signed: not in the future, later than the last, and fresh.
    function postHeartbeat(address sentinel, uint64 timestamp, bytes calldata signature) external {
        _requireActive(sentinel);
        Sentinel storage record = _sentinels[sentinel];
        if (!record.awaitingHeartbeat && !isFresh(record.heartbeat)) {
            revert HeartbeatLapsed(sentinel, record.heartbeat);
        }
        if (timestamp > block.timestamp || timestamp <= record.heartbeat || !isFresh(timestamp)) {
            revert BadHeartbeat(timestamp);
        }
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(HEARTBEAT_TYPEHASH, sentinel, uint256(timestamp))));
        if (!isSignature(sentinel, record.status, digest, signature)) revert BadSignature(sentinel);
        record.heartbeat = timestamp;
        record.awaitingHeartbeat = false;
        emit HeartbeatPosted(sentinel, timestamp);
    }

    /// @notice Seconds for which a heartbeat counts.
    function heartbeatWindow() external view returns (uint256) {
        return _heartbeatWindow;
    }

    /// @notice Seconds ahead that an order's deadline may be.
    function orderLife() external view returns (uint256) {
        return _orderLife;
    }

    /// @notice The active sentinels.
    function sentinels() external view returns (address[] memory) {
        return _active.values();
    }

    /// @notice A sentinel's state, and whether its signature counts now.
    function sentinelState(address account) external view returns (Sentinel memory state, bool counts) {
        state = _sentinels[account];
        counts = _active.contains(account) && !state.awaitingHeartbeat && isFresh(state.heartbeat);
    }

    /// @notice The EIP-712 domain separator of this contract on this chain.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev Reverts unless exactly `required` distinct living sentinels signed `digest`, in ascending order.
    function _requireSignatures(bytes32 digest, Signature[] calldata signatures, uint256 required)
        internal
        view
    {
        if (signatures.length != required) revert BadSignatureOrder();
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = signatures[i].signer;
            if (signer <= last) revert BadSignatureOrder();
            last = signer;
            _requireActive(signer);
            Sentinel memory record = _sentinels[signer];
            if (record.awaitingHeartbeat || !isFresh(record.heartbeat)) {
                revert HeartbeatLapsed(signer, record.heartbeat);
            }
            if (!isSignature(signer, record.status, digest, signatures[i].data)) revert BadSignature(signer);
        }
    }

    /// @dev No machine's key has a human part as well, or it could ratify its own holds.
    function _requireFit(address account) internal view override {
        if (account == address(this) || _active.contains(account)) revert UnfitAddress(account);
    }

    function _add(address account, bool isContract) private {
        if (account == address(0) || account == address(this) || mayGuard(account)) {
            revert UnfitAddress(account);
        }
        if (_sentinels[account].status != 0) revert UnfitAddress(account);
        if (_active.length() >= SENTINELS_MAX) revert TooMany(SENTINELS_MAX);
        _sentinels[account] = Sentinel(isContract ? STATUS_CONTRACT : STATUS_KEY, true, 0);
        _active.add(account);
        emit SentinelAdded(account, isContract);
    }

    function _kill(address account) private {
        _requireActive(account);
        _sentinels[account].status = STATUS_KILLED;
        _active.remove(account);
        emit SentinelKilled(account, msg.sender);
    }

    function _setHeartbeatWindow(uint256 seconds_) private {
        if (seconds_ < HEARTBEAT_WINDOW_MIN || seconds_ > HEARTBEAT_WINDOW_MAX) revert BadSetting(seconds_);
        _heartbeatWindow = seconds_;
        emit HeartbeatWindowSet(seconds_);
    }

    function _setOrderLife(uint256 seconds_) private {
        if (seconds_ < ORDER_LIFE_MIN || seconds_ > ORDER_LIFE_MAX) revert BadSetting(seconds_);
        _orderLife = seconds_;
        emit OrderLifeSet(seconds_);
    }

    function _requireActive(address account) private view {
        if (!_active.contains(account)) revert NotSentinel(account);
    }

    /// @dev Signed times are never in the future, so this does not underflow.
    function isFresh(uint256 timestamp) private view returns (bool) {
        return block.timestamp - timestamp <= _heartbeatWindow;
    }

    /// @dev A key's signature is 65 bytes with a low `s` (OpenZeppelin's check); a contract says yes by ERC-1271, with
    /// a bounded amount of gas, and only its magic value counts.
    function isSignature(address signer, uint8 status, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool)
    {
        if (status == STATUS_KEY) {
            (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
            return problem == ECDSA.RecoverError.NoError && recovered == signer;
        }
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        (bool readable, bytes32 answer) = BoundedCall.tryView(signer, ERC1271_GAS, question, 0);
        return readable && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
