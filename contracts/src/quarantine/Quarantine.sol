// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {EpochBudget} from "../warden/EpochBudget.sol";
import {Governed} from "../warden/Governed.sol";
import {IQuarantine} from "./IQuarantine.sol";

/// @title Quarantine: addresses that are frozen for a while
/// @notice A freezer, normally the Warden, freezes an address for a limited time, a limited number of times per epoch.
/// Every freeze ends by itself: nobody has to do anything. Guardians and governance may release at once, or let a
/// freeze last longer up to a limit. Addresses that governance exempts (pools, the protocol itself) cannot be frozen.
/// A frozen party may appeal once per freeze; an appeal is heard by people and changes nothing by itself.
/// @dev Holds no funds and calls nobody. Who is stopped, and where, is the integrators' choice: see `QuarantineAware`.
contract Quarantine is Governed, IQuarantine {
    using EpochBudget for EpochBudget.Account;

    /// @notice The caller is no freezer.
    error NotFreezer(address caller);
    /// @notice The address is exempt, or zero.
    error Exempt(address account);
    /// @notice The address is frozen already; only guardians may prolong that.
    error AlreadyFrozen(address account, uint256 until);
    /// @notice The address is not frozen.
    error NotFrozen(address account);
    /// @notice The address was frozen not long ago, and cannot be again before `readyAt`.
    error Resting(address account, uint256 readyAt);
    /// @notice A number of seconds is out of its limits.
    error BadDuration(uint256 seconds_, uint256 maximum);
    /// @notice This freeze was appealed already.
    error AlreadyAppealed(address account, uint256 freezeId);
    /// @notice The text is longer than 512 bytes.
    error TextTooLong(uint256 length);

    /// @notice An address is frozen until `until`, Unix seconds. `reason` is a code that the operator chose.
    event Frozen(
        address indexed account, uint256 indexed freezeId, bytes32 indexed reason, uint64 until, address by
    );
    /// @notice Words to a freeze's reason. Written by a freezer or a guardian; hostile when shown.
    event Explained(address indexed account, uint256 indexed freezeId, string text, address by);
    /// @notice The frozen party objects. Written by a stranger; hostile when shown.
    event Appealed(address indexed account, uint256 indexed freezeId, string text);
    /// @notice Guardians let a freeze last longer.
    event FreezeRatified(address indexed account, uint256 indexed freezeId, uint64 until, address by);
    /// @notice A freeze ended before its time. One that runs out emits nothing.
    event Released(address indexed account, uint256 indexed freezeId, address by);
    /// @notice An address can, or cannot, be frozen.
    event ExemptSet(address indexed account, bool exempt);
    /// @notice An address may, or may not, freeze.
    event FreezerSet(address indexed freezer, bool active);
    /// @notice Freezers together may freeze this many addresses in any stretch as long as an epoch.
    event FreezesPerEpochSet(uint256 freezes);

    /// @notice What is known about an address.
    /// @param until Unix seconds at which its freeze ends; zero when never frozen or released.
    /// @param startedAt Unix seconds of its last freeze.
    /// @param readyAt Unix seconds before which it cannot be frozen again.
    /// @param freezeId Its last freeze, counted from 1 over all addresses.
    /// @param appealed Whether that one was appealed.
    /// @param exempt Whether it cannot be frozen.
    struct Record {
        uint48 until;
        uint48 startedAt;
        uint48 readyAt;
        uint64 freezeId;
        bool appealed;
        bool exempt;
    }

    /// @notice Bytes of an explanation or an appeal.
    uint256 public constant TEXT_BYTES_MAX = 512;
    /// @notice Limits of the limits, in seconds.
    uint256 public constant FREEZE_MAX = 30 days;
    uint256 public constant RATIFIED_MAX = 365 days;
    uint256 public constant EPOCH_SECONDS_MIN = 1 hours;
    uint256 public constant EPOCH_SECONDS_MAX = 90 days;

    /// @notice Longest freeze by a freezer, in seconds.
    uint256 public immutable longestFreeze;
    /// @notice Seconds from a freeze's beginning to which guardians may prolong it.
    uint256 public immutable longestRatified;
    /// @notice Seconds after a freeze's end in which the address cannot be frozen again.
    uint256 public immutable cooldown;
    /// @notice Length of an epoch in seconds.
    uint256 public immutable epochSeconds;

    uint256 private _freezesPerEpoch;
    uint64 private _nFreezes;
    EpochBudget.Account private _spent;
    mapping(address => Record) private _records;
    mapping(address => bool) private _freezers;

    modifier onlyFreezer() {
        if (!_freezers[msg.sender]) revert NotFreezer(msg.sender);
        _;
    }

    constructor(
        address governance_,
        uint256 longestFreeze_,
        uint256 longestRatified_,
        uint256 cooldown_,
        uint256 epochSeconds_,
        uint256 freezesPerEpoch_
    ) Governed(governance_) {
        if (longestFreeze_ == 0 || longestFreeze_ > FREEZE_MAX) {
            revert BadDuration(longestFreeze_, FREEZE_MAX);
        }
        if (longestRatified_ < longestFreeze_ || longestRatified_ > RATIFIED_MAX) {
            revert BadDuration(longestRatified_, RATIFIED_MAX);
        }
        if (cooldown_ > RATIFIED_MAX) revert BadDuration(cooldown_, RATIFIED_MAX);
        if (epochSeconds_ < EPOCH_SECONDS_MIN || epochSeconds_ > EPOCH_SECONDS_MAX) {
            revert BadDuration(epochSeconds_, EPOCH_SECONDS_MAX);
        }
        longestFreeze = longestFreeze_;
        longestRatified = longestRatified_;
        cooldown = cooldown_;
        epochSeconds = epochSeconds_;
        _setFreezesPerEpoch(freezesPerEpoch_);
    }

    /// @notice Freezes an address for `seconds_` seconds.
    /// @param reason A code, for instance `keccak256` of a rule's id.
    function freeze(address account, uint64 seconds_, bytes32 reason) external onlyFreezer {
        Record storage record = _records[account];
        if (account == address(0) || account == address(this) || record.exempt) revert Exempt(account);
        if (seconds_ == 0 || seconds_ > longestFreeze) revert BadDuration(seconds_, longestFreeze);
        if (block.timestamp < record.until) revert AlreadyFrozen(account, record.until);
        if (block.timestamp < record.readyAt) revert Resting(account, record.readyAt);
        _spent.spend(_freezesPerEpoch, epochSeconds, 1);
        // 48 bits last for nine million years.
        uint48 until = uint48(block.timestamp + seconds_);
        record.until = until;
        record.startedAt = uint48(block.timestamp);
        record.readyAt = uint48(until + cooldown);
        record.freezeId = ++_nFreezes;
        record.appealed = false;
        emit Frozen(account, record.freezeId, reason, until, msg.sender);
    }

    /// @notice Adds words to the reason of a freeze in force.
    function explain(address account, string calldata text) external {
        if (!_freezers[msg.sender] && !mayGuard(msg.sender)) revert NotFreezer(msg.sender);
        Record storage record = requireFrozen(account);
        requireShort(text);
        emit Explained(account, record.freezeId, text, msg.sender);
    }

    /// @notice The frozen party objects, once per freeze. The freeze neither ends nor lasts longer for it.
    function appeal(string calldata text) external {
        Record storage record = requireFrozen(msg.sender);
        if (record.appealed) revert AlreadyAppealed(msg.sender, record.freezeId);
        requireShort(text);
        record.appealed = true;
        emit Appealed(msg.sender, record.freezeId, text);
    }

    /// @notice Ends a freeze at once.
    function release(address account) external onlyGuardian {
        Record storage record = requireFrozen(account);
        end(account, record);
    }

    /// @notice Lets a freeze last until `until`, at most `longestRatified` after its beginning.
    function ratify(address account, uint48 until) external onlyGuardian {
        Record storage record = requireFrozen(account);
        uint256 latest = record.startedAt + longestRatified;
        if (until <= record.until || until > latest) revert BadDuration(until, latest);
        record.until = until;
        record.readyAt = uint48(until + cooldown);
        emit FreezeRatified(account, record.freezeId, until, msg.sender);
    }

    /// @notice Exempts an address, which ends its freeze, or takes the exemption back.
    function setExempt(address account, bool exempt) external onlyGovernance {
        Record storage record = _records[account];
        if (exempt && block.timestamp < record.until) end(account, record);
        record.exempt = exempt;
        emit ExemptSet(account, exempt);
    }

    /// @notice Lets an address freeze, or no more. A freezer cannot be a guardian.
    function setFreezer(address freezer, bool active) external onlyGovernance {
        if (active && (freezer == address(0) || mayGuard(freezer))) revert UnfitAddress(freezer);
        _freezers[freezer] = active;
        emit FreezerSet(freezer, active);
    }

    /// @notice Takes the right to freeze away at once.
    function dismissFreezer(address freezer) external onlyGuardian {
        _freezers[freezer] = false;
        emit FreezerSet(freezer, false);
    }

    /// @notice Sets how many addresses freezers may freeze per epoch. What is spent stays spent.
    function setFreezesPerEpoch(uint256 freezes) external onlyGovernance {
        _setFreezesPerEpoch(freezes);
    }

    /// @inheritdoc IQuarantine
    function isFrozen(address account) public view returns (bool) {
        return block.timestamp < _records[account].until;
    }

    /// @inheritdoc IQuarantine
    function anyFrozen(address first, address second) external view returns (bool) {
        return isFrozen(first) || isFrozen(second);
    }

    /// @inheritdoc IQuarantine
    function firstFrozen(address[] calldata accounts) external view returns (address) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (isFrozen(accounts[i])) return accounts[i];
        }
        return address(0);
    }

    /// @notice What is known about an address.
    function recordOf(address account) external view returns (Record memory) {
        return _records[account];
    }

    /// @notice Whether an address may freeze.
    function isFreezer(address account) external view returns (bool) {
        return _freezers[account];
    }

    /// @notice Addresses that freezers may freeze per epoch, now, and at most within `horizon` seconds. The most harm
    /// that stolen freezers can do is `spendable * longestFreeze` seconds of frozen addresses.
    function budget(uint256 horizon)
        external
        view
        returns (uint256 perEpoch, uint256 available, uint256 spendable)
    {
        perEpoch = _freezesPerEpoch;
        available = _spent.available(perEpoch, epochSeconds);
        spendable = _spent.spendable(perEpoch, epochSeconds, horizon);
    }

    /// @dev A guardian who could freeze would have both halves of the power.
    function _requireFit(address account) internal view override {
        if (account == address(this) || _freezers[account]) revert UnfitAddress(account);
    }

    function end(address account, Record storage record) private {
        record.until = 0;
        record.readyAt = uint48(block.timestamp + cooldown);
        emit Released(account, record.freezeId, msg.sender);
    }

    function requireFrozen(address account) private view returns (Record storage record) {
        record = _records[account];
        if (block.timestamp >= record.until) revert NotFrozen(account);
    }

    function requireShort(string calldata text) private pure {
        if (bytes(text).length > TEXT_BYTES_MAX) revert TextTooLong(bytes(text).length);
    }

    function _setFreezesPerEpoch(uint256 freezes) private {
        if (freezes > type(uint96).max) revert BadDuration(freezes, type(uint96).max);
        _freezesPerEpoch = freezes;
        emit FreezesPerEpochSet(freezes);
    }
}
