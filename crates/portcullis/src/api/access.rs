//! Who may do what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person or token may do. Each includes the ones before, but for `alerts`, which is for programs that hand alerts in
/// and may do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Hand in alerts of other programs.
    Alerts,
    /// Read.
    Viewer,
    /// Commands, steps of playbooks, notes, evidence.
    Responder,
    /// Declares, resolves, merges; starts and ends playbooks; releases what the public reads.
    Commander,
    /// Ends sessions of others.
    Admin,
}

impl Access {
    /// All, the least first.
    pub const ALL: [Self; 5] =
        [Self::Alerts, Self::Viewer, Self::Responder, Self::Commander, Self::Admin];

    /// As written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Commander => "commander",
            Self::Admin => "admin",
        }
    }
}

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: anybody who reaches the port.
    Nothing,
    /// A session or token with at least this access.
    At(Access),
    /// A program that hands alerts in, or whoever may say something of a case.
    Alerts,
}

impl Need {
    /// Whether somebody with this access may; none stands for somebody who is not signed in.
    pub(crate) fn admits(self, access: Option<Access>) -> bool {
        match self {
            Self::Nothing => true,
            Self::At(least) => access.is_some_and(|access| access >= least),
            Self::Alerts => {
                access.is_some_and(|one| one == Access::Alerts || one >= Access::Responder)
            }
        }
    }

    /// The least access of those who may, in words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::At(access) => access.name(),
            Self::Alerts => "alerts` or `responder",
        }
    }

    pub(crate) const VIEWER: Self = Self::At(Access::Viewer);
    pub(crate) const RESPONDER: Self = Self::At(Access::Responder);
    pub(crate) const COMMANDER: Self = Self::At(Access::Commander);
    pub(crate) const ADMIN: Self = Self::At(Access::Admin);
}

/// Who asks, made sure of by the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The person's name in the roster, or the token's name.
    pub(crate) name: String,
    pub(crate) access: Access,
    /// The session's key; none for a token.
    pub(crate) session: Option<[u8; 32]>,
}
