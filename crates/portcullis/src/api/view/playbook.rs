//! Playbooks: what is offered, and what is under way.

use portcullis_case::{
    PlaybookRun, Roster,
    playbook::{Kind, Role, Step},
    run::{Direction, Status, StepState},
};
use portcullis_decide::approval::step::typed_data;
use portcullis_engine::Engine;
use portcullis_types::ids::{CaseId, Seq};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::Settings;

/// Playbooks of a case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PlaybooksView {
    /// That its findings ask for, and that were not begun.
    pub(crate) offered: Vec<OfferView>,
    /// Begun, oldest first.
    pub(crate) runs: Vec<RunView>,
}

/// A playbook that could begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OfferView {
    pub(crate) id: String,
    pub(crate) title: String,
    /// Why it is offered.
    pub(crate) why: String,
    /// Why it could not be carried out whole here; empty: it can.
    pub(crate) faults: Vec<String>,
}

/// A playbook at work.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunView {
    /// The journal entry that began it.
    pub(crate) run: u64,
    /// The playbook.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) started_at: u64,
    /// `forward`, `back`, `stopped`.
    pub(crate) direction: String,
    pub(crate) over: bool,
    pub(crate) steps: Vec<StepView>,
}

/// A step.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepView {
    pub(crate) id: String,
    pub(crate) title: String,
    /// Role whose it is.
    pub(crate) owner: String,
    /// Who has that role.
    pub(crate) people: Vec<String>,
    /// `checklist`, `action`, `approval`, `message`.
    pub(crate) kind: String,
    /// `waiting`, `awaitingApproval`, `ready`, `running`, `checking`, `done`, `failed`, `skipped`, `undoing`, `undone`,
    /// `undoFailed`.
    pub(crate) status: String,
    /// Why it failed or was skipped.
    pub(crate) why: Option<String>,
    /// When its clock began.
    pub(crate) since: Option<u64>,
    pub(crate) due_at: Option<u64>,
    pub(crate) attempt: u32,
    pub(crate) approvals: Vec<String>,
    pub(crate) objections: Vec<String>,
    /// How many must agree; 0 where nobody must.
    pub(crate) quorum: u32,
    pub(crate) checklist: Vec<String>,
    pub(crate) instructions: String,
    pub(crate) note: String,
    pub(crate) done_by: Option<String>,
    /// What the asking person can do now: `done`, `failed`, `skip`, `approve`, `withdraw`, `object`, `retry`.
    pub(crate) may_i: Vec<String>,
    /// To be signed for `approve`, where agreement needs a wallet; null where it does not.
    #[schema(value_type = Option<Object>)]
    pub(crate) typed_data: Option<Value>,
    /// The lever that it pulls; the text that it says.
    pub(crate) lever: Option<String>,
    pub(crate) text: Option<String>,
    /// To whom a message goes: `team`, `partners`, `public`, `authorities`, `attacker`.
    pub(crate) audience: Option<String>,
    pub(crate) depends_on: Vec<String>,
}

/// A run as `who` sees it. `typed` gives what they would have to sign for a step.
fn run_view(
    seq: Seq,
    run: &PlaybookRun,
    who: &str,
    typed: impl Fn(&str) -> Option<Value>,
) -> RunView {
    let (_, started_at) = run.started();
    let view = |(step, state): (&Step, &StepState)| {
        let may_i = may_i(run, step, state, who);
        let typed_data = may_i.contains(&"approve".to_owned()).then(|| typed(&step.id)).flatten();
        step_view(run.roster(), step, state, may_i, typed_data)
    };
    RunView {
        run: seq.0,
        id: run.playbook().id.clone(),
        title: run.playbook().title.clone(),
        started_at: started_at.0,
        direction: match run.direction() {
            Direction::Forward => "forward",
            Direction::Back => "back",
            Direction::Stopped => "stopped",
        }
        .to_owned(),
        over: run.is_over(),
        steps: run.steps().map(view).collect(),
    }
}

