//! A protocol: what is protected, by what, within which limits.

use std::collections::BTreeMap;

use portcullis_detect::{DetectorConfig, config::GrossOutflowConfig};
use portcullis_engine::ProtocolConfig;
use portcullis_types::{finding::Maturity, ids::Millis, money::Usd, protocol::Protocol};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    case::{LeverLine, levers},
    money::usd,
    overview::{BrakeView, brake_view},
};
use crate::api::replica::{Flow, Picture};

/// Most points of a gauge's chart.
const POINTS_MAX: usize = 288;

/// A protocol in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProtocolLine {
    pub(crate) name: String,
    pub(crate) chains: Vec<u64>,
    pub(crate) counts: ProtocolCounts,
    /// What its contracts hold, at reference prices.
    pub(crate) value_usd: String,
    /// Whether its state was read.
    pub(crate) informed: bool,
    pub(crate) open_cases: u64,
    /// Parts of the brakes that do not work.
    pub(crate) broken: u64,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProtocolCounts {
    pub(crate) contracts: u64,
    pub(crate) detectors: u64,
    pub(crate) levers: u64,
}

/// A protocol, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProtocolDetails {
    #[serde(flatten)]
    pub(crate) line: ProtocolLine,
    pub(crate) contracts: Vec<ContractView>,
    pub(crate) assets: Vec<AssetView>,
    /// Levers, gentlest first.
    pub(crate) levers: Vec<LadderLever>,
    /// The policy as configured.
    #[schema(value_type = Object)]
    pub(crate) policy: Value,
    pub(crate) budget: BudgetView,
    /// Bounds on what may leave, and how much of each is used.
    pub(crate) limits: Vec<LimitView>,
    pub(crate) detectors: Vec<DetectorView>,
    pub(crate) brakes: Vec<BrakeView>,
    /// What of its state could not be read at the last try.
    pub(crate) unread: Vec<String>,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContractView {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) holds_value: bool,
    pub(crate) chain: u64,
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssetView {
    pub(crate) symbol: String,
    pub(crate) asset: String,
    pub(crate) decimals: u8,
    pub(crate) price_usd: String,
}

/// A lever with what it does and costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LadderLever {
    #[serde(flatten)]
    pub(crate) line: LeverLine,
    /// `act`, `ratify`, `signature`, `recommend`, `observe`: who pulls it.
    pub(crate) autonomy: String,
    pub(crate) kind: String,
    /// What must be true once it is pulled.
    pub(crate) verify: String,
    pub(crate) covers: Vec<String>,
    pub(crate) false_stop_usd: String,
    pub(crate) hold_seconds: u64,
    /// `byCall`, `byExpiry`, `byPeople`.
    pub(crate) undo: String,
    pub(crate) traps: Vec<String>,
    /// What it does, in one sentence.
    pub(crate) words: String,
}

/// What pulls without need may cost in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BudgetView {
    pub(crate) spent_usd: String,
    pub(crate) limit_usd: String,
    pub(crate) pulls: u32,
    pub(crate) pulls_max: u32,
}

/// A bound on what may leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitView {
    pub(crate) name: String,
    pub(crate) symbol: String,
    /// What left in the window that ends now, at reference prices.
    pub(crate) used_usd: String,
    /// Null where the bound is a share of what is held.
    pub(crate) limit_usd: Option<String>,
    /// Percent of what is held, where it is one.
    pub(crate) limit_share: Option<String>,
    pub(crate) window_ms: u64,
    /// `[time, what left in that block]`, oldest first, at most 288 of the last day.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub(crate) series: Vec<(u64, String)>,
}

/// A detector.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DetectorView {
    pub(crate) name: String,
    /// What it watches for, in one line.
    pub(crate) kind: String,
    pub(crate) maturity: String,
    pub(crate) findings: u64,
    pub(crate) last_at: Option<u64>,
    /// False where state that a detector may need could not be read.
    pub(crate) healthy: bool,
    /// Why not; null where it is.
    pub(crate) why: Option<String>,
    /// Its settings as configured, without the texts of rules.
    #[schema(value_type = Object)]
    pub(crate) settings: Value,
}

