//! The report, as `--json` prints it.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use portcullis_decide::economics::{
    Breaker, Cap, Defence, Economics, Holding, Model, Outcome, Response,
    advice::{Advice, STEP_PERCENT, advise},
    bound::{SHARE_WHOLE, loss_bound},
    utility::is_deterred,
};
use portcullis_detect::config::{DetectorConfig, OutflowLimit};
use portcullis_engine::ProtocolConfig;
use portcullis_types::{money::Usd, protocol::AssetSpec};
use serde::Serialize;

use super::{
    super::output::UsdNumber,
    history::History,
    levers::{LeverReport, levers},
};

/// Minutes at which bounds are said, after the one of a block.
const MINUTES: [u64; 4] = [1, 5, 30, 60];

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) protocols: Vec<ProtocolReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProtocolReport {
    pub(super) protocol: String,
    /// Sum of what it holds; null where an asset's is not known.
    pub(super) value_usd: Option<UsdNumber>,
    /// Assets whose holding is not known.
    pub(super) holdings_missing: Vec<String>,
    /// Whether a lever may be pulled by itself.
    pub(super) acts: bool,
    pub(super) limits_on_chain: bool,
    /// Seconds in which people have stopped it in nine of ten cases.
    pub(super) slow_response_seconds: u64,
    /// By people alone, as configured, with limits enforced; empty where the value is not known.
    pub(super) attacks: Vec<AttackReport>,
    /// Least over the limits, all assets together, by time.
    pub(super) bounds_usd: Bounds,
    pub(super) limits: Vec<LimitReport>,
    /// What to change, best first.
    pub(super) advice: Vec<AdviceReport>,
    pub(super) history: Option<HistoryReport>,
    /// What a stop without need costs, lever by lever.
    pub(super) levers: Vec<LeverReport>,
    /// Beliefs that all of it rests on.
    pub(super) economics: Economics,
    #[serde(skip)]
    pub(super) model: Model,
    #[serde(skip)]
    pub(super) throttles: Vec<(String, Vec<(f64, f64)>)>,
}

