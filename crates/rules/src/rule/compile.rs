//! From a tree of YAML to a rule.

use std::collections::BTreeSet;

use portcullis_types::finding::{Maturity, Outlook};

use super::{About, Context, Fields, Needs, Rule, Severity, on};
use crate::{
    abi::Signature,
    ast::{Expr, print},
    check::{self, Scope},
    diagnostic::{Problem, Reporter},
    node::Node,
    parse::parse,
    template::Template,
    ty::Type,
    yaml::Tree,
};

/// All fields of a rule, in the order in which they are documented.
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "title",
    "description",
    "maturity",
    "severity",
    "tags",
    "references",
    "falseAlarms",
    "on",
    "contracts",
    "lists",
    "params",
    "let",
    "when",
    "window",
    "eValue",
    "proof",
    "loss",
    "outlook",
    "explain",
    "world",
    "tests",
];

pub(crate) const MATURITIES: &[(&str, Maturity)] = &[
    ("sandbox", Maturity::Sandbox),
    ("incubating", Maturity::Incubating),
    ("stable", Maturity::Stable),
];

const OUTLOOKS: &[(&str, Outlook)] =
    &[("continues", Outlook::Continues), ("allAtRisk", Outlook::AllAtRisk)];

/// Most that an e-value of a rule may be.
const E_VALUE_MAX: f64 = 1e6;

/// Compiles one document. None where there were errors; they are in the reporter.
pub(crate) fn compile(
    tree: &Tree,
    context: Context<'_>,
    pool: &mut Vec<Signature>,
    reporter: &mut Reporter<'_>,
) -> Option<Rule> {
    let before = reporter.list.len();
    let fields = Fields::new(tree, "a rule", FIELDS, reporter)?;
    let about = about(&fields, reporter);
    let subject = fields.get("on").map(|tree| on::on(tree, pool, reporter));
    if subject.is_none() {
        nothing_to_look_at(tree, reporter);
    }
    let (whose, whose_text) = on::whose(fields.get("contracts"), context, reporter);
    // Without knowing what it is about, every name would be unknown.
    let subject = subject??;
    let mut compiler = Compiler {
        scope: Scope {
            subject: Some(subject.subject),
            args: subject.args.clone(),
            has_args: !subject.signatures.is_empty(),
            ..Scope::constant(context.world)
        },
        context,
        id: about.as_ref().map(|about| about.id.clone()).unwrap_or_default(),
        used: BTreeSet::new(),
        params: Vec::new(),
        reporter,
    };
    compiler.names(&fields);
    let when = fields.get("when").and_then(|tree| compiler.condition(tree));
    let when_text = fields.get("when").and_then(Tree::text).and_then(|text| parse(text).ok());
    let window = fields.get("window").and_then(|tree| compiler.window(tree));
    let loss = fields.get("loss").and_then(|tree| compiler.loss(tree));
    let (e_value, proof) = compiler.confidence(&fields);
    let outlook = fields.one_of("outlook", OUTLOOKS, compiler.reporter);
    let explain = compiler.explain(&fields);
    compiler.unused(&fields);
    let params = compiler.params;
    if reporter.list.iter().skip(before).any(|d| d.level == crate::Level::Error) {
        return None;
    }
    let when = when.filter(|node| node.constant().is_none());
    let (of, by) = window.as_ref().map_or((None, None), |w| (w.of.as_ref(), w.by.as_ref()));
    let all = [when.as_ref(), loss.as_ref(), of, by];
    let needs = Needs::all(subject.subject, all.into_iter().flatten());
    let nodes = all.into_iter().flatten().map(Node::size).sum();
    let tests = fields.get("tests").map(Tree::each).unwrap_or_default();
    Some(Rule {
        about: About { params, ..about? },
        file: reporter.source.name.clone(),
        subject: subject.subject,
        signatures: subject.signatures,
        whose,
        whose_text,
        when,
        when_text: when_text.map_or_else(|| "true".to_owned(), |expr| print(&expr)),
        window,
        e_value,
        proof,
        loss,
        outlook: outlook.unwrap_or(Outlook::Continues),
        explain: explain?,
        args: subject.args,
        nodes,
        needs,
        tests: tests.into_iter().cloned().collect(),
        tree: tree.clone(),
    })
}

fn nothing_to_look_at(tree: &Tree, reporter: &mut Reporter<'_>) {
    let start = tree.place.start;
    let remedy = "say what the rule is about: `on: transfer`, `on: {event: \"…\"}`";
    reporter.error(start..start + 1, "`on` is missing", remedy);
}

