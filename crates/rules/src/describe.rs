//! Rules for people and editors: what a rule compiles to, the catalogue, the schema, a template to begin with.

use std::fmt::Write as _;

use portcullis_types::finding::Maturity;
use serde_json::{Map, Value as Json, json};

use crate::{
    abi::Signature,
    diagnostic::{Diagnostic, Level, Reporter, Source},
    limits::EXPRESSION_NODES_MAX,
    rule::{About, IndexKey, Rule, Severity},
    set::RuleSet,
    ty::Message,
};

/// Most index entries that an explanation lists.
const ENTRIES_SHOWN_MAX: usize = 12;

/// The name of a maturity in rule files.
fn maturity(maturity: Maturity) -> &'static str {
    match maturity {
        Maturity::Sandbox => "sandbox",
        Maturity::Incubating => "incubating",
        Maturity::Stable => "stable",
    }
}

fn subject(message: Message) -> &'static str {
    match message {
        Message::Event => "every log",
        Message::Call => "every call that took effect",
        Message::Storage => "every slot that differs afterwards",
        Message::Code => "every account whose code differs afterwards",
        Message::Transfer => "every movement of an asset",
        Message::Flow => "what every holder gained or lost of an asset in a transaction",
        _ => "every transaction",
    }
}

impl RuleSet {
    /// What is written about each rule, in order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &About> {
        self.rules.iter().map(|rule| &rule.about)
    }

    /// How a rule weighs: its e-value and whether it is a proof; and what is at risk when it speaks.
    pub fn weight(&self, rule: usize) -> Option<(f64, bool, portcullis_types::finding::Outlook)> {
        self.rules.get(rule).map(|rule| (rule.e_value, rule.proof, rule.outlook))
    }

    /// A rule in plain words: what it looks at, where it is found in the index, the types of its names, its window.
    pub fn explain(&self, id: &str) -> Option<String> {
        let rule = self.rules.iter().find(|rule| rule.about.id == id)?;
        let mut out = String::new();
        let about = &rule.about;
        let _ = writeln!(out, "{}: {}", about.id, about.title);
        let (maturity, severity) = (maturity(about.maturity), about.severity.name());
        let _ = writeln!(out, "  {maturity}, severity {severity}, from {}", rule.file);
        let _ = writeln!(out, "  looks at    {} of {}", subject(rule.subject), rule.whose_text);
        for signature in self.signatures_of(rule) {
            let kind = if signature.is_event { "topic" } else { "selector" };
            let key =
                signature.key.get(..if signature.is_event { 32 } else { 4 }).unwrap_or_default();
            let key = alloy_primitives::hex::encode(key);
            let _ = writeln!(out, "  signature   {}  ({kind} 0x{key})", signature.canonical);
        }
        for (name, ty) in &rule.args {
            let _ = writeln!(out, "  argument    args.{name}: {ty}");
        }
        let _ = writeln!(out, "  speaks when {}", rule.when_text);
        if let Some(window) = &rule.window {
            let by = if window.by.is_some() { ", for each value of `by`" } else { "" };
            let bound = window.spec.at_least.show(&self.world);
            let _ = writeln!(out, "  and once    the {} reaches {bound}{by}", window.words);
        }
        let weight = if rule.proof {
            "a proof: a stated rule was broken".to_owned()
        } else if rule.e_value > 1.0 {
            format!("e-value {}", rule.e_value)
        } else {
            "nothing: it is shown and does not move a decision".to_owned()
        };
        let _ = writeln!(out, "  weighs      {weight}");
        let needs = match (rule.needs.logs, rule.needs.state) {
            (true, true) => "logs and state",
            (true, false) => "logs",
            (false, true) => "state",
            (false, false) => "calls alone",
        };
        let _ = writeln!(out, "  needs       {needs} of a transaction");
        let _ = writeln!(
            out,
            "  cost        {} of at most {EXPRESSION_NODES_MAX} nodes an expression",
            rule.nodes
        );
        let keys = self.keys(rule);
        for key in keys.iter().take(ENTRIES_SHOWN_MAX) {
            let _ = writeln!(out, "  indexed by  {}", self.entry(key));
        }
        if keys.len() > ENTRIES_SHOWN_MAX {
            let _ = writeln!(out, "  indexed by  {} more", keys.len() - ENTRIES_SHOWN_MAX);
        }
        if keys.is_empty() {
            let _ = writeln!(
                out,
                "  indexed by  nothing: it can never be asked; look at `contracts` and `when`"
            );
        }
        Some(out)
    }

    fn entry(&self, key: &IndexKey) -> String {
        let what = key.what.map_or_else(
            || "anything".to_owned(),
            |word| match key.message {
                Message::Call => format!(
                    "0x{}",
                    alloy_primitives::hex::encode(word.get(..4).unwrap_or_default())
                ),
                _ => word.to_string(),
            },
        );
        let who =
            key.who.map_or_else(|| "anybody".to_owned(), |who| self.world.protocol.name_of(who));
        format!("{} · {what} · {who}", key.message.name())
    }

    fn signatures_of(&self, rule: &Rule) -> Vec<&Signature> {
        let of = |wanted: &crate::rule::Wanted| self.signatures.get(wanted.signature);
        rule.signatures.iter().filter_map(of).collect()
    }
}

