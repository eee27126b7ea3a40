//! What users write under `notify:`. The caller reads the YAML and knows file and line; here the meaning is checked.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;
use url::Url;

use crate::{
    notice::{Audience, Kind},
    roster::RosterFile,
    secret::SecretFrom,
    severity::Severity,
};

/// What is wrong with a configuration, and the value that it is about, by which the caller finds the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ConfigProblem {
    /// What is wrong, and the remedy.
    pub problem: String,
    /// What to look for in the file.
    pub about: Option<String>,
}

impl ConfigProblem {
    pub(crate) fn new(problem: String, about: &str) -> Self {
        Self { problem, about: Some(about.to_owned()) }
    }
}

/// The section `notify`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyFile {
    /// Name of this sensor, as pagers show it. Default `portcullis`.
    #[serde(default = "default_source")]
    pub source: String,
    /// Where the queue is kept; relative to the configuration's folder. Default `portcullis-outbox.sqlite`.
    #[serde(default = "default_outbox")]
    pub outbox: PathBuf,
    /// Ways to people.
    pub channels: Vec<ChannelFile>,
    /// Who is told what. Every route that fits counts.
    pub routes: Vec<RouteFile>,
    /// After a message, further ones of its kind and group are folded into one for so long, seconds. Default 30.
    #[serde(default = "default_group_seconds")]
    pub group_seconds: u64,
    /// Most messages that wait for one channel; what is beyond is folded. Default 1000.
    #[serde(default = "default_queue_rows_max")]
    pub queue_rows_max: u32,
    /// A channel that fails for so long is told of on the others, seconds. Default 60.
    #[serde(default = "default_down_after_seconds")]
    pub down_after_seconds: u64,
    /// People, rotations and whom to call when nobody answers.
    #[serde(default)]
    pub roster: Option<RosterFile>,
}

fn default_source() -> String {
    "portcullis".to_owned()
}

fn default_outbox() -> PathBuf {
    "portcullis-outbox.sqlite".into()
}

fn default_group_seconds() -> u64 {
    30
}

fn default_queue_rows_max() -> u32 {
    1_000
}

fn default_down_after_seconds() -> u64 {
    60
}

/// One way to people.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelFile {
    /// Name, unique.
    pub name: String,
    /// Who reads it. Default `team`. To `public` only what a person released goes.
    #[serde(default)]
    pub audience: Audience,
    /// What it is.
    pub via: Via,
    /// Most messages a minute; each kind has a default below its service's limit.
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// Most messages at once after a quiet time. The last of them is kept for P1.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Longest wait for an answer, seconds. Default 10.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
}

fn default_timeout_seconds() -> u64 {
    10
}

/// What a channel is, and where. Addresses that let everybody write who knows them are secrets.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Via {
    /// An incoming webhook of Slack.
    Slack {
        /// The webhook.
        url: SecretFrom,
    },
    /// A webhook of Discord.
    Discord {
        /// The webhook.
        url: SecretFrom,
    },
    /// A bot of Telegram.
    Telegram {
        /// The bot's token.
        token: SecretFrom,
        /// Chat, by number or `@channel`.
        chat: String,
        /// How the text is marked up. Default `html`.
        #[serde(default)]
        format: TelegramFormat,
        /// Another server of the Bot API. Default `https://api.telegram.org`.
        #[serde(default)]
        server: Option<Url>,
    },
    /// E-mail.
    #[serde(rename_all = "camelCase")]
    Email {
        /// Server.
        host: String,
        /// Port. Default 465 for `tls`, 587 for `startTls`, 25 for `none`.
        #[serde(default)]
        port: Option<u16>,
        /// How the connection is protected. Default `tls`.
        #[serde(default)]
        security: MailSecurity,
        /// Account, where the server asks for one.
        #[serde(default)]
        user: Option<String>,
        /// Its password.
        #[serde(default)]
        password: Option<SecretFrom>,
        /// Sender.
        from: String,
        /// Receivers.
        to: Vec<String>,
    },
    /// `PagerDuty`, Events v2.
    #[serde(rename_all = "camelCase")]
    PagerDuty {
        /// Integration key.
        routing_key: SecretFrom,
        /// Another address. Default `https://events.pagerduty.com/v2/enqueue`.
        #[serde(default)]
        url: Option<Url>,
    },
    /// Prometheus Alertmanager.
    Alertmanager {
        /// Address of the server, without `/api/v2/alerts`; a secret, because it may hold a password.
        url: SecretFrom,
    },
    /// Any program that checks our signature.
    Webhook {
        /// Where.
        url: SecretFrom,
        /// The shared secret, at least 32 characters.
        secret: SecretFrom,
    },
}

