// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {CallTemplates} from "../../src/warden/CallTemplates.sol";
import {CodeStore} from "../../src/warden/CodeStore.sol";
import {Governed} from "../../src/warden/Governed.sol";
import {LeverBook} from "../../src/warden/LeverBook.sol";
import {LeverChecks} from "../../src/warden/LeverChecks.sol";
import {LeverInspector} from "../../src/warden/LeverInspector.sol";
import {SentinelSet} from "../../src/warden/SentinelSet.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {LeverSpec, LeverState, WordKind, WordRule} from "../../src/warden/WardenTypes.sol";
import {Brake} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

/// @notice What can be registered, armed and retired.
contract LeverBookTest is WardenTest {
    event LeverRegistered(bytes32 indexed lever, address indexed target, bytes4 indexed selector);
    event LeverArmed(bytes32 indexed lever, uint64 arming, uint256 pulls);
    event LeverDisarmed(bytes32 indexed lever, address indexed by);

    function refuse(LeverSpec memory spec, bytes memory reason) private {
        more.expectRevert(reason);
        warden.registerLever(spec);
    }

    function badField(LeverSpec memory spec, string memory field) private {
        refuse(spec, abi.encodeWithSelector(LeverInspector.BadField.selector, field));
    }

    function test_id_is_the_hash_of_the_encoding() public {
        LeverSpec memory spec = pauseSpec(address(new Brake(address(warden))));
        bytes32 id = keccak256(abi.encode(spec));
        more.expectEmit();
        emit LeverRegistered(id, spec.target, spec.selector);
        assertEq(uint256(warden.registerLever(spec)), uint256(id), "id");
        assertEq(warden.leverData(id), abi.encode(spec), "kept whole");
        (LeverSpec memory kept, LeverState memory state) = lens.lever(warden, id);
        assertEq(abi.encode(kept), abi.encode(spec), "decoded");
        assertEq(state.pullsLeft, 0, "disarmed");
        refuse(spec, abi.encodeWithSelector(LeverBook.LeverExists.selector, id));
    }

    function test_arming_and_disarming() public {
        more.expectEmit();
        emit LeverArmed(pauseLever, 2, 1);
        warden.arm(pauseLever);
        more.expectEmit();
        emit LeverDisarmed(pauseLever, GUARDIAN);
        vm.prank(GUARDIAN);
        warden.disarm(pauseLever);
        assertEq(warden.leverState(pauseLever).pullsLeft, 0, "disarmed");
        bytes memory unknown = abi.encodeWithSelector(LeverBook.UnknownLever.selector, bytes32(0));
        more.expectRevert(unknown);
        warden.arm(0);
        more.expectRevert(unknown);
        warden.disarm(0);
        more.expectRevert(unknown);
        warden.retireLever(0);
        more.expectRevert(unknown);
        warden.leverData(0);
    }

    function test_retired_lever_is_gone_for_good() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        pullPause(1 hours);
        more.expectRevert(abi.encodeWithSelector(LeverBook.HoldOpen.selector, pauseLever));
        warden.retireLever(pauseLever);
        skip(1 hours);
        warden.release(1);
        warden.retireLever(pauseLever);
        assertEq(warden.leverIds().length, 3, "off the list");
        refuse(spec, abi.encodeWithSelector(LeverBook.LeverExists.selector, pauseLever));
    }

    function test_levers_have_a_limit() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        for (uint32 i = 1; i <= 60; ++i) {
            spec.cooldown = i;
            warden.registerLever(spec);
        }
        spec.cooldown = 61;
        refuse(spec, abi.encodeWithSelector(Governed.TooMany.selector, 64));
    }

    function test_sets() public {
        bytes32[] memory members = new bytes32[](2);
        (members[0], members[1]) = (bytes32(uint256(1)), bytes32(uint256(5)));
        bytes32 set = warden.registerSet(members);
        assertEq(uint256(set), uint256(keccak256(abi.encode(members))), "hash");
        assertEq(warden.setMembers(set).length, 2, "members");
        assertTrue(warden.isSet(set) && !warden.isSet(0), "registered");
        vm.expectRevert(LeverBook.BadSet.selector);
        warden.registerSet(members);
        members[0] = members[1];
        vm.expectRevert(LeverBook.BadSet.selector);
        warden.registerSet(members);
        vm.expectRevert(LeverBook.BadSet.selector);
        warden.registerSet(new bytes32[](0));
        vm.expectRevert(LeverBook.BadSet.selector);
        warden.registerSet(new bytes32[](257));
    }

    /// @dev Each line spoils one field of a lever that is otherwise sound.
    function test_numbers_have_limits() public {
        LeverSpec memory spec;
        spec = pauseSpec(address(brake));
        spec.sentinelsRequired = 0;
        badField(spec, "sentinelsRequired");
        spec = pauseSpec(address(brake));
        spec.sentinelsRequired = 17;
        badField(spec, "sentinelsRequired");
        spec = pauseSpec(address(brake));
        spec.pullsPerArming = 0;
        badField(spec, "pullsPerArming");
        spec = pauseSpec(address(brake));
        spec.pullsPerArming = 257;
        badField(spec, "pullsPerArming");
        spec = pauseSpec(address(brake));
        spec.longestHold = 0;
        badField(spec, "longestHold");
        spec = pauseSpec(address(brake));
        spec.longestHold = 30 days + 1;
        badField(spec, "longestHold");
        spec = pauseSpec(address(brake));
        spec.shortestHold = 0;
        badField(spec, "shortestHold");
        spec = pauseSpec(address(brake));
        spec.shortestHold = 4 hours + 1;
        badField(spec, "shortestHold");
        spec = pauseSpec(address(brake));
        spec.longestRatified = 4 hours - 1;
        badField(spec, "longestRatified");
        spec = pauseSpec(address(brake));
        spec.longestRatified = 365 days + 1;
        badField(spec, "longestRatified");
        spec = pauseSpec(address(brake));
        spec.undo.data = "";
        badField(spec, "undo");
        spec = pauseSpec(address(brake));
        spec.callGas = 29_999;
        badField(spec, "callGas");
        spec = pauseSpec(address(brake));
        spec.callGas = 8_000_001;
        badField(spec, "callGas");
        spec = pauseSpec(address(brake));
        spec.viewGas = 4999;
        badField(spec, "viewGas");
        spec = pauseSpec(address(brake));
        spec.viewGas = 1_000_001;
        badField(spec, "viewGas");
        spec = pauseSpec(address(brake));
        spec.undoGas = 29_999;
        badField(spec, "undoGas");
        spec = pauseSpec(address(brake));
        spec.undoGas = 8_000_001;
        badField(spec, "undoGas");
        spec = pauseSpec(address(brake));
        spec.unitsPerPull = 0;
        badField(spec, "unitsPerPull");
        spec = pauseSpec(address(brake));
        spec.unitsPerEpoch = 1599;
        badField(spec, "unitsPerEpoch");
        spec = pauseSpec(address(brake));
        spec.verify.word = 32;
        badField(spec, "verify");
        spec = pauseSpec(address(brake));
        spec.verify.mask = 0;
        badField(spec, "verify");
        spec = pauseSpec(address(brake));
        spec.words = new WordRule[](17);
        badField(spec, "words");
    }

    function test_one_way_levers_hold_nothing() public {
        LeverSpec memory spec = cancelSpec();
        spec.shortestHold = 1;
        badField(spec, "shortestHold");
        spec = cancelSpec();
        spec.longestRatified = 1;
        badField(spec, "longestRatified");
        spec = cancelSpec();
        spec.undoGas = 1;
        badField(spec, "undoGas");
        spec = cancelSpec();
        spec.undo.copies = hex"0000";
        badField(spec, "undo");
        spec = cancelSpec();
        spec.words[0].kind = WordKind.Hold;
        badField(spec, "longestHold");
    }

    function test_what_the_target_ends_cannot_be_ratified() public {
        LeverSpec memory spec = selfEndingSpec();
        spec.longestRatified = spec.longestHold + 1;
        badField(spec, "longestRatified");
    }

    function test_word_rules_that_nothing_meets() public {
        LeverSpec memory spec = cancelSpec();
        spec.words[0] = WordRule(WordKind.Range, bytes32(uint256(2)), bytes32(uint256(1)));
        refuse(spec, abi.encodeWithSelector(LeverInspector.BadWordRule.selector, 0));
        spec.words[0] = WordRule(WordKind.OneOf, "no set", 0);
        refuse(spec, abi.encodeWithSelector(LeverInspector.BadWordRule.selector, 0));
    }

    function test_fixed_calldata() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        spec.fixedData = hex"8456cb";
        badField(spec, "fixedData");
        spec.fixedData = new bytes(1029);
        badField(spec, "fixedData");
        spec.fixedData = hex"8456cb58";
        badField(spec, "fixedData");
        spec.fixedData = hex"8456cb59";
        spec.words = new WordRule[](1);
        badField(spec, "words");
        spec.words = new WordRule[](0);
        warden.registerLever(spec);
    }

    function test_templates_stay_inside_their_words() public {
        bytes memory reason = abi.encodeWithSelector(CallTemplates.BadTemplate.selector);
        LeverSpec memory spec = reserveSpec();
        bytes[4] memory copies = [bytes(hex"00"), hex"0200", hex"0002", new bytes(32)];
        for (uint256 i = 0; i < copies.length; ++i) {
            spec.undo.copies = copies[i];
            refuse(spec, reason);
        }
        spec = reserveSpec();
        spec.undo.data = hex"123456";
        refuse(spec, reason);
        spec.undo.data = new bytes(1029);
        refuse(spec, reason);
        spec = reserveSpec();
        spec.verify.call.data = "";
        refuse(spec, reason);
    }

    function test_view_and_pin_of_nobody() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        spec.verify.target = STRANGER;
        refuse(spec, abi.encodeWithSelector(LeverInspector.BadTarget.selector, STRANGER));
        spec = pauseSpec(address(brake));
        spec.pin.codeHash = keccak256("other code");
        refuse(spec, abi.encodeWithSelector(LeverChecks.TargetChanged.selector, address(brake)));
    }

    /// @dev Without the implementation's code hash only its address is compared.
    function test_pin_of_an_address_alone() public {
        LeverSpec memory spec = pauseSpec(address(brake));
        spec.pin.viewTarget = address(warden);
        spec.pin.viewData = abi.encodeCall(warden.governance, ());
        spec.pin.viewWord = word(address(this));
        bytes32 lever = register(spec);
        warden.pull(sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), 1));
    }

    function test_constructor_has_limits() public {
        uint256[2] memory epochs = [uint256(1 hours - 1), 90 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSetting.selector, epochs[i]));
            new Warden(address(this), WINDOW, ORDER_LIFE, epochs[i], BUDGET);
        }
        more.expectRevert(abi.encodeWithSelector(Governed.UnfitAddress.selector, address(0)));
        new Warden(address(0), WINDOW, ORDER_LIFE, EPOCH, BUDGET);
        more.expectRevert(
            abi.encodeWithSelector(SentinelSet.BadSetting.selector, uint256(type(uint96).max) + 1)
        );
        warden.setBudget(uint256(type(uint96).max) + 1);
    }

    function test_budgets_are_shown() public {
        pullPause(1 hours);
        (uint256 perEpoch, uint256 available, uint256 spendable) = warden.budget(0);
        assertEq(perEpoch, BUDGET, "per epoch");
        assertEq(available, BUDGET - 1000 - 1 hours, "available");
        assertEq(spendable, available, "this epoch only");
        (perEpoch, available, spendable) = warden.leverBudget(pauseLever, 10 * EPOCH);
        assertEq(perEpoch, 200_000, "lever's");
        assertEq(available, 200_000 - 1000 - 1 hours, "lever's available");
        assertEq(spendable, 5 * 200_000 + available, "eleven epochs");
    }

    function test_code_store() public {
        for (uint256 length = 0; length < 100; length += 33) {
            bytes memory data = new bytes(length);
            if (length != 0) data[length - 1] = 0x5a;
            assertEq(CodeStore.read(CodeStore.write(data)), data, "kept");
        }
        vm.expectRevert(CodeStore.NotStored.selector);
        this.storeZeros(24_576);
        vm.expectRevert(CodeStore.NotStored.selector);
        this.storeZeros{gas: 1_000_000}(24_575);
    }

    function storeZeros(uint256 length) external {
        CodeStore.write(new bytes(length));
    }
}
