//! From a tree of YAML to a rule.

use std::{collections::BTreeSet, ops::Range};

use alloy_primitives::{Address, B256, I256, U256};
use portcullis_types::finding::{Maturity, Outlook};

use super::{About, Context, Fields, Needs, Rule, RuleWindow, Severity, fields::free, on};
use crate::{
    abi::Signature,
    ast::{Expr, print},
    check::{self, Scope},
    diagnostic::{Problem, Reporter},
    limits::{LIST_ELEMENTS_MAX, WINDOW_LENGTH_BLOCKS_MAX, WINDOW_SECONDS_MAX},
    node::{Kind, Node},
    parse::parse,
    template::Template,
    ty::Type,
    value::Value,
    window::{Measure, Span, Spec},
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
    let subject = match fields.get("on") {
        Some(tree) => on::on(tree, pool, reporter),
        None => {
            let start = tree.place.start;
            reporter.error(
                start..start + 1,
                "`on` is missing",
                "say what the rule is about: `on: transfer`, `on: {event: \"…\"}`",
            );
            None
        }
    };
    let (whose, whose_text) = on::whose(fields.get("contracts"), context, reporter);
    // Without knowing what it is about, every name would be unknown.
    let subject = subject?;
    let id = about.as_ref().map(|about| about.id.clone()).unwrap_or_default();
    let mut compiler = Compiler {
        scope: Scope {
            world: context.world,
            subject: Some(subject.subject),
            args: subject.args.clone(),
            has_args: !subject.signatures.is_empty(),
            named: std::collections::BTreeMap::new(),
            window: None,
        },
        context,
        id,
        used: BTreeSet::new(),
        reporter,
    };
    compiler.names(&fields);
    let when = fields.get("when").and_then(|tree| compiler.condition(tree));
    let when_text =
        fields.get("when").and_then(Tree::text).and_then(|t| parse(t).ok()).map(|e| print(&e));
    let window = fields.get("window").and_then(|tree| compiler.window(tree));
    let loss = fields.get("loss").and_then(|tree| compiler.loss(tree));
    let (e_value, proof) = compiler.confidence(&fields);
    let outlook = [("continues", Outlook::Continues), ("allAtRisk", Outlook::AllAtRisk)];
    let outlook =
        fields.one_of("outlook", &outlook, compiler.reporter).unwrap_or(Outlook::Continues);
    let explain = compiler.explain(&fields, window.as_ref());
    compiler.unused(&fields);
    let failed = reporter.list.iter().skip(before).any(|d| d.level == crate::Level::Error);
    if failed {
        return None;
    }
    let when = when.filter(|node| node.constant().is_none());
    let all = [
        when.as_ref(),
        loss.as_ref(),
        window.as_ref().and_then(|w| w.of.as_ref()),
        window.as_ref().and_then(|w| w.by.as_ref()),
    ];
    let (needs, nodes) = (
        Needs::all(subject.subject, all.into_iter().flatten()),
        all.into_iter().flatten().map(Node::size).sum(),
    );
    Some(Rule {
        about: about?,
        file: reporter.source.name.clone(),
        subject: subject.subject,
        signatures: subject.signatures,
        whose,
        whose_text,
        when,
        when_text: when_text.unwrap_or_else(|| "true".to_owned()),
        window,
        e_value,
        proof,
        loss,
        outlook,
        explain: explain?,
        args: subject.args,
        nodes,
        needs,
        tests: fields
            .get("tests")
            .map(|tests| tests.each().into_iter().cloned().collect())
            .unwrap_or_default(),
        tree: tree.clone(),
    })
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
    let severity = match fields.get("severity") {
        Some(_) => fields.one_of("severity", &Severity::ALL, reporter),
        None => {
            fields.needed("severity", "info, low, medium, high or critical", reporter);
            None
        }
    };
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
    })
}

struct Compiler<'c, 'a, 'r> {
    scope: Scope<'a>,
    context: Context<'a>,
    id: String,
    used: BTreeSet<String>,
    reporter: &'c mut Reporter<'r>,
}

