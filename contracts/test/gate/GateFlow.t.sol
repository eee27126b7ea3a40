// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {Answers} from "./Answers.sol";
import {FlowTest} from "./FlowTest.sol";

contract GateFlowTest is FlowTest {
    function setUp() public {
        setUpFlow();
    }

    function route(address user, uint256 amount) private view returns (uint256) {
        (IOutflowGate.Route r,) = gate.quote(TOKEN, user, amount);
        return uint256(r);
    }

    // ------------------------------------------------------------------------------------------------------ scales

    function test_what_fits_every_scale_goes_and_the_destination_is_the_receiver() public {
        (address destination, uint256 id) = gate.onOutflow(TOKEN, alice, bob, 100_000);
        assertEq(id, 0, "no claim");
        assertEq(uint160(destination), uint160(bob), "receiver");
        assertEq(gate.available(TOKEN), 0, "used");
        (IOutflowGate.Route r, uint256 wait) = gate.quote(TOKEN, alice, 50_000);
        assertEq(uint256(r), uint256(IOutflowGate.Route.Queue), "queue");
        assertEq(wait, 30 minutes, "half an hour");
    }

    function test_the_longer_scale_binds_in_the_end() public {
        uint256 total = 0;
        for (uint256 i = 0; i < 24; ++i) {
            uint256 free = gate.available(TOKEN);
            out(alice, free);
            total += free;
            skip(1 hours);
        }
        assertEq(total, 1_000_000 + uint256(1_000_000) * 23 / 24, "a day's capacity and 23 hours' refill");
    }

    function test_unknown_asset_is_queued_not_refused() public {
        (address destination, uint256 id) = gate.onOutflow(COIN, alice, bob, 1);
        assertEq(id, 1, "claim");
        assertEq(uint160(destination), uint160(gate.vaultOf(1)), "vault");
        assertEq(gate.available(COIN), 0, "nothing");
        assertEq(gate.lossBound(COIN, 365 days), 0, "nothing");
        (, uint256 wait) = gate.quote(COIN, alice, 1);
        assertEq(wait, type(uint256).max, "never");
    }

    function test_value_limit_is_no_asset() public {
        install(VALUE, plainLimits(1e6, 1e6, 1 days));
        (, uint256 id) = gate.onOutflow(VALUE, alice, bob, 1);
        assertEq(id, 1, "queued");
    }

    function test_nothing_is_no_outflow() public {
        (address destination, uint256 id) = gate.onOutflow(COIN, alice, bob, 0);
        assertEq(id, 0, "no claim");
        assertEq(uint160(destination), uint160(bob), "receiver");
    }

    function test_nobody_is_no_receiver() public {
        vm.expectPartialRevert(IOutflowGate.InvalidReceiver.selector);
        gate.onOutflow(TOKEN, alice, address(0), 1);
    }

    // ------------------------------------------------------------------------------------------------- small exits

    function test_small_exit_flows_when_the_scales_are_dry() public {
        drain();
        assertEq(route(alice, 1000), uint256(IOutflowGate.Route.Small), "small");
        assertTrue(out(alice, 1000), "alice");
        assertTrue(!out(alice, 1), "hers is used");
        skip(86);
        drain();
        assertTrue(!out(alice, 1), "86 seconds are not a thousandth of a day");
        skip(1);
        drain();
        assertTrue(out(alice, 1), "87 are");
    }

    function test_small_exits_of_many_addresses_are_bounded_by_their_total() public {
        drain();
        uint256 total = 0;
        for (uint256 i = 0; i < 100; ++i) {
            if (out(account("sybil", i), 1000)) total += 1000;
        }
        assertEq(total, 10_000, "the total for small exits");
    }

    function test_user_whose_limit_changed_keeps_what_was_used() public {
        drain();
        out(alice, 600);
        IOutflowGate.Limits memory limits = usualLimits(1000);
        limits.smallPerUser = limit(1000, 0, 7);
        install(TOKEN, limits);
        drain();
        assertTrue(!out(alice, 401), "600 of 1,000 used");
        assertTrue(out(alice, 400), "the rest");
        limits.smallPerUser = none();
        install(TOKEN, limits);
        drain();
        assertTrue(!out(bob, 1), "off");
        assertEq(gate.lossBound(TOKEN, 0), 100_000, "only the scales");
    }

    // -------------------------------------------------------------------------------------------------- reputation

    function test_reputation_enlarges_a_small_exit_from_its_own_total() public {
        answers.setBps(30_000);
        drain();
        assertEq(route(alice, 3000), uint256(IOutflowGate.Route.Reputation), "reputation");
        assertTrue(!out(alice, 3001), "three times");
        assertTrue(out(alice, 3000), "three times");
        assertTrue(!out(alice, 1), "used");
        assertTrue(out(bob, 3000) && out(governance, 3000), "others");
        assertTrue(!out(sentinel, 3000), "9,000 of 10,000 used");
        assertTrue(out(sentinel, 1000), "but the ordinary small exit is there");
    }

    function test_lying_reputation_gets_the_maximum_and_no_more() public {
        answers.setBps(type(uint256).max);
        drain();
        assertTrue(!out(alice, 5001), "more than five times");
        assertTrue(out(alice, 5000) && out(bob, 5000), "five times");
        assertTrue(!out(sentinel, 1001), "the total is used");
    }

    function test_reputation_that_fails_is_none_and_blocks_nothing() public {
        answers.setBps(50_000);
        drain();
        for (uint256 i = 1; i < 5; ++i) {
            answers.behave(Answers.Manner(i));
            address user = account("user", 10 + i);
            if (i == uint256(Answers.Manner.Bomb)) {
                // 60,000 zero bytes: an answer of zero.
                assertTrue(!out(user, 1001), "zero is one");
            } else {
                assertTrue(!out(user, 1001), "no answer is one");
            }
            assertTrue(out(user, 1000), "the ordinary small exit");
        }
        answers.behave(Answers.Manner.Honest);
        answers.setBps(10_000);
        assertTrue(!out(bob, 1001), "once is once");
        vm.prank(governance);
        gate.setReputation(Answers(address(0)));
        assertEq(uint160(address(gate.reputation())), 0, "none");
        assertTrue(!out(bob, 1001), "no source");
    }

    function test_multiplied_capacity_saturates() public {
        IOutflowGate.Limits memory limits = usualLimits(1000);
        limits.smallPerUser = limit(type(uint128).max, 0, 1);
        limits.smallTotal = none();
        limits.maxMultiplierBps = type(uint32).max;
        install(TOKEN, limits);
        answers.setBps(type(uint256).max);
        drain();
        assertTrue(out(alice, 10_000), "all of the total");
    }

    // ------------------------------------------------------------------------------------------------------ credit

    function test_deposit_gives_no_room_back_unless_governance_says_so() public {
        drain();
        assertEq(gate.onInflow(TOKEN, 1e30), 0, "nothing");
        assertEq(gate.available(TOKEN), 0, "gross");
    }

    /// @dev A flash loan in and out a hundred times: without credit the loot stays behind, with credit it is bounded.
    function test_flash_loan_cannot_wash_the_count() public {
        IOutflowGate.Limits memory limits = usualLimits(1000);
        limits.creditTotal = limit(50_000, 0, 1);
        install(TOKEN, limits);
        uint256 total = 0;
        for (uint256 i = 0; i < 100; ++i) {
            gate.onInflow(TOKEN, 100_000);
            if (out(address(this), 10_000)) total += 10_000;
        }
        assertLe(total, gate.lossBound(TOKEN, 0), "bound");
        assertEq(total, 150_000, "the scale and what may be credited");
    }

    function test_credit_of_an_unknown_asset_is_nothing() public {
        assertEq(gate.onInflow(COIN, type(uint256).max), 0, "nothing");
    }

    // ------------------------------------------------------------------------------------------------- never reverts

    struct Fuzzed {
        bool known;
        bool huge;
        uint256 amount;
        uint8 decimals;
        uint128[6] sizes;
        uint32[3] windows;
        uint256 price;
        uint8 manner;
    }

    /// @dev Any asset, any amount, any limits, any answers: the protocol gets a destination.
    function testFuzz_an_outflow_is_never_refused(Fuzzed calldata f) public {
        installFuzzed(f);
        address asset = f.known ? TOKEN : COIN;
        gate.lossBound(asset, f.windows[0]);
        gate.valueLossBound(f.windows[0]);
        uint256 amount = f.huge ? f.amount : f.amount >> 128;
        uint256 free = gate.available(asset);
        for (uint256 i = 0; i < 3; ++i) {
            gate.quote(asset, alice, amount);
            (, uint256 id) = gate.onOutflow(asset, alice, alice, amount);
            assertTrue(i != 0 || amount > free || id == 0, "what is available goes");
            gate.onInflow(asset, amount);
            skip(f.windows[i] % 1 days);
        }
    }

    function installFuzzed(Fuzzed calldata f) private {
        IOutflowGate.Limits memory limits = plainLimits(f.sizes[0], f.sizes[1], f.windows[0] | 1);
        limits.smallTotal = limit(f.sizes[2], f.sizes[3], f.windows[1] | 1);
        limits.smallPerUser = limit(f.sizes[3], f.sizes[2], f.windows[2] | 1);
        limits.reputationTotal = limit(f.sizes[4], f.sizes[1], f.windows[1] | 1);
        limits.creditTotal = limit(f.sizes[5], f.sizes[1], f.windows[1] | 1);
        limits.maxMultiplierBps = f.windows[0] < 10_000 ? 10_000 : f.windows[0];
        uint128 low = f.sizes[5] / 2 + 1;
        limits.valuation =
            IOutflowGate.Valuation(address(answers), f.windows[2], f.decimals % 37, low, low + 1);
        install(TOKEN, limits);
        install(VALUE, plainLimits(f.sizes[4], f.sizes[5], f.windows[0] | 1));
        answers.setPrice(f.price, block.timestamp);
        answers.setBps(f.price);
        answers.behave(Answers.Manner(f.manner % 5));
    }
}
