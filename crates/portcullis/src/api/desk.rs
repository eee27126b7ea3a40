//! Handing over what people say to the one task that decides.

use alloy_primitives::Bytes;
use portcullis_case::{CaseCommand, RunEvent};
use portcullis_types::ids::{CaseId, Seq};

use super::{App, error::ApiError};

/// What people can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Command { case: CaseId, command: CaseCommand },
    StartPlaybook { case: CaseId, playbook: String },
    Playbook { case: CaseId, run: Seq, event: RunEvent, signature: Option<Bytes> },
}

/// Says it in somebody's name; gives the journal entry back.
#[expect(clippy::unused_async, reason = "the desk answers later")]
pub(crate) async fn say(_app: &App, _who: &str, _order: Order) -> Result<Seq, ApiError> {
    Err(ApiError::read_only())
}
