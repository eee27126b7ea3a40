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

/// @title A gate, a bank, and what must be true of them
/// @notice What leaves is recorded here, and checked against a second writing of the bound.
abstract contract GateModel is GateTest {
    struct Exit {
        uint256 time;
        uint256 amount;
        uint256 micro;
        uint256 worst;
    }

    uint256 internal constant FUNDS = 1e30;
    uint256 internal constant NATIVE_FUNDS = 1e24;
    uint256 internal constant UNIT = 1e18;
    uint256 internal constant MAX_EXITS = 120;

    OutflowGate public gate;
    GatedBank public bank;
    PlainToken public token;
    Answers public answers;

    uint256 public time = START;
    /// @dev The limits in force, as percent of the usual; the largest ever in force since an exit is in `worst`.
    uint256[2] public percent = [uint256(100), 100];
    uint256[2] public pendingPercent;
    mapping(uint256 asset => Exit[]) internal _exits;
    mapping(uint256 claim => bool) public recalled;
    mapping(uint256 claim => bool) public released;
    uint256[2] public paidOut;
    uint256[2] public donated;
    uint256 public lastHeld;
    uint256 public calls;
    mapping(string what => uint256) public count;

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

    function inForce(uint256 which, uint256 share) internal {
        percent[which] = share;
        Exit[] storage exits = _exits[which];
        for (uint256 i = 0; i < exits.length; ++i) {
            if (exits[i].worst < share) exits[i].worst = share;
        }
    }

    /// @dev After every exit, every window that ends with it: the asset's own, and the dollars of both assets.
    function record(uint256 which, uint256 amount, uint256 micro) internal {
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

    function microUsd(uint256 which, uint256 amount) internal pure returns (uint256) {
        if (which == 1) return (amount * 3 + 1e12 - 1) / 1e12;
        // The least that it may count: the bound on dollars is of what is counted, which is never less.
        return amount / 1e12;
    }

    function least(uint256 left, uint256 right) internal pure returns (uint256) {
        return left < right ? left : right;
    }
}
