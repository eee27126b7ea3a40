//! Lending markets: Aave v3 and Compound v2 and v3.

use super::{CallTemplate, Row, Tested, UndoTemplate, ViewTemplate, call, view, view_word};

const AAVE: Tested =
    Tested::Package("@aave/core-v3 1.19.3 (its pool, configurator, role manager and tokens)");
const COMPOUND: Tested = Tested::Shape("contracts/src/range/shapes/CompoundShape.sol");

const EMERGENCY_ADMIN: ViewTemplate =
    view("acl_manager", "isEmergencyAdmin(address)", &["{responder}"], "true");
const ASSET_PAUSED: ViewTemplate =
    view("data_provider", "getPaused(address)", &["{asset}"], "true");
const ASSET_RUNS: ViewTemplate = view("data_provider", "getPaused(address)", &["{asset}"], "false");
/// `isFrozen` is the tenth of the words.
const FROZEN: ViewTemplate = view_word(
    view("data_provider", "getReserveConfigurationData(address)", &["{asset}"], "true"),
    9,
);

const GUARDIAN: &[ViewTemplate] = &[view("comptroller", "pauseGuardian()", &[], "{responder}")];

/// One of the guardian's four brakes of Compound v2.
const fn compound(
    kind: &'static str,
    stop: CallTemplate,
    verify: ViewTemplate,
    keeps: &'static str,
    traps: &'static [&'static str],
    example: &'static str,
) -> Row {
    Row {
        kind,
        system: "Compound v2 and its forks",
        stop,
        preflight: GUARDIAN,
        verify,
        undo: UndoTemplate::People,
        covers: "comptroller",
        gas: 150_000,
        who: "pauseGuardian, at once",
        ends: "the admin (a timelock, as a rule) sets it to false; the guardian cannot",
        keeps,
        traps,
        tested: COMPOUND,
        example,
    }
}

const NOT_BY_GUARDIAN: &str =
    "The guardian cannot undo it: until governance does, which takes days, it stays.";

