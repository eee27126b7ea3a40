//! The tests inside rule files: short evidence becomes real Evidence, and the rule is run over it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, keccak256};
use portcullis_types::{
    evidence::Evidence,
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

use crate::{
    abi::Signature,
    diagnostic::{Diagnostic, Level, Reporter, Source},
    rule::{Fields, Settings},
    set::RuleSet,
    yaml::{self, Tree, Yaml},
};

mod parts;
mod transaction;
mod values;

/// The result of one test of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The rule.
    pub rule: String,
    /// The test.
    pub name: String,
    /// Whether the test wants the rule to speak.
    pub wants_fire: bool,
    /// None where it passed; else what is wrong, with its place.
    pub problem: Option<Diagnostic>,
    /// What the rule said.
    pub sentences: Vec<String>,
}

/// The protocol that tests play in, before a rule adds to it.
pub fn test_protocol() -> Protocol {
    let contracts = [
        ("vault", true),
        ("market", true),
        ("router", false),
        ("token", false),
        ("oracle", false),
        ("governor", false),
        ("treasury", false),
        ("proxy", false),
    ];
    let assets = [
        ("ETH", 18, 2_000),
        ("WETH", 18, 2_000),
        ("USDC", 6, 1),
        ("DAI", 18, 1),
        ("WBTC", 8, 60_000),
        ("VLT", 18, 10),
    ];
    let contract = |(name, holds_value): (&str, bool)| Contract {
        name: name.to_owned(),
        address: made(name),
        holds_value,
    };
    let asset = |(symbol, decimals, dollars): (&str, u8, i64)| AssetSpec {
        symbol: symbol.to_owned(),
        asset: match symbol {
            "ETH" => Asset::Native,
            "VLT" => Asset::Token(made("token")),
            _ => Asset::Token(made(&format!("asset {symbol}"))),
        },
        decimals,
        price_usd: Usd::dollars(dollars),
    };
    Protocol {
        name: "test protocol".to_owned(),
        chain: 1,
        contracts: contracts.into_iter().map(contract).collect(),
        assets: assets.into_iter().map(asset).collect(),
    }
}

/// An address made of a name: nobody's.
pub(crate) fn made(name: &str) -> Address {
    Address::from_word(keccak256(format!("portcullis test account {name}")))
}

/// The test protocol with what the `world` of every rule in some files adds; what cannot be read adds nothing.
pub fn protocol_of(sources: &[Source]) -> Protocol {
    let mut protocol = test_protocol();
    for source in sources {
        let mut reporter = Reporter::new(source);
        for document in yaml::read(&source.text).unwrap_or_default() {
            extend(&document, &mut protocol, &mut reporter);
        }
    }
    protocol
}

/// Compiles the rules of a file for the test protocol, with what their `world` adds.
///
/// # Errors
/// Everything that is wrong.
pub fn compile_for_tests(source: &Source) -> Result<RuleSet, Vec<Diagnostic>> {
    let mut reporter = Reporter::new(source);
    let documents = match yaml::read(&source.text) {
        Ok(documents) => documents,
        Err(problem) => {
            reporter.error(problem.place, problem.what, problem.remedy);
            return Err(reporter.list);
        }
    };
    let mut protocol = test_protocol();
    for document in &documents {
        extend(document, &mut protocol, &mut reporter);
    }
    if reporter.has_errors() {
        return Err(reporter.list);
    }
    RuleSet::compile(std::slice::from_ref(source), &protocol, &Settings::default())
}

/// Compiles every rule of a file ([`compile_for_tests`]) and runs its tests.
///
/// # Errors
/// Everything that is wrong with the rules themselves.
pub fn run_tests(source: &Source) -> Result<Vec<TestResult>, Vec<Diagnostic>> {
    let set = compile_for_tests(source)?;
    let mut reporter = Reporter::new(source);
    let mut results = Vec::new();
    for (number, rule) in set.rules.iter().enumerate() {
        if rule.tests.is_empty() {
            let start = rule.tree.place.start;
            reporter.error(
                start..start + 1,
                "the rule has no tests",
                "add one that fires and one that does not, under `tests:`",
            );
            return Err(reporter.list);
        }
        for test in &rule.tests {
            results.push(run(&set, number, test, source));
        }
    }
    Ok(results)
}

/// Adds the `world` of a rule.
fn extend(document: &Tree, protocol: &mut Protocol, reporter: &mut Reporter<'_>) {
    for (_, world) in map_of(document).iter().filter(|(key, _)| key.text == "world") {
        add(world, protocol, reporter);
    }
}

