//! The post-mortem as a page: its Markdown, element by element. Every text is taken out of Markdown and put into HTML anew.

use std::fmt::Write as _;

use super::markdown::unescaped;

/// What the page looks like: no script, nothing from elsewhere. A table that is too wide scrolls in its own frame.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
overflow-wrap:anywhere}.frame{overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{border:1px solid #8888;\
padding:.3rem .5rem;text-align:left;vertical-align:top}.narrow{white-space:nowrap;width:1%}\
.wide{overflow-wrap:anywhere;min-width:6rem}.many .wide{min-width:16rem}\
.rest{overflow-wrap:normal;min-width:4rem}:root{color-scheme:light dark}";

/// Longest text of a column that is never broken, characters: a time has 24.
const NARROW_CHARS_MAX: usize = 32;

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
            Self::Nothing | Self::Table => "",
            Self::Paragraph => "</p>\n",
            Self::List => "</ul>\n",
            Self::Steps => "</ol>\n",
        }
    }

    fn opened(self) -> &'static str {
        match self {
            Self::Nothing | Self::Table => "",
            Self::Paragraph => "<p>",
            Self::List => "<ul>\n",
            Self::Steps => "<ol>\n",
        }
    }
}

/// A page of what [`super::markdown`] writes.
pub(super) fn page(title: &str, markdown: &str) -> String {
    let title = text(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body>\n"
    );
    let mut open = Open::Nothing;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in markdown.lines() {
        let (kind, inside) = kind_of(line);
        if open != kind {
            table(&std::mem::take(&mut rows), &mut out);
            out.push_str(open.closed());
            out.push_str(kind.opened());
            open = kind;
        }
        match kind {
            Open::Nothing => heading(line, &mut out),
            Open::Table => rows.push(cells(inside)),
            Open::List | Open::Steps => {
                let _ = writeln!(out, "<li>{}</li>", text(inside));
            }
            Open::Paragraph => {
                let _ = writeln!(out, "{}", text(inside));
            }
        }
    }
    table(&rows, &mut out);
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
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit())
    {
        return (Open::Steps, item);
    }
    (Open::Paragraph, line)
}

fn heading(line: &str, out: &mut String) {
    let level = line.chars().take_while(|c| *c == '#').count().min(6);
    if level > 0 {
        let inside = text(line.trim_start_matches('#').trim());
        let _ = writeln!(out, "<h{level}>{inside}</h{level}>");
    }
}

/// The cells of a row; a border in a text is an entity.
fn cells(line: &str) -> Vec<String> {
    let inside = line.strip_prefix('|').unwrap_or(line);
    let inside = inside.strip_suffix('|').unwrap_or(inside);
    inside.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// A table: its first row is the header, the second the line below it.
fn table(rows: &[Vec<String>], out: &mut String) {
    let Some((header, body)) = rows.split_first() else { return };
    let body = body.get(1..).unwrap_or_default();
    let classes = classes(header, body);
    let many = if header.len() > 2 { " class=\"many\"" } else { "" };
    let _ = writeln!(out, "<div class=\"frame\" tabindex=\"0\"><table{many}>");
    let mut row = |tag: &str, cells: &[String]| {
        out.push_str("<tr>");
        for (index, cell) in cells.iter().enumerate() {
            let class = classes.get(index).copied().unwrap_or("rest");
            let _ = write!(out, "<{tag} class=\"{class}\">{}</{tag}>", text(cell));
        }
        out.push_str("</tr>\n");
    };
    if header.iter().any(|cell| !cell.is_empty()) {
        row("th", header);
    }
    for cells in body {
        row("td", cells);
    }
    out.push_str("</table></div>\n");
}

/// How wide each column is. Short ones are never broken, the others take what is left; where all are short, the last does.
fn classes(header: &[String], body: &[Vec<String>]) -> Vec<&'static str> {
    let is_short = |cell: &String| unescaped(cell).chars().count() <= NARROW_CHARS_MAX;
    let rows = || std::iter::once(header).chain(body.iter().map(Vec::as_slice));
    let class = |index: usize| {
        let is_narrow = rows().filter_map(|row| row.get(index)).all(is_short);
        if is_narrow { "narrow" } else { "wide" }
    };
    let mut classes: Vec<_> = (0..header.len()).map(class).collect();
    if !classes.contains(&"wide")
        && let Some(last) = classes.last_mut()
    {
        *last = "rest";
    }
    classes
}

/// Text of Markdown as text of HTML; what is set between two asterisks is emphasised.
fn text(markdown: &str) -> String {
    if let Some(inside) = markdown.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')) {
        return format!("<em>{}</em>", text(inside));
    }
    let mut out = String::with_capacity(markdown.len());
    for c in unescaped(markdown).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
