// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IQuarantine} from "./IQuarantine.sol";

/// @title For contracts that refuse frozen addresses
/// @notice Put a modifier on what takes value out: withdraw, borrow, transfer, claim, liquidate for a reward. Never on
/// what brings value in or makes a position safer: deposit, repay, add collateral. A frozen borrower who may not repay
/// is liquidated for a suspicion, and a frozen one who deposits only moves money to where it can be stopped.
/// @dev The Quarantine is fixed, as it has no owner who could exchange its code. Should it ever revert, the guarded
/// functions revert too; the unguarded ones, deposit and repay, do not depend on it.
abstract contract QuarantineAware {
    /// @notice The address is frozen; it may appeal at the Quarantine, and is free again when its time runs out.
    error AccountFrozen(address account);
    /// @notice The Quarantine has no code.
    error NoQuarantine(address quarantine);

    /// @notice Who is asked.
    IQuarantine public immutable quarantine;

    constructor(IQuarantine quarantine_) {
        if (address(quarantine_).code.length == 0) revert NoQuarantine(address(quarantine_));
        quarantine = quarantine_;
    }

    /// @dev For one party.
    modifier whenNotFrozen(address account) {
        if (quarantine.isFrozen(account)) revert AccountFrozen(account);
        _;
    }

    /// @dev For a sender and a receiver, at the price of one call.
    modifier whenNeitherFrozen(address first, address second) {
        if (quarantine.anyFrozen(first, second)) {
            revert AccountFrozen(quarantine.isFrozen(first) ? first : second);
        }
        _;
    }
}
