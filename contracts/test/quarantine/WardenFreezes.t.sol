// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ArgumentBounds} from "../../src/warden/ArgumentBounds.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {Harm, LeverSpec, SignedOrder, WordKind, WordRule} from "../../src/warden/WardenTypes.sol";
import {Quarantine} from "../../src/quarantine/Quarantine.sol";
import {WardenTest} from "../warden/WardenTest.sol";

/// @title The Warden as a Quarantine's freezer: any address, for as long as the order says
contract WardenFreezesTest is WardenTest {
    Quarantine private quarantine;
    bytes32 private freezeLever;

    function setUp() public override {
        super.setUp();
        quarantine = new Quarantine(address(this), 4 hours, 7 days, 1 days, EPOCH, 3);
        quarantine.setFreezer(address(warden), true);
        LeverSpec memory spec = selfEndingSpec();
        spec.target = address(quarantine);
        spec.selector = Quarantine.freeze.selector;
        spec.concurrent = true;
        spec.cooldown = 0;
        spec.pullsPerArming = 10;
        spec.words = new WordRule[](3);
        spec.words[0] = WordRule(WordKind.Range, bytes32(uint256(1)), bytes32(uint256(type(uint160).max)));
        spec.words[1] = WordRule(WordKind.Hold, 0, 0);
        spec.words[2] = WordRule(WordKind.Any, 0, 0);
        spec.verify =
            isTrue(address(quarantine), abi.encodeCall(quarantine.isFrozen, (address(0))), hex"0000");
        spec.pin.codeHash = address(quarantine).codehash;
        freezeLever = register(spec);
    }

    function freezeOrder(address who, uint64 hold) private returns (SignedOrder memory) {
        bytes memory data = abi.encodeCall(Quarantine.freeze, (who, hold, INCIDENT));
        return sign(orderFor(freezeLever, data, hold), 1);
    }

    function test_sentinel_freezes_an_address_for_a_while() public {
        warden.pull(freezeOrder(STRANGER, 1 hours));
        assertTrue(quarantine.isFrozen(STRANGER), "frozen");
        skip(1 hours);
        assertTrue(!quarantine.isFrozen(STRANGER), "by itself");
        warden.release(1);
    }

    function test_dirty_address_and_longer_freeze_are_refused() public {
        bytes32 dirty = bytes32(uint256(uint160(STRANGER)) | (1 << 160));
        bytes memory data = abi.encodePacked(Quarantine.freeze.selector, dirty, uint256(1 hours), INCIDENT);
        SignedOrder memory order = sign(orderFor(freezeLever, data, 1 hours), 1);
        more.expectRevert(abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 0, dirty));
        warden.pull(order);
        data = abi.encodeCall(Quarantine.freeze, (STRANGER, 4 hours, INCIDENT));
        order = sign(orderFor(freezeLever, data, 1 hours), 1);
        vm.expectPartialRevert(ArgumentBounds.ArgumentOutOfBounds.selector);
        warden.pull(order);
    }

    function test_stolen_keys_freeze_no_more_than_both_bounds() public {
        Harm memory bound = lens.leverHarmBound(warden, freezeLever, 4 hours);
        (,, uint256 freezes) = quarantine.budget(4 hours);
        uint256 frozen = 0;
        for (uint256 i = 0; i < 20; ++i) {
            try warden.pull(freezeOrder(account("honest", i), 4 hours)) {
                ++frozen;
            } catch {}
        }
        assertEq(frozen, freezes, "the Quarantine's own limit is reached");
        assertLe(frozen, bound.pulls, "and is within the Warden's");
        assertLe(frozen * 4 hours, bound.holdSeconds, "in seconds too");
    }

    function test_exempt_address_is_not_frozen_and_nothing_is_spent() public {
        quarantine.setExempt(address(market), true);
        SignedOrder memory order = freezeOrder(address(market), 1 hours);
        vm.expectPartialRevert(Warden.CallFailed.selector);
        warden.pull(order);
        assertEq(warden.leverState(freezeLever).pullsLeft, 10, "nothing spent");
    }
}
