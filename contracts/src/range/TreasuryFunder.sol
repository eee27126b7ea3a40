// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title Passes ether on
/// @notice A world's steps are calls of named functions; this gives "send ether" a name.
contract TreasuryFunder {
    function fund(address payable treasury) external payable {
        Address.sendValue(treasury, msg.value);
    }
}
