// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BucketLib} from "./BucketLib.sol";
import {IReputation} from "./IReputation.sol";

/// @title A circuit breaker that delays instead of refusing
/// @notice Words: units are the asset's smallest units (for `VALUE`, micro US dollars: 1e6 is one dollar); times are
/// UNIX seconds, durations seconds; bps are basis points.
interface IOutflowGate {
    /// @notice Which allowance an outflow used.
    /// @dev `Main`: every scale of the asset, and every scale of the value limit, had room. `Small`: a small exit of a
    /// user, from the total for small exits. `Reputation`: a small exit enlarged by reputation, from that total.
    /// `Queue`: none had room, the whole amount waits as a claim.
    enum Route {
        Main,
        Small,
        Reputation,
        Queue
    }

    /// @notice Life of a claim: `None` → `Queued` → `Released` (paid to its receiver) or `Recalled` (by governance).
    enum ClaimStatus {
        None,
        Queued,
        Released,
        Recalled
    }

    /// @notice Whom a call is reserved for.
    enum Role {
        Governance,
        Sentinel,
        Guardian
    }

    /// @notice How an asset counts against the value limit.
    /// @param oracle an `IGateOracle`; zero: always `high`
    /// @param maxAge seconds after which the oracle's answer is stale and `high` is used
    /// @param decimals of the asset, 0 to 36; given by governance, the token is not asked
    /// @param low the least that one whole token counts, in US dollars with 18 decimals; over zero if it counts at all
    /// @param high the most, and what counts whenever the oracle does not answer, is stale or answers zero;
    /// zero: the asset does not count against the value limit
    struct Valuation {
        address oracle;
        uint32 maxAge;
        uint8 decimals;
        uint128 low;
        uint128 high;
    }

    /// @notice Everything governance sets for one asset.
    /// @param scales 0 to 4 token buckets on gross outflow, all of which must have room; none: everything is queued
    /// @param smallTotal what all small exits together may take when the scales have no room; zero capacity: off
    /// @param smallPerUser what one user may take of it
    /// @param reputationTotal what all exits enlarged by reputation together may take; zero capacity: off
    /// @param creditTotal how much of reported inflow may be credited to the scales; zero capacity (the default): none
    /// @param maxMultiplierBps the most that reputation multiplies `smallPerUser.capacity` with; 10,000: not at all
    /// @param minTightenBps the least that a sentinel may leave of capacity and refill
    /// @param maxTightenDuration the longest that a tightening lasts; zero: sentinels may not tighten
    /// @param tightenCooldown how long after the end of one tightening the next may begin
    /// @param valuation how the asset counts against the value limit
    struct Limits {
        BucketLib.Limit[] scales;
        BucketLib.Limit smallTotal;
        BucketLib.Limit smallPerUser;
        BucketLib.Limit reputationTotal;
        BucketLib.Limit creditTotal;
        uint32 maxMultiplierBps;
        uint16 minTightenBps;
        uint32 maxTightenDuration;
        uint32 tightenCooldown;
        Valuation valuation;
    }

    /// @notice A tightening by sentinels.
    /// @param startedAt when it began; a later, stricter order does not move this
    /// @param until when it ends by itself
    /// @param bps what is left of capacity and refill meanwhile
    struct Tightening {
        uint48 startedAt;
        uint48 until;
        uint16 bps;
    }

    /// @notice One queued outflow.
    /// @param asset token, or the native asset's ERC-7528 address
    /// @param queuedAt when it was queued
    /// @param readyAt from when on anyone may release it
    /// @param status see `ClaimStatus`
    /// @param receiver to whom it is paid
    /// @param recallAt from when on governance may return it to `protocol`; 0: no recall is scheduled
    /// @param protocol from where it came, the only place a recall can send it to
    /// @param amount units that were to be sent; what is paid is what the claim's vault holds
    struct Claim {
        address asset;
        uint48 queuedAt;
        uint48 readyAt;
        ClaimStatus status;
        address receiver;
        uint48 recallAt;
        address protocol;
        uint256 amount;
    }

