//! Writing: commands, playbooks, approvals.

use std::sync::Arc;

use alloy_primitives::Bytes;
use axum::extract::State;
use portcullis_case::{CaseCommand, Command, RunEvent};
use portcullis_types::{
    approval::{Approval, NotApproved},
    ids::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, cases::find, public::speaker};
use crate::{
    api::{
        App,
        access::Access,
        asked::{Asked, Body},
        desk::{Order, say},
        error::ApiError,
        shown::Shown,
        view::{Changed, PlaybooksView, playbooks},
    },
    runner::now,
};

/// What somebody says of a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandBody {
    /// `{"command": "note", "text": …}` and so on: `acknowledge`, `triage {note}`, `declare {severity, why}`,
    /// `contain {how}`, `contained {how}`, `investigate`, `recover {plan}`, `monitor`, `resolve {summary, early}`,
    /// `review {report}`, `falsePositive {why}`, `duplicate {of}`, `merge {into}`, `reOpen {why}`, `note {text}`,
    /// `correct {entry, text}`, `assign {role, to}`, `began {at, how}`, `blocked {lever, users}`,
    /// `returned {amount, how}`, `publish {text}`.
    #[schema(value_type = Object)]
    pub(crate) command: Command,
    /// When it happened, where that was before now.
    pub(crate) when: Option<u64>,
}

/// POST cases/{id}/commands.
pub(crate) async fn command(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<CommandBody>,
) -> Answer<Changed> {
    let needed = match body.command {
        Command::Declare { .. }
        | Command::Resolve { .. }
        | Command::FalsePositive { .. }
        | Command::Duplicate { .. }
        | Command::Merge { .. } => Access::Commander,
        _ => Access::Responder,
    };
    asked.says(body.command.verb().name());
    let what = format!("`{}`", body.command.verb().name());
    let who = asked.at_least(needed, &what)?.name.clone();
    match &body.command {
        Command::Publish { .. } => {
            speaker(&app, asked.caller()?)?;
        }
        Command::Alert { .. } => {
            let why = "an alert is no word of a person on a case";
            return Err(ApiError::invalid(why, "POST it to /api/v1/alerts"));
        }
        _ => {}
    }
    let case = asked.case()?;
    exists(&app, &asked)?;
    let when = body.when.map_or_else(now, Millis);
    let command = CaseCommand { who: who.clone(), when, what: body.command };
    let seq = say(&app, &who, Order::Command { case, command }).await?;
    Ok(Shown(Changed { seq: seq.0 }))
}

pub(super) fn exists(app: &App, asked: &Asked) -> Result<(), ApiError> {
    find(&app.replica.look(), asked).map(drop)
}

/// GET cases/{id}/playbooks.
pub(crate) async fn playbooks_of(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Answer<PlaybooksView> {
    let who = asked.caller()?.name.clone();
    let picture = app.replica.look();
    let case = find(&picture, &asked)?;
    Ok(Shown(playbooks(&picture.engine, case.id, &app.settings, &who)))
}

/// A playbook to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    /// By id.
    pub(crate) playbook: String,
}

/// POST cases/{id}/playbooks.
pub(crate) async fn start_playbook(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<StartBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let order = Order::StartPlaybook { case: asked.case()?, playbook: body.playbook };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

/// What to do with a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RunVerb {
    /// Take back what was done; counts towards the quorum.
    Undo,
    /// End it; what was done stays.
    Stop,
}

/// Something about a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunBody {
    pub(crate) r#do: RunVerb,
    pub(crate) why: String,
}

/// POST cases/{id}/playbooks/{run}.
pub(crate) async fn move_run(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<RunBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let why = body.why;
    asked.says(match body.r#do {
        RunVerb::Undo => "undo",
        RunVerb::Stop => "stop",
    });
    let event = match body.r#do {
        RunVerb::Undo => RunEvent::UndoOrdered { who: who.clone(), why },
        RunVerb::Stop => RunEvent::Stopped { who: who.clone(), why },
    };
    let (case, run) = (asked.case()?, asked.seq("run")?);
    let order = Order::Playbook { case, run, event, signature: None };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

/// What to do with a step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StepVerb {
    Done,
    Failed,
    Skip,
    Approve,
    Withdraw,
    Object,
    Retry,
}

