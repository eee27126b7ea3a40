// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Governed} from "../../src/warden/Governed.sol";
import {SentinelSet} from "../../src/warden/SentinelSet.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {Order, Outcome, Signature, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {Stolen} from "./Stolen.sol";
import {ContractSigner} from "./Targets.sol";

/// @notice Attacks by what is signed, and by whom.
contract StolenOrdersTest is Stolen {
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function test_replay_of_an_order_that_was_carried_out() public bounded {
        SignedOrder memory signed = sign(selfEndingOrder(1 hours), 1);
        warden.pull(signed);
        skip(3 hours);
        vm.prank(STRANGER);
        warden.release(1);
        skip(1 hours);
        signed.order.deadline = uint64(block.timestamp);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_replay_of_an_order_within_its_deadline() public bounded {
        warden.setOrderLife(2 days);
        Order memory order = cancelOrder("operation");
        order.deadline = uint64(block.timestamp + 2 days);
        SignedOrder memory signed = sign(order, 1);
        warden.pull(signed);
        more.expectRevert(abi.encodeWithSelector(Warden.OrderConsumed.selector, warden.orderDigest(order)));
        warden.pull(signed);
    }

    function test_replay_after_governance_armed_again() public bounded {
        Order memory hoarded = pauseOrder(1 hours);
        SignedOrder memory first = sign(pauseOrder(1 hours), 1);
        SignedOrder memory second = sign(hoarded, 1);
        warden.pull(first);
        skip(1 hours);
        warden.release(1);
        warden.arm(pauseLever);
        second.order.deadline = hoarded.deadline = uint64(block.timestamp);
        second = sign(hoarded, 1);
        more.expectRevert(abi.encodeWithSelector(Warden.WrongArming.selector, 1, 2));
        warden.pull(second);
    }

    function test_replay_on_another_chain() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        more.chainId(10);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
        more.chainId(31_337);
    }

    function test_replay_on_another_warden() public bounded {
        Warden other = new Warden(address(this), WINDOW, ORDER_LIFE, EPOCH, BUDGET);
        SignedOrder memory signed = signFor(other, pauseOrder(1 hours), 1);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_malleable_signature_with_a_high_s() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        (uint8 v, bytes32 r, bytes32 s) = more.sign(keys[0], warden.orderDigest(signed.order));
        signed.signatures[0].data = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_signature_in_a_second_encoding() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        (uint8 v, bytes32 r, bytes32 s) = more.sign(keys[0], warden.orderDigest(signed.order));
        bytes32 compact = bytes32(uint256(s) | (uint256(v - 27) << 255));
        bytes[3] memory encodings = [
            abi.encodePacked(r, compact), abi.encodePacked(r, s, v - 27), abi.encodePacked(r, s, v, uint8(0))
        ];
        for (uint256 i = 0; i < encodings.length; ++i) {
            signed.signatures[0].data = encodings[i];
            more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
            warden.pull(signed);
        }
    }

    function test_one_sentinel_signs_twice() public bounded {
        SignedOrder memory signed = sign(reserveOrder(0, 1 hours), 2);
        signed.signatures[1] = signed.signatures[0];
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(signed);
    }

    function test_signatures_out_of_order() public bounded {
        SignedOrder memory signed = sign(reserveOrder(0, 1 hours), 2);
        (signed.signatures[0], signed.signatures[1]) = (signed.signatures[1], signed.signatures[0]);
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(signed);
    }

    function test_fewer_or_more_signatures_than_required() public bounded {
        SignedOrder memory few = sign(reserveOrder(0, 1 hours), 1);
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(few);
        SignedOrder memory many = sign(reserveOrder(0, 1 hours), 3);
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(many);
        SignedOrder memory none = sign(pauseOrder(1 hours), 0);
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(none);
    }

    function test_signature_of_the_zero_address() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.signatures[0] = Signature(address(0), new bytes(65));
        vm.expectRevert(SentinelSet.BadSignatureOrder.selector);
        warden.pull(signed);
    }

    function test_garbage_that_recovers_to_nobody() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.signatures[0].data = new bytes(65);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_order_after_its_deadline() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        vm.warp(signed.order.deadline + 1);
        more.expectRevert(abi.encodeWithSelector(Warden.OrderExpired.selector, signed.order.deadline));
        warden.pull(signed);
    }

    function test_order_with_a_deadline_far_ahead() public bounded {
        Order memory order = pauseOrder(1 hours);
        order.deadline = type(uint64).max;
        SignedOrder memory signed = sign(order, 1);
        more.expectRevert(
            abi.encodeWithSelector(
                Warden.DeadlineTooFar.selector, order.deadline, block.timestamp + ORDER_LIFE
            )
        );
        warden.pull(signed);
    }

    function test_nonce_gaps_and_a_hundred_nonces() public bounded {
        uint256 pulled = 0;
        for (uint256 i = 0; i < 100; ++i) {
            Order memory order = cancelOrder(bytes32(i));
            order.nonce = i % 2 == 0 ? type(uint256).max - i : i;
            try warden.pull(sign(order, 1)) {
                ++pulled;
            } catch {}
        }
        assertEq(pulled, 5, "as many as the arming has");
    }

    function test_signature_for_one_lever_used_for_another() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.order.lever = selfEndingLever;
        vm.expectRevert();
        warden.pull(signed);
        signed = sign(cancelOrder("operation"), 1);
        signed.order.lever = pauseLever;
        vm.expectRevert();
        warden.pull(signed);
    }

    function test_relayer_changes_what_was_signed() public bounded {
        for (uint256 field = 0; field < 5; ++field) {
            SignedOrder memory signed = sign(cancelOrder("operation"), 1);
            if (field == 0) {
                signed.order.data = abi.encodeWithSelector(bytes4(0xc4d252f5), bytes32("another"));
            }
            if (field == 1) signed.order.incident = "another";
            if (field == 2) signed.order.deadline += 1;
            if (field == 3) signed.order.nonce += 1;
            if (field == 4) signed.order.holdSeconds += 1;
            vm.expectRevert();
            warden.pull(signed);
        }
    }

    function test_old_signature_of_a_killed_sentinel() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        vm.prank(GUARDIAN);
        warden.killSentinel(more.addr(keys[0]));
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, more.addr(keys[0])));
        warden.pull(signed);
        more.expectRevert(abi.encodeWithSelector(Governed.UnfitAddress.selector, more.addr(keys[0])));
        warden.addSentinel(more.addr(keys[0]), false);
    }

    function test_old_signature_after_a_rotation() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        warden.rotateSentinel(more.addr(keys[0]), address(0xbeef), false);
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_sentinels_play_the_guardian() public bounded {
        pullPause(1 hours);
        address thief = more.addr(keys[0]);
        bytes memory refusal = abi.encodeWithSelector(Governed.NotGuardian.selector, thief);
        vm.startPrank(thief);
        more.expectRevert(refusal);
        warden.ratify(1, uint64(block.timestamp + 2 days));
        more.expectRevert(refusal);
        warden.reviveSentinel(thief);
        more.expectRevert(refusal);
        warden.killSentinel(more.addr(keys[1]));
        more.expectRevert(refusal);
        warden.disarm(reserveLever);
        more.expectRevert(refusal);
        warden.shortenHeartbeatWindow(1 minutes);
        more.expectRevert(refusal);
        warden.revokeOrder("digest");
        more.expectRevert(abi.encodeWithSelector(Warden.HoldNotOver.selector, warden.hold(1).endsAt));
        warden.release(1);
        vm.stopPrank();
    }

    function test_sentinels_play_governance() public bounded {
        pullPause(1 hours);
        address thief = more.addr(keys[0]);
        bytes memory refusal = abi.encodeWithSelector(Governed.NotGovernance.selector, thief);
        bytes[11] memory calls = [
            abi.encodeCall(warden.arm, (pauseLever)),
            abi.encodeCall(warden.setBudget, (type(uint96).max)),
            abi.encodeCall(warden.adopt, (1)),
            abi.encodeCall(warden.addSentinel, (address(0xbeef), false)),
            abi.encodeCall(warden.rotateSentinel, (thief, address(0xbeef), false)),
            abi.encodeCall(warden.setGuardian, (thief, true)),
            abi.encodeCall(warden.proposeGovernance, (thief)),
            abi.encodeCall(warden.acceptGovernance, ()),
            abi.encodeCall(warden.setHeartbeatWindow, (30 days)),
            abi.encodeCall(warden.setOrderLife, (7 days)),
            abi.encodeCall(warden.retireLever, (pauseLever))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(thief);
            (bool success, bytes memory answer) = address(warden).call(calls[i]);
            assertTrue(!success, "a sentinel governs");
            assertEq(answer, refusal, "refused for another reason");
        }
    }

    /// @dev A key's account can borrow code (EIP-7702); what it says as a contract does not count.
    function test_key_that_becomes_a_contract_which_says_yes() public bounded {
        ContractSigner yes = new ContractSigner();
        more.etch(more.addr(keys[0]), address(yes).code);
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.signatures[0].data = "";
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, more.addr(keys[0])));
        warden.pull(signed);
    }

    function test_contract_that_says_yes_and_is_no_sentinel() public bounded {
        ContractSigner yes = new ContractSigner();
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.signatures[0] = Signature(address(yes), "");
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, address(yes)));
        warden.pull(signed);
    }

    function test_contract_sentinel_burns_gas_bombs_or_answers_short() public bounded {
        ContractSigner signer = new ContractSigner();
        warden.addSentinel(address(signer), true);
        warden.postHeartbeat(address(signer), uint64(block.timestamp), "");
        for (uint8 mode = 1; mode < 5; ++mode) {
            signer.set(ContractSigner.Mode(mode));
            SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
            signed.signatures[0] = Signature(address(signer), "");
            uint256 before = gasleft();
            more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSignature.selector, address(signer)));
            warden.pull(signed);
            assertLe(before - gasleft(), 300_000, "gas of a refused signature");
        }
    }

    function test_order_kept_until_after_the_lever_is_disarmed() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        vm.prank(GUARDIAN);
        warden.disarm(pauseLever);
        more.expectRevert(abi.encodeWithSelector(Warden.LeverSpent.selector, pauseLever));
        warden.pull(signed);
    }

    function test_order_that_a_guardian_revoked() public bounded {
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        bytes32 digest = warden.orderDigest(signed.order);
        vm.prank(GUARDIAN);
        warden.revokeOrder(digest);
        more.expectRevert(abi.encodeWithSelector(Warden.OrderConsumed.selector, digest));
        warden.pull(signed);
    }

    /// @dev A relayer who drops, delays, re-orders or takes apart a batch only does what anyone may do as well.
    function test_relayer_censors_and_another_relays() public bounded {
        SignedOrder[] memory batch = new SignedOrder[](2);
        batch[0] = sign(pauseOrder(1 hours), 1);
        batch[1] = sign(selfEndingOrder(1 hours), 1);
        vm.prank(address(0xcea505));
        warden.pull(batch[1]);
        vm.prank(STRANGER);
        Outcome[] memory outcomes = warden.pullBatch(batch);
        assertTrue(outcomes[0].pulled && !outcomes[1].pulled, "the first still works, the second is done");
        assertTrue(selfEnding.isPaused() && brake.paused(), "both are stopped");
    }

    function test_every_order_that_three_keys_can_sign_is_still_bounded() public bounded {
        SignedOrder[] memory batch = new SignedOrder[](32);
        for (uint256 day = 0; day < 30; ++day) {
            for (uint256 i = 0; i < 32; ++i) {
                if (i % 4 == 0) batch[i] = sign(pauseOrder(4 hours), 1);
                if (i % 4 == 1) batch[i] = sign(reserveOrder(i % 2, 4 hours), 2);
                if (i % 4 == 2) batch[i] = sign(selfEndingOrder(4 hours), 1);
                if (i % 4 == 3) batch[i] = sign(cancelOrder(bytes32(i)), 1);
            }
            warden.pullBatch(batch);
            settle();
            skip(19 hours);
            beatAll();
        }
        (uint256 pulls, uint256 held) = measured();
        assertEq(pulls, bound.pulls, "the bound is reached");
        assertEq(held, bound.holdSeconds, "the bound of seconds is reached");
    }
}
