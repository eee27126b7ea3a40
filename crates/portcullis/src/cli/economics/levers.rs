//! What a stop without need costs, lever by lever, and who must agree to one.

use portcullis_engine::ProtocolConfig;
use portcullis_types::{action::Rung, false_stop::FalseStopParts, text::printable};
use serde::Serialize;

use super::{
    super::output::{Paint, UsdNumber},
    text::dollars,
};

/// One lever.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeverReport {
    pub(super) lever: String,
    pub(super) rung: Rung,
    /// `observe` to `act`.
    pub(super) autonomy: &'static str,
    pub(super) false_stop_cost_usd: UsdNumber,
    /// In words, with their amounts; empty where only the sum is configured.
    pub(super) parts: Vec<(String, UsdNumber)>,
}

/// The levers of a protocol, gentlest first.
pub(super) fn levers(config: &ProtocolConfig) -> Vec<LeverReport> {
    let mut ladder: Vec<_> = config.ladder.iter().collect();
    ladder.sort_by_key(|lever| (lever.rung, lever.false_stop_cost));
    let report = |lever: &portcullis_types::action::Lever| {
        let parts = lever.false_stop_parts.iter().flat_map(FalseStopParts::lines);
        LeverReport {
            lever: lever.name.clone(),
            rung: lever.rung,
            autonomy: config.policy.autonomy.of(lever.rung).name(),
            false_stop_cost_usd: UsdNumber(lever.false_stop_cost),
            parts: parts.map(|(name, usd)| (name, UsdNumber(usd))).collect(),
        }
    };
    ladder.into_iter().map(report).collect()
}

/// For a terminal; nothing where there is no lever.
pub(super) fn text(levers: &[LeverReport], paint: Paint) -> String {
    if levers.is_empty() {
        return String::new();
    }
    let mut out = format!("  {}\n", paint.bold("What a stop without need costs, USD"));
    for one in levers {
        let name = format!("{} ({}, {})", printable(&one.lever), one.rung.name(), one.autonomy);
        out.push_str(&format!("  {name:<50}{:>16}\n", dollars(one.false_stop_cost_usd.0)));
        for (part, usd) in &one.parts {
            let line = paint.dim(&format!("    {part:<48}{:>16}", dollars(usd.0)));
            out.push_str(&format!("{line}\n"));
        }
    }
    out.push('\n');
    out
}