    /// @notice A change that loosens was announced; anyone may apply it from `eta` on.
    event LimitsScheduled(address indexed asset, uint48 eta, Limits limits);
    /// @notice Limits came into force.
    event LimitsSet(address indexed asset, Limits limits);
    /// @notice An announced change was withdrawn, or overtaken by a stricter one.
    event LimitsCancelled(address indexed asset);
    /// @notice A sentinel tightened an asset's limits.
    event Tightened(address indexed asset, address indexed sentinel, uint16 bps, uint48 until);
    /// @notice Governance ended a tightening before its time.
    event TighteningEnded(address indexed asset);
    /// @notice Governance named another reputation source; zero: none.
    event ReputationSet(IReputation reputation);

    /// @notice An outflow may go at once.
    event OutflowPassed(address indexed asset, address indexed user, uint256 amount, Route route);
    /// @notice An outflow has to wait in `vault`.
    event OutflowQueued(
        uint256 indexed id,
        address indexed asset,
        address indexed receiver,
        address user,
        uint256 amount,
        address vault,
        uint48 readyAt
    );
    /// @notice Inflow gave room back to an asset's scales.
    event InflowCredited(address indexed asset, uint256 amount);
    /// @notice A claim was paid. Repeated if something arrives in its vault later.
    event ClaimReleased(uint256 indexed id, address indexed receiver, uint256 amount);
    /// @notice A guardian delayed a claim, never beyond its `latestRelease`.
    event ClaimHeld(uint256 indexed id, address indexed guardian, uint48 readyAt);
    /// @notice A guardian let a held claim go.
    event HoldLifted(uint256 indexed id, address indexed guardian);
    /// @notice Governance announced that a held claim will go back to where it came from.
    event RecallScheduled(uint256 indexed id, uint48 recallAt);
    /// @notice Governance withdrew the announcement.
    event RecallCancelled(uint256 indexed id);
    /// @notice A claim went back to where it came from.
    event ClaimRecalled(uint256 indexed id, address indexed protocol, uint256 amount);

    /// @notice The caller has not the role that the call is reserved for.
    error NotAllowed(address caller, Role needed);
    /// @notice Delays (seconds) outside their bounds; see `GateQueue`.
    error InvalidDelays(uint256 claimDelay, uint256 maxHold, uint256 recallDelay, uint256 loosenDelay);
    /// @notice Limits that no gate can keep; see `GateRules.isSound`.
    error InvalidLimits(address asset);
    /// @notice The gate has `maximum` assets; it takes no more.
    error TooManyAssets(uint256 maximum);
    /// @notice No limits of this asset are announced.
    error NothingScheduled(address asset);
    /// @notice Not before `earliest` (UNIX seconds).
    error TooEarly(uint256 earliest);
    /// @notice A sentinel may leave `minimum` to `maximum` basis points at this moment.
    error TightenTooFar(uint256 bps, uint256 minimum, uint256 maximum);
    /// @notice A sentinel may tighten for 1 to `maximum` seconds.
    error TightenTooLong(uint256 duration, uint256 maximum);
    /// @notice The next tightening may begin at `earliest` (UNIX seconds).
    error TightenCoolingDown(uint256 earliest);
    /// @notice No tightening of this asset lasts.
    error NotTightened(address asset);
    /// @notice The zero address cannot be paid.
    error InvalidReceiver(address receiver);
    /// @notice The claim does not exist, or was recalled.
    error WrongStatus(uint256 id, ClaimStatus status);
    /// @notice Only the receiver of a claim may name another.
    error NotTheReceiver(address caller, address receiver);
    /// @notice The claim does not wait, or no guardian holds it at this moment.
    error NotHeld(uint256 id);
    /// @notice This gate has no recalls: its `recallDelay` is zero.
    error RecallDisabled();
    /// @notice No recall of this claim is announced.
    error RecallNotScheduled(uint256 id);
    /// @notice Send exactly `needed` wei with the call.
    error NotEnoughNative(uint256 sent, uint256 needed);
    /// @notice The receiver refused the native asset.
    error NativeTransferFailed(address receiver, uint256 amount);

    /// @notice The native asset's address (ERC-7528).
    function NATIVE() external view returns (address);
    /// @notice The pseudo-asset whose limits are the value limit over all assets that count; units are micro dollars.
    function VALUE() external view returns (address);
    /// @notice How long every claim waits at least.
    function claimDelay() external view returns (uint256);
    /// @notice By how much guardians can delay a claim at most, all holds together.
    function maxHold() external view returns (uint256);
    /// @notice How long a recall is announced before it can happen; 0: recalls are impossible for ever.
    function recallDelay() external view returns (uint256);
    /// @notice How long a loosening is announced before it comes into force.
    function loosenDelay() external view returns (uint256);

