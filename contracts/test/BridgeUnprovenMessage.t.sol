// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {BridgeReplica} from "../src/range/BridgeReplica.sol";
import {FarSide} from "../src/range/FarSide.sol";
import {RangeToken} from "../src/range/RangeToken.sol";
import {RangeTest} from "./RangeTest.sol";

/// @dev The set-up is scenarios/bridge-unproven-message/world.yaml in Solidity, number for number.
contract BridgeUnprovenMessageTest is RangeTest {
    uint256 private constant USERS = 20;
    uint256 private constant COPYCATS = 18;
    uint256 private constant EACH = 400_000e6;
    address private constant RESPONDER = address(0x51);
    address private constant ATTACKER = address(0x53);

    RangeToken private usd;
    BridgeReplica private bridge;
    FarSide private farSide;

    function setUp() public {
        usd = new RangeToken("Range Dollar", "RUSD", 6);
        (bridge, farSide) = deployBridge(bytes32(0), 0);
        for (uint256 i = 0; i < USERS; ++i) {
            address user = account("user", i);
            usd.mint(user, 2_000_000e6);
            vm.startPrank(user);
            usd.approve(address(bridge), 1e30);
            bridge.lock(500_000e6);
            vm.stopPrank();
        }
    }

    function deployBridge(bytes32 committedRoot, uint256 optimisticSeconds)
        private
        returns (BridgeReplica replica, FarSide far)
    {
        replica = new BridgeReplica(usd, optimisticSeconds);
        replica.initialize(committedRoot);
        replica.grantRole(replica.PAUSER_ROLE(), RESPONDER);
        far = new FarSide(replica, 10_000e6);
        replica.grantRole(replica.UPDATER_ROLE(), address(far));
    }

    function forged(address recipient, uint256 nonce) private pure returns (bytes memory) {
        return abi.encodeCall(BridgeReplica.release, (recipient, EACH, nonce));
    }

    function steal(address thief, uint256 nonce) private {
        vm.prank(thief);
        bridge.process(forged(thief, nonce));
    }

    function withdraw(address user, uint256 amount) private {
        vm.prank(user);
        farSide.withdraw(amount);
    }

    function pause() private {
        vm.prank(RESPONDER);
        bridge.pause();
    }

    function test_world_starts_sound() public view {
        assertEq(usd.balanceOf(address(bridge)), 10_000_000e6, "held");
        assertEq(bridge.outstanding(), 10_000_000e6, "outstanding");
        assertEq(bridge.released(), 0, "released");
    }

    function test_honest_withdrawal_is_relayed_and_keeps_the_sums() public {
        address user = account("user", 0);
        withdraw(user, 10_000e6);
        assertEq(farSide.pending(), 1, "pending");
        nextBlock();
        farSide.relay();
        farSide.relay();
        assertEq(farSide.pending(), 0, "delivered");
        assertEq(usd.balanceOf(user), 1_510_000e6, "paid");
        assertEq(bridge.released(), bridge.proven(), "sums");
        assertEq(usd.balanceOf(address(bridge)), bridge.outstanding(), "holdings");
    }

    function test_relayer_waits_for_objections() public {
        (BridgeReplica slow, FarSide far) = deployBridge(bytes32(0), 30);
        usd.mint(address(slow), 1e6);
        far.withdraw(1e6);
        far.relay();
        assertEq(far.pending(), 1, "too early");
        vm.warp(block.timestamp + 30);
        far.relay();
        assertEq(far.pending(), 0, "in time");
    }

    function test_unproven_message_pays_and_breaks_the_invariant() public {
        withdraw(account("user", 0), 10_000e6);
        steal(ATTACKER, 0);
        assertEq(usd.balanceOf(ATTACKER), EACH, "loot");
        assertGe(bridge.released(), bridge.proven() + 1, "released more than proven");
        assertGe(bridge.outstanding(), usd.balanceOf(address(bridge)) + 1, "holds less than it owes");
    }

    function test_thief_and_copycats_take_most_of_it() public {
        steal(ATTACKER, 0);
        for (uint256 i = 0; i < COPYCATS; ++i) {
            steal(account("copycat", i), 0);
        }
        assertEq(usd.balanceOf(address(bridge)), 2_400_000e6, "left");
    }

    function test_same_message_pays_once() public {
        steal(ATTACKER, 0);
        vm.prank(ATTACKER);
        vm.expectPartialRevert(BridgeReplica.UnacceptableRoot.selector);
        bridge.process(forged(ATTACKER, 0));
    }

    function test_bridge_initialised_with_a_root_refuses_it() public {
        (BridgeReplica sound,) = deployBridge(keccak256("the first root"), 0);
        vm.expectPartialRevert(BridgeReplica.UnacceptableRoot.selector);
        sound.process(forged(ATTACKER, 0));
    }

    function test_initialises_once() public {
        vm.expectRevert(BridgeReplica.AlreadyInitialized.selector);
        bridge.initialize(bytes32(0));
    }

    function test_proof_must_hold() public {
        bytes memory message = forged(ATTACKER, 0);
        vm.expectPartialRevert(BridgeReplica.WrongProof.selector);
        bridge.prove(message, new bytes32[](0), bytes32(0));
        vm.expectPartialRevert(BridgeReplica.UnacceptableRoot.selector);
        bridge.prove(message, new bytes32[](0), keccak256(message));
    }

    function test_release_only_by_message() public {
        vm.expectRevert(BridgeReplica.OnlyByMessage.selector);
        bridge.release(ATTACKER, 1, 0);
        vm.expectRevert(BridgeReplica.NotARelease.selector);
        bridge.process(abi.encodeCall(BridgeReplica.lock, (1)));
    }

    function test_paused_bridge_releases_nothing() public {
        withdraw(account("user", 0), 10e6);
        nextBlock();
        pause();
        vm.prank(ATTACKER);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        bridge.process(forged(ATTACKER, 0));
        vm.expectRevert(Pausable.EnforcedPause.selector);
        farSide.relay();
        assertEq(usd.balanceOf(address(bridge)), 10_000_000e6, "held");
    }

    function test_paused_bridge_still_locks_and_proves() public {
        pause();
        vm.prank(account("user", 0));
        bridge.lock(1e6);
        withdraw(account("user", 0), 1e6);
        nextBlock();
        bridge.unpause();
        farSide.relay();
        assertEq(bridge.released(), 1e6, "released after the pause");
    }

    function test_responder_pauses_but_cannot_unpause() public {
        pause();
        vm.prank(RESPONDER);
        vm.expectRevert();
        bridge.unpause();
    }

    function test_far_side_bounds_a_withdrawal() public {
        vm.expectPartialRevert(FarSide.OverTheLimit.selector);
        farSide.withdraw(10_001e6);
    }
}