/// Dollars by `1block`, `1`, `5`, `30`, `60`; null where not known.
pub(super) type Bounds = BTreeMap<String, Option<UsdNumber>>;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttackReport {
    /// `people`, `configured` or `gate`.
    pub(super) defence: &'static str,
    pub(super) profitable: bool,
    pub(super) utility_usd: UsdNumber,
    pub(super) gain_usd: UsdNumber,
    pub(super) execution_probability: f64,
    /// Terms in words, with their amounts, in the order of the formula.
    pub(super) terms: Vec<(String, UsdNumber)>,
    pub(super) most_usd: Option<UsdNumber>,
    pub(super) deterred: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitReport {
    pub(super) asset: String,
    pub(super) window_seconds: u64,
    /// `20 %` or `250,000.00 USD`.
    pub(super) cap: String,
    /// `B`: what one window allows.
    pub(super) burst_usd: Option<UsdNumber>,
    /// `ρ = B/W`, dollars a minute.
    pub(super) rate_usd_per_minute: Option<UsdNumber>,
    pub(super) covers_all: bool,
    pub(super) bounds_usd: Bounds,
    /// Whether what it leaves within the slow response is worth less than an attack costs.
    pub(super) deterred: Option<bool>,
    pub(super) honest: Option<HonestReport>,
    /// Why nothing is said of honest flow.
    pub(super) honest_not_known: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HonestReport {
    pub(super) outflows: u64,
    pub(super) held_back: u64,
    pub(super) windows: u64,
    pub(super) windows_broken: u64,
    /// A window breaks it at most so often, 95 %.
    pub(super) window_broken_upper95: Option<f64>,
    /// The same by a fitted tail; null where data are too few.
    pub(super) window_broken_tail: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdviceReport {
    /// `addLimit` or `tighten`.
    pub(super) what: &'static str,
    pub(super) asset: String,
    pub(super) window_seconds: Option<u64>,
    pub(super) cap: Option<String>,
    /// What the attacker loses by it; null where not known.
    pub(super) utility_fall_usd: Option<UsdNumber>,
    /// Share of honest outflows held back by it; null where no history is known.
    pub(super) honest_rise: Option<f64>,
    pub(super) sentence: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryReport {
    pub(super) transactions: u64,
    pub(super) blind: u64,
    pub(super) seconds: u64,
}

impl Report {
    /// Histories are in the order of the protocols, or none.
    pub(super) fn new(protocols: &[ProtocolConfig], histories: &[History]) -> Self {
        let report = |(at, config)| ProtocolReport::new(config, histories.get(at));
        Self { protocols: protocols.iter().enumerate().map(report).collect() }
    }
}

impl ProtocolReport {
    fn new(config: &ProtocolConfig, history: Option<&History>) -> Self {
        let model = model(config);
        let times = times(config.policy.block_seconds);
        let held = |asset: &str| {
            model.holdings.iter().find(|one| one.asset == asset).and_then(|one| one.held)
        };
        let all = || model.holdings.iter().flat_map(|holding| &holding.breakers);
        let met = |breaker: &Breaker| match history {
            Some(history) => history.met(breaker, held(&breaker.asset)),
            None => Err("not known: give --recording".to_owned()),
        };
        let throttle = |breaker: &Breaker| met(breaker).ok().map(|met| met.throttle());
        let limit = |breaker: &Breaker| LimitReport::new(&model, breaker, &times, met(breaker));
        let limits = all().map(limit).collect();
        let advice = advise(&model, throttle).iter().map(AdviceReport::new).collect();
        let defences = [Defence::People, Defence::Configured, Defence::Gate];
        let outcomes = defences.iter().filter_map(|defence| model.outcome(*defence));
        // The limit at parts of itself, for the plot.
        let curve = |breaker: &Breaker| {
            let point = |percent: u64| Some((percent, throttle(&breaker.scaled(percent))?.share));
            let points: Vec<(f64, f64)> = (1..=20)
                .filter_map(|step| point(step * 10))
                .map(|(percent, share)| (percent as f64 / 200.0, share))
                .collect();
            (!points.is_empty()).then(|| (name(breaker), points))
        };
        let missing = model.holdings.iter().filter(|one| one.held.is_none());
        Self {
            protocol: config.protocol.name.clone(),
            value_usd: model.value().map(UsdNumber),
            holdings_missing: missing.map(|one| one.asset.clone()).collect(),
            acts: model.acts,
            limits_on_chain: model.economics.limits_on_chain,
            slow_response_seconds: model.slow_response(),
            attacks: outcomes.map(AttackReport::new).collect(),
            bounds_usd: bounds(&times, |seconds| loss_bound(&model.holdings, seconds)),
            limits,
            advice,
            history: history.map(|history| HistoryReport {
                transactions: history.transactions,
                blind: history.blind,
                seconds: history.span.map_or(0, |(first, last)| last - first),
            }),
            levers: levers(config),
            economics: model.economics.clone(),
            throttles: all().filter_map(curve).collect(),
            model,
        }
    }
}

impl AttackReport {
    fn new(outcome: Outcome) -> Self {
        let utility = outcome.utility;
        Self {
            defence: match outcome.defence {
                Defence::People => "people",
                Defence::Configured => "configured",
                Defence::Gate => "gate",
            },
            profitable: utility.is_profitable(),
            utility_usd: UsdNumber(utility.utility),
            gain_usd: UsdNumber(utility.gain),
            execution_probability: utility.execution_probability,
            terms: utility.lines().into_iter().map(|(name, usd)| (name, UsdNumber(usd))).collect(),
            most_usd: outcome.most.map(UsdNumber),
            deterred: outcome.is_deterred,
        }
    }
}

impl LimitReport {
    fn new(
        model: &Model,
        breaker: &Breaker,
        times: &[(String, u64)],
        met: Result<super::history::Met, String>,
    ) -> Self {
        let held = model.holdings.iter().find(|one| one.asset == breaker.asset);
        let held = held.and_then(|one| one.held);
        let burst = breaker.burst(held);
        let slow = breaker.bound(held, model.slow_response());
        let (honest, honest_not_known) = match met {
            Ok(met) => (
                Some(HonestReport {
                    outflows: met.outflows,
                    held_back: met.held_back,
                    windows: met.windows,
                    windows_broken: met.windows_broken,
                    window_broken_upper95: met.upper95,
                    window_broken_tail: met.tail,
                }),
                None,
            ),
            Err(why) => (None, Some(why)),
        };
        Self {
            asset: breaker.asset.clone(),
            window_seconds: breaker.window_seconds,
            cap: cap(breaker),
            burst_usd: burst.map(UsdNumber),
            rate_usd_per_minute: burst
                .map(|burst| UsdNumber(burst.mul_ratio(60, breaker.window_seconds))),
            covers_all: breaker.covers_all,
            bounds_usd: bounds(times, |seconds| breaker.bound(held, seconds)),
            deterred: slow.map(|slow| is_deterred(&model.economics, slow)),
            honest,
            honest_not_known,
        }
    }
}

impl AdviceReport {
    fn new(advice: &Advice) -> Self {
        match advice {
            Advice::AddLimit { asset, worth } => Self {
                what: "addLimit",
                asset: asset.clone(),
                window_seconds: None,
                cap: None,
                utility_fall_usd: worth.map(UsdNumber),
                honest_rise: None,
                sentence: format!(
                    "add a limit on {asset}: nothing bounds what leaves of it; `portcullis learn` proposes one"
                ),
            },
            Advice::Tighten { breaker, fall, rise, .. } => Self {
                what: "tighten",
                asset: breaker.asset.clone(),
                window_seconds: Some(breaker.window_seconds),
                cap: Some(cap(breaker)),
                utility_fall_usd: Some(UsdNumber(*fall)),
                honest_rise: *rise,
                sentence: format!(
                    "tighten {} from {} to {}: the attacker loses {fall} USD, honest users {}",
                    name(breaker),
                    cap(breaker),
                    cap(&breaker.scaled(STEP_PERCENT)),
                    match rise {
                        Some(rise) => format!("see {:.2} % more outflows held back", rise * 100.0),
                        None => "not known (give --recording)".to_owned(),
                    }
                ),
            },
        }
    }
}

/// `RUSD / 3600 s`.
pub(super) fn name(breaker: &Breaker) -> String {
    let cap = match breaker.cap {
        Cap::Amount(_) => "amount",
        Cap::Share(_) => "share",
    };
    format!("{} {cap} in {} s", breaker.asset, breaker.window_seconds)
}

fn cap(breaker: &Breaker) -> String {
    match breaker.cap {
        Cap::Amount(amount) => format!("{amount} USD"),
        Cap::Share(share) => {
            let percent = share as f64 / SHARE_WHOLE as f64 * 100.0;
            let text = format!("{percent:.4}");
            format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

fn times(block_seconds: u64) -> Vec<(String, u64)> {
    let minutes = MINUTES.iter().map(|minutes| (minutes.to_string(), minutes * 60));
    [("1block".to_owned(), block_seconds)].into_iter().chain(minutes).collect()
}

fn bounds(times: &[(String, u64)], bound: impl Fn(u64) -> Option<Usd>) -> Bounds {
    times.iter().map(|(name, seconds)| (name.clone(), bound(*seconds).map(UsdNumber))).collect()
}

fn model(config: &ProtocolConfig) -> Model {
    let economics = config.policy.economics.clone().unwrap_or_default();
    let holding = |spec: &AssetSpec| Holding {
        asset: spec.symbol.clone(),
        held: economics.holdings_usd.get(&spec.symbol).copied(),
        breakers: breakers(config, spec),
    };
    let people = if economics.response.is_empty() {
        Response::ConstantHazard { median_seconds: config.policy.response_seconds }
    } else {
        Response::Empirical(economics.response.clone())
    };
    Model {
        holdings: config.protocol.assets.iter().map(holding).collect(),
        people,
        acts: config
            .ladder
            .iter()
            .any(|lever| config.policy.autonomy.of(lever.rung).is_unattended()),
        economics,
    }
}

/// All limits of the detectors `gross-outflow` on an asset.
fn breakers(config: &ProtocolConfig, spec: &AssetSpec) -> Vec<Breaker> {
    let mut found = Vec::new();
    for detector in &config.detectors {
        let DetectorConfig::GrossOutflow(outflow) = detector else { continue };
        let covers_all = outflow.contracts.is_empty()
            || config.protocol.holders().all(|holder| {
                let is =
                    |named: &String| *named == holder.name || named.parse() == Ok(holder.address);
                outflow.contracts.iter().any(is)
            });
        let of_asset = outflow.limits.iter().filter(|limit| limit.asset == spec.symbol);
        for limit in of_asset {
            let breaker = |cap: Cap| Breaker {
                asset: spec.symbol.clone(),
                window_seconds: limit.window_seconds,
                cap,
                covers_all,
            };
            found.extend(caps(limit, spec).into_iter().map(breaker));
        }
    }
    found
}

fn caps(limit: &OutflowLimit, spec: &AssetSpec) -> Vec<Cap> {
    let amount = limit.max_amount.and_then(|amount| amount.units(spec.decimals));
    let share = limit.max_share.and_then(|percent| {
        // Percent to billionths, up: a limit must not look stricter than it is.
        let scaled = percent.digits.checked_mul(U256::from(SHARE_WHOLE / 100))?;
        u64::try_from(scaled.div_ceil(percent.unit())).ok()
    });
    let amount = amount.map(|amount| Cap::Amount(spec.value(amount)));
    amount.into_iter().chain(share.map(Cap::Share)).collect()
}
