//! Sentinels: the accounts whose signatures Wardens count.

use std::{collections::BTreeSet, path::Path};

use alloy_primitives::Address;
use serde::Deserialize;

use super::{
    compile::{Problem, about, unique},
    file::{KeyFile, ResponderFile},
    keys::absolute_key,
};

/// The sentinels and how they go about.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SentinelsFile {
    /// Seconds between two heartbeats of a sentinel; well below the Warden's window. Default 3600.
    #[serde(default = "hour")]
    pub heartbeat_seconds: u64,
    /// Most orders that a sentinel signs for one Warden within an hour. Default 6.
    #[serde(default = "six")]
    pub orders_per_hour_max: u32,
    /// The sentinels.
    pub keys: Vec<SentinelFile>,
}

/// One sentinel.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SentinelFile {
    /// Name, unique.
    pub name: String,
    /// Its account; the key must belong to it. It pays for its own heartbeats.
    pub address: Address,
    /// Where its key is; may be left out where `command` reaches it elsewhere, or where nothing is signed.
    #[serde(default)]
    pub key: Option<KeyFile>,
    /// A program that speaks as `portcullis signer` does on its standard input and output, with its arguments: how a
    /// sentinel on another machine is reached. Left out: `portcullis signer --sentinel NAME` is started here.
    #[serde(default)]
    pub command: Option<Vec<String>>,
}

fn hour() -> u64 {
    3_600
}

fn six() -> u32 {
    6
}

/// Checks the sentinels and makes their paths absolute.
pub(super) fn compile(
    folder: &Path,
    from: &SentinelsFile,
    responder: Option<&ResponderFile>,
) -> Result<SentinelsFile, Problem> {
    let (mut names, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    let mut sentinels = from.clone();
    if from.heartbeat_seconds < 60 {
        let text = "heartbeatSeconds must be at least 60: every heartbeat is a transaction";
        return Err(about(text, "heartbeatSeconds"));
    }
    for one in &mut sentinels.keys {
        unique(&mut names, "sentinel", &one.name)?;
        unique(&mut accounts, "sentinel's account", &one.address.to_string())?;
        if responder.is_some_and(|responder| responder.address == one.address) {
            let text = format!(
                "sentinel `{}` has the responder's account: give it one of its own, or a stuck heartbeat stands before \
                 every pull",
                one.name
            );
            return Err(about(&text, &one.name));
        }
        if one.command.as_ref().is_some_and(Vec::is_empty) {
            let text = format!("the `command` of sentinel `{}` is empty: leave it out", one.name);
            return Err(about(&text, &one.name));
        }
        absolute_key(folder, &mut one.key);
    }
    Ok(sentinels)
}
