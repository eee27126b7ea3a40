// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Rebuilt from the interface; not the original: a contract of Lido that can be paused for a time
/// @dev Interface: lidofinance/core `PausableUntil` (`pauseFor`, `isPaused`, `getResumeSinceTimestamp`, `resume`).
/// Pausing is for the accounts that the deployer names, resuming for the deployer.
contract LidoPausableShape {
    address public immutable dao;
    mapping(address account => bool) public mayPause;
    uint256 private _resumeSince;

    error NotAllowed(address caller);
    error PausedExpected();
    error ResumedExpected();
    error ZeroPauseDuration();

    event Paused(uint256 duration);
    event Resumed();

    constructor() {
        dao = msg.sender;
    }

    function allow(address account) external {
        if (msg.sender != dao) revert NotAllowed(msg.sender);
        mayPause[account] = true;
    }

    function pauseFor(uint256 duration) external {
        if (!mayPause[msg.sender]) revert NotAllowed(msg.sender);
        if (isPaused()) revert ResumedExpected();
        if (duration == 0) revert ZeroPauseDuration();
        _resumeSince = duration == type(uint256).max ? duration : block.timestamp + duration;
        emit Paused(duration);
    }

    function resume() external {
        if (msg.sender != dao) revert NotAllowed(msg.sender);
        if (!isPaused()) revert PausedExpected();
        _resumeSince = block.timestamp;
        emit Resumed();
    }

    /// @notice A user's action that a pause stops.
    function requestWithdrawal() external view returns (bool) {
        if (isPaused()) revert ResumedExpected();
        return true;
    }

    function isPaused() public view returns (bool) {
        return block.timestamp < _resumeSince;
    }

    function getResumeSinceTimestamp() external view returns (uint256) {
        return _resumeSince;
    }
}

/// @title Rebuilt from the interface; not the original: Lido's GateSeal
/// @dev Interface: lidofinance/gate-seals `contracts/GateSeal.vy` (Vyper; no npm package). One shot: sealing expires it.
contract LidoGateSealShape {
    address private immutable _committee;
    uint256 private immutable _duration;
    uint256 private _expiry;
    address[] private _sealables;

    error OnlyCommittee(address caller);
    error Expired();
    error NotSealable(address target);
    error SealFailed(address target);
    error BadSetting();

    event Sealed(
        address gate_seal, address sealed_by, uint256 sealed_for, address sealable, uint256 sealed_at
    );

    constructor(address committee, uint256 duration, address[] memory sealables, uint256 expiry) {
        if (duration < 4 days || duration > 14 days) revert BadSetting();
        if (sealables.length == 0 || sealables.length > 8) revert BadSetting();
        if (expiry <= block.timestamp || expiry > block.timestamp + 365 days) revert BadSetting();
        (_committee, _duration, _sealables, _expiry) = (committee, duration, sealables, expiry);
    }

    function seal(address[] calldata sealables) external {
        if (msg.sender != _committee) revert OnlyCommittee(msg.sender);
        if (is_expired()) revert Expired();
        if (sealables.length == 0) revert BadSetting();
        _expiry = block.timestamp;
        for (uint256 i = 0; i < sealables.length; ++i) {
            if (!isListed(sealables[i])) revert NotSealable(sealables[i]);
            LidoPausableShape target = LidoPausableShape(sealables[i]);
            try target.pauseFor(_duration) {} catch {}
            if (!target.isPaused()) revert SealFailed(sealables[i]);
            emit Sealed(address(this), msg.sender, _duration, sealables[i], block.timestamp);
        }
    }

    function is_expired() public view returns (bool) {
        return block.timestamp >= _expiry;
    }

    function get_expiry_timestamp() external view returns (uint256) {
        return _expiry;
    }

    function get_seal_duration_seconds() external view returns (uint256) {
        return _duration;
    }

    function get_sealing_committee() external view returns (address) {
        return _committee;
    }

    function get_sealables() external view returns (address[] memory) {
        return _sealables;
    }

    function isListed(address target) private view returns (bool) {
        for (uint256 i = 0; i < _sealables.length; ++i) {
            if (_sealables[i] == target) return true;
        }
        return false;
    }
}

/// @title Rebuilt from the interface; not the original: Lido's CircuitBreaker
/// @dev Interface: lidofinance/circuit-breaker `src/CircuitBreaker.sol`. One pauser for each pausable, used up by a
/// pause; a pauser whose heartbeat lapsed can do nothing until the admin registers it anew.
contract LidoCircuitBreakerShape {
    address public immutable admin;
    uint256 public pauseDuration;
    uint256 public heartbeatInterval;
    mapping(address pausable => address) private _pausers;
    mapping(address pauser => uint256) private _liveUntil;

    error NotAdmin(address caller);
    error NotPauser(address caller);
    error HeartbeatExpired();
    error PauseFailed();
    error BadSetting();

    event PauseTriggered(address indexed pausable, address indexed pauser, uint256 duration);
    event HeartbeatUpdated(address indexed pauser, uint256 liveUntil);

    constructor(uint256 pauseDuration_, uint256 heartbeatInterval_) {
        if (pauseDuration_ < 5 days || pauseDuration_ > 60 days) revert BadSetting();
        if (heartbeatInterval_ < 30 days || heartbeatInterval_ > 1095 days) revert BadSetting();
        (admin, pauseDuration, heartbeatInterval) = (msg.sender, pauseDuration_, heartbeatInterval_);
    }

    function registerPauser(address pausable, address pauser) external {
        if (msg.sender != admin) revert NotAdmin(msg.sender);
        _pausers[pausable] = pauser;
        if (pauser != address(0)) beat(pauser);
    }

    function heartbeat() external {
        if (!isPauserLive(msg.sender)) revert HeartbeatExpired();
        beat(msg.sender);
    }

    function pause(address pausable) external {
        if (_pausers[pausable] != msg.sender) revert NotPauser(msg.sender);
        if (!isPauserLive(msg.sender)) revert HeartbeatExpired();
        _pausers[pausable] = address(0);
        LidoPausableShape(pausable).pauseFor(pauseDuration);
        if (!LidoPausableShape(pausable).isPaused()) revert PauseFailed();
        emit PauseTriggered(pausable, msg.sender, pauseDuration);
    }

    function getPauser(address pausable) external view returns (address) {
        return _pausers[pausable];
    }

    function isPauserLive(address pauser) public view returns (bool) {
        return block.timestamp < _liveUntil[pauser];
    }

    function beat(address pauser) private {
        _liveUntil[pauser] = block.timestamp + heartbeatInterval;
        emit HeartbeatUpdated(pauser, _liveUntil[pauser]);
    }
}
