//! The post-mortem as Markdown. Every text that is not ours is escaped: a token's name must not become a link.

use std::fmt::Write as _;

use portcullis_types::{money::Usd, text::is_plain};

use super::{AttackTransaction, Postmortem};
use crate::calendar::duration;

/// Longest text of one cell, characters.
const CELL_CHARS_MAX: usize = 1_000;

/// What stands for a cell's border. An entity and no backslash: not every reader of tables knows the latter.
const BORDER: &str = "&#124;";

/// Text inside Markdown. What Markdown or HTML would interpret at its place is escaped, and nothing else; control and
/// direction marks become `\u{…}`, line ends become spaces. No link is made where nobody wrote one (`www.`, `http://`).
pub(crate) fn escape(text: &str) -> String {
    let shown = plain(text);
    let mut out = String::with_capacity(shown.len());
    let mut before = None;
    for (at, c) in shown.char_indices() {
        let (done, rest) = shown.split_at(at);
        let mut rest = rest.chars();
        rest.next();
        let next = rest.clone().next();
        match c {
            '|' => out.push_str(BORDER),
            '&' if next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '#') => {
                out.push_str("&amp;");
            }
            '<' if !matches!(next, Some(' ' | '=')) => out.push_str("&lt;"),
            c => {
                if has_meaning(c, done, (before, next), rest.as_str()) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        before = Some(c);
    }
    out
}

/// The text as it is read: one line, all of it visible, not too long.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == CELL_CHARS_MAX => {
                out.push_str("… [cut]");
                break;
            }
            '\n' | '\t' => out.push(' '),
            c if is_plain(c) => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    out.trim_matches(' ').to_owned()
}

/// Whether Markdown does something with a sign at its place (`CommonMark` 0.31, GitHub's tables and links, and what writers
/// of pages put on top: formulas, templates).
fn has_meaning(c: char, done: &str, around: (Option<char>, Option<char>), rest: &str) -> bool {
    let ends_with = |word: &str| {
        let from = done.len().checked_sub(word.len()).and_then(|from| done.get(from..));
        from.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    let (before, next) = around;
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_number = !done.is_empty() && done.bytes().all(|byte| byte.is_ascii_digit());
    match c {
        '\\' | '`' | '*' | '[' | ']' | '~' | '$' | '@' => true,
        // Inside a word it is a letter.
        '_' => !(is_word(before) && is_word(next)),
        '{' => matches!(next, Some('{' | '%' | ':' | '#')),
        '#' | '>' | '+' | '-' | '=' => done.is_empty(),
        '.' | ')' if is_number => matches!(next, None | Some(' ')),
        '.' => ends_with("www"),
        ':' => rest.starts_with("//") || ends_with("mailto") || ends_with("xmpp"),
        _ => false,
    }
}

/// What [`escape`] made, as it was.
pub(super) fn unescaped(markdown: &str) -> String {
    const ENTITIES: [(&str, char); 3] = [(BORDER, '|'), ("&amp;", '&'), ("&lt;", '<')];
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let entity = ENTITIES.iter().find_map(|(entity, c)| Some((rest.strip_prefix(entity)?, *c)));
        let escaped = after.chars().next().filter(|next| c == '\\' && next.is_ascii_punctuation());
        let (shown, left) = match (entity, escaped) {
            (Some((left, sign)), _) => (sign, left),
            (None, Some(sign)) => (sign, after.get(1..).unwrap_or_default()),
            (None, None) => (c, after),
        };
        out.push(shown);
        rest = left;
    }
    out
}

/// Something that may not be in the record.
fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "not in the record".to_owned(), show)
}

