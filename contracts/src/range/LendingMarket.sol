// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IPair} from "./PairTrader.sol";

/// @title A small lending market: one stable asset lent against one volatile asset
/// @notice The victim of the drill `lending-spot-oracle`. There is no interest, so that every number in a drill can be
/// checked by hand.
///
/// What a pause stops is what moves value out: `withdraw`, `borrow`, `removeCollateral`, `liquidate`. It never stops
/// `deposit`, `repay` or `addCollateral`: a borrower must be able to make a position safer at any time, or the pause
/// itself would do harm. Pausing and unpausing are different roles, so that the one who may stop the market in a hurry
/// cannot also start it again.
/// @custom:flaw `spotPrice` is the pair's reserves at this very moment. Whoever moves the pair inside one transaction
/// chooses the price at which the market lends.
contract LendingMarket is AccessControl, Pausable {
    using SafeERC20 for IERC20;
    using EnumerableSet for EnumerableSet.AddressSet;

    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant PRICE_KEEPER_ROLE = keccak256("PRICE_KEEPER_ROLE");

    uint256 public constant BORROW_LIMIT_BPS = 6000;
    uint256 public constant LIQUIDATION_LIMIT_BPS = 7500;
    uint256 public constant LIQUIDATION_BONUS_BPS = 800;
    uint256 private constant BPS = 10_000;
    uint256 private constant ONE_COLLATERAL = 1e18;

    IERC20 public immutable stable;
    IERC20 public immutable collateral;
    IPair public immutable pair;
    bool private immutable _stableIsToken0;

    /// @notice What one whole unit of collateral is worth in stable units elsewhere, as a keeper last reported it.
    /// @dev Only the views for monitors use it. That the market had this number and lent on another one is the point.
    uint256 public referencePrice;
    uint256 public totalDeposits;
    uint256 public totalDebt;
    uint256 public totalCollateral;
    /// @notice Debt written off because its collateral was gone.
    uint256 public deficit;

    mapping(address lender => uint256) public depositOf;
    mapping(address borrower => uint256) public debtOf;
    mapping(address borrower => uint256) public collateralOf;
    EnumerableSet.AddressSet private _borrowers;

    event Deposited(address indexed lender, uint256 amount);
    event Withdrawn(address indexed lender, uint256 amount);
    event CollateralAdded(address indexed borrower, uint256 amount);
    event CollateralRemoved(address indexed borrower, uint256 amount);
    event Borrowed(address indexed borrower, uint256 amount);
    event Repaid(address indexed borrower, uint256 amount);
    event Liquidated(address indexed borrower, address indexed liquidator, uint256 repaid, uint256 seized);
    event DeficitBooked(address indexed borrower, uint256 amount);
    event ReferencePriceReported(uint256 price);

    error Unhealthy(address borrower, uint256 debt, uint256 limit);
    error Healthy(address borrower);
    error SeizesTooMuch(uint256 seized, uint256 held);

    constructor(IERC20 stable_, IERC20 collateral_, IPair pair_) {
        stable = stable_;
        collateral = collateral_;
        pair = pair_;
        _stableIsToken0 = pair_.token0() == address(stable_);
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    function reportReferencePrice(uint256 price) external onlyRole(PRICE_KEEPER_ROLE) {
        referencePrice = price;
        emit ReferencePriceReported(price);
    }

    function deposit(uint256 amount) external {
        depositOf[msg.sender] += amount;
        totalDeposits += amount;
        emit Deposited(msg.sender, amount);
        stable.safeTransferFrom(msg.sender, address(this), amount);
    }

    function withdraw(uint256 amount) external whenNotPaused {
        depositOf[msg.sender] -= amount;
        totalDeposits -= amount;
        emit Withdrawn(msg.sender, amount);
        stable.safeTransfer(msg.sender, amount);
    }

    function addCollateral(uint256 amount) external {
        collateralOf[msg.sender] += amount;
        totalCollateral += amount;
        emit CollateralAdded(msg.sender, amount);
        collateral.safeTransferFrom(msg.sender, address(this), amount);
    }

    function removeCollateral(uint256 amount) external whenNotPaused {
        collateralOf[msg.sender] -= amount;
        totalCollateral -= amount;
        _requireWithin(msg.sender, BORROW_LIMIT_BPS);
        emit CollateralRemoved(msg.sender, amount);
        collateral.safeTransfer(msg.sender, amount);
    }

    function borrow(uint256 amount) external whenNotPaused {
        debtOf[msg.sender] += amount;
        totalDebt += amount;
        _borrowers.add(msg.sender);
        _requireWithin(msg.sender, BORROW_LIMIT_BPS);
        emit Borrowed(msg.sender, amount);
        stable.safeTransfer(msg.sender, amount);
    }

    /// @notice Repays up to `amount`; less if less is owed, so that a last instalment need not be exact.
    function repay(uint256 amount) external {
        uint256 repaid = Math.min(amount, debtOf[msg.sender]);
        _reduceDebt(msg.sender, repaid);
        emit Repaid(msg.sender, repaid);
        stable.safeTransferFrom(msg.sender, address(this), repaid);
    }

    /// @notice Repays `amount` of an unhealthy borrower's debt for collateral of that value and a bonus.
    function liquidate(address borrower, uint256 amount) external whenNotPaused {
        if (isHealthy(borrower)) revert Healthy(borrower);
        uint256 seized =
            Math.mulDiv(amount * (BPS + LIQUIDATION_BONUS_BPS), ONE_COLLATERAL, spotPrice() * BPS);
        uint256 held = collateralOf[borrower];
        if (seized > held) revert SeizesTooMuch(seized, held);

        collateralOf[borrower] = held - seized;
        totalCollateral -= seized;
        _reduceDebt(borrower, amount);
        emit Liquidated(borrower, msg.sender, amount, seized);
        // Nobody repays debt that nothing stands behind; say so at once instead of carrying it as an asset.
        if (collateralOf[borrower] < ONE_COLLATERAL && debtOf[borrower] > 0) _bookDeficit(borrower);

        stable.safeTransferFrom(msg.sender, address(this), amount);
        collateral.safeTransfer(msg.sender, seized);
    }

    /// @notice Stable units for one whole unit of collateral.
    /// @custom:flaw Reserves can be moved and moved back within a transaction; an average over time could not.
    function spotPrice() public view returns (uint256) {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        (uint256 stableReserve, uint256 collateralReserve) =
            _stableIsToken0 ? (reserve0, reserve1) : (reserve1, reserve0);
        return Math.mulDiv(stableReserve, ONE_COLLATERAL, collateralReserve);
    }

    function isHealthy(address borrower) public view returns (bool) {
        return debtOf[borrower] <= _limit(borrower, LIQUIDATION_LIMIT_BPS);
    }

    /// @notice Stable units in the market's hands: what a thief can still take.
    function cash() external view returns (uint256) {
        return stable.balanceOf(address(this));
    }

    /// @notice Debt that collateral would not cover at the reference price, over all borrowers, with what was written
    /// off. Zero in a sound market, whatever the pair does: the invariant for a monitor.
    function shortfall() external view returns (uint256 sum) {
        sum = deficit;
        uint256 count = _borrowers.length();
        for (uint256 i = 0; i < count; ++i) {
            address borrower = _borrowers.at(i);
            uint256 value = Math.mulDiv(collateralOf[borrower], referencePrice, ONE_COLLATERAL);
            sum += Math.saturatingSub(debtOf[borrower], value);
        }
    }

    function collateralValueAtReference() external view returns (uint256) {
        return Math.mulDiv(totalCollateral, referencePrice, ONE_COLLATERAL);
    }

    function borrowers() external view returns (address[] memory) {
        return _borrowers.values();
    }

    function _limit(address borrower, uint256 limitBps) private view returns (uint256) {
        return Math.mulDiv(collateralOf[borrower] * limitBps, spotPrice(), ONE_COLLATERAL * BPS);
    }

    function _requireWithin(address borrower, uint256 limitBps) private view {
        uint256 debt = debtOf[borrower];
        if (debt == 0) return;
        uint256 limit = _limit(borrower, limitBps);
        if (debt > limit) revert Unhealthy(borrower, debt, limit);
    }

    function _reduceDebt(address borrower, uint256 amount) private {
        debtOf[borrower] -= amount;
        totalDebt -= amount;
        if (debtOf[borrower] == 0) _borrowers.remove(borrower);
    }

    function _bookDeficit(address borrower) private {
        uint256 amount = debtOf[borrower];
        _reduceDebt(borrower, amount);
        deficit += amount;
        emit DeficitBooked(borrower, amount);
    }
}
