//! One channel's way out: over HTTP, or by mail.

mod http;
mod smtp;

use std::path::Path;

use portcullis_types::ids::Millis;
use url::Url;

pub(crate) use http::Http;
pub(crate) use smtp::Smtp;

use crate::{
    config::{ChannelFile, ConfigProblem, NotifyFile, TelegramFormat, Via, is_local},
    outbox::Failure,
    render::{Envelope, Format, Payload, render},
    secret::{Secret, SecretFrom},
};

/// Where `PagerDuty` takes events.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Where Telegram takes messages.
const TELEGRAM: &str = "https://api.telegram.org";

/// Least length of the secret that signs webhooks, characters.
const WEBHOOK_SECRET_CHARS_MIN: usize = 32;

/// One channel with what it needs to send. Shows nothing of its secrets.
#[derive(Debug)]
pub struct Line {
    name: String,
    format: Format,
    wire: Wire,
}

#[derive(Debug)]
enum Wire {
    Http(Http),
    Smtp(Box<Smtp>),
}

impl Line {
    /// All channels of a configuration that was checked, with their secrets read. `folder` is where relative paths begin.
    ///
    /// # Errors
    /// The first [`ConfigProblem`]; it names where a secret should be, never what it is.
    pub fn open_all(file: &NotifyFile, folder: &Path) -> Result<Vec<Self>, ConfigProblem> {
        file.channels.iter().map(|channel| Self::open(file, channel, folder)).collect()
    }

    fn open(
        file: &NotifyFile,
        channel: &ChannelFile,
        folder: &Path,
    ) -> Result<Self, ConfigProblem> {
        let problem = |text: String| {
            ConfigProblem::new(format!("channel `{}`: {text}", channel.name), &channel.name)
        };
        let (format, wire) = wire(file, channel, folder).map_err(problem)?;
        Ok(Self { name: channel.name.clone(), format, wire })
    }

    /// The channel's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends one message.
    ///
    /// # Errors
    /// Why it did not arrive, or may not have.
    pub(crate) async fn send(&self, now: Millis, envelope: &Envelope) -> Result<(), Failure> {
        let payload =
            render(&self.format, envelope).map_err(|why| Failure::Undeliverable { why })?;
        match (&self.wire, payload) {
            (Wire::Http(http), Payload::Json(body)) => http.post(now, &envelope.id, body).await,
            (Wire::Smtp(smtp), Payload::Mail(mail)) => {
                smtp.send(now, envelope.to.as_deref(), &mail).await
            }
            // Format and wire are made together.
            _ => Err(Failure::Undeliverable {
                why: "the channel does not take this form".to_owned(),
            }),
        }
    }
}

fn wire(file: &NotifyFile, channel: &ChannelFile, folder: &Path) -> Result<(Format, Wire), String> {
    let http = |url: Url| Http::new(url, channel.timeout_seconds);
    let source = file.source.clone();
    Ok(match &channel.via {
        Via::Slack { url } => (Format::Slack, Wire::Http(http(address(url, folder)?)?)),
        Via::Discord { url } => {
            let mut url = address(url, folder)?;
            // Without it, Discord answers before it has taken the message.
            url.query_pairs_mut().append_pair("wait", "true");
            (Format::Discord, Wire::Http(http(url)?))
        }
        Via::Telegram { token, chat, format, server } => {
            let token = token.read(folder)?;
            let base =
                server.as_ref().map_or(TELEGRAM, Url::as_str).trim_end_matches('/').to_owned();
            let url = checked(&format!("{base}/bot{}/sendMessage", token.reveal()))?;
            let markdown = *format == TelegramFormat::MarkdownV2;
            (Format::Telegram { chat: chat.clone(), markdown }, Wire::Http(http(url)?))
        }
        Via::PagerDuty { routing_key, url } => {
            let url = checked(url.as_ref().map_or(PAGERDUTY, Url::as_str))?;
            let wire = http(url)?.with_routing_key(routing_key.read(folder)?);
            (Format::PagerDuty { source }, Wire::Http(wire))
        }
        Via::Alertmanager { url } => {
            let base = url.read(folder)?;
            let url = checked(&format!("{}/api/v2/alerts", base.reveal().trim_end_matches('/')))?;
            (Format::Alertmanager { source }, Wire::Http(http(url)?))
        }
        Via::Webhook { url, secret } => {
            let secret: Secret = secret.read(folder)?;
            if secret.reveal().chars().count() < WEBHOOK_SECRET_CHARS_MIN {
                return Err(format!(
                    "the secret that signs is shorter than {WEBHOOK_SECRET_CHARS_MIN} characters: make a longer one"
                ));
            }
            (Format::Webhook, Wire::Http(http(address(url, folder)?)?.signed_with(secret)))
        }
        Via::Email { .. } => (Format::Mail, Wire::Smtp(Box::new(Smtp::new(channel, folder)?))),
    })
}

fn address(from: &SecretFrom, folder: &Path) -> Result<Url, String> {
    checked(from.read(folder)?.reveal())
}

/// An address to which secrets may be sent. The text of a wrong one is a secret too, and not repeated.
fn checked(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|_| "the address is no URL: correct it where it is kept".to_owned())?;
    let is_safe =
        url.scheme() == "https" || (url.scheme() == "http" && url.host_str().is_some_and(is_local));
    if !is_safe {
        return Err(
            "the address must begin with https:// (http:// for this machine only)".to_owned()
        );
    }
    Ok(url)
}
