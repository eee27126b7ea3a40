//! Brakes of this repository's own contracts.

use super::{Row, Tested, UndoTemplate, call, view, view_word};

/// `keccak256("SENTINEL_ROLE")`, filled in by the configuration of the gate.
const SENTINEL_ROLE: &str = "{sentinel_role}";

pub(super) const ROWS: &[Row] = &[
    Row {
        kind: "warden",
        system: "Portcullis Warden",
        stop: call(
            "warden",
            "pull(((bytes32,uint64,bytes,bytes32,uint64,uint64,uint256),(address,bytes)[]))",
            &["{order}"],
        ),
        preflight: &[],
        verify: view("target", "{verify}", &[], "true"),
        undo: UndoTemplate::Expiry,
        covers: "target",
        gas: 600_000,
        who: "as many sentinels as the lever needs, by signature; anybody relays",
        ends: "by itself when the hold is over: anybody sends the release, the responder does",
        keeps: "whatever the target's flag does not stop",
        traps: &[
            "The lever is spent by a pull until governance arms it again.",
            "Without fresh heartbeats of enough sentinels no order counts.",
            "An upgrade of the target makes the lever dead until governance registers it anew.",
        ],
        tested: Tested::Ours("contracts/src/warden (crates/act/tests/it/warden.rs)"),
        example: "kind: warden\nname: stop\nwarden: \"0x00000000000000000000000000000000000000dd\"\nlever: \"0x1111111111111111111111111111111111111111111111111111111111111111\"\ntarget: \"0x00000000000000000000000000000000000000aa\"\nrung: market\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "quarantine",
        system: "Portcullis Quarantine",
        stop: call(
            "quarantine",
            "freeze(address,uint64,bytes32)",
            &["{account}", "{hold_seconds}", "{reason}"],
        ),
        preflight: &[
            view("quarantine", "isFreezer(address)", &["{responder}"], "true"),
            view_word(view("quarantine", "recordOf(address)", &["{account}"], "false"), 5),
        ],
        verify: view("quarantine", "isFrozen(address)", &["{account}"], "true"),
        undo: UndoTemplate::Expiry,
        covers: "quarantine",
        gas: 250_000,
        who: "a freezer, at once, so many addresses each epoch",
        ends: "by itself after the hold; guardians earlier",
        keeps: "every other address; exempt addresses cannot be frozen",
        traps: &[
            "The address is the configuration's: the engine gives a lever no argument of the incident. Freeze what a case names by a configuration of its own, or let a Warden's sentinels order it.",
            "An attacker moves to another address: it slows, it does not stop.",
            "After a freeze the address rests: it cannot be frozen again before its cool-down is over.",
            "Only contracts that ask the quarantine stop anything: `covers` must name them.",
        ],
        tested: Tested::Ours("contracts/src/quarantine/Quarantine.sol"),
        example: "kind: quarantine\nname: freeze-thief\nquarantine: \"0x00000000000000000000000000000000000000aa\"\naccount: \"0x00000000000000000000000000000000000000ab\"\nreason: \"0x1111111111111111111111111111111111111111111111111111111111111111\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "outflowGate",
        system: "Portcullis outflow gate",
        stop: call(
            "gate",
            "tighten(address,uint16,uint32)",
            &["{asset}", "{bps}", "{hold_seconds}"],
        ),
        preflight: &[
            view("gate", "isRegistered(address)", &["{asset}"], "true"),
            view("gate", "hasRole(bytes32,address)", &[SENTINEL_ROLE, "{responder}"], "true"),
        ],
        verify: view("gate", "isTightened(address)", &["{asset}"], "true"),
        undo: UndoTemplate::Expiry,
        covers: "gate",
        gas: 400_000,
        who: "SENTINEL_ROLE, at once, within the bounds that governance set",
        ends: "by itself after the hold; governance earlier",
        keeps: "exits within what is left of the limits; the rest waits as claims and is paid later",
        traps: &[
            "A tightening by somebody else counts as this one, though it may be looser or shorter.",
            "After one ends there is a cool-down before the next.",
            "Small exits have their own total, which is not tightened.",
        ],
        tested: Tested::Ours("contracts/src/gate/OutflowGate.sol"),
        example: "kind: outflowGate\nname: tighten\ngate: \"0x00000000000000000000000000000000000000aa\"\nasset: \"0x00000000000000000000000000000000000000ab\"\nbps: 1000\nrung: throttle\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "guardianModule",
        system: "Portcullis guardian module on a Safe",
        stop: call(
            "module",
            "execTransactionFromModule(address,uint256,bytes,uint8)",
            &["{target}", "0", "{data}", "0"],
        ),
        preflight: &[
            view("module", "isModuleEnabled(address)", &["{responder}"], "true"),
            view(
                "module",
                "isInScope(uint256,address,bytes)",
                &["{permission}", "{target}", "{data}"],
                "true",
            ),
        ],
        verify: view("target", "{verify}", &[], "true"),
        undo: UndoTemplate::People,
        covers: "target",
        gas: 400_000,
        who: "an account that the Safe enabled at the guardian module and gave this permission, at once",
        ends: "the Safe's owners make the opposite call",
        keeps: "whatever the target's flag does not stop",
        traps: &[
            "A permission ends, at most 365 days after it was granted, and is used up: isInScope is then false, and the pull is refused.",
            "A call that fails in the target does not revert here: the view decides.",
            "Never enable the responder as a module of the Safe itself: such an account can do anything. No kind offers that.",
        ],
        tested: Tested::Ours(
            "contracts/src/governance/GuardianModule.sol on @safe-global/safe-contracts 1.4.1",
        ),
        example: "kind: guardianModule\nname: safe-pause\nmodule: \"0x00000000000000000000000000000000000000aa\"\npermission: \"1\"\ntarget: \"0x00000000000000000000000000000000000000ab\"\nfunction: pause()\nverify: paused()\nrung: market\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
];
