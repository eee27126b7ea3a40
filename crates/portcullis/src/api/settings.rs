//! What the API is told when it starts.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use alloy_primitives::Address;
use portcullis_case::{Playbook, Roster};
use portcullis_notify::NotifyFile;

use super::{access::Access, secret::digest, siwe::Expected, wallets::Wallets};
use crate::{runner::Desk, store::StoreHealth};

/// What people agree to when they sign in.
const STATEMENT: &str = "Sign in to the Portcullis console. This signature moves no funds, pulls no lever and costs nothing.";

/// Longest time without news of a chain before the program counts as blind, seconds. Default of `console.staleSeconds`.
pub const STALE_SECONDS: u64 = 120;

/// Where browsers see the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    text: String,
    authority: String,
    is_https: bool,
}

impl Origin {
    /// Reads `https://host[:port]`; `http` only for this machine.
    ///
    /// # Errors
    /// Why not, and what to write.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`console.origin` `{text}` {why}: write for instance https://console.example.org"
            )
        };
        let url: url::Url = text.parse().map_err(|_| wrong("is no URL"))?;
        let host = url.host().ok_or_else(|| wrong("names no host"))?;
        let is_https = url.scheme() == "https";
        let is_here = match &host {
            url::Host::Domain(name) => *name == "localhost",
            url::Host::Ipv4(four) => four.is_loopback(),
            url::Host::Ipv6(six) => six.is_loopback(),
        };
        let is_local = url.scheme() == "http" && is_here;
        if !is_https && !is_local {
            return Err(wrong("is neither https nor on this machine"));
        }
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has more than scheme, host and port"));
        }
        let origin = url.origin().ascii_serialization();
        let authority = origin.split_once("://").map_or("", |(_, rest)| rest).to_owned();
        Ok(Self { text: origin, authority, is_https })
    }

    /// `https://host[:port]`, without a default port.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `host[:port]`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the way to browsers is encrypted.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Name of the session's cookie. `__Host-` binds it to this host and to https; browsers take it only there.
    pub fn cookie(&self) -> &'static str {
        if self.is_https { "__Host-portcullis" } else { "portcullis-session" }
    }
}

/// A bearer token, kept as a digest.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name; what stands in the audit.
    pub name: String,
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// What it may do.
    pub access: Access,
}

impl Token {
    /// A token of this text.
    pub fn new(name: &str, text: &str, access: Access) -> Self {
        Self { name: name.to_owned(), digest: digest(text), access }
    }
}

/// Everything that the API needs besides the journal's content.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What browsers see.
    pub origin: Origin,
    /// The chain that sign-in messages name.
    pub chain_id: u64,
    /// People; who signs in is found by `signer`.
    pub roster: Roster,
    /// What people may do. Default of a person with a signer: responder.
    pub access: BTreeMap<String, Access>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// The journal.
    pub journal: PathBuf,
    /// Channels, and the folder of their secrets.
    pub notify: Option<(NotifyFile, PathBuf)>,
    /// Folders with outputs of `portcullis backtest`.
    pub reports: Vec<PathBuf>,
    /// Folders with outputs of `portcullis drill`.
    pub drills: Vec<PathBuf>,
    /// Where evidence that people hand in is kept.
    pub evidence: PathBuf,
    /// Seconds without news of a chain before [`super`] says that it is blind; none where the journal is a record that
    /// nobody writes to.
    pub stale_seconds: Option<u64>,
    /// Playbooks that can begin.
    pub playbooks: Vec<Playbook>,
    /// Where words of people go; none where the journal is a record.
    pub desk: Option<Desk>,
    /// Whether everybody may read what was released for the public.
    pub public_status: bool,
    /// Whether the journal can be written now. That of a record says nothing.
    pub store: StoreHealth,
    /// Who is asked whether a contract wallet has signed (EIP-1271); none where there is no node.
    pub wallets: Option<Wallets>,
}

impl Settings {
    /// What a sign-in message must say.
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            domain: self.origin.authority.clone(),
            uri: self.origin.text.clone(),
            statement: STATEMENT.to_owned(),
            chain_id: self.chain_id,
        }
    }

    /// The person who signs with a key, and what they may do; none for a stranger, or where two share the key.
    pub(crate) fn person(&self, signer: Address) -> Option<(&str, Access)> {
        let mut people = self.roster.people.iter().filter(|one| one.signer == Some(signer));
        let person = people.next()?;
        if people.next().is_some() {
            return None;
        }
        let access = self.access.get(&person.name).copied().unwrap_or(Access::Responder);
        Some((&person.name, access))
    }

    /// The audit: beside the journal.
    pub(crate) fn audit(&self) -> PathBuf {
        let mut name = self.journal.as_os_str().to_owned();
        name.push(".audit.jsonl");
        name.into()
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self.listen.ip() {
            IpAddr::V4(four) => four.is_loopback(),
            IpAddr::V6(six) => six.is_loopback(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_https_or_here() {
        let good = [
            (
                "https://pc.example.org",
                "https://pc.example.org",
                "pc.example.org",
                "__Host-portcullis",
            ),
            (
                "https://pc.example.org:443/",
                "https://pc.example.org",
                "pc.example.org",
                "__Host-portcullis",
            ),
            (
                "http://127.0.0.1:7711",
                "http://127.0.0.1:7711",
                "127.0.0.1:7711",
                "portcullis-session",
            ),
            ("http://localhost:80", "http://localhost", "localhost", "portcullis-session"),
            ("http://[::1]:7711", "http://[::1]:7711", "[::1]:7711", "portcullis-session"),
        ];
        for (text, origin, authority, cookie) in good {
            let read = Origin::read(text).unwrap();
            assert_eq!((read.text(), read.authority(), read.cookie()), (origin, authority, cookie));
        }
        for bad in [
            "",
            "pc.example.org",
            "http://pc.example.org",
            "ftp://127.0.0.1",
            "https://a@b.org",
            "https://a.org/path",
            "https://a.org?x",
            "javascript:alert(1)",
            "http://127.0.0.1.evil.org",
        ] {
            assert!(Origin::read(bad).is_err(), "{bad}");
        }
    }
}
