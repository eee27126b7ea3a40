// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IPair, PairTrader} from "./PairTrader.sol";

interface IReferencePrice {
    function referencePrice() external view returns (uint256);
}

/// @title Keeps the pair near the price that the rest of the world pays
/// @notice Honest, but loud: after any push on the pair its trades are large, which is why a detector must not take a
/// large swap for an attack. Its inventory is fixed; it never needs more than the pair's imbalance.
contract Arbitrageur is PairTrader {
    /// @dev Below this the fee of 0.3 % and the gas would eat the gain.
    uint256 private constant TOLERANCE_BPS = 100;

    IReferencePrice public immutable priceSource;

    constructor(IPair pair_, IERC20 stable_, IERC20 volatileAsset_, IReferencePrice source_)
        PairTrader(pair_, stable_, volatileAsset_)
    {
        priceSource = source_;
    }

    /// @notice Trades the pair back to the reference price if it has left the tolerance; else does nothing.
    function arbitrage() external {
        (uint256 stableReserve, uint256 volatileReserve) = _reserves();
        uint256 price = priceSource.referencePrice();
        // At the reference price the same product is split like this. The fee makes the trade land a little short.
        uint256 stableTarget = Math.sqrt(Math.mulDiv(stableReserve * volatileReserve, price, 1e18));

        if (stableReserve > stableTarget + (stableTarget * TOLERANCE_BPS) / 20_000) {
            uint256 volatileTarget = Math.mulDiv(stableTarget, 1e18, price);
            uint256 amount =
                Math.min(volatileTarget - volatileReserve, volatileAsset.balanceOf(address(this)));
            if (amount > 0) _swap(false, amount, address(this));
        } else if (stableReserve + (stableTarget * TOLERANCE_BPS) / 20_000 < stableTarget) {
            uint256 amount = Math.min(stableTarget - stableReserve, stable.balanceOf(address(this)));
            if (amount > 0) _swap(true, amount, address(this));
        }
    }
}
