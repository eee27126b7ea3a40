// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {GuardianModule} from "../../src/governance/GuardianModule.sol";
import {IAvatar, ITransactionGuard} from "../../src/governance/IAvatar.sol";
import {ModuleList} from "../../src/governance/ModuleList.sol";
import {Market, SafeTest} from "./SafeTest.sol";
import {WatchingGuard} from "./Signers.sol";

/// @dev The module as Zodiac sees it: an avatar for other modules, with a guard.
contract GuardianModuleAvatarTest is SafeTest {
    bytes private constant PAUSE = abi.encodeCall(Market.pause, ());

    function setUp() public {
        setUpSafe();
    }

    function cap(uint256 which, uint256 size) private pure returns (bytes memory) {
        return abi.encodeCall(Market.setCap, (which, size));
    }

    function assign(address caller, uint256 id) private {
        uint256[] memory ids = new uint256[](1);
        ids[0] = id;
        ownersCall(address(module), abi.encodeCall(IAvatar.enableModule, (caller)));
        ownersCall(address(module), abi.encodeCall(GuardianModule.assignPermissions, (caller, ids)));
    }

    // --------------------------------------------------------------------------------------------- as an avatar

    function test_assigned_module_acts_within_its_permissions_only() public {
        uint256 pauseId = grantPause();
        grantCaps();
        vm.prank(warden);
        vm.expectPartialRevert(ModuleList.NotModule.selector);
        module.execTransactionFromModule(address(market), 0, PAUSE, 0);
        assign(warden, pauseId);
        vm.startPrank(warden);
        vm.expectPartialRevert(GuardianModule.OnlyPlainCalls.selector);
        module.execTransactionFromModule(address(market), 1, PAUSE, 0);
        vm.expectPartialRevert(GuardianModule.OnlyPlainCalls.selector);
        module.execTransactionFromModule(address(market), 0, PAUSE, 1);
        vm.expectPartialRevert(GuardianModule.NoPermissionFor.selector);
        module.execTransactionFromModule(address(market), 0, cap(1, 1), 0);
        vm.expectPartialRevert(GuardianModule.NoPermissionFor.selector);
        module.execTransactionFromModule(address(safe), 0, PAUSE, 0);
        assertTrue(module.execTransactionFromModule(address(market), 0, PAUSE, 0), "paused");
        (bool ok, bytes memory reason) =
            module.execTransactionFromModuleReturnData(address(market), 0, PAUSE, 0);
        assertTrue(!ok && reason.length == 4, "a call that fails says so");
        vm.stopPrank();
        assertEq(module.permissionOf(pauseId).usesLeft, 2, "and uses nothing");
        assertEq(module.assignedPermissions(warden).length, 1, "one");
    }

    function test_module_list_is_the_safes() public {
        address[3] memory modules = [account("m", 0), account("m", 1), account("m", 2)];
        for (uint256 i = 0; i < 3; ++i) {
            ownersCall(address(module), abi.encodeCall(IAvatar.enableModule, (modules[i])));
        }
        (address[] memory page, address next) = module.getModulesPaginated(address(1), 2);
        assertEq(page.length, 2, "a page");
        assertEq(uint160(page[0]), uint160(modules[2]), "the newest first");
        assertEq(uint160(next), uint160(modules[1]), "go on here");
        (page, next) = module.getModulesPaginated(next, 2);
        assertEq(page.length, 1, "the rest");
        assertEq(uint160(next), 1, "the end");
        vm.expectPartialRevert(ModuleList.InvalidModule.selector);
        module.getModulesPaginated(stranger, 1);
        vm.startPrank(address(safe));
        address[3] memory bad = [address(0), address(1), modules[0]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectPartialRevert(ModuleList.InvalidModule.selector);
            module.enableModule(bad[i]);
        }
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectPartialRevert(ModuleList.InvalidModule.selector);
            module.disableModule(stranger, bad[i]);
        }
        module.disableModule(modules[2], modules[1]);
        vm.expectPartialRevert(GuardianModule.TooManyPermissions.selector);
        module.assignPermissions(modules[0], new uint256[](17));
        vm.stopPrank();
        assertTrue(module.isModuleEnabled(modules[0]) && !module.isModuleEnabled(modules[1]), "gone");
        assertTrue(!module.isModuleEnabled(address(1)), "the sentinel is no module");
    }

    function test_zodiac_names() public view {
        assertEq(uint160(address(module.avatar())), uint160(address(safe)), "avatar");
        assertEq(uint160(module.target()), uint160(address(safe)), "target");
        assertTrue(module.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(module.supportsInterface(type(IAvatar).interfaceId), "IAvatar");
        assertTrue(!module.supportsInterface(0xffffffff), "not everything");
        assertEq(uint32(type(ITransactionGuard).interfaceId), 0xe6d7a83a, "Safe's guard");
        assertEq(uint32(IAvatar.execTransactionFromModule.selector), 0x468721a7, "Safe's function");
    }

    // -------------------------------------------------------------------------------------------------------- guard

    function test_guard_sees_and_may_forbid_every_call() public {
        uint256 id = grantPause();
        WatchingGuard watcher = new WatchingGuard();
        ownersCall(address(module), abi.encodeCall(GuardianModule.setGuard, (watcher)));
        watcher.forbid(true);
        execRefused(WatchingGuard.Forbidden.selector, id, PAUSE, 2);
        watcher.forbid(false);
        exec(id, PAUSE, 2);
        assertEq(watcher.before() + watcher.afterwards(), 2, "before and after");
        ownersCall(address(module), abi.encodeCall(GuardianModule.setGuard, (ITransactionGuard(address(0)))));
        assertEq(uint160(address(module.guard())), 0, "none");
        vm.prank(address(safe));
        vm.expectPartialRevert(GuardianModule.NotAGuard.selector);
        module.setGuard(ITransactionGuard(address(module)));
    }
}