/// A protocol in a list.
pub(crate) fn protocol_line(
    picture: &Picture,
    config: &ProtocolConfig,
    now: Millis,
) -> ProtocolLine {
    let name = &config.protocol.name;
    let view = picture.engine.protocol(name, now);
    let lines = picture.lines().filter(|(_, line)| line.open && line.protocol == *name);
    let broken = |brake: &&portcullis_engine::Brake| {
        brake.standing == portcullis_types::brake::Standing::Broken
    };
    ProtocolLine {
        name: name.clone(),
        chains: vec![config.protocol.chain],
        counts: ProtocolCounts {
            contracts: config.protocol.contracts.len() as u64,
            detectors: config.detectors.len() as u64,
            levers: config.ladder.len() as u64,
        },
        value_usd: usd(view.map_or(Usd::ZERO, |view| view.value)),
        informed: view.is_some_and(|view| view.is_informed),
        open_cases: lines.count() as u64,
        broken: picture.engine.brakes(name).filter(broken).count() as u64,
    }
}

/// A protocol, whole.
pub(crate) fn protocol_details(
    picture: &Picture,
    config: &ProtocolConfig,
    now: Millis,
) -> ProtocolDetails {
    let (protocol, name) = (&config.protocol, &config.protocol.name);
    let view = picture.engine.protocol(name, now);
    let unread: Vec<String> = picture
        .engine
        .unread()
        .into_iter()
        .filter(|(whose, ..)| whose == name)
        .map(|(_, probe, why)| format!("{probe}: {why}"))
        .take(100)
        .collect();
    let spent = view.map_or(Usd::ZERO, |view| view.spent);
    ProtocolDetails {
        line: protocol_line(picture, config, now),
        contracts: protocol
            .contracts
            .iter()
            .map(|one| ContractView {
                name: one.name.clone(),
                address: one.address.to_string(),
                holds_value: one.holds_value,
                chain: protocol.chain,
            })
            .collect(),
        assets: protocol
            .assets
            .iter()
            .map(|one| AssetView {
                symbol: one.symbol.clone(),
                asset: one.asset.to_string(),
                decimals: one.decimals,
                price_usd: usd(one.price_usd),
            })
            .collect(),
        levers: ladder(picture, config),
        policy: serde_json::to_value(&config.policy).unwrap_or_default(),
        budget: BudgetView {
            spent_usd: usd(spent),
            limit_usd: usd(config.policy.budget_usd_per_day),
            pulls: view.map_or(0, |view| view.pulls),
            pulls_max: config.policy.pulls_per_day_max,
        },
        limits: limits(picture, config, now),
        detectors: config
            .detectors
            .iter()
            .map(|one| detector(picture, name, one, unread.is_empty()))
            .collect(),
        brakes: picture.engine.brakes(name).map(|brake| brake_view(name, brake)).collect(),
        unread,
    }
}

fn ladder(picture: &Picture, config: &ProtocolConfig) -> Vec<LadderLever> {
    let protocol = &config.protocol;
    let mut out = Vec::new();
    for line in levers(&picture.engine, &protocol.name) {
        let Some(lever) = config.ladder.iter().find(|lever| lever.name == line.name) else {
            continue;
        };
        let autonomy = serde_json::to_value(config.policy.autonomy.of(lever.rung));
        let undo = serde_json::to_value(&lever.undo).unwrap_or_default();
        let undo = undo.as_object().and_then(|one| one.keys().next().cloned());
        let undo = undo.or_else(|| {
            serde_json::to_value(&lever.undo).ok().and_then(|v| v.as_str().map(str::to_owned))
        });
        out.push(LadderLever {
            line,
            autonomy: autonomy
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default(),
            kind: if lever.warden.is_some() { "warden" } else { "direct" }.to_owned(),
            verify: lever.verify.meaning.clone(),
            covers: lever.covers.iter().map(|address| protocol.name_of(*address)).collect(),
            false_stop_usd: usd(lever.false_stop_cost),
            hold_seconds: lever.hold_seconds,
            undo: undo.unwrap_or_default(),
            traps: lever.traps.clone(),
            words: format!("once pulled: {}", lever.verify.meaning),
        });
    }
    out
}

