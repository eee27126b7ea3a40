//! How good the rule is: `p > C/(C+ΔL)` beside always pausing, never pausing and a fixed threshold, over real losses and
//! those of the drills. The same seeds for all.
//!
//! **The world.** In each block an attack begins with probability 10⁻⁶, as the default prior says: a million honest blocks,
//! then one attack. Each theft, and each honest outflow, brings an e-value `E = κ·U^(κ−1)`, `κ = 0.1`: of mean 1 for honest
//! ones (`U` uniform), and with that very likelihood ratio for thefts (`U = V^(1/κ)`). A stop holds two blocks later, for an
//! hour; people stop the attack after a constant hazard with a median of 30 minutes in any case.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail by panicking, as the test itself does"
)]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_decide::{Autonomy, Facts, LeverState, Policy, Sequential, State, posterior, weigh};
use portcullis_types::{
    action::{Call, Lever, Rung, Undo, ViewCheck},
    chain::BlockId,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::{CaseId, FindingKey, Millis, Seq},
    money::Usd,
};

const MARKET: Address = Address::repeat_byte(0xa1);
const KAPPA: f64 = 0.1;
const HONEST_BLOCKS: f64 = 1e6;
const BLOCK_SECONDS: u64 = 12;
const SEEDS: u64 = 300;
/// From here on an e-value is a finding: what a limit's breach short of a proof may be worth.
const FINDING: f64 = 100.0;
/// What the sequential rule believes; thefts whose e-value is a finding are 46 of 100.
const STRIKES_PER_BLOCK: f64 = 0.3;
/// Honest findings of the blocks before that the sequential rule remembers: what is older has been forgotten.
const REMEMBERED: usize = 4;

struct Dice(u64);

