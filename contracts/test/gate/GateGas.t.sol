// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {GateTest} from "./GateTest.sol";
import {PlainToken} from "./Tokens.sol";

/// @dev Writes snapshots/GateGas.json: what the gate's own calls cost, warm buckets, cold call, without the transaction's
/// 21,000 and without the protocol's transfer.
contract GateGas is GateTest {
    address private constant ONE = address(0x71);
    address private constant THREE = address(0x73);
    OutflowGate private gate;
    PlainToken private token;

    function setUp() public {
        vm.warp(START);
        token = new PlainToken(18);
        address[] memory assets = new address[](4);
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](4);
        (assets[0], assets[1], assets[2], assets[3]) = (ONE, THREE, address(token), VALUE);
        limits[0] = plainLimits(1e24, 1e24, 1 hours);
        limits[1] = usualLimits(1e22);
        limits[1].scales = new BucketLib.Limit[](3);
        for (uint256 i = 0; i < 3; ++i) {
            limits[1].scales[i] = limit(1e24, 1e24, 1 hours);
        }
        limits[2] = usualLimits(1e18);
        limits[2].valuation = IOutflowGate.Valuation(address(0), 0, 18, 1e18, 1e18);
        limits[3] = plainLimits(1e12, 1e12, 1 days);
        gate = newGate(assets, limits);
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(this));
        vm.stopPrank();
        gate.onOutflow(ONE, alice, alice, 1);
        gate.onOutflow(THREE, alice, alice, 1);
        gate.onOutflow(address(token), alice, alice, 1);
        skip(1 minutes);
    }

    function test_gas_pass_one_scale() public {
        gate.onOutflow(ONE, alice, alice, 1e18);
        more.snapshotGasLastCall("GateGas", "pass, 1 scale");
    }

    function test_gas_pass_three_scales() public {
        gate.onOutflow(THREE, alice, alice, 1e18);
        more.snapshotGasLastCall("GateGas", "pass, 3 scales");
    }

    function test_gas_pass_two_scales_and_value() public {
        gate.onOutflow(address(token), alice, alice, 1e18);
        more.snapshotGasLastCall("GateGas", "pass, 2 scales and 1 value scale");
    }

    function test_gas_small() public {
        gate.onOutflow(address(token), bob, bob, 99e18);
        gate.onOutflow(address(token), alice, alice, gate.available(address(token)));
        gate.onOutflow(address(token), alice, alice, 1e18);
        more.snapshotGasLastCall("GateGas", "small exit, first of a user");
    }

    function test_gas_queue_and_claim() public {
        (address vault, uint256 id) = gate.onOutflow(address(token), alice, alice, 1e22);
        more.snapshotGasLastCall("GateGas", "queue");
        token.mint(vault, 1e22);
        vm.prank(guardian);
        gate.holdClaims(one(id), uint48(START + 3 days));
        more.snapshotGasLastCall("GateGas", "hold one claim");
        skip(3 days);
        gate.releaseClaim(id);
        more.snapshotGasLastCall("GateGas", "claim, deploys the vault and pays");
    }

    function test_gas_tighten() public {
        vm.prank(sentinel);
        gate.tighten(address(token), 5000, 1 hours);
        more.snapshotGasLastCall("GateGas", "tighten, 2 scales");
    }
}