type Check = fn(&Scope<'_>, &Expr, &mut BTreeSet<String>) -> Result<Node, Problem>;

impl Compiler<'_, '_, '_> {
    fn expression(&mut self, tree: &Tree, scope: &Scope<'_>, check: Check) -> Option<Node> {
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
                self.reporter.error(place, problem.problem, problem.remedy);
                None
            }
        }
    }

    fn condition(&mut self, tree: &Tree) -> Option<Node> {
        let scope = self.scope.clone();
        self.expression(tree, &scope, check::condition)
    }

    /// `lists`, `params` and `let`, in this order.
    fn names(&mut self, fields: &Fields<'_>) {
        for what in ["lists", "params", "let"] {
            let Some(tree) = fields.get(what) else { continue };
            for (key, value) in free(tree, what, self.reporter) {
                if self.scope.named.contains_key(&key.text)
                    || !is_name(&key.text)
                    || self.taken(&key.text)
                {
                    let problem = format!(
                        "`{}` cannot be a name here",
                        portcullis_types::text::printable(&key.text)
                    );
                    self.reporter.error(
                        key.place.clone(),
                        problem,
                        "take letters, digits and `_`, and a word that has no meaning yet",
                    );
                    continue;
                }
                let node = match what {
                    "lists" => self.list(&key.text, value),
                    "params" => self.param(&key.text, value),
                    _ => {
                        let scope = self.scope.clone();
                        self.expression(value, &scope, check::check)
                    }
                };
                // A name whose value is wrong is still a name: one error is enough.
                let node = node.unwrap_or_else(|| {
                    Node::new(Kind::Const(Value::Bool(false)), Type::Nothing, 0..0)
                });
                self.scope.named.insert(key.text.clone(), node);
            }
        }
    }

    fn taken(&self, name: &str) -> bool {
        let roots = crate::schema::ROOTS
            .iter()
            .chain(crate::schema::LISTS)
            .any(|(known, _)| *known == name);
        let subject = self.scope.subject.is_some_and(|subject| subject.name() == name);
        roots
            || subject
            || ["args", "chain", "native", "measure", "key", "true", "false", "null", "in"]
                .contains(&name)
    }

    fn param(&mut self, name: &str, tree: &Tree) -> Option<Node> {
        let mut scope = Scope::constant(self.context.world);
        scope.named.clone_from(&self.scope.named);
        let constant = |scope: &Scope<'_>, expr: &Expr, used: &mut BTreeSet<String>| {
            check::check(scope, expr, used).map(check::settle)
        };
        let node = self.expression(tree, &scope, constant)?;
        let configured = self.context.settings.params.get(&format!("{}.{name}", self.id));
        let Some(text) = configured else { return Some(node) };
        let replaced = parse(text).and_then(|expr| constant(&scope, &expr, &mut self.used));
        match replaced {
            Ok(other) if other.ty == node.ty => Some(other),
            Ok(other) => {
                let problem = format!(
                    "the configuration sets `{name}` to a value of type {}, it is of type {}",
                    other.ty, node.ty
                );
                self.reporter.error(tree.place.clone(), problem, "correct the configuration");
                None
            }
            Err(problem) => {
                let text = format!(
                    "as configured (`{}`): {}",
                    portcullis_types::text::printable(text),
                    problem.problem
                );
                self.reporter.error(tree.place.clone(), text, problem.remedy);
                None
            }
        }
    }

    /// A named list: all addresses, all words of 32 bytes, all integers, or text.
    fn list(&mut self, name: &str, tree: &Tree) -> Option<Node> {
        let mut texts: Vec<(String, Range<usize>)> = Vec::new();
        for element in tree.each() {
            match element.text() {
                Some(text) => texts.push((text.to_owned(), element.place.clone())),
                None => {
                    let problem =
                        format!("an element of a list is text, this is {}", element.kind());
                    self.reporter.error(
                        element.place.clone(),
                        problem,
                        "write addresses, texts or integers",
                    );
                    return None;
                }
            }
        }
        for text in
            self.context.settings.lists.get(&format!("{}.{name}", self.id)).into_iter().flatten()
        {
            texts.push((text.clone(), tree.place.clone()));
        }
        if texts.len() > LIST_ELEMENTS_MAX {
            let problem =
                format!("the list has {} elements, more than {LIST_ELEMENTS_MAX}", texts.len());
            self.reporter.error(tree.place.clone(), problem, "shorten it");
            return None;
        }
        let world = self.context.world;
        let contract = |text: &str| {
            world.protocol.contracts.iter().find(|c| c.name == text).map(|c| c.address)
        };
        let mut values = Vec::new();
        let mut ty = Type::Nothing;
        for (text, place) in texts {
            let (value, of) = element(&text, contract(&text));
            let Some(joined) = ty.join(&of) else {
                let problem =
                    format!("this is of type {of}, what stands before it is of type {ty}");
                self.reporter.error(place, problem, "all elements of a list are of one type: addresses of 40 digits, words of 64, integers, or text");
                return None;
            };
            ty = joined;
            values.push(value);
        }
        Some(Node::new(Kind::Const(Value::List(values.into())), Type::list(ty), tree.place.clone()))
    }

    fn window(&mut self, tree: &Tree) -> Option<RuleWindow> {
        let known = ["measure", "of", "over", "by", "atLeast", "per"];
        let fields = Fields::new(tree, "a window", &known, self.reporter)?;
        let words = [
            ("count", Measure::Count),
            ("sum", Measure::Sum),
            ("max", Measure::Max),
            ("rate", Measure::Rate),
        ];
        fields.needed("measure", "count, sum, max or rate", self.reporter)?;
        let measure = fields.one_of("measure", &words, self.reporter)?;
        let scope = self.scope.clone();
        let of = match fields.get("of") {
            Some(tree) => Some((self.expression(tree, &scope, settled)?, tree)),
            None => None,
        };
        let needs_of = matches!(measure, Measure::Sum | Measure::Max);
        if needs_of != of.is_some() && measure != Measure::Rate {
            let remedy = if needs_of { "add `of: <number, amount or usd>`" } else { "remove it" };
            let problem =
                if needs_of { "`of` is missing: what is added up?" } else { "a count has no `of`" };
            self.reporter.error(tree.place.clone(), problem, remedy);
            return None;
        }
        let ty = match &of {
            Some((node, tree)) => {
                let good = node.ty.is_integer() || matches!(node.ty, Type::Usd | Type::Amount);
                if !good {
                    let problem = format!(
                        "a window measures numbers, amounts or dollars, this is of type {}",
                        node.ty
                    );
                    self.reporter.error(tree.place.clone(), problem, "convert it with `uint(…)`");
                    return None;
                }
                match node.ty {
                    Type::Uint(_) => Type::UINT,
                    Type::Int(_) => Type::INT,
                    ref other => other.clone(),
                }
            }
            None => Type::UINT,
        };
        let by = match fields.get("by") {
            Some(tree) => Some(self.expression(tree, &scope, settled)?),
            None => None,
        };
        let over_text = fields.needed("over", "`10m`, `6h`, `50 blocks`", self.reporter)?;
        let over = self.span(fields.get("over")?, over_text)?;
        let per = match (measure, fields.get("per")) {
            (Measure::Rate, Some(tree)) => {
                let per = self.span(tree, tree.text().unwrap_or_default())?;
                if std::mem::discriminant(&per) != std::mem::discriminant(&over) {
                    self.reporter.error(
                        tree.place.clone(),
                        "`per` and `over` must both be times or both blocks",
                        "write `per: 1m` or `per: 1 block`",
                    );
                    return None;
                }
                per.length()
            }
            (Measure::Rate, None) => {
                self.reporter.error(
                    tree.place.clone(),
                    "a rate needs `per`",
                    "write `per: 1m` or `per: 1 block`",
                );
                return None;
            }
            (_, Some(tree)) => {
                self.reporter.error(
                    tree.place.clone(),
                    "only a rate has `per`",
                    "remove it, or write `measure: rate`",
                );
                return None;
            }
            _ => 1,
        };
        let at_least = self.bound(&fields, &ty)?;
        self.scope.window = Some((ty, by.as_ref().map(|by| by.ty.clone())));
        let words = format!("{} over {over_text}", fields.text("measure", self.reporter)?);
        let spec = Spec { measure, over, per, at_least };
        Some(RuleWindow { spec, of: of.map(|(node, _)| node), by, words })
    }

    fn bound(&mut self, fields: &Fields<'_>, ty: &Type) -> Option<Value> {
        fields.needed("atLeast", "the bound that speaks when it is reached", self.reporter)?;
        let tree = fields.get("atLeast")?;
        let mut scope = Scope::constant(self.context.world);
        scope.named.clone_from(&self.scope.named);
        let node = self.expression(tree, &scope, check::check)?;
        let fitted = check::fit(node, ty).and_then(|node| match node.constant() {
            Some(value) if node.ty == *ty => Ok(value.clone()),
            _ => Err(Problem::new(
                0..1,
                format!("a constant of type {ty} is needed here"),
                "write a number, `usd(…)` or `amount(…)`, as `of` is",
            )),
        });
        match fitted {
            Ok(value) => Some(value),
            Err(problem) => {
                self.reporter.error(tree.place.clone(), problem.problem, problem.remedy);
                None
            }
        }
    }

    fn span(&mut self, tree: &Tree, text: &str) -> Option<Span> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        let unit = text.get(digits.len()..).unwrap_or_default().trim();
        let number: Option<u64> = digits.parse().ok().filter(|number| *number > 0);
        let seconds = |factor: u64| {
            number.and_then(|n| n.checked_mul(factor)).filter(|s| *s <= WINDOW_SECONDS_MAX)
        };
        let span = match unit {
            "s" => seconds(1).map(Span::Seconds),
            "m" => seconds(60).map(Span::Seconds),
            "h" => seconds(3_600).map(Span::Seconds),
            "d" => seconds(86_400).map(Span::Seconds),
            "block" | "blocks" => {
                number.filter(|n| *n <= WINDOW_LENGTH_BLOCKS_MAX).map(Span::Blocks)
            }
            _ => None,
        };
        if span.is_none() {
            let remedy = format!(
                "write `90s`, `10m`, `6h`, `7d` or `50 blocks`; at most 30d or {WINDOW_LENGTH_BLOCKS_MAX} blocks"
            );
            self.reporter.error(tree.place.clone(), "this is no length of a window", remedy);
        }
        span
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

    fn explain(&mut self, fields: &Fields<'_>, _window: Option<&RuleWindow>) -> Option<Template> {
        let text = fields.needed("explain", "a sentence with `{values}` in it", self.reporter)?;
        let tree = fields.get("explain")?;
        let scope = self.scope.clone();
        match Template::new(&scope, text, &mut self.used) {
            Ok(template) => Some(template),
            Err(problem) => {
                let place = tree.locate(&self.reporter.source.text, problem.place);
                self.reporter.error(place, problem.problem, problem.remedy);
                None
            }
        }
    }

    fn unused(&mut self, fields: &Fields<'_>) {
        for what in ["lists", "params", "let"] {
            let entries =
                fields.get(what).map(|tree| free(tree, what, self.reporter)).unwrap_or_default();
            for (key, _) in entries {
                if !self.used.contains(&key.text) && is_name(&key.text) {
                    let problem = format!("`{}` is never used", key.text);
                    self.reporter.warning(key.place.clone(), problem, "use it, or remove it");
                }
            }
        }
    }
}

