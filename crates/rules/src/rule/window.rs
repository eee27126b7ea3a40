//! The window of a rule.

use super::{
    Fields, RuleWindow,
    compile::{Compiler, settled},
};
use crate::{
    check::{self, Scope},
    diagnostic::Problem,
    limits::{WINDOW_LENGTH_BLOCKS_MAX, WINDOW_SECONDS_MAX},
    node::Node,
    ty::Type,
    value::Value,
    window::{Measure, Span, Spec},
    yaml::Tree,
};

const MEASURES: &[(&str, Measure)] = &[
    ("count", Measure::Count),
    ("sum", Measure::Sum),
    ("max", Measure::Max),
    ("rate", Measure::Rate),
];
const PER: &str = "write `per: 1m` or `per: 1 block`";

impl Compiler<'_, '_, '_> {
    pub(super) fn window(&mut self, tree: &Tree) -> Option<RuleWindow> {
        let known = ["measure", "of", "over", "by", "atLeast", "per"];
        let fields = Fields::new(tree, "a window", &known, self.reporter)?;
        fields.needed("measure", "count, sum, max or rate", self.reporter)?;
        let measure = fields.one_of("measure", MEASURES, self.reporter)?;
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
            Some((node, tree)) => self.measured(node, tree)?,
            None => Type::UINT,
        };
        let by = match fields.get("by") {
            Some(tree) => Some(self.expression(tree, &scope, settled)?),
            None => None,
        };
        let over_text = fields.needed("over", "`10m`, `6h`, `50 blocks`", self.reporter)?;
        let over = self.span(fields.get("over")?, over_text)?;
        let per = self.per(&fields, measure == Measure::Rate, over)?;
        let at_least = self.bound(&fields, &ty)?;
        self.scope.window = Some((ty, by.as_ref().map(|by| by.ty.clone())));
        let words = format!("{} over {over_text}", fields.text("measure", self.reporter)?);
        let spec = Spec { measure, over, per, at_least };
        Some(RuleWindow { spec, of: of.map(|(node, _)| node), by, words })
    }

    /// The type of what is measured.
    fn measured(&mut self, node: &Node, tree: &Tree) -> Option<Type> {
        match &node.ty {
            Type::Uint(_) => Some(Type::UINT),
            Type::Int(_) => Some(Type::INT),
            Type::Usd | Type::Amount => Some(node.ty.clone()),
            other => {
                let problem = format!(
                    "a window measures numbers, amounts or dollars, this is of type {other}"
                );
                self.reporter.error(tree.place.clone(), problem, "convert it with `uint(…)`");
                None
            }
        }
    }

    /// What a rate is per; 1 for other measures.
    fn per(&mut self, fields: &Fields<'_>, is_rate: bool, over: Span) -> Option<u64> {
        let (problem, remedy, place) = match (is_rate, fields.get("per")) {
            (false, None) => return Some(1),
            (true, Some(tree)) => {
                let per = self.span(tree, tree.text().unwrap_or_default())?;
                if std::mem::discriminant(&per) == std::mem::discriminant(&over) {
                    return Some(per.length());
                }
                ("`per` and `over` must both be times or both blocks", PER, &tree.place)
            }
            (true, None) => ("a rate needs `per`", PER, fields.place),
            (false, Some(tree)) => {
                ("only a rate has `per`", "remove it, or write `measure: rate`", &tree.place)
            }
        };
        self.reporter.error(place.clone(), problem, remedy);
        None
    }

    pub(super) fn bound(&mut self, fields: &Fields<'_>, ty: &Type) -> Option<Value> {
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
                self.reporter.error(tree.place.clone(), problem.what, problem.remedy);
                None
            }
        }
    }

    pub(super) fn span(&mut self, tree: &Tree, text: &str) -> Option<Span> {
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
}