fn many(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

fn usd(sum: Usd) -> String {
    format!("{sum} USD")
}

pub(super) fn render(post: &Postmortem) -> String {
    let mut out = String::new();
    head(post, &mut out);
    attack(post, &mut out);
    impact(post, &mut out);
    what_was_done(post, &mut out);
    for_people(post, &mut out);
    timeline(post, &mut out);
    proof(post, &mut out);
    out
}

fn head(post: &Postmortem, out: &mut String) {
    let severity = post.severity.map_or("not declared", crate::Severity::name);
    let protocol = escape(&post.protocol);
    let authors = match post.authors.join(", ") {
        none if none.is_empty() => "nobody has done anything".to_owned(),
        names => escape(&names),
    };
    let _ = writeln!(out, "# Post-mortem of {}\n\n| | |\n|---|---|", post.case);
    let _ = writeln!(out, "| protocol | {protocol} |\n| severity | {severity} |");
    let _ = writeln!(out, "| stage | {} |\n| as of | {} |", post.stage, post.as_of);
    let _ = writeln!(out, "| people | {authors} |");
    if !post.people.is_empty() {
        out.push_str("\n## Who did what\n\n");
    }
    for one in &post.people {
        let _ = writeln!(out, "- {}: {}", escape(&one.name), one.did);
    }
}

fn attack(post: &Postmortem, out: &mut String) {
    let attack = &post.attack;
    let sentence = attack.sentence.as_deref().map(escape).filter(|said| !said.is_empty());
    let sentence = sentence.unwrap_or_else(|| "What happened is not in the record.".to_owned());
    let saved = known(attack.saved.as_ref(), |saved| {
        format!(
            "{}, an estimate: what the decision at block {} expected {} to prevent, of {} lost in the time that people need \
             if nothing is done",
            usd(saved.amount),
            saved.block,
            escape(&saved.lever),
            usd(saved.loss_ahead)
        )
    });
    let _ = writeln!(out, "\n## The attack\n\n{sentence}\n\n| | |\n|---|---|");
    let _ = writeln!(out, "| lost | {} |\n| saved | {saved} |", usd(post.impact.lost));
    if attack.transactions.is_empty() {
        out.push_str("\nNo finding that stands says which transaction did it.\n");
    }
    for (index, one) in attack.transactions.iter().enumerate() {
        transaction(index + 1, one, out);
    }
    if attack.transactions_left_out > 0 {
        let left_out =
            many(attack.transactions_left_out, "more transaction is", "more transactions are");
        let _ = writeln!(out, "\n{left_out} in the record.");
    }
    if !attack.observed.is_empty() {
        out.push_str("\n### Observed, and accused of nothing\n\n");
    }
    for one in &attack.observed {
        let detectors = escape(&one.detectors.join(", "));
        let (hash, block, chain) = (one.hash, one.block, one.chain);
        let _ = writeln!(out, "- {hash} in block {block} of chain {chain}, by {detectors}");
    }
    if attack.observed_left_out > 0 {
        let _ = writeln!(out, "- and {} more", attack.observed_left_out);
    }
}

fn transaction(number: usize, one: &AttackTransaction, out: &mut String) {
    let _ = writeln!(out, "\n### Transaction {number}\n\n| | |\n|---|---|");
    let _ = writeln!(out, "| hash | {} |\n| chain | {} |", one.hash, one.chain);
    let _ = writeln!(out, "| block | {} |", one.block);
    let _ = writeln!(out, "| first seen | {} |", known(one.seen_at.clone(), |at| at));
    let _ = writeln!(out, "| sender | {} |", known(one.sender, |sender| sender.to_string()));
    let called = known(one.called, |to| format!("{to}; others may use it too"));
    let _ = writeln!(out, "| called | {called} |");
    for victim in &one.victims {
        let name = victim.name.as_deref().map(escape);
        let name = name.unwrap_or_else(|| "name not in the record".to_owned());
        let _ = writeln!(out, "| victim | {name}, {} |", victim.address);
    }
    let _ = writeln!(out, "| lost | {} |", usd(one.lost));
}

fn impact(post: &Postmortem, out: &mut String) {
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
        let findings = many(*findings, "finding", "findings");
        let _ = writeln!(out, "- {}: {findings}", escape(detector));
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
        let left_out = many(post.timeline_left_out, "more line is", "more lines are");
        let _ = writeln!(out, "\n{left_out} in the record.");
    }
}

fn proof(post: &Postmortem, out: &mut String) {
    if let Some(head) = post.head {
        let _ =
            writeln!(out, "\n## The record\n\n| | |\n|---|---|\n| head of the journal | {head} |");
    }
}
