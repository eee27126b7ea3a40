// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EpochBudget} from "../../src/warden/EpochBudget.sol";
import {Governed} from "../../src/warden/Governed.sol";
import {IQuarantine} from "../../src/quarantine/IQuarantine.sol";
import {Quarantine} from "../../src/quarantine/Quarantine.sol";
import {QuarantineAware} from "../../src/quarantine/QuarantineAware.sol";
import {VmMore} from "../warden/WardenTest.sol";
import {RangeTest} from "../RangeTest.sol";

/// @dev A lender as an integrator would write it: ways out are guarded, ways in are not.
contract Lender is QuarantineAware {
    mapping(address => uint256) public balanceOf;
    mapping(address => uint256) public debtOf;

    constructor(IQuarantine quarantine_) QuarantineAware(quarantine_) {}

    function deposit(uint256 amount) external {
        balanceOf[msg.sender] += amount;
    }

    function repay(uint256 amount) external {
        debtOf[msg.sender] -= amount;
    }

    function borrow(uint256 amount) external whenNotFrozen(msg.sender) {
        debtOf[msg.sender] += amount;
    }

    function withdrawTo(address receiver, uint256 amount) external whenNeitherFrozen(msg.sender, receiver) {
        balanceOf[msg.sender] -= amount;
        balanceOf[receiver] += amount;
    }
}

