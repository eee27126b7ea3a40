//! Slack and Discord.

use serde_json::{Value, json};

use super::shown::{Shown, fit};
use crate::text;

/// Slack: text of a header block.
const SLACK_HEADER_MAX: usize = 150;
/// Slack: text of one field of a section.
const SLACK_FIELD_MAX: usize = 2_000;
/// Slack: fields in a section.
const SLACK_FIELDS_MAX: usize = 10;
/// Slack: the text that notifications show; the service takes more and cuts it.
const SLACK_TEXT_MAX: usize = 1_000;
/// Slack: blocks are at most 50; header, footer and mention leave room for more sections than a notice has parts.
const SLACK_SECTIONS_MAX: usize = 6;

/// Discord: title of an embed.
const DISCORD_TITLE_MAX: usize = 256;
/// Discord: description of an embed.
const DISCORD_DESCRIPTION_MAX: usize = 4_096;
/// What is taken of one value before it is escaped, so that its line fits with every character escaped.
const DISCORD_VALUE_MAX: usize = 1_000;

/// Values are `plain_text`: nothing in them is formatted, linked or a mention.
pub(super) fn slack(shown: &Shown, mention: Option<&str>) -> Value {
    let plain = |text: String| json!({"type": "plain_text", "text": text, "emoji": false});
    let mut blocks = vec![json!({
        "type": "header",
        "text": plain(text::cut(&shown.title, SLACK_HEADER_MAX)),
    })];
    if let Some(user) = mention.and_then(slack_user) {
        let text = json!({"type": "mrkdwn", "text": format!("<@{user}>"), "verbatim": true});
        blocks.push(json!({"type": "section", "text": text}));
    }
    for fields in shown.parts.chunks(SLACK_FIELDS_MAX).take(SLACK_SECTIONS_MAX) {
        let fields: Vec<Value> = fields
            .iter()
            .map(|(label, value)| plain(text::cut(&format!("{label}: {value}"), SLACK_FIELD_MAX)))
            .collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    let mut footer = text::slack(&shown.footer());
    if let Some(link) = &shown.link {
        footer = format!("<{}|Full record> · {footer}", text::slack(link).replace('|', "%7C"));
    }
    let footer =
        json!({"type": "mrkdwn", "text": text::cut(&footer, SLACK_FIELD_MAX), "verbatim": true});
    blocks.push(json!({"type": "context", "elements": [footer]}));
    json!({
        "text": text::cut(&text::slack(&text::cut(&shown.title, SLACK_TEXT_MAX / 5)), SLACK_TEXT_MAX),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// A user's id and nothing else: `!channel` or a link would reach whom it should not.
fn slack_user(id: &str) -> Option<&str> {
    let is_id = !id.is_empty() && id.len() <= 32 && id.chars().all(|c| c.is_ascii_alphanumeric());
    is_id.then_some(id)
}

pub(super) fn discord(shown: &Shown, mention: Option<&str>) -> Value {
    let lines: Vec<String> = shown
        .parts
        .iter()
        .map(|(label, value)| {
            let value = text::discord(&text::cut(value, DISCORD_VALUE_MAX));
            format!("**{}** {value}", text::discord(&text::cut(label, 100)))
        })
        .collect();
    let description = fit(&lines, DISCORD_DESCRIPTION_MAX, |n| {
        format!("… and {n} more details in the full record")
    });
    // The title of an embed is Markdown as well.
    let title = text::cut(
        &text::discord(&text::cut(&shown.title, DISCORD_TITLE_MAX / 2)),
        DISCORD_TITLE_MAX,
    );
    let mut embed = json!({
        "title": title,
        "description": description,
        "color": shown.severity.map_or(0, crate::Severity::colour),
        "footer": {"text": text::cut(&shown.footer(), 300)},
    });
    let time = text::timestamp(shown.at);
    if let (Some(embed), false) = (embed.as_object_mut(), time.is_empty()) {
        embed.insert("timestamp".to_owned(), json!(time));
        if let Some(link) = &shown.link {
            embed.insert("url".to_owned(), json!(link));
        }
    }
    let user = mention.filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()));
    json!({
        "content": user.map(|id| format!("<@{id}>")).unwrap_or_default(),
        "embeds": [embed],
        "allowed_mentions": {"parse": [], "users": user.into_iter().collect::<Vec<_>>()},
    })
}
