// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Governed} from "../../src/warden/Governed.sol";
import {SentinelSet} from "../../src/warden/SentinelSet.sol";
import {Order, Sentinel, Signature, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {ContractSigner} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

/// @notice Sentinels, guardians, governance.
contract SentinelSetTest is WardenTest {
    event HeartbeatPosted(address indexed sentinel, uint256 timestamp);
    event SentinelKilled(address indexed sentinel, address indexed by);
    event GovernanceChanged(address indexed previous, address indexed governance);

    function unfit(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Governed.UnfitAddress.selector, account);
    }

    function test_heartbeat_is_recorded() public {
        skip(5);
        address who = more.addr(keys[0]);
        bytes memory signed = heartbeatSignature(warden, keys[0], block.timestamp);
        more.expectEmit();
        emit HeartbeatPosted(who, block.timestamp);
        vm.prank(STRANGER);
        warden.postHeartbeat(who, uint64(block.timestamp), signed);
        (Sentinel memory state, bool counts) = warden.sentinelState(who);
        assertEq(state.heartbeat, block.timestamp, "recorded");
        assertTrue(counts && !state.awaitingHeartbeat, "counts");
        skip(WINDOW + 1);
        (, counts) = warden.sentinelState(who);
        assertTrue(!counts, "lapsed");
    }

    function test_heartbeat_is_eip712() public view {
        bytes32 type_ = keccak256("Heartbeat(address sentinel,uint64 timestamp)");
        assertEq(uint256(type_), uint256(warden.HEARTBEAT_TYPEHASH()), "type");
    }

    function test_guardian_revives_a_lapsed_sentinel() public {
        skip(WINDOW + 1);
        vm.prank(GUARDIAN);
        warden.reviveSentinel(more.addr(keys[0]));
        beat(keys[0], block.timestamp);
        pullPause(1 hours);
        assertTrue(brake.paused(), "back in service");
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, STRANGER));
        warden.reviveSentinel(STRANGER);
    }

    function test_guardian_kills_and_governance_rotates() public {
        address first = more.addr(keys[0]);
        more.expectEmit();
        emit SentinelKilled(first, GUARDIAN);
        vm.prank(GUARDIAN);
        warden.killSentinel(first);
        assertEq(warden.sentinels().length, 2, "two left");
        more.expectRevert(abi.encodeWithSelector(SentinelSet.NotSentinel.selector, first));
        warden.killSentinel(first);
        warden.rotateSentinel(more.addr(keys[1]), address(0xbeef), false);
        assertEq(warden.sentinels().length, 2, "still two");
    }

    function test_who_cannot_be_a_sentinel() public {
        address[5] memory bad = [address(0), address(warden), address(this), GUARDIAN, more.addr(keys[0])];
        for (uint256 i = 0; i < bad.length; ++i) {
            more.expectRevert(unfit(bad[i]));
            warden.addSentinel(bad[i], false);
        }
        for (uint256 i = 0; i < 13; ++i) {
            warden.addSentinel(account("more", i), false);
        }
        more.expectRevert(abi.encodeWithSelector(Governed.TooMany.selector, 16));
        warden.addSentinel(account("more", 13), false);
    }

    function test_who_cannot_be_a_guardian() public {
        address[3] memory bad = [address(0), address(warden), more.addr(keys[0])];
        for (uint256 i = 0; i < bad.length; ++i) {
            more.expectRevert(unfit(bad[i]));
            warden.setGuardian(bad[i], true);
        }
        for (uint256 i = 0; i < 15; ++i) {
            warden.setGuardian(account("guardian", i), true);
        }
        more.expectRevert(abi.encodeWithSelector(Governed.TooMany.selector, 16));
        warden.setGuardian(account("guardian", 15), true);
        warden.setGuardian(GUARDIAN, false);
        assertTrue(!warden.isGuardian(GUARDIAN), "removed");
        assertEq(warden.guardians().length, 15, "fifteen left");
    }

    function test_governance_changes_hands_in_two_steps() public {
        warden.proposeGovernance(STRANGER);
        assertEq(uint160(warden.pendingGovernance()), uint160(STRANGER), "named");
        assertEq(uint160(warden.governance()), uint160(address(this)), "not yet");
        more.expectEmit();
        emit GovernanceChanged(address(this), STRANGER);
        vm.prank(STRANGER);
        warden.acceptGovernance();
        assertEq(uint160(warden.governance()), uint160(STRANGER), "now");
        more.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, address(this)));
        warden.proposeGovernance(address(this));
    }

    function test_sentinel_cannot_accept_governance() public {
        address sentinel = more.addr(keys[0]);
        warden.proposeGovernance(sentinel);
        vm.prank(sentinel);
        more.expectRevert(unfit(sentinel));
        warden.acceptGovernance();
    }

    function test_window_has_limits_and_guardians_only_shorten_it() public {
        uint256[2] memory bad = [uint256(1 minutes - 1), 30 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSetting.selector, bad[i]));
            warden.setHeartbeatWindow(bad[i]);
        }
        vm.startPrank(GUARDIAN);
        warden.shortenHeartbeatWindow(1 hours);
        assertEq(warden.heartbeatWindow(), 1 hours, "shorter");
        more.expectRevert(abi.encodeWithSelector(SentinelSet.BadSetting.selector, 1 hours));
        warden.shortenHeartbeatWindow(1 hours);
        vm.stopPrank();
    }

    function test_contract_sentinel_signs() public {
        ContractSigner signer = new ContractSigner();
        warden.addSentinel(address(signer), true);
        warden.postHeartbeat(address(signer), uint64(block.timestamp), "anything");
        SignedOrder memory signed = sign(pauseOrder(1 hours), 1);
        signed.signatures[0] = Signature(address(signer), "anything");
        warden.pull(signed);
        assertTrue(brake.paused(), "paused");
    }
}