/// What should be better about rules that compile in the test protocol: tests of both kinds, references, an id that is
/// the file's name. Errors of the rules come as well.
pub fn lint(source: &Source) -> Vec<Diagnostic> {
    let set = match crate::compile_for_tests(source) {
        Ok(set) => set,
        Err(diagnostics) => return diagnostics,
    };
    let mut reporter = Reporter::new(source);
    for rule in &set.rules {
        lint_rule(rule, set.rules.len() == 1, &mut reporter);
    }
    [set.warnings().to_vec(), reporter.list].concat()
}

fn lint_rule(rule: &Rule, alone: bool, reporter: &mut Reporter<'_>) {
    let start = rule.tree.place.start;
    let mut warn =
        |problem: String, remedy: &str| reporter.warning(start..start + 1, problem, remedy);
    let stem = rule.file.rsplit(['/', '\\']).next().unwrap_or("").split('.').next().unwrap_or("");
    if alone && stem != rule.about.id {
        warn(
            format!("the file is named `{stem}`, the rule `{}`", rule.about.id),
            "name the file after the rule",
        );
    }
    if rule.about.references.is_empty() {
        warn(
            "the rule has no references".into(),
            "say where it comes from: a paper, an EIP, an incident",
        );
    }
    if rule.about.tags.is_empty() {
        warn("the rule has no tags".into(), "class it: `tags: [OWASP-SC01]`");
    }
    if rule.about.maturity == Maturity::Stable && !rule.proof && rule.e_value <= 1.0 {
        warn(
            "a stable rule that weighs nothing".into(),
            "measure its `eValue` on history, or lower its maturity",
        );
    }
    let silent = |tree: &crate::yaml::Tree| match &tree.value {
        crate::yaml::Yaml::Map(entries) => entries
            .iter()
            .any(|(key, value)| key.text == "fires" && matches!(value.text(), Some("false" | "0"))),
        _ => false,
    };
    let n_silent = rule.tests.iter().filter(|test| silent(test)).count();
    if n_silent == 0 || n_silent == rule.tests.len() {
        reporter.error(
            start..start + 1,
            "a rule needs a test that fires and one that does not",
            "add the missing one under `tests:`",
        );
    }
}

/// The catalogue page of rules, as Markdown.
pub fn catalogue(set: &RuleSet) -> String {
    let mut out = String::from(
        "# Catalogue of rules\n\nGenerated by `portcullis rule catalogue`; do not edit. The language is described in\n[rules.md](rules.md).\n\n| rule | severity | maturity | looks at | tags |\n|---|---|---|---|---|\n",
    );
    let mut rules: Vec<&Rule> = set.rules.iter().collect();
    rules.sort_by(|a, b| a.about.id.cmp(&b.about.id));
    for rule in &rules {
        let about = &rule.about;
        let what: Vec<&str> =
            set.signatures_of(rule).iter().map(|s| s.canonical.as_str()).collect();
        let what = if what.is_empty() {
            rule.subject_word().to_owned()
        } else {
            format!("`{}`", what.join("`, `"))
        };
        let (severity, maturity) = (about.severity.name(), maturity(about.maturity));
        let tags = about.tags.join(", ");
        let _ =
            writeln!(out, "| [{0}](#{0}) | {severity} | {maturity} | {what} | {tags} |", about.id);
    }
    for rule in &rules {
        let about = &rule.about;
        let _ = write!(
            out,
            "\n## {}\n\n**{}**\n\n{}\n\n",
            about.id,
            escape(&about.title),
            escape(&about.description)
        );
        let _ = write!(
            out,
            "Looks at {} of {}. Speaks when\n\n```cel\n{}\n```\n\n",
            subject(rule.subject),
            rule.whose_text,
            rule.when_text
        );
        if let Some(window) = &rule.window {
            let _ = write!(
                out,
                "and once the {} reaches {}.\n\n",
                window.words,
                window.spec.at_least.show(&set.world)
            );
        }
        let _ = writeln!(out, "*False alarms.* {}", escape(&about.false_alarms));
        if !about.references.is_empty() {
            let references: Vec<String> = about.references.iter().map(|r| escape(r)).collect();
            let _ = write!(out, "\n*References.* {}\n", references.join("; "));
        }
    }
    out
}

