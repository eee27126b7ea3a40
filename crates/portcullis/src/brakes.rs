//! What is looked at of the brakes, by `portcullis readiness` and by the self-test beside `run`.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_act::{
    Nodes,
    lever::{ReadinessCheck, purse, readiness},
    warden::counts,
};
use portcullis_engine::ProtocolConfig;
use portcullis_types::{
    action::Lever,
    brake::{BrakeCheck, Standing},
    protocol::Contract,
    text::printable,
};

use crate::config::{ChainFile, Compiled};

/// Transactions that an acting account should be able to pay for.
pub(crate) const PULLS_WANTED: u64 = 10;
/// Gas of a heartbeat, and of a release that a sentinel sends.
const HEARTBEAT_GAS: u64 = 200_000;

/// An account that acts on a chain.
pub(crate) struct Actor {
    pub(crate) who: String,
    pub(crate) account: Address,
    /// Gas of one of its transactions.
    pub(crate) gas: u64,
}

/// The accounts that pull or order these levers.
pub(crate) fn actors<'a>(
    config: &Compiled,
    levers: impl IntoIterator<Item = &'a Lever>,
) -> Vec<Actor> {
    let levers: Vec<&Lever> = levers.into_iter().collect();
    let gas = levers.iter().map(|lever| lever.call.gas_limit).max();
    let (Some(gas), Some(responder)) = (gas, &config.responder) else { return Vec::new() };
    let mut all = vec![Actor { who: "responder".to_owned(), account: responder.address, gas }];
    let lanes = responder.lanes.iter().enumerate();
    all.extend(lanes.map(|(place, lane)| Actor {
        who: format!("lane {}", place + 1),
        account: lane.address,
        gas,
    }));
    if levers.iter().any(|lever| lever.warden.is_some()) {
        let sentinels = config.sentinels.iter().flat_map(|sentinels| &sentinels.keys);
        all.extend(sentinels.map(|one| Actor {
            who: format!("sentinel {}", one.name),
            account: one.address,
            gas: HEARTBEAT_GAS,
        }));
    }
    all
}

/// Contracts that hold value and that no lever covers.
pub(crate) fn uncovered(protocol: &ProtocolConfig) -> impl Iterator<Item = &Contract> {
    let covered: BTreeSet<Address> =
        protocol.ladder.iter().flat_map(|lever| lever.covers.clone()).collect();
    let holders = protocol.protocol.holders();
    holders.filter(move |contract| !covered.contains(&contract.address))
}

/// Tests everything of a protocol's brakes. Nothing is sent and no key is used.
pub(crate) async fn look(
    config: &Compiled,
    chain: &ChainFile,
    protocol: &ProtocolConfig,
    nodes: &Nodes,
) -> Vec<BrakeCheck> {
    let mut checks = Vec::new();
    let responder = config.responder.as_ref().map(|one| one.address).unwrap_or_default();
    for lever in &protocol.ladder {
        let found = readiness(lever, responder, nodes).await;
        checks.push(judged(lever_name(lever), &found));
    }
    let levers = protocol.ladder.iter().filter(|lever| lever.chain == chain.id);
    for Actor { who, account, gas } in actors(config, levers) {
        let brake = format!("purse of the {who}");
        checks.push(match purse(nodes, account, gas).await {
            Ok(read) => said(
                brake,
                read.transactions >= U256::from(PULLS_WANTED),
                &format!(
                    "{account} pays for fewer than {PULLS_WANTED} transactions: send it coins"
                ),
            ),
            Err(error) => unseen(brake, &error.to_string()),
        });
    }
    checks.extend(sentinels(config, chain, protocol, nodes).await);
    let bare: Vec<&str> = uncovered(protocol).map(|contract| contract.name.as_str()).collect();
    let why = format!("no lever covers {}: add one", bare.join(", "));
    checks.push(said("coverage".to_owned(), bare.is_empty(), &why));
    checks
}

/// How a lever is called among the parts of the brakes.
pub(crate) fn lever_name(lever: &Lever) -> String {
    format!("{}{}", portcullis_engine::LEVER, lever.name)
}

/// Whether the protocol's Wardens count the configured sentinels.
async fn sentinels(
    config: &Compiled,
    chain: &ChainFile,
    protocol: &ProtocolConfig,
    nodes: &Nodes,
) -> Vec<BrakeCheck> {
    let on_chain = protocol.ladder.iter().filter(|lever| lever.chain == chain.id);
    let wardens: BTreeSet<Address> =
        on_chain.filter_map(|lever| lever.warden.as_ref().map(|pull| pull.warden)).collect();
    let mut checks = Vec::new();
    for warden in wardens {
        for one in config.sentinels.iter().flat_map(|sentinels| &sentinels.keys) {
            let brake = format!("sentinel {} at Warden {warden}", one.name);
            let why = format!(
                "the Warden does not count {}: no fresh heartbeat, or it was taken out or killed",
                one.address
            );
            checks.push(match counts(nodes, warden, one.address).await {
                Ok(counts) => said(brake, counts, &why),
                Err(error) => unseen(brake, &error.to_string()),
            });
        }
    }
    checks
}

/// Everything of a protocol as "could not look", for one reason.
pub(crate) fn all_unseen(
    protocol: &ProtocolConfig,
    known: Vec<String>,
    why: &str,
) -> Vec<BrakeCheck> {
    let names =
        if known.is_empty() { protocol.ladder.iter().map(lever_name).collect() } else { known };
    names.into_iter().map(|brake| unseen(brake, why)).collect()
}

/// A lever's conditions in one word. What does not hold weighs more than what could not be looked at.
fn judged(brake: String, found: &[ReadinessCheck]) -> BrakeCheck {
    let broken: Vec<&str> = found
        .iter()
        .filter(|check| check.ok == Ok(false))
        .map(|check| check.what.as_str())
        .collect();
    if !broken.is_empty() {
        return said(brake, false, &format!("it is not so that {}", broken.join("; nor that ")));
    }
    match found.iter().find_map(|check| Some((&check.what, check.ok.as_ref().err()?))) {
        Some((what, error)) => unseen(brake, &format!("{what}: {error}")),
        None => said(brake, true, ""),
    }
}

fn said(brake: String, works: bool, why: &str) -> BrakeCheck {
    let standing = if works { Standing::Works } else { Standing::Broken };
    let why = if works { String::new() } else { printable(why) };
    BrakeCheck { brake, standing, why }
}

fn unseen(brake: String, why: &str) -> BrakeCheck {
    BrakeCheck { brake, standing: Standing::Unseen, why: printable(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_weighs_more_than_what_was_not_seen() {
        let check = |what: &str, ok: Result<bool, &str>| ReadinessCheck {
            what: what.to_owned(),
            ok: ok.map_err(str::to_owned),
        };
        let cases = [
            (vec![check("a", Ok(true))], Standing::Works, ""),
            (
                vec![check("a", Ok(true)), check("b", Err("silence"))],
                Standing::Unseen,
                "b: silence",
            ),
            (
                vec![check("a", Err("silence")), check("b", Ok(false)), check("c", Ok(false))],
                Standing::Broken,
                "it is not so that b; nor that c",
            ),
        ];
        for (found, standing, why) in cases {
            let judged = judged("lever x".to_owned(), &found);
            assert_eq!((judged.standing, judged.why.as_str()), (standing, why));
        }
    }
}