pub(super) const ROWS: &[Row] = &[
    Row {
        kind: "aavePoolPause",
        system: "Aave v3, all reserves",
        stop: call("configurator", "setPoolPause(bool)", &["true"]),
        preflight: &[EMERGENCY_ADMIN, ASSET_RUNS],
        verify: ASSET_PAUSED,
        undo: UndoTemplate::Call {
            calls: &[
                call("configurator", "setPoolPause(bool,uint40)", &["false", "{grace_seconds}"]),
                call("configurator", "setPoolPause(bool)", &["false"]),
            ],
            verify: ASSET_RUNS,
        },
        covers: "pool",
        gas: 5_000_000,
        who: "EMERGENCY_ADMIN or POOL_ADMIN, at once; `aclManager` makes EMERGENCY_ADMIN a condition",
        ends: "the same roles call setPoolPause(false), with a grace period from v3.1 on",
        keeps: "nothing of the pool",
        traps: &[
            "It blocks repaying, withdrawing and liquidating too: positions go under while it holds. Freeze first.",
            "Lift it with `graceSeconds` (at most 14,400; Aave v3.1 and later), or borrowers are liquidated before they can repay.",
            "The view shows one reserve, `asset`; the call goes over all, and needs gas for each.",
        ],
        tested: AAVE,
        example: "kind: aavePoolPause\nname: pause-pool\npool: \"0x00000000000000000000000000000000000000aa\"\nconfigurator: \"0x00000000000000000000000000000000000000ab\"\ndataProvider: \"0x00000000000000000000000000000000000000ac\"\naclManager: \"0x00000000000000000000000000000000000000ad\"\nasset: \"0x00000000000000000000000000000000000000ae\"\nrung: protocol\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "aaveReservePause",
        system: "Aave v3, one reserve",
        stop: call("configurator", "setReservePause(address,bool)", &["{asset}", "true"]),
        preflight: &[EMERGENCY_ADMIN, ASSET_RUNS],
        verify: ASSET_PAUSED,
        undo: UndoTemplate::Call {
            calls: &[
                call(
                    "configurator",
                    "setReservePause(address,bool,uint40)",
                    &["{asset}", "false", "{grace_seconds}"],
                ),
                call("configurator", "setReservePause(address,bool)", &["{asset}", "false"]),
            ],
            verify: ASSET_RUNS,
        },
        covers: "pool",
        gas: 300_000,
        who: "EMERGENCY_ADMIN or POOL_ADMIN, at once; `aclManager` makes EMERGENCY_ADMIN a condition",
        ends: "the same roles call setReservePause(asset, false), with a grace period from v3.1 on",
        keeps: "every other reserve",
        traps: &[
            "It blocks withdrawing, repaying and liquidating in this reserve too. Freeze first.",
            "Lift it with `graceSeconds` (at most 14,400; Aave v3.1 and later).",
        ],
        tested: AAVE,
        example: "kind: aaveReservePause\nname: pause-reserve\npool: \"0x00000000000000000000000000000000000000aa\"\nconfigurator: \"0x00000000000000000000000000000000000000ab\"\ndataProvider: \"0x00000000000000000000000000000000000000ac\"\nasset: \"0x00000000000000000000000000000000000000ae\"\ngraceSeconds: 3600\nrung: market\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "aaveReserveFreeze",
        system: "Aave v3, one reserve, new business only",
        stop: call("configurator", "setReserveFreeze(address,bool)", &["{asset}", "true"]),
        preflight: &[view("acl_manager", "isRiskAdmin(address)", &["{responder}"], "true")],
        verify: FROZEN,
        undo: UndoTemplate::Call {
            calls: &[call("configurator", "setReserveFreeze(address,bool)", &["{asset}", "false"])],
            verify: ViewTemplate { expect: "false", ..FROZEN },
        },
        covers: "pool",
        gas: 1_000_000,
        who: "RISK_ADMIN or POOL_ADMIN, from v3.1 EMERGENCY_ADMIN too, at once; `aclManager` makes RISK_ADMIN a condition",
        ends: "the same roles call setReserveFreeze(asset, false)",
        keeps: "withdrawing, repaying, liquidating",
        traps: &[
            "It does not stop whoever already has a position from withdrawing: it is the first step, not the last.",
            "From v3.1 on it sets the loan-to-value to 0 as well, in e-modes too: up to about 6,000,000 gas, so raise `gasLimit` there.",
        ],
        tested: AAVE,
        example: "kind: aaveReserveFreeze\nname: freeze-reserve\npool: \"0x00000000000000000000000000000000000000aa\"\nconfigurator: \"0x00000000000000000000000000000000000000ab\"\ndataProvider: \"0x00000000000000000000000000000000000000ac\"\nasset: \"0x00000000000000000000000000000000000000ae\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    compound(
        "compoundV2.mint",
        call("comptroller", "_setMintPaused(address,bool)", &["{c_token}", "true"]),
        view("comptroller", "mintGuardianPaused(address)", &["{c_token}"], "true"),
        "redeeming, repaying, and everything in other markets",
        &[
            NOT_BY_GUARDIAN,
            "Collateral that is in already can still be borrowed against: pause borrowing too.",
        ],
        "kind: compoundV2\naction: mint\nname: stop-mint\ncomptroller: \"0x00000000000000000000000000000000000000aa\"\ncToken: \"0x00000000000000000000000000000000000000ab\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    ),
    compound(
        "compoundV2.borrow",
        call("comptroller", "_setBorrowPaused(address,bool)", &["{c_token}", "true"]),
        view("comptroller", "borrowGuardianPaused(address)", &["{c_token}"], "true"),
        "redeeming, repaying, and everything in other markets",
        &[
            NOT_BY_GUARDIAN,
            "Redeeming has no brake: whoever made shares dearer takes the profit that way.",
        ],
        "kind: compoundV2\naction: borrow\nname: stop-borrow\ncomptroller: \"0x00000000000000000000000000000000000000aa\"\ncToken: \"0x00000000000000000000000000000000000000ab\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    ),
    compound(
        "compoundV2.transfer",
        call("comptroller", "_setTransferPaused(bool)", &["true"]),
        view("comptroller", "transferGuardianPaused()", &[], "true"),
        "minting, borrowing, redeeming, repaying",
        &[NOT_BY_GUARDIAN, "It is for all markets at once."],
        "kind: compoundV2\naction: transfer\nname: stop-transfer\ncomptroller: \"0x00000000000000000000000000000000000000aa\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    ),
    compound(
        "compoundV2.seize",
        call("comptroller", "_setSeizePaused(bool)", &["true"]),
        view("comptroller", "seizeGuardianPaused()", &[], "true"),
        "minting, borrowing, redeeming, repaying",
        &[NOT_BY_GUARDIAN, "It stops liquidations in all markets: bad debt grows while it holds."],
        "kind: compoundV2\naction: seize\nname: stop-seize\ncomptroller: \"0x00000000000000000000000000000000000000aa\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    ),
    Row {
        kind: "comet",
        system: "Compound v3 (Comet)",
        stop: call("comet", "pause(bool,bool,bool,bool,bool)", &["{flags}"]),
        preflight: &[],
        verify: view("comet", "isWithdrawPaused()", &[], "true"),
        undo: UndoTemplate::People,
        covers: "comet",
        gas: 100_000,
        who: "governor or pauseGuardian, at once; `guardian: true` makes pauseGuardian a condition",
        ends: "the governor or the pause guardian writes the five flags anew",
        keeps: "whatever `pauses` does not name, and what others had paused stays paused",
        traps: &[
            "pause() overwrites all five flags: they are read when the lever is pulled, and the call that keeps them is sent. A flag that somebody sets between that look and the block is lost.",
            "The signer's policy holds a call for every state of the flags that are not named: whoever has the responder's key can take back others' pauses, as the guardian's account can anyway.",
            "Pausing `absorb` stops liquidations: bad debt grows while it holds.",
            "With several `pauses` the view shows the first; the call sets all.",
        ],
        tested: COMPOUND,
        example: "kind: comet\nname: stop-withdraw\ncomet: \"0x00000000000000000000000000000000000000aa\"\npauses: [withdraw, transfer]\nguardian: true\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
];
