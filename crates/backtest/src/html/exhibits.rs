//! Misses, false alarms and detections, each with its evidence.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use portcullis_types::{evidence::CallKind, ids::ChainId, money::Asset};

use super::{
    parts::{Cell, Table, count, e_value, seconds, short},
    text::escape,
};
use crate::{
    exhibit::{EXHIBITS_MAX, Exhibit, FLOWS_MAX, FRAMES_MAX, FrameLine, Role, View},
    judge::{Alert, LossSeen},
    names,
    report::{LISTED_MAX, Report, anchor},
};

/// Most bytes of evidence on the page; what comes after is named without its call tree.
const EVIDENCE_BYTES_MAX: usize = 16 << 20;
/// Deepest indentation, in frames.
const INDENT_MAX: usize = 40;
/// Most losses of an alert that are shown.
const LOSSES_MAX: usize = 20;

pub(super) fn misses(out: &mut String, report: &Report, exhibits: &[Exhibit]) {
    out.push_str(&format!("<h2 id=\"misses\">Misses ({})</h2>\n", report.misses.len()));
    if report.misses.is_empty() {
        out.push_str("<p>None.</p>\n");
        return;
    }
    let mut table =
        Table::new(&["incident", "date", "chain", "class", "loss, USD", "why", "recording"], true);
    for miss in &report.misses {
        let hash = miss.transactions.first().copied().unwrap_or_default();
        table.row(&[
            Cell::link(&anchor(hash), &miss.incident),
            Cell::Word(miss.date.clone().unwrap_or_default()),
            Cell::text(miss.chain.to_string()),
            Cell::text(&miss.class),
            miss.loss_usd.map_or(Cell::text("unknown"), |loss| {
                Cell::Number(loss.0.to_string(), loss.0.as_ratio_operand())
            }),
            Cell::text(&miss.why),
            Cell::text(format!("{}:{}", miss.recording, miss.line)),
        ]);
    }
    out.push_str(&table.end());
    evidence(out, exhibits, Role::Miss);
}

pub(super) fn false_alerts(out: &mut String, report: &Report, exhibits: &[Exhibit]) {
    out.push_str(&format!("<h2 id=\"false\">False alarms ({})</h2>\n", count(report.false_alerts)));
    if report.false_alert_list.is_empty() {
        out.push_str("<p>None.</p>\n");
        return;
    }
    let mut causes =
        Table::new(&["cause: loudest detector (class)", "false alarms", "would have acted"], false);
    for cause in &report.false_alerts_by_cause {
        causes.row(&[
            Cell::text(&cause.cause),
            Cell::count(cause.alerts),
            Cell::count(cause.automatic),
        ]);
    }
    out.push_str(&causes.end());
    if report.false_alerts > LISTED_MAX as u64 {
        out.push_str(&format!("<p>The first {} are listed.</p>\n", count(LISTED_MAX as u64)));
    }
    let shown: BTreeSet<B256> = exhibits.iter().map(|one| one.hash).collect();
    let mut table = Table::new(
        &["transaction", "level", "e-value", "cause", "what was said", "block", "recording"],
        true,
    );
    let mut anchors = BTreeSet::new();
    for alert in &report.false_alert_list {
        // Without its evidence below, the row itself is what the link leads to.
        let is_target = !shown.contains(&alert.hash) && anchors.insert(alert.hash);
        let id = is_target.then(|| anchor(alert.hash));
        table.row_with_id(
            id.as_deref(),
            &[
                Cell::link(&anchor(alert.hash), &short(&alert.hash)),
                Cell::text(alert.level),
                Cell::Number(e_value(alert.e_value), alert.e_value),
                Cell::text(&alert.cause),
                Cell::text(&alert.sentence),
                alert
                    .block
                    .map_or(Cell::text("unknown"), |b| Cell::Number(b.to_string(), b as f64)),
                Cell::text(format!("{}:{}", alert.recording, alert.line)),
            ],
        );
    }
    out.push_str(&table.end());
    evidence(out, exhibits, Role::FalseAlert);
}

