// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title The safe-deposit box of one queued claim
/// @notice Every claim has a box of its own, so nothing that happens to one claim touches another: a rebase, a fee on
/// transfer, a donation, or an issuer that freezes the box of a thief.
/// @dev A minimal clone whose immutable argument is its gate. Its address is known before it exists, funds wait there
/// without code, and it is deployed when it is first swept.
contract ClaimVault {
    using SafeERC20 for IERC20;

    /// @notice The native asset's address (ERC-7528).
    address public constant NATIVE = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;

    /// @notice Only the gate opens a vault.
    error NotTheGate(address caller);
    /// @notice The receiver refused the native asset; the claim stays as it was.
    error NativeTransferFailed(address receiver, uint256 amount);

    /// @notice The native asset may arrive after the box was deployed.
    receive() external payable {}

    /// @notice Sends everything of one asset. The gate alone may ask.
    /// @param asset token, or `NATIVE`
    /// @param receiver who gets it
    /// @return amount units sent by this box; with a fee on transfer, less arrives
    function sweep(address asset, address receiver) external returns (uint256 amount) {
        if (msg.sender != abi.decode(Clones.fetchCloneArgs(address(this)), (address))) {
            revert NotTheGate(msg.sender);
        }
        if (asset == NATIVE) {
            amount = address(this).balance;
            (bool ok,) = receiver.call{value: amount}("");
            if (!ok) revert NativeTransferFailed(receiver, amount);
        } else {
            amount = IERC20(asset).balanceOf(address(this));
            IERC20(asset).safeTransfer(receiver, amount);
        }
    }
}
