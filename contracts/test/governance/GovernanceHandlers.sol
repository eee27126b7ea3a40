// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {GuardianModule} from "../../src/governance/GuardianModule.sol";
import {GuardianScope} from "../../src/governance/GuardianScope.sol";
import {IAvatar} from "../../src/governance/IAvatar.sol";
import {CancellerTest} from "./CancellerTest.sol";
import {Market, SafeTest} from "./SafeTest.sol";

/// @title Stolen guardians and a stolen Warden against a Safe
/// @notice All guardians' keys and an enabled module belong to the thief, who calls and signs anything. The Safe's
/// owners grant, revoke, assign and rotate. Whatever the market saw must have been granted.
contract ModuleHandler is SafeTest {
    struct Grant {
        uint256 low;
        uint256 high;
        uint256 expiresAt;
        uint256 uses;
        bool revoked;
    }

    uint256 public time = START;
    uint256 public inside;
    uint256 public outside;
    mapping(uint256 id => Grant) public grants;
    mapping(uint256 id => uint256) public used;
    uint256 private _seen;

    constructor() {
        setUpSafe();
        vm.deal(address(safe), 1000);
        ownersCall(address(module), abi.encodeCall(IAvatar.enableModule, (warden)));
    }

    modifier step() {
        vm.warp(time);
        _;
        assertEq(address(safe).balance, 1000, "no value leaves the Safe");
        assertTrue(!market.paused(), "pausing was never granted");
    }

    function passTime(uint256 seconds_) external step {
        time += seconds_ % 2 days;
    }

    function safeGrants(uint256 low, uint256 high, uint256 life, uint32 uses) external step {
        low %= 100;
        high = low + high % 100;
        life = life % 20 days + 1;
        uses = uses % 5 + 1;
        GuardianScope.WordBound[] memory words = new GuardianScope.WordBound[](2);
        words[0] = GuardianScope.WordBound(1, 1);
        words[1] = GuardianScope.WordBound(low, high);
        GuardianScope.Permission memory wanted = permission(Market.setCap.selector, words);
        (wanted.expiresAt, wanted.usesLeft) = (uint48(time + life), uses);
        uint256 id = grant(wanted);
        grants[id] = Grant(low, high, time + life, uses, false);
        uint256[] memory ids = new uint256[](1);
        ids[0] = id;
        if (id % 2 == 0) {
            ownersCall(address(module), abi.encodeCall(GuardianModule.assignPermissions, (warden, ids)));
        }
    }

    function safeRevokes(uint256 id) external step {
        if (id % 8 != 0 || module.permissionCount() == 0) return;
        id = id / 8 % module.permissionCount() + 1;
        ownersCall(address(module), abi.encodeCall(GuardianModule.revoke, (id)));
        grants[id].revoked = true;
    }

    function guardiansSign(uint256 id, uint256 word, bytes calldata anything, uint256 shape, uint256 salt)
        external
        step
    {
        id = module.permissionCount() < 3 ? id % 3 : module.permissionCount() - id % 3;
        bytes memory data = shaped(word, anything, shape);
        bytes32 incident = bytes32(inside + outside);
        bytes32 digest = module.callDigest(id, data, incident, time);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 2 + salt % 3);
        try module.execCall(id, data, incident, time, signers, signatures) {
            succeeded(id, word, shape);
        } catch {
            failed(id, word, shape);
        }
    }

    function moduleCalls(address to, uint256 word, bytes calldata anything, uint256 shape, uint256 value)
        external
        step
    {
        uint256[] memory ids = module.assignedPermissions(warden);
        bytes memory data = shaped(word, anything, shape);
        to = shape % 5 == 4 ? to : shape % 7 == 6 ? address(safe) : address(market);
        value = value % 4 == 0 ? value : 0;
        vm.prank(warden);
        try module.execTransactionFromModule(to, value, data, uint8(value % 3)) returns (bool ok) {
            assertTrue(ok && value == 0 && to == address(market), "a plain call to the market");
            succeeded(ids[0], word, shape);
        } catch {
            ++outside;
        }
    }

    function thiefReconfigures(bytes calldata anything, uint256 which, address who) external step {
        bytes4[7] memory selectors = [
            GuardianModule.grant.selector,
            GuardianModule.revoke.selector,
            GuardianModule.assignPermissions.selector,
            GuardianModule.setGuard.selector,
            IAvatar.enableModule.selector,
            IAvatar.disableModule.selector,
            bytes4(keccak256("setGuardians(address[],uint256)"))
        ];
        if (who == address(safe)) return;
        vm.prank(which % 2 == 0 ? guardians[which % 4] : who);
        (bool ok,) = address(module).call(bytes.concat(selectors[which % 7], anything));
        assertTrue(!ok, "the Safe's alone");
    }

    /// @dev A call inside the words' bounds, or something else in its place.
    function shaped(uint256 word, bytes calldata anything, uint256 shape)
        private
        pure
        returns (bytes memory)
    {
        if (shape % 8 == 5) return anything;
        if (shape % 8 == 6) return abi.encodeCall(Market.pause, ());
        if (shape % 8 == 7) {
            return bytes.concat(abi.encodeCall(Market.setCap, (1, word % 200)), anything, hex"00");
        }
        return abi.encodeCall(Market.setCap, (1, word % 200));
    }

    function succeeded(uint256 id, uint256 word, uint256 shape) private {
        Grant memory given = grants[id];
        word %= 200;
        assertTrue(shape % 8 < 5, "the granted shape");
        assertTrue(word >= given.low && word <= given.high, "within the bounds");
        assertTrue(time <= given.expiresAt && !given.revoked, "not over");
        assertLe(++used[id], given.uses, "not too often");
        assertEq(market.calls(), ++_seen, "one call");
        assertEq(market.capOf(1), word, "that call");
        ++inside;
    }

    function failed(uint256 id, uint256 word, uint256 shape) private {
        Grant memory given = grants[id];
        word %= 200;
        bool good = shape % 8 < 5 && word >= given.low && word <= given.high && time <= given.expiresAt
            && !given.revoked && used[id] < given.uses;
        assertTrue(!good, "what is granted works");
        ++outside;
    }

    function check() external view {
        assertEq(market.calls(), _seen, "the market saw nothing else");
    }
}

