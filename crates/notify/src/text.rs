//! Making strings harmless: everything in a notice may have been written by the attacker.

use portcullis_types::text::is_plain;

/// `text` with control, direction and invisible characters written out, and links taken apart so that no program makes
/// something to click of them: `https://x` becomes `https[:]//x`.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    defang(&out)
}

fn defang(text: &str) -> String {
    let text = text.replace("://", "[:]//");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.to_ascii_lowercase().find("www.") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let (www, after) = after.split_at(4);
        out.push_str(www.trim_end_matches('.'));
        out.push_str("[.]");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Length as the strictest of the services counts: UTF-16 code units.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// `text` with at most `units_max` UTF-16 units; what was cut ends in an ellipsis.
pub(crate) fn cut(text: &str, units_max: usize) -> String {
    if units(text) <= units_max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = units_max.saturating_sub(1);
    for c in text.chars() {
        if c.len_utf16() > left {
            break;
        }
        left -= c.len_utf16();
        out.push(c);
    }
    if units_max > 0 {
        out.push('…');
    }
    out
}

/// Slack's mrkdwn knows three characters to escape; `<!channel>` and `<http://…|…>` are harmless after it.
pub(crate) fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Discord's Markdown: every character with a meaning gets a backslash. Mentions are switched off in the payload.
pub(crate) fn discord(text: &str) -> String {
    backslashed(text, "\\*_~`|>#-+=[](){}<@!:.")
}

/// Telegram's `MarkdownV2`: all characters that its description names, wherever they stand.
pub(crate) fn telegram_markdown(text: &str) -> String {
    backslashed(text, "\\_*[]()~`>#+-=|{}.!")
}

/// Inside `` `code` `` of Telegram's `MarkdownV2` only these two have a meaning.
pub(crate) fn telegram_code(text: &str) -> String {
    backslashed(text, "\\`")
}

fn backslashed(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// HTML text and attribute values.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A time for people and machines: `2026-09-01T00:05:00Z`; empty if it is beyond the year 9999.
pub(crate) fn timestamp(at: portcullis_types::ids::Millis) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| String::new(), |time| time.to_string())
}