pub(super) fn detections(out: &mut String, report: &Report, exhibits: &[Exhibit]) {
    out.push_str(&format!("<h2 id=\"detections\">Detections ({})</h2>\n", report.detections.len()));
    if report.detections.is_empty() {
        out.push_str("<p>None.</p>\n");
        return;
    }
    let columns = [
        "incident",
        "date",
        "chain",
        "class",
        "level",
        "e-value",
        "lead",
        "detectors",
        "attacker named",
        "victim named",
        "what was said",
    ];
    let shown: BTreeSet<B256> = exhibits.iter().map(|one| one.hash).collect();
    let mut anchors = BTreeSet::new();
    let mut table = Table::new(&columns, true);
    let answer = |named: Option<bool>| match named {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    };
    for one in &report.detections {
        let is_target = !shown.contains(&one.hash) && anchors.insert(one.hash);
        let id = is_target.then(|| anchor(one.hash));
        table.row_with_id(
            id.as_deref(),
            &[
                Cell::link(&anchor(one.hash), &one.incident),
                Cell::Word(one.date.clone().unwrap_or_default()),
                Cell::text(one.chain.to_string()),
                Cell::text(&one.class),
                Cell::text(one.level),
                Cell::Number(e_value(one.e_value), one.e_value),
                one.lead_seconds.map_or(Cell::text("–"), |lead| {
                    Cell::Number(seconds(Some(lead)), lead as f64)
                }),
                Cell::text(one.detectors.join(", ")),
                Cell::text(answer(one.attacker_named)),
                Cell::text(answer(one.victim_named)),
                Cell::text(&one.sentence),
            ],
        );
    }
    out.push_str(&table.end());
    evidence(out, exhibits, Role::Detection);
}

fn evidence(out: &mut String, exhibits: &[Exhibit], role: Role) {
    let mine: Vec<&Exhibit> = exhibits.iter().filter(|one| one.role == role).collect();
    if mine.is_empty() {
        return;
    }
    out.push_str("<h3>Evidence</h3>\n");
    if exhibits.len() >= EXHIBITS_MAX {
        out.push_str(&format!(
            "<p class=\"dim\">The page shows the call trees of {EXHIBITS_MAX} transactions: misses first, then false alarms, \
             then detections.</p>\n"
        ));
    }
    for exhibit in mine {
        let has_room = out.len() < EVIDENCE_BYTES_MAX;
        show(out, exhibit, has_room);
    }
}

fn show(out: &mut String, exhibit: &Exhibit, has_room: bool) {
    let name = exhibit.incident.clone().unwrap_or_default();
    let said = match (&exhibit.alert, &exhibit.view) {
        (Some(alert), _) => alert.sentence.as_str(),
        (None, Ok(_)) => "no detector spoke",
        (None, Err(_)) => "could not be looked into",
    };
    out.push_str(&format!(
        "<details id=\"{}\"><summary><strong>{}</strong> <code>{}</code> {}</summary>\n<p><span class=\"tag\">chain {}</span>\
         <code>{}</code></p>\n",
        escape(&anchor(exhibit.hash)),
        escape(&name),
        escape(&short(&exhibit.hash)),
        escape(said),
        exhibit.chain,
        exhibit.hash,
    ));
    if let Some(alert) = &exhibit.alert {
        voices(out, alert);
    }
    match &exhibit.view {
        Err(why) => out.push_str(&format!("<p>Could not be looked into: {}.</p>\n", escape(why))),
        Ok(_) if !has_room => out.push_str("<p>Left out: the page is full.</p>\n"),
        Ok(view) => look(out, exhibit, view),
    }
    out.push_str("</details>\n");
}

fn voices(out: &mut String, alert: &Alert) {
    let mut table = Table::new(&["detector", "e-value", "what it saw", "frames"], false);
    for voice in &alert.voices {
        let frames: Vec<String> = voice.frames.iter().take(12).map(u32::to_string).collect();
        table.row(&[
            Cell::text(&voice.detector),
            Cell::Number(e_value(voice.e_value), voice.e_value),
            Cell::text(&voice.sentence),
            Cell::text(frames.join(", ")),
        ]);
    }
    out.push_str(&table.end());
    if !alert.losses.is_empty() {
        losses(out, &alert.losses);
    }
}