fn step_view(
    roster: &Roster,
    step: &Step,
    state: &StepState,
    may_i: Vec<String>,
    typed_data: Option<Value>,
) -> StepView {
    let why = match &state.status {
        Status::Failed { why } | Status::Skipped { why } | Status::UndoFailed { why } => {
            Some(why.clone())
        }
        _ => None,
    };
    let people = roster.with_any(&[step.owner]).into_iter().map(|person| person.name.clone());
    let mut view = StepView {
        id: step.id.clone(),
        title: step.title.clone(),
        owner: step.owner.name().to_owned(),
        people: people.collect(),
        kind: step.kind.name().to_owned(),
        status: state.status.name().to_owned(),
        why,
        since: state.since.map(|at| at.0),
        due_at: state.since.map(|at| at.plus_seconds(u64::from(step.clock.minutes) * 60).0),
        attempt: state.attempt,
        approvals: state.approvals.iter().cloned().collect(),
        objections: state.objections.iter().cloned().collect(),
        quorum: step.approval.as_ref().map_or(0, |approval| approval.quorum),
        checklist: Vec::new(),
        instructions: step.instructions.clone(),
        note: state.note.clone(),
        done_by: state.done_by.clone(),
        may_i,
        typed_data,
        lever: None,
        text: None,
        audience: None,
        depends_on: step.depends_on.clone(),
    };
    match &step.kind {
        Kind::Checklist { items } => view.checklist.clone_from(items),
        Kind::Lever { lever } => view.lever = Some(roster.lever(lever).to_owned()),
        Kind::Query { query } => view.text = Some(query.clone()),
        Kind::Message { audience, text } => {
            let name =
                portcullis_case::playbook::Audience::ALL.iter().find(|(_, one)| one == audience);
            view.audience = name.map(|(name, _)| (*name).to_owned());
            view.text = Some(text.clone());
        }
        Kind::Approval => {}
    }
    view
}

/// What the rules of [`portcullis_case::run`] let a person do with a step now. The desk judges again.
fn may_i(run: &PlaybookRun, step: &Step, state: &StepState, who: &str) -> Vec<String> {
    let Some(person) = run.roster().person(who) else { return Vec::new() };
    let mut verbs: Vec<&str> = Vec::new();
    let forward = run.direction() == Direction::Forward;
    if person.has_any(&[step.owner, step.clock.escalate, Role::IncidentCommander]) {
        match state.status {
            Status::Ready if forward => verbs.extend(["done", "failed", "skip"]),
            Status::Waiting | Status::AwaitingApproval => verbs.push("skip"),
            Status::Running | Status::Checking => verbs.push("failed"),
            Status::Failed { .. } if forward => verbs.extend(["retry", "skip"]),
            Status::UndoFailed { .. } => verbs.push("retry"),
            Status::Undoing => verbs.extend(["done", "failed"]),
            _ => {}
        }
    }
    let asked = step.approval.as_ref().filter(|approval| {
        forward && state.status == Status::AwaitingApproval && person.has_any(&approval.roles)
    });
    if asked.is_some() {
        verbs.push(if state.approvals.contains(who) { "withdraw" } else { "approve" });
        verbs.push("object");
    }
    verbs.into_iter().map(str::to_owned).collect()
}

/// The playbooks of a case as `who` sees them.
pub(crate) fn playbooks(
    engine: &Engine,
    case: CaseId,
    settings: &Settings,
    who: &str,
) -> PlaybooksView {
    let offers = engine.offers(case, &settings.playbooks, &settings.roster);
    let offered = offers
        .into_iter()
        .map(|offer| OfferView {
            id: offer.id,
            title: offer.title,
            why: offer.why,
            faults: offer.faults,
        })
        .collect();
    let view = |(seq, run): (&Seq, &PlaybookRun)| {
        let typed = |step: &str| {
            let request = engine.step_request(case, *seq, step)?;
            serde_json::to_value(typed_data(&request)).ok()
        };
        run_view(*seq, run, who, typed)
    };
    PlaybooksView { offered, runs: engine.runs(case).map(view).collect() }
}