impl Dice {
    /// In (0, 1): splitmix64.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// Thefts by second since the first, what there was to take, what a lever costs, and the largest honest outflow.
struct Incident {
    name: &'static str,
    thefts: Vec<(u64, f64)>,
    held: f64,
    lever_cost: i64,
    honest_max: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    PStar,
    Always,
    Never,
    Fixed,
    /// As p*, over evidence that adds up over blocks.
    Sequential,
}

const RULES: [(Rule, &str); 5] = [
    (Rule::PStar, "p* = C/(C+ΔL)"),
    (Rule::Fixed, "fixed, p > 0.5"),
    (Rule::Always, "always pause"),
    (Rule::Never, "never pause"),
    (Rule::Sequential, "p*, sequential"),
];

fn dollars(value: f64) -> Usd {
    Usd((value * 1e6) as i128)
}

fn lever(cost: i64) -> LeverState {
    let call = Call { to: MARKET, data: Bytes::new(), gas_limit: 100_000 };
    let verify = ViewCheck {
        to: MARKET,
        data: Bytes::new(),
        expect: U256::from(1),
        meaning: String::new(),
        word: 0,
    };
    let lever = Lever {
        name: "pause".to_owned(),
        rung: Rung::Market,
        chain: 1,
        covers: vec![MARKET],
        preflight: Vec::new(),
        call,
        verify,
        undo: Undo::ByExpiry,
        hold_seconds: 3_600,
        false_stop_cost: Usd::dollars(cost),
        traps: Vec::new(),
        warden: None,
        false_stop_parts: None,
        forms: Vec::new(),
    };
    LeverState { lever, state: State::Idle, pulled_at: None }
}

fn finding(number: u64, at: u64, loss: f64, e_value: f64) -> Finding {
    Finding {
        key: FindingKey(B256::from(U256::from(number))),
        detector: "simulated".to_owned(),
        maturity: Maturity::Stable,
        protocol: "test".to_owned(),
        chain: 1,
        block: BlockId { number: at / BLOCK_SECONDS, hash: B256::ZERO },
        transaction: None,
        actor: None,
        contract: MARKET,
        asset: None,
        amount: None,
        loss: dollars(loss),
        outlook: Outlook::Continues,
        confidence: Confidence::evidence(e_value),
        evidence: Vec::new(),
        sentence: String::new(),
    }
}

/// Guardrails wide open: the rule alone is compared.
fn policy() -> Policy {
    Policy {
        autonomy: Autonomy::Act.into(),
        budget_usd_per_day: Usd::dollars(1_000_000_000_000),
        pulls_per_day_max: u32::MAX,
        cool_down_seconds: 0,
        ..Policy::default()
    }
}

/// Whether the rule stops at the last of `findings`, `at` seconds after the first.
fn stops(rule: Rule, incident: &Incident, findings: &[Finding], at: u64) -> bool {
    let mut policy = policy();
    if rule == Rule::Sequential {
        // What is drawn below is conditionally valid: e-values of mean 1 whatever came before.
        let detectors = vec!["simulated".to_owned()];
        policy.sequential = Some(Sequential { detectors, strikes_per_block: STRIKES_PER_BLOCK });
    }
    match rule {
        Rule::Never => false,
        Rule::Always => true,
        Rule::Fixed => posterior(&policy, findings, 1) > 0.5,
        Rule::PStar | Rule::Sequential => {
            let lost: Usd = findings.iter().map(|finding| finding.loss).sum();
            let levers = [lever(incident.lever_cost)];
            let start = 1_000_000_000;
            let facts = Facts {
                case: CaseId(Seq(1)),
                protocol: "test",
                block: BlockId { number: at / BLOCK_SECONDS, hash: B256::ZERO },
                now: Millis(start + at * 1_000),
                findings,
                loss_so_far: lost,
                value_left: dollars(incident.held) - lost,
                first_seen: Millis(start),
                levers: &levers,
                spent_today: Usd::ZERO,
                pulls_today: 0,
                detectors_configured: 1,
                chain: 1,
                context: &[],
                approved: None,
                barred: None,
            };
            weigh(&policy, &facts).chosen.is_some()
        }
    }
}

/// Loss, and number of false stops, of one seed.
fn play(rule: Rule, incident: &Incident, seed: u64) -> (f64, u64) {
    let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    // Honest blocks whose e-value is a finding: one in `1/rate`, by their gaps.
    let rate = (KAPPA / FINDING).powf(1.0 / (1.0 - KAPPA));
    let (mut block, mut held_until, mut false_stops) = (0.0, 0.0, 0);
    let mut recent: Vec<Finding> = Vec::new();
    loop {
        block += (dice.roll().ln() / (-rate).ln_1p()).ceil();
        let (u, size) = (dice.roll() * rate, dice.roll());
        if block > HONEST_BLOCKS {
            break;
        }
        let outflow = 100.0 + size * (incident.honest_max - 100.0);
        let at = (block * BLOCK_SECONDS as f64) as u64;
        if rule != Rule::Sequential {
            recent.clear();
        } else if recent.len() >= REMEMBERED {
            recent.remove(0);
        }
        recent.push(finding(block as u64, at, outflow, KAPPA * u.powf(KAPPA - 1.0)));
        let since = if rule == Rule::Sequential { at } else { 0 };
        if rule != Rule::Sequential {
            recent[0].block.number = 0;
        }
        if block >= held_until && stops(rule, incident, &recent, since) {
            false_stops += 1;
            held_until = block + 3_600.0 / BLOCK_SECONDS as f64;
        }
    }
    let mut dice = Dice(!seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let people = 1_800.0 * -dice.roll().ln() / std::f64::consts::LN_2;
    let (mut stop, mut loss, mut findings) = (people, 0.0, Vec::new());
    let mut is_pulled = false;
    for (number, (at, value)) in incident.thefts.iter().enumerate() {
        let u = dice.roll().powf(1.0 / KAPPA);
        if *at as f64 > stop {
            break;
        }
        loss += value;
        let e_value = KAPPA * u.powf(KAPPA - 1.0);
        if e_value < FINDING || is_pulled {
            continue;
        }
        findings.push(finding(number as u64, *at, *value, e_value));
        if stops(rule, incident, &findings, *at) {
            is_pulled = true;
            stop = stop.min((at + 2 * BLOCK_SECONDS) as f64);
        }
    }
    (loss, false_stops)
}

fn timings() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder =
        std::env::var_os("PORTCULLIS_SHARED").map_or(beside, PathBuf::from).join("data/timings");
    if folder.exists() {
        return Some(folder);
    }
    println!("SKIPPED: {} is not there; set PORTCULLIS_SHARED to its folder", folder.display());
    None
}

/// Seconds since the first row, and a number made of the columns named.
fn rows(path: &Path, value: impl Fn(&dyn Fn(&str) -> f64) -> f64) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            let at = heads.iter().position(|head| *head == name).unwrap();
            cells[at].parse::<f64>().unwrap()
        };
        (cell("seconds_since_first") as u64, value(&cell))
    };
    lines.map(row).collect()
}

