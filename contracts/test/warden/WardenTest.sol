// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Warden} from "../../src/warden/Warden.sol";
import {WardenLens} from "../../src/warden/WardenLens.sol";
import {
    CallTemplate,
    Comparison,
    LeverSpec,
    Order,
    Pin,
    Signature,
    SignedOrder,
    VerifyView,
    WordKind,
    WordRule
} from "../../src/warden/WardenTypes.sol";
import {RangeTest} from "../RangeTest.sol";
import {Brake, EvilTarget, Market, Queue, SelfEnding} from "./Targets.sol";

/// @notice The cheatcodes that `RangeTest` does not name.
interface VmMore {
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function chainId(uint256 id) external;
    function etch(address target, bytes calldata code) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit() external;
    function assume(bool condition) external pure;
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}

/// @title What the Warden's tests share: a Warden, three sentinels, five levers, signing
abstract contract WardenTest is RangeTest {
    VmMore internal constant more = VmMore(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant WINDOW = 1 days;
    uint256 internal constant ORDER_LIFE = 1 hours;
    uint256 internal constant EPOCH = 1 days;
    uint96 internal constant BUDGET = 1_000_000;
    bytes32 internal constant INCIDENT = "INC-2026-0001";
    address internal constant GUARDIAN = address(0xa11ce);
    address internal constant STRANGER = address(0x57a);

    Warden internal warden;
    WardenLens internal lens;
    Brake internal brake;
    Market internal market;
    SelfEnding internal selfEnding;
    Queue internal queue;
    /// @dev In ascending order of their addresses.
    uint256[] internal keys;
    bytes32 internal pauseLever;
    bytes32 internal reserveLever;
    bytes32 internal selfEndingLever;
    bytes32 internal cancelLever;
    uint256 private nonces;

    /// @dev The test contract is governance.
    function setUp() public virtual {
        vm.warp(START);
        warden = new Warden(address(this), WINDOW, ORDER_LIFE, EPOCH, BUDGET);
        lens = new WardenLens();
        warden.setGuardian(GUARDIAN, true);
        keys = sortedKeys(3);
        for (uint256 i = 0; i < keys.length; ++i) {
            warden.addSentinel(more.addr(keys[i]), false);
        }
        beatAll();
        brake = new Brake(address(warden));
        market = new Market(address(warden));
        selfEnding = new SelfEnding(address(warden));
        queue = new Queue(address(warden));
        pauseLever = register(pauseSpec(address(brake)));
        reserveLever = register(reserveSpec());
        selfEndingLever = register(selfEndingSpec());
        cancelLever = register(cancelSpec());
    }

    function register(LeverSpec memory spec) internal returns (bytes32 id) {
        id = warden.registerLever(spec);
        warden.arm(id);
    }

    /// @dev `pause()`, ten minutes to four hours, once, undone by `unpause()`.
    function pauseSpec(address target) internal view returns (LeverSpec memory spec) {
        spec.target = target;
        spec.selector = Brake.pause.selector;
        spec.sentinelsRequired = 1;
        spec.pullsPerArming = 1;
        spec.shortestHold = 10 minutes;
        spec.longestHold = 4 hours;
        spec.longestRatified = 2 days;
        spec.cooldown = 1 hours;
        spec.callGas = 300_000;
        spec.undoGas = 300_000;
        spec.viewGas = 50_000;
        spec.unitsPerPull = 1000;
        spec.unitsPerSecond = 1;
        spec.unitsPerEpoch = 200_000;
        spec.undo.data = abi.encodeCall(Brake.unpause, ());
        spec.verify = isTrue(target, abi.encodeCall(Brake.paused, ()), "");
        spec.pin.codeHash = target.codehash;
    }

    /// @dev `setReservePause(asset, true)` for one of two assets, several at once, three pulls.
    function reserveSpec() internal returns (LeverSpec memory spec) {
        bytes32[] memory assets = new bytes32[](2);
        assets[0] = word(asset(0));
        assets[1] = word(asset(1));
        bytes32 set = keccak256(abi.encode(assets));
        if (!warden.isSet(set)) warden.registerSet(assets);
        spec = pauseSpec(address(market));
        spec.selector = Market.setReservePause.selector;
        spec.concurrent = true;
        spec.pullsPerArming = 3;
        spec.sentinelsRequired = 2;
        spec.cooldown = 10 minutes;
        spec.words = new WordRule[](2);
        spec.words[0] = WordRule(WordKind.OneOf, set, 0);
        spec.words[1] = WordRule(WordKind.Exact, bytes32(uint256(1)), 0);
        spec.undo = CallTemplate(abi.encodeCall(Market.setReservePause, (address(0), false)), hex"0000");
        spec.verify = isTrue(address(market), abi.encodeCall(Market.isPaused, (address(0))), hex"0000");
    }

    /// @dev `pauseFor(hold)`: the target goes on by itself.
    function selfEndingSpec() internal view returns (LeverSpec memory spec) {
        spec = pauseSpec(address(selfEnding));
        spec.selector = SelfEnding.pauseFor.selector;
        spec.words = new WordRule[](1);
        spec.words[0] = WordRule(WordKind.Hold, 0, 0);
        spec.longestRatified = spec.longestHold;
        spec.undo.data = "";
        spec.undoGas = 0;
        spec.pullsPerArming = 2;
        spec.verify = isTrue(address(selfEnding), abi.encodeCall(SelfEnding.isPaused, ()), "");
    }

    /// @dev `cancel(id)` for any id: one way.
    function cancelSpec() internal view returns (LeverSpec memory spec) {
        spec = pauseSpec(address(queue));
        spec.selector = Queue.cancel.selector;
        spec.words = new WordRule[](1);
        spec.words[0] = WordRule(WordKind.Any, 0, 0);
        (spec.shortestHold, spec.longestHold, spec.longestRatified) = (0, 0, 0);
        spec.undo.data = "";
        spec.undoGas = 0;
        spec.unitsPerSecond = 0;
        spec.pullsPerArming = 5;
        spec.cooldown = 0;
        spec.verify = isTrue(address(queue), abi.encodeCall(queue.cancelled, (bytes32(0))), hex"0000");
    }

    function isTrue(address target, bytes memory data, bytes memory copies)
        internal
        pure
        returns (VerifyView memory)
    {
        return VerifyView(
            target,
            CallTemplate(data, copies),
            0,
            Comparison.Equal,
            bytes32(type(uint256).max),
            bytes32(uint256(1))
        );
    }

    /// @dev A lever's next order with a fresh nonce.
    function orderFor(bytes32 lever, bytes memory data, uint256 holdSeconds)
        internal
        returns (Order memory order)
    {
        order.lever = lever;
        order.arming = warden.leverState(lever).arming;
        order.data = data;
        order.incident = INCIDENT;
        order.holdSeconds = uint64(holdSeconds);
        order.deadline = uint64(block.timestamp + 10 minutes);
        order.nonce = ++nonces;
    }

    function pauseOrder(uint256 holdSeconds) internal returns (Order memory) {
        return orderFor(pauseLever, abi.encodeCall(Brake.pause, ()), holdSeconds);
    }

    function reserveOrder(uint256 index, uint256 holdSeconds) internal returns (Order memory) {
        return
            orderFor(reserveLever, abi.encodeCall(Market.setReservePause, (asset(index), true)), holdSeconds);
    }

    function selfEndingOrder(uint256 holdSeconds) internal returns (Order memory) {
        return orderFor(selfEndingLever, abi.encodeCall(SelfEnding.pauseFor, (holdSeconds)), holdSeconds);
    }

    function cancelOrder(bytes32 id) internal returns (Order memory) {
        return orderFor(cancelLever, abi.encodeCall(Queue.cancel, (id)), 0);
    }

    /// @dev Signed by the first `n` sentinels.
    function sign(Order memory order, uint256 n) internal view returns (SignedOrder memory signed) {
        return signFor(warden, order, n);
    }

    function signFor(Warden by, Order memory order, uint256 n)
        internal
        view
        returns (SignedOrder memory signed)
    {
        signed.order = order;
        signed.signatures = new Signature[](n);
        bytes32 digest = by.orderDigest(order);
        for (uint256 i = 0; i < n; ++i) {
            signed.signatures[i] = Signature(more.addr(keys[i]), signature(keys[i], digest));
        }
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = more.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function pullPause(uint256 holdSeconds) internal returns (uint256) {
        return warden.pull(sign(pauseOrder(holdSeconds), 1));
    }

    function pullReserve(uint256 index, uint256 holdSeconds) internal returns (uint256) {
        return warden.pull(sign(reserveOrder(index, holdSeconds), 2));
    }

    function beat(uint256 key, uint256 timestamp) internal {
        address who = more.addr(key);
        warden.postHeartbeat(who, uint64(timestamp), heartbeatSignature(warden, key, timestamp));
    }

    function beatAll() internal {
        for (uint256 i = 0; i < keys.length; ++i) {
            beat(keys[i], block.timestamp);
        }
    }

    function heartbeatSignature(Warden by, uint256 key, uint256 timestamp)
        internal
        view
        returns (bytes memory)
    {
        bytes32 struct_ = keccak256(abi.encode(by.HEARTBEAT_TYPEHASH(), more.addr(key), timestamp));
        return signature(key, keccak256(abi.encodePacked(hex"1901", by.domainSeparator(), struct_)));
    }

    function asset(uint256 index) internal pure returns (address) {
        return address(uint160(0xa0000 + index));
    }

    function word(address account_) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account_)));
    }

    function sortedKeys(uint256 n) internal pure returns (uint256[] memory sorted) {
        sorted = new uint256[](n);
        for (uint256 i = 0; i < n; ++i) {
            sorted[i] = uint256(keccak256(abi.encode("sentinel", i)));
            for (uint256 j = i; j > 0 && more.addr(sorted[j]) < more.addr(sorted[j - 1]); --j) {
                (sorted[j], sorted[j - 1]) = (sorted[j - 1], sorted[j]);
            }
        }
    }

    function skip(uint256 seconds_) internal {
        vm.warp(block.timestamp + seconds_);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        assertEq(condition ? 1 : 0, 1, what);
    }

    function assertEq(bytes memory left, bytes memory right, string memory what) internal pure {
        assertEq(uint256(keccak256(left)), uint256(keccak256(right)), what);
    }
}
