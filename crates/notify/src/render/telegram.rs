//! Telegram's `sendMessage`.

use serde_json::{Value, json};

use super::shown::{Shown, fit};
use crate::{severity::Severity, text};

/// Text of a message, with its marks counted too, which the service does not.
const TEXT_MAX: usize = 4_096;
/// What is taken of one value before it is escaped: HTML makes up to six characters of one.
const VALUE_MAX: usize = 600;

/// Values stand in `code`: nothing in them becomes a link, a mention or a command.
pub(super) fn message(shown: &Shown, chat: &str, markdown: bool) -> Value {
    let title = text::cut(&shown.title, 300);
    let line = |label: &str, value: &str| {
        if markdown {
            format!("*{}* `{}`", text::telegram_markdown(label), text::telegram_code(value))
        } else {
            format!("<b>{}</b> <code>{}</code>", text::html(label), text::html(value))
        }
    };
    let mut lines = vec![line(shown.kind, &title)];
    for (label, value) in &shown.parts {
        // Others choose the labels of external alerts: a mention in one would reach somebody.
        let label = text::cut(label, 60).replace(['@', '/', '#'], " ");
        lines.push(line(&label, &text::cut(value, VALUE_MAX)));
    }
    let footer = if markdown {
        text::telegram_markdown(&shown.footer())
    } else {
        text::html(&shown.footer())
    };
    let room = TEXT_MAX.saturating_sub(text::units(&footer) + 1);
    let body = fit(&lines, room, |n| {
        let text = format!("… and {n} more details in the full record");
        if markdown { text::telegram_markdown(&text) } else { text }
    });
    let is_quiet = matches!(shown.severity, Some(Severity::P4 | Severity::P5));
    let mut message = json!({
        "chat_id": chat,
        "text": format!("{body}\n{footer}"),
        "parse_mode": if markdown { "MarkdownV2" } else { "HTML" },
        "link_preview_options": {"is_disabled": true},
        "disable_notification": is_quiet,
    });
    if let (Some(link), Some(message)) = (&shown.link, message.as_object_mut()) {
        let button = json!({"inline_keyboard": [[{"text": "Full record", "url": link}]]});
        message.insert("reply_markup".to_owned(), button);
    }
    message
}
