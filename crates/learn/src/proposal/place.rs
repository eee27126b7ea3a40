//! Where in the text of a configuration detectors are added. The text is left as it is, comments and all: a change of a
//! file that people wrote must be readable as a change.

use std::ops::Range;

use crate::Edit;

/// Where to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of lines before it.
    pub after: usize,
    /// Blanks before the dash of each detector.
    pub indent: usize,
}

/// The end of the list of detectors of the protocol called `name`.
///
/// # Errors
/// If the text does not write the protocol's name and its detectors each on a line of their own, with the remedy.
pub fn place(text: &str, name: &str) -> Result<Place, String> {
    let lines: Vec<&str> = text.lines().collect();
    let items = items(&lines, name)?;
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        return Err(format!(
            "the detectors of `{name}` are not a list with one detector a line: write them so"
        ));
    };
    Ok(Place { after: last.end, indent: lines.get(first.start).map_or(0, |line| blanks(line)) })
}

/// The changes that set numbers of rules (`rule.param` to an expression) for the `nth` (from 0) `detector: rules` of the
/// protocol called `name`; none where the text does not write its `params` one a line.
pub fn set_params(
    text: &str,
    name: &str,
    nth: usize,
    params: &[(String, String)],
) -> Option<Vec<Edit>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rules = |item: &&Range<usize>| {
        let says = |line: &&str| content(line).trim_start_matches("- ") == "detector: rules";
        lines.get((*item).clone()).unwrap_or_default().iter().any(says)
    };
    let items = items(&lines, name).ok()?;
    let item = items.iter().filter(is_rules).nth(nth)?.clone();
    let inside: Vec<(usize, &str)> =
        item.clone().filter_map(|at| Some((at, *lines.get(at)?))).collect();
    let keys = lines.get(item.start).map(|line| blanks(line) + 2)?;
    let write = |indent: usize, (key, value): &(String, String)| {
        format!("{}{key}: '{}'", " ".repeat(indent), value.replace('\'', "''"))
    };
    let head = inside.iter().find(|(_, line)| content(line) == "params:");
    let Some((head, _)) = head else {
        let is_inline = inside.iter().any(|(_, line)| content(line).starts_with("params:"));
        let mut added = vec![format!("{}params:", " ".repeat(keys))];
        added.extend(params.iter().map(|param| write(keys + 2, param)));
        return (!is_inline).then(|| vec![Edit::insert(item.end, added)]);
    };
    let below = || inside.iter().filter(|(at, line)| at > head && !content(line).is_empty());
    let indent = below().next().map_or(keys + 2, |(_, line)| blanks(line));
    let (mut new, mut edits) = (Vec::new(), Vec::new());
    for param in params {
        let is = |line: &str| content(line).split_once(':').is_some_and(|(key, _)| key == param.0);
        match below().find(|(_, line)| is(line)) {
            Some((old, line)) => {
                edits.push(Edit {
                    after: *old,
                    removed: 1,
                    added: vec![write(blanks(line), param)],
                });
            }
            None => new.push(write(indent, param)),
        }
    }
    edits.sort_by_key(|edit| edit.after);
    edits.insert(0, Edit::insert(head + 1, new));
    Some(edits)
}

/// Lines of each detector of a protocol, in order; blank lines and comments behind one belong to the next.
fn items(lines: &[&str], name: &str) -> Result<Vec<Range<usize>>, String> {
    let find = |from: usize, what: &dyn Fn(&str) -> bool| {
        lines.iter().skip(from).position(|line| what(content(line))).map(|at| from + at)
    };
    let protocols = find(0, &|line| line == "protocols:")
        .ok_or("there is no line `protocols:`: write it on a line of its own")?;
    let named = find(protocols, &|line| {
        let value = line.trim_start_matches("- ").strip_prefix("name:").map(str::trim);
        value.map(|value| value.trim_matches(['"', '\''])) == Some(name)
    })
    .ok_or_else(|| format!("there is no line `name: {name}`: write it on a line of its own"))?;
    let detectors = find(named, &|line| line == "detectors:").ok_or_else(|| {
        format!("`{name}` has no line `detectors:` after its name: write it on a line of its own, and the list below")
    })?;
    let key_indent = lines.get(detectors).map_or(0, |line| blanks(line));
    let mut items: Vec<Range<usize>> = Vec::new();
    let mut indent = None;
    for (at, line) in lines.iter().enumerate().skip(detectors + 1) {
        if content(line).is_empty() {
            continue;
        }
        let is_item = content(line).starts_with('-');
        if blanks(line) < key_indent || (blanks(line) == key_indent && !is_item) {
            break;
        }
        if is_item && blanks(line) == *indent.get_or_insert(blanks(line)) {
            items.push(at..at + 1);
        } else if let Some(last) = items.last_mut() {
            last.end = at + 1;
        }
    }
    Ok(items)
}

/// A line without blanks around it; empty for a comment.
fn content(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') { "" } else { line }
}

fn blanks(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
