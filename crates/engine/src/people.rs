//! What people say of cases: judged by the life of the case before it is journaled, taken in when it is stepped.

use portcullis_case::{CaseCommand, Command, Stage, life::Verb};
use portcullis_types::ids::{CaseId, Millis};
use serde::Serialize;

use crate::step::{Engine, Step};

/// What kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalCode {
    /// There is no such case, run, step or playbook.
    NotFound,
    /// It is not possible now: somebody or something was faster, or the order is another.
    Conflict,
    /// It would never be possible: a text too long, a person unknown, a signature that is none.
    Invalid,
}

/// Why something is not taken. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What kind.
    pub code: RefusalCode,
    /// Why not.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// Commands that are allowed now, where a command was refused.
    pub allowed: Vec<Verb>,
}

impl Refusal {
    pub(crate) fn new(
        code: RefusalCode,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { code, why: why.into(), remedy: remedy.into(), allowed: Vec::new() }
    }

    pub(crate) fn no_case(case: CaseId) -> Self {
        let remedy = "`portcullis case list` names the cases";
        Self::new(RefusalCode::NotFound, format!("there is no case {case}"), remedy)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.why, self.remedy)?;
        if self.allowed.is_empty() {
            return Ok(());
        }
        let allowed: Vec<&str> = self.allowed.iter().map(|verb| verb.name()).collect();
        write!(f, "; allowed now: {}", allowed.join(", "))
    }
}

impl std::error::Error for Refusal {}

impl Engine {
    /// Whether a command of a person could be taken in at `now`. Changes nothing.
    ///
    /// # Errors
    /// Why not, what is allowed now, and what to do.
    pub fn judge_command(
        &self,
        case: CaseId,
        command: &CaseCommand,
        now: Millis,
    ) -> Result<(), Refusal> {
        if let Command::Alert { alert } = &command.what {
            return self.judge_alert(command, alert, now);
        }
        let Some(known) = self.cases.get(&case) else { return Err(Refusal::no_case(case)) };
        if let Command::Merge { into: other } | Command::Duplicate { of: other } = &command.what {
            let Some(goes_on) = self.cases.get(other) else { return Err(Refusal::no_case(*other)) };
            if let Stage::Merged { into: next } | Stage::Duplicate { of: next } =
                goes_on.life.stage()
            {
                let why = format!("{other} is itself {}", goes_on.life.stage());
                let remedy = format!("name {next}, in which work goes on");
                return Err(Refusal::new(RefusalCode::Conflict, why, remedy));
            }
        }
        let refused = |refusal: portcullis_case::Refusal| Refusal {
            code: RefusalCode::Conflict,
            why: format!("{}: {} (the case is {})", refusal.case, refusal.why, refusal.stage),
            remedy: refusal.remedy,
            allowed: refusal.allowed,
        };
        known.life.check(now, command).map(drop).map_err(refused)
    }

    /// A person said something. What is not allowed changes nothing: it was refused before it was journaled.
    pub(crate) fn commanded(&mut self, step: &mut Step, case: CaseId, command: &CaseCommand) {
        if self.judge_command(case, command, step.at).is_err() {
            return;
        }
        if let Command::Alert { alert } = &command.what {
            self.take_alert(step, case, command, alert);
            return;
        }
        let Some(known) = self.cases.get_mut(&case) else { return };
        if known.command(step.seq, step.at, command).is_err() {
            return;
        }
        self.relink(step, case);
        self.runs.touch(case);
    }
}
