// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC3156FlashBorrower} from "@openzeppelin/contracts/interfaces/IERC3156FlashBorrower.sol";
import {IERC3156FlashLender} from "@openzeppelin/contracts/interfaces/IERC3156FlashLender.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Lends its whole balance of one token for the length of a call (ERC-3156)
/// @notice Sound, and no part of the protocol under attack: it is how an attacker without money gets some. Its
/// liquidity is a gift of the world's set-up, so there is nothing to withdraw it with.
contract FlashLender is IERC3156FlashLender {
    using SafeERC20 for IERC20;

    uint256 public constant FEE_BPS = 5;
    bytes32 private constant CALLBACK_SUCCESS = keccak256("ERC3156FlashBorrower.onFlashLoan");

    IERC20 public immutable token;

    error UnsupportedToken(address token);
    error CallbackFailed(address receiver);

    constructor(IERC20 token_) {
        token = token_;
    }

    function maxFlashLoan(address token_) external view returns (uint256) {
        return token_ == address(token) ? token.balanceOf(address(this)) : 0;
    }

    function flashFee(address token_, uint256 amount) public view returns (uint256) {
        if (token_ != address(token)) revert UnsupportedToken(token_);
        return (amount * FEE_BPS) / 10_000;
    }

    function flashLoan(IERC3156FlashBorrower receiver, address token_, uint256 amount, bytes calldata data)
        external
        returns (bool)
    {
        uint256 fee = flashFee(token_, amount);
        token.safeTransfer(address(receiver), amount);
        if (receiver.onFlashLoan(msg.sender, token_, amount, fee, data) != CALLBACK_SUCCESS) {
            revert CallbackFailed(address(receiver));
        }
        token.safeTransferFrom(address(receiver), address(this), amount + fee);
        return true;
    }
}
