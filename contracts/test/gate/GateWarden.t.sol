// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {LeverSpec, Order, SignedOrder, WordKind, WordRule} from "../../src/warden/WardenTypes.sol";
import {WardenTest} from "../warden/WardenTest.sol";

/// @dev The gate's sentinel is a Warden: sentinels sign, the Warden tightens, the gate lets go by itself.
contract GateWardenTest is WardenTest {
    address private constant TOKEN = address(0x70);
    OutflowGate private gate;
    bytes32 private lever;

    function setUp() public override {
        super.setUp();
        address[] memory assets = new address[](1);
        assets[0] = TOKEN;
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](1);
        limits[0].scales = new BucketLib.Limit[](1);
        limits[0].scales[0] = BucketLib.Limit(100, 100, 1 hours);
        limits[0].maxMultiplierBps = 10_000;
        limits[0].minTightenBps = 1000;
        limits[0].maxTightenDuration = 4 hours;
        gate = new OutflowGate(address(this), [uint256(1 days), 7 days, 0, 0], assets, limits);
        gate.grantRole(gate.SENTINEL_ROLE(), address(warden));

        LeverSpec memory spec = pauseSpec(address(gate));
        spec.selector = IOutflowGate.tighten.selector;
        spec.words = new WordRule[](3);
        spec.words[0] = WordRule(WordKind.Exact, word(TOKEN), 0);
        spec.words[1] = WordRule(WordKind.Range, bytes32(uint256(1000)), bytes32(uint256(9000)));
        spec.words[2] = WordRule(WordKind.Hold, 0, 0);
        spec.longestRatified = spec.longestHold;
        spec.undo.data = "";
        spec.undoGas = 0;
        spec.verify = isTrue(address(gate), abi.encodeCall(gate.isTightened, (TOKEN)), "");
        lever = register(spec);
    }

    function tightenOrder(uint16 bps, uint32 duration) private returns (Order memory) {
        return orderFor(lever, abi.encodeCall(gate.tighten, (TOKEN, bps, duration)), duration);
    }

    function test_warden_tightens_and_the_gate_lets_go_by_itself() public {
        assertTrue(!gate.isTightened(TOKEN), "not yet");
        warden.pull(sign(tightenOrder(2000, 1 hours), 1));
        assertTrue(gate.isTightened(TOKEN), "tightened");
        assertEq(gate.available(TOKEN), 20, "a fifth");
        skip(1 hours);
        assertTrue(!gate.isTightened(TOKEN), "over");
        assertEq(gate.available(TOKEN), 100, "as before");
    }

    function test_wardens_bounds_come_before_the_gates() public {
        SignedOrder memory tooFar = sign(tightenOrder(999, 1 hours), 1);
        vm.expectRevert();
        warden.pull(tooFar);
        SignedOrder memory tooLong = sign(tightenOrder(2000, 5 hours), 1);
        vm.expectRevert();
        warden.pull(tooLong);
        assertEq(gate.available(TOKEN), 100, "nothing happened");
    }
}
