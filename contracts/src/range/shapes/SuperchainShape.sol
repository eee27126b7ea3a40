// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Rebuilt from the interface; not the original: Optimism's SuperchainConfig 2.5
/// @dev Interface: ethereum-optimism/optimism `packages/contracts-bedrock/src/L1/SuperchainConfig.sol`. The npm package
/// holds 1.x, whose `pause(string)` is another function. A pause that expired must be reset before the next one.
contract SuperchainConfigShape {
    uint256 public constant PAUSE_EXPIRY = 7_884_000;

    address public guardian;
    address public incidentResponder;
    mapping(address identifier => uint256) public pauseTimestamps;

    error OnlyGuardian();
    error OnlyGuardianOrIncidentResponder();
    error AlreadyPaused(address identifier);
    error NotAlreadyPaused(address identifier);

    event Paused(address identifier);
    event Unpaused(address identifier);
    event PauseExtended(address identifier);

    constructor(address guardian_, address incidentResponder_) {
        (guardian, incidentResponder) = (guardian_, incidentResponder_);
    }

    function pause(address identifier) external {
        if (msg.sender != guardian && msg.sender != incidentResponder) {
            revert OnlyGuardianOrIncidentResponder();
        }
        if (pauseTimestamps[identifier] != 0) revert AlreadyPaused(identifier);
        pauseTimestamps[identifier] = block.timestamp;
        emit Paused(identifier);
    }

    function unpause(address identifier) external {
        if (msg.sender != guardian) revert OnlyGuardian();
        pauseTimestamps[identifier] = 0;
        emit Unpaused(identifier);
    }

    function extend(address identifier) external {
        if (msg.sender != guardian) revert OnlyGuardian();
        if (pauseTimestamps[identifier] == 0) revert NotAlreadyPaused(identifier);
        pauseTimestamps[identifier] = block.timestamp;
        emit PauseExtended(identifier);
    }

    function pausable(address identifier) external view returns (bool) {
        return pauseTimestamps[identifier] == 0;
    }

    function paused(address identifier) public view returns (bool) {
        uint256 since = pauseTimestamps[identifier];
        return since != 0 && block.timestamp < since + PAUSE_EXPIRY;
    }

    function expiration(address identifier) external view returns (uint256) {
        uint256 since = pauseTimestamps[identifier];
        return since == 0 ? 0 : since + PAUSE_EXPIRY;
    }

    /// @notice A user's action that a pause stops, as the portal asks: globally or for its own chain.
    function proveWithdrawal(address identifier) external view returns (bool) {
        if (paused(address(0)) || paused(identifier)) revert AlreadyPaused(identifier);
        return true;
    }
}

/// @dev What the module needs of the Safe that is the guardian.
interface ISafeShape {
    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool);
}

/// @title Rebuilt from the interface; not the original: Optimism's DeputyPauseModule 1.0.1
/// @dev Interface and EIP-712 types: `packages/contracts-bedrock/src/safe/DeputyPauseModule.sol`. A module of the Safe that
/// is the guardian: whoever brings the deputy's signature of an unused nonce pauses globally.
contract DeputyPauseModuleShape is EIP712 {
    bytes32 private constant PAUSE_TYPEHASH = keccak256("PauseMessage(bytes32 nonce)");

    ISafeShape public immutable foundationSafe;
    SuperchainConfigShape public immutable superchainConfig;
    address public deputy;
    mapping(bytes32 nonce => bool) public usedNonces;

    error NonceAlreadyUsed();
    error Unauthorized();
    error ExecutionFailed();
    error SuperchainNotPaused();

    event PauseTriggered(address indexed deputy, bytes32 nonce);

    constructor(ISafeShape safe, SuperchainConfigShape config, address deputy_)
        EIP712("DeputyPauseModule", "1")
    {
        (foundationSafe, superchainConfig, deputy) = (safe, config, deputy_);
    }

    function pause(bytes32 nonce, bytes memory signature) external {
        if (usedNonces[nonce]) revert NonceAlreadyUsed();
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(PAUSE_TYPEHASH, nonce)));
        if (ECDSA.recover(digest, signature) != deputy) revert Unauthorized();
        usedNonces[nonce] = true;
        bytes memory data = abi.encodeCall(SuperchainConfigShape.pause, (address(0)));
        bool done = foundationSafe.execTransactionFromModule(address(superchainConfig), 0, data, 0);
        if (!done) revert ExecutionFailed();
        if (!superchainConfig.paused(address(0))) revert SuperchainNotPaused();
        emit PauseTriggered(deputy, nonce);
    }

    /// @notice What the deputy signs.
    function digestOf(bytes32 nonce) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(PAUSE_TYPEHASH, nonce)));
    }
}
