// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "../../src/gate/BucketLib.sol";
import {IOutflowHook} from "../../src/gate/Gated.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {Answers} from "./Answers.sol";
import {GateTest} from "./GateTest.sol";
import {GatedBank} from "./Protocols.sol";
import {PlainToken} from "./Tokens.sol";

/// @title Everybody who can touch a gate, doing anything at any time
/// @notice A bank whose withdrawals check nothing, users, a thief with any number of addresses, a lying reputation, a
/// moody oracle, sentinels whose keys are stolen, guardians, governance that tightens and loosens. What leaves is
/// recorded here, and checked here against a second writing of the bound.
contract GateHandler is GateTest {
    struct Exit {
        uint256 time;
        uint256 amount;
        uint256 micro;
        uint256 worst;
    }

    uint256 private constant FUNDS = 1e30;
    uint256 private constant NATIVE_FUNDS = 1e24;
    uint256 private constant UNIT = 1e18;
    uint256 private constant MAX_EXITS = 120;

    OutflowGate public gate;
    GatedBank public bank;
    PlainToken public token;
    Answers public answers;

    uint256 public time = START;
    /// @dev The limits in force, as percent of the usual; the largest ever in force since an exit is in `worst`.
    uint256[2] public percent = [uint256(100), 100];
    uint256[2] public pendingPercent;
    mapping(uint256 asset => Exit[]) private _exits;
    mapping(uint256 claim => bool) public recalled;
    mapping(uint256 claim => bool) public released;
    uint256[2] public paidOut;
    uint256[2] public donated;
    uint256 public lastHeld;
    uint256 public calls;
    mapping(string what => uint256) public count;

    modifier step() {
        vm.warp(time);
        ++calls;
        _;
    }

    constructor() {
        vm.warp(START);
        token = new PlainToken(18);
        answers = new Answers();
        address[] memory assets = new address[](3);
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](3);
        (assets[0], assets[1], assets[2]) = (address(token), NATIVE, VALUE);
        (limits[0], limits[1]) = (scaled(0, 100), scaled(1, 100));
        // 1,500 dollars at once, 1,500 a day: with the token between 1 and 2 dollars, either kind of limit can bind.
        limits[2] = plainLimits(1500e6, 1500e6, 1 days);
        limits[2].minTightenBps = 2000;
        limits[2].maxTightenDuration = 2 hours;
        limits[2].tightenCooldown = 2 hours;
        gate = newGate(assets, limits);
        bank = new GatedBank(IOutflowHook(address(gate)));
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(bank));
        gate.setReputation(answers);
        vm.stopPrank();
        token.mint(address(bank), FUNDS);
        vm.deal(address(bank), NATIVE_FUNDS);
    }

    function assetOf(uint256 which) public view returns (address) {
        return which == 0 ? address(token) : NATIVE;
    }

    /// @dev The token counts 1 to 2 dollars, the native asset 3.
    function scaled(uint256 which, uint256 share) public view returns (IOutflowGate.Limits memory limits) {
        limits = usualLimits(UNIT * share / 100);
        limits.creditTotal = limit(20 * UNIT * share / 100, 20 * UNIT * share / 100, 1 days);
        limits.valuation = which == 0
            ? IOutflowGate.Valuation(address(answers), 1 hours, 18, 1e18, 2e18)
            : IOutflowGate.Valuation(address(0), 0, 18, 3e18, 3e18);
    }

    // -------------------------------------------------------------------------------------------------------- time

    function passTime(uint256 seconds_) external step {
        time += seconds_ % 8 == 0 ? seconds_ % 2 days : seconds_ % 2 hours;
        vm.warp(time);
    }

    // ------------------------------------------------------------------------------------------------------- exits

    function withdraw(uint256 which, uint256 actor, uint256 amount, uint256 size) external step {
        which %= 2;
        address user = account("user", actor % 40);
        address asset = assetOf(which);
        // Often exactly what there is room for; else small, or anything up to twenty times the scale.
        uint256 free = gate.available(asset);
        if (size % 4 == 0) amount = free;
        else if (size % 4 == 1) amount = amount % (6 * UNIT);
        else if (size % 4 == 2) amount = amount % (free + 2);
        else amount = amount % (2000 * UNIT);
        (IOutflowGate.Route route,) = gate.quote(asset, user, amount);
        uint256 micro = route == IOutflowGate.Route.Main ? microUsd(which, amount) : 0;
        vm.prank(user);
        uint256 id = bank.withdraw(asset, user, amount);
        if (amount == 0) return;
        assertEq(id == 0 ? 1 : 0, route == IOutflowGate.Route.Queue ? 0 : 1, "quoted");
        ++count[id == 0 ? "passed" : "queued"];
        if (route == IOutflowGate.Route.Small || route == IOutflowGate.Route.Reputation) ++count["small"];
        if (id == 0) record(which, amount, micro);
    }

    /// @dev The thief's loop: small exits from as many fresh addresses as there are.
    function sybil(uint256 which, uint256 seed) external step {
        which %= 2;
        for (uint256 i = 0; i < 4; ++i) {
            address user = address(uint160(uint256(keccak256(abi.encode(seed, i)))));
            uint256 amount = seed % UNIT + 1;
            (IOutflowGate.Route route,) = gate.quote(assetOf(which), user, amount);
            uint256 micro = route == IOutflowGate.Route.Main ? microUsd(which, amount) : 0;
            vm.prank(user);
            if (bank.withdraw(assetOf(which), user, amount) != 0) continue;
            ++count["sybil"];
            record(which, amount, micro);
        }
    }

    function wash(uint256 which, uint256 amount) external step {
        bank.reportInflow(assetOf(which % 2), amount);
    }

    function donate(uint256 which, uint256 id, uint256 amount) external step {
        which %= 2;
        uint256 n = gate.claimCount();
        if (n == 0) return;
        id = id % n + 1;
        amount %= UNIT;
        if (gate.claimOf(id).asset != address(token) || recalled[id]) return;
        token.mint(gate.vaultOf(id), amount);
        donated[0] += amount;
    }

    // -------------------------------------------------------------------------------------------------- stolen keys

    function tighten(uint256 which, uint16 bps, uint32 duration) external step {
        which %= 3;
        address asset = which == 2 ? VALUE : assetOf(which);
        uint256[3] memory before =
            [gate.available(assetOf(0)), gate.available(assetOf(1)), gate.lossBound(assetOf(0), 1 days)];
        IOutflowGate.Tightening memory last = gate.tighteningOf(asset);
        vm.prank(sentinel);
        try gate.tighten(asset, bps % 10_001, duration % 5 hours) {
            ++count["tightened"];
            IOutflowGate.Tightening memory next = gate.tighteningOf(asset);
            bool active = time < last.until;
            assertTrue(!active || next.bps <= last.bps, "never a larger share");
            assertTrue(!active || next.until >= last.until, "never shorter");
            assertTrue(!active || next.startedAt == last.startedAt, "one beginning");
            assertTrue(
                active || last.until == 0
                    || time >= uint256(last.until) + gate.limitsOf(asset).tightenCooldown,
                "cooled down"
            );
        } catch {}
        assertLe(gate.available(assetOf(0)), before[0], "a sentinel never loosens");
        assertLe(gate.available(assetOf(1)), before[1], "a sentinel never loosens");
        assertEq(gate.lossBound(assetOf(0), 1 days), before[2], "nor moves the bound");
    }

    /// @dev Whoever holds a sentinel's or a guardian's key calls what is governance's, with anything.
    function overreach(bool asGuardian, uint256 which, uint256 id) external step {
        address caller = asGuardian ? guardian : sentinel;
        bytes[8] memory attempts = [
            abi.encodeCall(gate.setLimits, (assetOf(which % 2), scaled(0, 1000))),
            abi.encodeCall(gate.cancelLimits, (assetOf(which % 2))),
            abi.encodeCall(gate.setReputation, (answers)),
            abi.encodeCall(gate.endTightening, (assetOf(which % 2))),
            abi.encodeCall(gate.executeRecall, (id % (gate.claimCount() + 1))),
            abi.encodeCall(gate.onOutflow, (assetOf(which % 2), caller, caller, 1)),
            abi.encodeCall(gate.grantRole, (bytes32(0), caller)),
            abi.encodeCall(gate.releaseClaimTo, (id % (gate.claimCount() + 1), caller))
        ];
        for (uint256 i = 0; i < attempts.length; ++i) {
            vm.prank(caller);
            (bool ok,) = address(gate).call(attempts[i]);
            assertTrue(!ok, "not theirs");
        }
    }

    // -------------------------------------------------------------------------------------------- outside the gate

    function lie(uint256 bps, uint256 usdE18, uint256 age, uint8 manner) external step {
        answers.setBps(bps % 3 == 0 ? bps : bps % 100_000);
        answers.setPrice(usdE18 % 3e18, time - age % 2 hours);
        answers.behave(Answers.Manner(manner % 10 > 4 ? 0 : manner % 10));
    }

    // ---------------------------------------------------------------------------------------------------- guardians

    function hold(uint256 id, uint256 until) external step {
        uint256 n = gate.claimCount();
        if (n == 0) return;
        vm.prank(guardian);
        if (gate.holdClaims(one(id % n + 1), uint48(time + until % 20 days)) == 0) return;
        ++count["held"];
        lastHeld = id % n + 1;
    }

    function lift(uint256 id) external step {
        id = pick(id);
        vm.prank(guardian);
        try gate.liftHold(id) {
            ++count["lifted"];
        } catch {}
    }

    // --------------------------------------------------------------------------------------------------- governance

    function setLimits(uint256 which, uint256 share) external step {
        which %= 2;
        share = share % 300 + 1;
        vm.prank(governance);
        uint256 eta = gate.setLimits(assetOf(which), scaled(which, share));
        if (eta == time) inForce(which, share);
        else pendingPercent[which] = share;
        if (eta == time) pendingPercent[which] = 0;
        ++count["set"];
    }

    function applyLimits(uint256 which) external step {
        which %= 2;
        try gate.applyLimits(assetOf(which)) {
            inForce(which, pendingPercent[which]);
            pendingPercent[which] = 0;
            ++count["applied"];
        } catch {}
    }

    function endTightening(uint256 which) external step {
        vm.prank(governance);
        try gate.endTightening(assetOf(which % 2)) {} catch {}
    }

    function recall(uint256 id, bool schedule) external step {
        id = pick(id);
        vm.startPrank(governance);
        if (schedule) {
            // Half of the announcements are followed by nothing for as long as they must be.
            try gate.scheduleRecall(id) {
                if (id % 2 == 0) time += RECALL_DELAY;
                vm.warp(time);
            } catch {}
        }
        IOutflowGate.Claim memory claim = gate.claimOf(id);
        try gate.executeRecall(id) {
            assertTrue(time < claim.readyAt, "only while held");
            assertTrue(claim.readyAt > claim.queuedAt + CLAIM_DELAY, "only if held");
            assertTrue(claim.recallAt != 0 && time >= claim.recallAt, "only as announced");
            recalled[id] = true;
            ++count["recalled"];
        } catch {}
        vm.stopPrank();
    }

    // ------------------------------------------------------------------------------------------------------ release

    function release(uint256 id) external step {
        id = id % (gate.claimCount() + 1);
        IOutflowGate.Claim memory claim = gate.claimOf(id);
        bool due = claim.status != IOutflowGate.ClaimStatus.None && !recalled[id] && time >= claim.readyAt;
        try gate.releaseClaim(id) returns (uint256 paid) {
            assertTrue(due, "not before its time");
            assertTrue(released[id] || paid >= claim.amount, "all of it");
            released[id] = true;
            paidOut[claim.asset == NATIVE ? 1 : 0] += paid;
            ++count["released"];
        } catch {
            assertTrue(!due, "what is due is paid");
        }
    }

    // ------------------------------------------------------------------------------------------------------- checks

    /// @dev Every claim is whole in its vault, due at the latest after delay and longest hold; nothing else is lost.
    function checkFunds() external {
        vm.warp(time);
        uint256[2] memory waiting;
        uint256[2] memory inVaults;
        for (uint256 id = 1; id <= gate.claimCount(); ++id) {
            IOutflowGate.Claim memory claim = gate.claimOf(id);
            uint256 which = claim.asset == NATIVE ? 1 : 0;
            uint256 held = which == 1 ? gate.vaultOf(id).balance : token.balanceOf(gate.vaultOf(id));
            inVaults[which] += held;
            if (claim.status != IOutflowGate.ClaimStatus.Queued) continue;
            waiting[which] += claim.amount;
            assertGe(held, claim.amount, "whole");
            assertLe(claim.readyAt, claim.queuedAt + CLAIM_DELAY + MAX_HOLD, "due");
        }
        for (uint256 which = 0; which < 2; ++which) {
            assertEq(gate.queuedTotal(assetOf(which)), waiting[which], "sum");
            assertGe(inVaults[which], waiting[which], "sum of claims within the vaults");
            uint256 passed = 0;
            for (uint256 i = 0; i < _exits[which].length; ++i) {
                passed += _exits[which][i].amount;
            }
            uint256 inBank = which == 1 ? address(bank).balance : token.balanceOf(address(bank));
            uint256 start = which == 1 ? NATIVE_FUNDS : FUNDS;
            assertEq(inBank + inVaults[which] + passed + paidOut[which], start + donated[which], "conserved");
        }
    }

    /// @dev At the end of time everybody is paid, by a stranger.
    function checkEveryClaimIsPaid() external {
        vm.warp(time + CLAIM_DELAY + MAX_HOLD);
        for (uint256 id = 1; id <= gate.claimCount(); ++id) {
            IOutflowGate.Claim memory claim = gate.claimOf(id);
            if (claim.status != IOutflowGate.ClaimStatus.Queued) continue;
            assertGe(gate.releaseClaim(id), claim.amount, "paid");
        }
        assertEq(gate.queuedTotal(address(token)) + gate.queuedTotal(NATIVE), 0, "nobody waits");
    }

    /// @dev The gate's bound is the formula written a second time.
    function checkBounds() external {
        vm.warp(time);
        uint256[4] memory horizons = [uint256(0), 1, 3601, 5 days];
        for (uint256 which = 0; which < 2; ++which) {
            for (uint256 i = 0; i < horizons.length; ++i) {
                (uint256 eta,) = gate.pendingLimits(assetOf(which));
                uint256 expected = bound(which, percent[which], horizons[i], horizons[i]);
                if (eta != 0 && eta <= time + horizons[i]) {
                    uint256 early = eta > time ? eta - time : 0;
                    expected = bound(which, percent[which], early, horizons[i])
                        + bound(which, pendingPercent[which], horizons[i] - early, horizons[i]);
                }
                assertEq(gate.lossBound(assetOf(which), horizons[i]), expected, "bound");
            }
        }
    }

    function checkTightenings() external {
        vm.warp(time);
        for (uint256 which = 0; which < 3; ++which) {
            IOutflowGate.Tightening memory t = gate.tighteningOf(which == 2 ? VALUE : assetOf(which));
            assertLe(t.until, uint256(t.startedAt) + (which == 2 ? 2 hours : 4 hours), "ends");
        }
    }

    function exitCount(uint256 which) external view returns (uint256) {
        return _exits[which].length;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev Any claim, or the one that was held last: few of many claims ever are.
    function pick(uint256 id) private view returns (uint256) {
        return id % 4 == 0 ? id % (gate.claimCount() + 1) : lastHeld;
    }

    function inForce(uint256 which, uint256 share) private {
        percent[which] = share;
        Exit[] storage exits = _exits[which];
        for (uint256 i = 0; i < exits.length; ++i) {
            if (exits[i].worst < share) exits[i].worst = share;
        }
    }

    /// @dev After every exit, every window that ends with it: the asset's own, and the dollars of both assets.
    function record(uint256 which, uint256 amount, uint256 micro) private {
        Exit[] storage exits = _exits[which];
        exits.push(Exit(time, amount, micro, percent[which]));
        uint256 sum = 0;
        uint256 first = exits.length > MAX_EXITS ? exits.length - MAX_EXITS : 0;
        for (uint256 i = exits.length; i > first; --i) {
            Exit memory from = exits[i - 1];
            sum += from.amount;
            assertLe(
                sum, bound(which, from.worst, time - from.time, time - from.time), "never more than the bound"
            );
        }
        uint256 dollars = 0;
        uint256[2] memory next = [_exits[0].length, _exits[1].length];
        for (uint256 n = 0; n < MAX_EXITS && next[0] + next[1] != 0; ++n) {
            bool other =
                next[0] == 0 || (next[1] != 0 && _exits[1][next[1] - 1].time > _exits[0][next[0] - 1].time);
            Exit memory from = _exits[other ? 1 : 0][--next[other ? 1 : 0]];
            dollars += from.micro;
            assertLe(dollars, 1500e6 + 1500e6 * (time - from.time) / 1 days, "never more dollars");
        }
    }

    function bound(uint256 which, uint256 share, uint256 span, uint256 horizon)
        private
        pure
        returns (uint256)
    {
        uint256 unit = UNIT * share / 100;
        uint256 scales =
            least(100 * unit + 100 * unit * span / 1 hours, 1000 * unit + 1000 * unit * span / 1 days);
        uint256 credit = 20 * unit + 20 * unit * span / 1 days;
        uint256 value = (1500e6 + 1500e6 * horizon / 1 days) * 1e30 / (which == 0 ? 1e18 : 3e18);
        return least(scales + credit, value) + 2 * (10 * unit + 10 * unit * span / 1 days);
    }

    function microUsd(uint256 which, uint256 amount) private pure returns (uint256) {
        if (which == 1) return (amount * 3 + 1e12 - 1) / 1e12;
        // The least that it may count: the bound on dollars is of what is counted, which is never less.
        return amount / 1e12;
    }

    function least(uint256 left, uint256 right) private pure returns (uint256) {
        return left < right ? left : right;
    }
}
