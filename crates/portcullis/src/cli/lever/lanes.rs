//! `portcullis lever lanes`: the accounts that pull and the relays that they use, looked at from outside. Nothing is sent that
//! could be included; no key that acts is used.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use alloy_primitives::{Address, U256, utils::format_ether};
use clap::Args;
use portcullis_act::{
    Nodes,
    lanes::{LaneLook, look},
    relay::Reached,
};
use portcullis_types::text::printable;
use serde::Serialize;

use crate::{
    cli::{
        Ending, Usage, load_config,
        output::{Paint, print_json},
    },
    config::{ChainFile, Compiled, ResponderFile},
    runner::{relays, urls},
};

#[derive(Debug, Args)]
pub(crate) struct LanesArgs {
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
    /// Seconds after which an account is looked at again whose transactions wait in the pool: stuck is what has not moved.
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: u64,
}

/// `lever lanes --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    chains: Vec<OnChain>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnChain {
    chain: String,
    lanes: Vec<Lane>,
    relays: Vec<Relay>,
    /// Why the relays could not be asked.
    relays_unasked: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lane {
    account: Address,
    /// `responder` or `lane`.
    role: &'static str,
    balance_wei: Option<String>,
    nonce_latest: Option<u64>,
    nonce_pending: Option<u64>,
    /// Whether something waits in the pool and did not move while it was looked at.
    stuck: Option<bool>,
    /// What is not in order, with the remedy.
    problems: Vec<String>,
    /// What could not be looked at.
    unseen: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relay {
    #[serde(rename = "relay")]
    name: String,
    reachable: bool,
    answer_ms: u64,
    said: Option<String>,
}

pub(super) async fn lanes(args: &LanesArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let responder = config.responder.as_ref().ok_or_else(|| {
        Usage("the configuration has no `responder`: nobody pulls anything".to_owned())
    })?;
    let mut chains = Vec::new();
    for chain in &config.chains {
        chains.push(on_chain(&config, chain, responder, args.wait).await?);
    }
    let in_order = |one: &OnChain| {
        one.relays_unasked.is_none()
            && one.relays.iter().all(|relay| relay.reachable)
            && one.lanes.iter().all(|lane| lane.problems.is_empty())
    };
    let report = Report { ok: chains.iter().all(in_order), chains };
    if json {
        print_json(&report)?;
    } else {
        print(&report);
    }
    let unseen: Vec<&String> =
        report.chains.iter().flat_map(|one| &one.lanes).flat_map(|lane| &lane.unseen).collect();
    if let Some(first) = unseen.first() {
        anyhow::bail!("not everything could be looked at, first: {}", printable(first));
    }
    Ok(if report.ok { Ending::Fine } else { Ending::NotInOrder })
}

async fn on_chain(
    config: &Compiled,
    chain: &ChainFile,
    responder: &ResponderFile,
    wait: u64,
) -> anyhow::Result<OnChain> {
    let limit = Duration::from_millis(chain.request_timeout_ms);
    let nodes = Nodes::connect(&urls(chain)?, limit).await?;
    let accounts: Vec<Address> = std::iter::once(responder.address)
        .chain(responder.lanes.iter().map(|lane| lane.address))
        .collect();
    let looks = look(&nodes, &accounts).await;
    let waiting: Vec<Address> = looks
        .iter()
        .filter(|one| one.waiting().is_some_and(|count| count > 0))
        .map(|one| one.account)
        .collect();
    let mut later = BTreeMap::new();
    if !waiting.is_empty() {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        later.extend(look(&nodes, &waiting).await.into_iter().map(|one| (one.account, one)));
    }
    let lanes =
        looks.iter().map(|now| lane(now, later.get(&now.account), responder, wait)).collect();
    let (mut reached, mut relays_unasked) = (Vec::new(), None);
    match relays(config, chain, responder) {
        Ok(Some(relays)) => reached = relays.reach().await,
        Ok(None) => {}
        Err(error) => relays_unasked = Some(format!("{error:#}")),
    }
    let relays = reached.into_iter().map(relay).collect();
    Ok(OnChain { chain: chain.name.clone(), lanes, relays, relays_unasked })
}

fn relay(reached: Reached) -> Relay {
    Relay {
        name: reached.relay,
        reachable: reached.is_reachable,
        answer_ms: u64::try_from(reached.answered.as_millis()).unwrap_or(u64::MAX),
        said: reached.said.map(|said| printable(&said)),
    }
}

fn lane(now: &LaneLook, later: Option<&LaneLook>, responder: &ResponderFile, wait: u64) -> Lane {
    let (mut problems, mut unseen) = (Vec::new(), Vec::new());
    for error in [now.balance.as_ref().err(), now.latest.as_ref().err(), now.pending.as_ref().err()]
        .into_iter()
        .flatten()
    {
        unseen.push(error.clone());
    }
    let account = now.account;
    if let Ok(balance) = now.balance
        && balance < U256::from(responder.fee_wei_max)
    {
        problems.push(format!(
            "it has {} of the coin and one transaction may cost {}: fund it",
            format_ether(balance),
            format_ether(U256::from(responder.fee_wei_max))
        ));
    }
    let stuck = match (now.waiting(), later) {
        (Some(0), _) => Some(false),
        (Some(_), Some(later)) => match (&now.latest, &later.latest) {
            (Ok(before), Ok(after)) => Some(before == after && later.waiting() != Some(0)),
            _ => None,
        },
        _ => None,
    };
    if stuck == Some(true) {
        problems.push(format!(
            "{} of its transactions wait in the pool and none was mined in {wait} s: pulls go over another lane; find out what \
             they are and replace them",
            now.waiting().unwrap_or(0)
        ));
    }
    if stuck.is_none() && unseen.is_empty() {
        unseen.push(format!("the second look at {account} had no answer"));
    }
    Lane {
        account,
        role: if account == responder.address { "responder" } else { "lane" },
        balance_wei: now.balance.as_ref().ok().map(U256::to_string),
        nonce_latest: now.latest.as_ref().ok().copied(),
        nonce_pending: now.pending.as_ref().ok().copied(),
        stuck,
        problems,
        unseen,
    }
}

fn print(report: &Report) {
    let paint = Paint::stdout();
    for one in &report.chains {
        println!("{}", paint.bold(&printable(&one.chain)));
        for lane in &one.lanes {
            let is_fine = lane.problems.is_empty() && lane.unseen.is_empty();
            let mark = if is_fine { paint.good("ok ") } else { paint.bad("NO ") };
            let number =
                |nonce: Option<u64>| nonce.map_or("?".to_owned(), |nonce| nonce.to_string());
            println!(
                "{mark} {} {}: {} wei, nonce {} ({} with the pool)",
                lane.role,
                lane.account,
                lane.balance_wei.as_deref().unwrap_or("?"),
                number(lane.nonce_latest),
                number(lane.nonce_pending)
            );
            for problem in &lane.problems {
                println!("     {problem}");
            }
            for unseen in &lane.unseen {
                println!("     could not look: {}", printable(unseen));
            }
        }
        for relay in &one.relays {
            let mark = if relay.reachable { paint.good("ok ") } else { paint.bad("NO ") };
            let said = relay.said.as_deref().unwrap_or("took the question");
            println!("{mark} relay {}: {} ms, {said}", printable(&relay.name), relay.answer_ms);
        }
        if let Some(why) = &one.relays_unasked {
            println!("{} relays: {}", paint.bad("NO "), printable(why));
        }
    }
    println!("What a running program's relays took is in its log and its journal.");
}
