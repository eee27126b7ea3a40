//! From a notice to what a channel takes: within its limits, with its escapes.
//!
//! Everything is taken for hostile but our own words and the link, which the program makes. Limits are those that the
//! services publish (standards, §6.7), counted in UTF-16 units, which is the strictest way any of them counts. What does
//! not fit is counted and the full record linked.

mod alertmanager;
mod chat;
mod mail;
mod pager;
mod shown;
mod telegram;
mod webhook;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use alertmanager::HOLD_SECONDS;
pub use mail::Mail;
use shown::Shown;

use crate::{notice::Notice, public::PublicStatus};

/// What one message says. A public channel is only ever given the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "audience", content = "content", rename_all = "lowercase")]
pub enum Content {
    /// For those who respond.
    Team(Box<Notice>),
    /// For anybody.
    Public(Box<PublicStatus>),
}

/// One message for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Idempotency key: the same for every try.
    pub id: String,
    /// What it says.
    pub content: Content,
    /// How many further notices of the same kind and group it stands for.
    pub folded: u64,
    /// Who exactly is meant: an address, a chat or a user, as the channel names them.
    pub to: Option<String>,
}

/// How a channel wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Incoming webhook of Slack: Block Kit.
    Slack,
    /// Webhook of Discord: an embed.
    Discord,
    /// `sendMessage` of Telegram's Bot API.
    Telegram {
        /// Chat, where the message names none.
        chat: String,
        /// `MarkdownV2` instead of HTML.
        markdown: bool,
    },
    /// E-mail, plain and HTML.
    Mail,
    /// Events v2 of `PagerDuty`, without the routing key.
    PagerDuty {
        /// Name of this sensor.
        source: String,
    },
    /// `POST /api/v2/alerts`.
    Alertmanager {
        /// Name of this sensor.
        source: String,
    },
    /// Our own JSON, to be signed.
    Webhook,
}

/// What goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Body of a POST.
    Json(Value),
    /// A mail.
    Mail(Mail),
}

/// Renders one message.
///
/// # Errors
/// A sentence, where this channel cannot carry this content: pagers have no public.
pub fn render(format: &Format, envelope: &Envelope) -> Result<Payload, String> {
    let shown = Shown::of(envelope);
    let json = match format {
        Format::Slack => chat::slack(&shown, envelope.to.as_deref()),
        Format::Discord => chat::discord(&shown, envelope.to.as_deref()),
        Format::Telegram { chat, markdown } => {
            telegram::message(&shown, envelope.to.as_deref().unwrap_or(chat), *markdown)
        }
        Format::Mail => return Ok(Payload::Mail(mail::mail(&shown))),
        Format::Webhook => webhook::body(&shown, envelope),
        Format::PagerDuty { source } => pager::event(&shown, team(envelope)?, source),
        Format::Alertmanager { source } => alertmanager::alerts(&shown, team(envelope)?, source),
    };
    Ok(Payload::Json(json))
}

fn team(envelope: &Envelope) -> Result<&Notice, String> {
    match &envelope.content {
        Content::Team(notice) => Ok(notice),
        Content::Public(_) => {
            Err("a pager has no public: give the channel the audience `team`".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
