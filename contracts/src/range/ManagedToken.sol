// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Wrapper} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Wrapper.sol";

/// @title The protocol's own token: one for one against a stable asset, and stoppable
/// @notice In the drill `safe-singleton-swap` most of the treasury is in this token. The treasury itself cannot be
/// saved once its singleton is swapped, as its owners no longer have a say in it; what it holds can, by whoever
/// issued it. So the lever is here, and its keys are an AccessManager's business: `pause` for a role without delay,
/// `unpause` for another one that must wait.
/// @dev A pause stops every movement, minting and redeeming included: a thief who may redeem needs no transfer.
contract ManagedToken is ERC20Pausable, ERC20Wrapper, AccessManaged {
    constructor(string memory name_, string memory symbol_, IERC20 underlying_, address manager)
        ERC20(name_, symbol_)
        ERC20Wrapper(underlying_)
        AccessManaged(manager)
    {}

    function pause() external restricted {
        _pause();
    }

    function unpause() external restricted {
        _unpause();
    }

    /// @notice Mints to the caller. `depositFor` with the commonest recipient.
    function mint(uint256 amount) external {
        depositFor(_msgSender(), amount);
    }

    /// @notice Pays out to the caller. `withdrawTo` with the commonest recipient.
    function redeem(uint256 amount) external {
        withdrawTo(_msgSender(), amount);
    }

    function decimals() public view override(ERC20, ERC20Wrapper) returns (uint8) {
        return super.decimals();
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Pausable) {
        super._update(from, to, value);
    }
}
