// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {GuardianModule} from "../../src/governance/GuardianModule.sol";
import {IAvatar} from "../../src/governance/IAvatar.sol";
import {CancellerTest} from "./CancellerTest.sol";
import {Market, SafeTest} from "./SafeTest.sol";

/// @dev Writes snapshots/ModuleGas.json and snapshots/CancellerGas.json.
contract ModuleGas is SafeTest {
    bytes private constant PAUSE = abi.encodeCall(Market.pause, ());

    function setUp() public {
        setUpSafe();
    }

    function test_gas_two_guardians_pause() public {
        uint256 id = grantPause();
        exec(id, PAUSE, 2);
        more.snapshotGasLastCall("ModuleGas", "2 signatures, pause through the Safe");
    }

    function test_gas_two_guardians_set_a_bounded_cap() public {
        uint256 id = grantCaps();
        exec(id, abi.encodeCall(Market.setCap, (1, 1)), 2);
        more.snapshotGasLastCall("ModuleGas", "2 signatures, 2 bounded words");
    }

    function test_gas_assigned_module_pauses() public {
        uint256[] memory ids = new uint256[](1);
        ids[0] = grantPause();
        ownersCall(address(module), abi.encodeCall(IAvatar.enableModule, (warden)));
        ownersCall(address(module), abi.encodeCall(GuardianModule.assignPermissions, (warden, ids)));
        vm.prank(warden);
        module.execTransactionFromModule(address(market), 0, PAUSE, 0);
        more.snapshotGasLastCall("ModuleGas", "assigned module, pause through the Safe");
    }
}

contract CancellerGas is CancellerTest {
    function setUp() public {
        setUpCanceller();
    }

    function test_gas_cancel() public {
        bytes32 id = queue(address(0xbeef), upgrade(), 1);
        more.snapshotGasLastCall("CancellerGas", "register");
        guardiansCancel(id);
        more.snapshotGasLastCall("CancellerGas", "2 signatures, cancel");
        wardenCancels(queue(address(0xbeef), upgrade(), 2));
        more.snapshotGasLastCall("CancellerGas", "warden, cancel");
    }
}
