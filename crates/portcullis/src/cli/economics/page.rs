//! The report as one page: no request to anywhere, readable without scripts, in the dark and on a phone.

use portcullis_backtest::html::{
    chart::{Axis, LINES_MAX, Line, chart, percent_axis},
    parts::{Cell, Table},
    text::escape,
    whole,
};
use portcullis_decide::economics::{Defence, Model, Response, bound::loss_bound, gain::Drain};
use portcullis_types::money::Usd;

use super::{
    costs::bars,
    report::{ProtocolReport, Report},
    text::{defence, dollars, honest, percent},
};

/// Seconds that the plots of bounds show.
const HOUR: u64 = 3_600;
/// Longest median response of the plot of gains, seconds.
const MEDIAN_MAX: u64 = 7_200;
const STEPS: u64 = 120;

pub(super) fn page(report: &Report) -> String {
    let mut body = String::from(
        "<header><h1>Economics</h1><p>Whether an attack pays, what limits leave, whom they hold up.</p></header>\n<main>\n",
    );
    for one in &report.protocols {
        protocol(&mut body, one);
    }
    body.push_str("</main>\n");
    whole("Portcullis economics", &body)
}

fn protocol(out: &mut String, report: &ProtocolReport) {
    out.push_str(&format!("<h2>{}</h2>\n", escape(&report.protocol)));
    if report.value_usd.is_none() {
        out.push_str(&format!(
            "<div class=\"warn\">What it holds of {} is not known: write it under <code>policy.economics.holdingsUsd</code>. \
             Whether an attack pays is not said without it.</div>\n",
            escape(&report.holdings_missing.join(", "))
        ));
    }
    tiles(out, report);
    if !report.limits_on_chain && !report.limits.is_empty() {
        out.push_str(
            "<div class=\"warn\">The limits are watched, not enforced: the bounds below hold once a contract enforces them. \
             Until then they bound what leaves without a finding, and one transaction may take everything.</div>\n",
        );
    }
    advice(out, report);
    attack(out, report);
    plots(out, report);
    out.push_str(&bars(&report.levers));
    limits(out, report);
    beliefs(out, report);
}

fn tiles(out: &mut String, report: &ProtocolReport) {
    out.push_str("<dl class=\"tiles\">");
    let mut tile = |name: &str, value: &str, note: &str| {
        out.push_str(&format!(
            "<div class=\"tile\"><dt>{}</dt><dd>{}</dd><p>{}</p></div>\n",
            escape(name),
            escape(value),
            escape(note)
        ));
    };
    if let Some(value) = report.value_usd {
        tile("At stake", &format!("${}", dollars(value.0)), "what the protocol holds");
    }
    for attack in &report.attacks {
        let verdict = if attack.profitable { "profitable" } else { "not profitable" };
        let note = format!("{verdict}: {}", defence(attack));
        tile("Left to an attacker", &format!("${}", dollars(attack.utility_usd.0)), &note);
    }
    out.push_str("</dl>\n");
}

fn advice(out: &mut String, report: &ProtocolReport) {
    out.push_str("<h3>Change first</h3>\n");
    if report.advice.is_empty() {
        out.push_str("<p>Not known without what the protocol holds.</p>\n");
        return;
    }
    out.push_str("<ol>");
    for advice in &report.advice {
        out.push_str(&format!("<li>{}</li>\n", escape(&advice.sentence)));
    }
    out.push_str("</ol>\n");
}

fn attack(out: &mut String, report: &ProtocolReport) {
    let Some(first) = report.attacks.first() else { return };
    out.push_str("<h3>What an attack is worth</h3>\n");
    let mut columns = vec!["USD"];
    columns.extend(report.attacks.iter().map(defence));
    let mut table = Table::new(&columns, false);
    for (place, (name, _)) in first.terms.iter().enumerate() {
        // The probability stands in the first column's words and may differ between columns.
        let name = name.split(", times 0.").next().unwrap_or(name);
        let name = name.split(", times 1.").next().unwrap_or(name);
        let mut cells = vec![Cell::text(name)];
        for attack in &report.attacks {
            let value = attack.terms.get(place).map_or(Usd::ZERO, |(_, usd)| usd.0);
            cells.push(Cell::Number(dollars(value), value.as_ratio_operand()));
        }
        table.row(&cells);
    }
    out.push_str(&table.end());
}

fn plots(out: &mut String, report: &ProtocolReport) {
    out.push_str("<div class=\"columns\">");
    if let Some(value) = report.value_usd.map(|value| value.0).filter(|value| *value > Usd::ZERO) {
        out.push_str(&bounds_plot(&report.model, value));
        out.push_str(&gains_plot(&report.model, value));
    }
    if !report.throttles.is_empty() {
        out.push_str(&throttle_plot(report));
    }
    out.push_str("</div>\n");
}

fn share(part: Usd, whole: Usd) -> f64 {
    part.as_ratio_operand() / whole.as_ratio_operand()
}

fn minutes_axis(title: &'static str, seconds: u64) -> Axis {
    let marks = (0..=4u32)
        .map(|mark| (f64::from(mark) / 4.0, format!("{} min", seconds / 60 * u64::from(mark) / 4)));
    Axis { title, marks: marks.collect() }
}

