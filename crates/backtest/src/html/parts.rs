//! Figures as people read them, and tables.

use super::text::escape;

/// 1234567 as `1,234,567`.
pub fn count(number: u64) -> String {
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

/// A share in percent: more places the smaller it is.
pub fn percent_of(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        "0 %".to_owned()
    } else if percent < 0.1 {
        format!("{percent:.3} %")
    } else if percent < 1.0 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1} %")
    }
}

pub(super) fn rate(share: Option<f64>) -> String {
    share.map_or("unknown".to_owned(), percent_of)
}

/// Seconds in words; a dash where unknown.
pub fn seconds(seconds: Option<i64>) -> String {
    let Some(seconds) = seconds else { return "–".to_owned() };
    let sign = if seconds < 0 { "−" } else { "" };
    let whole = seconds.unsigned_abs();
    match whole {
        0..=119 => format!("{sign}{whole} s"),
        120..=7_199 => format!("{sign}{} min", whole / 60),
        _ => format!("{sign}{:.1} h", whole as f64 / 3_600.0),
    }
}

/// An e-value: plain where it is small, as a power of ten where it is not.
pub(super) fn e_value(value: f64) -> String {
    if value < 10_000.0 { format!("{value:.1}") } else { format!("{value:.1e}") }
}

/// A table under construction.
pub struct Table {
    columns: Vec<String>,
    /// Which columns hold numbers, as the first row that says so has it.
    numeric: Vec<bool>,
    has_filter: bool,
    rows: String,
}

/// One cell.
pub enum Cell {
    /// Text, escaped.
    Text(String),
    /// Text on one line, escaped.
    Word(String),
    /// A number that sorts by its value: what is shown, and the value.
    Number(String, f64),
    /// Markup that was escaped where it was made.
    Markup(String),
}

impl Cell {
    /// A whole number.
    pub fn count(number: u64) -> Self {
        Self::Number(count(number), number as f64)
    }

    /// Text that may break over lines.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A share as a bar and a number.
    pub fn bar(share: f64) -> Self {
        let width = (share * 100.0).clamp(0.0, 100.0);
        Self::Markup(format!(
            "<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:{width:.1}%\"></i></span> {}",
            percent_of(share)
        ))
    }

    /// A link inside the page.
    pub(super) fn link(anchor: &str, text: &str) -> Self {
        Self::Markup(format!("<a href=\"#{}\">{}</a>", escape(anchor), escape(text)))
    }
}

impl Table {
    /// A table with these heads; with a field to filter its rows or without.
    pub fn new(columns: &[&str], has_filter: bool) -> Self {
        let columns: Vec<String> = columns.iter().map(|column| escape(column)).collect();
        let numeric = vec![false; columns.len()];
        Self { columns, numeric, has_filter, rows: String::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[Cell]) {
        self.row_with_id(None, cells);
    }

    pub(super) fn row_with_id(&mut self, id: Option<&str>, cells: &[Cell]) {
        match id {
            Some(id) => self.rows.push_str(&format!("<tr id=\"{}\">", escape(id))),
            None => self.rows.push_str("<tr>"),
        }
        for (cell, is_numeric) in cells.iter().zip(&mut self.numeric) {
            match cell {
                Cell::Text(text) => self.rows.push_str(&format!("<td>{}</td>", escape(text))),
                Cell::Word(text) => {
                    self.rows.push_str(&format!("<td class=\"w\">{}</td>", escape(text)));
                }
                Cell::Number(shown, value) => {
                    *is_numeric = true;
                    let shown = escape(shown);
                    self.rows.push_str(&format!("<td class=\"n\" data-v=\"{value}\">{shown}</td>"));
                }
                Cell::Markup(markup) => self.rows.push_str(&format!("<td>{markup}</td>")),
            }
        }
        self.rows.push_str("</tr>\n");
    }

    /// The table as markup.
    pub fn end(self) -> String {
        let mut out = String::from("<div class=\"table\">");
        if self.has_filter {
            out.push_str(
                "<input type=\"search\" placeholder=\"filter\" aria-label=\"filter this table\" hidden>",
            );
        }
        out.push_str("<div class=\"scroll\"><table><thead><tr>");
        for (column, is_numeric) in self.columns.iter().zip(&self.numeric) {
            let class = if *is_numeric { " class=\"n\"" } else { "" };
            out.push_str(&format!("<th scope=\"col\"{class}>{column}</th>"));
        }
        out.push_str("</tr></thead><tbody>\n");
        out.push_str(&self.rows);
        out.push_str("</tbody></table></div></div>\n");
        out
    }
}

/// `0x12345678…cdef`.
pub(super) fn short(hash: &impl ToString) -> String {
    let text = hash.to_string();
    let (Some(head), Some(tail)) = (text.get(..10), text.get(text.len().saturating_sub(4)..))
    else {
        return text;
    };
    format!("{head}…{tail}")
}