/// Mark-up of Telegram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TelegramFormat {
    /// HTML.
    #[default]
    Html,
    /// `MarkdownV2`.
    MarkdownV2,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MailSecurity {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// Plain first, then TLS; without it nothing is sent.
    StartTls,
    /// Not at all: taken for servers on this machine only.
    None,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteFile {
    /// From which severity on: `P2` takes P1 and P2.
    pub min_severity: Severity,
    /// Only these kinds; all where it is left out.
    #[serde(default)]
    pub kinds: Option<Vec<Kind>>,
    /// To these channels.
    pub channels: Vec<String>,
}

impl Via {
    /// Messages a minute and at once that stay below what the service takes.
    pub(crate) fn default_rate(&self) -> (u32, u32) {
        match self {
            Self::Slack { .. } => (60, 5),
            Self::Discord { .. } => (30, 5),
            // A group takes 20 a minute.
            Self::Telegram { .. } => (20, 5),
            Self::Email { .. } => (30, 10),
            Self::PagerDuty { .. } => (120, 30),
            Self::Alertmanager { .. } | Self::Webhook { .. } => (600, 100),
        }
    }
}

impl NotifyFile {
    /// Checks what can be checked without reading a secret or opening a connection.
    ///
    /// # Errors
    /// The first [`ConfigProblem`].
    pub fn check(&self) -> Result<(), ConfigProblem> {
        let mut names = BTreeSet::new();
        for channel in &self.channels {
            check_channel(channel)?;
            if !names.insert(channel.name.as_str()) {
                let text = format!(
                    "the channel `{}` is described twice: rename or remove one",
                    channel.name
                );
                return Err(ConfigProblem::new(text, &channel.name));
            }
        }
        for name in self.routes.iter().flat_map(|route| &route.channels) {
            if !names.contains(name.as_str()) {
                let known: Vec<&str> = names.iter().copied().collect();
                let text = format!(
                    "a route names the channel `{name}`, which is not described; known: {}",
                    known.join(", ")
                );
                return Err(ConfigProblem::new(text, name));
            }
        }
        for kind in Kind::ALL {
            if !self.reaches_team(kind) {
                let text = format!(
                    "no route brings a P1 of the kind `{}` to a channel of the team: add a route without `kinds`",
                    kind.name()
                );
                return Err(ConfigProblem::new(text, "routes"));
            }
        }
        if self.queue_rows_max < 10 {
            let text =
                "`queueRowsMax` must be at least 10: in a storm the rest is folded".to_owned();
            return Err(ConfigProblem::new(text, "queueRowsMax"));
        }
        if let Some(roster) = &self.roster {
            roster.check(&names)?;
        }
        Ok(())
    }

    fn reaches_team(&self, kind: Kind) -> bool {
        let fitting = self.routes.iter().filter(|route| route.takes(kind, Severity::P1));
        let mut names = fitting.flat_map(|route| &route.channels);
        names.any(|name| {
            self.channels
                .iter()
                .any(|channel| channel.name == *name && channel.audience == Audience::Team)
        })
    }
}

impl RouteFile {
    /// Whether it takes such a notice.
    pub fn takes(&self, kind: Kind, severity: Severity) -> bool {
        severity <= self.min_severity
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }
}

fn check_channel(channel: &ChannelFile) -> Result<(), ConfigProblem> {
    let name = &channel.name;
    let problem = |text: &str, about: &str| {
        Err(ConfigProblem::new(format!("channel `{name}`: {text}"), about))
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 60 || !name.chars().all(is_name) {
        return problem("a name has 1 to 60 letters, digits, - or _: rename it", name);
    }
    let is_pager = matches!(channel.via, Via::PagerDuty { .. } | Via::Alertmanager { .. });
    if is_pager && channel.audience == Audience::Public {
        return problem("a pager has no public: remove `audience`", name);
    }
    if channel.per_minute == Some(0) || channel.burst == Some(0) || channel.timeout_seconds == 0 {
        return problem("perMinute, burst and timeoutSeconds must be above 0", name);
    }
    if let Via::Email { host, security, user, password, from, to, .. } = &channel.via {
        if *security == MailSecurity::None && !is_local(host) {
            return problem(
                "`security: none` is for servers on this machine: use tls or startTls",
                host,
            );
        }
        if user.is_some() != password.is_some() {
            return problem("`user` and `password` go together: give both or none", name);
        }
        if to.is_empty() {
            return problem("`to` is empty: name at least one receiver", name);
        }
        for address in to.iter().chain([from]) {
            if address.parse::<lettre::message::Mailbox>().is_err() {
                return problem(&format!("`{address}` is no e-mail address: correct it"), address);
            }
        }
    }
    Ok(())
}

/// Whether a host is this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
