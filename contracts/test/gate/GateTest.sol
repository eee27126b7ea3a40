// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {RangeTest} from "../RangeTest.sol";

/// @notice The cheatcodes that the tests of gate and governance use beside the range's.
interface VmMore {
    function assume(bool condition) external pure;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function expectEmit() external;
    function expectRevert(bytes calldata reason) external;
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}

/// @title What the gate's tests share
abstract contract GateTest is RangeTest {
    VmMore internal constant more = VmMore(address(vm));

    address internal constant NATIVE = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;
    address internal constant VALUE = address(uint160(uint256(keccak256("portcullis.gate.value"))));
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant CLAIM_DELAY = 1 days;
    uint256 internal constant MAX_HOLD = 7 days;
    uint256 internal constant RECALL_DELAY = 3 days;
    uint256 internal constant LOOSEN_DELAY = 2 days;

    address internal immutable governance = account("governance", 0);
    address internal immutable sentinel = account("sentinel", 0);
    address internal immutable guardian = account("guardian", 0);
    address internal immutable alice = account("user", 1);
    address internal immutable bob = account("user", 2);

    function assertTrue(bool condition, string memory what) internal pure {
        assertEq(condition ? 1 : 0, 1, what);
    }

    function limit(uint256 capacity, uint256 refill, uint256 window)
        internal
        pure
        returns (BucketLib.Limit memory)
    {
        return BucketLib.Limit(uint128(capacity), uint128(refill), uint32(window));
    }

    function none() internal pure returns (BucketLib.Limit memory) {
        return BucketLib.Limit(0, 0, 0);
    }

    /// @dev One scale and nothing else: no small exits, no credit, no sentinels, no value.
    function plainLimits(uint256 capacity, uint256 refill, uint256 window)
        internal
        pure
        returns (IOutflowGate.Limits memory limits)
    {
        limits.scales = new BucketLib.Limit[](1);
        limits.scales[0] = limit(capacity, refill, window);
        limits.maxMultiplierBps = 10_000;
    }

    /// @dev A token of `unit` smallest units: 100 an hour and 1,000 a day at once, small exits of 1 per user and 10 in
    /// all, as much again for reputation, sentinels down to a tenth for at most four hours.
    function usualLimits(uint256 unit) internal pure returns (IOutflowGate.Limits memory limits) {
        limits.scales = new BucketLib.Limit[](2);
        limits.scales[0] = limit(100 * unit, 100 * unit, 1 hours);
        limits.scales[1] = limit(1000 * unit, 1000 * unit, 1 days);
        limits.smallTotal = limit(10 * unit, 10 * unit, 1 days);
        limits.smallPerUser = limit(unit, unit, 1 days);
        limits.reputationTotal = limit(10 * unit, 10 * unit, 1 days);
        limits.maxMultiplierBps = 50_000;
        limits.minTightenBps = 1000;
        limits.maxTightenDuration = 4 hours;
        limits.tightenCooldown = 8 hours;
    }

    function newGate(address[] memory assets, IOutflowGate.Limits[] memory limits)
        internal
        returns (OutflowGate gate)
    {
        gate = new OutflowGate(
            governance, [CLAIM_DELAY, MAX_HOLD, RECALL_DELAY, LOOSEN_DELAY], assets, limits
        );
        vm.startPrank(governance);
        gate.grantRole(gate.SENTINEL_ROLE(), sentinel);
        gate.grantRole(gate.GUARDIAN_ROLE(), guardian);
        vm.stopPrank();
    }

    function one(uint256 id) internal pure returns (uint256[] memory ids) {
        ids = new uint256[](1);
        ids[0] = id;
    }

    function skip(uint256 time) internal {
        vm.warp(block.timestamp + time);
    }
}
