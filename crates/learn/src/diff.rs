//! A change that only adds lines, as a unified diff.

use std::fmt::Write as _;

/// Lines shown around the change.
const CONTEXT: usize = 3;

/// The change that puts `added` after the first `after` lines of `text`, as `patch` and `git apply` take it. `from` and `to`
/// are the names in its head. Nothing added is no change: an empty text.
pub fn unified(from: &str, to: &str, text: &str, after: usize, added: &[String]) -> String {
    if added.is_empty() {
        return String::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let after = after.min(lines.len());
    let start = after.saturating_sub(CONTEXT);
    let end = (after + CONTEXT).min(lines.len());
    let (old, new) = (end - start, end - start + added.len());
    // An empty range is named by the line before it.
    let first = |count: usize| if count == 0 { start } else { start + 1 };
    let mut diff = format!("--- {from}\n+++ {to}\n");
    let _ = writeln!(diff, "@@ -{},{old} +{},{new} @@", first(old), first(new));
    let context = |diff: &mut String, range: std::ops::Range<usize>| {
        for line in lines.get(range).unwrap_or_default() {
            let _ = writeln!(diff, " {line}");
        }
    };
    context(&mut diff, start..after);
    for line in added {
        let _ = writeln!(diff, "+{line}");
    }
    context(&mut diff, after..end);
    diff
}