impl Rule {
    fn subject_word(&self) -> &'static str {
        if self.subject == Message::Tx { "transaction" } else { self.subject.name() }
    }
}

/// Text of a rule inside Markdown.
fn escape(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

/// The JSON Schema (draft 2020-12) of a rule file, for editors.
pub fn json_schema() -> Json {
    let text = |what: &str| json!({"type": "string", "description": what});
    let free =
        |what: &str| json!({"type": "object", "description": what, "additionalProperties": true});
    let scalar = json!({"type": ["string", "boolean", "number"]});
    let one_or_many =
        |item: Json| json!({"oneOf": [item.clone(), {"type": "array", "items": item}]});
    let severities: Vec<&str> = Severity::ALL.iter().map(|(name, _)| *name).collect();
    let signature = one_or_many(text("A Solidity signature with names"));
    let mut properties = Map::new();
    let mut add = |name: &str, schema: Json| properties.insert(name.to_owned(), schema);
    add(
        "id",
        json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,79}$", "description": "Unique, never changed"}),
    );
    add("title", text("One line for people"));
    add("description", text("What is seen, and why it matters"));
    add("maturity", json!({"enum": ["sandbox", "incubating", "stable"], "default": "sandbox"}));
    add("severity", json!({"enum": severities}));
    add("tags", one_or_many(json!({"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,60}$"})));
    add("references", one_or_many(text("A page or paper")));
    add("falseAlarms", text("What fires it although nothing is wrong, and what to do then"));
    add(
        "on",
        json!({"description": "What one evaluation is about", "oneOf": [
            {"enum": ["event", "call", "storage", "code", "transfer", "flow", "transaction"]},
            {"type": "object", "properties": {"event": signature}, "required": ["event"], "additionalProperties": false},
            {"type": "object", "properties": {"call": signature}, "required": ["call"], "additionalProperties": false},
        ]}),
    );
    add("contracts", one_or_many(text("protocol, holders, any, or names and addresses")));
    add("lists", free("Named constant lists"));
    add("params", free("Named constants that a configuration may replace"));
    add("let", free("Named expressions"));
    add("when", json!({"type": ["string", "boolean"], "description": "A condition in CEL"}));
    add(
        "window",
        json!({"type": "object", "additionalProperties": false, "required": ["measure", "over", "atLeast"], "properties": {
            "measure": {"enum": ["count", "sum", "max", "rate"]}, "of": scalar, "by": scalar, "atLeast": scalar,
            "over": {"type": "string", "pattern": "^[0-9]+ ?(s|m|h|d|blocks?)$"},
            "per": {"type": "string", "pattern": "^[0-9]+ ?(s|m|h|d|blocks?)$"},
        }}),
    );
    add("eValue", json!({"type": "number", "minimum": 1, "maximum": 1_000_000}));
    add("proof", json!({"type": "boolean", "default": false}));
    add("loss", text("An expression of type usd or amount"));
    add("outlook", json!({"enum": ["continues", "allAtRisk"], "default": "continues"}));
    add("explain", text("One sentence; {expression} is replaced by its value"));
    add("world", free("Further contracts and assets for the tests"));
    add(
        "tests",
        json!({"type": "array", "minItems": 2, "items": {"type": "object", "additionalProperties": false,
        "required": ["name", "fires", "evidence"],
        "properties": {"name": {"type": "string"}, "fires": {"type": ["boolean", "integer"]}, "says": {"type": "string"},
            "evidence": one_or_many(json!({"type": "object"}))}}}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule of Portcullis",
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "title", "description", "severity", "falseAlarms", "on", "explain", "tests"],
        "properties": properties,
    })
}

/// A rule to begin with, whose tests pass.
pub fn template(id: &str) -> String {
    format!(
        r#"id: {id}
title: More than `limit` of an asset leaves at once
description: |
  Say what is seen, and why it matters.
maturity: sandbox
severity: medium
tags: [OWASP-SC01]
references: ["say where it comes from"]
falseAlarms: |
  Say what fires it although nothing is wrong, and what to do then.
on: transfer
contracts: holders
params:
  limit: usd("250000")
when: isHolder(transfer.from) && !isProtocol(transfer.to) && transfer.usd >= limit
explain: "{{transfer.amount}} left {{transfer.from}} for {{transfer.to}}"
tests:
  - name: more than the limit leaves
    fires: true
    says: "USDC left vault for $thief"
    evidence:
      transfer: {{asset: USDC, from: vault, to: $thief, amount: "250000.5"}}
  - name: less than the limit leaves
    fires: false
    evidence:
      transfer: {{asset: USDC, from: vault, to: $alice, amount: "249999"}}
"#
    )
}

/// Whether anything among diagnostics is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
}
