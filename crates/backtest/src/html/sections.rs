//! Scores, losses, recall, detectors, recordings and how all of it was measured.

use super::{
    chart::{Axis, LINES_MAX, Line, chart, percent_axis},
    parts::{Cell, Table, count, e_value, percent_of, rate, seconds},
    text::escape,
};
use crate::{
    loss::{Basis, DELAYS, LossCurve},
    report::{RecallOf, Report, Threshold},
};

/// Most lines of a list of warnings.
const WARNINGS_MAX: usize = 20;

/// What a reader must know before believing a figure.
pub(super) fn warnings(out: &mut String, report: &Report) {
    let mut list = |title: &str, items: Vec<String>| {
        if items.is_empty() {
            return;
        }
        let more = items.len().saturating_sub(WARNINGS_MAX);
        out.push_str(&format!("<div class=\"warn\"><strong>{}</strong><ul>\n", escape(title)));
        for item in items.iter().take(WARNINGS_MAX) {
            out.push_str(&format!("<li>{}</li>\n", escape(item)));
        }
        if more > 0 {
            out.push_str(&format!("<li>and {more} more</li>\n"));
        }
        out.push_str("</ul></div>\n");
    };
    let named = |list: &[crate::files::Skipped]| {
        list.iter().map(crate::files::Skipped::why_with_path).collect::<Vec<_>>()
    };
    list("Damaged recordings, of which nothing is counted", named(&report.unreadable));
    list("Left out", named(&report.skipped));
    let blind = report.blind.iter();
    let blind = blind.map(|one| format!("{}:{}: {}", one.recording, one.line, one.cause)).collect();
    list("Lines that could not be looked into: nothing is known of their transactions", blind);
    let alone = report.labels_without_transaction.iter();
    let alone =
        alone.map(|one| format!("{} {}", one.hash, one.incident.clone().unwrap_or_default()));
    list("Labelled thefts that are in no recording, and not counted", alone.collect());
}

pub(super) fn scores(out: &mut String, report: &Report) {
    out.push_str("<h2 id=\"scores\">Recall against false alarms</h2>\n");
    if report.score_curve.is_empty() {
        out.push_str(
            "<p>There was no alert, so there is nothing to choose a threshold from.</p>\n",
        );
        return;
    }
    out.push_str(
        "<p>If only alerts of at least an e-value counted. Below the smallest one shown, the detectors themselves are silent. \
         The upper bound is that of the two-sided 95 % interval of Clopper and Pearson.</p>\n",
    );
    let bounds = report.score_curve.iter().filter_map(|one| one.false_alert_rate_upper95);
    let widest = bounds.fold(0.0, f64::max);
    if report.incidents > 0 && widest > 0.0 {
        let line = |name: &str, rate: fn(&Threshold) -> Option<f64>| {
            let places = report.score_curve.iter().rev();
            let mut points: Vec<(f64, f64)> =
                places.filter_map(|one| Some((rate(one)? / widest, one.recall?))).collect();
            points.extend(points.last().map(|(_, recall)| (1.0, *recall)));
            Line { name: name.to_owned(), points, is_stepped: true }
        };
        let marks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|at: f64| (at, percent_of(at * widest)));
        let x = Axis { title: "false alarms, share of honest transactions", marks: marks.to_vec() };
        let lines = [
            line("seen", |one| one.false_alert_rate),
            line("at most (95 %)", |one| one.false_alert_rate_upper95),
        ];
        let about = "Recall against the false-alarm rate, for every threshold on the e-value";
        out.push_str(&chart(about, &x, &percent_axis("Recall."), &lines));
    }
    let columns =
        ["e-value at least", "incidents", "recall", "false alarms", "rate", "at most (95 %)"];
    let mut table = Table::new(&columns, false);
    for one in &report.score_curve {
        table.row(&[
            Cell::Number(e_value(one.e_value), one.e_value),
            Cell::count(one.incidents_detected),
            one.recall.map_or(Cell::text("–"), |recall| Cell::Number(percent_of(recall), recall)),
            Cell::count(one.false_alerts),
            Cell::text(rate(one.false_alert_rate)),
            Cell::text(rate(one.false_alert_rate_upper95)),
        ]);
    }
    out.push_str(&table.end());
}

