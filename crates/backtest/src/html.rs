//! The report as one page: no request to anywhere, readable without scripts, in the dark and on a phone.
//!
//! Everything that comes from a chain, a label or a file name goes through [`text::escape`]. Other reports are made of the
//! same parts: [`whole`], [`chart`], [`parts`].

pub mod chart;
mod exhibits;
pub mod parts;
mod sections;
pub mod text;

use crate::{exhibit::Exhibit, report::Report};
use parts::{count, percent_of, rate, seconds};
use text::escape;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// A page of its own from a title and the markup of its body, whose texts were escaped where it was made. Nothing in it
/// is loaded from anywhere.
pub fn whole(title: &str, body: &str) -> String {
    let mut out = String::with_capacity(body.len() + (1 << 14));
    out.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // No address may be loaded, whatever a string from the chain manages to become.
    out.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\">\n",
    );
    out.push_str(&format!("<title>{}</title>\n<style>", escape(title)));
    out.push_str(STYLE);
    out.push_str("</style></head><body>\n");
    out.push_str(body);
    out.push_str("<script>");
    out.push_str(SCRIPT);
    out.push_str("</script></body></html>\n");
    out
}

/// The page.
pub fn page(report: &Report, exhibits: &[Exhibit]) -> String {
    let mut out = String::with_capacity(1 << 20);
    out.push_str(&header(report));
    out.push_str("<main>\n");
    sections::warnings(&mut out, report);
    sections::scores(&mut out, report);
    sections::losses(&mut out, report);
    sections::recall(&mut out, report);
    sections::detectors(&mut out, report);
    exhibits::misses(&mut out, report, exhibits);
    exhibits::false_alerts(&mut out, report, exhibits);
    exhibits::detections(&mut out, report, exhibits);
    sections::recordings(&mut out, report);
    sections::method(&mut out, report);
    out.push_str("</main>\n");
    whole("Portcullis back-test", &out)
}

fn header(report: &Report) -> String {
    let mode = match report.mode {
        "protocolAware" => "by a configuration",
        _ => "chain-wide: victims and attackers inferred, no configuration",
    };
    let mut tiles = String::new();
    let mut tile = |name: &str, value: &str, note: &str| {
        tiles.push_str(&format!(
            "<div class=\"tile\"><dt>{}</dt><dd>{}</dd><p>{}</p></div>\n",
            escape(name),
            escape(value),
            escape(note)
        ));
    };
    let interval =
        report.recall_interval95.map_or("no labelled incident".to_owned(), |[low, high]| {
            format!(
                "{} of {} incidents; 95 % interval {} to {}",
                count(report.incidents_detected),
                count(report.incidents),
                percent_of(low),
                percent_of(high)
            )
        });
    tile("Recall", &report.recall.map_or("–".to_owned(), percent_of), &interval);
    let bound = report.false_alert_rate_upper95.map_or(String::new(), |upper| {
        format!(
            "of {} honest transactions: {}, at most {} (95 %)",
            count(report.benign_transactions),
            rate(report.false_alert_rate),
            percent_of(upper)
        )
    });
    tile("False alarms", &count(report.false_alerts), &bound);
    tile("False automatic actions", &count(report.false_automatic), "would have acted unattended");
    let lead = report.lead_seconds;
    let known = format!(
        "median from first alert to first theft; nine of ten at most {}; known of {} incidents",
        seconds(lead.p90),
        count(report.lead_known)
    );
    tile("Lead", &seconds(lead.p50), &known);
    let saved = report.loss_saved_percent.0.get("1block").copied().flatten();
    let curves = format!(
        "mean over losses over time ({} known), brake on in the next block",
        report.loss_curves.len()
    );
    tile("Loss saved", &saved.map_or("–".to_owned(), |saved| format!("{saved:.1} %")), &curves);
    let blind = format!("in {} lines: nothing is known of them", count(report.blind_lines));
    tile("Not looked into", &count(report.blind_transactions), &blind);
    format!(
        "<header><h1>Back-test</h1><p>{} transactions, {mode}.</p>\n<dl class=\"tiles\">{tiles}</dl>\n<nav>\
         <a href=\"#scores\">Scores</a><a href=\"#losses\">Losses</a><a href=\"#recall\">Recall</a>\
         <a href=\"#detectors\">Detectors</a><a href=\"#misses\">Misses</a><a href=\"#false\">False alarms</a>\
         <a href=\"#detections\">Detections</a><a href=\"#recordings\">Recordings</a><a href=\"#method\">Method</a></nav></header>\n",
        count(report.transactions)
    )
}

#[cfg(test)]
mod tests;