fn losses(out: &mut String, losses: &[LossSeen]) {
    let mut table = Table::new(&["who lost", "what", "how much, smallest units", "USD"], false);
    for loss in losses.iter().take(LOSSES_MAX) {
        table.row(&[
            Cell::text(loss.victim.to_string()),
            Cell::text(loss.asset.map_or(String::new(), |asset| asset.to_string())),
            Cell::text(loss.amount.clone().unwrap_or_default()),
            Cell::text(loss.usd.map_or("unknown".to_owned(), |usd| usd.to_string())),
        ]);
    }
    out.push_str(&table.end());
}

fn look(out: &mut String, exhibit: &Exhibit, view: &View) {
    let to = view.to.map_or("a creation".to_owned(), |to| to.to_string());
    out.push_str(&format!(
        "<p>From <code>{}</code> to <code>{to}</code>: {}.</p>\n",
        view.from,
        escape(&view.summary())
    ));
    if !view.flows.is_empty() {
        out.push_str(&format!(
            "<h3>Who gained and lost{}</h3>\n",
            cut(view.flows_total, FLOWS_MAX, "flows")
        ));
        let mut table = Table::new(&["holder", "asset", "net, smallest units"], false);
        for (holder, asset, delta) in &view.flows {
            let is_sender = if *holder == view.from { " (sender)" } else { "" };
            let value = delta.parse::<f64>().unwrap_or_default();
            table.row(&[
                Cell::text(format!("{}{is_sender}", called(exhibit.chain, *holder))),
                Cell::text(asset_name(exhibit.chain, *asset)),
                Cell::Number(delta.clone(), value),
            ]);
        }
        out.push_str(&table.end());
    }
    out.push_str(&format!(
        "<h3>Call tree{}</h3>\n<pre>",
        cut(view.frames_total, FRAMES_MAX, "frames")
    ));
    let alert = exhibit.alert.as_ref();
    for (index, frame) in (0_u32..).zip(&view.frames) {
        let pointing = alert.iter().flat_map(|alert| &alert.voices);
        let pointing = pointing.filter(|voice| voice.frames.contains(&index));
        let names: BTreeSet<&str> = pointing.map(|voice| voice.detector.as_str()).collect();
        out.push_str(&frame_line(exhibit.chain, index, frame, &names));
    }
    out.push_str("</pre>\n");
}

fn cut(total: usize, shown: usize, what: &str) -> String {
    if total > shown {
        format!(" (the first {shown} of {} {what})", count(total as u64))
    } else {
        String::new()
    }
}

fn frame_line(chain: ChainId, index: u32, frame: &FrameLine, pointing: &BTreeSet<&str>) -> String {
    let kind = match frame.kind {
        CallKind::Call => "",
        CallKind::StaticCall => "static ",
        CallKind::DelegateCall => "delegate ",
        CallKind::CallCode => "callcode ",
        CallKind::Create => "create ",
        CallKind::Create2 => "create2 ",
        CallKind::SelfDestruct => "selfdestruct to ",
    };
    let function = match frame.selector {
        None => String::new(),
        Some(selector) => match names::signature(selector) {
            Some(signature) => format!(".{signature}"),
            None => format!(".0x{}", alloy_primitives::hex::encode(selector)),
        },
    };
    let value = frame.value.as_ref().map_or(String::new(), |wei| format!(" {{{wei} wei}}"));
    let failed = if frame.failed { " <s>failed</s>" } else { "" };
    let said: Vec<&str> = pointing.iter().copied().collect();
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(" <b>◄ {}</b>", escape(&said.join(", ")))
    };
    format!(
        "<s>{index:>4}</s> {}{kind}{}{}{value}{failed}{said}\n",
        "  ".repeat(frame.depth.min(INDENT_MAX)),
        escape(&called(chain, frame.to)),
        escape(&function),
    )
}

/// The name of a contract, or else its address.
fn called(chain: ChainId, address: Address) -> String {
    let address_text = format!("{address:#x}");
    names::contract(chain, address).map_or(address_text, str::to_owned)
}

fn asset_name(chain: ChainId, asset: Asset) -> String {
    match asset {
        Asset::Native => "native coin".to_owned(),
        Asset::Token(token) => called(chain, token),
    }
}
