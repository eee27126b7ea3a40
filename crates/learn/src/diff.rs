//! A change of lines, as a unified diff.

use std::{fmt::Write as _, ops::Range};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Lines that are taken out of a text, and others that come in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Lines before the change.
    pub after: usize,
    /// Lines taken out.
    pub removed: usize,
    /// Lines that come in.
    pub added: Vec<String>,
}

impl Edit {
    /// Lines that come in behind the first `after` ones.
    pub fn insert(after: usize, added: Vec<String>) -> Self {
        Self { after, removed: 0, added }
    }

    /// Whether it changes nothing.
    fn is_empty(&self) -> bool {
        self.removed == 0 && self.added.is_empty()
    }

    fn end(&self) -> usize {
        self.after + self.removed
    }
}

/// The text with the changes made. They must be in order and may not overlap; those beyond its end come at its end.
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let (mut out, mut at) = (String::new(), 0);
    let copy = |out: &mut String, range: Range<usize>| {
        for line in lines.get(range).unwrap_or_default() {
            let _ = writeln!(out, "{line}");
        }
    };
    for edit in edits {
        let after = edit.after.min(lines.len());
        copy(&mut out, at..after.max(at));
        for line in &edit.added {
            let _ = writeln!(out, "{line}");
        }
        at = edit.end().min(lines.len()).max(at);
    }
    copy(&mut out, at..lines.len());
    out
}

/// The changes as `patch` and `git apply` take them; they must be in order and may not overlap. `from` and `to` are the
/// names in its head. No change is an empty text.
pub fn unified(from: &str, to: &str, text: &str, edits: &[Edit]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let edits: Vec<&Edit> = edits.iter().filter(|edit| !edit.is_empty()).collect();
    if edits.is_empty() {
        return String::new();
    }
    let mut diff = format!("--- {from}\n+++ {to}\n");
    // How far lines have moved by the hunks before.
    let (mut grown, mut shrunk) = (0, 0);
    for group in edits.chunk_by(|a, b| b.after <= a.end() + 2 * CONTEXT) {
        hunk(&mut diff, &lines, group, (grown, shrunk));
        grown += group.iter().map(|edit| edit.added.len()).sum::<usize>();
        shrunk += group.iter().map(|edit| edit.removed).sum::<usize>();
    }
    diff
}

/// Changes so near to each other that their context meets.
fn hunk(diff: &mut String, lines: &[&str], group: &[&Edit], (grown, shrunk): (usize, usize)) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let start = first.after.min(lines.len()).saturating_sub(CONTEXT);
    let end = (last.end() + CONTEXT).min(lines.len());
    let added: usize = group.iter().map(|edit| edit.added.len()).sum();
    let removed: usize = group.iter().map(|edit| edit.removed).sum();
    let (old, new) = (end - start, end - start + added - removed);
    // An empty range is named by the line before it.
    let head = |count: usize, start: usize| if count == 0 { start } else { start + 1 };
    let moved = start + grown - shrunk;
    let _ = writeln!(diff, "@@ -{},{old} +{},{new} @@", head(old, start), head(new, moved));
    let show = |diff: &mut String, sign: char, range: Range<usize>| {
        for line in lines.get(range).unwrap_or_default() {
            let _ = writeln!(diff, "{sign}{line}");
        }
    };
    let mut at = start;
    for edit in group {
        show(diff, ' ', at..edit.after.min(lines.len()));
        show(diff, '-', edit.after..edit.end());
        for line in &edit.added {
            let _ = writeln!(diff, "+{line}");
        }
        at = edit.end();
    }
    show(diff, ' ', at..end);
}
