// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ClaimVault} from "../../src/gate/ClaimVault.sol";
import {IOutflowHook} from "../../src/gate/Gated.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {GateTest} from "./GateTest.sol";
import {GatedBank} from "./Protocols.sol";
import {PlainToken} from "./Tokens.sol";

contract GateQueueTest is GateTest {
    OutflowGate private gate;
    GatedBank private bank;
    PlainToken private token;

    /// @dev The bank has a million; 100 an hour may leave.
    function setUp() public {
        vm.warp(START);
        token = new PlainToken(0);
        address[] memory assets = new address[](1);
        assets[0] = address(token);
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](1);
        limits[0] = plainLimits(100, 100, 1 hours);
        gate = newGate(assets, limits);
        bank = new GatedBank(IOutflowHook(address(gate)));
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(bank));
        vm.stopPrank();
        token.mint(address(bank), 1_000_000);
    }

    function withdraw(address user, uint256 amount) private returns (uint256 id) {
        vm.prank(user);
        return bank.withdraw(address(token), user, amount);
    }

    function hold(uint256 id, uint256 until) private returns (uint256 held) {
        vm.prank(guardian);
        return gate.holdClaims(one(id), uint48(until));
    }

    function recallOf(uint256 id) private view returns (uint256) {
        return gate.claimOf(id).recallAt;
    }

    // ----------------------------------------------------------------------------------------------------- release

    function test_excess_waits_in_its_own_vault_and_anyone_releases_it() public {
        uint256 id = withdraw(alice, 101);
        assertEq(id, 1, "claim");
        assertEq(token.balanceOf(gate.vaultOf(1)), 101, "vault");
        assertEq(gate.queuedTotal(address(token)), 101, "queued");
        assertEq(gate.available(address(token)), 100, "the whole amount waits: the room is left to others");
        IOutflowGate.Claim memory claim = gate.claimOf(1);
        assertEq(uint160(claim.receiver), uint160(alice), "receiver");
        assertEq(uint160(claim.protocol), uint160(address(bank)), "protocol");
        assertEq(claim.readyAt, START + CLAIM_DELAY, "ready");
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.releaseClaim(1);
        skip(CLAIM_DELAY);
        vm.prank(bob);
        assertEq(gate.releaseClaim(1), 101, "paid");
        assertEq(token.balanceOf(alice), 101, "to alice");
        assertEq(gate.queuedTotal(address(token)), 0, "nothing is queued");
        assertEq(uint256(gate.claimOf(1).status), uint256(IOutflowGate.ClaimStatus.Released), "status");
    }

    function test_claims_are_released_singly_in_any_order() public {
        withdraw(alice, 200);
        withdraw(bob, 300);
        skip(CLAIM_DELAY);
        gate.releaseClaim(2);
        assertEq(token.balanceOf(bob), 300, "bob");
        assertEq(token.balanceOf(alice), 0, "alice waits until somebody asks");
        gate.releaseClaim(1);
        assertEq(token.balanceOf(alice), 200, "alice");
    }

    function test_release_uses_no_allowance() public {
        withdraw(alice, 101);
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(gate.available(address(token)), 100, "untouched");
    }

    function test_what_arrives_late_is_paid_too_but_nothing_twice() public {
        withdraw(alice, 101);
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(gate.releaseClaim(1), 0, "nothing twice");
        token.mint(gate.vaultOf(1), 7);
        assertEq(gate.releaseClaim(1), 7, "late");
        assertEq(token.balanceOf(alice), 108, "alice");
    }

    function test_receiver_may_name_another_and_nobody_else_may() public {
        withdraw(alice, 101);
        vm.prank(alice);
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.releaseClaimTo(1, bob);
        skip(CLAIM_DELAY);
        vm.prank(bob);
        vm.expectPartialRevert(IOutflowGate.NotTheReceiver.selector);
        gate.releaseClaimTo(1, bob);
        vm.prank(alice);
        vm.expectPartialRevert(IOutflowGate.InvalidReceiver.selector);
        gate.releaseClaimTo(1, address(0));
        vm.prank(alice);
        gate.releaseClaimTo(1, bob);
        assertEq(token.balanceOf(bob), 101, "bob");
    }

    function test_no_claim_no_release() public {
        vm.expectPartialRevert(IOutflowGate.WrongStatus.selector);
        gate.releaseClaim(1);
        vm.prank(address(0));
        vm.expectPartialRevert(IOutflowGate.WrongStatus.selector);
        gate.releaseClaimTo(1, bob);
        assertEq(gate.latestRelease(1), 0, "none");
    }

    function test_vault_opens_for_its_gate_only() public {
        withdraw(alice, 101);
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        token.mint(gate.vaultOf(1), 7);
        ClaimVault vault = ClaimVault(payable(gate.vaultOf(1)));
        vm.expectPartialRevert(ClaimVault.NotTheGate.selector);
        vault.sweep(address(token), bob);
        vm.expectRevert();
        bank.withdraw(address(0x99), bob, 1); // an asset without code
    }

    // ------------------------------------------------------------------------------------------------------- holds

    function test_guardian_holds_a_claim_but_not_for_ever() public {
        withdraw(alice, 101);
        uint256 latest = START + CLAIM_DELAY + MAX_HOLD;
        assertEq(gate.latestRelease(1), latest, "latest");
        assertEq(hold(1, START + CLAIM_DELAY), 0, "no delay, no hold");
        assertEq(hold(1, START + 3 days), 1, "held");
        assertEq(hold(1, START + 2 days), 0, "a hold cannot be shortened by a hold");
        assertEq(hold(1, type(uint48).max), 1, "as long as it goes");
        assertEq(gate.claimOf(1).readyAt, latest, "capped");
        vm.warp(latest - 1);
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.releaseClaim(1);
        vm.warp(latest);
        assertEq(hold(1, type(uint48).max), 0, "over");
        gate.releaseClaim(1);
        assertEq(token.balanceOf(alice), 101, "alice");
        assertEq(hold(1, type(uint48).max), 0, "paid");
        assertEq(hold(2, type(uint48).max), 0, "unknown");
    }

    function test_claim_that_is_ready_but_not_released_can_still_be_held() public {
        withdraw(alice, 101);
        skip(2 days);
        assertEq(hold(1, START + 1 days + 1 hours), 0, "the past is no hold");
        assertEq(hold(1, block.timestamp + 1 days), 1, "held");
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.releaseClaim(1);
    }

    function test_one_claim_that_cannot_be_held_does_not_stop_the_others() public {
        withdraw(alice, 101);
        withdraw(bob, 101);
        uint256[] memory ids = new uint256[](4);
        (ids[0], ids[1], ids[2], ids[3]) = (1, 9, 2, 1);
        vm.prank(guardian);
        assertEq(gate.holdClaims(ids, uint48(START + 2 days)), 2, "two of four");
    }

    function test_guardian_lets_go() public {
        withdraw(alice, 101);
        vm.prank(guardian);
        vm.expectPartialRevert(IOutflowGate.NotHeld.selector);
        gate.liftHold(1);
        hold(1, START + 5 days);
        vm.warp(START + 2 days);
        vm.prank(guardian);
        gate.liftHold(1);
        gate.releaseClaim(1);
        assertEq(token.balanceOf(alice), 101, "alice");
    }

    // ------------------------------------------------------------------------------------------------------- recall

    function test_recall_needs_a_hold_an_announcement_and_its_delay() public {
        withdraw(alice, 101);
        vm.startPrank(governance);
        vm.expectPartialRevert(IOutflowGate.NotHeld.selector);
        gate.scheduleRecall(1);
        vm.stopPrank();
        hold(1, START + 6 days);
        vm.startPrank(governance);
        vm.expectPartialRevert(IOutflowGate.RecallNotScheduled.selector);
        gate.executeRecall(1);
        gate.scheduleRecall(1);
        vm.expectPartialRevert(IOutflowGate.TooEarly.selector);
        gate.executeRecall(1);
        skip(RECALL_DELAY);
        assertEq(gate.executeRecall(1), 101, "back");
        vm.expectPartialRevert(IOutflowGate.NotHeld.selector);
        gate.executeRecall(1);
        vm.expectPartialRevert(IOutflowGate.RecallNotScheduled.selector);
        gate.cancelRecall(1);
        vm.stopPrank();
        assertEq(token.balanceOf(address(bank)), 1_000_000, "to where it came from");
        assertEq(gate.queuedTotal(address(token)), 0, "queued");
        skip(30 days);
        vm.expectPartialRevert(IOutflowGate.WrongStatus.selector);
        gate.releaseClaim(1);
    }

    function test_recall_ends_with_the_hold() public {
        withdraw(alice, 101);
        hold(1, START + 2 days);
        vm.prank(governance);
        gate.scheduleRecall(1);
        vm.warp(START + 5 days);
        vm.prank(governance);
        vm.expectPartialRevert(IOutflowGate.NotHeld.selector);
        gate.executeRecall(1);
        hold(1, START + 7 days);
        assertEq(recallOf(1), 0, "a new hold needs a new announcement");
        vm.prank(governance);
        vm.expectPartialRevert(IOutflowGate.RecallNotScheduled.selector);
        gate.executeRecall(1);
    }

    function test_recall_survives_a_longer_hold_and_ends_with_lifting() public {
        withdraw(alice, 101);
        hold(1, START + 2 days);
        vm.prank(governance);
        gate.scheduleRecall(1);
        hold(1, START + 6 days);
        assertEq(recallOf(1), START + RECALL_DELAY, "still announced");
        vm.prank(governance);
        gate.cancelRecall(1);
        assertEq(recallOf(1), 0, "withdrawn");
        vm.prank(governance);
        gate.scheduleRecall(1);
        vm.prank(guardian);
        gate.liftHold(1);
        assertEq(recallOf(1), 0, "lifted");
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(token.balanceOf(alice), 101, "alice");
    }

    function test_gate_without_recalls_has_none() public {
        OutflowGate strict = new OutflowGate(
            governance, [CLAIM_DELAY, MAX_HOLD, 0, 0], new address[](0), new IOutflowGate.Limits[](0)
        );
        vm.startPrank(governance);
        strict.grantRole(strict.GUARDIAN_ROLE(), guardian);
        strict.grantRole(strict.PROTOCOL_ROLE(), governance);
        strict.onOutflow(address(token), alice, alice, 1);
        vm.stopPrank();
        vm.prank(guardian);
        strict.holdClaims(one(1), uint48(START + 5 days));
        vm.prank(governance);
        vm.expectRevert(IOutflowGate.RecallDisabled.selector);
        strict.scheduleRecall(1);
    }

    // -------------------------------------------------------------------------------------------------- the ERC-7265 traps

    /// @dev Somebody with capital empties the bucket: others wait, but for their delay only, and alone.
    function test_capital_cannot_hold_others_hostage() public {
        address whale = account("whale", 0);
        for (uint256 i = 0; i < 48; ++i) {
            withdraw(whale, gate.available(address(token)));
            withdraw(whale, 1000);
            skip(1 hours);
        }
        withdraw(whale, gate.available(address(token)));
        uint256 id = withdraw(alice, 500);
        skip(CLAIM_DELAY);
        gate.releaseClaim(id);
        assertEq(token.balanceOf(alice), 500, "a day later");
    }

    /// @dev The thief's claims are held; nobody else's are.
    function test_theft_is_held_singly() public {
        address thief = account("thief", 0);
        withdraw(thief, 900_000);
        uint256 id = withdraw(alice, 500);
        hold(1, type(uint48).max);
        vm.prank(governance);
        gate.scheduleRecall(1);
        skip(RECALL_DELAY);
        gate.releaseClaim(id);
        vm.prank(governance);
        gate.executeRecall(1);
        assertEq(token.balanceOf(thief), 0, "nothing");
        assertEq(token.balanceOf(alice), 500, "alice");
        assertEq(token.balanceOf(address(bank)), 999_500, "the bank");
    }
}
