// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title A budget per epoch that cannot be spent twice around an epoch's end
/// @notice Epoch `e` lasts from `e * length` to `(e + 1) * length` Unix seconds. What is spent in an epoch and in the
/// one before it together stays within the budget. As any stretch no longer than an epoch touches at most two
/// neighbours, no such stretch ever sees more than one budget. The price: a spender who empties the budget waits until
/// the next epoch but one.
library EpochBudget {
    /// @notice The budget of this epoch is used up.
    error BudgetExceeded(uint256 cost, uint256 available);

    /// @param epoch The epoch of the last spending.
    /// @param used Units spent in it.
    /// @param usedBefore Units spent in the epoch before it.
    struct Account {
        uint64 epoch;
        uint96 used;
        uint96 usedBefore;
    }

    /// @notice Takes `cost` units, or reverts.
    function spend(Account storage account, uint256 budget, uint256 epochSeconds, uint256 cost) internal {
        (uint256 used, uint256 usedBefore) = current(account, epochSeconds);
        uint256 free = saturatingSub(budget, used + usedBefore);
        if (cost > free) revert BudgetExceeded(cost, free);
        account.epoch = uint64(block.timestamp / epochSeconds);
        // Both fit: a budget is below 2^96, and the sum stays within it.
        account.used = uint96(used + cost);
        account.usedBefore = uint96(usedBefore);
    }

    /// @notice Units that can be spent now.
    function available(Account storage account, uint256 budget, uint256 epochSeconds)
        internal
        view
        returns (uint256)
    {
        (uint256 used, uint256 usedBefore) = current(account, epochSeconds);
        return saturatingSub(budget, used + usedBefore);
    }

    /// @notice The most units that can be spent from now until `horizon` seconds later.
    /// @dev With `m` epochs touched, this one included: neighbours pair up to at most one budget each. For an even `m`
    /// that is `m / 2` budgets less what this epoch has used; for an odd one, what is free now and `(m - 1) / 2`
    /// budgets. Both are reached, so the bound is exact.
    function spendable(Account storage account, uint256 budget, uint256 epochSeconds, uint256 horizon)
        internal
        view
        returns (uint256)
    {
        (uint256 used, uint256 usedBefore) = current(account, epochSeconds);
        uint256 epochs = (block.timestamp + horizon) / epochSeconds - block.timestamp / epochSeconds + 1;
        if (epochs % 2 == 0) return (epochs / 2 - 1) * budget + saturatingSub(budget, used);
        return epochs / 2 * budget + saturatingSub(budget, used + usedBefore);
    }

    function current(Account storage account, uint256 epochSeconds)
        private
        view
        returns (uint256 used, uint256 usedBefore)
    {
        uint256 epoch = block.timestamp / epochSeconds;
        if (epoch == account.epoch) return (account.used, account.usedBefore);
        if (epoch == uint256(account.epoch) + 1) return (0, account.used);
        return (0, 0);
    }

    function saturatingSub(uint256 left, uint256 right) private pure returns (uint256) {
        return left > right ? left - right : 0;
    }
}