contract QuarantineTest is RangeTest {
    VmMore private constant more = VmMore(address(uint160(uint256(keccak256("hevm cheat code")))));

    event Frozen(
        address indexed account, uint256 indexed freezeId, bytes32 indexed reason, uint64 until, address by
    );
    event Explained(address indexed account, uint256 indexed freezeId, string text, address by);
    event Appealed(address indexed account, uint256 indexed freezeId, string text);
    event FreezeRatified(address indexed account, uint256 indexed freezeId, uint64 until, address by);
    event Released(address indexed account, uint256 indexed freezeId, address by);

    uint256 private constant START = 1_800_000_000;
    bytes32 private constant REASON = keccak256("drain.net-loss");
    address private constant FREEZER = address(0xf1);
    address private constant GUARDIAN = address(0xa11ce);
    address private constant SUSPECT = address(0x5059ec7);
    address private constant HONEST = address(0x404e57);

    Quarantine private quarantine;
    Lender private lender;

    /// @dev The test contract is governance. Up to a day, ratified up to a week, a day's rest, three per day.
    function setUp() public {
        vm.warp(START);
        quarantine = new Quarantine(address(this), 1 days, 7 days, 1 days, 1 days, 3);
        quarantine.setGuardian(GUARDIAN, true);
        quarantine.setFreezer(FREEZER, true);
        lender = new Lender(quarantine);
    }

    function freeze(address who, uint64 seconds_) private {
        vm.prank(FREEZER);
        quarantine.freeze(who, seconds_, REASON);
    }

    function frozen(address who) private view returns (uint256) {
        return quarantine.isFrozen(who) ? 1 : 0;
    }

    function test_freeze_ends_by_itself() public {
        more.expectEmit();
        emit Frozen(SUSPECT, 1, REASON, uint64(START + 1 hours), FREEZER);
        freeze(SUSPECT, 1 hours);
        assertEq(frozen(SUSPECT), 1, "frozen");
        vm.warp(START + 1 hours - 1);
        assertEq(frozen(SUSPECT), 1, "to the last second");
        vm.warp(START + 1 hours);
        assertEq(frozen(SUSPECT), 0, "and no longer");
    }

    function test_one_call_for_two_or_many() public {
        freeze(SUSPECT, 1 hours);
        assertEq(quarantine.anyFrozen(HONEST, SUSPECT) ? 1 : 0, 1, "second");
        assertEq(quarantine.anyFrozen(SUSPECT, HONEST) ? 1 : 0, 1, "first");
        assertEq(quarantine.anyFrozen(HONEST, FREEZER) ? 1 : 0, 0, "neither");
        address[] memory all = new address[](3);
        (all[0], all[1], all[2]) = (HONEST, SUSPECT, FREEZER);
        assertEq(uint160(quarantine.firstFrozen(all)), uint160(SUSPECT), "the first of many");
        all[1] = HONEST;
        assertEq(uint160(quarantine.firstFrozen(all)), 0, "none");
    }

    function test_only_freezers_freeze_and_within_limits() public {
        more.expectRevert(abi.encodeWithSelector(Quarantine.NotFreezer.selector, address(this)));
        quarantine.freeze(SUSPECT, 1, REASON);
        uint64[2] memory bad = [uint64(0), 1 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(FREEZER);
            more.expectRevert(abi.encodeWithSelector(Quarantine.BadDuration.selector, bad[i], 1 days));
            quarantine.freeze(SUSPECT, bad[i], REASON);
        }
        freeze(SUSPECT, 1 hours);
        vm.prank(FREEZER);
        more.expectRevert(abi.encodeWithSelector(Quarantine.AlreadyFrozen.selector, SUSPECT, START + 1 hours));
        quarantine.freeze(SUSPECT, 1 days, REASON);
    }

    function test_exempt_addresses_cannot_be_frozen() public {
        quarantine.setExempt(HONEST, true);
        address[3] memory exempt = [HONEST, address(0), address(quarantine)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(FREEZER);
            more.expectRevert(abi.encodeWithSelector(Quarantine.Exempt.selector, exempt[i]));
            quarantine.freeze(exempt[i], 1, REASON);
        }
        freeze(SUSPECT, 1 hours);
        quarantine.setExempt(SUSPECT, true);
        assertEq(frozen(SUSPECT), 0, "an exemption ends the freeze");
        quarantine.setExempt(HONEST, false);
        freeze(HONEST, 1 hours);
        assertEq(frozen(HONEST), 1, "taken back");
    }

    function test_frozen_party_appeals_once_and_it_changes_nothing() public {
        vm.prank(SUSPECT);
        more.expectRevert(abi.encodeWithSelector(Quarantine.NotFrozen.selector, SUSPECT));
        quarantine.appeal("why");
        freeze(SUSPECT, 1 hours);
        vm.startPrank(SUSPECT);
        more.expectRevert(abi.encodeWithSelector(Quarantine.TextTooLong.selector, 513));
        quarantine.appeal(string(new bytes(513)));
        more.expectEmit();
        emit Appealed(SUSPECT, 1, "I am a market maker");
        quarantine.appeal("I am a market maker");
        more.expectRevert(abi.encodeWithSelector(Quarantine.AlreadyAppealed.selector, SUSPECT, 1));
        quarantine.appeal("again");
        vm.stopPrank();
        assertEq(quarantine.recordOf(SUSPECT).until, START + 1 hours, "neither longer nor shorter");
        vm.warp(START + 3 days);
        freeze(SUSPECT, 1 hours);
        vm.prank(SUSPECT);
        quarantine.appeal("once per freeze");
    }

    function test_explanations() public {
        freeze(SUSPECT, 1 hours);
        address[3] memory allowed = [FREEZER, GUARDIAN, address(this)];
        for (uint256 i = 0; i < 3; ++i) {
            more.expectEmit();
            emit Explained(SUSPECT, 1, "net loss in block 1", allowed[i]);
            vm.prank(allowed[i]);
            quarantine.explain(SUSPECT, "net loss in block 1");
        }
        vm.prank(HONEST);
        more.expectRevert(abi.encodeWithSelector(Quarantine.NotFreezer.selector, HONEST));
        quarantine.explain(SUSPECT, "gossip");
    }

    function test_guardians_release_and_the_address_rests() public {
        freeze(SUSPECT, 1 hours);
        vm.prank(FREEZER);
        more.expectRevert(abi.encodeWithSelector(Governed.NotGuardian.selector, FREEZER));
        quarantine.release(SUSPECT);
        more.expectEmit();
        emit Released(SUSPECT, 1, GUARDIAN);
        vm.prank(GUARDIAN);
        quarantine.release(SUSPECT);
        assertEq(frozen(SUSPECT), 0, "free");
        vm.prank(FREEZER);
        more.expectRevert(abi.encodeWithSelector(Quarantine.Resting.selector, SUSPECT, START + 1 days));
        quarantine.freeze(SUSPECT, 1 hours, REASON);
        vm.warp(START + 1 days);
        freeze(SUSPECT, 1 hours);
        assertEq(quarantine.recordOf(SUSPECT).freezeId, 2, "another freeze");
    }

    function test_guardians_ratify_up_to_the_maximum() public {
        freeze(SUSPECT, 1 hours);
        vm.startPrank(GUARDIAN);
        more.expectEmit();
        emit FreezeRatified(SUSPECT, 1, uint64(START + 7 days), GUARDIAN);
        quarantine.ratify(SUSPECT, uint48(START + 7 days));
        uint48[2] memory bad = [uint48(START + 7 days), uint48(START + 7 days + 1)];
        for (uint256 i = 0; i < 2; ++i) {
            more.expectRevert(abi.encodeWithSelector(Quarantine.BadDuration.selector, bad[i], START + 7 days));
            quarantine.ratify(SUSPECT, bad[i]);
        }
        vm.stopPrank();
        vm.warp(START + 7 days);
        assertEq(frozen(SUSPECT), 0, "ends all the same");
    }

    function test_an_epoch_has_a_budget_of_freezes() public {
        for (uint256 i = 0; i < 3; ++i) {
            freeze(account("suspect", i), 1 hours);
        }
        vm.prank(FREEZER);
        more.expectRevert(abi.encodeWithSelector(EpochBudget.BudgetExceeded.selector, 1, 0));
        quarantine.freeze(SUSPECT, 1 hours, REASON);
        (uint256 perEpoch, uint256 available, uint256 spendable) = quarantine.budget(10 days);
        assertEq(perEpoch, 3, "per epoch");
        assertEq(available, 0, "none left");
        assertEq(spendable, 15, "eleven epochs: this one is spent, then five pairs");
        quarantine.setFreezesPerEpoch(4);
        freeze(SUSPECT, 1 hours);
        more.expectRevert(abi.encodeWithSelector(Quarantine.BadDuration.selector, 1 << 96, type(uint96).max));
        quarantine.setFreezesPerEpoch(1 << 96);
    }

    function test_freezers_are_set_and_dismissed() public {
        address[2] memory bad = [address(0), GUARDIAN];
        for (uint256 i = 0; i < 2; ++i) {
            more.expectRevert(abi.encodeWithSelector(Governed.UnfitAddress.selector, bad[i]));
            quarantine.setFreezer(bad[i], true);
        }
        more.expectRevert(abi.encodeWithSelector(Governed.UnfitAddress.selector, FREEZER));
        quarantine.setGuardian(FREEZER, true);
        more.expectRevert(abi.encodeWithSelector(Governed.UnfitAddress.selector, address(quarantine)));
        quarantine.setGuardian(address(quarantine), true);
        vm.prank(GUARDIAN);
        quarantine.dismissFreezer(FREEZER);
        assertEq(quarantine.isFreezer(FREEZER) ? 1 : 0, 0, "dismissed");
        more.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, FREEZER));
        vm.prank(FREEZER);
        quarantine.setFreezer(FREEZER, true);
        quarantine.setFreezer(GUARDIAN, false);
    }

    function test_constructor_has_limits() public {
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 0, 7 days, 1 days, 1 days, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 30 days + 1, 31 days, 1 days, 1 days, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 1 days, 1 days - 1, 1 days, 1 days, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 1 days, 366 days, 1 days, 1 days, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 1 days, 7 days, 366 days, 1 days, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 1 days, 7 days, 1 days, 1 hours - 1, 3);
        vm.expectPartialRevert(Quarantine.BadDuration.selector);
        new Quarantine(address(this), 1 days, 7 days, 1 days, 91 days, 3);
    }

    function test_integrator_stops_ways_out_and_not_ways_in() public {
        vm.startPrank(SUSPECT);
        lender.deposit(100);
        lender.borrow(50);
        vm.stopPrank();
        freeze(SUSPECT, 1 hours);
        bytes memory refusal = abi.encodeWithSelector(QuarantineAware.AccountFrozen.selector, SUSPECT);
        vm.startPrank(SUSPECT);
        more.expectRevert(refusal);
        lender.borrow(1);
        more.expectRevert(refusal);
        lender.withdrawTo(HONEST, 1);
        lender.deposit(1);
        lender.repay(50);
        vm.stopPrank();
        vm.startPrank(HONEST);
        lender.deposit(10);
        more.expectRevert(refusal);
        lender.withdrawTo(SUSPECT, 1);
        lender.withdrawTo(FREEZER, 1);
        vm.stopPrank();
        assertEq(lender.debtOf(SUSPECT), 0, "repaid while frozen");
        assertEq(lender.balanceOf(SUSPECT), 101, "deposited while frozen");
    }

    function test_integrator_needs_a_quarantine() public {
        more.expectRevert(abi.encodeWithSelector(QuarantineAware.NoQuarantine.selector, HONEST));
        new Lender(IQuarantine(HONEST));
    }

    /// @dev Whatever is asked: no freeze outlasts its limit, and its end needs nobody.
    function testFuzz_every_freeze_ends(uint64 seconds_, uint48 ratified, address who) public {
        more.assume(who != address(0) && who != address(quarantine));
        seconds_ = uint64(1 + seconds_ % 1 days);
        freeze(who, seconds_);
        vm.prank(GUARDIAN);
        try quarantine.ratify(who, ratified) {} catch {}
        assertLe(quarantine.recordOf(who).until, START + 7 days, "longer than people may");
        vm.warp(START + 7 days);
        assertEq(frozen(who), 0, "still frozen");
    }
}