/// Amounts in tokens, so that all together are worth ten million.
fn to_ten_million(mut thefts: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    let sum: f64 = thefts.iter().map(|(_, value)| value).sum();
    for (_, value) in &mut thefts {
        *value *= 1e7 / sum;
    }
    thefts
}

fn drills() -> Vec<Incident> {
    let each_block = |times: u64, value: f64| (0..times).map(|n| (n * 12, value)).collect();
    vec![
        Incident {
            name: "drill: lending, 12 strikes",
            thefts: each_block(12, 320_000.0),
            held: 8e6,
            lever_cost: 20_000,
            honest_max: 5_000.0,
        },
        Incident {
            name: "drill: bridge, 19 messages",
            thefts: each_block(19, 400_000.0),
            held: 1e7,
            lever_cost: 40_000,
            honest_max: 8_000.0,
        },
    ]
}

fn recorded(folder: &Path) -> Vec<Incident> {
    let incident = |name, thefts, held, lever_cost| Incident {
        name,
        thefts,
        held,
        lever_cost,
        honest_max: 8_000.0,
    };
    let nomad = rows(&folder.join("nomad_loss_curve.csv"), |cell| cell("usd_approx"));
    // What a transaction took is not in the file (what is sent in and paid out does not match): each counts the same.
    let uniswap = rows(&folder.join("uniswap_imbtc.csv"), |_| 1.0);
    let lendfme = rows(&folder.join("lendfme_reentrancy.csv"), |cell| cell("amount"));
    let sum = nomad.iter().map(|(_, value)| value).sum();
    vec![
        incident("Nomad, 2022", nomad, sum, 40_000),
        incident("Uniswap imBTC, 2020", to_ten_million(uniswap), 1e7, 20_000),
        incident("Lendf.me, 2020", to_ten_million(lendfme), 1e7, 20_000),
    ]
}

/// The rules before the sequential one.
const SIMPLE: usize = 4;

/// Prints a table, and demands that p* is the cheapest of the rules that look at one finding, and that the sequential one is
/// no dearer over all incidents: it stops sooner, and without need a third more often.
fn compare(incidents: &[Incident]) {
    let mut text = String::new();
    let mut totals = [0.0; RULES.len()];
    let mut is_best = true;
    for incident in incidents {
        writeln!(text, "{}", incident.name).unwrap();
        let mut costs = Vec::new();
        for (at, (rule, name)) in RULES.iter().enumerate() {
            let (mut loss, mut stops) = (0.0, 0.0);
            for seed in 0..SEEDS {
                let (taken, false_stops) = play(*rule, incident, seed);
                loss += taken / SEEDS as f64;
                stops += false_stops as f64 / SEEDS as f64;
            }
            let cost = stops * incident.lever_cost as f64;
            let sum = loss + cost;
            writeln!(
                text,
                "  {name:<16} loss {loss:>12.0}  false stops {stops:>7.2} costing {cost:>11.0}  together {sum:>12.0}"
            )
            .unwrap();
            totals[at] += sum;
            costs.push(sum);
        }
        // Two in a hundred for the dice.
        is_best &= costs[..SIMPLE].iter().all(|cost| costs[0] <= cost * 1.02);
    }
    println!("{text}together, USD for each incident and its 1,000,000 honest blocks: {totals:.0?}");
    assert!(
        is_best
            && totals[SIMPLE] <= totals[0] * 1.01
            && totals[1..SIMPLE].iter().all(|total| totals[0] < *total),
        "another rule is cheaper"
    );
}

#[test]
fn the_rule_costs_least_on_the_drills() {
    compare(&drills());
}

#[test]
fn the_rule_costs_least_on_recorded_losses() {
    let Some(folder) = timings() else { return };
    compare(&recorded(&folder));
}
