// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ArgumentBounds} from "../../src/warden/ArgumentBounds.sol";
import {CallTemplates} from "../../src/warden/CallTemplates.sol";
import {EpochBudget} from "../../src/warden/EpochBudget.sol";
import {CallTemplate, LeverSpec, WordKind, WordRule} from "../../src/warden/WardenTypes.sol";
import {RangeTest} from "../RangeTest.sol";

/// @dev The libraries behind functions that a test can call.
contract Bounds {
    using EpochBudget for EpochBudget.Account;

    mapping(bytes32 => mapping(bytes32 => bool)) private sets;
    EpochBudget.Account private account;

    function addToSet(bytes32 set, bytes32 member) external {
        sets[set][member] = true;
    }

    function check(LeverSpec memory spec, bytes calldata data, uint256 holdSeconds) external view {
        ArgumentBounds.check(spec, sets, data, holdSeconds);
    }

    function fill(CallTemplate memory template, bytes memory arguments) external pure returns (bytes memory) {
        return CallTemplates.fill(template, arguments);
    }

    function spend(uint256 budget, uint256 epochSeconds, uint256 cost) external {
        account.spend(budget, epochSeconds, cost);
    }

    function spendable(uint256 budget, uint256 epochSeconds, uint256 horizon)
        external
        view
        returns (uint256)
    {
        return account.spendable(budget, epochSeconds, horizon);
    }

    function available(uint256 budget, uint256 epochSeconds) external view returns (uint256) {
        return account.available(budget, epochSeconds);
    }
}

