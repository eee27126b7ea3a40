// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @notice What one 32-byte word of a lever's arguments may be. Words are compared whole, so that dirty upper bytes
/// of a short type do not slip through; for an address that may be any, use `Range` from 1 to 2^160 - 1.
enum WordKind {
    /// Whatever the order says.
    Any,
    /// Exactly `low`.
    Exact,
    /// From `low` to `high`, both included, as unsigned numbers. Signed numbers need `Exact` or `OneOf`.
    Range,
    /// A member of the registered set whose hash is `low` (see `registerSet`).
    OneOf,
    /// The order's hold in seconds: for targets that end a stop by themselves when told for how long.
    Hold
}

/// @notice How a view's word is compared with what is expected, after masking, as unsigned numbers.
enum Comparison {
    Equal,
    NotEqual,
    AtLeast,
    AtMost
}

/// @notice How a hold came to its end.
enum ReleaseKind {
    /// The undo was called and did not revert.
    Undone,
    /// The target was found running already, so there was nothing to undo.
    AlreadyLifted,
    /// The target ends its stop by itself, and its time had run out.
    EndedByTarget,
    /// Governance keeps the stop and took over the responsibility for lifting it.
    Adopted
}

/// @notice The bound of one argument word.
struct WordRule {
    WordKind kind;
    bytes32 low;
    bytes32 high;
}

/// @notice Calldata with holes that are filled with the order's argument words.
/// @param data The calldata, at least 4 bytes; empty means that there is no such call.
/// @param copies Pairs of bytes: word number in the order's arguments, word number in `data` that it replaces. Both
/// count from 0 after the selector. At most 15 pairs.
struct CallTemplate {
    bytes data;
    bytes copies;
}

/// @notice The view that says whether a lever's stop is in force.
/// @param target The contract that is asked by a static call.
/// @param call The view's calldata.
/// @param word Which 32-byte word of the answer is compared, from 0, at most 31.
/// @param comparison How.
/// @param mask Bits of that word that count.
/// @param expected What the masked word is compared with.
struct VerifyView {
    address target;
    CallTemplate call;
    uint8 word;
    Comparison comparison;
    bytes32 mask;
    bytes32 expected;
}

/// @notice What the target has to be, so that an upgrade underneath a lever is noticed.
/// @param codeHash `extcodehash` of the target.
/// @param viewTarget For a proxy: the contract that names the implementation; zero means that none is asked.
/// @param viewData The calldata of that view.
/// @param viewWord The first word of its answer: normally the implementation's address.
/// @param implementationCodeHash `extcodehash` of the address in `viewWord`; zero means that it is not compared.
struct Pin {
    bytes32 codeHash;
    address viewTarget;
    bytes viewData;
    bytes32 viewWord;
    bytes32 implementationCodeHash;
}

/// @notice A lever: one prepared way to stop something. Its id is `keccak256(abi.encode(spec))`, so that a signature
/// over the id is a signature over everything here, and nothing here can change under an id.
/// @param target The contract that is called.
/// @param selector The function that is called.
/// @param sentinelsRequired Distinct sentinels that must sign an order.
/// @param concurrent Whether a new hold may begin while an earlier one is open. Only for levers whose arguments name
/// different subjects; the cool-down then counts from pull to pull instead of from a hold's release.
/// @param pullsPerArming Pulls until the lever is spent and governance has to arm it again. One, unless `concurrent`
/// or a sequence of holds is wanted.
/// @param shortestHold Seconds. Above a few minutes it keeps a thief from a hold so short that it only makes a
/// guardian's own pause revert.
/// @param longestHold Seconds. Zero for a one-way lever (cancelling a queued operation).
/// @param longestRatified Seconds from the pull to which guardians may prolong a hold; not less than `longestHold`.
/// @param cooldown Seconds.
/// @param callGas Gas that the pull's call is given, exactly.
/// @param undoGas Gas that the undo's call is given, exactly.
/// @param viewGas Gas that each view is given, exactly.
/// @param unitsPerPull Harm units that a pull costs.
/// @param unitsPerSecond Harm units that each second of hold costs.
/// @param unitsPerEpoch Harm units that this lever may cost in any stretch as long as an epoch.
/// @param fixedData The whole calldata, where no argument is free; empty where `words` bound the arguments.
/// @param words The bounds of the arguments: the calldata is the selector and exactly this many words.
/// @param undo What ends the stop. Empty for one-way levers and for targets that end it by themselves.
struct LeverSpec {
    address target;
    bytes4 selector;
    uint8 sentinelsRequired;
    bool concurrent;
    uint16 pullsPerArming;
    uint32 shortestHold;
    uint32 longestHold;
    uint32 longestRatified;
    uint32 cooldown;
    uint32 callGas;
    uint32 undoGas;
    uint32 viewGas;
    uint64 unitsPerPull;
    uint64 unitsPerSecond;
    uint96 unitsPerEpoch;
    bytes fixedData;
    WordRule[] words;
    CallTemplate undo;
    VerifyView verify;
    Pin pin;
}

