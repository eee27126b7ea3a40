//! What a drill prints, and whether it was good enough.

use portcullis_range::{HonestCounts, PlayReport};
use portcullis_types::{ids::CaseId, money::Usd};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Expected, Guarded, Plan,
    measure::{MillisSummary, millis_summary},
};
use crate::cli::{
    Ending, UsdNumber,
    output::{Paint, print_json},
};

/// `drill --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Drilled<'a> {
    scenario: &'a str,
    seed: u64,
    loss_unprotected_usd: UsdNumber,
    loss_protected_usd: UsdNumber,
    /// Percent with two decimals.
    saved_percent: Box<RawValue>,
    seen_to_sent_ms: MillisSummary,
    blocks_to_hold: Option<u64>,
    case_id: Option<CaseId>,
    false_pauses: u64,
    pauses_on_chain: u64,
    journal_verified: bool,
    detectors: &'a [String],
    honest_failed_before: u64,
    honest_failed_after: u64,
    blind: &'a [(u64, u64)],
    journal: String,
    /// What is not as `expected.yaml` says.
    problems: Vec<String>,
}

/// `drill --honest-only --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HonestOnly<'a> {
    scenario: &'a str,
    seed: u64,
    blocks: u64,
    honest: HonestCounts,
    false_pauses: u64,
    findings: usize,
    journal_verified: bool,
    inspected: u64,
    blind: &'a [(u64, u64)],
    journal: String,
}

pub(super) fn honest(plan: &Plan, guarded: &Guarded, json: bool) -> anyhow::Result<Ending> {
    let measured = &guarded.measured;
    let (before, after) = (guarded.report.honest_before, guarded.report.honest_after);
    let shown = HonestOnly {
        scenario: plan.scenario.name(),
        seed: plan.seed,
        blocks: guarded.report.blocks_played,
        honest: HonestCounts {
            sent: before.sent + after.sent,
            succeeded: before.succeeded + after.succeeded,
            failed: before.failed + after.failed,
        },
        false_pauses: measured.false_pauses,
        findings: measured.case.as_ref().map_or(0, |case| case.live_findings().count()),
        journal_verified: measured.journal_verified,
        inspected: measured.coverage.inspected,
        blind: &measured.coverage.blind,
        journal: guarded.journal.display().to_string(),
    };
    let fine = shown.false_pauses <= plan.expected.false_pauses_max && shown.journal_verified;
    if json {
        print_json(&shown)?;
    } else {
        println!(
            "{} blocks of honest traffic, {} transactions, {} looked into: {} pauses, {} findings",
            shown.blocks, shown.honest.sent, shown.inspected, shown.false_pauses, shown.findings
        );
    }
    Ok(if fine { Ending::Fine } else { Ending::NotInOrder })
}

pub(super) fn both(
    plan: &Plan,
    unprotected: &PlayReport,
    guarded: &Guarded,
    json: bool,
) -> anyhow::Result<Ending> {
    let measured = &guarded.measured;
    let (without, with) = (Usd(unprotected.loss_micro_usd), Usd(guarded.report.loss_micro_usd));
    let drilled = Drilled {
        scenario: plan.scenario.name(),
        seed: plan.seed,
        loss_unprotected_usd: UsdNumber(without),
        loss_protected_usd: UsdNumber(with),
        saved_percent: RawValue::from_string(hundredths(saved_basis_points(without, with)))?,
        seen_to_sent_ms: millis_summary(&measured.seen_to_sent_ms),
        blocks_to_hold: measured.blocks_to_hold,
        case_id: measured.case.as_ref().map(|case| case.id),
        false_pauses: measured.false_pauses,
        pauses_on_chain: measured.pauses_on_chain,
        journal_verified: measured.journal_verified,
        detectors: &measured.detectors,
        honest_failed_before: guarded.report.honest_before.failed,
        honest_failed_after: guarded.report.honest_after.failed,
        blind: &measured.coverage.blind,
        journal: guarded.journal.display().to_string(),
        problems: problems(&plan.expected, without, with, guarded),
    };
    let fine = drilled.problems.is_empty();
    // For the console's list of drills.
    std::fs::write(plan.out.join("drill.json"), serde_json::to_vec_pretty(&drilled)?)?;
    if json {
        print_json(&drilled)?;
    } else {
        print!("{}", text(plan, &drilled, guarded, Paint::stdout()));
    }
    Ok(if fine { Ending::Fine } else { Ending::NotInOrder })
}

