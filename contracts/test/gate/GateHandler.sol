// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {Answers} from "./Answers.sol";
import {GateModel} from "./GateModel.sol";

/// @title Everybody who can touch a gate, doing anything at any time
/// @notice A bank whose withdrawals check nothing, users, a thief with any number of addresses, a lying reputation, a
/// moody oracle, sentinels whose keys are stolen, guardians, governance that tightens and loosens. What leaves is
/// recorded here, and checked here against a second writing of the bound.
contract GateHandler is GateModel {
    modifier step() {
        vm.warp(time);
        ++calls;
        _;
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

    /// @dev Any claim, or the one that was held last: few of many claims ever are.
    function pick(uint256 id) private view returns (uint256) {
        return id % 4 == 0 ? id % (gate.claimCount() + 1) : lastHeld;
    }
}