fn bounds_plot(model: &Model, value: Usd) -> String {
    let at = |step: u64| (step as f64 / STEPS as f64, HOUR * step / STEPS);
    let drain = Drain { value, seconds: model.economics.drain_seconds, enforced: None };
    let line = |name: &str, bound: &dyn Fn(u64) -> Option<Usd>| {
        let point = |step: u64| {
            let (x, seconds) = at(step);
            Some((x, share(bound(seconds)?, value)))
        };
        Line {
            name: name.to_owned(),
            points: (0..=STEPS).filter_map(point).collect(),
            is_stepped: false,
        }
    };
    let mut lines = vec![
        line("without limits, at the assumed rate", &|seconds| Some(drain.taken_in(seconds))),
        line("all limits enforced", &|seconds| loss_bound(&model.holdings, seconds)),
    ];
    for holding in model.holdings.iter().filter(|one| !one.breakers.is_empty()) {
        let name = format!("{} alone", holding.asset);
        lines.push(line(&name, &|seconds| holding.bound(seconds).map(|(bound, _)| bound)));
    }
    lines.truncate(LINES_MAX);
    let y = percent_axis("Share of what is at stake");
    let x = minutes_axis("time from the first theft to the stop", HOUR);
    format!(
        "<section><h3>Most that can leave</h3>{}</section>",
        chart("Most that can leave over time", &x, &y, &lines)
    )
}

fn gains_plot(model: &Model, value: Usd) -> String {
    let line = |name: &str, defence: Defence| {
        let point = |step: u64| {
            let median = MEDIAN_MAX * step / STEPS;
            let people = Response::ConstantHazard { median_seconds: median };
            let outcome = Model { people, ..model.clone() }.outcome(defence)?;
            Some((step as f64 / STEPS as f64, share(outcome.utility.gain, value)))
        };
        let points = (0..=STEPS).step_by(4).filter_map(point).collect();
        Line { name: name.to_owned(), points, is_stepped: false }
    };
    let lines = [
        line("people alone", Defence::People),
        line("Portcullis as configured", Defence::Configured),
        line("acting, limits enforced", Defence::Gate),
    ];
    let y = percent_axis("Share of what is at stake");
    let x = minutes_axis("median response of people", MEDIAN_MAX);
    let about = "What an attacker takes in expectation, by how fast people are";
    format!("<section><h3>Taken in expectation</h3>{}</section>", chart(about, &x, &y, &lines))
}

fn throttle_plot(report: &ProtocolReport) -> String {
    let marks = [0.0, 0.25, 0.5, 0.75, 1.0];
    let x = Axis {
        title: "the limit, in percent of what is configured",
        marks: marks.map(|place: f64| (place, format!("{:.0} %", place * 200.0))).to_vec(),
    };
    let lines: Vec<Line> = report
        .throttles
        .iter()
        .take(LINES_MAX)
        .map(|(name, points)| Line {
            name: name.clone(),
            points: points.clone(),
            is_stepped: false,
        })
        .collect();
    let y = percent_axis("Honest outflows held back");
    format!(
        "<section><h3>Whom a limit holds up</h3>{}</section>",
        chart("Share of honest outflows held back, by how tight a limit is", &x, &y, &lines)
    )
}

fn limits(out: &mut String, report: &ProtocolReport) {
    out.push_str("<h3>Limits</h3>\n");
    if report.limits.is_empty() {
        out.push_str("<p>No limit on outflow is configured: add a detector <code>gross-outflow</code>.</p>\n");
        return;
    }
    let columns = [
        "Asset",
        "Window",
        "Allows",
        "1 block",
        "1 min",
        "5 min",
        "30 min",
        "60 min",
        "Deters",
        "Honest flow",
    ];
    let mut table = Table::new(&columns, false);
    let times = ["1block", "1", "5", "30", "60"];
    for limit in &report.limits {
        let mut cells = vec![
            Cell::Word(limit.asset.clone()),
            Cell::Number(format!("{} s", limit.window_seconds), limit.window_seconds as f64),
            Cell::Word(limit.cap.clone()),
        ];
        for time in times {
            let bound = limit.bounds_usd.get(time).copied().flatten();
            cells.push(bound.map_or_else(
                || Cell::text("not known"),
                |bound| Cell::Number(dollars(bound.0), bound.0.as_ratio_operand()),
            ));
        }
        let deters = match limit.deterred {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        cells.push(Cell::text(if limit.covers_all { deters } else { "looks at a part only" }));
        cells.push(Cell::text(honest(limit.honest.as_ref(), limit.honest_not_known.as_deref())));
        table.row(&cells);
    }
    out.push_str(&table.end());
    out.push_str(&format!(
        "<p class=\"dim\">Most that can leave in USD, until the time given. Deters: what is left within {} min is worth less than an \
         attack costs.</p>\n",
        report.slow_response_seconds.div_ceil(60)
    ));
}

fn beliefs(out: &mut String, report: &ProtocolReport) {
    let e = &report.economics;
    let response = if e.response.is_empty() {
        "constant hazard, median from <code>responseSeconds</code>".to_owned()
    } else {
        format!("{} points", e.response.len())
    };
    out.push_str(&format!(
        "<details><summary>Beliefs that this rests on</summary><p>Costs of an attack: {} USD. In one transaction: {}; the others drain \
         everything in {} s. Frozen or lost: {}. Bounty forgone: {}, at most {} USD. Found at the first theft: {}; a lever holds \
         after {} s. People: {response}. Where they come from: docs/economics.md.</p></details>\n",
        escape(&dollars(e.costs())),
        percent(e.atomic_share),
        e.drain_seconds,
        percent(e.haircut),
        percent(e.bounty_share),
        escape(&dollars(e.bounty_cap_usd)),
        percent(e.detection_probability),
        e.reaction_seconds,
    ));
}
