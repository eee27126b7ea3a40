// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title A vault for the tests of levers: a pause that stops one way out and not the other
/// @notice Anybody can take everything, so that a test needs no exploit.
contract PausableFixture is AccessControl, Pausable {
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant UNPAUSER_ROLE = keccak256("UNPAUSER_ROLE");

    constructor() payable {
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(UNPAUSER_ROLE) {
        _unpause();
    }

    /// @notice What honest users do; a pause closes it too.
    event Deposited(address indexed by, uint256 amount);

    function deposit() external payable whenNotPaused {
        emit Deposited(msg.sender, msg.value);
    }

    /// @notice The way out that a pause closes.
    function take() external whenNotPaused {
        payable(msg.sender).transfer(address(this).balance);
    }

    /// @notice The way out that somebody forgot.
    function takeUnguarded() external {
        payable(msg.sender).transfer(address(this).balance);
    }
}

/// @title A thief whose transaction never reverts
contract QuietThief {
    function steal(PausableFixture vault) external {
        try vault.take() {} catch {}
    }

    receive() external payable {}
}
