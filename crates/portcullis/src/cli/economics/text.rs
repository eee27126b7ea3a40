//! The report for a terminal.

use portcullis_types::{money::Usd, text::printable};

use super::{
    super::output::{Paint, UsdNumber},
    report::{AttackReport, Bounds, HonestReport, ProtocolReport, Report},
};

/// Most pieces of advice that are shown; JSON and page have all.
const ADVICE_MAX: usize = 3;

const TIMES: [&str; 5] = ["1block", "1", "5", "30", "60"];

pub(super) fn text(report: &Report, paint: Paint) -> String {
    report.protocols.iter().map(|one| protocol(one, paint)).collect()
}

fn protocol(report: &ProtocolReport, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold(&printable(&report.protocol)));
    let value = report.value_usd.map_or_else(
        || {
            format!(
                "not known: write policy.economics.holdingsUsd for {}",
                printable(&report.holdings_missing.join(", "))
            )
        },
        |value| format!("{} USD", dollars(value.0)),
    );
    out.push_str(&format!("  {} {value}\n", paint.dim("at stake    ")));
    out.push_str(&format!(
        "  {} levers {}, limits {}, people in {} min in nine of ten cases\n\n",
        paint.dim("defence     "),
        if report.acts { "pulled unattended" } else { "not pulled unattended" },
        if report.limits_on_chain { "enforced on chain" } else { "watched, not enforced" },
        report.slow_response_seconds.div_ceil(60),
    ));
    out.push_str(&attacks(report, paint));
    out.push_str(&limits(report, paint));
    out.push_str(&super::levers::text(&report.levers, paint));
    out.push_str(&format!("  {}\n", paint.bold("Change first")));
    for (place, advice) in report.advice.iter().take(ADVICE_MAX).enumerate() {
        // Symbols in it come from a configuration, which holds nothing that does not show as itself.
        out.push_str(&format!("  {}. {}\n", place + 1, advice.sentence));
    }
    if report.advice.is_empty() {
        let why =
            if report.value_usd.is_none() { "not known without holdingsUsd" } else { "nothing" };
        out.push_str(&format!("  {why}\n"));
    }
    out.push('\n');
    out
}

fn attacks(report: &ProtocolReport, paint: Paint) -> String {
    let mut out = format!(
        "  {}\n  {:<34}{:>16}{:>16}  {}\n",
        paint.bold("Is an attack profitable?"),
        "",
        "taken, USD",
        "left to him",
        "verdict"
    );
    if report.attacks.is_empty() {
        return out + "  not known without holdingsUsd\n\n";
    }
    for attack in &report.attacks {
        let name = defence(attack);
        // Padded before it is painted: colours have no width.
        let verdict =
            if attack.profitable { paint.bad("profitable") } else { paint.good("not profitable") };
        let most = attack.most_usd.map_or(String::new(), |most| {
            format!(", at most {} taken by the limits", dollars(most.0))
        });
        out.push_str(&format!(
            "  {name:<34}{:>16}{:>16}  {verdict}{most}\n",
            dollars(attack.gain_usd.0),
            dollars(attack.utility_usd.0)
        ));
    }
    out.push('\n');
    out
}

pub(super) fn defence(attack: &AttackReport) -> &'static str {
    match attack.defence {
        "people" => "people alone",
        "configured" => "Portcullis as configured",
        _ => "acting, limits enforced on chain",
    }
}

fn limits(report: &ProtocolReport, paint: Paint) -> String {
    let heading = if report.limits_on_chain {
        "Most that can leave, USD, after"
    } else {
        "Most that can leave, USD, if the limits were enforced (watched: unseen), after"
    };
    let mut out = format!(
        "  {}\n  {:<34}{:>14}{:>14}{:>14}{:>14}{:>14}\n",
        paint.bold(heading),
        "",
        "1 block",
        "1 min",
        "5 min",
        "30 min",
        "60 min"
    );
    let row = |name: &str, bounds: &Bounds| {
        let mut line = format!("  {name:<34}");
        for time in TIMES {
            let bound = bounds.get(time).copied().flatten();
            line.push_str(&format!("{:>14}", shown(bound)));
        }
        line + "\n"
    };
    for limit in &report.limits {
        let part = if limit.covers_all { "" } else { " (part)" };
        let name = format!("{} {} in {} s{part}", limit.asset, limit.cap, limit.window_seconds);
        out.push_str(&row(&printable(&name), &limit.bounds_usd));
        out.push_str(&format!(
            "  {}\n",
            paint.dim(&format!(
                "  honest flow: {}",
                honest(limit.honest.as_ref(), limit.honest_not_known.as_deref())
            ))
        ));
    }
    if report.limits.is_empty() {
        out.push_str("  no limit on outflow is configured: add a detector `gross-outflow`\n");
    }
    out.push_str(&row("all assets, least over limits", &report.bounds_usd));
    out.push('\n');
    out
}

/// What is known of honest flow, in a few words.
pub(super) fn honest(known: Option<&HonestReport>, not_known: Option<&str>) -> String {
    let Some(honest) = known else { return not_known.unwrap_or("not known").to_owned() };
    let upper = honest
        .window_broken_upper95
        .map_or(String::new(), |upper| format!(", at most {} (95 %)", percent(upper)));
    let tail = honest.window_broken_tail.map_or_else(
        || ", tail not known: too few windows with outflow".to_owned(),
        |tail| format!(", by its tail {}", percent(tail)),
    );
    format!(
        "{} of {} outflows held back; broken in {} of {} windows{upper}{tail}",
        honest.held_back, honest.outflows, honest.windows_broken, honest.windows
    )
}

/// A share in percent: more places the smaller it is.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        format!("{percent:.1e} %")
    } else {
        format!("{percent:.2} %")
    }
}

fn shown(usd: Option<UsdNumber>) -> String {
    usd.map_or_else(|| "not known".to_owned(), |usd| dollars(usd.0))
}

/// Whole dollars.
pub(super) fn dollars(usd: Usd) -> String {
    let text = usd.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| whole.to_owned())
}
