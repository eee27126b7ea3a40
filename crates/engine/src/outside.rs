//! Alerts of other programs that fire now, and the cases in which they stand.
//!
//! **Promise.** No decision depends on them, no lever is pulled because of one, and what a chain shows later opens a case
//! of its own. A grave one that belongs to no open case opens one for people, declared in the name of the program that
//! handed it in.

use portcullis_case::{CaseCommand, Command, OutsideAlert};
use portcullis_types::{
    ids::{CaseId, Millis, Seq},
    text::printable,
};

use crate::{
    people::{Refusal, RefusalCode},
    step::{Engine, Step},
};

/// Most alerts that fire at once. Who has more has one cause for them, and should group them.
pub const OUTSIDE_ALERTS_MAX: usize = 200;

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The alert.
    pub alert: OutsideAlert,
    /// Which program handed it in.
    pub who: String,
    /// Since when it fires, by what it says.
    pub since: Millis,
    /// Journal entry.
    pub seq: Seq,
    /// The case on whose timeline it stands; none where no case was open and it opened none.
    pub case: Option<CaseId>,
}

impl Engine {
    /// Alerts of other programs that fire now, by their identity there.
    pub fn outside_alerts(&self) -> impl Iterator<Item = &Outside> {
        self.outside.values()
    }

    /// The case for a word about an alert: where it stands already, else the newest open one of its protocol, else the one
    /// that the journal entry `next` would open.
    pub fn case_of_alert(&self, alert: &OutsideAlert, next: Seq) -> CaseId {
        let known = self.outside.get(&alert.fingerprint).and_then(|known| known.case);
        known.or_else(|| self.open_case_for(alert)).unwrap_or(CaseId(next))
    }

    fn open_case_for(&self, alert: &OutsideAlert) -> Option<CaseId> {
        let protocol = self.protocol_of(alert)?;
        let mut cases = self.cases.values().rev();
        cases.find(|case| case.protocol == protocol && case.life.stage().is_open()).map(|c| c.id)
    }

    /// The protocol that it names, or the only one that there is.
    fn protocol_of(&self, alert: &OutsideAlert) -> Option<&str> {
        let mut names = self.guards.iter().map(|guard| guard.config.protocol.name.as_str());
        match &alert.protocol {
            Some(wanted) => names.find(|one| one == wanted),
            None => names.next().filter(|_| names.next().is_none()),
        }
    }

    /// Whether a word about an alert says anything new.
    pub(crate) fn judge_alert(
        &self,
        command: &CaseCommand,
        alert: &OutsideAlert,
        now: Millis,
    ) -> Result<(), Refusal> {
        let refuse = |code: RefusalCode, why: String, remedy: &str| {
            Err(Refusal::new(code, format!("alert {}: {why}", printable(&alert.name)), remedy))
        };
        if let Some((why, remedy)) = alert.fault() {
            return refuse(RefusalCode::Invalid, why, remedy);
        }
        if command.who.trim().is_empty() || command.when > now {
            let why = "nobody is named, or it begins in the future".to_owned();
            return refuse(RefusalCode::Invalid, why, "correct the clock of whoever sends it");
        }
        match (self.outside.contains_key(&alert.fingerprint), alert.is_firing) {
            (true, true) => {
                let why = "it is known that it fires".to_owned();
                refuse(RefusalCode::Conflict, why, "nothing has to be done")
            }
            (false, false) => {
                let why = "it was not known to fire".to_owned();
                refuse(RefusalCode::NotFound, why, "nothing has to be done")
            }
            (false, true) if self.outside.len() >= OUTSIDE_ALERTS_MAX => {
                let why = format!("{OUTSIDE_ALERTS_MAX} alerts fire, the most that are kept");
                refuse(RefusalCode::Invalid, why, "group them at their source")
            }
            (true, false) | (false, true) => Ok(()),
        }
    }

    /// Takes a word about an alert in that was judged.
    pub(crate) fn take_alert(
        &mut self,
        step: &mut Step,
        case: CaseId,
        command: &CaseCommand,
        alert: &OutsideAlert,
    ) {
        if !alert.is_firing {
            let known = self.outside.remove(&alert.fingerprint);
            if let Some(case) = known.and_then(|known| known.case) {
                self.say_in(step, case, command);
            }
            return;
        }
        let is_open = self.cases.get(&case).is_some_and(|case| case.life.stage().is_open());
        let opens = case == CaseId(step.seq) && alert.is_grave() && !self.cases.contains_key(&case);
        let protocol = self.protocol_of(alert).filter(|_| opens).map(str::to_owned);
        let opened = protocol.map(|protocol| self.open(step, protocol));
        let stands = opened.or_else(|| is_open.then_some(case));
        let outside = Outside {
            alert: alert.clone(),
            who: command.who.clone(),
            since: command.when,
            seq: step.seq,
            case: stands,
        };
        self.outside.insert(alert.fingerprint.clone(), outside);
        if let Some(case) = stands {
            self.say_in(step, case, command);
        }
        if let Some(case) = opened {
            // As a person would who was called: others can grade it anew, or close it.
            let why = alert.sentence();
            let what = Command::Declare { severity: alert.severity, why };
            let declared = CaseCommand { who: command.who.clone(), when: step.at, what };
            self.say_in(step, case, &declared);
        }
    }

    /// Writes a word of a program into a case. One whose record is full has no room for it.
    fn say_in(&mut self, step: &Step, id: CaseId, command: &CaseCommand) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        if case.command(step.seq, step.at, command).is_ok() {
            self.relink(step, id);
            self.runs.touch(id);
        }
    }
}