fn detector(
    picture: &Picture,
    protocol: &str,
    config: &DetectorConfig,
    healthy: bool,
) -> DetectorView {
    let id = config.id();
    let meta = portcullis_detect::catalogue::ALL.iter().find(|meta| meta.id == id);
    // Rules speak under ids of their own.
    let mine = picture.spoken.iter().filter(|((whose, who), _)| {
        whose == protocol && (who == id || (id == "rules" && who.starts_with("rule")))
    });
    let (mut findings, mut last_at) = (0, None);
    for (_, spoken) in mine {
        findings += spoken.findings;
        last_at = last_at.max(spoken.last.map(|at| at.0));
    }
    let mut settings = serde_json::to_value(config).unwrap_or_default();
    if let Some(rules) = settings.get_mut("rules").and_then(Value::as_array_mut) {
        for rule in rules {
            if let Some(fields) = rule.as_object_mut() {
                fields.remove("text");
            }
        }
    }
    if let Some(fields) = settings.as_object_mut() {
        // What was learned is long, and for machines.
        fields.remove("learned");
    }
    let configured = settings.get("maturity").and_then(Value::as_str).map(str::to_owned);
    let own = meta.map_or("", |meta| match meta.maturity {
        Maturity::Sandbox => "sandbox",
        Maturity::Incubating => "incubating",
        Maturity::Stable => "stable",
    });
    DetectorView {
        name: id.to_owned(),
        kind: meta.map_or(id, |meta| meta.title).to_owned(),
        maturity: configured.unwrap_or_else(|| own.to_owned()),
        findings,
        last_at,
        healthy,
        why: (!healthy).then(|| "state of the protocol could not be read".to_owned()),
        settings,
    }
}

fn limits(picture: &Picture, config: &ProtocolConfig, now: Millis) -> Vec<LimitView> {
    let flows: Vec<&Flow> = picture
        .flows
        .get(&config.protocol.name)
        .into_iter()
        .flat_map(crate::api::replica::notes::Flows::all)
        .collect();
    // Windows end at the newest block: a drill's chain, or a record, may be of another time than this clock.
    let newest = flows.last().map_or(now, |flow| flow.at);
    let mut views = Vec::new();
    for detector in &config.detectors {
        if let DetectorConfig::GrossOutflow(outflow) = detector {
            views.extend(outflow_limits(&config.protocol, outflow, &flows, newest));
        }
    }
    views
}

fn outflow_limits(
    protocol: &Protocol,
    config: &GrossOutflowConfig,
    flows: &[&Flow],
    newest: Millis,
) -> Vec<LimitView> {
    let mut views = Vec::new();
    for limit in &config.limits {
        let window_ms = limit.window_seconds.saturating_mul(1_000);
        let of = |flow: &&&Flow| flow.out.get(&limit.asset).copied();
        let used: Usd = flows
            .iter()
            .filter(|flow| newest.since(flow.at) < window_ms)
            .filter_map(|flow| of(&flow))
            .sum();
        let spec = protocol.assets.iter().find(|spec| spec.symbol == limit.asset);
        let bound = spec
            .zip(limit.max_amount)
            .and_then(|(spec, amount)| amount.units(spec.decimals).map(|units| spec.value(units)));
        let mut series: BTreeMap<u64, Usd> = BTreeMap::new();
        for flow in flows {
            if let Some(out) = of(&flow) {
                *series.entry(flow.at.0).or_default() += out;
            }
        }
        let skip = series.len().saturating_sub(POINTS_MAX);
        let points = series.into_iter().skip(skip);
        views.push(LimitView {
            name: format!("{} in {} s", limit.asset, limit.window_seconds),
            symbol: limit.asset.clone(),
            used_usd: usd(used),
            limit_usd: bound.map(usd),
            limit_share: limit
                .max_share
                .and_then(|share| serde_json::to_value(share).ok())
                .and_then(|share| share.as_str().map(str::to_owned)),
            window_ms,
            series: points.map(|(at, out)| (at, usd(out))).collect(),
        });
    }
    views
}
