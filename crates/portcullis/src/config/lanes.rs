//! Further accounts that pull levers, and the relays that take their transactions in private.

use std::{collections::BTreeSet, path::Path};

use alloy_primitives::Address;
use portcullis_act::{
    lanes::LANES_MAX,
    relay::{BLOCKS_MAX, BLOCKS_MIN, RELAYS_MAX, RelayKind},
};
use serde::Deserialize;

use super::{
    compile::{Problem, about, expand, unique},
    file::{ChainFile, ConfigFile, KeyFile, ResponderFile},
    keys::absolute_key,
};

/// A further account that pulls levers, with nonces of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaneFile {
    /// Its address; the key must belong to it. It pays for what it sends.
    pub address: Address,
    /// Where the key is.
    pub key: KeyFile,
}

/// A private relay.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelayFile {
    /// `https://…`; `${VARIABLE}` is taken from the environment.
    pub url: String,
    /// `bundle` or `privateTransaction`.
    pub kind: RelayKind,
    /// For how many of the next blocks a transaction is given, 3 to 25. Default 5.
    #[serde(default = "five")]
    pub blocks: u64,
}

fn five() -> u64 {
    5
}

/// Checks the lanes and makes their paths absolute.
pub(super) fn lanes(
    folder: &Path,
    mut responder: ResponderFile,
    file: &ConfigFile,
) -> Result<ResponderFile, Problem> {
    let mut accounts = BTreeSet::from([responder.address.to_string()]);
    if responder.lanes.len() >= LANES_MAX {
        let text = format!(
            "`lanes` has {}: with the responder {LANES_MAX} are the most",
            responder.lanes.len()
        );
        return Err(about(&text, "lanes"));
    }
    for lane in &mut responder.lanes {
        unique(&mut accounts, "account of a lane", &lane.address.to_string())?;
        let mut key = Some(lane.key.clone());
        absolute_key(folder, &mut key);
        if let Some(key) = key {
            lane.key = key;
        }
    }
    let sentinels = file.sentinels.iter().flat_map(|sentinels| &sentinels.keys);
    for one in sentinels {
        if responder.lanes.iter().any(|lane| lane.address == one.address) {
            let text = format!(
                "sentinel `{}` has the account of a lane: give it one of its own",
                one.name
            );
            return Err(about(&text, &one.name));
        }
    }
    absolute_key(folder, &mut responder.relay_identity);
    Ok(responder)
}

/// Checks a chain's relays and fills in what the environment has.
pub(super) fn relays(chain: &mut ChainFile, file: &ConfigFile) -> Result<(), Problem> {
    if chain.relays.len() > RELAYS_MAX {
        return Err(about(
            &format!("chain `{}`: {RELAYS_MAX} relays are the most", chain.name),
            "relays",
        ));
    }
    for relay in &mut chain.relays {
        relay.url = expand(&relay.url)?;
        if !(BLOCKS_MIN..=BLOCKS_MAX).contains(&relay.blocks) {
            let text = format!(
                "chain `{}`: a relay\'s `blocks` must be from {BLOCKS_MIN} to {BLOCKS_MAX}",
                chain.name
            );
            return Err(about(&text, "blocks"));
        }
    }
    let has_identity =
        file.responder.as_ref().is_none_or(|responder| responder.relay_identity.is_some());
    if !chain.relays.is_empty() && !has_identity {
        let text = format!(
            "chain `{}` has relays, and `responder.relayIdentity` is missing: name a key that holds no funds and is no \
             other account of yours, with which requests to relays are signed",
            chain.name
        );
        return Err(about(&text, "relays"));
    }
    Ok(())
}
