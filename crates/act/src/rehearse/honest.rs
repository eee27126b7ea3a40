//! What a lever would break for honest users: recent transactions of others, played again with the lever pulled first.
//!
//! They are found by the logs of the covered contracts, so calls through routers are among them and calls that log
//! nothing are not. They are played in their order on the state before the oldest of them (or, where the lever did not
//! work there yet, on the newest), once without the lever and once behind it; those that work without it count. A transaction that catches the failure of its own calls counts as
//! working though it does less.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U64, U256};
use futures_util::future::try_join_all;
use portcullis_types::action::{FunctionImpact, HonestImpact};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Play, effects::SimulatedCall, lever_call, simulate};
use crate::nodes::{Head, NodeError, Nodes};

/// How far back transactions are looked for, blocks.
const BLOCKS: u64 = 64;
/// Most transactions that are played, the newest.
const TRANSACTIONS_MAX: usize = 32;
/// Most functions in the record.
const FUNCTIONS_MAX: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundLog {
    transaction_hash: B256,
}

/// A transaction that is in a block.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Past {
    hash: B256,
    block_number: Option<U64>,
    transaction_index: Option<U64>,
    from: Address,
    to: Option<Address>,
    value: U256,
    input: Bytes,
    gas: U64,
}

/// Looks, and says so where it could not.
pub(crate) async fn honest(nodes: &Nodes, play: Play<'_>, head: Head) -> HonestImpact {
    look(nodes, play, head).await.unwrap_or_else(HonestImpact::not_looked)
}

async fn look(nodes: &Nodes, play: Play<'_>, head: Head) -> Result<HonestImpact, String> {
    let first = head.id.number.saturating_sub(BLOCKS - 1);
    let (past, is_all) =
        find(nodes, play, first, head.id.number).await.map_err(|error| error.to_string())?;
    let mut impact =
        HonestImpact { blocks: Some((first, head.id.number)), ..HonestImpact::default() };
    if !is_all {
        impact.not_seen = Some(format!("only the newest {TRANSACTIONS_MAX} were played"));
    }
    let oldest = past.first().and_then(|one| one.block_number).map(|number| number.to::<u64>());
    let Some(before) = oldest.and_then(|number| number.checked_sub(1)) else {
        return Ok(impact);
    };
    let calls: Vec<Json> = past.iter().map(Past::call).collect();
    let mut behind = vec![lever_call(play.responder, play.call)];
    behind.extend(calls.iter().cloned());
    // Where the lever did not work yet (its role was granted since), the newest state has to do.
    for block in [before, head.id.number] {
        let (without, with) =
            tokio::try_join!(simulate(nodes, block, &calls), simulate(nodes, block, &behind))
                .map_err(|error| error.to_string())?;
        if let Some((pull, with)) = with.split_first()
            && pull.success()
        {
            count(&mut impact, &past, &without, with);
            return Ok(impact);
        }
    }
    Err("the lever's call fails, so nothing could be played behind it".to_owned())
}

/// Transactions of others whose logs the covered contracts wrote, oldest first, and whether these are all.
async fn find(
    nodes: &Nodes,
    play: Play<'_>,
    first: u64,
    last: u64,
) -> Result<(Vec<Past>, bool), NodeError> {
    let filter = json!({
        "fromBlock": U64::from(first), "toBlock": U64::from(last), "address": play.covers,
    });
    let logs: Vec<FoundLog> = nodes.request("eth_getLogs", json!([filter])).await?;
    let (mut seen, mut hashes) = (BTreeSet::new(), Vec::new());
    for log in logs.iter().rev() {
        if seen.insert(log.transaction_hash) {
            hashes.push(log.transaction_hash);
        }
    }
    let is_all = hashes.len() <= TRANSACTIONS_MAX;
    hashes.truncate(TRANSACTIONS_MAX);
    let asked = hashes
        .iter()
        .map(|hash| nodes.request::<Option<Past>>("eth_getTransactionByHash", json!([hash])));
    let mut past: Vec<Past> = try_join_all(asked).await?.into_iter().flatten().collect();
    past.retain(|one| one.is_of_others(play));
    past.sort_by_key(|one| (one.block_number, one.transaction_index));
    Ok((past, is_all))
}

fn count(
    impact: &mut HonestImpact,
    past: &[Past],
    without: &[SimulatedCall],
    with: &[SimulatedCall],
) {
    let mut functions: BTreeMap<(Address, FixedBytes<4>), (u32, u32)> = BTreeMap::new();
    for ((one, without), with) in past.iter().zip(without).zip(with) {
        let (Some(to), true) = (one.to, without.success()) else { continue };
        let broken = u32::from(!with.success());
        impact.tried += 1;
        impact.broken += broken;
        let selector = one.input.get(..4).map(FixedBytes::from_slice).unwrap_or_default();
        let counts = functions.entry((to, selector)).or_default();
        counts.0 += 1;
        counts.1 += broken;
    }
    let mut list: Vec<FunctionImpact> = functions
        .into_iter()
        .map(|((to, selector), (tried, broken))| FunctionImpact { to, selector, tried, broken })
        .collect();
    list.sort_by_key(|one| std::cmp::Reverse((one.broken, one.tried)));
    list.truncate(FUNCTIONS_MAX);
    impact.functions = list;
}

impl Past {
    fn is_of_others(&self, play: Play<'_>) -> bool {
        let is_attack = play.attack.is_some_and(|attack| {
            let is_its_contract = self.to == Some(attack.to) && !play.covers.contains(&attack.to);
            self.hash == attack.hash || self.from == attack.from || is_its_contract
        });
        // A deployment has nobody whom the lever could stop.
        let is_call = self.block_number.is_some() && self.to.is_some();
        !is_attack && self.from != play.responder && is_call
    }

    fn call(&self) -> Json {
        json!({
            "from": self.from, "to": self.to, "value": self.value, "input": self.input, "gas": self.gas,
        })
    }
}