    /// @notice Sets an asset's limits: at once if nothing becomes looser, else after `loosenDelay`. Governance only.
    /// @return eta when it comes into force; now, if at once
    function setLimits(address asset, Limits calldata limits) external returns (uint256 eta);
    /// @notice Puts announced limits into force once their time has come. Anyone.
    function applyLimits(address asset) external;
    /// @notice Withdraws announced limits. Governance only.
    function cancelLimits(address asset) external;
    /// @notice Names the source of reputation; zero: none. Governance only, at once: the budgets bound it.
    function setReputation(IReputation reputation) external;
    /// @notice Tightens an asset's scales and reputation total for a limited time. Sentinels only.
    function tighten(address asset, uint16 bps, uint32 duration) external;
    /// @notice Ends a tightening before its time. Governance only.
    function endTightening(address asset) external;

    /// @notice Pays a claim to its receiver once its time has come. Anyone.
    function releaseClaim(uint256 id) external returns (uint256 amount);
    /// @notice Pays a claim to another address, if the receiver itself cannot be paid. The receiver only.
    function releaseClaimTo(uint256 id, address receiver) external returns (uint256 amount);
    /// @notice Delays claims, each until `until` or its `latestRelease`. Guardians only. Skips what cannot be held.
    function holdClaims(uint256[] calldata ids, uint48 until) external returns (uint256 held);
    /// @notice Lets a held claim go as if it had not been held. Guardians only.
    function liftHold(uint256 id) external;
    /// @notice Announces the return of a held claim to where it came from. Governance only.
    function scheduleRecall(uint256 id) external;
    /// @notice Withdraws the announcement. Governance only.
    function cancelRecall(uint256 id) external;
    /// @notice Returns a claim that is still held, after the announcement's delay. Governance only.
    function executeRecall(uint256 id) external returns (uint256 amount);

    /// @notice What may leave at once by the scales (and the value limit) alone, in units.
    function available(address asset) external view returns (uint256 units);
    /// @notice What would happen to an outflow now.
    /// @return route which allowance it would use
    /// @return waitSeconds until the asset's scales alone would have room; 0 now, type(uint256).max never
    function quote(address asset, address user, uint256 amount)
        external
        view
        returns (Route route, uint256 waitSeconds);
    /// @notice The most that can leave at once, without a queue, in any `horizon` seconds from now on.
    function lossBound(address asset, uint256 horizon) external view returns (uint256 units);
    /// @notice The same over all assets that count, in micro dollars as they are counted.
    function valueLossBound(uint256 horizon) external view returns (uint256 microUsd);
    /// @notice Limits in force.
    function limitsOf(address asset) external view returns (Limits memory limits);
    /// @notice Announced limits; `eta` 0: none.
    function pendingLimits(address asset) external view returns (uint256 eta, Limits memory limits);
    /// @notice The last tightening, which may have ended.
    function tighteningOf(address asset) external view returns (Tightening memory tightening);
    /// @notice Whether a tightening lasts at this moment: the view by which a Warden's lever is verified.
    function isTightened(address asset) external view returns (bool);
    /// @notice Source of reputation.
    function reputation() external view returns (IReputation);
    /// @notice One claim.
    function claimOf(uint256 id) external view returns (Claim memory claim);
    /// @notice How many claims were ever queued; ids are 1 to this.
    function claimCount() external view returns (uint256);
    /// @notice Where a claim's funds wait.
    function vaultOf(uint256 id) external view returns (address vault);
    /// @notice The last moment to which guardians can delay a claim.
    function latestRelease(uint256 id) external view returns (uint256 time);
    /// @notice Sum of the amounts of the claims that wait, in units.
    function queuedTotal(address asset) external view returns (uint256 units);
    /// @notice Whether an asset has, or had, limits. The outflow of one that has not is queued.
    function isRegistered(address asset) external view returns (bool);
    /// @notice Assets that have, or had, limits.
    function gatedAssets() external view returns (address[] memory);
}
