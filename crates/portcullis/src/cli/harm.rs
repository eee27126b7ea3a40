//! `portcullis harm`: the worst that fully stolen sentinels could do, read from the chain. No key is used.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use alloy_primitives::{Address, U256};
use clap::Args;
use portcullis_act::{
    Nodes,
    warden::{HarmLimit, LeverHarm, WardenHarm, harm as read_harm},
};
use portcullis_types::{action::Lever, ids::ChainId, money::Usd, protocol::Protocol};
use serde::Serialize;

use super::{
    Ending, UsdNumber, load_config,
    output::{Paint, print_json},
};
use crate::{
    config::{ChainFile, Compiled},
    runner::urls,
};

#[derive(Debug, Args)]
pub(crate) struct HarmArgs {
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
    /// How far to look ahead: seconds, or with a unit, as 90m, 24h, 7d.
    #[arg(long, default_value = "24h", value_parser = seconds)]
    horizon: u64,
}

/// `harm --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    horizon_seconds: u64,
    wardens: Vec<OneWarden>,
    /// Wardens that could not be read. Nothing is known of them; that is not "no harm".
    could_not_look: Vec<Unread>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    chain: String,
    warden: Address,
    why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneWarden {
    chain: String,
    #[serde(flatten)]
    read: WardenHarm,
    /// What the configuration knows of its levers.
    configured: Vec<Configured>,
    /// Levers that the configuration does not know: a thief can pull them all the same.
    unconfigured: Vec<alloy_primitives::B256>,
    /// Where configuration and chain differ.
    differences: Vec<String>,
    /// The cost of the configured levers' part.
    worst_cost_usd: UsdNumber,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Configured {
    name: String,
    protocol: String,
    lever: alloy_primitives::B256,
    /// Contracts whose use a pull stops.
    stops: Vec<String>,
    /// The false-stop cost of the configuration, scaled from its hold to the worst hold seconds.
    worst_cost_usd: UsdNumber,
}

/// A number of seconds with an optional unit.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time: write 3600, 90m, 24h or 7d");
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3_600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        _ => (Some(text), 1),
    };
    let count: u64 = digits.unwrap_or_default().parse().map_err(|_| wrong())?;
    count.checked_mul(unit).ok_or_else(wrong)
}

/// A lever of the configuration that goes through a Warden, and its protocol.
type Through<'a> = (&'a Protocol, &'a Lever);

pub(crate) async fn harm(args: &HarmArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let mut wardens = Vec::new();
    let mut could_not_look = Vec::new();
    for ((chain, warden), levers) in by_warden(&config) {
        let Some(chain) = config.chains.iter().find(|one| one.id == chain) else { continue };
        match read(chain, warden, args.horizon).await {
            Ok(read) => wardens.push(compare(chain, read, &levers)),
            Err(error) => could_not_look.push(Unread {
                chain: chain.name.clone(),
                warden,
                why: portcullis_types::text::printable(&format!("{error:#}")),
            }),
        }
    }
    let agree = wardens.iter().all(|one| one.differences.is_empty());
    let ok = agree && could_not_look.is_empty();
    let report = Report { ok, horizon_seconds: args.horizon, wardens, could_not_look };
    if json {
        print_json(&report)?;
    } else {
        print(&report);
    }
    if let Some(unread) = report.could_not_look.first() {
        anyhow::bail!(
            "{} of the Wardens could not be looked at, first {} on {}: {}",
            report.could_not_look.len(),
            unread.warden,
            unread.chain,
            unread.why
        );
    }
    Ok(if agree { Ending::Fine } else { Ending::NotInOrder })
}

pub(super) fn by_warden(config: &Compiled) -> BTreeMap<(ChainId, Address), Vec<Through<'_>>> {
    let mut all: BTreeMap<_, Vec<Through<'_>>> = BTreeMap::new();
    for protocol in &config.engine.protocols {
        for lever in &protocol.ladder {
            if let Some(pull) = &lever.warden {
                let levers = all.entry((lever.chain, pull.warden)).or_default();
                levers.push((&protocol.protocol, lever));
            }
        }
    }
    all
}

async fn read(chain: &ChainFile, warden: Address, horizon: u64) -> anyhow::Result<WardenHarm> {
    let limit = Duration::from_millis(chain.request_timeout_ms);
    let nodes = Nodes::connect(&urls(chain)?, limit).await?;
    nodes.require_chain(chain.id).await?;
    Ok(read_harm(&nodes, warden, horizon).await?)
}

