//! One case, as a line and whole.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_case::{
    Case, FindingRecord, Phase, Roster, numbers,
    playbook::Role,
    run::Status,
    severity::{Stakes, Thresholds, suggest},
};
use portcullis_engine::Engine;
use portcullis_types::{
    action::Undo,
    finding::FindingStatus,
    ids::{CaseId, ChainId, Millis},
    money::Usd,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    finding::status_name,
    money::usd,
    standing::{allowed, saved},
};
use crate::api::replica::{Link, Picture};

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseLine {
    pub(crate) id: String,
    pub(crate) protocol: String,
    /// Where people stand with it: `detected`, `triaged`, … `reviewed`, `falsePositive`, `duplicate`, `merged`.
    pub(crate) stage: String,
    /// Where the machine stands: `open`, `containing`, `contained`, `released`, `dissolved`.
    pub(crate) phase: String,
    /// `P1` to `P5` as declared; null before.
    pub(crate) severity: Option<String>,
    /// What the numbers suggest, and nobody has declared.
    pub(crate) suggested_severity: String,
    /// What happened, in one sentence.
    pub(crate) sentence: String,
    pub(crate) opened_at: u64,
    /// When something was last written on its timeline.
    pub(crate) moved_at: u64,
    pub(crate) lost_usd: String,
    /// What can still go in the time people need, less what the lever that holds prevents; null where nothing was decided yet.
    pub(crate) at_risk_usd: Option<String>,
    /// What the lever that holds was to prevent, by the decision that pulled it; null where none holds.
    pub(crate) saved_usd: Option<String>,
    /// Findings that stand.
    pub(crate) findings: u64,
    pub(crate) acknowledged: bool,
    /// Steps of playbooks that wait for somebody.
    pub(crate) unseen_steps: u32,
    /// Whether work goes on.
    pub(crate) open: bool,
}

/// As a phase is written.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Containing => "containing",
        Phase::Contained => "contained",
        Phase::Released => "released",
        Phase::Dissolved => "dissolved",
    }
}

impl CaseLine {
    pub(crate) fn of(engine: &Engine, case: &Case) -> Self {
        let loss = case.loss();
        let saved = saved(case);
        // What the lever that holds prevents is not at risk while it holds.
        let at_risk = case.decisions.last().map(|decision| decision.loss_ahead);
        let left = at_risk.map(|risk| (risk - saved.unwrap_or_default()).max(Usd::ZERO));
        let stakes = Stakes { loss: Some(loss), at_risk };
        let stage = case.life.stage();
        let moved = case.timeline.last().map_or(case.opened_at, |entry| entry.at);
        Self {
            id: case.id.to_string(),
            protocol: case.protocol.clone(),
            stage: stage.name().to_owned(),
            phase: phase_name(case.phase()).to_owned(),
            severity: case.life.severity().map(|severity| severity.name().to_owned()),
            suggested_severity: suggest(stakes, &Thresholds::default()).severity.name().to_owned(),
            sentence: sentence(case),
            opened_at: case.opened_at.0,
            moved_at: moved.0,
            lost_usd: usd(loss),
            at_risk_usd: left.map(usd),
            saved_usd: saved.map(usd),
            findings: case.live_findings().count() as u64 + case.findings_dropped,
            acknowledged: case.life.is_acknowledged(),
            unseen_steps: waiting_steps(engine, case.id),
            open: stage.is_open(),
        }
    }
}

/// Steps of a case's playbooks that wait for somebody.
fn waiting_steps(engine: &Engine, case: CaseId) -> u32 {
    let runs = engine.runs(case).filter(|(_, run)| !run.is_over());
    let waits = |status: &Status| matches!(status, Status::Ready | Status::AwaitingApproval);
    let steps = runs.flat_map(|(_, run)| run.steps()).filter(|(_, state)| waits(&state.status));
    u32::try_from(steps.count()).unwrap_or(u32::MAX)
}

/// What happened, in one sentence.
fn sentence(case: &Case) -> String {
    match case.sentence() {
        Some(sentence) => sentence.to_owned(),
        None if case.dissolved => "every finding was taken back by a re-organisation".to_owned(),
        None => format!("something was seen at {}", case.protocol),
    }
}

/// One case, whole. Its parts that can be long have routes of their own.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseView {
    #[serde(flatten)]
    pub(crate) line: CaseLine,
    /// Verbs that change the stage and are allowed now, and `acknowledge` until somebody has.
    pub(crate) allowed: Vec<String>,
    pub(crate) roles: Vec<RoleView>,
    pub(crate) numbers: NumbersView,
    /// Who sent the transactions of findings that say who did it, at most 200.
    pub(crate) attackers: Vec<String>,
    /// Transactions of findings, newest first, at most 200.
    pub(crate) transactions: Vec<CaseTransaction>,
    pub(crate) levers: Vec<LeverLine>,
    /// Cases that were merged into this one, or that it repeats.
    pub(crate) merged: Vec<String>,
    pub(crate) counts: CaseCounts,
}

