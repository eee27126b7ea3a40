// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Rebuilt from the interface; not the original: the limits of an xERC20 (ERC-7281)
/// @dev Interface: defi-wonderland/xERC20 `solidity/interfaces/IXERC20.sol`. The limits refill within a day; the change of
/// a limit changes what is left of it by the same difference.
contract XERC20Shape {
    struct Limit {
        uint256 max;
        uint256 current;
        uint256 updatedAt;
    }

    uint256 private constant DURATION = 1 days;

    address public immutable owner;
    mapping(address account => uint256) public balanceOf;
    mapping(address bridge => Limit) private _minting;
    mapping(address bridge => Limit) private _burning;

    error NotOwner(address caller);
    error IXERC20_NotHighEnoughLimits();

    event BridgeLimitsSet(uint256 mintingLimit, uint256 burningLimit, address indexed bridge);

    constructor(address owner_) {
        owner = owner_;
    }

    function setLimits(address bridge, uint256 mintingLimit, uint256 burningLimit) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        change(_minting[bridge], mintingLimit);
        change(_burning[bridge], burningLimit);
        emit BridgeLimitsSet(mintingLimit, burningLimit, bridge);
    }

    function mint(address user, uint256 amount) external {
        spend(_minting[msg.sender], amount);
        balanceOf[user] += amount;
    }

    function burn(address user, uint256 amount) external {
        spend(_burning[msg.sender], amount);
        balanceOf[user] -= amount;
    }

    function move(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function mintingMaxLimitOf(address bridge) external view returns (uint256) {
        return _minting[bridge].max;
    }

    function burningMaxLimitOf(address bridge) external view returns (uint256) {
        return _burning[bridge].max;
    }

    function mintingCurrentLimitOf(address bridge) external view returns (uint256) {
        return left(_minting[bridge]);
    }

    function burningCurrentLimitOf(address bridge) external view returns (uint256) {
        return left(_burning[bridge]);
    }

    function left(Limit storage limit) private view returns (uint256) {
        uint256 refilled = limit.current + (limit.max * (block.timestamp - limit.updatedAt)) / DURATION;
        return refilled > limit.max ? limit.max : refilled;
    }

    function change(Limit storage limit, uint256 max) private {
        uint256 current = left(limit);
        if (max >= limit.max) current += max - limit.max;
        else current = current > limit.max - max ? current - (limit.max - max) : 0;
        (limit.max, limit.current, limit.updatedAt) = (max, current, block.timestamp);
    }

    function spend(Limit storage limit, uint256 amount) private {
        uint256 current = left(limit);
        if (current < amount) revert IXERC20_NotHighEnoughLimits();
        (limit.current, limit.updatedAt) = (current - amount, block.timestamp);
    }
}

/// @title Rebuilt from the interface; not the original: an exchange whose owner sets a flag
/// @dev The form that forks of exchanges use (Balancer v2's `setPaused(bool)`, Curve's `set_killed(bool)`): one function
/// with a flag, one view. Liquidity can always be taken out in proportion.
contract OwnerFlagShape {
    address public immutable owner;
    bool public paused;

    error NotOwner(address caller);
    error IsPaused();

    constructor(address owner_) {
        owner = owner_;
    }

    function setPaused(bool state) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        paused = state;
    }

    function swap() external view returns (bool) {
        if (paused) revert IsPaused();
        return true;
    }

    function exitInProportion() external pure returns (bool) {
        return true;
    }
}
