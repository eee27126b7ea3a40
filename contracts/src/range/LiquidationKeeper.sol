// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title Liquidates unhealthy borrowers of the lending market
/// @notice Honest traffic that a pause must be weighed against: while the market is paused this keeper cannot work.
contract LiquidationKeeper {
    LendingMarket public immutable market;

    constructor(LendingMarket market_) {
        market = market_;
        market_.stable().approve(address(market_), type(uint256).max);
    }

    /// @notice Liquidates the first unhealthy borrower as far as funds and collateral go. Does nothing if there is
    /// none or the market is paused: a keeper that looks in vain is everyday business, not a failed transaction.
    function work() external {
        if (market.paused()) return;
        address[] memory borrowers = market.borrowers();
        for (uint256 i = 0; i < borrowers.length; ++i) {
            if (market.isHealthy(borrowers[i])) continue;
            uint256 amount = _mostToRepay(borrowers[i]);
            if (amount == 0) continue;
            market.liquidate(borrowers[i], amount);
            return;
        }
    }

    function _mostToRepay(address borrower) private view returns (uint256) {
        uint256 value = Math.mulDiv(market.collateralOf(borrower), market.spotPrice(), 1e18);
        uint256 covered = Math.mulDiv(value, 10_000, 10_000 + market.LIQUIDATION_BONUS_BPS());
        uint256 funds = market.stable().balanceOf(address(this));
        return Math.min(Math.min(covered, market.debtOf(borrower)), funds);
    }
}
