//! The report for a terminal.

use super::{OneProtocol, OnePurse, OneWarden, Report};
use crate::{
    brakes::PULLS_WANTED,
    cli::{harm::time, output::Paint},
};

pub(super) fn print(report: &Report) {
    let paint = Paint::stdout();
    for one in &report.protocols {
        protocol(paint, one);
    }
    for one in &report.wardens {
        warden(paint, one);
    }
    for one in &report.purses {
        purse(paint, one);
    }
    println!(
        "{}",
        paint.bold("SEAL incident response controls, as far as they can be seen from here")
    );
    for control in &report.controls {
        let mark = mark(paint, control.met, "--");
        println!("  {mark} {} {}: {}", control.id, control.about, control.because);
    }
}

/// A mark that is as wide for each answer.
fn mark(paint: Paint, ok: Option<bool>, unknown: &str) -> String {
    match ok {
        Some(true) => paint.good("ok"),
        Some(false) => paint.bad("NO"),
        None => paint.dim(unknown),
    }
}

fn protocol(paint: Paint, one: &OneProtocol) {
    println!("{}", paint.bold(&format!("{} on {}", one.name, one.chain)));
    for lever in &one.levers {
        println!(
            "  {} {} ({:?}): stops {}",
            mark(paint, lever.works, "??"),
            lever.name,
            lever.rung,
            lever.covers.join(", ")
        );
        println!("     pulled by {}; let go by {}", lever.pulled_by, lever.let_go_by);
        for check in lever.checks.iter().filter(|check| check.ok != Some(true)) {
            match &check.could_not_look {
                Some(why) => println!("     ?? {}: could not look: {why}", check.what),
                None => println!("     {} {}", paint.bad("NO"), check.what),
            }
        }
    }
    for contract in &one.uncovered {
        println!("  {} {contract} holds value and no lever covers it", paint.bad("NO"));
    }
    for rung in &one.rungs {
        let words = match &rung.minutes {
            Some(minutes) => format!("{minutes} min by {}", rung.levers.join(", ")),
            None => "nothing".to_owned(),
        };
        println!("  to contain at {:?}: {words} ({})", rung.rung, rung.how);
    }
}

fn warden(paint: Paint, one: &OneWarden) {
    println!("{}", paint.bold(&format!("Warden {} on {}", one.warden, one.chain)));
    let Some(read) = &one.read else {
        let why = one.could_not_look.as_deref().unwrap_or_default();
        println!("  {} could not look: {why}", paint.bad("??"));
        return;
    };
    for sentinel in &read.sentinels {
        let heard = if sentinel.heartbeat == 0 {
            "never heard".to_owned()
        } else {
            format!("heard {} ago", time(read.time.saturating_sub(sentinel.heartbeat)))
        };
        let counts = mark(paint, Some(sentinel.counts), "??");
        println!("  {counts} sentinel {}: {heard}", sentinel.account);
    }
    for lever in &read.levers {
        println!(
            "  lever {}: {} pulls left, {} sentinels required",
            lever.id, lever.pulls_left, lever.sentinels_required
        );
    }
    let delay = match one.governance_delay_seconds {
        Some(delay) => format!("a timelock of {}", time(delay.saturating_to())),
        None => "not a timelock that says its delay".to_owned(),
    };
    println!(
        "  arms again: governance {}, {delay}; guardians who can let go and kill keys: {}",
        read.governance,
        read.guardians.len()
    );
}

fn purse(paint: Paint, one: &OnePurse) {
    match &one.read {
        Some(read) => {
            let enough = read.transactions >= alloy_primitives::U256::from(PULLS_WANTED);
            println!(
                "{} {} {} on {}: {} wei, {} transactions of {} gas at {} wei each",
                mark(paint, Some(enough), "??"),
                one.who,
                read.account,
                one.chain,
                read.balance_wei,
                read.transactions,
                read.gas_per_transaction,
                read.wei_per_gas
            );
        }
        None => println!(
            "{} {} on {}: could not look: {}",
            paint.bad("??"),
            one.who,
            one.chain,
            one.could_not_look.as_deref().unwrap_or_default()
        ),
    }
}