pub(super) fn losses(out: &mut String, report: &Report) {
    out.push_str("<h2 id=\"losses\">Losses over time</h2>\n");
    let atomic = count(report.atomic_incidents);
    out.push_str(&format!(
        "<p>{atomic} incidents took a single transaction: nothing that comes after it can save anything, and they are not \
         among the curves.</p>\n"
    ));
    if !report.loss_curves.is_empty() {
        curves(out, &report.loss_curves);
    }
    if report.baselines.is_empty() {
        return;
    }
    out.push_str("<h3>Others' alerts, to compare with</h3>\n");
    let columns = [
        "table",
        "attacks",
        "verdicts",
        "timed",
        "before the attack",
        "within a minute or before",
        "median after the attack",
    ];
    let mut table = Table::new(&columns, false);
    for one in &report.baselines {
        let mut verdicts: Vec<_> = one.verdicts.iter().collect();
        verdicts.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        let verdicts: Vec<String> = verdicts
            .into_iter()
            .take(6)
            .map(|(verdict, number)| {
                format!("{} {number}", if verdict.is_empty() { "(none)" } else { verdict })
            })
            .collect();
        table.row(&[
            Cell::text(&one.name),
            Cell::count(one.attacks),
            Cell::text(verdicts.join(", ")),
            Cell::count(one.timed),
            Cell::count(one.before),
            Cell::count(one.within_minute),
            Cell::text(seconds(one.median_seconds)),
        ]);
    }
    out.push_str(&table.end());
}

fn curves(out: &mut String, curves: &[LossCurve]) {
    out.push_str(
        "<p>How much of the loss comes after the brake is on: in the block after the first alert (thefts in that block still \
         succeed), or so many minutes after it.</p>\n",
    );
    let drawn: Vec<&LossCurve> =
        curves.iter().filter(|curve| !curve.points.is_empty()).take(LINES_MAX).collect();
    if !drawn.is_empty() {
        out.push_str(&loss_chart(&drawn));
    }
    let mut table = Table::new(
        &[
            "losses",
            "first alert",
            "thefts",
            "sum",
            "lasted",
            "1 block",
            "1 min",
            "5 min",
            "30 min",
            "60 min",
        ],
        false,
    );
    for curve in curves {
        let basis = match curve.basis {
            Basis::FirstAlert => "of this back-test",
            Basis::AssumedFirstLoss => "assumed: at the first theft",
            Basis::NeverAlerted => "never",
        };
        let sum = curve.total_usd.map_or(curve.unit.clone(), |total| format!("{} USD", total.0));
        let mut row = vec![
            Cell::text(&curve.name),
            Cell::text(basis),
            Cell::count(curve.thefts),
            Cell::text(sum),
            Cell::text(seconds(curve.seconds.map(u64::cast_signed))),
        ];
        for (key, _) in DELAYS {
            let saved = curve.saved_percent.0.get(key).copied().flatten();
            row.push(saved.map_or(Cell::text("unknown"), |s| Cell::Number(format!("{s:.1} %"), s)));
        }
        table.row(&row);
    }
    out.push_str(&table.end());
}

/// Time goes by powers: a second, a block, a minute and an hour are all to be seen.
fn loss_chart(curves: &[&LossCurve]) -> String {
    let longest = curves.iter().filter_map(|curve| curve.seconds).max().unwrap_or_default().max(60);
    let place = |second: u64| (second as f64).ln_1p() / (longest as f64).ln_1p();
    let lines: Vec<Line> = curves
        .iter()
        .map(|curve| Line {
            name: curve.name.clone(),
            points: curve.points.iter().map(|(at, lost)| (place(*at), lost / 100.0)).collect(),
            is_stepped: true,
        })
        .collect();
    let marks = [
        (0, "0"),
        (12, "12 s"),
        (60, "1 min"),
        (300, "5 min"),
        (1_800, "30 min"),
        (3_600, "1 h"),
        (10_800, "3 h"),
        (86_400, "1 d"),
    ];
    // Marks that would stand on each other are left out.
    let mut kept: Vec<(f64, String)> = Vec::new();
    for (second, name) in marks.into_iter().filter(|(second, _)| *second <= longest) {
        if kept.last().is_none_or(|(before, _)| place(second) - before > 0.06) {
            kept.push((place(second), name.to_owned()));
        }
    }
    let x = Axis { title: "since the first theft", marks: kept };
    chart("Share of the loss over time", &x, &percent_axis("Lost so far."), &lines)
}

