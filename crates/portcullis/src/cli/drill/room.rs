//! The war room of a drill: people with throwaway keys, playbooks, and a console to watch from.
//!
//! The keys are those of the local chain's development accounts: public knowledge, worth nothing anywhere else. They stand
//! in a file beside the configuration so that a visitor can sign as one of the people.

use std::{
    fs::OpenOptions, io::Write as _, net::SocketAddr, os::unix::fs::OpenOptionsExt as _, path::Path,
};

use anyhow::Context as _;
use portcullis_range::{Chain, Scenario, World};

use crate::api;

/// The people of a scenario's `roster.yaml`, and the development account each signs with.
const PEOPLE: [(&str, usize); 3] = [("ada", 5), ("ben", 6), ("cleo", 7)];

/// How the visitor is named in the record.
const VISITOR: &str = "visitor";

/// What the configuration needs besides the scenario's, and what the visitor is told.
pub(super) struct Room {
    /// Sections for the end of the configuration.
    pub(super) sections: String,
    pub(super) link: String,
    keys: String,
    rpc: String,
}

impl Room {
    /// Writes the roster and the visitor's token into `out`.
    pub(super) fn prepare(
        out: &Path,
        (chain, world, scenario): (&Chain, &World, &Scenario),
        listen: SocketAddr,
    ) -> anyhow::Result<Self> {
        let template = scenario.folder().join("roster.yaml");
        let template = std::fs::read_to_string(&template).with_context(|| {
            format!("{}: a drill with a console needs a roster", template.display())
        })?;
        let mut named = Vec::new();
        let mut keys = String::new();
        for (name, account) in PEOPLE {
            let address = chain.development_address(account)?.to_string();
            keys += &format!("{name} {address} {}\n", chain.development_key(account)?);
            named.push((name, address));
        }
        let extra: Vec<(&str, &str)> =
            named.iter().map(|(name, address)| (*name, address.as_str())).collect();
        write(out, "roster.yaml", &world.render(&template, &extra)?)?;
        write_secret(out, "people.keys", &keys)?;
        let token = api::new_token().context("the system has no randomness")?;
        write_secret(out, "visitor.token", &token)?;
        let own = std::path::absolute(scenario.folder().join("playbook.yaml"))?;
        let playbooks = portcullis_range::project_root()?.join("playbooks");
        let drills = std::path::absolute(out.parent().unwrap_or(out))?;
        let sections = format!(
            "\nwar:\n  roster: roster.yaml\n  playbooks:\n    - {playbook}\n    - {alarm}\n\n\
             console:\n  listen: \"{listen}\"\n  access: {{ada: commander, ben: responder, cleo: responder}}\n  \
             tokens: [{{name: {VISITOR}, file: visitor.token, access: commander}}]\n  drills: [{drills}]\n",
            playbook = quoted(&own),
            alarm = quoted(&playbooks.join("false-alarm.yaml")),
            drills = quoted(&drills),
        );
        Ok(Self {
            sections,
            link: format!("http://{listen}/sign-in#token={token}"),
            keys: out.join("people.keys").display().to_string(),
            rpc: chain.http_url(),
        })
    }

    /// What the visitor is told before the attack begins.
    pub(super) fn invitation(&self) -> String {
        format!(
            "watch it in the console: {}\nto sign as ada, ben or cleo, take a key of {} into a browser's wallet (they are worth nothing),\n\
             and add the network {} to it, chain 31337: wallets sign only for the chain that they are on\n",
            self.link, self.keys, self.rpc
        )
    }
}

/// A path as YAML takes it, whatever is in it.
fn quoted(path: &Path) -> String {
    serde_json::Value::String(path.display().to_string()).to_string()
}

fn write(out: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = out.join(name);
    std::fs::write(&path, text).with_context(|| format!("{}", path.display()))
}

/// As secrets are kept: readable by their owner alone.
fn write_secret(out: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = out.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("{}", path.display()))
}
