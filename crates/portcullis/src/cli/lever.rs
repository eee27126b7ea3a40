//! `portcullis lever`: the catalogue of levers, and the call of one with arguments of an incident. Nothing is sent, no
//! key is used.

mod lanes;

use std::{path::PathBuf, time::Duration};

use alloy_primitives::Address;
use clap::{Args, Subcommand};
use portcullis_act::{
    Nodes,
    lever::{LeverConfig, ReadinessCheck, catalogue, readiness},
};
use portcullis_types::{
    action::{Lever, Undo},
    text::printable,
};
use serde_json::json;
use url::Url;

use super::{
    Ending, Usage,
    output::{Paint, print_json},
};

/// How long the node may take for one answer.
const ANSWER_TIME_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(crate) enum LeverCommand {
    /// Print every kind of lever: call, conditions, end, traps, an example. With `--json`, names only.
    Catalogue,
    /// Build one lever from a file and say what it calls, and with a node whether it would work now. For people to sign:
    /// where a call needs what only the incident says (a thief's address, an operation's id), give it with `--set`.
    Call(CallArgs),
    /// Look at the accounts that pull (balance, nonces, whether one is stuck) and at the relays.
    Lanes(lanes::LanesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// A file with one lever, as it would stand under `ladder`.
    #[arg(long)]
    file: PathBuf,
    /// Id of the chain.
    #[arg(long)]
    chain: u64,
    /// The account that would call.
    #[arg(long)]
    from: Address,
    /// A field of the file with another value, as account=0x…; may be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// A node to look at. Without it nothing is checked.
    #[arg(long)]
    node: Option<Url>,
}

pub(crate) async fn lever(command: &LeverCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        LeverCommand::Catalogue if json => {
            let kinds: Vec<&str> = catalogue::rows().map(|row| row.kind).collect();
            print_json(&json!({"kinds": kinds}))?;
            Ok(Ending::Fine)
        }
        LeverCommand::Catalogue => {
            print!("{}", catalogue::page());
            Ok(Ending::Fine)
        }
        LeverCommand::Call(args) => call(args, json).await,
        LeverCommand::Lanes(args) => lanes::lanes(args, json).await,
    }
}

async fn call(args: &CallArgs, json: bool) -> anyhow::Result<Ending> {
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Usage(format!("{file}: {error}: name a file with one lever")))?;
    let mut text = text;
    for change in &args.set {
        let (field, value) = change
            .split_once('=')
            .ok_or_else(|| Usage(format!("--set {change}: write field=value, as account=0x…")))?;
        text = with_field(&text, field.trim(), value.trim());
    }
    let config: LeverConfig =
        serde_saphyr::from_str(&text).map_err(|error| Usage(format!("{file}: {error}")))?;
    let lever =
        config.build(args.chain, args.from).map_err(|error| Usage(format!("{file}: {error}")))?;
    let mut checks = Vec::new();
    if let Some(node) = &args.node {
        let nodes = Nodes::connect(std::slice::from_ref(node), ANSWER_TIME_LIMIT).await?;
        checks = readiness(&lever, args.from, &nodes).await;
    }
    if json {
        print_json(&json!({
            "lever": lever,
            "from": args.from,
            "looked": args.node.is_some(),
            "checks": checks.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        print(&lever, args, &checks);
    }
    if let Some(why) = checks.iter().find_map(|check| check.ok.as_ref().err()) {
        anyhow::bail!("not everything could be looked at, first: {}", printable(why));
    }
    let all = checks.iter().all(|check| check.ok == Ok(true));
    Ok(if all { Ending::Fine } else { Ending::NotInOrder })
}

fn as_json(check: &ReadinessCheck) -> serde_json::Value {
    match &check.ok {
        Ok(ok) => json!({"what": check.what, "ok": ok}),
        Err(why) => json!({"what": check.what, "couldNotLook": printable(why)}),
    }
}

/// The text with another value of a field at its outermost level.
fn with_field(text: &str, field: &str, value: &str) -> String {
    let (mut out, mut skips) = (String::new(), false);
    for line in text.lines() {
        let is_inner = line.starts_with([' ', '-', '\t']) && !line.trim().is_empty();
        if skips && is_inner {
            continue;
        }
        skips = line.split(':').next() == Some(field);
        if !skips {
            out.push_str(line);
            out.push('\n');
        }
    }
    // A list stays one; all else is a text, so that no number is read out of an address.
    let is_plain = value.starts_with('[') || value.chars().all(|c| c.is_ascii_digit());
    let value = if is_plain { value.to_owned() } else { format!("{value:?}") };
    format!("{out}{field}: {value}\n")
}

fn print(lever: &Lever, args: &CallArgs, checks: &[ReadinessCheck]) {
    let paint = Paint::stdout();
    println!("{}", paint.bold(&lever.name));
    println!("from   {}", args.from);
    println!("to     {}", lever.call.to);
    println!("data   {}", lever.call.data);
    println!("gas    {}", lever.call.gas_limit);
    if !lever.forms.is_empty() {
        println!(
            "This call is right while nothing else is set; there are {} forms (--json).",
            lever.forms.len()
        );
    }
    for view in &lever.preflight {
        println!("before {}", view.meaning);
    }
    println!("after  {}", lever.verify.meaning);
    match &lever.undo {
        Undo::ByCall { call, .. } => println!("undo   {} to {}", call.data, call.to),
        Undo::ByExpiry => println!("undo   by itself"),
        Undo::ByPeople { how } => println!("undo   {how}"),
    }
    for trap in &lever.traps {
        println!("trap   {trap}");
    }
    for check in checks {
        let answer = match &check.ok {
            Ok(true) => paint.good("yes"),
            Ok(false) => paint.bad("no"),
            Err(why) => paint.bad(&format!("could not look: {}", printable(why))),
        };
        println!("{answer}  {}", printable(&check.what));
    }
    if args.node.is_none() {
        println!("Nothing was checked: name a node with --node.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_replaced_with_its_inner_lines() {
        let text = "kind: x\nsealables:\n  - \"0x01\"\n- odd\nname: n\n";
        assert_eq!(
            with_field(text, "sealables", "[a, b]"),
            "kind: x\nname: n\nsealables: [a, b]\n"
        );
        assert_eq!(with_field("a: 1\n", "b", "0x02"), "a: 1\nb: \"0x02\"\n");
        assert_eq!(with_field("bps: 1\n", "bps", "20"), "bps: 20\n");
    }

    #[test]
    fn every_example_takes_another_value() {
        let example = catalogue::row("quarantine").map(|row| row.example).unwrap_or_default();
        let thief = "0x00000000000000000000000000000000000000ff";
        let text = with_field(example, "account", thief);
        let config: LeverConfig = serde_saphyr::from_str(&text).unwrap();
        let lever = config.build(1, Address::ZERO).unwrap();
        assert_eq!(lever.call.data[16..36], thief.parse::<Address>().unwrap()[..]);
    }
}