pub(super) fn recall(out: &mut String, report: &Report) {
    out.push_str("<h2 id=\"recall\">Recall</h2>\n");
    if report.incidents == 0 {
        out.push_str("<p>No label names a theft, so there is no recall.</p>\n");
        return;
    }
    out.push_str("<div class=\"columns\">");
    let mut part = |title: &str, list: &[RecallOf]| {
        let mut table = Table::new(&[title, "incidents", "detected", "recall"], false);
        for one in list {
            table.row(&[
                Cell::text(&one.name),
                Cell::count(one.incidents),
                Cell::count(one.detected),
                Cell::bar(one.recall),
            ]);
        }
        out.push_str(&table.end());
    };
    part("class", &report.by_class);
    part("chain", &report.by_chain);
    part("year", &report.by_year);
    out.push_str("</div>\n<p class=\"dim\">The class is the label's; where it names none, that of the alert. A miss without a \
                  labelled class is <code>unclassified</code>.</p>\n");
}

pub(super) fn detectors(out: &mut String, report: &Report) {
    out.push_str("<h2 id=\"detectors\">Detectors</h2>\n");
    if report.by_detector.is_empty() {
        out.push_str("<p>No detector spoke.</p>\n");
        return;
    }
    let columns = [
        "detector",
        "incidents",
        "of all",
        "only by it",
        "transactions",
        "false alarms",
        "only by it",
        "on probation",
    ];
    let mut table = Table::new(&columns, false);
    for one in &report.by_detector {
        let share = one.incidents as f64 / report.incidents.max(1) as f64;
        table.row(&[
            Cell::text(&one.detector),
            Cell::count(one.incidents),
            Cell::bar(share),
            Cell::count(one.only_by_it),
            Cell::count(one.transactions),
            Cell::count(one.false_alerts),
            Cell::count(one.false_only_by_it),
            Cell::count(one.on_probation),
        ]);
    }
    out.push_str(&table.end());
}

pub(super) fn recordings(out: &mut String, report: &Report) {
    out.push_str(&format!(
        "<h2 id=\"recordings\">Recordings ({})</h2>\n",
        report.by_recording.len()
    ));
    let columns = [
        "recording",
        "chain",
        "labels",
        "transactions",
        "not looked into",
        "thefts",
        "alerted",
        "honest",
        "false alarms",
    ];
    let mut table = Table::new(&columns, true);
    for one in &report.by_recording {
        table.row(&[
            Cell::text(&one.recording),
            Cell::text(one.chain.map_or(String::new(), |chain| chain.to_string())),
            Cell::text(if one.labelled { "yes" } else { "no" }),
            Cell::count(one.transactions),
            Cell::count(one.blind_transactions),
            Cell::count(one.exploit_transactions),
            Cell::count(one.exploit_alerts),
            Cell::count(one.benign_transactions),
            Cell::count(one.false_alerts),
        ]);
    }
    out.push_str(&table.end());
}

pub(super) fn method(out: &mut String, report: &Report) {
    out.push_str("<h2 id=\"method\">How this was measured</h2>\n");
    let unlabelled = match report.unlabelled_counted_as {
        "benign" => "count as honest",
        _ => "are ignored",
    };
    out.push_str(&format!(
        "<p>Detectors saw the recordings and nothing else; labels were joined by hash (or phase) after the last word was said. \
         Every recording is played by itself, from the beginning. {} transactions have no label and {unlabelled}.</p>\n\
         <p>An incident is what labels give the same name, date and chain. It is detected if there is an alert on a theft of it, on \
         a transaction labelled as its preparation, or on an earlier unlabelled one that one of its attackers sent. The lead is the \
         time from the first alert to the first theft, in block time, where the recording says it. Incidents that could not be \
         looked into count as not detected. An alert on a state at the end of a block is credited to a theft in that block, if \
         there is one, and else held against its last transaction.</p>\n\
         <p>{} thefts, {} labelled preparations, {} honest transactions; {} thefts and others could not be looked into. Alerts on \
         ignored transactions: {}. Played in {:.1} s, {} transactions a second.</p>\n",
        count(report.unlabelled),
        count(report.exploit_transactions),
        count(report.setup_transactions),
        count(report.benign_transactions),
        count(report.blind_transactions),
        count(report.unlabelled_alerts),
        report.seconds_elapsed,
        count(report.transactions_per_second as u64),
    ));
}
