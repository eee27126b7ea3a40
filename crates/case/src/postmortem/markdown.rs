//! The post-mortem as Markdown. Every word that is not ours is escaped: a token's name must not become a link.

use std::fmt::Write as _;

use portcullis_types::text::is_plain;

use super::Postmortem;
use crate::calendar::duration;

/// Longest text of one cell, characters.
const CELL_CHARS_MAX: usize = 1_000;

/// Signs that mean something in Markdown or HTML, or that make a link where nobody wrote one (`www.`).
const SIGNS: &str = "&<>\"'|*_`[]()\\#!~{}@$=+-:.";

/// Text inside Markdown and the HTML that is made of it: signs with a meaning become entities, control and direction
/// marks become `\u{…}`, line ends become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let sign = |c: char, out: &mut String| {
        if SIGNS.contains(c) {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    };
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == CELL_CHARS_MAX => {
                out.push_str("… &#91;cut&#93;");
                break;
            }
            '\n' | '\t' => out.push(' '),
            c if is_plain(c) => sign(c, &mut out),
            c => c.escape_unicode().for_each(|part| sign(part, &mut out)),
        }
    }
    out
}

/// A number that may not be in the record.
fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "not in the record".to_owned(), show)
}

pub(super) fn render(post: &Postmortem) -> String {
    let mut out = String::new();
    head(post, &mut out);
    impact(post, &mut out);
    what_was_done(post, &mut out);
    for_people(post, &mut out);
    timeline(post, &mut out);
    out
}

fn head(post: &Postmortem, out: &mut String) {
    let severity = post.severity.map_or("not declared", crate::Severity::name);
    let (protocol, authors) = (escape(&post.protocol), escape(&post.authors.join(", ")));
    let _ = writeln!(out, "# Post-mortem of {}\n\n| | |\n|---|---|", post.case);
    let _ = writeln!(out, "| protocol | {protocol} |\n| severity | {severity} |");
    let _ = writeln!(out, "| stage | {} |\n| as of | {} |", post.stage, post.as_of);
    let _ = writeln!(out, "| people | {authors} |");
}

fn impact(post: &Postmortem, out: &mut String) {
    let usd = |sum| format!("{sum} USD");
    let (impact, numbers) = (&post.impact, &post.numbers);
    out.push_str("\n## Impact\n\n| what | how much |\n|---|---|\n");
    for (what, how_much) in [
        ("lost", usd(impact.lost)),
        ("came back", known(impact.returned, usd)),
        ("lost when it was first seen", known(post.detection.lost_when_seen, usd)),
        ("users harmed", known(impact.users_harmed, |users| users.to_string())),
        (
            "collateral user minutes",
            known(impact.collateral_user_minutes, |minutes| minutes.to_string()),
        ),
    ] {
        let _ = writeln!(out, "| {what} | {how_much} |");
    }
    out.push_str("\n## Speed\n\n| from | to | time |\n|---|---|---|\n");
    for (from, to, time) in [
        ("the attack began", "first finding", numbers.time_to_detect),
        ("first finding", "acknowledged", numbers.time_to_acknowledge),
        ("first finding", "contained", numbers.time_to_contain),
        ("first finding", "resolved", numbers.time_to_resolve),
    ] {
        let _ = writeln!(out, "| {from} | {to} | {} |", known(time, duration));
    }
    let first = known(post.detection.first_block, |block| block.to_string());
    let _ = writeln!(out, "\n## Detection\n\nFirst block with a finding: {first}.\n");
    for (detector, findings) in &post.detection.detectors {
        let _ = writeln!(out, "- {}: {findings} findings", escape(detector));
    }
}

fn what_was_done(post: &Postmortem, out: &mut String) {
    out.push_str("\n## Containment and collateral\n\n");
    if post.containment.is_empty() {
        out.push_str("No lever was pulled.\n");
    } else {
        out.push_str("| lever | what | asked for | ended |\n|---|---|---|---|\n");
    }
    for one in &post.containment {
        let ending = one.ending.as_deref().map_or("not yet".to_owned(), escape);
        let (lever, intent, at) = (escape(&one.lever), &one.intent, &one.at);
        let _ = writeln!(out, "| {lever} | {intent} | {at} | {ending} |");
    }
    out.push('\n');
    for (lever, millis) in &post.numbers.held {
        let _ = writeln!(out, "- {} was held for {}", escape(lever), duration(*millis));
    }
    for used in &post.playbooks {
        let name = escape(&used.playbook);
        let _ = writeln!(out, "\n### Playbook {name}\n\n{} of {} done.\n", used.done, used.steps);
        for (step, why) in &used.exceptions {
            let _ = writeln!(out, "- {}: {}", escape(step), escape(why));
        }
    }
}

fn for_people(post: &Postmortem, out: &mut String) {
    out.push_str("\n## Five whys\n\n");
    for (index, why) in post.five_whys.iter().enumerate() {
        let why = why.as_deref().map_or("*to be written by people*".to_owned(), escape);
        let _ = writeln!(out, "{}. {why}", index + 1);
    }
    let lessons = &post.lessons;
    for (title, list) in [
        ("What went well", &lessons.went_well),
        ("What went wrong", &lessons.went_wrong),
        ("Where we were lucky", &lessons.got_lucky),
    ] {
        let _ = writeln!(out, "\n## {title}\n");
        if list.is_empty() {
            out.push_str("*to be written by people*\n");
        }
        for one in list {
            let _ = writeln!(out, "- {}", escape(one));
        }
    }
    out.push_str("\n## Left to do\n\n| what | kind | owner | due |\n|---|---|---|---|\n");
    for one in &post.actions {
        let owner = one.owner.as_deref().map_or("*nobody yet*".to_owned(), escape);
        let due = one.due.as_deref().map_or("*no date yet*".to_owned(), escape);
        let _ = writeln!(out, "| {} | {} | {owner} | {due} |", escape(&one.title), one.kind);
    }
}

fn timeline(post: &Postmortem, out: &mut String) {
    out.push_str(
        "\n## Timeline\n\n| entry | time (UTC) | block | what | |\n|---|---|---|---|---|\n",
    );
    for line in &post.timeline {
        let block = line.block.map_or(String::new(), |block| block.to_string());
        let (what, text) = (escape(&line.what), escape(&line.text));
        let _ = writeln!(out, "| {} | {} | {block} | {what} | {text} |", line.seq, line.at);
    }
    if post.timeline_left_out > 0 {
        let _ = writeln!(out, "\n{} more lines are in the record.", post.timeline_left_out);
    }
}