/// @title Stolen guardians and a stolen Warden against governance
/// @notice They cancel everything they can, always. Governance queues, again and again, and executes what survives.
contract CancellerHandler is CancellerTest {
    address private constant TARGET = address(0xbeef);

    uint256 public time = START;
    uint256[] public cancelTimes;
    uint256 public executed;
    uint256 public removals;
    bytes32[] private _ids;
    uint256[] private _salts;
    uint256 private _nextSalt = 100;

    constructor() {
        setUpCanceller();
    }

    modifier step() {
        vm.warp(time);
        _;
    }

    function passTime(uint256 seconds_) external step {
        time += seconds_ % 1 days;
    }

    function governanceQueues(uint256 n) external step {
        for (uint256 i = 0; i <= n % 4; ++i) {
            _ids.push(queue(TARGET, upgrade(), ++_nextSalt));
            _salts.push(_nextSalt);
        }
    }

    function keysCancel(uint256 which, bool byWarden) external step {
        if (_ids.length == 0) return;
        bytes32 id = _ids[_ids.length - 1 - which % (_ids.length < 6 ? _ids.length : 6)];
        bool pending = isQueued(id);
        bool room = canceller.cancelsLeft(byWarden) != 0;
        if (byWarden) {
            vm.prank(warden);
            try canceller.cancelOperation(id, INCIDENT) {
                cancelled(pending, room);
            } catch {}
            return;
        }
        bytes32 incident = bytes32(time);
        (address[] memory signers, bytes[] memory signatures) =
            signed(canceller.operationDigest(id, incident, time), 2);
        try canceller.cancelOperationSigned(id, incident, time, signers, signatures) {
            cancelled(pending, room);
        } catch {}
    }

    function governanceExecutes(uint256 which) external step {
        if (_ids.length == 0) return;
        which %= _ids.length;
        bool ready = timelock.isOperationReady(_ids[which]);
        try timelock.execute(TARGET, 0, upgrade(), 0, bytes32(_salts[which])) {
            assertTrue(ready, "ready");
            ++executed;
        } catch {
            assertTrue(!ready, "what is ready goes through");
        }
    }

    /// @dev The removal is tried against everything the keys can do, for its whole delay, and rolled back.
    function governanceRemoves(uint256 salt) external step {
        ++removals;
        salt = uint256(keccak256(abi.encode(salt, removals)));
        bytes32 id = queue(address(timelock), removal(), salt);
        vm.prank(warden);
        (bool ok,) = address(canceller).call(abi.encodeCall(canceller.cancelOperation, (id, INCIDENT)));
        assertTrue(!ok, "protected");
        (address[] memory signers, bytes[] memory signatures) =
            signed(canceller.operationDigest(id, INCIDENT, time), 2);
        (ok,) = address(canceller)
            .call(abi.encodeCall(canceller.cancelOperationSigned, (id, INCIDENT, time, signers, signatures)));
        assertTrue(!ok, "protected");
        time += DELAY;
        vm.warp(time);
        timelock.execute(address(timelock), 0, removal(), 0, bytes32(salt));
        bytes32 role = timelock.CANCELLER_ROLE();
        assertTrue(!timelock.hasRole(role, address(canceller)), "removed");
        vm.prank(address(timelock));
        timelock.grantRole(role, address(canceller));
    }

    function cancelled(bool pending, bool room) private {
        assertTrue(pending && room, "queued, and within the budget");
        cancelTimes.push(time);
        // Every window that ends now.
        for (uint256 i = 0; i < cancelTimes.length; ++i) {
            assertLe(cancelTimes.length - i, canceller.cancelBound(time - cancelTimes[i]), "bound");
        }
    }

    function cancels() external view returns (uint256) {
        return cancelTimes.length;
    }
}