/// @notice Fuzzed laws of the argument bounds, the templates and the budget.
contract ArgumentBoundsTest is RangeTest {
    bytes4 private constant SELECTOR = 0x12345678;
    uint256 private constant LENGTH = 1 days;

    Bounds private bounds;

    function setUp() public {
        bounds = new Bounds();
        vm.warp(1_800_000_000);
    }

    function one(WordKind kind, bytes32 low, bytes32 high) private pure returns (LeverSpec memory spec) {
        spec.selector = SELECTOR;
        spec.words = new WordRule[](1);
        spec.words[0] = WordRule(kind, low, high);
    }

    function passes(LeverSpec memory spec, bytes memory data, uint256 hold) private view returns (bool) {
        try bounds.check(spec, data, hold) {
            return true;
        } catch {
            return false;
        }
    }

    function same(bool left, bool right, string memory what) private pure {
        assertEq(left ? 1 : 0, right ? 1 : 0, what);
    }

    function testFuzz_exact(bytes32 wanted, bytes32 value, bool equal) public view {
        if (equal) value = wanted;
        bytes memory data = abi.encodePacked(SELECTOR, value);
        same(passes(one(WordKind.Exact, wanted, 0), data, 0), value == wanted, "exact");
    }

    function testFuzz_range(uint256 low, uint256 high, uint256 value) public view {
        bytes memory data = abi.encodePacked(SELECTOR, value);
        bool inside = low <= value && value <= high;
        same(passes(one(WordKind.Range, bytes32(low), bytes32(high)), data, 0), inside, "range");
    }

    function testFuzz_range_edges(uint256 low, uint256 width) public view {
        uint256 high = low > type(uint256).max - width ? type(uint256).max : low + width;
        LeverSpec memory spec = one(WordKind.Range, bytes32(low), bytes32(high));
        same(passes(spec, abi.encodePacked(SELECTOR, low), 0), true, "low edge");
        same(passes(spec, abi.encodePacked(SELECTOR, high), 0), true, "high edge");
        if (low != 0) same(passes(spec, abi.encodePacked(SELECTOR, low - 1), 0), false, "below");
        if (high != type(uint256).max) {
            same(passes(spec, abi.encodePacked(SELECTOR, high + 1), 0), false, "above");
        }
    }

    function testFuzz_set(bytes32 set, bytes32 member, bytes32 value, bytes32 otherSet, bool equal) public {
        if (equal) value = member;
        bounds.addToSet(set, member);
        bytes memory data = abi.encodePacked(SELECTOR, value);
        same(passes(one(WordKind.OneOf, set, 0), data, 0), value == member, "member");
        if (otherSet != set) same(passes(one(WordKind.OneOf, otherSet, 0), data, 0), false, "another set");
    }

    function testFuzz_hold(uint64 hold, uint256 value, bool equal) public view {
        if (equal) value = hold;
        bytes memory data = abi.encodePacked(SELECTOR, value);
        same(passes(one(WordKind.Hold, 0, 0), data, hold), value == hold, "hold");
    }

    function testFuzz_any_word_but_no_other_length(bytes calldata data) public view {
        bytes memory full = bytes.concat(SELECTOR, data);
        same(passes(one(WordKind.Any, 0, 0), full, 0), data.length == 32, "length");
    }

    function testFuzz_selector(bytes4 selector, bytes32 value) public view {
        bytes memory data = abi.encodePacked(selector, value);
        same(passes(one(WordKind.Any, 0, 0), data, 0), selector == SELECTOR, "selector");
    }

    function testFuzz_fixed(bytes calldata fixedData, bytes calldata data, bool equal) public view {
        if (fixedData.length == 0) return;
        LeverSpec memory spec;
        spec.fixedData = fixedData;
        bytes memory sent = equal ? bytes(fixedData) : bytes(data);
        same(passes(spec, sent, 0), keccak256(sent) == keccak256(fixedData), "fixed");
    }

    /// @dev Every word of the filled template is either its own or the one that was copied.
    function testFuzz_fill(bytes32[3] calldata arguments, bytes32[4] calldata own, uint8 from, uint8 to)
        public
        view
    {
        (from, to) = (from % 3, to % 4);
        CallTemplate memory template = CallTemplate(
            abi.encodePacked(SELECTOR, own[0], own[1], own[2], own[3]), abi.encodePacked(from, to)
        );
        bytes memory filled =
            bounds.fill(template, abi.encodePacked(SELECTOR, arguments[0], arguments[1], arguments[2]));
        bytes32[4] memory wanted = own;
        wanted[to] = arguments[from];
        bytes memory expected = abi.encodePacked(SELECTOR, wanted[0], wanted[1], wanted[2], wanted[3]);
        assertEq(uint256(keccak256(filled)), uint256(keccak256(expected)), "filled");
    }

    /// @dev A greedy spender at any times: no window of an epoch's length sees more than one budget, and what is spent
    /// within a horizon is no more than was foreseen.
    function testFuzz_budget(uint32[12] calldata waits, uint16[12] calldata costs, uint16 budget) public {
        uint256[12] memory times;
        uint256[12] memory spent;
        uint256 horizon = 10 * LENGTH;
        uint256 foreseen = bounds.spendable(budget, LENGTH, horizon);
        uint256 end = block.timestamp + horizon;
        uint256 total = 0;
        for (uint256 i = 0; i < 12; ++i) {
            vm.warp(block.timestamp + waits[i] % (3 * LENGTH));
            uint256 cost = costs[i] % 3 == 0 ? bounds.available(budget, LENGTH) : costs[i];
            try bounds.spend(budget, LENGTH, cost) {
                (times[i], spent[i]) = (block.timestamp, cost);
            } catch {
                continue;
            }
            if (block.timestamp <= end) total += cost;
            uint256 window = 0;
            for (uint256 j = 0; j <= i; ++j) {
                if (times[j] + LENGTH > block.timestamp) window += spent[j];
            }
            assertLe(window, budget, "more than a budget in an epoch's time");
        }
        assertLe(total, foreseen, "more than was foreseen");
    }

    /// @dev The greediest spender reaches what was foreseen, so the figure is not merely large.
    function testFuzz_budget_is_reached(uint8 epochs, uint16 budget, uint16 before, uint32 offset) public {
        vm.warp(block.timestamp / LENGTH * LENGTH + offset % LENGTH);
        bounds.spend(budget, LENGTH, uint256(before) % (uint256(budget) + 1));
        uint256 horizon = uint256(epochs % 20) * LENGTH;
        uint256 foreseen = bounds.spendable(budget, LENGTH, horizon);
        uint256 total = 0;
        bool skipFirst = (epochs % 20) % 2 == 1;
        for (uint256 i = 0; i <= epochs % 20; ++i) {
            // Of an even number of epochs the first gives way to the second, which may use the same or more.
            if (!(i == 0 && skipFirst)) {
                uint256 cost = bounds.available(budget, LENGTH);
                bounds.spend(budget, LENGTH, cost);
                total += cost;
            }
            vm.warp(block.timestamp + LENGTH);
        }
        assertEq(total, foreseen, "reached");
    }

    /// @dev Governance may cut a budget below what is spent already.
    function test_budget_cut_below_what_is_spent() public {
        bounds.spend(100, LENGTH, 90);
        assertEq(bounds.available(50, LENGTH), 0, "nothing now");
        assertEq(bounds.spendable(50, LENGTH, 0), 0, "nothing in this epoch");
        assertEq(bounds.spendable(50, LENGTH, LENGTH), 0, "nor in the next");
        assertEq(bounds.spendable(50, LENGTH, 3 * LENGTH), 50, "one budget in the two after that");
        vm.expectPartialRevert(EpochBudget.BudgetExceeded.selector);
        bounds.spend(50, LENGTH, 1);
        vm.warp(block.timestamp + 2 * LENGTH);
        bounds.spend(50, LENGTH, 50);
    }
}