fn compare(chain: &ChainFile, read: WardenHarm, levers: &[Through<'_>]) -> OneWarden {
    let (mut configured, mut differences, mut worst) = (Vec::new(), Vec::new(), Usd::ZERO);
    for (protocol, lever) in levers {
        let Some(pull) = &lever.warden else { continue };
        differences.extend(read.difference(lever, pull));
        let held = read.levers.iter().find(|one| one.id == pull.lever);
        let held = held.map_or(U256::ZERO, |one| one.harm.hold_seconds);
        let cost = lever.false_stop_cost.mul_ratio(held.saturating_to(), lever.hold_seconds.max(1));
        worst += cost;
        configured.push(Configured {
            name: lever.name.clone(),
            protocol: protocol.name.clone(),
            lever: pull.lever,
            stops: lever.covers.iter().map(|address| protocol.name_of(*address)).collect(),
            worst_cost_usd: UsdNumber(cost),
        });
    }
    let is_known = |one: &&LeverHarm| configured.iter().any(|known| known.lever == one.id);
    let unconfigured = read.levers.iter().filter(|one| !is_known(one)).map(|one| one.id).collect();
    let chain = chain.name.clone();
    let worst_cost_usd = UsdNumber(worst);
    OneWarden { chain, read, configured, unconfigured, differences, worst_cost_usd }
}

fn print(report: &Report) {
    let paint = Paint::stdout();
    if report.wardens.is_empty() && report.could_not_look.is_empty() {
        println!("no lever of the configuration goes through a Warden");
    }
    let horizon = time(report.horizon_seconds);
    for one in &report.wardens {
        let read = &one.read;
        println!(
            "{}",
            paint.bold(&format!(
                "Warden {} on {}, block {}: with every sentinel key stolen, within {horizon}",
                read.warden, one.chain, read.block.number
            ))
        );
        let total = read.total;
        println!(
            "  at most {} pulls, stops of {} together, {} harm units",
            total.pulls,
            time(total.hold_seconds.saturating_to()),
            total.units
        );
        println!(
            "  at most {} by the false-stop costs of the configuration; funds cannot be moved through it",
            one.worst_cost_usd.0
        );
        println!(
            "  budget: {} of {} units per {} left, {} within {horizon}; governance {}; {} guardians",
            read.units_available,
            read.units_per_epoch,
            time(read.epoch_seconds.saturating_to()),
            read.units_spendable,
            read.governance,
            read.guardians.len()
        );
        for lever in &read.levers {
            print_lever(one, lever);
        }
        for difference in &one.differences {
            println!("  {} {difference}", paint.bad("DIFFERS"));
        }
    }
    for unread in &report.could_not_look {
        println!(
            "{} Warden {} on {}: {}; nothing is known of it",
            paint.bad("COULD NOT LOOK"),
            unread.warden,
            unread.chain,
            unread.why
        );
    }
    println!(
        "not in these figures: holds that guardians prolong, other ways to the same brake, and that somebody has to send \
         the release"
    );
}

fn print_lever(warden: &OneWarden, lever: &LeverHarm) {
    let known = warden.configured.iter().find(|known| known.lever == lever.id);
    let (name, stops) = match known {
        Some(known) => (known.name.as_str(), known.stops.join(", ")),
        None => ("(not in the configuration)", "not said".to_owned()),
    };
    println!("  {name} {}: {} of {}", lever.id, lever.selector, lever.target);
    println!("    stops: {stops}");
    let harm = lever.harm;
    println!(
        "    at most {} pulls of {}, {} together, {} units; {}",
        harm.pulls,
        time(u64::from(lever.longest_hold_seconds)),
        time(harm.hold_seconds.saturating_to()),
        harm.units,
        limit(lever)
    );
    println!(
        "    {} of {} sentinels, arming {}, {} pulls left, cool-down {}, open holds {} ({} to run)",
        lever.sentinels_required,
        warden.read.sentinels.len(),
        lever.arming,
        lever.pulls_left,
        time(u64::from(lever.cool_down_seconds)),
        lever.open_holds,
        time(harm.open_hold_seconds.saturating_to())
    );
    if !lever.target_code_unchanged {
        println!(
            "    the target's code is not the pinned one: the lever is dead until it is registered anew"
        );
    }
    if let Some(known) = known {
        println!("    false-stop cost of that: {}", known.worst_cost_usd.0);
    }
}

fn limit(lever: &LeverHarm) -> &'static str {
    match lever.limited_by {
        HarmLimit::NotArmed => "not armed, so nothing until governance arms it",
        HarmLimit::Arming => "limited by the pulls that its arming leaves",
        HarmLimit::Budget => "limited by the budget",
        HarmLimit::CoolDown => "limited by the cool-down",
    }
}

/// Seconds for people.
pub(super) fn time(seconds: u64) -> String {
    let (d, h, m, s) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let parts = [(d, "d"), (h, "h"), (m, "min"), (s, "s")];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        for (text, expect) in
            [("90", 90), ("90s", 90), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800)]
        {
            assert_eq!(seconds(text), Ok(expect), "{text}");
        }
        for text in ["", "h", "-1h", "1w", "99999999999999999999d", "é"] {
            assert!(seconds(text).unwrap_err().contains("24h"), "{text}");
        }
        assert_eq!(time(90_061), "1 d 1 h 1 min 1 s");
        assert_eq!(time(0), "0 s");
    }
}