fn add(world: &Tree, protocol: &mut Protocol, reporter: &mut Reporter<'_>) {
    let Some(fields) = Fields::new(world, "`world`", &["contracts", "assets"], reporter) else {
        return;
    };
    for (key, value) in fields.get("contracts").map(map_of).unwrap_or_default() {
        let holds_value = match value.text() {
            Some("holdsValue") => true,
            Some("plain") => false,
            _ => {
                reporter.error(
                    value.place.clone(),
                    "a contract of the test world is `holdsValue` or `plain`",
                    "write `bridge: holdsValue`",
                );
                continue;
            }
        };
        if !protocol.contracts.iter().any(|contract| contract.name == key.text) {
            protocol.contracts.push(Contract {
                name: key.text.clone(),
                address: made(&key.text),
                holds_value,
            });
        }
    }
    for (key, value) in fields.get("assets").map(map_of).unwrap_or_default() {
        let Some(fields) = Fields::new(value, "an asset", &["decimals", "priceUsd"], reporter)
        else {
            continue;
        };
        let decimals = fields
            .text("decimals", reporter)
            .and_then(|text| text.parse::<u8>().ok())
            .filter(|d| *d <= 77);
        let price = fields.text("priceUsd", reporter).and_then(|text| text.parse::<Usd>().ok());
        let (Some(decimals), Some(price_usd)) = (decimals, price) else {
            reporter.error(
                value.place.clone(),
                "an asset of the test world has decimals (0 to 77) and a price",
                "write `STETH: {decimals: 18, priceUsd: \"2000\"}`",
            );
            continue;
        };
        if !protocol.assets.iter().any(|spec| spec.symbol == key.text) {
            let asset = Asset::Token(made(&format!("asset {}", key.text)));
            protocol.assets.push(AssetSpec {
                symbol: key.text.clone(),
                asset,
                decimals,
                price_usd,
            });
        }
    }
}

fn map_of(tree: &Tree) -> &[(yaml::Key, Tree)] {
    match &tree.value {
        Yaml::Map(entries) => entries,
        _ => &[],
    }
}

/// How often a rule should speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Never,
    Somehow,
    Times(usize),
}

fn run(set: &RuleSet, number: usize, test: &Tree, source: &Source) -> TestResult {
    let mut reporter = Reporter::new(source);
    let mut result = TestResult {
        rule: set.rules.get(number).map(|rule| rule.about.id.clone()).unwrap_or_default(),
        name: String::new(),
        wants_fire: false,
        problem: None,
        sentences: Vec::new(),
    };
    if let Some(fields) =
        Fields::new(test, "a test", &["name", "fires", "says", "evidence"], &mut reporter)
    {
        let name = fields.needed("name", "what the test shows", &mut reporter);
        result.name = name.unwrap_or("(no name)").to_owned();
        let fires = fields.needed("fires", "true, false, or how many times", &mut reporter);
        let wanted = match fires {
            Some("true") => Some(Wanted::Somehow),
            Some("false" | "0") => Some(Wanted::Never),
            Some(number) => number.parse().ok().map(Wanted::Times),
            None => None,
        };
        match (wanted, fields.get("evidence")) {
            (Some(wanted), Some(evidence)) => {
                result.wants_fire = wanted != Wanted::Never;
                let signature = default_signature(set, number);
                let transactions =
                    transaction::read(evidence, &set.world, signature, &mut reporter);
                if !reporter.has_errors() {
                    play(set, number, &transactions, wanted, &fields, &mut result, &mut reporter);
                }
            }
            (None, _) if fires.is_some() => {
                let place =
                    fields.get("fires").map_or(test.place.clone(), |tree| tree.place.clone());
                reporter.error(place, "`fires` is true, false, or a number", "write `fires: true`");
            }
            (_, None) => {
                let start = test.place.start;
                reporter.error(
                    start..start + 1,
                    "`evidence` is missing",
                    "say what happens: `evidence: {transfer: {…}}`",
                );
            }
            _ => {}
        }
    }
    result.problem = reporter.list.into_iter().find(|diagnostic| diagnostic.level == Level::Error);
    result
}

fn default_signature(set: &RuleSet, number: usize) -> Option<&Signature> {
    let wanted = set.rules.get(number)?.signatures.first()?;
    set.signatures.get(wanted.signature)
}

fn play(
    set: &RuleSet,
    number: usize,
    transactions: &[Evidence],
    wanted: Wanted,
    fields: &Fields<'_>,
    result: &mut TestResult,
    reporter: &mut Reporter<'_>,
) {
    let mut set = set.clone();
    let mut failures = BTreeMap::new();
    for evidence in transactions {
        let seen = set.inspect(evidence);
        let mine = seen.matches.into_iter().filter(|found| found.rule == number);
        result.sentences.extend(mine.map(|found| found.sentence));
        for missing in seen.no_answers.into_iter().filter(|missing| missing.rule == number) {
            *failures.entry(missing.failure.to_string()).or_insert(0usize) += 1;
        }
    }
    let place =
        |name: &str| fields.get(name).map_or(fields.place.clone(), |tree| tree.place.clone());
    if let Some((failure, count)) = failures.first_key_value() {
        reporter.error(
            place("name"),
            format!("{count} evaluations had no answer: {failure}"),
            "guard the expression, or correct the evidence",
        );
        return;
    }
    let times = result.sentences.len();
    let good = match wanted {
        Wanted::Never => times == 0,
        Wanted::Somehow => times > 0,
        Wanted::Times(wanted) => times == wanted,
    };
    if !good {
        let said =
            result.sentences.first().map(|said| format!(", first: {said}")).unwrap_or_default();
        let remedy = if times == 0 {
            "see with `portcullis rule explain` what the rule looks at; compare contract, signature and values"
        } else {
            "tighten `when`, or correct the test"
        };
        reporter.error(place("fires"), format!("the rule spoke {times} times{said}"), remedy);
        return;
    }
    if let Some(says) = fields.text("says", reporter) {
        let says = values::with_accounts(says);
        if !result.sentences.iter().any(|sentence| sentence.contains(&says)) {
            let said = result.sentences.join("; ");
            reporter.error(
                place("says"),
                format!("no sentence holds this; said was: {said}"),
                "correct `explain` or `says`",
            );
        }
    }
}