fn settled(scope: &Scope<'_>, expr: &Expr, used: &mut BTreeSet<String>) -> Result<Node, Problem> {
    check::check(scope, expr, used).map(check::settle)
}

fn is_name(text: &str) -> bool {
    let start = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    start && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text.len() <= 40
}

fn element(text: &str, contract: Option<Address>) -> (Value, Type) {
    if let Some(address) = contract {
        return (Value::Address(address), Type::Address);
    }
    let hexadecimal = text.starts_with("0x");
    if hexadecimal
        && text.len() == 42
        && let Ok(address) = text.parse::<Address>()
    {
        return (Value::Address(address), Type::Address);
    }
    if hexadecimal
        && text.len() == 66
        && let Ok(word) = text.parse::<B256>()
    {
        return (Value::Fixed(word, 32), Type::Fixed(32));
    }
    if hexadecimal
        && text.len() == 10
        && let Ok(bytes) = alloy_primitives::hex::decode(text)
    {
        return (Value::Fixed(B256::right_padding_from(&bytes), 4), Type::Fixed(4));
    }
    if let Ok(value) = U256::from_str_radix(text, 10)
        && !text.is_empty()
    {
        return (Value::Uint(value), Type::UINT);
    }
    if text.starts_with('-')
        && let Ok(value) = text.parse::<I256>()
    {
        return (Value::Int(value), Type::INT);
    }
    (Value::Text(text.into()), Type::Text)
}
