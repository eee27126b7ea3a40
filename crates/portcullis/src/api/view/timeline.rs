//! What happened in a case, line by line.

use std::collections::BTreeMap;

use portcullis_case::{Case, TimelineEntry, life::What};
use portcullis_types::ids::Seq;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{asked::PageAsked, replica::Link};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimelineItem {
    /// The journal entry that caused it.
    pub(crate) seq: u64,
    pub(crate) at: u64,
    /// `opened`, `finding`, `decision`, `action`, `approval`, `brake`, `command`, `note`, `playbook`.
    pub(crate) kind: String,
    /// The person, where one said or did it.
    pub(crate) who: Option<String>,
    pub(crate) sentence: String,
    /// One or two words: `confirmed`, `sent`, `declare, now declared`.
    pub(crate) detail: String,
    pub(crate) block: Option<u64>,
    pub(crate) links: TimelineLinks,
}

/// Where a line leads; null where nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TimelineLinks {
    pub(crate) tx: Option<String>,
    pub(crate) finding: Option<String>,
    pub(crate) action: Option<String>,
    /// `run/step` of a playbook.
    pub(crate) step: Option<String>,
}

/// All kinds of lines.
pub(crate) const KINDS: [&str; 9] =
    ["opened", "finding", "decision", "action", "approval", "brake", "command", "note", "playbook"];

/// A page of a timeline, oldest first or newest first. The cursor is the line's place.
pub(crate) fn timeline(
    case: &Case,
    links: &[Link],
    page: PageAsked,
    kinds: &[&str],
    newest_first: bool,
) -> (Vec<TimelineItem>, Option<u64>) {
    let said: BTreeMap<Seq, &str> = case
        .life
        .record()
        .iter()
        .filter_map(|one| match &one.entry.what {
            What::Command(command) => Some((one.entry.seq, command.who.as_str())),
            What::Machine(_) => None,
        })
        .collect();
    let length = case.timeline.len() as u64;
    let entry = |place: u64| {
        let at = usize::try_from(place).ok()?;
        Some((place, case.timeline.get(at)?, links.get(at)))
    };
    let places: Box<dyn Iterator<Item = u64>> = if newest_first {
        Box::new((0..page.after.unwrap_or(length).min(length)).rev())
    } else {
        Box::new(page.after.map_or(0, |after| after.saturating_add(1))..length)
    };
    let mut items = Vec::new();
    let mut last = None;
    for (place, entry, link) in places.filter_map(entry) {
        let item = item(entry, link, said.get(&entry.seq).copied());
        if !kinds.is_empty() && !kinds.contains(&item.kind.as_str()) {
            continue;
        }
        if items.len() == page.limit {
            return (items, last);
        }
        last = Some(place);
        items.push(item);
    }
    (items, None)
}

fn item(entry: &TimelineEntry, link: Option<&Link>, who: Option<&str>) -> TimelineItem {
    // A person's line begins with their name; a machine's line of the same entry does not.
    let said = who.and_then(|who| {
        let rest = entry.text.strip_prefix(who)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix(": ") }
    });
    let of_playbook = link.is_some_and(|link| link.step.is_some());
    let kind = if of_playbook { "playbook" } else { kind(&entry.what, said.is_some()) };
    let links = link.map_or_else(TimelineLinks::default, |link| TimelineLinks {
        tx: link.transaction.map(|hash| hash.to_string()),
        finding: link.finding.map(|key| key.to_string()),
        action: link.action.map(|action| action.to_string()),
        step: link.step.clone(),
    });
    TimelineItem {
        seq: entry.seq.0,
        at: entry.at.0,
        kind: kind.to_owned(),
        who: said.and(who).map(str::to_owned),
        sentence: said.unwrap_or(&entry.text).to_owned(),
        detail: entry.what.clone(),
        block: entry.block,
        links,
    }
}

fn kind(what: &str, is_said: bool) -> &'static str {
    if is_said {
        return if what == "note" { "note" } else { "command" };
    }
    match what {
        "opened" => "opened",
        "finding" | "pending" | "seen again" | "confirmed" | "finalised" | "retracted"
        | "dissolved" | "belongs with" | "left out" => "finding",
        "decision" => "decision",
        "asked" | "signed for" | "not ratified" | "not signed" => "approval",
        "brake works" | "held" | "brake unseen" | "BRAKE BROKEN" => "brake",
        _ => "action",
    }
}
