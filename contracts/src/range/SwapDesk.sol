// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IPair, PairTrader} from "./PairTrader.sol";

/// @title The router of the drill's users
/// @notice Swaps for whoever calls and pays out to the caller, so that traffic can be written without naming its
/// sender. There is no minimum output: an honest swap in a drill should never fail because of the swap before it.
contract SwapDesk is PairTrader {
    using SafeERC20 for IERC20;

    constructor(IPair pair_, IERC20 stable_, IERC20 volatileAsset_)
        PairTrader(pair_, stable_, volatileAsset_)
    {}

    function buy(uint256 stableAmount) external returns (uint256) {
        stable.safeTransferFrom(msg.sender, address(this), stableAmount);
        return _swap(true, stableAmount, msg.sender);
    }

    function sell(uint256 volatileAmount) external returns (uint256) {
        volatileAsset.safeTransferFrom(msg.sender, address(this), volatileAmount);
        return _swap(false, volatileAmount, msg.sender);
    }
}
