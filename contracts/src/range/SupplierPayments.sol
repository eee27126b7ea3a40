// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What a module uses of the Safe it serves.
interface IModuleHost {
    /// @param operation 0 is a call; this module never asks for the other one.
    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool success);
}

/// @title A Safe module for small, regular payments
/// @notice Lets a bookkeeper pay one supplier in one token, up to a limit each time, without the owners' signatures.
/// It is the treasury's honest traffic. As it does not touch the Safe's nonce, the owners can sign at leisure beside
/// it.
contract SupplierPayments {
    IModuleHost public immutable safe;
    IERC20 public immutable token;
    address public immutable bookkeeper;
    address public immutable supplier;
    uint256 public immutable limit;

    error NotTheBookkeeper();
    error OverTheLimit(uint256 amount);
    error PaymentFailed();

    constructor(IModuleHost safe_, IERC20 token_, address bookkeeper_, address supplier_, uint256 limit_) {
        safe = safe_;
        token = token_;
        bookkeeper = bookkeeper_;
        supplier = supplier_;
        limit = limit_;
    }

    function pay(uint256 amount) external {
        if (msg.sender != bookkeeper) revert NotTheBookkeeper();
        if (amount > limit) revert OverTheLimit(amount);
        bytes memory transfer = abi.encodeCall(IERC20.transfer, (supplier, amount));
        if (!safe.execTransactionFromModule(address(token), 0, transfer, 0)) revert PaymentFailed();
    }
}
