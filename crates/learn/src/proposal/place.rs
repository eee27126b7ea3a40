//! Where in the text of a configuration detectors are added. The text is left as it is, comments and all: a change of a
//! file that people wrote must be readable as a change.

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
    let mut place = None;
    for (index, line) in lines.iter().enumerate().skip(detectors + 1) {
        if content(line).is_empty() {
            continue;
        }
        let is_item = content(line).starts_with('-');
        if blanks(line) < key_indent || (blanks(line) == key_indent && !is_item) {
            break;
        }
        let indent = place.map_or(blanks(line), |place: Place| place.indent);
        place = Some(Place { after: index + 1, indent });
    }
    place.ok_or_else(|| {
        format!("the detectors of `{name}` are not a list with one detector a line: write them so")
    })
}

/// A line without blanks around it; empty for a comment.
fn content(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') { "" } else { line }
}

fn blanks(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