/// @notice What changes about a lever.
/// @param arming How often it was armed; orders name it, so that none outlives a re-arming.
/// @param pullsLeft Pulls until it is spent; zero when disarmed.
/// @param openHolds Holds not yet released.
/// @param readyAt Unix seconds before which it cannot be pulled.
/// @param endsByItself Whether an argument tells the target for how long, so that the target ends the stop. Fixed at
/// registration.
struct LeverState {
    uint64 arming;
    uint16 pullsLeft;
    uint16 openHolds;
    uint64 readyAt;
    bool endsByItself;
}

/// @notice What sentinels sign.
/// @param lever The lever's id.
/// @param arming The lever's arming that the order is for.
/// @param data The target's calldata.
/// @param incident The incident that the order answers; only recorded.
/// @param holdSeconds For how long.
/// @param deadline Unix seconds, the last at which the order can be relayed.
/// @param nonce Any number; makes two orders different. Gaps mean nothing.
struct Order {
    bytes32 lever;
    uint64 arming;
    bytes data;
    bytes32 incident;
    uint64 holdSeconds;
    uint64 deadline;
    uint256 nonce;
}

/// @notice One sentinel's signature: 65 bytes `r, s, v` of a key, or whatever a contract's ERC-1271 check wants.
struct Signature {
    address signer;
    bytes data;
}

/// @notice An order and exactly as many signatures as its lever requires, in ascending order of their signers.
struct SignedOrder {
    Order order;
    Signature[] signatures;
}

/// @notice What became of one order of a batch.
/// @param pulled Whether the lever was pulled.
/// @param holdId The hold, counted from 1; zero for a failure.
/// @param failure At most the first 256 bytes of the reason.
struct Outcome {
    bool pulled;
    uint256 holdId;
    bytes failure;
}

/// @notice A stop in force.
/// @param lever The lever that was pulled.
/// @param startedAt Unix seconds.
/// @param endsAt Unix seconds from which anyone may release it.
/// @param released Whether it is over.
/// @param incident From the order.
/// @param data The pull's calldata, kept only where the undo or the view needs words of it.
struct Hold {
    bytes32 lever;
    uint64 startedAt;
    uint64 endsAt;
    bool released;
    bytes32 incident;
    bytes data;
}

/// @notice A machine that may sign orders.
/// @param status 0 unknown, 1 a key, 2 a contract (ERC-1271), 3 killed for good.
/// @param awaitingHeartbeat Added or revived, and not heard since: its next heartbeat needs no predecessor.
/// @param heartbeat The signed Unix seconds of its last heartbeat.
struct Sentinel {
    uint8 status;
    bool awaitingHeartbeat;
    uint64 heartbeat;
}

/// @notice The most harm that stolen sentinel keys can do; see `Warden.harmBound`.
/// @param pulls How many pulls can begin.
/// @param holdSeconds Seconds of all their holds together, counted to their end even where that is later.
/// @param units Harm units that they cost.
/// @param openHoldSeconds Seconds still to run of the holds that are open already; these cannot be prolonged by a
/// sentinel.
struct Harm {
    uint256 pulls;
    uint256 holdSeconds;
    uint256 units;
    uint256 openHoldSeconds;
}
