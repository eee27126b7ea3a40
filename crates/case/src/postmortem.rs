//! The post-mortem: what the record says is filled in, what only people can know is left open and says so.

mod attack;
mod html;
mod markdown;
mod people;
#[cfg(test)]
mod tests;

pub use attack::{Attack, AttackTransaction, Observed, Saved, TRANSACTIONS_MAX, Victim};
pub use people::Participant;

use alloy_primitives::{Address, B256};
use portcullis_types::{
    ids::{CaseId, ChainId, Millis},
    money::Usd,
};
use serde::Serialize;

use crate::{
    calendar::rfc3339,
    case::Case,
    life::{Command, What},
    numbers::{self, Numbers},
    run::{PlaybookRun, Status},
    severity::Severity,
    timeline::TimelineEntry,
};

/// Most lines of the timeline that are printed; the record has them all.
pub const TIMELINE_LINES_MAX: usize = 2_000;

/// A post-mortem.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Postmortem {
    /// Case.
    pub case: CaseId,
    /// Protocol.
    pub protocol: String,
    /// Grade, if people declared one.
    pub severity: Option<Severity>,
    /// Where the case stands.
    pub stage: String,
    /// As of when, RFC 3339.
    pub as_of: String,
    /// Everybody who did something, by name.
    pub authors: Vec<String>,
    /// What each of them did.
    pub people: Vec<Participant>,
    /// What was done to the protocol.
    pub attack: Attack,
    /// What it cost.
    pub impact: Impact,
    /// What happened, in order.
    pub timeline: Vec<Line>,
    /// Lines left out beyond [`TIMELINE_LINES_MAX`].
    pub timeline_left_out: usize,
    /// How and when it was seen.
    pub detection: Detection,
    /// What was done against it.
    pub containment: Vec<Contained>,
    /// Speed and cost.
    pub numbers: Numbers,
    /// Playbooks that were run.
    pub playbooks: Vec<Used>,
    /// Five whys, for people: none of them is known to a machine.
    pub five_whys: [Option<String>; 5],
    /// What went well, badly, and what was luck; for people.
    pub lessons: Lessons,
    /// What is left to do; for people.
    pub actions: Vec<LeftToDo>,
    /// Hash of the last record of the journal, as far as whoever writes the post-mortem knows it.
    pub head: Option<B256>,
}

/// What it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// Lost, by the findings that stand.
    pub lost: Usd,
    /// Came back; none if nobody entered it.
    pub returned: Option<Usd>,
    /// Minutes of honest users kept waiting; none if not in the record.
    pub collateral_user_minutes: Option<u64>,
    /// Users who lost; only people know.
    pub users_harmed: Option<u64>,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Journal entry.
    pub seq: u64,
    /// RFC 3339.
    pub at: String,
    /// Block, where there is one.
    pub block: Option<u64>,
    /// One or two words.
    pub what: String,
    /// In one sentence.
    pub text: String,
}

/// How it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// Detectors that spoke, and how often.
    pub detectors: Vec<(String, usize)>,
    /// First block with a finding that stands.
    pub first_block: Option<u64>,
    /// Loss by the end of that block: how much was gone when it was first seen.
    pub lost_when_seen: Option<Usd>,
    /// Milliseconds between the beginning and the first finding; none if nobody entered the beginning.
    pub gap: Option<u64>,
}

/// One lever and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contained {
    /// Lever.
    pub lever: String,
    /// Pull, release or re-assert.
    pub intent: String,
    /// When it was asked for, RFC 3339.
    pub at: String,
    /// How it ended; none if it has not.
    pub ending: Option<String>,
}

/// A playbook that was run, and its steps that were not done as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// Playbook and version.
    pub playbook: String,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
    /// Steps that failed or were skipped, with the reason.
    pub exceptions: Vec<(String, String)>,
}

/// For people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lessons {
    /// What went well.
    pub went_well: Vec<String>,
    /// What went wrong.
    pub went_wrong: Vec<String>,
    /// Where we were lucky.
    pub got_lucky: Vec<String>,
}

/// Something left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftToDo {
    /// What.
    pub title: String,
    /// Prevent, detect, mitigate or process.
    pub kind: String,
    /// Who; none until somebody takes it.
    pub owner: Option<String>,
    /// By when, RFC 3339; none until somebody says so.
    pub due: Option<String>,
}

impl Postmortem {
    /// The post-mortem of a case, as far as the record goes.
    pub fn of(case: &Case, runs: &[&PlaybookRun], as_of: Millis) -> Self {
        let numbers = numbers::of(case, as_of);
        let timeline = lines(case);
        let people = people::of(case, runs);
        Self {
            case: case.id,
            protocol: case.protocol.clone(),
            severity: case.life.severity(),
            stage: case.life.stage().to_string(),
            as_of: rfc3339(as_of),
            authors: people.iter().map(|one| one.name.clone()).collect(),
            people,
            attack: attack::of(case),
            impact: Impact {
                lost: numbers.loss,
                returned: numbers.returned,
                collateral_user_minutes: numbers.collateral_user_minutes,
                users_harmed: None,
            },
            timeline_left_out: case.timeline.len().saturating_sub(timeline.len()),
            timeline,
            detection: detection(case, &numbers),
            containment: containment(case),
            playbooks: runs.iter().map(|run| used(run)).collect(),
            five_whys: Default::default(),
            lessons: Lessons::default(),
            actions: left_to_do(case, &numbers, runs),
            numbers,
            head: None,
        }
    }

