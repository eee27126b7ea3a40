//! Whether a playbook may begin, and whether a word counts.

use std::collections::BTreeSet;

use alloy_primitives::Bytes;
use portcullis_case::{
    Playbook, PlaybookRun, Roster, RunEntry, RunEvent,
    playbook::{Means, check},
};
use portcullis_decide::approval::step::{StepRequest, signer};
use portcullis_types::{
    action::Undo,
    ids::{CaseId, Millis, Seq},
};

use super::{QUERIES, RUN_TEXT_BYTES_MAX, RUNS_A_CASE_MAX, RUNS_MAX};
use crate::{
    people::{Refusal, RefusalCode},
    step::Engine,
};

impl Engine {
    /// What a protocol's configuration offers to playbooks. Empty where there is no such protocol.
    pub fn means_of(&self, protocol: &str) -> Means {
        let Some(guard) = self.guards.iter().find(|g| g.config.protocol.name == protocol) else {
            return Means::default();
        };
        let levers = guard.config.ladder.iter();
        let contracts = guard.config.protocol.contracts.iter();
        Means {
            levers: levers
                .map(|lever| (lever.name.clone(), matches!(lever.undo, Undo::ByCall { .. })))
                .collect(),
            queries: QUERIES.into_iter().map(str::to_owned).collect(),
            addresses: contracts.map(|contract| contract.name.clone()).collect(),
        }
    }

    /// Why a playbook could not be carried out whole for a protocol.
    pub fn faults_of(&self, protocol: &str, playbook: &Playbook, roster: &Roster) -> Vec<String> {
        let mut means = self.means_of(protocol);
        // An address may also be written out in the roster.
        let literals: BTreeSet<String> =
            roster.addresses.values().filter(|name| name.starts_with("0x")).cloned().collect();
        means.addresses.extend(literals);
        check(playbook, roster, &means).iter().map(ToString::to_string).collect()
    }

    /// Whether a playbook may begin in a case. Changes nothing.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn judge_start(&self, case: CaseId, by: &str, playbook: &Playbook) -> Result<(), Refusal> {
        let conflict =
            |why: String, remedy: &str| Err(Refusal::new(RefusalCode::Conflict, why, remedy));
        let Some(known) = self.cases.get(&case) else { return Err(Refusal::no_case(case)) };
        if by.trim().is_empty() {
            let remedy = "say who begins it";
            return Err(Refusal::new(RefusalCode::Invalid, "nobody is named", remedy));
        }
        if !known.life.stage().is_open() {
            let why = format!("{case} is {}", known.life.stage());
            return conflict(why, "`reOpen` the case first, or work in the one that goes on");
        }
        let same =
            |(_, run): &(&Seq, &PlaybookRun)| run.playbook().id == playbook.id && !run.is_over();
        if let Some((seq, _)) = self.runs(case).find(same) {
            let why = format!("`{}` is at work in {case} already, as run {seq}", playbook.id);
            return conflict(why, "go on in that one, or stop it first");
        }
        if self.runs(case).count() >= RUNS_A_CASE_MAX {
            let why = format!("{case} has {RUNS_A_CASE_MAX} playbooks, the most it takes");
            return conflict(why, "open a second case and name this one in its first note");
        }
        if self.runs.len() >= RUNS_MAX && self.runs.oldest_over().is_none() {
            let why = format!("{RUNS_MAX} playbooks are at work");
            return conflict(why, "stop those that nobody works on");
        }
        Ok(())
    }

    /// Whether what happened in a run, or what a person says of it, could be taken in at `now`. Changes nothing.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn judge_playbook(
        &self,
        case: CaseId,
        run: Seq,
        event: &RunEvent,
        signature: Option<&Bytes>,
        now: Millis,
    ) -> Result<(), Refusal> {
        self.judge_words(case, run, event, signature)?;
        let Some(running) = self.runs.get(case, run) else { return Err(no_run(case, run)) };
        // No entry has this number yet, and none is older than the newest.
        let entry = RunEntry { seq: Seq(u64::MAX), at: now, event: event.clone() };
        running.run.clone().apply(&entry).map_err(|refusal| {
            let step = refusal.step.as_deref().unwrap_or("run");
            let why = format!("{step}: {}", refusal.why);
            let missing = step != "run" && running.run.playbook().step(step).is_none();
            let code = if missing { RefusalCode::NotFound } else { RefusalCode::Conflict };
            Refusal::new(code, why, refusal.remedy)
        })
    }

    /// What the run itself does not judge: that there is one, that texts are short, and that a lever is not agreed to by a
    /// click.
    pub(super) fn judge_words(
        &self,
        case: CaseId,
        run: Seq,
        event: &RunEvent,
        signature: Option<&Bytes>,
    ) -> Result<(), Refusal> {
        let invalid =
            |why: String, remedy: &str| Err(Refusal::new(RefusalCode::Invalid, why, remedy));
        if !self.cases.contains_key(&case) {
            return Err(Refusal::no_case(case));
        }
        let Some(running) = self.runs.get(case, run) else { return Err(no_run(case, run)) };
        let length = event.longest_text();
        if length > RUN_TEXT_BYTES_MAX {
            let why = format!("a text is {length} bytes long, more than {RUN_TEXT_BYTES_MAX}");
            return invalid(why, "write the essence, and where the rest lies");
        }
        let RunEvent::Approved { step, who } = event else { return Ok(()) };
        let Some(request) = self.step_request(case, run, step) else { return Ok(()) };
        let Some(key) = running.run.roster().person(who).and_then(|person| person.signer) else {
            let why =
                format!("agreeing to `{step}` leads to {}, and {who} has no key", request.lever);
            return invalid(
                why,
                "enter their `signer` in the roster, or let somebody who has one agree",
            );
        };
        let Some(signature) = signature else {
            let why =
                format!("agreeing to `{step}` leads to {}: a click is not enough", request.lever);
            return invalid(
                why,
                "sign the step's typed data with the wallet that the roster names",
            );
        };
        match signer(&request, signature) {
            Some(who) if who == key => Ok(()),
            Some(other) => invalid(
                format!("this is signed by {other}, or another text is; {who} signs with {key}"),
                "sign exactly the step's typed data, with the wallet that the roster names",
            ),
            None => invalid(
                "the signature is none".to_owned(),
                "give 65 bytes in hexadecimal, as eth_signTypedData_v4 answers",
            ),
        }
    }

    /// What must be signed to agree to a step, by each person with their own key; none where nothing on the chain follows
    /// from it.
    pub fn step_request(&self, case: CaseId, run: Seq, step: &str) -> Option<StepRequest> {
        let known = self.cases.get(&case)?;
        let of = &self.runs.get(case, run)?.run;
        let levers = of.levers_behind(step);
        if levers.is_empty() {
            return None;
        }
        // Without a configuration the lever cannot be pulled; it is not agreed to by a click all the same.
        let guard = self.guard_of_case(case).and_then(|index| self.guards.get(index));
        Some(StepRequest {
            protocol: known.protocol.clone(),
            case,
            playbook: of.playbook().id.clone(),
            run,
            step: step.to_owned(),
            attempt: of.step(step)?.attempt,
            lever: levers.join(","),
            chain: guard.map_or(0, |guard| guard.config.protocol.chain),
        })
    }
}

fn no_run(case: CaseId, run: Seq) -> Refusal {
    let why = format!("{case} has no playbook run {run}");
    Refusal::new(RefusalCode::NotFound, why, "`portcullis case show` names its runs")
}
