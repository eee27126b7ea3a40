// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {LeverSpec, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {Brake} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

/// @notice What the main paths cost, kept in `snapshots/Warden.json`; a change shows in the diff. The target's own
/// work, about 90,000 gas for the metered brake of the tests, and the transaction's 21,000 and calldata are included.
/// Each call is a transaction of its own, so that nothing is warm which would be cold on a chain.
/// forge-config: default.isolate = true
/// forge-config: deep.isolate = true
contract GasTest is WardenTest {
    function brakeLever(uint8 sentinels) private returns (bytes32 lever) {
        LeverSpec memory spec = pauseSpec(address(new Brake(address(warden))));
        spec.sentinelsRequired = sentinels;
        lever = register(spec);
    }

    function order(bytes32 lever, uint256 n) private returns (SignedOrder memory) {
        return sign(orderFor(lever, abi.encodeCall(Brake.pause, ()), 1 hours), n);
    }

    /// @dev The first pull of all pays for slots that every later one finds warm or used.
    function warmUp() private {
        warden.pull(order(brakeLever(1), 1));
        skip(1);
    }

    function test_gas_of_one_order_k1() public {
        warmUp();
        SignedOrder memory signed = order(brakeLever(1), 1);
        warden.pull(signed);
        more.snapshotGasLastCall("Warden", "pull, one signature");
        uint256 id = warden.holdCount();
        skip(1 hours);
        warden.release(id);
        more.snapshotGasLastCall("Warden", "release");
    }

    function test_gas_of_one_order_k3() public {
        warmUp();
        warden.pull(order(brakeLever(3), 3));
        more.snapshotGasLastCall("Warden", "pull, three signatures");
    }

    function test_gas_of_a_batch_of_five() public {
        warmUp();
        SignedOrder[] memory batch = new SignedOrder[](5);
        for (uint256 i = 0; i < 5; ++i) {
            batch[i] = order(brakeLever(1), 1);
        }
        warden.pullBatch(batch);
        more.snapshotGasLastCall("Warden", "pullBatch, five orders of one signature");
        assertTrue(warden.holdCount() == 6, "all of them");
    }

    function test_gas_of_arguments() public {
        warmUp();
        pullReserve(0, 1 hours);
        more.snapshotGasLastCall("Warden", "pull, two signatures, two bounded words");
    }

    function test_gas_of_the_rest() public {
        LeverSpec memory spec = pauseSpec(address(new Brake(address(warden))));
        warden.registerLever(spec);
        more.snapshotGasLastCall("Warden", "registerLever");
        skip(1);
        bytes memory signed = heartbeatSignature(warden, keys[0], block.timestamp);
        warden.postHeartbeat(more.addr(keys[0]), uint64(block.timestamp), signed);
        more.snapshotGasLastCall("Warden", "postHeartbeat");
    }
}
