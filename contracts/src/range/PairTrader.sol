// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice What the range uses of the real Uniswap v2 pair, which is deployed from its own package.
interface IPair {
    function token0() external view returns (address);

    function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 timestamp);

    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external;
}

/// @title Swaps on one pair
/// @notice Shared by the honest traders and by the exploit, which use the pair in the same way: what sets the exploit
/// apart is the size and what it does in between, as on a real chain.
abstract contract PairTrader {
    using SafeERC20 for IERC20;

    IPair public immutable pair;
    IERC20 public immutable stable;
    IERC20 public immutable volatileAsset;
    bool private immutable _stableIsToken0;

    constructor(IPair pair_, IERC20 stable_, IERC20 volatileAsset_) {
        pair = pair_;
        stable = stable_;
        volatileAsset = volatileAsset_;
        _stableIsToken0 = pair_.token0() == address(stable_);
    }

    /// @dev Reserves in the order (stable, volatile), whatever order the pair keeps them in.
    function _reserves() internal view returns (uint256 stableReserve, uint256 volatileReserve) {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        return
            _stableIsToken0 ? (uint256(reserve0), uint256(reserve1)) : (uint256(reserve1), uint256(reserve0));
    }

    /// @dev Sells `amountIn`, which this contract must hold, and sends what it fetches to `to`.
    function _swap(bool stableIn, uint256 amountIn, address to) internal returns (uint256 amountOut) {
        (uint256 stableReserve, uint256 volatileReserve) = _reserves();
        (uint256 reserveIn, uint256 reserveOut) =
            stableIn ? (stableReserve, volatileReserve) : (volatileReserve, stableReserve);
        // The pair's own rule: constant product, after a fee of 0.3 %.
        uint256 inAfterFee = amountIn * 997;
        amountOut = (inAfterFee * reserveOut) / (reserveIn * 1000 + inAfterFee);

        (stableIn ? stable : volatileAsset).safeTransfer(address(pair), amountIn);
        bool outIsToken0 = stableIn != _stableIsToken0;
        pair.swap(outIsToken0 ? amountOut : 0, outIsToken0 ? 0 : amountOut, to, "");
    }
}
