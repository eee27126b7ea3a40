// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {VmMore} from "../gate/GateTest.sol";
import {RangeTest} from "../RangeTest.sol";

/// @title What the tests of module and canceller share: guardians with keys
abstract contract GovernanceTest is RangeTest {
    VmMore internal constant more = VmMore(address(vm));
    uint256 internal constant START = 1_700_000_000;
    bytes32 internal constant INCIDENT = bytes32("INC-2026-0001");

    /// @dev Keys of guardians, ordered by their addresses as signers must be.
    uint256[] internal keys;
    address[] internal guardians;
    address internal immutable stranger = account("stranger", 0);
    address internal immutable warden = account("warden", 0);

    function makeGuardians(uint256 n) internal {
        for (uint256 i = 0; i < n; ++i) {
            keys.push(uint256(keccak256(abi.encode("guardian", i))));
        }
        for (uint256 i = 0; i < n; ++i) {
            for (uint256 j = i + 1; j < n; ++j) {
                if (more.addr(keys[j]) < more.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            guardians.push(more.addr(keys[i]));
        }
    }

    function assertTrue(bool condition, string memory what) internal pure {
        assertEq(condition ? 1 : 0, 1, what);
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = more.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The first `n` guardians and what they sign.
    function signed(bytes32 digest, uint256 n)
        internal
        view
        returns (address[] memory signers, bytes[] memory signatures)
    {
        signers = new address[](n);
        signatures = new bytes[](n);
        for (uint256 i = 0; i < n; ++i) {
            signers[i] = guardians[i];
            signatures[i] = sign(keys[i], digest);
        }
    }
}
