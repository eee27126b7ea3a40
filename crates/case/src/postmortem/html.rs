//! The post-mortem as a page: its Markdown, element by element. The text in it is escaped already, for HTML too.

use std::fmt::Write as _;

/// What the page looks like: no script, nothing from elsewhere.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{border:1px solid #8888;padding:.3rem .5rem;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}:root{color-scheme:light dark}";

/// What is open at the end of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Paragraph,
    Table,
    List,
    Steps,
}

impl Open {
    fn closed(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Paragraph => "</p>\n",
            Self::Table => "</tbody></table>\n",
            Self::List => "</ul>\n",
            Self::Steps => "</ol>\n",
        }
    }

    fn opened(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Paragraph => "<p>",
            Self::Table => "<table><tbody>\n",
            Self::List => "<ul>\n",
            Self::Steps => "<ol>\n",
        }
    }
}

/// A page of what [`super::markdown`] writes. `title` is escaped.
pub(super) fn page(title: &str, markdown: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n"
    );
    let mut open = Open::Nothing;
    for line in markdown.lines() {
        let (kind, text) = kind_of(line);
        if open != kind {
            out.push_str(open.closed());
            out.push_str(kind.opened());
            open = kind;
        }
        match kind {
            Open::Nothing => heading(line, &mut out),
            Open::Table => row(text, &mut out),
            Open::List | Open::Steps => {
                let _ = writeln!(out, "<li>{}</li>", emphasised(text));
            }
            Open::Paragraph => {
                let _ = writeln!(out, "{}", emphasised(text));
            }
        }
    }
    out.push_str(open.closed());
    out.push_str("</body></html>\n");
    out
}

fn kind_of(line: &str) -> (Open, &str) {
    if line.is_empty() || line.starts_with('#') {
        return (Open::Nothing, line);
    }
    if line.starts_with('|') {
        return (Open::Table, line);
    }
    if let Some(item) = line.strip_prefix("- ") {
        return (Open::List, item);
    }
    if let Some((number, item)) = line.split_once(". ")
        && number.chars().all(|c| c.is_ascii_digit())
    {
        return (Open::Steps, item);
    }
    (Open::Paragraph, line)
}

fn heading(line: &str, out: &mut String) {
    let level = line.chars().take_while(|c| *c == '#').count().min(6);
    if level > 0 {
        let text = line.trim_start_matches('#').trim();
        let _ = writeln!(out, "<h{level}>{text}</h{level}>");
    }
}

fn row(line: &str, out: &mut String) {
    let inside = line.trim_start_matches('|').trim_end_matches('|');
    let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
    if cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':')) {
        // The line under a header, or an empty header.
        return;
    }
    out.push_str("<tr>");
    for cell in cells {
        let _ = write!(out, "<td>{}</td>", emphasised(cell));
    }
    out.push_str("</tr>\n");
}

fn emphasised(text: &str) -> String {
    match text.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')) {
        Some(inside) => format!("<em>{inside}</em>"),
        None => text.to_owned(),
    }
}