/// A role, and who has it in this case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleView {
    pub(crate) role: String,
    pub(crate) people: Vec<RolePerson>,
}

/// Somebody with a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RolePerson {
    pub(crate) name: String,
    /// Whether they said that they look at this case.
    pub(crate) acknowledged: bool,
    /// Whether they were assigned in this case; else they have the role in the roster.
    pub(crate) assigned: bool,
}

/// Times in milliseconds from the record; null where the record does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NumbersView {
    /// From the attack's beginning to the first finding.
    pub(crate) mttd: Option<u64>,
    /// To the first person who looked.
    pub(crate) mtta: Option<u64>,
    /// To the containment.
    pub(crate) mttc: Option<u64>,
    /// To the resolution.
    pub(crate) mttr: Option<u64>,
    /// Minutes that honest users were kept waiting.
    pub(crate) collateral_user_minutes: Option<u64>,
    /// What came back.
    pub(crate) returned_usd: Option<String>,
}

/// A transaction with a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseTransaction {
    pub(crate) hash: String,
    pub(crate) chain: u64,
    pub(crate) block: u64,
    /// When its first finding was journaled; null where the timeline was full by then.
    pub(crate) at: Option<u64>,
    pub(crate) actor: Option<String>,
    pub(crate) loss_usd: String,
    /// `pending`, `seen`, `confirmed`, `finalised`, `retracted`.
    pub(crate) status: String,
}

/// A lever of the protocol as it concerns this case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeverLine {
    pub(crate) name: String,
    pub(crate) rung: String,
    /// `idle`, `moving`, `held`, `refused`.
    pub(crate) standing: String,
    /// Unix milliseconds at which its time is over, where it is held.
    pub(crate) held_until: Option<u64>,
    /// Who lets it go then: `program`, or `people`, who have to do it themselves.
    pub(crate) release: String,
    /// `us` or `others`, where it is held.
    pub(crate) by: Option<String>,
    /// The action that moves or holds it.
    pub(crate) action: Option<String>,
    /// The case for which it is held.
    pub(crate) case: Option<String>,
    /// Whether value still leaves what it covers.
    pub(crate) leaks: bool,
    pub(crate) why: Option<String>,
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseCounts {
    pub(crate) timeline: u64,
    pub(crate) findings: u64,
    /// Findings that were counted and not kept.
    pub(crate) findings_dropped: u64,
    pub(crate) decisions: u64,
    pub(crate) actions: u64,
    pub(crate) transactions: u64,
    pub(crate) attackers: u64,
    pub(crate) approvals: u64,
}

const SHOWN_MAX: usize = 200;

/// A case, whole, as of `now`.
pub(crate) fn case_view(picture: &Picture, case: &Case, roster: &Roster, now: Millis) -> CaseView {
    let (engine, links) = (&picture.engine, picture.links(case.id));
    let numbers = numbers::of(case, now);
    let (transactions, n_transactions) = transactions(case, links);
    let actors: BTreeSet<Address> =
        case.attackers().into_iter().map(|(_, address)| address).collect();
    CaseView {
        line: CaseLine::of(engine, case),
        allowed: allowed(case),
        roles: roles(case, roster),
        numbers: NumbersView {
            mttd: numbers.time_to_detect,
            mtta: numbers.time_to_acknowledge,
            mttc: numbers.time_to_contain,
            mttr: numbers.time_to_resolve,
            collateral_user_minutes: numbers.collateral_user_minutes,
            returned_usd: numbers.returned.map(usd),
        },
        attackers: actors.iter().take(SHOWN_MAX).map(ToString::to_string).collect(),
        transactions,
        levers: levers(engine, &case.protocol),
        merged: merged(engine, case.id),
        counts: CaseCounts {
            timeline: case.timeline.len() as u64,
            findings: case.findings.len() as u64,
            findings_dropped: case.findings_dropped,
            decisions: case.decisions.len() as u64,
            actions: case.actions.len() as u64,
            transactions: n_transactions,
            attackers: actors.len() as u64,
            approvals: engine.approvals_asked().filter(|one| one.request.case == case.id).count()
                as u64,
        },
    }
}

