//! What a stop without need costs, as bars on the page: one for each lever, gentlest rung first, divided into its parts.

use portcullis_backtest::html::{
    parts::{Cell, Table},
    text::escape,
};
use portcullis_types::money::Usd;

use super::{super::output::UsdNumber, levers::LeverReport, text::dollars};

const WIDTH: f64 = 640.0;
const SIDE: f64 = 12.0;
/// Of one lever: a line of words and the bar below it.
const ROW: f64 = 46.0;
const BAR: f64 = 16.0;
/// Most levers that are drawn; the table has all.
const LEVERS_MAX: usize = 24;

/// The parts, in the order in which they are stacked; the last is for levers of which the sum alone is configured.
const PARTS: [&str; 5] =
    ["users blocked", "missed liquidations", "reputation", "fixed", "sum alone is configured"];

/// The bars and a table with the same amounts; nothing where there is no lever.
pub(super) fn bars(levers: &[LeverReport]) -> String {
    let largest = levers.iter().map(|one| one.false_stop_cost_usd.0).max().unwrap_or_default();
    if levers.is_empty() || largest <= Usd::ZERO {
        return String::new();
    }
    let shown = levers.get(..LEVERS_MAX).unwrap_or(levers);
    let height = ROW * shown.len() as f64 + 10.0;
    let mut out = format!(
        "<h3>What a stop without need costs</h3>\n<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Cost of a stop without need, by lever and part; the table below has the amounts\">\n"
    );
    let scale = (WIDTH - 2.0 * SIDE) / largest.as_ratio_operand();
    for (row, lever) in shown.iter().enumerate() {
        let top = ROW * row as f64 + 18.0;
        out.push_str(&format!(
            "<text x=\"{SIDE}\" y=\"{top:.1}\">{}</text><text x=\"{:.1}\" y=\"{top:.1}\" text-anchor=\"end\">{} USD</text>\n",
            escape(&format!("{} ({}, {})", lever.lever, lever.rung.name(), lever.autonomy)),
            WIDTH - SIDE,
            escape(&dollars(lever.false_stop_cost_usd.0))
        ));
        let mut left = SIDE;
        for (part, usd) in divided(lever) {
            let width = usd.as_ratio_operand() * scale;
            out.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{BAR}\" style=\"fill:var(--l{part});\
                 stroke:var(--box)\"><title>{}: {} USD</title></rect>\n",
                top + 7.0,
                escape(PARTS.get(part).unwrap_or(&"")),
                escape(&dollars(usd))
            ));
            left += width;
        }
    }
    out.push_str("</svg><figcaption>US dollars");
    for (part, name) in PARTS.iter().enumerate() {
        if shown.iter().any(|lever| divided(lever).iter().any(|(one, _)| *one == part)) {
            out.push_str(&format!(
                "<span class=\"key\"><svg viewBox=\"0 0 30 12\"><rect width=\"30\" height=\"12\" style=\"fill:var(--l{part})\"/>\
                 </svg>{name}</span>"
            ));
        }
    }
    out.push_str("</figcaption></figure>\n");
    out.push_str(&table(levers));
    out
}

/// The parts of a lever: which, and how much.
fn divided(lever: &LeverReport) -> Vec<(usize, Usd)> {
    if lever.parts.is_empty() {
        return vec![(PARTS.len() - 1, lever.false_stop_cost_usd.0)];
    }
    let of = |(name, usd): &(String, UsdNumber)| {
        let part = PARTS.iter().position(|part| name.starts_with(part));
        (part.unwrap_or(PARTS.len() - 1), usd.0)
    };
    lever.parts.iter().map(of).collect()
}

fn table(levers: &[LeverReport]) -> String {
    let mut columns = vec!["Lever", "Rung", "In all"];
    columns.extend(PARTS.iter().take(PARTS.len() - 1));
    let mut table = Table::new(&columns, false);
    for lever in levers {
        let number = |usd: Usd| Cell::Number(dollars(usd), usd.as_ratio_operand());
        let mut cells = vec![
            Cell::Word(lever.lever.clone()),
            Cell::text(lever.rung.name()),
            number(lever.false_stop_cost_usd.0),
        ];
        let divided = divided(lever);
        for part in 0..PARTS.len() - 1 {
            let usd = divided.iter().find(|(one, _)| *one == part).map(|(_, usd)| *usd);
            cells.push(usd.map_or_else(|| Cell::text(""), number));
        }
        table.row(&cells);
    }
    table.end()
}
