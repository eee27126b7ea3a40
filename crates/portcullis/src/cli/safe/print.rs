//! A report for people, the refusals first: who reads one line only should read that.

use alloy_primitives::{Address, U256, utils::format_units};
use portcullis_act::safe::{Check, State};
use portcullis_types::text::printable;

use super::Report;
use crate::{cli::output::Paint, config::SafeFile};

pub(super) fn report(config: &SafeFile, report: &Report) {
    let paint = Paint::stdout();
    let check = &report.check;
    for refusal in &check.refusals {
        println!("{} [{}] {}", paint.bad("REFUSED"), refusal.code, refusal.why);
    }
    for unseen in &check.unseen {
        println!("{} {unseen}", paint.bad("NOT LOOKED AT"));
    }
    if check.passes {
        println!(
            "{} nothing is refused; it was played on block {}",
            paint.good("PASSES"),
            check.block.unwrap_or(0)
        );
    }
    for note in &check.notes {
        println!("note: {note}");
    }
    println!(
        "\nSafe {} ({}) on chain {}, nonce {}",
        check.subject.safe, check.subject.version, check.subject.chain_id, check.subject.tx.nonce
    );
    println!("  domain    {}", check.hashes.domain);
    println!("  message   {}", check.hashes.message);
    println!(
        "  safeTx    {}   <- must be what your device shows",
        paint.bold(&check.hashes.safe_tx.to_string())
    );
    println!("calls:");
    for step in &check.steps {
        println!("  {} to {}: {}", step.place, step.to, printable_long(&step.says));
    }
    difference(config, check);
    signatures(report);
}

/// Our own sentences about a call may be longer than what is shown of a stranger's.
fn printable_long(text: &str) -> String {
    text.split(' ').map(printable).collect::<Vec<_>>().join(" ")
}

fn difference(config: &SafeFile, check: &Check) {
    let Some(before) = &check.before else { return };
    println!("who rules it:");
    match &check.after {
        None => one_state(before),
        Some(after) if after.changes(before).is_empty() => {
            one_state(before);
            println!("  nothing of this would change");
        }
        Some(_) => {
            one_state(before);
            for change in &check.changes {
                println!("  WOULD CHANGE: {}", change.meaning());
            }
        }
    }
    if check.after.is_some() && check.moved.is_empty() {
        println!("balances: none would move");
    }
    for moved in &check.moved {
        let (name, decimals) = unit(config, moved.token);
        let shown =
            |amount: U256| format_units(amount, decimals).unwrap_or_else(|_| amount.to_string());
        println!("balance of {name}: {} -> {}", shown(moved.before), shown(moved.after));
    }
    for given in &check.approvals {
        let (name, decimals) = unit(config, Some(given.token));
        let amount =
            format_units(given.amount, decimals).unwrap_or_else(|_| given.amount.to_string());
        println!("allowance: {} may take {amount} of {name}", given.spender);
    }
}

fn one_state(state: &State) {
    let list = |all: &[Address]| all.iter().map(Address::to_string).collect::<Vec<_>>().join(", ");
    let or_none = |at: Address| if at.is_zero() { "none".to_owned() } else { at.to_string() };
    println!("  slot 0 (singleton)  {}", state.singleton);
    println!(
        "  owners              {} of {}: {}",
        state.threshold,
        state.owners.len(),
        list(&state.owners)
    );
    println!(
        "  modules             {}",
        if state.modules.is_empty() { "none".to_owned() } else { list(&state.modules) }
    );
    println!("  guard               {}", or_none(state.guard));
    println!("  fallback handler    {}", or_none(state.fallback_handler));
}

fn unit(config: &SafeFile, token: Option<Address>) -> (String, u8) {
    let Some(token) = token else { return ("the chain's own coin".to_owned(), 18) };
    let known = config.tokens.iter().find(|one| one.token == token);
    known.map_or_else(
        || (format!("{token}, in its smallest units"), 0),
        |one| (format!("{} ({token})", printable(&one.symbol)), one.decimals),
    )
}

fn signatures(report: &Report) {
    if report.check.before.is_some() {
        let (have, missing) = (report.signatures.counted.len(), report.signatures.missing);
        println!("signatures: {have} of owners, {missing} more are needed");
    }
    for one in &report.signatures.counted {
        println!("  {} ({:?})", one.owner, one.kind);
    }
    for why in &report.signatures.set_aside {
        println!("  not counted: {}", printable_long(why));
    }
    if let Some(expires) = report.expires {
        println!(
            "`safe exec` refuses it after Unix time {expires}; the chain does not know of that"
        );
    }
    if let Some(signed) = &report.signed {
        println!("signed by {}: {}", signed.owner, signed.file.display());
    }
    if let Some(posted) = &report.posted {
        println!("given to {} as a {}", posted.service, posted.what);
    }
    if let Some(executed) = &report.executed {
        let how = if executed.success { "carried out" } else { "FAILED" };
        println!(
            "{how} in block {}: {} (after {} replacements)",
            executed.block, executed.transaction, executed.replacements
        );
    }
}
