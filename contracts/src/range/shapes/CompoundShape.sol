// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Rebuilt from the interface; not the original: the brakes of Compound v2's Comptroller
/// @dev Interface: compound-finance/compound-protocol `contracts/Comptroller.sol`. The guardian may only pause; the admin
/// may do both. Redeeming and repaying have no brake. The functions below the line stand for a market's own.
contract CompoundV2Shape {
    address public immutable admin;
    address public pauseGuardian;
    mapping(address cToken => bool) public markets;
    mapping(address cToken => bool) public mintGuardianPaused;
    mapping(address cToken => bool) public borrowGuardianPaused;
    bool public transferGuardianPaused;
    bool public seizeGuardianPaused;

    event ActionPaused(string action, bool pauseState);
    event ActionPaused(address cToken, string action, bool pauseState);

    constructor(address guardian, address cToken) {
        (admin, pauseGuardian) = (msg.sender, guardian);
        markets[cToken] = true;
    }

    modifier mayPause(bool state) {
        require(msg.sender == pauseGuardian || msg.sender == admin, "only pause guardian and admin can pause");
        require(msg.sender == admin || state, "only admin can unpause");
        _;
    }

    function _setMintPaused(address cToken, bool state) external mayPause(state) returns (bool) {
        require(markets[cToken], "cannot pause a market that is not listed");
        mintGuardianPaused[cToken] = state;
        emit ActionPaused(cToken, "Mint", state);
        return state;
    }

    function _setBorrowPaused(address cToken, bool state) external mayPause(state) returns (bool) {
        require(markets[cToken], "cannot pause a market that is not listed");
        borrowGuardianPaused[cToken] = state;
        emit ActionPaused(cToken, "Borrow", state);
        return state;
    }

    function _setTransferPaused(bool state) external mayPause(state) returns (bool) {
        transferGuardianPaused = state;
        emit ActionPaused("Transfer", state);
        return state;
    }

    function _setSeizePaused(bool state) external mayPause(state) returns (bool) {
        seizeGuardianPaused = state;
        emit ActionPaused("Seize", state);
        return state;
    }

    // ------------------------------------------------------------------------------------------------- users' actions

    function mint(address cToken) external view returns (bool) {
        require(!mintGuardianPaused[cToken], "mint is paused");
        return true;
    }

    function borrow(address cToken) external view returns (bool) {
        require(!borrowGuardianPaused[cToken], "borrow is paused");
        return true;
    }

    function transfer() external view returns (bool) {
        require(!transferGuardianPaused, "transfer is paused");
        return true;
    }

    function seize() external view returns (bool) {
        require(!seizeGuardianPaused, "seize is paused");
        return true;
    }

    function redeem(address) external pure returns (bool) {
        return true;
    }

    function repayBorrow(address) external pure returns (bool) {
        return true;
    }
}

/// @title Rebuilt from the interface; not the original: the brakes of Compound v3's Comet
/// @dev Interface: compound-finance/comet `contracts/Comet.sol`. `pause` writes all five flags at once, whatever they were.
contract CometShape {
    address public immutable governor;
    address public immutable pauseGuardian;
    uint8 private _pauseFlags;

    error Unauthorized();
    error Paused();

    event PauseAction(bool supply, bool transfer, bool withdraw, bool absorb, bool buy);

    constructor(address guardian) {
        (governor, pauseGuardian) = (msg.sender, guardian);
    }

    function pause(bool supply_, bool transfer_, bool withdraw_, bool absorb_, bool buy_) external {
        if (msg.sender != governor && msg.sender != pauseGuardian) revert Unauthorized();
        _pauseFlags = bit(supply_, 0) | bit(transfer_, 1) | bit(withdraw_, 2) | bit(absorb_, 3) | bit(buy_, 4);
        emit PauseAction(supply_, transfer_, withdraw_, absorb_, buy_);
    }

    function isSupplyPaused() public view returns (bool) {
        return has(0);
    }

    function isTransferPaused() public view returns (bool) {
        return has(1);
    }

    function isWithdrawPaused() public view returns (bool) {
        return has(2);
    }

    function isAbsorbPaused() public view returns (bool) {
        return has(3);
    }

    function isBuyPaused() public view returns (bool) {
        return has(4);
    }

    // ------------------------------------------------------------------------------------------------- users' actions

    function supply() external view returns (bool) {
        return unless(0);
    }

    function withdraw() external view returns (bool) {
        return unless(2);
    }

    function absorb() external view returns (bool) {
        return unless(3);
    }

    function bit(bool flag, uint8 offset) private pure returns (uint8) {
        return flag ? uint8(1) << offset : 0;
    }

    function has(uint8 offset) private view returns (bool) {
        return _pauseFlags & (uint8(1) << offset) != 0;
    }

    function unless(uint8 offset) private view returns (bool) {
        if (has(offset)) revert Paused();
        return true;
    }
}
