//! Brakes on what governance has queued. They protect against a malicious proposal and nothing else; the operation is
//! named in the configuration, because a lever's call is fixed before it is needed.

use super::{Row, Tested, UndoTemplate, call, view};

/// `keccak256("CANCELLER_ROLE")`.
const CANCELLER_ROLE: &str = "0xfd643c72710c63c0180259aba6b2d05451e3591a24e58b62239378085726f783";

pub(super) const ROWS: &[Row] = &[
    Row {
        kind: "timelockCancel",
        system: "OpenZeppelin TimelockController",
        stop: call("timelock", "cancel(bytes32)", &["{operation}"]),
        preflight: &[
            view("timelock", "hasRole(bytes32,address)", &[CANCELLER_ROLE, "{responder}"], "true"),
            view("timelock", "isOperationPending(bytes32)", &["{operation}"], "true"),
        ],
        verify: view("timelock", "getOperationState(bytes32)", &["{operation}"], "0"),
        undo: UndoTemplate::People,
        covers: "timelock",
        gas: 100_000,
        who: "CANCELLER_ROLE, at once",
        ends: "a proposer schedules the operation again, which waits the whole delay",
        keeps: "every other operation",
        traps: &[
            "An operation that was never scheduled looks the same as one that was cancelled: check the id.",
            "Whoever may schedule can schedule again: the canceller must watch on.",
            "Once it is done nothing can be cancelled: the view then answers Done, and the pull is refused.",
        ],
        tested: Tested::Package("@openzeppelin/contracts 5.7.0 (`TimelockController`)"),
        example: "kind: timelockCancel\nname: cancel-upgrade\ntimelock: \"0x00000000000000000000000000000000000000aa\"\noperation: \"0x1111111111111111111111111111111111111111111111111111111111111111\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
    Row {
        kind: "governorCancel",
        system: "OpenZeppelin Governor with a proposal guardian",
        stop: call(
            "governor",
            "cancel(address[],uint256[],bytes[],bytes32)",
            &["{targets}", "{values}", "{calldatas}", "{description_hash}"],
        ),
        preflight: &[view("governor", "proposalGuardian()", &[], "{responder}")],
        verify: view("governor", "state(uint256)", &["{proposal}"], "2"),
        undo: UndoTemplate::People,
        covers: "governor",
        gas: 300_000,
        who: "the proposal guardian, at any time before it is executed",
        ends: "somebody proposes it again, with the whole vote",
        keeps: "every other proposal",
        traps: &[
            "All four parts of the proposal must be given to the byte; from a ProposalCreated event, the hash is that of the description.",
            "A governor that stores proposals (GovernorStorage) can cancel by id: use `call` with cancel(uint256).",
            "In a timelock the operation is cancelled with it only if the governor is the timelock's canceller.",
        ],
        tested: Tested::Package(
            "@openzeppelin/contracts 5.7.0 (`GovernorProposalGuardian`, in `GuardedGovernor`)",
        ),
        example: "kind: governorCancel\nname: cancel-proposal\ngovernor: \"0x00000000000000000000000000000000000000aa\"\nproposal: \"77\"\ntargets: [\"0x00000000000000000000000000000000000000bb\"]\nvalues: [\"0\"]\ncalldatas: [\"0x8456cb59\"]\ndescriptionHash: \"0x1111111111111111111111111111111111111111111111111111111111111111\"\nrung: function\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n",
    },
];
