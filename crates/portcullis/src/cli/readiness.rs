//! `portcullis readiness`: which brakes work right now, who can pull them, and what no lever covers. Nothing is sent and
//! no key is used.

mod show;

use std::{path::PathBuf, time::Duration};

use alloy_primitives::Address;
use clap::Args;
use portcullis_act::{
    Nodes,
    lever::{Purse, purse, readiness as look_at},
    warden::{WardenHarm, harm as read_harm, timelock_delay},
};
use portcullis_engine::ProtocolConfig;
use portcullis_types::{
    action::{Lever, Rung, Undo},
    text::printable,
};
use serde::Serialize;

use super::{Ending, harm::by_warden, load_config, output::print_json};
use crate::{
    brakes::{Actor, PULLS_WANTED, actors, uncovered},
    config::{ChainFile, Compiled},
    runner::urls,
};

/// Blocks from a decision to a mined pull that are reckoned with: the next one, and one to spare.
const BLOCKS_TO_A_PULL: u64 = 2;

#[derive(Debug, Args)]
pub(crate) struct ReadinessArgs {
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
}

/// `readiness --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    /// Questions that nobody answered; nothing is known of them.
    could_not_look: usize,
    protocols: Vec<OneProtocol>,
    wardens: Vec<OneWarden>,
    purses: Vec<OnePurse>,
    controls: Vec<Control>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneProtocol {
    name: String,
    chain: String,
    levers: Vec<OneLever>,
    /// Contracts that hold value and are covered by no lever.
    uncovered: Vec<String>,
    rungs: Vec<OneRung>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneLever {
    name: String,
    rung: Rung,
    covers: Vec<String>,
    /// Who pulls it.
    pulled_by: String,
    /// Who lets go, and when.
    let_go_by: String,
    /// Whether it works right now; none where that could not be found out.
    works: Option<bool>,
    checks: Vec<OneCheck>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneCheck {
    what: String,
    /// None where it could not be looked at.
    ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    could_not_look: Option<String>,
}

/// How long containment takes on a step of the ladder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneRung {
    rung: Rung,
    /// Levers that work now.
    levers: Vec<String>,
    /// Minutes from a decision to a pull in a block; none where no lever of this step works.
    minutes: Option<String>,
    how: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneWarden {
    chain: String,
    warden: Address,
    read: Option<WardenHarm>,
    /// Seconds of governance's own delay, where it is a timelock.
    governance_delay_seconds: Option<alloy_primitives::U256>,
    could_not_look: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnePurse {
    chain: String,
    who: String,
    read: Option<Purse>,
    could_not_look: Option<String>,
}

/// A control of the SEAL certification for incident response, and what can be said of it from here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Control {
    id: &'static str,
    about: &'static str,
    /// None where it is about people and papers, which are not looked at.
    met: Option<bool>,
    because: String,
}

pub(crate) async fn readiness(args: &ReadinessArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let mut report = Report {
        ok: false,
        could_not_look: 0,
        protocols: Vec::new(),
        wardens: Vec::new(),
        purses: Vec::new(),
        controls: Vec::new(),
    };
    for chain in &config.chains {
        let limit = Duration::from_millis(chain.request_timeout_ms);
        let nodes = Nodes::connect(&urls(chain)?, limit).await?;
        nodes.require_chain(chain.id).await?;
        for protocol in config.engine.protocols.iter().filter(|p| p.protocol.chain == chain.id) {
            report.protocols.push(look_at_protocol(&config, chain, protocol, &nodes).await);
        }
        for (of, warden) in by_warden(&config).into_keys() {
            if of == chain.id {
                report.wardens.push(look_at_warden(chain, warden, &nodes).await);
            }
        }
        report.purses.extend(purses(&config, chain, &nodes).await);
    }
    report.controls = controls(&config, &report);
    report.could_not_look = unanswered(&report);
    report.ok = is_in_order(&report);
    if json {
        print_json(&report)?;
    } else {
        show::print(&report);
    }
    if report.could_not_look != 0 {
        anyhow::bail!("{} questions have no answer: look again", report.could_not_look);
    }
    Ok(if report.ok { Ending::Fine } else { Ending::NotInOrder })
}

async fn look_at_protocol(
    config: &Compiled,
    chain: &ChainFile,
    protocol: &ProtocolConfig,
    nodes: &Nodes,
) -> OneProtocol {
    let mut levers = Vec::new();
    for lever in &protocol.ladder {
        levers.push(look_at_lever(config, protocol, lever, nodes).await);
    }
    let uncovered = uncovered(protocol)
        .map(|contract| format!("{} ({})", contract.name, contract.address))
        .collect();
    let rungs = [Rung::Throttle, Rung::Delay, Rung::Function, Rung::Market, Rung::Protocol]
        .map(|rung| minutes(protocol, &levers, rung))
        .into();
    let name = protocol.protocol.name.clone();
    OneProtocol { name, chain: chain.name.clone(), levers, uncovered, rungs }
}

async fn look_at_lever(
    config: &Compiled,
    protocol: &ProtocolConfig,
    lever: &Lever,
    nodes: &Nodes,
) -> OneLever {
    let account = config.responder.as_ref().map(|responder| responder.address);
    let mut checks = Vec::new();
    for check in look_at(lever, account.unwrap_or_default(), nodes).await {
        let (ok, could_not_look) = match check.ok {
            Ok(ok) => (Some(ok), None),
            Err(why) => (None, Some(printable(&why))),
        };
        // Our own words; the chain puts numbers and addresses into them.
        checks.push(OneCheck { what: check.what, ok, could_not_look });
    }
    let works = if checks.iter().any(|check| check.ok == Some(false)) {
        Some(false)
    } else {
        checks.iter().all(|check| check.ok == Some(true)).then_some(true)
    };
    let pulled_by = match (&lever.warden, account) {
        (Some(pull), _) => format!("sentinels, through the Warden {}; anybody relays", pull.warden),
        (None, Some(account)) => format!("{account}, the responder"),
        (None, None) => "nobody: no responder is configured".to_owned(),
    };
    let let_go_by = match (&lever.undo, &lever.warden) {
        (Undo::ByCall { .. }, Some(_)) => {
            format!("anybody after {} s; its guardians before", lever.hold_seconds)
        }
        (Undo::ByCall { .. }, None) => format!("the responder after {} s", lever.hold_seconds),
        (Undo::ByExpiry, _) => format!("the target itself after {} s", lever.hold_seconds),
        (Undo::ByPeople { how }, _) => how.clone(),
    };
    let covers = lever.covers.iter().map(|one| protocol.protocol.name_of(*one)).collect();
    OneLever {
        name: lever.name.clone(),
        rung: lever.rung,
        covers,
        pulled_by,
        let_go_by,
        works,
        checks,
    }
}

/// From a decision to a pull: some blocks where the machine may act, the people's own time where not.
fn minutes(protocol: &ProtocolConfig, levers: &[OneLever], rung: Rung) -> OneRung {
    let of_rung = levers.iter().filter(|lever| lever.rung == rung && lever.works == Some(true));
    let levers: Vec<String> = of_rung.map(|lever| lever.name.clone()).collect();
    let policy = &protocol.policy;
    let (seconds, how) = if levers.is_empty() {
        return OneRung { rung, levers, minutes: None, how: "no lever of this step works now" };
    } else if policy.autonomy.of(rung).is_unattended() {
        (BLOCKS_TO_A_PULL * policy.block_seconds, "the machine pulls: two blocks of the policy")
    } else {
        (policy.response_seconds, "people pull: `responseSeconds` of the policy")
    };
    OneRung { rung, levers, minutes: Some(tenths_of_minutes(seconds)), how }
}

fn tenths_of_minutes(seconds: u64) -> String {
    let tenths = seconds.div_ceil(6);
    format!("{}.{}", tenths / 10, tenths % 10)
}

async fn look_at_warden(chain: &ChainFile, warden: Address, nodes: &Nodes) -> OneWarden {
    let read = async {
        let read = read_harm(nodes, warden, 86_400).await?;
        let delay = timelock_delay(nodes, read.governance).await?;
        Ok::<_, portcullis_act::NodeError>((read, delay))
    };
    let (read, governance_delay_seconds, could_not_look) = match read.await {
        Ok((read, delay)) => (Some(read), delay, None),
        Err(error) => (None, None, Some(printable(&error.to_string()))),
    };
    let chain = chain.name.clone();
    OneWarden { chain, warden, read, governance_delay_seconds, could_not_look }
}

/// The accounts that act on a chain.
async fn purses(config: &Compiled, chain: &ChainFile, nodes: &Nodes) -> Vec<OnePurse> {
    let ladders = config.engine.protocols.iter().flat_map(|protocol| &protocol.ladder);
    let levers = ladders.filter(|lever| lever.chain == chain.id);
    let mut all = Vec::new();
    for Actor { who, account, gas } in actors(config, levers) {
        let chain = chain.name.clone();
        all.push(match purse(nodes, account, gas).await {
            Ok(read) => OnePurse { chain, who, read: Some(read), could_not_look: None },
            Err(error) => {
                let why = Some(printable(&error.to_string()));
                OnePurse { chain, who, read: None, could_not_look: why }
            }
        });
    }
    all
}

fn controls(config: &Compiled, report: &Report) -> Vec<Control> {
    let working = |rung: &OneRung| !rung.levers.is_empty();
    let brakes = report.protocols.iter().all(|one| one.rungs.iter().any(working));
    let spare_nodes = config.chains.iter().all(|chain| chain.nodes.len() >= 2);
    let sentinels = report.wardens.iter().filter_map(|one| one.read.as_ref());
    let heard = sentinels.clone().flat_map(|read| &read.sentinels).filter(|one| one.counts).count();
    let all = sentinels.flat_map(|read| &read.sentinels).count();
    let people = "about people and papers: not looked at".to_owned();
    vec![
        Control {
            id: "ir-2.1.4",
            about: "tamper-evident logs",
            met: crate::store::Journal::is_taken(&config.journal).ok(),
            because: format!(
                "a hash-chained journal at {}; `portcullis journal verify` checks it",
                config.journal.display()
            ),
        },
        Control {
            id: "ir-3.1.2",
            about: "signers reachable, and tested",
            met: (all != 0).then_some(heard == all),
            because: format!(
                "{heard} of {all} machine signers have a fresh heartbeat; people were not asked"
            ),
        },
        Control {
            id: "ir-3.1.3",
            about: "prepared emergency transactions, backup nodes",
            met: Some(brakes && spare_nodes),
            because: format!(
                "every protocol has a lever that works now: {brakes}; every chain has a second node: {spare_nodes}"
            ),
        },
        Control {
            id: "ir-2.1.2",
            about: "coverage at all hours",
            met: None,
            because: people.clone(),
        },
        Control { id: "ir-3.1.1", about: "playbooks", met: None, because: people.clone() },
        Control { id: "ir-5.1.1", about: "yearly drills", met: None, because: people },
    ]
}

fn unanswered(report: &Report) -> usize {
    let levers = report.protocols.iter().flat_map(|one| &one.levers);
    levers.flat_map(|lever| &lever.checks).filter(|check| check.ok.is_none()).count()
        + report.wardens.iter().filter(|one| one.could_not_look.is_some()).count()
        + report.purses.iter().filter(|one| one.could_not_look.is_some()).count()
}

fn is_in_order(report: &Report) -> bool {
    let levers = report.protocols.iter().flat_map(|one| &one.levers);
    let pays = |one: &OnePurse| {
        let wanted = alloy_primitives::U256::from(PULLS_WANTED);
        one.read.as_ref().is_some_and(|read| read.transactions >= wanted)
    };
    levers.clone().all(|lever| lever.works == Some(true))
        && report.protocols.iter().all(|one| one.uncovered.is_empty())
        && report.wardens.iter().all(|one| one.read.is_some())
        && report.purses.iter().all(pays)
}