impl StepVerb {
    fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skip => "skip",
            Self::Approve => "approve",
            Self::Withdraw => "withdraw",
            Self::Object => "object",
            Self::Retry => "retry",
        }
    }
}

/// Something about a step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepBody {
    pub(crate) r#do: StepVerb,
    /// The note or reason.
    #[serde(default)]
    pub(crate) text: String,
    /// EIP-712, where the step's `typedData` asks for it.
    pub(crate) signature: Option<String>,
}

/// POST cases/{id}/playbooks/{run}/steps/{step}.
pub(crate) async fn move_step(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<StepBody>,
) -> Answer<Changed> {
    let who = asked.caller()?.name.clone();
    exists(&app, &asked)?;
    let (step, text, by) = (asked.name("step").to_owned(), body.text, who.clone());
    asked.says(body.r#do.name());
    let event = match body.r#do {
        StepVerb::Done => RunEvent::Done { step, who: by, note: text },
        StepVerb::Failed => RunEvent::Failed { step, who: by, why: text },
        StepVerb::Skip => RunEvent::Skipped { step, who: by, why: text },
        StepVerb::Approve => RunEvent::Approved { step, who: by },
        StepVerb::Withdraw => RunEvent::ApprovalWithdrawn { step, who: by },
        StepVerb::Object => RunEvent::Objected { step, who: by, why: text },
        StepVerb::Retry => RunEvent::Retried { step, who: by },
    };
    let signature = body.signature.as_deref().map(read_signature).transpose()?;
    let (case, run) = (asked.case()?, asked.seq("run")?);
    let order = Order::Playbook { case, run, event, signature };
    Ok(Shown(Changed { seq: say(&app, &who, order).await?.0 }))
}

fn read_signature(text: &str) -> Result<Bytes, ApiError> {
    let bytes = alloy_primitives::hex::decode(text.trim()).unwrap_or_default();
    if bytes.len() == 65 {
        return Ok(bytes.into());
    }
    Err(ApiError::invalid(
        "the signature is none of 65 bytes",
        "send what eth_signTypedData_v4 answers; contracts' signatures (EIP-1271) cannot be checked here",
    ))
}

/// A guardian's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalBody {
    /// `pull`, `ratify` or `resume`.
    #[schema(value_type = String)]
    pub(crate) kind: portcullis_types::approval::ApprovalKind,
    /// The case, as in the path.
    pub(crate) case: String,
    pub(crate) lever: String,
    /// The request's number.
    pub(crate) decision: u64,
    /// EIP-712 over the request's `typedData`.
    pub(crate) signature: String,
}

/// A signature that is in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HandedOver {
    /// Whose signature it is.
    pub(crate) guardian: String,
}

/// POST cases/{id}/approvals: whoever's session it is, what counts is who signed.
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(body): Body<ApprovalBody>,
) -> Answer<HandedOver> {
    let case = asked.case()?;
    exists(&app, &asked)?;
    if body.case != case.to_string() {
        return Err(ApiError::invalid(
            "the body is for another case",
            "send it to that case's path",
        ));
    }
    let approval = Approval {
        kind: body.kind,
        case,
        lever: body.lever,
        decision: portcullis_types::ids::Seq(body.decision),
        signature: read_signature(&body.signature)?,
    };
    let guardian = app.replica.look().engine.judge(&approval, now()).map(|(guardian, _)| guardian);
    let guardian = guardian.map_err(|why| match why {
        NotApproved::NoSignature => ApiError::invalid(why.to_string(), "sign it again"),
        NotApproved::NotAGuardian(_) => ApiError::forbidden(
            why.to_string(),
            "sign with a guardian's key exactly what `typedData` says",
        ),
        NotApproved::NotAsked | NotApproved::TooLate | NotApproved::Again(_) => {
            ApiError::conflict(why.to_string(), "look at GET …/approvals for what is asked for now")
        }
    })?;
    // Answered when it is in the journal: of two who hand the same over, the second is told.
    let who = asked.caller()?.name.clone();
    say(&app, &who, Order::Approval(approval)).await?;
    Ok(Shown(HandedOver { guardian: guardian.to_string() }))
}
