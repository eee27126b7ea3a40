// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BridgeReplica} from "./BridgeReplica.sol";

/// @title The far chain, its updater and its relayer, in one contract
/// @notice A drill has one chain, so this plays the other. A user's withdrawal over there becomes a message with a
/// tree of its own, whose root is posted and whose proof is trivial; a relayer carries it out later. The bridge sees
/// what it would see of the real thing: update, prove, and some blocks on, process.
contract FarSide {
    BridgeReplica public immutable bridge;
    uint256 public immutable withdrawalMax;

    uint256 public nonce;
    bytes[] private _queue;
    uint256 private _delivered;

    error OverTheLimit(uint256 amount);

    constructor(BridgeReplica bridge_, uint256 withdrawalMax_) {
        bridge = bridge_;
        withdrawalMax = withdrawalMax_;
    }

    /// @notice The caller gives up `amount` on the far chain and is to receive it from the bridge.
    function withdraw(uint256 amount) external {
        if (amount > withdrawalMax) revert OverTheLimit(amount);
        bytes memory message = abi.encodeCall(BridgeReplica.release, (msg.sender, amount, nonce++));
        bytes32 root = keccak256(message);
        bridge.update(root);
        bridge.prove(message, new bytes32[](0), root);
        _queue.push(message);
    }

    /// @notice Delivers the oldest message, if there is one and its time has come; else does nothing.
    function relay() external {
        if (_delivered == _queue.length) return;
        bytes memory message = _queue[_delivered];
        if (!bridge.acceptableRoot(keccak256(message))) return;
        ++_delivered;
        bridge.process(message);
    }

    function pending() external view returns (uint256) {
        return _queue.length - _delivered;
    }
}
