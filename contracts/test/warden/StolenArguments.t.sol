// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ArgumentBounds} from "../../src/warden/ArgumentBounds.sol";
import {LeverBook} from "../../src/warden/LeverBook.sol";
import {LeverInspector} from "../../src/warden/LeverInspector.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {LeverSpec, SignedOrder, WordKind, WordRule} from "../../src/warden/WardenTypes.sol";
import {Stolen} from "./Stolen.sol";
import {Brake, EvilTarget, Market, Queue, SelfEnding} from "./Targets.sol";

/// @notice Attacks by what an order says, and by what governance might be talked into registering.
contract StolenArgumentsTest is Stolen {
    function refuse(bytes32 lever, bytes memory data, uint256 hold, uint256 n, bytes memory reason) private {
        SignedOrder memory signed = sign(orderFor(lever, data, hold), n);
        more.expectRevert(reason);
        warden.pull(signed);
    }

    function test_extra_calldata_behind_the_arguments() public bounded {
        bytes memory data = bytes.concat(abi.encodeCall(Market.setReservePause, (asset(0), true)), bytes32(0));
        refuse(
            reserveLever,
            data,
            1 hours,
            2,
            abi.encodeWithSelector(ArgumentBounds.WrongLength.selector, 100, 68)
        );
        data = bytes.concat(abi.encodeCall(Brake.pause, ()), hex"00");
        refuse(
            pauseLever, data, 1 hours, 1, abi.encodeWithSelector(ArgumentBounds.WrongLength.selector, 5, 4)
        );
    }

    function test_arguments_cut_short() public bounded {
        bytes memory data = bytes.concat(Market.setReservePause.selector, word(asset(0)), bytes31(0));
        refuse(
            reserveLever,
            data,
            1 hours,
            2,
            abi.encodeWithSelector(ArgumentBounds.WrongLength.selector, 67, 68)
        );
    }

    function test_empty_calldata_and_a_lone_selector() public bounded {
        refuse(pauseLever, "", 1 hours, 1, abi.encodeWithSelector(ArgumentBounds.WrongLength.selector, 0, 4));
        refuse(
            pauseLever,
            hex"8456cb",
            1 hours,
            1,
            abi.encodeWithSelector(ArgumentBounds.WrongLength.selector, 3, 4)
        );
    }

    function test_another_selector_of_the_same_target() public bounded {
        bytes memory reason = abi.encodeWithSelector(ArgumentBounds.WrongSelector.selector);
        refuse(pauseLever, abi.encodeCall(Brake.unpause, ()), 1 hours, 1, reason);
    }

    function test_dirty_upper_bytes_of_an_address() public bounded {
        bytes32 dirty = bytes32(uint256(uint160(asset(0))) | (uint256(1) << 200));
        bytes memory data = abi.encodePacked(Market.setReservePause.selector, dirty, uint256(1));
        bytes memory reason = abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 0, dirty);
        refuse(reserveLever, data, 1 hours, 2, reason);
    }

    /// @dev `setReservePause(asset, false)` would lift what people stopped; `2` is dirt in a bool.
    function test_loosening_by_an_argument() public bounded {
        market.setReservePause(asset(0), true);
        extraPulls = 0;
        bytes memory data = abi.encodeCall(Market.setReservePause, (asset(0), false));
        refuse(
            reserveLever,
            data,
            1 hours,
            2,
            abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 1, bytes32(0))
        );
        data = abi.encodePacked(Market.setReservePause.selector, word(asset(0)), uint256(2));
        refuse(
            reserveLever,
            data,
            1 hours,
            2,
            abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 1, bytes32(uint256(2)))
        );
        assertTrue(market.isPaused(asset(0)), "still stopped");
        market.setReservePause(asset(0), false);
    }

    function test_an_asset_that_is_not_in_the_set() public bounded {
        bytes memory data = abi.encodeCall(Market.setReservePause, (asset(2), true));
        bytes memory reason =
            abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 0, word(asset(2)));
        refuse(reserveLever, data, 1 hours, 2, reason);
    }

    function test_pause_for_longer_than_the_hold() public bounded {
        bytes memory data = abi.encodeCall(SelfEnding.pauseFor, (365 days));
        bytes memory reason = abi.encodeWithSelector(
            ArgumentBounds.ArgumentOutOfBounds.selector, 0, bytes32(uint256(365 days))
        );
        refuse(selfEndingLever, data, 1 hours, 1, reason);
        reason = abi.encodeWithSelector(Warden.HoldOutOfBounds.selector, 365 days);
        refuse(selfEndingLever, data, 365 days, 1, reason);
    }

    /// @dev A list whose offset points elsewhere would make the target read other words than those that were checked.
    function test_dynamic_argument_with_a_moved_offset_or_length() public {
        LeverSpec memory spec = cancelSpec();
        spec.selector = Queue.cancelAll.selector;
        spec.words = new WordRule[](3);
        spec.words[0] = WordRule(WordKind.Exact, bytes32(uint256(0x20)), 0);
        spec.words[1] = WordRule(WordKind.Exact, bytes32(uint256(1)), 0);
        spec.words[2] = WordRule(WordKind.Exact, "operation", 0);
        spec.verify.call.copies = hex"0200";
        bytes32 lever = register(spec);
        bound = lens.harmBound(warden, HORIZON);
        bytes memory moved = abi.encodePacked(spec.selector, uint256(0x40), uint256(1), bytes32("operation"));
        bytes32 offset = bytes32(uint256(0x40));
        refuse(
            lever, moved, 0, 1, abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 0, offset)
        );
        bytes memory longer = abi.encodePacked(spec.selector, uint256(0x20), uint256(2), bytes32("operation"));
        refuse(
            lever,
            longer,
            0,
            1,
            abi.encodeWithSelector(ArgumentBounds.ArgumentOutOfBounds.selector, 1, bytes32(uint256(2)))
        );
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = "operation";
        warden.pull(sign(orderFor(lever, abi.encodeCall(Queue.cancelAll, (ids)), 0), 1));
        assertTrue(queue.cancelled("operation"), "the honest encoding works");
        settleAndCompare();
    }

    function test_other_bytes_than_the_fixed_calldata() public {
        LeverSpec memory spec = pauseSpec(address(market));
        spec.selector = Market.setReservePause.selector;
        spec.fixedData = abi.encodeCall(Market.setReservePause, (asset(0), true));
        spec.undo.data = abi.encodeCall(Market.setReservePause, (asset(0), false));
        spec.verify = isTrue(address(market), abi.encodeCall(Market.isPaused, (asset(0))), "");
        bytes32 lever = register(spec);
        bound = lens.harmBound(warden, HORIZON);
        bytes memory reason = abi.encodeWithSelector(ArgumentBounds.WrongFixedData.selector);
        refuse(lever, abi.encodeCall(Market.setReservePause, (asset(1), true)), 1 hours, 1, reason);
        refuse(lever, bytes.concat(spec.fixedData, hex"00"), 1 hours, 1, reason);
        warden.pull(sign(orderFor(lever, spec.fixedData, 1 hours), 1));
        assertTrue(market.isPaused(asset(0)), "the fixed calldata works");
        settleAndCompare();
    }

    function test_call_of_a_target_that_is_not_registered() public bounded {
        Brake other = new Brake(address(warden));
        bytes32 lever = keccak256(abi.encode(pauseSpec(address(other))));
        refuse(
            lever,
            abi.encodeCall(Brake.pause, ()),
            1 hours,
            1,
            abi.encodeWithSelector(LeverBook.UnknownLever.selector, lever)
        );
        warden.retireLever(pauseLever);
        refuse(
            pauseLever,
            abi.encodeCall(Brake.pause, ()),
            1 hours,
            1,
            abi.encodeWithSelector(LeverBook.UnknownLever.selector, pauseLever)
        );
    }

    function test_lever_that_calls_the_warden_itself() public bounded {
        LeverSpec memory spec = pauseSpec(address(warden));
        spec.selector = bytes4(0x12345678);
        more.expectRevert(abi.encodeWithSelector(LeverInspector.BadTarget.selector, address(warden)));
        warden.registerLever(spec);
    }

    function test_lever_that_calls_a_precompile_or_nobody() public bounded {
        address[4] memory targets = [address(1), address(0x100), address(0xffff), address(0xdead00000000)];
        for (uint256 i = 0; i < targets.length; ++i) {
            LeverSpec memory spec = pauseSpec(address(brake));
            spec.target = targets[i];
            more.etch(address(0xffff), hex"fe");
            more.expectRevert(abi.encodeWithSelector(LeverInspector.BadTarget.selector, targets[i]));
            warden.registerLever(spec);
        }
    }

    function test_lever_that_calls_a_key_with_borrowed_code() public bounded {
        more.etch(address(0xde1e9a7e), abi.encodePacked(hex"ef0100", address(brake)));
        LeverSpec memory spec = pauseSpec(address(0xde1e9a7e));
        more.expectRevert(abi.encodeWithSelector(LeverInspector.BadTarget.selector, address(0xde1e9a7e)));
        warden.registerLever(spec);
    }

    function test_lever_that_moves_funds_power_or_code() public bounded {
        bytes4[28] memory selectors = [
            bytes4(0xa9059cbb), // transfer
            0x23b872dd, // transferFrom
            0x095ea7b3, // approve
            0xd505accf, // permit
            0xa22cb465, // setApprovalForAll
            0x42842e0e, // safeTransferFrom
            0xb88d4fde,
            0xf242432a,
            0x2eb2c2d6,
            0x40c10f19, // mint
            0x2e1a7d4d, // withdraw
            0xb460af94,
            0xba087652, // redeem
            0xf2fde38b, // transferOwnership
            0x715018a6, // renounceOwnership
            0x2f2ff15d, // grantRole
            0x36568abe, // renounceRole
            0x3659cfe6, // upgradeTo
            0x4f1ef286, // upgradeToAndCall
            0x9623609d, // upgradeAndCall
            0x8f283970, // changeAdmin
            0x6a761202, // execTransaction
            0x468721a7, // execTransactionFromModule
            0x134008d3, // timelock execute
            0x01d5062a, // timelock schedule
            0x8d80ff0a, // multiSend
            0x610b5925, // enableModule
            0x3f4ba83a // unpause
        ];
        for (uint256 i = 0; i < selectors.length; ++i) {
            LeverSpec memory spec = pauseSpec(address(brake));
            spec.selector = selectors[i];
            bytes memory reason =
                abi.encodeWithSelector(LeverInspector.ForbiddenSelector.selector, selectors[i]);
            more.expectRevert(reason);
            warden.registerLever(spec);
            if (selectors[i] == 0x3f4ba83a) continue;
            spec = pauseSpec(address(brake));
            spec.undo.data = abi.encodePacked(selectors[i]);
            more.expectRevert(reason);
            warden.registerLever(spec);
        }
    }

    /// @dev A target that asks who calls it, and with what: never by delegatecall, never with value.
    function test_delegatecall_and_value() public {
        CallWitness witness = new CallWitness();
        bytes32 lever = register(pauseSpec(address(witness)));
        bound = lens.harmBound(warden, HORIZON);
        // A block's reward or a dying contract can force ether upon anybody.
        vm.deal(address(warden), 1 ether);
        warden.pull(sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), 1));
        assertEq(uint160(witness.self()), uint160(address(witness)), "the target runs as itself");
        assertEq(uint160(witness.caller()), uint160(address(warden)), "called by the Warden");
        assertEq(witness.value(), 0, "without value");
        assertEq(address(warden).balance, 1 ether, "and stays there");
        (bool taken,) = address(warden).call{value: 1}("");
        assertTrue(!taken, "the Warden takes no ether");
        vm.deal(address(warden), 0);
        extraPulls = 1;
        settleAndCompare();
    }
}

/// @dev Remembers how it was called.
contract CallWitness {
    address public self;
    address public caller;
    uint256 public value;
    bool public paused;

    function pause() external payable {
        (self, caller, value, paused) = (address(this), msg.sender, msg.value, true);
    }

    function unpause() external payable {
        paused = false;
    }
}
