// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {LeverChecks} from "../../src/warden/LeverChecks.sol";
import {Warden} from "../../src/warden/Warden.sol";
import {LeverSpec, Order, Signature, SignedOrder} from "../../src/warden/WardenTypes.sol";
import {ManagedToken} from "../../src/range/ManagedToken.sol";
import {RangeToken} from "../../src/range/RangeToken.sol";
import {PausableFixture} from "../../src/test/PausableFixture.sol";
import {BrakeV1, BrakeV2} from "./Targets.sol";
import {WardenTest} from "./WardenTest.sol";

interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;

    /// @dev Answered by the fallback handler.
    function getMessageHash(bytes calldata message) external view returns (bytes32);
}

/// @notice The Warden on OpenZeppelin's contracts, and a real Safe as a sentinel.
contract RealTargetsTest is WardenTest {
    uint64 private constant PAUSER = 1;

    function pullTo(bytes32 lever, bytes memory data, uint256 hold) private returns (uint256) {
        return warden.pull(sign(orderFor(lever, data, hold), 1));
    }

    function test_pausable_by_access_control() public {
        PausableFixture vault = new PausableFixture{value: 1 ether}();
        vault.grantRole(vault.PAUSER_ROLE(), address(warden));
        vault.grantRole(vault.UNPAUSER_ROLE(), address(warden));
        bytes32 lever = register(pauseSpec(address(vault)));
        uint256 id = pullTo(lever, abi.encodeCall(PausableFixture.pause, ()), 1 hours);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        vault.take();
        skip(1 hours);
        warden.release(id);
        assertTrue(!vault.paused(), "goes on");
    }

    /// @dev Without the right to un-pause the hold stays open, is not lost, and ends when people have lifted the stop.
    function test_pausable_without_the_right_to_un_pause() public {
        PausableFixture vault = new PausableFixture();
        vault.grantRole(vault.PAUSER_ROLE(), address(warden));
        vault.grantRole(vault.UNPAUSER_ROLE(), address(this));
        bytes32 lever = register(pauseSpec(address(vault)));
        uint256 id = pullTo(lever, abi.encodeCall(PausableFixture.pause, ()), 1 hours);
        skip(1 hours);
        vm.expectPartialRevert(Warden.UndoFailed.selector);
        warden.release(id);
        vault.unpause();
        warden.release(id);
        assertTrue(warden.hold(id).released, "over");
    }

    function test_token_by_access_manager() public {
        RangeToken usd = new RangeToken("Range Dollar", "RUSD", 6);
        IAccessManager manager = IAccessManager(
            deployNpm("@openzeppelin/contracts/build/contracts/AccessManager.json", abi.encode(address(this)))
        );
        ManagedToken token = new ManagedToken("Managed Dollar", "MUSD", usd, address(manager));
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (ManagedToken.pause.selector, ManagedToken.unpause.selector);
        manager.setTargetFunctionRole(address(token), selectors, PAUSER);
        manager.grantRole(PAUSER, address(warden), 0);
        bytes32 lever = register(pauseSpec(address(token)));
        uint256 id = pullTo(lever, abi.encodeCall(ManagedToken.pause, ()), 1 hours);
        assertTrue(token.paused(), "stopped");
        skip(1 hours);
        warden.release(id);
        assertTrue(!token.paused(), "goes on");
    }

    function test_queued_operation_of_a_timelock() public {
        address[] memory proposers = new address[](1);
        proposers[0] = address(this);
        TimelockController timelock = new TimelockController(2 days, proposers, proposers, address(this));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(warden));
        timelock.schedule(address(brake), 0, hex"8456cb59", 0, 0, 2 days);
        bytes32 operation = timelock.hashOperation(address(brake), 0, hex"8456cb59", 0, 0);
        LeverSpec memory spec = cancelSpec();
        spec.target = address(timelock);
        spec.selector = TimelockController.cancel.selector;
        bytes memory stateOf = abi.encodeCall(timelock.getOperationState, (bytes32(0)));
        spec.verify = isTrue(address(timelock), stateOf, hex"0000");
        spec.verify.expected = 0;
        spec.pin.codeHash = address(timelock).codehash;
        bytes32 lever = register(spec);
        pullTo(lever, abi.encodeCall(TimelockController.cancel, (operation)), 0);
        assertTrue(!timelock.isOperation(operation), "cancelled");
        SignedOrder memory unknown =
            sign(orderFor(lever, abi.encodeCall(TimelockController.cancel, ("unknown")), 0), 1);
        vm.expectRevert(Warden.AlreadyInForce.selector);
        warden.pull(unknown);
    }

    function test_beacon_upgraded_underneath() public {
        UpgradeableBeacon beacon = new UpgradeableBeacon(address(new BrakeV1()), address(this));
        address proxy = address(new BeaconProxy(address(beacon), ""));
        LeverSpec memory spec = pauseSpec(proxy);
        spec.pin.viewTarget = address(beacon);
        spec.pin.viewData = abi.encodeCall(UpgradeableBeacon.implementation, ());
        spec.pin.viewWord = word(beacon.implementation());
        spec.pin.implementationCodeHash = beacon.implementation().codehash;
        bytes32 lever = register(spec);
        SignedOrder memory order = sign(orderFor(lever, abi.encodeCall(BrakeV1.pause, ()), 1 hours), 1);
        beacon.upgradeTo(address(new BrakeV2()));
        more.expectRevert(abi.encodeWithSelector(LeverChecks.TargetChanged.selector, proxy));
        warden.pull(order);
    }

    /// @dev Two of three owners sign for the Safe; its check fits into the gas that a contract's check is given.
    function test_safe_as_a_sentinel() public {
        string memory artifacts = "@safe-global/safe-contracts/build/artifacts/contracts/";
        address handler = deployNpm(
            string.concat(
                artifacts, "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json"
            ),
            ""
        );
        address singleton = deployNpm(string.concat(artifacts, "Safe.sol/Safe.json"), "");
        ISafe safe = ISafe(
            deployNpm(string.concat(artifacts, "proxies/SafeProxy.sol/SafeProxy.json"), abi.encode(singleton))
        );
        address[] memory owners = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            owners[i] = more.addr(keys[i]);
        }
        safe.setup(owners, 2, address(0), "", handler, address(0), 0, payable(address(0)));
        warden.addSentinel(address(safe), true);

        bytes32 struct_ =
            keccak256(abi.encode(warden.HEARTBEAT_TYPEHASH(), address(safe), uint256(block.timestamp)));
        bytes32 heartbeat = keccak256(abi.encodePacked(hex"1901", warden.domainSeparator(), struct_));
        warden.postHeartbeat(address(safe), uint64(block.timestamp), safeSignature(safe, heartbeat, 2));

        Order memory order = pauseOrder(1 hours);
        bytes32 digest = warden.orderDigest(order);
        SignedOrder memory signed = SignedOrder(order, new Signature[](1));
        signed.signatures[0] = Signature(address(safe), safeSignature(safe, digest, 1));
        vm.expectPartialRevert(bytes4(keccak256("BadSignature(address)")));
        warden.pull(signed);
        signed.signatures[0].data = safeSignature(safe, digest, 2);
        warden.pull(signed);
        assertTrue(brake.paused(), "two of three owners pulled it");
    }

    function safeSignature(ISafe safe, bytes32 digest, uint256 n)
        private
        view
        returns (bytes memory signatures)
    {
        bytes32 message = safe.getMessageHash(abi.encode(digest));
        for (uint256 i = 0; i < n; ++i) {
            signatures = bytes.concat(signatures, signature(keys[i], message));
        }
    }
}
