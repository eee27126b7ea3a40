// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title A vault for the tests of levers whose pause an AccessManager guards
contract AccessManagedFixture is AccessManaged, Pausable {
    constructor(address manager) payable AccessManaged(manager) {}

    function pause() external restricted {
        _pause();
    }

    function unpause() external restricted {
        _unpause();
    }

    /// @notice The way out that a pause closes. Anybody can take everything.
    function take() external whenNotPaused {
        payable(msg.sender).transfer(address(this).balance);
    }
}