fn about(fields: &Fields<'_>, reporter: &mut Reporter<'_>) -> Option<About> {
    let id = fields.needed("id", "words of small letters, digits and `-`", reporter);
    if let (Some(id), Some(tree)) = (id, fields.get("id")) {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !id.chars().all(good) || id.len() > 80 || id.starts_with('-') {
            reporter.error(
                tree.place.clone(),
                "an id is made of small letters, digits and `-`, at most 80",
                "write for instance `role-granted`",
            );
        }
    }
    let title = fields.needed("title", "one line for people", reporter);
    let description = fields.needed("description", "what is seen, and why it matters", reporter);
    let false_alarms = fields.needed(
        "falseAlarms",
        "what fires it although nothing is wrong, and what to do then",
        reporter,
    );
    let severity = fields.needed("severity", "info, low, medium, high or critical", reporter);
    let severity = severity.and_then(|_| fields.one_of("severity", &Severity::ALL, reporter));
    let maturity = match fields.get("maturity") {
        Some(_) => fields.one_of("maturity", MATURITIES, reporter),
        None => Some(Maturity::Sandbox),
    };
    let mut tags = Vec::new();
    for (tag, tree) in fields.texts("tags", reporter) {
        let good = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if tag.is_empty() || tag.len() > 60 || !tag.chars().all(good) {
            reporter.error(
                tree.place.clone(),
                "a tag is made of letters, digits and `-._:`",
                "write for instance `OWASP-SC01`",
            );
        }
        tags.push(tag.to_owned());
    }
    Some(About {
        id: id?.to_owned(),
        title: title?.trim().to_owned(),
        description: description?.trim().to_owned(),
        maturity: maturity?,
        severity: severity?,
        tags,
        references: fields
            .texts("references", reporter)
            .into_iter()
            .map(|(text, _)| text.to_owned())
            .collect(),
        false_alarms: false_alarms?.trim().to_owned(),
        params: Vec::new(),
    })
}

/// Compiles the expressions of one rule.
pub(super) struct Compiler<'c, 'a, 'r> {
    pub(super) scope: Scope<'a>,
    pub(super) context: Context<'a>,
    pub(super) id: String,
    /// Names that were used.
    pub(super) used: BTreeSet<String>,
    /// Name and expression of each of `params`.
    pub(super) params: Vec<(String, String)>,
    pub(super) reporter: &'c mut Reporter<'r>,
}

type Check = fn(&Scope<'_>, &Expr, &mut BTreeSet<String>) -> Result<Node, Problem>;

impl Compiler<'_, '_, '_> {
    pub(super) fn expression(
        &mut self,
        tree: &Tree,
        scope: &Scope<'_>,
        check: Check,
    ) -> Option<Node> {
        let Some(text) = tree.text() else {
            let problem = format!("an expression is text, this is {}", tree.kind());
            self.reporter.error(
                tree.place.clone(),
                problem,
                "put it in quotes, or behind `|` on lines of its own",
            );
            return None;
        };
        match parse(text).and_then(|expr| check(scope, &expr, &mut self.used)) {
            Ok(node) => Some(node),
            Err(problem) => {
                let place = tree.locate(&self.reporter.source.text, problem.place);
                self.reporter.error(place, problem.what, problem.remedy);
                None
            }
        }
    }

    fn condition(&mut self, tree: &Tree) -> Option<Node> {
        let scope = self.scope.clone();
        self.expression(tree, &scope, check::condition)
    }

    fn loss(&mut self, tree: &Tree) -> Option<Node> {
        let scope = self.scope.clone();
        let node = self.expression(tree, &scope, check::check)?;
        if matches!(node.ty, Type::Usd | Type::Amount) {
            return Some(node);
        }
        let problem = format!("a loss is an amount or dollars, this is of type {}", node.ty);
        self.reporter.error(
            tree.place.clone(),
            problem,
            "write `transfer.amount`, or make dollars of it",
        );
        None
    }

    fn confidence(&mut self, fields: &Fields<'_>) -> (f64, bool) {
        let proof = fields
            .one_of("proof", &[("true", true), ("false", false)], self.reporter)
            .unwrap_or(false);
        let Some(tree) = fields.get("eValue") else { return (1.0, proof) };
        let value = tree.text().and_then(|text| text.parse::<f64>().ok());
        match value {
            _ if proof => {
                self.reporter.error(
                    tree.place.clone(),
                    "a proof has no e-value",
                    "remove one of the two",
                );
                (1.0, proof)
            }
            Some(value) if (1.0..=E_VALUE_MAX).contains(&value) => (value, proof),
            _ => {
                self.reporter.error(
                    tree.place.clone(),
                    "an e-value is a number from 1 to 1000000",
                    "write what was measured on history, or leave it out",
                );
                (1.0, proof)
            }
        }
    }

    fn explain(&mut self, fields: &Fields<'_>) -> Option<Template> {
        let text = fields.needed("explain", "a sentence with `{values}` in it", self.reporter)?;
        let tree = fields.get("explain")?;
        let scope = self.scope.clone();
        match Template::new(&scope, text, &mut self.used) {
            Ok(template) => Some(template),
            Err(problem) => {
                let place = tree.locate(&self.reporter.source.text, problem.place);
                self.reporter.error(place, problem.what, problem.remedy);
                None
            }
        }
    }
}

/// Checks an expression; an integer literal alone has 256 bits.
pub(super) fn settled(
    scope: &Scope<'_>,
    expr: &Expr,
    used: &mut BTreeSet<String>,
) -> Result<Node, Problem> {
    check::check(scope, expr, used).map(check::settle)
}
