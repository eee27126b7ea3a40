//! What all channels show, before each writes it its own way: cleaned, in order, with what was left out counted.

use portcullis_types::ids::Millis;

use super::{Content, Envelope};
use crate::{notice::Notice, public::PublicStatus, severity::Severity, text};

/// A message as plain, cleaned text.
pub(super) struct Shown {
    /// Idempotency key.
    pub(super) id: String,
    /// One line, with severity and case in front.
    pub(super) title: String,
    /// Severity; none for the public.
    pub(super) severity: Option<Severity>,
    /// What it is about: a [`crate::Kind`], or `status`.
    pub(super) kind: &'static str,
    /// Labelled texts.
    pub(super) parts: Vec<(String, String)>,
    /// The full record.
    pub(super) link: Option<String>,
    /// When.
    pub(super) at: Millis,
    /// What belongs together in a mail folder.
    pub(super) thread: String,
}

impl Shown {
    pub(super) fn of(envelope: &Envelope) -> Self {
        let mut shown = match &envelope.content {
            Content::Team(notice) => Self::of_notice(notice),
            Content::Public(status) => Self::of_status(status),
        };
        shown.id = text::cut(&text::clean(&envelope.id), 200);
        if envelope.folded > 0 {
            let more = format!("and {} more of the same group", thousands(envelope.folded));
            shown.parts.insert(0, ("Folded".to_owned(), more));
        }
        shown
    }

    fn of_notice(notice: &Notice) -> Self {
        let clean = |text: &str| text::clean(text);
        let mut parts: Vec<_> =
            notice.parts.iter().map(|part| (clean(&part.label), clean(&part.text))).collect();
        if notice.parts_left_out > 0 {
            let text = format!("{} further details are in the full record", notice.parts_left_out);
            parts.push(("Left out".to_owned(), text));
        }
        let case = notice.case.map(|case| format!(" {case}")).unwrap_or_default();
        Self {
            id: String::new(),
            title: format!("{}{case} {}", notice.severity, clean(&notice.title)),
            severity: Some(notice.severity),
            kind: notice.kind.name(),
            parts,
            link: notice.link.as_ref().map(ToString::to_string),
            at: notice.at,
            thread: clean(&notice.incident()),
        }
    }

    fn of_status(status: &PublicStatus) -> Self {
        let mut parts = Vec::new();
        let sentences = status.sentences();
        if !sentences.is_empty() {
            parts.push(("Status".to_owned(), sentences.join(" ")));
        }
        for fact in status.facts() {
            parts.push((text::clean(fact.label()), text::clean(fact.text())));
        }
        if status.next_update_minutes > 0 {
            let text = format!("within {} minutes", status.next_update_minutes);
            parts.push(("Next update".to_owned(), text));
        }
        Self {
            id: String::new(),
            title: status.title(),
            severity: None,
            kind: "status",
            parts,
            link: None,
            at: status.at,
            thread: status.case.to_string(),
        }
    }

    /// The last line: when, and the delivery's name, by which a message that came twice is known.
    pub(super) fn footer(&self) -> String {
        format!("{} · ref {}", text::timestamp(self.at), self.id)
    }
}

/// As many of `lines` as fit into `units_max`, and a word about the rest.
pub(super) fn fit(lines: &[String], units_max: usize, more: impl Fn(usize) -> String) -> String {
    let whole = lines.join("\n");
    if text::units(&whole) <= units_max {
        return whole;
    }
    let room = units_max.saturating_sub(text::units(&more(lines.len())) + 1);
    let mut out = String::new();
    let mut used = 0;
    for (index, line) in lines.iter().enumerate() {
        let units = text::units(line) + 1;
        if used + units > room {
            out.push_str(&more(lines.len() - index));
            break;
        }
        used += units;
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// `4312` as `4,312`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
