// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Arbitrageur, IReferencePrice} from "../src/range/Arbitrageur.sol";
import {FlashLender} from "../src/range/FlashLender.sol";
import {LendingExploit} from "../src/range/LendingExploit.sol";
import {LendingMarket} from "../src/range/LendingMarket.sol";
import {LiquidationKeeper} from "../src/range/LiquidationKeeper.sol";
import {IPair} from "../src/range/PairTrader.sol";
import {RangeToken} from "../src/range/RangeToken.sol";
import {SwapDesk} from "../src/range/SwapDesk.sol";
import {RangeTest} from "./RangeTest.sol";

interface IFactory {
    function createPair(address, address) external returns (address);
}

interface IPairMint {
    function mint(address to) external returns (uint256);
}

/// @dev The set-up is scenarios/lending-spot-oracle/world.yaml in Solidity, number for number.
contract LendingSpotOracleTest is RangeTest {
    uint256 private constant USERS = 20;
    uint256 private constant STRIKES = 12;
    address private constant RESPONDER = address(0x51);
    address private constant ATTACKER = address(0x53);

    RangeToken private usd;
    RangeToken private gold;
    IPair private pair;
    LendingMarket private market;
    SwapDesk private desk;
    Arbitrageur private arbitrageur;
    LiquidationKeeper private keeper;
    FlashLender private lender;
    LendingExploit private exploit;

    function setUp() public {
        usd = new RangeToken("Range Dollar", "RUSD", 6);
        gold = new RangeToken("Range Gold", "RGLD", 18);
        address factory = deployNpm("@uniswap/v2-core/build/UniswapV2Factory.json", abi.encode(address(this)));
        pair = IPair(IFactory(factory).createPair(address(usd), address(gold)));
        usd.mint(address(pair), 2_000_000e6);
        gold.mint(address(pair), 200_000e18);
        IPairMint(address(pair)).mint(address(this));

        market = new LendingMarket(usd, gold, pair);
        market.grantRole(market.PAUSER_ROLE(), RESPONDER);
        market.grantRole(market.PRICE_KEEPER_ROLE(), address(this));
        market.reportReferencePrice(10e6);

        desk = new SwapDesk(pair, usd, gold);
        arbitrageur = new Arbitrageur(pair, usd, gold, IReferencePrice(address(market)));
        usd.mint(address(arbitrageur), 3_000_000e6);
        gold.mint(address(arbitrageur), 300_000e18);
        keeper = new LiquidationKeeper(market);
        usd.mint(address(keeper), 1_000_000e6);
        lender = new FlashLender(usd);
        usd.mint(address(lender), 8_000_000e6);

        for (uint256 i = 0; i < USERS; ++i) {
            address user = account("user", i);
            usd.mint(user, 1_000_000e6);
            gold.mint(user, 50_000e18);
            vm.startPrank(user);
            usd.approve(address(market), 1e30);
            gold.approve(address(market), 1e30);
            usd.approve(address(desk), 1e30);
            gold.approve(address(desk), 1e30);
            market.deposit(200_000e6);
            market.addCollateral(5000e18);
            market.borrow(5000e6);
            vm.stopPrank();
        }

        vm.prank(ATTACKER);
        exploit = new LendingExploit(market, lender, 6_000_000e6, 320_000e6);
    }

    function pause() private {
        vm.prank(RESPONDER);
        market.pause();
    }

    function strike() private returns (uint256 profit) {
        uint256 before = usd.balanceOf(address(exploit));
        vm.prank(ATTACKER);
        exploit.strike();
        nextBlock();
        return usd.balanceOf(address(exploit)) - before;
    }

    function strikeAll(bool arbitrage, bool liquidate) private returns (uint256 firstTwo, uint256 all) {
        for (uint256 i = 0; i < STRIKES; ++i) {
            all += strike();
            if (i == 1) firstTwo = all;
            if (arbitrage) arbitrageur.arbitrage();
            if (liquidate) keeper.work();
        }
    }

    function test_world_starts_sound() public view {
        assertEq(market.spotPrice(), 10e6, "spot price");
        assertEq(market.totalDeposits(), 4_000_000e6, "deposits");
        assertEq(market.cash(), 3_900_000e6, "cash");
        assertEq(market.totalDebt(), 100_000e6, "debt");
        assertEq(market.shortfall(), 0, "shortfall");
    }

    function test_twelve_strikes_drain_the_market() public {
        strikeAll(false, false);
        assertEq(market.cash(), 60_000e6, "cash left");
    }

    function test_two_strikes_are_a_fifth_at_most() public {
        (uint256 firstTwo, uint256 all) = strikeAll(false, false);
        assertLe(firstTwo * 5, all, "share of two strikes");
        assertGe(all, 2_000_000e6, "loot");
    }

    function test_two_strikes_are_a_fifth_at_most_with_bots() public {
        (uint256 firstTwo, uint256 all) = strikeAll(true, true);
        assertLe(firstTwo * 5, all, "share of two strikes");
        assertGe(all, 2_000_000e6, "loot");
    }

    function test_each_strike_is_a_twelfth_or_so_and_pays() public {
        uint256[] memory profits = new uint256[](STRIKES);
        uint256 all;
        for (uint256 i = 0; i < STRIKES; ++i) {
            profits[i] = strike();
            all += profits[i];
            arbitrageur.arbitrage();
        }
        for (uint256 i = 0; i < STRIKES; ++i) {
            assertGe(profits[i] * 100, all * 7, "smallest share");
            assertLe(profits[i] * 100, all * 10, "largest share");
        }
    }

    function test_first_strike_breaks_the_invariant() public {
        strike();
        assertGe(market.shortfall(), 200_000e6, "shortfall");
        keeper.work();
        assertGe(market.shortfall(), 200_000e6, "shortfall once written off");
    }

    function test_paused_market_cannot_be_struck() public {
        pause();
        vm.prank(ATTACKER);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        exploit.strike();
    }

    function test_pause_after_two_strikes_keeps_the_rest() public {
        strike();
        strike();
        pause();
        vm.prank(ATTACKER);
        vm.expectRevert();
        exploit.strike();
        assertEq(market.cash(), 3_260_000e6, "cash kept");
    }

    function test_paused_market_still_takes_money_in() public {
        pause();
        vm.startPrank(account("user", 0));
        market.deposit(1e6);
        market.repay(1e6);
        market.addCollateral(1e18);
        vm.stopPrank();
    }

    function test_paused_market_gives_nothing_out() public {
        pause();
        vm.startPrank(account("user", 0));
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.withdraw(1e6);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.borrow(1e6);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.removeCollateral(1e18);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.liquidate(address(exploit), 1e6);
        vm.stopPrank();
        keeper.work();
    }

    function test_responder_pauses_but_cannot_unpause() public {
        pause();
        vm.prank(RESPONDER);
        vm.expectRevert();
        market.unpause();
        market.unpause();
        vm.prank(ATTACKER);
        vm.expectRevert();
        market.pause();
    }

    function test_only_the_thief_strikes() public {
        vm.expectRevert(LendingExploit.NotTheThief.selector);
        exploit.strike();
    }

    function test_borrower_is_held_to_the_limit() public {
        vm.startPrank(account("user", 0));
        market.borrow(24_900e6);
        vm.expectPartialRevert(LendingMarket.Unhealthy.selector);
        market.borrow(200e6);
        vm.expectPartialRevert(LendingMarket.Unhealthy.selector);
        market.removeCollateral(1000e18);
        market.repay(1_000_000e6);
        vm.stopPrank();
        assertEq(market.debtOf(account("user", 0)), 0, "debt after repaying too much");
    }

    function test_keeper_liquidates_after_a_fall() public {
        address user = account("user", 0);
        vm.prank(user);
        market.borrow(24_000e6);
        vm.prank(account("user", 1));
        desk.sell(40_000e18);
        uint256 debt = market.debtOf(user);
        keeper.work();
        assertLe(market.debtOf(user), debt - 1e6, "debt");
        assertEq(market.deficit(), 0, "deficit");
    }

    function test_arbitrage_restores_the_price_from_both_sides() public {
        vm.startPrank(account("user", 0));
        desk.sell(20_000e18);
        arbitrageur.arbitrage();
        assertGe(market.spotPrice(), 9_900_000, "price from below");
        desk.buy(400_000e6);
        arbitrageur.arbitrage();
        assertLe(market.spotPrice(), 10_100_000, "price from above");
        vm.stopPrank();
    }

    /// @dev Honest users at the largest amounts of the world, always in the direction that uses up the most.
    function test_a_hundred_heavy_honest_rounds_stay_sound() public {
        for (uint256 i = 0; i < 100; ++i) {
            vm.startPrank(account("user", 0));
            market.deposit(5000e6);
            market.borrow(200e6);
            desk.buy(2000e6);
            vm.stopPrank();
            vm.startPrank(account("user", 1));
            market.addCollateral(100e18);
            desk.sell(200e18);
            market.withdraw(1500e6);
            vm.stopPrank();
            arbitrageur.arbitrage();
            keeper.work();
        }
        assertEq(market.shortfall(), 0, "shortfall");
    }
}
