//! What is written on a case's timeline. Past participles; corrections are new entries, nothing is edited.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    action::{Action, Outcome},
    approval::{ApprovalKind, ApprovalRequest},
    brake::BrakeAlert,
    chain::BlockId,
    decision::Decision,
    finding::{Finding, FindingStatus},
    ids::{CaseId, EffectId, FindingKey},
    money::Usd,
};

/// One thing that happened in a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "happened", rename_all = "camelCase")]
pub enum CaseEvent {
    /// The case was opened.
    Opened {
        /// Which.
        case: CaseId,
        /// For which protocol.
        protocol: String,
    },
    /// A finding was raised.
    FindingRaised {
        /// Case.
        case: CaseId,
        /// The finding.
        finding: Box<Finding>,
    },
    /// A finding was made of a transaction that is in no block yet. Raised again under the same key once it is, else
    /// retracted.
    FindingForeseen {
        /// Case.
        case: CaseId,
        /// The finding, as if the transaction were in the next block.
        finding: Box<Finding>,
    },
    /// A finding moved on: confirmed, finalised, retracted, or seen again after a retraction.
    FindingMoved {
        /// Case.
        case: CaseId,
        /// Which finding.
        key: FindingKey,
        /// Where it stands now.
        status: FindingStatus,
        /// Block that moved it.
        block: BlockId,
    },
    /// A decision was taken.
    Decided {
        /// Case.
        case: CaseId,
        /// The decision.
        decision: Box<Decision>,
    },
    /// An action was asked for.
    ActionIssued {
        /// Case.
        case: CaseId,
        /// The action.
        action: Box<Action>,
    },
    /// An action moved on.
    ActionMoved {
        /// Case.
        case: CaseId,
        /// Which action.
        action: EffectId,
        /// How far it came.
        outcome: Outcome,
    },
    /// The loss went on although a lever holds.
    LossAfterHold {
        /// Case.
        case: CaseId,
        /// Which lever.
        lever: String,
        /// How much this time.
        loss: Usd,
    },
    /// A lever that we held was found let go by somebody else.
    LeverFoundReleased {
        /// Case.
        case: CaseId,
        /// Which.
        lever: String,
        /// Block at which its verify view said so.
        block: BlockId,
    },
    /// Every finding of the case was retracted.
    Dissolved {
        /// Case.
        case: CaseId,
    },
    /// Guardians are asked for a signature.
    ApprovalAsked {
        /// Case.
        case: CaseId,
        /// What they are asked for.
        request: Box<ApprovalRequest>,
    },
    /// A guardian signed.
    ApprovalGiven {
        /// Case.
        case: CaseId,
        /// What for.
        kind: ApprovalKind,
        /// With which lever.
        lever: String,
        /// Who.
        guardian: Address,
        /// How many more must sign.
        missing: u32,
    },
    /// What was asked for was not signed in time.
    ApprovalLapsed {
        /// Case.
        case: CaseId,
        /// What was asked for.
        kind: ApprovalKind,
        /// With which lever.
        lever: String,
    },
    /// While the case was open, a part of the brakes stopped working, could not be looked at, or came back.
    BrakeMoved {
        /// Case.
        case: CaseId,
        /// What is told of it.
        alert: BrakeAlert,
    },
}

impl CaseEvent {
    /// The case it belongs to.
    pub fn case(&self) -> CaseId {
        match self {
            Self::Opened { case, .. }
            | Self::FindingRaised { case, .. }
            | Self::FindingForeseen { case, .. }
            | Self::FindingMoved { case, .. }
            | Self::Decided { case, .. }
            | Self::ActionIssued { case, .. }
            | Self::ActionMoved { case, .. }
            | Self::LossAfterHold { case, .. }
            | Self::LeverFoundReleased { case, .. }
            | Self::Dissolved { case }
            | Self::ApprovalAsked { case, .. }
            | Self::ApprovalGiven { case, .. }
            | Self::ApprovalLapsed { case, .. }
            | Self::BrakeMoved { case, .. } => *case,
        }
    }
}