    /// With the names that the configuration gives to the protocol's contracts: a case has addresses only.
    #[must_use]
    pub fn with_names(mut self, name_of: impl Fn(ChainId, Address) -> Option<String>) -> Self {
        self.attack.name(name_of);
        self
    }

    /// With the hash of the journal's last record.
    #[must_use]
    pub fn with_head(self, head: Option<B256>) -> Self {
        Self { head, ..self }
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// As Markdown. Whatever comes from the chain or from people is escaped.
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// As a page of its own: no script, nothing from elsewhere, and whatever comes from the chain or from people is escaped.
    pub fn html(&self) -> String {
        html::page(&format!("Post-mortem {}", self.case), &self.markdown())
    }
}

/// The timeline. Lines about findings fill half of it at the most: a flood of them must not hide what was done.
fn lines(case: &Case) -> Vec<Line> {
    let is_about_findings = |line: &TimelineEntry| {
        matches!(
            line.what.as_str(),
            "finding" | "pending" | "seen again" | "confirmed" | "finalised"
        )
    };
    let mut lines = Vec::new();
    let mut about_findings = 0;
    for line in &case.timeline {
        about_findings += usize::from(is_about_findings(line));
        let is_too_much = is_about_findings(line) && about_findings > TIMELINE_LINES_MAX / 2;
        if lines.len() >= TIMELINE_LINES_MAX || is_too_much {
            continue;
        }
        lines.push(Line {
            seq: line.seq.0,
            at: rfc3339(line.at),
            block: line.block,
            what: line.what.clone(),
            text: line.text.clone(),
        });
    }
    lines
}

fn detection(case: &Case, numbers: &Numbers) -> Detection {
    let mut detectors: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for finding in case.live_findings() {
        *detectors.entry(&finding.detector).or_default() += 1;
    }
    let first_block = case.live_findings().map(|finding| finding.block.number).min();
    let lost_when_seen = first_block.map(|first| {
        let mut of_first: std::collections::BTreeMap<&str, Usd> = std::collections::BTreeMap::new();
        for finding in case.live_findings().filter(|finding| finding.block.number == first) {
            *of_first.entry(&finding.detector).or_default() += finding.loss;
        }
        of_first.into_values().max().unwrap_or_default()
    });
    Detection {
        detectors: detectors.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
        first_block,
        lost_when_seen,
        gap: numbers.time_to_detect,
    }
}

fn containment(case: &Case) -> Vec<Contained> {
    use portcullis_types::action::{Intent, Outcome};
    let ending = |outcome: &Outcome| match outcome {
        Outcome::Held { by_us: true, block } => format!("held from block {}", block.number),
        Outcome::Held { block, .. } => format!("held already, seen at block {}", block.number),
        Outcome::Refused { why } => format!("not sent: {why}"),
        Outcome::Failed { why } => format!("failed: {why}"),
        _ => "under way".to_owned(),
    };
    case.actions
        .values()
        .map(|record| Contained {
            lever: record.action.lever.name.clone(),
            intent: match record.action.intent {
                Intent::Pull => "pull",
                Intent::Release => "release",
                Intent::Reassert => "re-assert",
            }
            .to_owned(),
            at: rfc3339(record.issued_at),
            ending: record.ending().map(ending),
        })
        .collect()
}

fn used(run: &PlaybookRun) -> Used {
    let mut used = Used {
        playbook: format!("{} {}", run.playbook().id, run.playbook().version),
        done: 0,
        steps: 0,
        exceptions: Vec::new(),
    };
    for (step, state) in run.steps() {
        used.steps += 1;
        match &state.status {
            Status::Done => used.done += 1,
            Status::Failed { why } | Status::Skipped { why } | Status::UndoFailed { why } => {
                used.exceptions.push((step.id.clone(), format!("{}: {why}", state.status.name())));
            }
            status => used.exceptions.push((step.id.clone(), status.name().to_owned())),
        }
    }
    used
}

/// What the record itself shows to be open. The rest is people's.
fn left_to_do(case: &Case, numbers: &Numbers, runs: &[&PlaybookRun]) -> Vec<LeftToDo> {
    let mut left = Vec::new();
    let mut add = |kind: &str, title: String| {
        left.push(LeftToDo { title, kind: kind.to_owned(), owner: None, due: None });
    };
    if numbers.time_to_detect.is_none() {
        add("detect", "enter when the attack began; the detection gap is not known".to_owned());
    }
    if numbers.collateral_user_minutes.is_none() {
        add("process", "enter how many honest users each lever kept waiting".to_owned());
    }
    if case.life.severity().is_none() {
        add("process", "declare a grade".to_owned());
    }
    for lever in &numbers.still_held {
        add("mitigate", format!("{lever} is still held: let it go, or say why not"));
    }
    for run in runs {
        for (step, state) in run.steps() {
            if let Status::Failed { why } | Status::UndoFailed { why } = &state.status {
                add("process", format!("{}: {} failed: {why}", run.playbook().id, step.id));
            }
        }
    }
    let is_corrected = |one: &&crate::life::Recorded| matches!(&one.entry.what, What::Command(c) if matches!(c.what, Command::Correct { .. }));
    let n_corrections = case.life.record().iter().filter(is_corrected).count();
    if n_corrections > 0 {
        add(
            "process",
            match n_corrections {
                1 => "1 entry was corrected: read the correction first".to_owned(),
                n => format!("{n} entries were corrected: read the corrections first"),
            },
        );
    }
    left
}
