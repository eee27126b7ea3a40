//! What people say to the running program, and what follows from the journal by itself.

use portcullis_case::{Command, calendar::rfc3339};
use portcullis_engine::Event;
use portcullis_types::{
    approval::Approval,
    ids::{CaseId, Millis, Seq},
    text::printable,
};

use super::{
    clock::now,
    desk::{Code, Order, Refused, Said, Who},
    room::{Answered, machine},
    service::{Service, ServiceError},
};

/// Most entries that are journaled in one go because earlier ones lead to them. The rest follows in the next turn, after
/// whatever came in meanwhile.
const FOLLOW_UPS_MAX: usize = 1_000;

/// How far ahead of the program's clock a word may say that something happened, milliseconds: clocks of one machine agree
/// to less.
const AHEAD_MILLIS: u64 = 5_000;

impl Service {
    /// Journals what follows from the journal, and has performed what is open.
    pub(super) fn drive(&mut self) -> Result<(), ServiceError> {
        let at = now();
        for _ in 0..FOLLOW_UPS_MAX {
            if let Some(event) = self.core.follow_up(at) {
                self.take_at(at, event)?;
            } else if let Some((case, id)) = self.room.next_to_begin(self.core.engine()) {
                // Refused is begun already, by a person who was faster.
                let _begun = self.begin(case, machine(), &id)?;
            } else {
                break;
            }
        }
        self.room.perform(self.core.engine(), at);
        Ok(())
    }

    /// Journals what a person says, if it counts.
    pub(super) fn hear(&mut self, said: Said) -> Result<(), ServiceError> {
        let Said { who, order, answer } = said;
        let result = self.judge(&who, order)?;
        if let Err(refused) = &result {
            tracing::info!(who = who.name, why = refused.why, "refused");
        }
        // Who does not wait any more finds it in the journal.
        let _gone = answer.send(result);
        Ok(())
    }

    fn judge(&mut self, who: &Who, order: Order) -> Result<Result<Seq, Refused>, ServiceError> {
        let at = now();
        match order {
            Order::Command { mut case, mut command } => {
                command.who.clone_from(&who.name);
                if let Command::Alert { alert } = &command.what {
                    let next = Seq(self.core.journal().last_seq().0 + 1);
                    case = self.core.engine().case_of_alert(alert, next);
                }
                if command.when > at && command.when.since(at) <= AHEAD_MILLIS {
                    command.when = at;
                }
                if let Err(refusal) = self.core.engine().judge_command(case, &command, at) {
                    return Ok(Err(refusal.into()));
                }
                if let Err(refused) = self.makes_sense(case, &command.what, at) {
                    return Ok(Err(refused));
                }
                let is_public = matches!(command.what, Command::Publish { .. });
                let seq = self.take_at(at, Event::Command { case, command })?;
                if is_public {
                    self.room.publish(self.core.engine(), case, at);
                }
                Ok(Ok(seq))
            }
            Order::StartPlaybook { case, playbook } => self.begin(case, &who.name, &playbook),
            Order::Playbook { case, run, event, signature } => {
                if event.who() != Some(who.name.as_str()) {
                    let why = "this is not said by people, or in another's name";
                    let remedy = "people say what they did themselves";
                    return Ok(Err(Refused::new(Code::Invalid, why, remedy)));
                }
                let engine = self.core.engine();
                if let Err(refusal) =
                    engine.judge_playbook(case, run, &event, signature.as_ref(), at)
                {
                    return Ok(Err(refusal.into()));
                }
                self.take_at(at, Event::Playbook { case, run, event, signature }).map(Ok)
            }
            Order::Approval(approval) => self.signed(approval),
        }
    }

