// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {IReputation} from "../../src/gate/IReputation.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {GateTest} from "./GateTest.sol";

contract GateLimitsTest is GateTest {
    address private constant TOKEN = address(0x70);
    OutflowGate private gate;

    function setUp() public {
        vm.warp(START);
        address[] memory assets = new address[](1);
        assets[0] = TOKEN;
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](1);
        limits[0] = usualLimits(1);
        gate = newGate(assets, limits);
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(this));
        vm.stopPrank();
    }

    function usual() private pure returns (IOutflowGate.Limits memory) {
        return usualLimits(1);
    }

    function set(IOutflowGate.Limits memory limits) private returns (uint256 eta) {
        vm.prank(governance);
        return gate.setLimits(TOKEN, limits);
    }

    function tighten(uint16 bps, uint32 duration) private {
        vm.prank(sentinel);
        gate.tighten(TOKEN, bps, duration);
    }

    function until() private view returns (uint256) {
        return gate.tighteningOf(TOKEN).until;
    }

    function test_limits_are_read_back() public view {
        IOutflowGate.Limits memory limits = gate.limitsOf(TOKEN);
        assertEq(
            uint256(keccak256(abi.encode(limits))), uint256(keccak256(abi.encode(usual()))), "as written"
        );
        assertTrue(gate.isRegistered(TOKEN) && !gate.isRegistered(VALUE), "registered");
        assertEq(gate.gatedAssets().length, 1, "one asset");
        assertEq(gate.NATIVE() == NATIVE && gate.VALUE() == VALUE ? 1 : 0, 1, "names");
    }

    /// @dev ERC-7201: the list of assets is the second word of the gate's storage.
    function test_storage_is_where_its_name_says() public view {
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("portcullis.storage.OutflowGate")) - 1))
            & ~bytes32(uint256(0xff));
        assertEq(uint256(vm.load(address(gate), bytes32(uint256(slot) + 1))), 1, "one asset");
    }

    function test_stricter_at_once() public {
        IOutflowGate.Limits memory limits = usual();
        limits.scales[0] = limit(50, 50, 1 hours);
        limits.smallTotal = none();
        limits.maxMultiplierBps = 10_000;
        assertEq(set(limits), block.timestamp, "now");
        assertEq(gate.available(TOKEN), 50, "in force");
    }

    function test_looser_after_the_delay_by_anyone() public {
        IOutflowGate.Limits memory limits = usual();
        limits.scales[0] = limit(200, 100, 1 hours);
        uint256 eta = set(limits);
        assertEq(eta, START + LOOSEN_DELAY, "eta");
        assertEq(gate.available(TOKEN), 100, "not yet");
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.applyLimits(TOKEN);
        skip(LOOSEN_DELAY);
        gate.applyLimits(TOKEN);
        assertEq(gate.available(TOKEN), 200, "in force");
        vm.expectPartialRevert(IOutflowGate.NothingScheduled.selector);
        gate.applyLimits(TOKEN);
    }

    /// @dev Each change alone must wait; the list is everything that governance can set.
    function test_every_loosening_waits() public {
        for (uint256 i = 0; i < 13; ++i) {
            IOutflowGate.Limits memory limits = usual();
            if (i == 0) limits.scales[0].capacity += 1;
            if (i == 1) limits.scales[1].refill += 1;
            if (i == 2) limits.scales[1].window -= 1;
            if (i == 3) limits.smallTotal.capacity += 1;
            if (i == 4) limits.smallPerUser.refill += 1;
            if (i == 5) limits.reputationTotal.capacity += 1;
            if (i == 6) limits.creditTotal = limit(1, 0, 1);
            if (i == 7) limits.maxMultiplierBps += 1;
            if (i == 8) limits.minTightenBps += 1;
            if (i == 9) limits.maxTightenDuration -= 1;
            if (i == 10) limits.tightenCooldown += 1;
            if (i == 11) limits.scales = new BucketLib.Limit[](0);
            if (i == 12) {
                limits.scales = new BucketLib.Limit[](1);
                limits.scales[0] = limit(1, 1, 1 hours);
            }
            assertEq(set(limits), START + LOOSEN_DELAY, "waits");
        }
    }

    function test_valuation_of_an_asset_that_counts_changes_with_the_delay_only() public {
        IOutflowGate.Limits memory limits = usual();
        limits.valuation = IOutflowGate.Valuation(address(0), 0, 18, 1, 1);
        assertEq(set(limits), START, "counting it at all is stricter");
        limits.valuation.high = 2;
        assertEq(set(limits), START + LOOSEN_DELAY, "another valuation is not comparable");
        limits.valuation = IOutflowGate.Valuation(address(0), 0, 0, 0, 0);
        assertEq(set(limits), START + LOOSEN_DELAY, "not counting it is looser");
    }

    function test_unsound_limits_are_refused() public {
        for (uint256 i = 0; i < 13; ++i) {
            IOutflowGate.Limits memory limits = usual();
            if (i == 0) limits.scales = new BucketLib.Limit[](5);
            if (i == 1) limits.scales[1].window = 0;
            if (i == 2) limits.smallTotal.window = 0;
            if (i == 3) limits.smallPerUser.window = 0;
            if (i == 4) limits.reputationTotal.window = 0;
            if (i == 5) limits.creditTotal = limit(1, 1, 0);
            if (i == 6) limits.maxMultiplierBps = 9999;
            if (i == 7) limits.minTightenBps = 10_001;
            if (i == 8) limits.maxTightenDuration = 30 days + 1;
            if (i == 9) limits.tightenCooldown = 30 days + 1;
            if (i == 10) limits.valuation = IOutflowGate.Valuation(address(0), 0, 37, 1, 1);
            if (i == 11) limits.valuation = IOutflowGate.Valuation(address(0), 0, 18, 0, 1);
            if (i == 12) limits.valuation = IOutflowGate.Valuation(address(0), 0, 18, 2, 1);
            vm.expectPartialRevert(IOutflowGate.InvalidLimits.selector);
            set(limits);
        }
        vm.startPrank(governance);
        vm.expectPartialRevert(IOutflowGate.InvalidLimits.selector);
        gate.setLimits(address(0), usual());
        IOutflowGate.Limits memory value = usual();
        value.valuation = IOutflowGate.Valuation(address(0), 0, 18, 1, 1);
        vm.expectPartialRevert(IOutflowGate.InvalidLimits.selector);
        gate.setLimits(VALUE, value);
        vm.stopPrank();
    }

    function test_first_limits_of_an_asset_wait_but_the_first_value_limit_does_not() public {
        vm.startPrank(governance);
        assertEq(gate.setLimits(address(0x71), usual()), START + LOOSEN_DELAY, "asset");
        assertEq(gate.setLimits(VALUE, plainLimits(1e6, 1e6, 1 days)), START, "value");
        vm.stopPrank();
    }

    function test_at_most_64_assets() public {
        for (uint256 i = 1; i < 64; ++i) {
            vm.prank(governance);
            gate.setLimits(address(uint160(0x1000 + i)), usual());
        }
        vm.prank(governance);
        gate.setLimits(address(0x2000), usual());
        skip(LOOSEN_DELAY);
        for (uint256 i = 1; i < 64; ++i) {
            gate.applyLimits(address(uint160(0x1000 + i)));
        }
        assertEq(gate.gatedAssets().length, 64, "full");
        vm.expectPartialRevert(IOutflowGate.TooManyAssets.selector);
        gate.applyLimits(address(0x2000));
    }

    function test_announcement_can_be_withdrawn_or_overtaken() public {
        IOutflowGate.Limits memory looser = usual();
        looser.scales[0].capacity = 200;
        set(looser);
        (uint256 eta, IOutflowGate.Limits memory pending) = gate.pendingLimits(TOKEN);
        assertEq(eta, START + LOOSEN_DELAY, "eta");
        assertEq(pending.scales[0].capacity, 200, "announced");
        vm.prank(governance);
        gate.cancelLimits(TOKEN);
        vm.prank(governance);
        vm.expectPartialRevert(IOutflowGate.NothingScheduled.selector);
        gate.cancelLimits(TOKEN);
        set(looser);
        IOutflowGate.Limits memory stricter = usual();
        stricter.scales[0].capacity = 50;
        set(stricter);
        (eta,) = gate.pendingLimits(TOKEN);
        assertEq(eta, 0, "the stricter one ends the announcement");
    }

    function test_change_of_limits_does_not_refill() public {
        gate.onOutflow(TOKEN, alice, bob, 100);
        IOutflowGate.Limits memory limits = usual();
        limits.scales[0] = limit(100, 40, 1 hours);
        set(limits);
        assertEq(gate.available(TOKEN), 0, "still used");
        limits.scales[0] = limit(150, 100, 2 hours);
        set(limits);
        skip(LOOSEN_DELAY);
        gate.onOutflow(TOKEN, alice, bob, 100);
        gate.applyLimits(TOKEN);
        assertEq(gate.available(TOKEN), 50, "150 less the 100 used");
    }

    function test_gate_without_loosening_delay() public {
        OutflowGate quick = new OutflowGate(
            governance, [CLAIM_DELAY, MAX_HOLD, 0, 0], new address[](0), new IOutflowGate.Limits[](0)
        );
        vm.prank(governance);
        assertEq(quick.setLimits(TOKEN, usual()), START, "now");
        assertEq(quick.available(TOKEN), 100, "in force");
    }

    function test_delays_have_bounds() public {
        uint256[4][6] memory bad = [
            [uint256(0), 7 days, 3 days, 2 days],
            [uint256(7 days + 1), 7 days, 3 days, 2 days],
            [uint256(1 days), 30 days + 1, 3 days, 2 days],
            [uint256(1 days), 7 days, 1 days - 1, 2 days],
            [uint256(1 days), 7 days, 7 days, 2 days],
            [uint256(1 days), 7 days, 3 days, 30 days + 1]
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectPartialRevert(IOutflowGate.InvalidDelays.selector);
            new OutflowGate(governance, bad[i], new address[](0), new IOutflowGate.Limits[](0));
        }
    }

    // ---------------------------------------------------------------------------------------------------- sentinels

    function test_tightening_ends_by_itself() public {
        tighten(2000, 1 hours);
        assertEq(gate.available(TOKEN), 20, "a fifth");
        skip(1 hours - 1);
        assertEq(gate.available(TOKEN), 20, "to the last second");
        skip(1);
        assertEq(gate.available(TOKEN), 100, "over");
    }

    function test_tightening_slows_the_refill() public {
        gate.onOutflow(TOKEN, alice, bob, 100);
        tighten(5000, 1 hours);
        skip(1 hours);
        assertEq(gate.available(TOKEN), 50, "half of an hour's refill");
    }

    function test_tightening_does_not_reach_back() public {
        gate.onOutflow(TOKEN, alice, bob, 100);
        skip(30 minutes);
        tighten(5000, 1 hours);
        skip(1 hours);
        assertEq(gate.available(TOKEN), 100, "half an hour's refill in full, and an hour's by half");
    }

    function test_sentinel_cannot_leave_its_bounds() public {
        vm.expectPartialRevert(IOutflowGate.TightenTooFar.selector);
        tighten(999, 1 hours);
        vm.expectPartialRevert(IOutflowGate.TightenTooFar.selector);
        tighten(10_000, 1 hours);
        vm.expectPartialRevert(IOutflowGate.TightenTooLong.selector);
        tighten(5000, 4 hours + 1);
        vm.expectPartialRevert(IOutflowGate.TightenTooLong.selector);
        tighten(5000, 0);
        vm.prank(sentinel);
        vm.expectPartialRevert(IOutflowGate.TightenTooLong.selector);
        gate.tighten(address(0x71), 5000, 1);
    }

    function test_second_order_may_only_be_stricter_and_not_outlast_the_first_ones_time() public {
        tighten(5000, 2 hours);
        vm.expectPartialRevert(IOutflowGate.TightenTooFar.selector);
        tighten(5001, 2 hours);
        skip(1 hours);
        tighten(4000, 10 minutes);
        assertEq(until(), START + 2 hours, "not shorter");
        tighten(4000, 4 hours);
        assertEq(until(), START + 4 hours, "to the longest duration from its beginning");
        skip(3 hours);
        assertEq(gate.available(TOKEN), 100, "over");
    }

    function test_cool_down_between_two_tightenings() public {
        tighten(1000, 4 hours);
        skip(4 hours);
        vm.expectPartialRevert(IOutflowGate.TightenCoolingDown.selector);
        tighten(1000, 4 hours);
        skip(8 hours);
        tighten(1000, 4 hours);
    }

    function test_governance_shortening_the_longest_duration_does_not_shorten_a_running_one() public {
        tighten(1000, 4 hours);
        IOutflowGate.Limits memory limits = usual();
        limits.maxTightenDuration = 1 hours;
        limits.scales[0].capacity = 90;
        vm.prank(governance);
        gate.setLimits(TOKEN, limits);
        assertEq(until(), START + 4 hours, "still");
    }

    function test_only_governance_ends_a_tightening() public {
        tighten(1000, 4 hours);
        gate.onOutflow(TOKEN, alice, bob, 10);
        skip(1 hours);
        vm.prank(governance);
        gate.endTightening(TOKEN);
        assertEq(gate.available(TOKEN), 100, "ten an hour came back");
        vm.prank(governance);
        vm.expectPartialRevert(IOutflowGate.NotTightened.selector);
        gate.endTightening(TOKEN);
        vm.expectPartialRevert(IOutflowGate.TightenCoolingDown.selector);
        tighten(1000, 4 hours);
    }

    function test_limits_that_come_into_force_stay_tightened() public {
        IOutflowGate.Limits memory limits = usual();
        limits.scales[0] = limit(200, 200, 1 hours);
        set(limits);
        skip(LOOSEN_DELAY);
        tighten(1000, 4 hours);
        gate.applyLimits(TOKEN);
        assertEq(gate.available(TOKEN), 20, "a tenth of the new");
    }

    // --------------------------------------------------------------------------------------------------------- roles

    function test_roles() public {
        address[4] memory strangers = [sentinel, guardian, alice, address(this)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            vm.startPrank(strangers[i]);
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.setLimits(TOKEN, usual());
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.cancelLimits(TOKEN);
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.setReputation(IReputation(address(1)));
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.endTightening(TOKEN);
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.scheduleRecall(1);
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.cancelRecall(1);
            vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
            gate.executeRecall(1);
            vm.stopPrank();
        }
        vm.startPrank(guardian);
        vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
        gate.tighten(TOKEN, 5000, 1);
        vm.expectRevert();
        gate.onOutflow(TOKEN, alice, bob, 1);
        vm.expectRevert();
        gate.onInflow(TOKEN, 1);
        vm.expectRevert();
        gate.sendThrough(TOKEN, alice, bob, 1);
        vm.stopPrank();
        vm.startPrank(sentinel);
        vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
        gate.holdClaims(new uint256[](0), 0);
        vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
        gate.liftHold(1);
        vm.stopPrank();
    }
}
