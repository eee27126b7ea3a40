// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice An ordinary token with any number of decimals.
contract PlainToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(uint8 decimals_) ERC20("Plain", "PLN") {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Burns one percent of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, address(0), value / 100);
        super._update(from, to, value - value / 100);
    }
}

/// @notice Balances are shares times an index that moves both ways.
contract RebasingToken {
    mapping(address account => uint256) private _shares;
    uint256 public indexBps = 10_000;

    function mint(address to, uint256 amount) external {
        _shares[to] += amount * 10_000 / indexBps;
    }

    function rebase(uint256 bps) external {
        indexBps = bps;
    }

    function balanceOf(address account) public view returns (uint256) {
        return _shares[account] * indexBps / 10_000;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        uint256 shares = amount * 10_000 / indexBps;
        _shares[msg.sender] -= shares;
        _shares[to] += shares;
        return true;
    }
}

/// @notice Tells the receiver of every transfer, before and after, as ERC-777 can.
contract HookToken is ERC20("Hook", "HK") {
    event Told(address account, bool listened);

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function tell(address account, bytes memory news) private {
        if (account.code.length == 0) return;
        (bool listened,) = account.call(news);
        emit Told(account, listened);
    }

    function _update(address from, address to, uint256 value) internal override {
        tell(from, abi.encodeWithSignature("tokensToSend(uint256)", value));
        super._update(from, to, value);
        tell(to, abi.encodeWithSignature("tokensReceived(uint256)", value));
    }
}

/// @notice Returns false instead of reverting, and can freeze an account.
contract FalseToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address account => bool) public frozen;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function freeze(address account, bool state) external {
        frozen[account] = state;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (balanceOf[msg.sender] < amount || frozen[msg.sender] || frozen[to]) return false;
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}