/// The levers of a protocol, gentlest first.
pub(crate) fn levers(engine: &Engine, protocol: &str) -> Vec<LeverLine> {
    let configs = engine.config().into_iter().flat_map(|config| &config.protocols);
    let ladder = configs.filter(|config| config.protocol.name == protocol).flat_map(|c| &c.ladder);
    let mut lines: Vec<_> = ladder
        .filter_map(|lever| {
            let view = engine.lever(protocol, &lever.name)?;
            let line = LeverLine {
                name: lever.name.clone(),
                rung: lever.rung.name().to_owned(),
                standing: view.standing.to_owned(),
                held_until: view.held_until.map(|at| at.0),
                release: if matches!(lever.undo, Undo::ByPeople { .. }) {
                    "people"
                } else {
                    "program"
                }
                .to_owned(),
                by: view.by_us.map(|us| if us { "us" } else { "others" }.to_owned()),
                action: view.action.map(|action| action.to_string()),
                case: view.case.map(|case| case.to_string()),
                leaks: view.leaks,
                why: view.why,
            };
            Some((lever.rung, line))
        })
        .collect();
    lines.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.name.cmp(&other.name)));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn merged(engine: &Engine, id: CaseId) -> Vec<String> {
    use portcullis_case::Stage;
    let leads_here = |case: &&Case| {
        matches!(case.life.stage(), Stage::Merged { into: other } | Stage::Duplicate { of: other }
            if other == id)
    };
    engine.cases().filter(leads_here).take(SHOWN_MAX).map(|case| case.id.to_string()).collect()
}

fn roles(case: &Case, roster: &Roster) -> Vec<RoleView> {
    use portcullis_case::{Command, life::What};
    let (mut looking, mut assigned): (BTreeSet<&str>, BTreeMap<&str, Vec<&str>>) =
        Default::default();
    for one in case.life.record() {
        let What::Command(command) = &one.entry.what else { continue };
        match &command.what {
            Command::Acknowledge => {
                looking.insert(&command.who);
            }
            Command::Assign { role, to } => assigned.entry(role).or_default().push(to),
            _ => {}
        }
    }
    let mut views = Vec::new();
    for role in Role::ALL {
        let mut people: Vec<RolePerson> = Vec::new();
        let named = assigned.remove(role.name()).unwrap_or_default();
        let listed =
            roster.with_any(&[role]).into_iter().map(|person| (person.name.as_str(), false));
        for (name, assigned) in named.into_iter().map(|name| (name, true)).chain(listed) {
            if people.iter().all(|known| known.name != name) {
                let acknowledged = looking.contains(name);
                people.push(RolePerson { name: name.to_owned(), acknowledged, assigned });
            }
        }
        if !people.is_empty() {
            views.push(RoleView { role: role.name().to_owned(), people });
        }
    }
    for (role, people) in assigned {
        let person = |name: &str| RolePerson {
            name: name.to_owned(),
            acknowledged: looking.contains(name),
            assigned: true,
        };
        let people = people.into_iter().map(person).collect();
        views.push(RoleView { role: role.to_owned(), people });
    }
    views
}

/// Block, actor, loss and standing of a transaction's finding.
type Found = (u64, Option<Address>, Usd, FindingStatus);

fn transactions(case: &Case, links: &[Link]) -> (Vec<CaseTransaction>, u64) {
    let mut times: BTreeMap<B256, u64> = BTreeMap::new();
    for (entry, link) in case.timeline.iter().zip(links) {
        if let (Some(hash), Some(_)) = (link.transaction, link.finding) {
            times.entry(hash).or_insert(entry.at.0);
        }
    }
    let mut found: BTreeMap<(ChainId, B256), Found> = BTreeMap::new();
    for FindingRecord { finding, block, status } in case.findings.values() {
        let Some(hash) = finding.transaction else { continue };
        let new = (block.number, finding.actor, finding.loss, *status);
        let one = found.entry((finding.chain, hash)).or_insert(new);
        // Several detectors report the same loss: the largest is shown.
        one.2 = one.2.max(finding.loss);
    }
    let n_all = found.len() as u64;
    let mut all: Vec<_> = found.into_iter().collect();
    // Of one block the gravest first.
    all.sort_by_key(|(_, (block, _, loss, _))| std::cmp::Reverse((*block, *loss)));
    let shown =
        all.into_iter().take(SHOWN_MAX).map(|((chain, hash), (block, actor, loss, status))| {
            CaseTransaction {
                hash: hash.to_string(),
                chain,
                block,
                at: times.get(&hash).copied(),
                actor: actor.map(|actor| actor.to_string()),
                loss_usd: usd(loss),
                status: status_name(status).to_owned(),
            }
        });
    (shown.collect(), n_all)
}

/// What was written down, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The journal entry.
    pub(crate) seq: u64,
}
