// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {Answers} from "./Answers.sol";
import {FlowTest} from "./FlowTest.sol";

contract GateValueTest is FlowTest {
    function setUp() public {
        setUpFlow();
    }

    // ------------------------------------------------------------------------------------------------------- value

    function counted(uint8 decimals, uint256 low, uint256 high, address oracle)
        private
        pure
        returns (IOutflowGate.Limits memory limits)
    {
        limits = usualLimits(1000);
        limits.valuation = IOutflowGate.Valuation(oracle, 1 hours, decimals, uint128(low), uint128(high));
    }

    function test_value_limit_over_several_assets() public {
        // A thousandth of a token is a unit: at 2 and 5 dollars, 100 dollars are 50 of one or 20 of the other.
        install(TOKEN, counted(3, 2e18, 2e18, address(0)));
        install(COIN, counted(3, 5e18, 5e18, address(0)));
        install(VALUE, plainLimits(100e6, 100e6, 1 days));
        assertEq(gate.available(TOKEN), 50_000, "100 dollars of one");
        assertEq(gate.available(COIN), 20_000, "of the other");
        assertTrue(out(alice, 25_000), "50 dollars");
        assertEq(gate.available(COIN), 10_000, "50 dollars are left");
        assertTrue(!out(alice, 25_001), "too much");
        assertTrue(out(bob, 1000), "small exits flow: 998 cents are left, but this one fits");
        (, uint256 id) = gate.onOutflow(COIN, alice, alice, 10_000);
        assertEq(id, 2, "now it does not fit");
    }

    function test_value_is_rounded_up() public {
        install(TOKEN, counted(36, 1, 1, address(0)));
        IOutflowGate.Limits memory none_ = plainLimits(2, 0, 1);
        install(VALUE, none_);
        assertTrue(out(alice, 1) && out(alice, 1), "each counts a micro dollar");
        (IOutflowGate.Route route,) = gate.quote(TOKEN, bob, 1);
        assertEq(uint256(route), uint256(IOutflowGate.Route.Small), "no room");
        assertEq(gate.available(TOKEN), 0, "none");
    }

    function test_oracle_inside_its_bounds() public {
        install(TOKEN, counted(3, 1e18, 4e18, address(answers)));
        install(VALUE, plainLimits(100e6, 100e6, 1 days));
        answers.setPrice(2e18, block.timestamp);
        assertEq(gate.available(TOKEN), 50_000, "believed");
        answers.setPrice(1e17, block.timestamp);
        assertEq(gate.available(TOKEN), 100_000, "not below one dollar");
        answers.setPrice(9e18, block.timestamp);
        assertEq(gate.available(TOKEN), 25_000, "not above four");
        answers.setPrice(2e18, block.timestamp - 1 hours);
        assertEq(gate.available(TOKEN), 50_000, "fresh to the last second");
    }

    function test_oracle_that_is_stale_or_fails_is_tighter() public {
        install(TOKEN, counted(3, 1e18, 4e18, address(answers)));
        install(VALUE, plainLimits(100e6, 100e6, 1 days));
        answers.setPrice(2e18, block.timestamp - 1 hours - 1);
        assertEq(gate.available(TOKEN), 25_000, "stale");
        answers.setPrice(2e18, block.timestamp + 1);
        assertEq(gate.available(TOKEN), 25_000, "from the future");
        answers.setPrice(0, block.timestamp);
        assertEq(gate.available(TOKEN), 25_000, "zero");
        answers.setPrice(2e18, block.timestamp);
        for (uint256 i = 1; i < 5; ++i) {
            answers.behave(Answers.Manner(i));
            assertEq(gate.available(TOKEN), 25_000, "fails");
            assertTrue(out(alice, 1000), "and blocks nothing");
            skip(1 days);
        }
    }

    function test_value_limit_tightens_like_any_other() public {
        install(TOKEN, counted(3, 2e18, 2e18, address(0)));
        IOutflowGate.Limits memory value = plainLimits(100e6, 100e6, 1 days);
        value.minTightenBps = 1000;
        value.maxTightenDuration = 4 hours;
        install(VALUE, value);
        vm.prank(sentinel);
        gate.tighten(VALUE, 1000, 4 hours);
        assertEq(gate.available(TOKEN), 5000, "a tenth");
        skip(4 hours);
        assertEq(gate.available(TOKEN), 50_000, "over");
    }

    // ------------------------------------------------------------------------------------------------------- bounds

    function test_loss_bound_is_the_formula() public {
        // min(100k + 100k·2, 1000k + 1000k·2/24) + 10k + 10k·2/24, twice.
        assertEq(gate.lossBound(TOKEN, 2 hours), 300_000 + 2 * (10_000 + uint256(20_000) / 24), "two hours");
        assertEq(gate.lossBound(TOKEN, 2 days), 3_000_000 + 2 * 30_000, "two days: the other scale");
        assertEq(gate.valueLossBound(1 days), type(uint256).max, "no value limit");
        assertEq(gate.lossBound(TOKEN, uint256(1) << 48), type(uint256).max, "beyond");
        install(TOKEN, counted(3, 2e18, 4e18, address(0)));
        install(VALUE, plainLimits(100e6, 100e6, 1 days));
        assertEq(
            gate.lossBound(TOKEN, 1 days), 100_000 + 40_000, "200 dollars at the low price, and the small"
        );
        assertEq(gate.valueLossBound(1 days), 200e6 + 160e6, "small exits at the high price");
        assertEq(gate.valueLossBound(uint256(1) << 48), type(uint256).max, "beyond");
    }

    function test_value_bound_saturates() public {
        install(TOKEN, counted(36, 1, 1, address(0)));
        install(VALUE, plainLimits(type(uint128).max, type(uint128).max, 1));
        assertEq(gate.lossBound(TOKEN, 0), 120_000, "the scale binds");
        assertEq(gate.available(TOKEN), 100_000, "the scale binds");
    }

    function test_loss_bound_counts_what_is_announced() public {
        uint256 before = gate.lossBound(TOKEN, 1 days);
        IOutflowGate.Limits memory limits = usualLimits(2000);
        vm.prank(governance);
        gate.setLimits(TOKEN, limits);
        assertEq(gate.lossBound(TOKEN, 1 days), before, "not within a day");
        assertEq(gate.lossBound(TOKEN, LOOSEN_DELAY), 3_060_000 + 240_000, "at its very second");
        skip(1 days);
        assertEq(gate.lossBound(TOKEN, 2 days), before + 4_000_000 + 80_000, "a day of each");
        skip(5 days);
        assertEq(gate.lossBound(TOKEN, 1 days), 120_000 + 4_000_000 + 80_000, "whenever it is applied");
    }

    function test_value_bound_counts_what_is_announced() public {
        install(TOKEN, counted(3, 2e18, 4e18, address(0)));
        install(VALUE, plainLimits(100e6, 100e6, 1 days));
        IOutflowGate.Limits memory limits = counted(3, 2e18, 4e18, address(0));
        limits.smallTotal = limit(20_000, 0, 1);
        vm.startPrank(governance);
        gate.setLimits(TOKEN, limits);
        gate.setLimits(VALUE, plainLimits(200e6, 0, 1));
        vm.stopPrank();
        // Scales 300 + 200; small 30,000 then 20,000; reputation 30,000 then 10,000; four dollars per thousand.
        assertEq(gate.valueLossBound(LOOSEN_DELAY), 500e6 + 240e6 + 120e6, "both");
    }

    function test_bound_without_scales_or_multiplier() public {
        IOutflowGate.Limits memory limits = usualLimits(1000);
        limits.maxMultiplierBps = 10_000;
        limits.scales = new BucketLib.Limit[](0);
        limits.creditTotal = limit(1, 0, 1);
        install(TOKEN, limits);
        assertEq(gate.lossBound(TOKEN, 0), 10_000, "the small exits only");
        assertEq(gate.available(TOKEN), 0, "none");
        assertTrue(out(alice, 1000), "small");
        install(VALUE, limits);
        assertEq(gate.valueLossBound(1 days), 0, "everything that counts is queued");
    }

    /// @dev 0 to 36 decimals: the same dollars, whatever the unit.
    function testFuzz_decimals(uint8 decimals) public {
        decimals %= 37;
        uint256 unit = 10 ** uint256(decimals);
        IOutflowGate.Limits memory limits = plainLimits(1000 * unit, unit, 1 days);
        limits.valuation = IOutflowGate.Valuation(address(0), 0, decimals, 3e18, 3e18);
        install(COIN, limits);
        install(VALUE, plainLimits(300e6, 0, 1));
        assertEq(gate.available(COIN), 100 * unit, "300 dollars at 3 each");
        (, uint256 id) = gate.onOutflow(COIN, alice, alice, 100 * unit);
        assertEq(id, 0, "passed");
        (, id) = gate.onOutflow(COIN, alice, alice, 1);
        assertEq(id, 1, "queued");
    }
}