    /// Whether an order fits what is known beside its case: people, levers, times. Only asked of what is said now; what is in
    /// the journal was taken.
    fn makes_sense(&self, case: CaseId, what: &Command, at: Millis) -> Result<(), Refused> {
        let engine = self.core.engine();
        let known = engine.case(case);
        match what {
            Command::Began { at: began, .. } => {
                let found = known.map_or(at, |case| case.opened_at);
                if *began <= found.min(at) {
                    return Ok(());
                }
                let why =
                    format!("the attack cannot have begun after it was found, {}", rfc3339(found));
                Err(Refused::new(
                    Code::Invalid,
                    why,
                    "give the time of the attack's first transaction",
                ))
            }
            Command::Blocked { lever, .. } => {
                let configs = engine.config().into_iter().flat_map(|config| &config.protocols);
                let ours = configs.filter(|config| {
                    known.is_some_and(|case| case.protocol == config.protocol.name)
                });
                let levers: Vec<&str> = ours
                    .flat_map(|config| &config.ladder)
                    .map(|lever| lever.name.as_str())
                    .collect();
                if levers.contains(&lever.as_str()) {
                    return Ok(());
                }
                let why = format!("the protocol has no lever `{}`", printable(lever));
                let remedy = format!("name one of: {}", levers.join(", "));
                Err(Refused::new(Code::Invalid, why, remedy))
            }
            Command::Assign { to, .. } => {
                let Some(war) = &self.room.war else { return Ok(()) };
                if war.roster.person(to).is_some() {
                    return Ok(());
                }
                let why = format!("`{}` is nobody in the roster", printable(to));
                let remedy =
                    "give the role to somebody of the roster, or add them to it and start again";
                Err(Refused::new(Code::Invalid, why, remedy))
            }
            _ => Ok(()),
        }
    }

    /// Begins a playbook of the configuration.
    fn begin(
        &mut self,
        case: CaseId,
        by: &str,
        id: &str,
    ) -> Result<Result<Seq, Refused>, ServiceError> {
        let Some(war) = &self.room.war else {
            let why = "no playbooks are configured";
            let remedy = "add the section `war` to the configuration";
            return Ok(Err(Refused::new(Code::NotFound, why, remedy)));
        };
        let Some(playbook) = war.playbook(id).cloned() else {
            let why = format!("there is no playbook `{}`", portcullis_types::text::printable(id));
            return Ok(Err(Refused::new(
                Code::NotFound,
                why,
                "`portcullis playbook list` names them",
            )));
        };
        let roster = Box::new(war.roster.clone());
        if let Err(refusal) = self.core.engine().judge_start(case, by, &playbook) {
            return Ok(Err(refusal.into()));
        }
        let (by, playbook) = (by.to_owned(), Box::new(playbook));
        self.take(Event::PlaybookStarted { case, by, playbook, roster }).map(Ok)
    }

    /// Journals a guardian's signature for something that is asked for. What does not count is not written down.
    pub(super) fn signed(
        &mut self,
        approval: Approval,
    ) -> Result<Result<Seq, Refused>, ServiceError> {
        match self.core.engine().judge(&approval, now()).map(|(guardian, _)| guardian) {
            Ok(guardian) => {
                tracing::info!(%guardian, case = %approval.case, "a guardian has signed");
                self.take(Event::Approval { approval }).map(Ok)
            }
            Err(why) => {
                use portcullis_types::approval::NotApproved as No;
                let code = match why {
                    No::NotAsked | No::TooLate | No::Again(_) => Code::Conflict,
                    No::NoSignature | No::NotAGuardian(_) => Code::Invalid,
                };
                let remedy = "look at what is asked for now";
                Ok(Err(Refused::new(code, why.to_string(), remedy)))
            }
        }
    }

    /// Journals what became of an errand, if it is still wanted.
    pub(super) fn ran(&mut self, answered: &Answered) -> Result<(), ServiceError> {
        let Answered { case, run, event } = answered;
        if self.core.engine().judge_playbook(*case, *run, event, None, now()).is_ok() {
            let (case, run, event) = (*case, *run, event.clone());
            self.take(Event::Playbook { case, run, event, signature: None })?;
        }
        self.room.done(answered);
        Ok(())
    }
}
