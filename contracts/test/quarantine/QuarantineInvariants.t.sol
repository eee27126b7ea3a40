// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Quarantine} from "../../src/quarantine/Quarantine.sol";
import {RangeTest} from "../RangeTest.sol";

/// @dev A stolen freezer, guardians who prolong and release, governance that exempts, and time.
contract QuarantineHandler is RangeTest {
    uint256 private constant EPOCH = 1 days;
    uint256 public constant LIMIT = 3;
    uint256 public constant LONGEST = 7 days;

    Quarantine public immutable quarantine;
    uint256[] private frozenAt;
    mapping(address => uint256) public startedAt;
    mapping(address => bool) public exempt;

    constructor() {
        vm.warp(1_800_000_000);
        quarantine = new Quarantine(address(this), 1 days, LONGEST, 6 hours, EPOCH, LIMIT);
        quarantine.setFreezer(address(0xf1), true);
    }

    function who(uint256 index) public pure returns (address) {
        return address(uint160(0xb0000 + index % 8));
    }

    function pass(uint256 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 8 hours);
    }

    function freeze(uint256 index, uint256 seconds_) external {
        vm.prank(address(0xf1));
        try quarantine.freeze(who(index), uint64(seconds_ % 26 hours), "reason") {
            assertTrue(!exempt[who(index)], "an exempt address was frozen");
            startedAt[who(index)] = block.timestamp;
            frozenAt.push(block.timestamp);
        } catch {}
    }

    function release(uint256 index) external {
        try quarantine.release(who(index)) {} catch {}
    }

    function ratify(uint256 index, uint256 seconds_) external {
        try quarantine.ratify(who(index), uint48(block.timestamp + seconds_ % 9 days)) {} catch {}
    }

    function appeal(uint256 index) external {
        uint48 until = quarantine.recordOf(who(index)).until;
        vm.prank(who(index));
        try quarantine.appeal("unfair") {} catch {}
        assertEq(quarantine.recordOf(who(index)).until, until, "an appeal moved the end");
    }

    function setExempt(uint256 index, bool exempt_) external {
        quarantine.setExempt(who(index), exempt_);
        exempt[who(index)] = exempt_;
    }

    /// @dev The most addresses that were frozen in any stretch as long as an epoch.
    function mostFrozenInAnEpoch() external view returns (uint256 most) {
        uint256 from = 0;
        for (uint256 i = 0; i < frozenAt.length; ++i) {
            while (frozenAt[from] + EPOCH <= frozenAt[i]) ++from;
            if (i + 1 - from > most) most = i + 1 - from;
        }
    }

    function count() external view returns (uint256) {
        return frozenAt.length;
    }

    function assertTrue(bool condition, string memory what) private pure {
        assertEq(condition ? 1 : 0, 1, what);
    }
}

contract QuarantineInvariantsTest is RangeTest {
    QuarantineHandler private handler;

    function setUp() public {
        handler = new QuarantineHandler();
    }

    /// @dev Foundry asks for this by name.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_laws() public view {
        assertLe(handler.mostFrozenInAnEpoch(), handler.LIMIT(), "more than the limit in an epoch's time");
        for (uint256 i = 0; i < 8; ++i) {
            address account_ = handler.who(i);
            if (!handler.quarantine().isFrozen(account_)) continue;
            require(!handler.exempt(account_), "an exempt address is frozen");
            uint256 latest = handler.startedAt(account_) + handler.LONGEST();
            assertLe(handler.quarantine().recordOf(account_).until, latest, "longer than people may");
        }
    }

    function test_handler_is_not_vacuous() public {
        for (uint256 i = 0; i < 300; ++i) {
            uint256 dice = uint256(keccak256(abi.encode("dice", i)));
            if (dice % 2 == 0) handler.freeze(dice >> 8, dice >> 32);
            else handler.pass(dice >> 8);
        }
        assertGe(handler.count(), 20, "freezes");
        invariant_laws();
    }
}