/// Saved share of the loss, in hundredths of a percent; negative if it got worse.
fn saved_basis_points(without: Usd, with: Usd) -> i128 {
    if without.0 <= 0 { 0 } else { (without.0 - with.0).saturating_mul(10_000) / without.0 }
}

fn hundredths(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:02}", value / 100, value % 100)
}

fn problems(expected: &Expected, without: Usd, with: Usd, guarded: &Guarded) -> Vec<String> {
    let measured = &guarded.measured;
    let mut out = Vec::new();
    let most = without.mul_ratio(expected.loss_protected_percent_max, 100);
    if without <= Usd::ZERO {
        out.push("the attack took nothing: the scenario does not work".to_owned());
    }
    if with > most {
        out.push(format!("{with} USD were lost, more than {most}"));
    }
    match measured.blocks_to_hold {
        None => out.push("no lever held".to_owned()),
        Some(blocks) if blocks > expected.blocks_to_hold_max => {
            out.push(format!(
                "{blocks} blocks until the hold, more than {}",
                expected.blocks_to_hold_max
            ));
        }
        Some(_) => {}
    }
    for detector in &expected.detectors {
        if !measured.detectors.contains(detector) {
            out.push(format!("the detector {detector} did not fire"));
        }
    }
    let levers = measured.case.iter().flat_map(|case| case.actions.values());
    if !levers.into_iter().any(|record| record.action.lever.name == expected.lever) {
        out.push(format!("the lever {} was not pulled", expected.lever));
    }
    if measured.false_pauses > expected.false_pauses_max {
        out.push(format!("{} pauses before the attack", measured.false_pauses));
    }
    if measured.pauses_on_chain > 1 {
        out.push(format!("{} pauses on the chain, one expected", measured.pauses_on_chain));
    }
    out.extend(measured.journal_problem.clone());
    if !measured.coverage.blind.is_empty() {
        out.push(format!("blind blocks: {:?}", measured.coverage.blind));
    }
    out
}

fn text(plan: &Plan, drilled: &Drilled<'_>, guarded: &Guarded, paint: Paint) -> String {
    let mut out = format!("{}  {}\n\n", paint.bold(drilled.scenario), plan.scenario.title());
    if let Some(case) = &guarded.measured.case {
        out += &crate::cli::case::text(case, paint);
        out += "\n";
    }
    let line = |name: &str, value: &str| format!("{name:<34}{value}\n");
    let usd = |value: UsdNumber| format!("{:>16} USD", value.0.to_string());
    out += &line("lost without Portcullis", &paint.bad(&usd(drilled.loss_unprotected_usd)));
    out += &line("lost with Portcullis", &paint.good(&usd(drilled.loss_protected_usd)));
    out += &line("saved", &format!("{:>16} %", drilled.saved_percent.get()));
    if let Some(case) = &guarded.measured.case {
        let left = usd(UsdNumber(case.loss()));
        out += &line(
            "left the contracts, by the case",
            &format!("{left} (the thief kept what is lost above)"),
        );
    }
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    out += &line(
        "block seen → pause sent",
        &format!("{:>16} ms", number(drilled.seen_to_sent_ms.max)),
    );
    out += &line("blocks until the pause held", &format!("{:>16}", number(drilled.blocks_to_hold)));
    out += &line("pauses without need", &format!("{:>16}", drilled.false_pauses));
    let verified = if drilled.journal_verified { "verified" } else { "NOT VERIFIED" };
    out += &line("journal", &format!("{verified:>16}"));
    if let Some(id) = drilled.case_id {
        out += &line("case", &format!("{:>16}", id.to_string()));
        let look = format!("{} case show {id} --journal {}", program(), drilled.journal);
        out += &format!("\nlook at it: {}\n", paint.bold(&look));
    }
    for problem in &drilled.problems {
        out += &format!("{} {problem}\n", paint.bad("not as expected:"));
    }
    out
}

/// This program as it was called, so that the line can be copied.
fn program() -> String {
    let called = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    called.unwrap_or_else(|| "portcullis".to_owned())
}
