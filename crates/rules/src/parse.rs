//! From text to an expression. The grammar is CEL's, read by the parser of the `cel` crate; what comes out is our own
//! tree, because our integers have 256 bits and our places are bytes of the text.

use std::ops::Range;

use alloy_primitives::U256;
use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr as Cel, LiteralValue, SourceInfo, operators},
};

use crate::{
    ast::{Expr, ExprKind, Operator},
    diagnostic::Problem,
    limits::{EXPRESSION_BYTES_MAX, EXPRESSION_CHAIN_MAX, EXPRESSION_DEPTH_MAX},
};

/// Reads an expression.
///
/// # Errors
/// The first problem, at its bytes.
pub(crate) fn parse(text: &str) -> Result<Expr, Problem> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Problem::new(
            0..1,
            format!(
                "the expression is {} bytes long, more than {EXPRESSION_BYTES_MAX}",
                text.len()
            ),
            "put parts of it into `let`",
        ));
    }
    if text.trim().is_empty() {
        return Err(Problem::new(
            0..1,
            "the expression is empty",
            "write one, or leave the field out",
        ));
    }
    let lexed = lex(text)?;
    let parsed = cel::Env::default().parser().parse_with_source_info(&lexed.text);
    let (tree, places) = parsed.map_err(|errors| syntax(text, &errors))?;
    Converter { text, places: &places, numbers: &lexed.numbers }.convert(&tree, 0)
}

/// The text with integers of more than 18 digits replaced by names of the same length: CEL's own have 64 bits.
struct Lexed {
    text: String,
    numbers: Vec<(String, U256)>,
}

fn lex(text: &str) -> Result<Lexed, Problem> {
    let mut out = text.to_owned();
    let mut numbers = Vec::new();
    let mut depth = 0usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at = after_quotes(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at =
                    text.get(at..).and_then(|rest| rest.find('\n')).map_or(bytes.len(), |n| at + n);
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > EXPRESSION_DEPTH_MAX {
                    let problem =
                        format!("brackets are nested more than {EXPRESSION_DEPTH_MAX} deep");
                    return Err(Problem::new(at..at + 1, problem, "put parts of it into `let`"));
                }
                at += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => {
                let end = word_end(bytes, at);
                let word = text.get(at..end).unwrap_or_default();
                if byte.is_ascii_digit() && word.len() > 18 {
                    let value = number(word).ok_or_else(|| {
                        let remedy = "an integer has decimal digits, or `0x` and hexadecimal ones, and at most 256 bits; \
                                      addresses and bytes stand in quotes";
                        Problem::new(at..end, format!("`{word}` is not an integer"), remedy)
                    })?;
                    let name =
                        format!("{:_<width$}", format!("N_{}", numbers.len()), width = word.len());
                    out.replace_range(at..end, &name);
                    numbers.push((name, value));
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    Ok(Lexed { text: out, numbers })
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    from + bytes.get(from..).unwrap_or_default().iter().take_while(word).count().max(1)
}

/// Behind a text literal, of one quote or of three. Whether it is raw does not matter: a raw text that ends with a
/// backslash would at worst hide an integer, which CEL then refuses.
fn after_quotes(bytes: &[u8], from: usize) -> usize {
    let quote = bytes.get(from).copied().unwrap_or_default();
    let triple = bytes.get(from + 1) == Some(&quote) && bytes.get(from + 2) == Some(&quote);
    let mut at = from + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        let closes = byte == quote
            && (!triple
                || (bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote)));
        if closes {
            return at + if triple { 3 } else { 1 };
        }
        at += if byte == b'\\' { 2 } else { 1 };
    }
    bytes.len()
}

fn number(word: &str) -> Option<U256> {
    let word = word.strip_suffix(['u', 'U']).unwrap_or(word);
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) if digits.chars().all(|c| c.is_ascii_hexdigit()) => {
            U256::from_str_radix(digits, 16).ok()
        }
        None if word.chars().all(|c| c.is_ascii_digit()) => U256::from_str_radix(word, 10).ok(),
        _ => None,
    }
}

/// The first error of the parser, in our words where they are shorter.
fn syntax(text: &str, errors: &cel::ParseErrors) -> Problem {
    let Some(error) = errors.errors.iter().min_by_key(|error| error.pos) else {
        return Problem::new(
            0..1,
            "this is not an expression",
            "see the language in docs/rules.md",
        );
    };
    let (line, column) = (error.pos.0.max(1) - 1, error.pos.1.max(1) - 1);
    let line = usize::try_from(line).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let at = (before + usize::try_from(column).unwrap_or(0)).min(text.len());
    let message = error.msg.trim_start_matches("Syntax error: ");
    let short =
        message.split(" expecting ").next().unwrap_or(message).replace("'<EOF>'", "its end");
    let hint = text.get(at..).unwrap_or_default();
    let remedy = if hint.starts_with("and ") || hint.starts_with("or ") || hint.starts_with("not ")
    {
        "CEL writes `&&`, `||` and `!`"
    } else if hint.starts_with("= ") {
        "CEL compares with `==`"
    } else {
        "CEL looks like C: `a == b && !c.exists(x, x > 5)`; texts stand in quotes"
    };
    Problem::new(
        at..at + 1,
        format!("the expression cannot be read: {}", portcullis_types::text::printable(&short)),
        remedy,
    )
}

struct Converter<'a> {
    text: &'a str,
    places: &'a SourceInfo,
    numbers: &'a [(String, U256)],
}

impl Converter<'_> {
    /// The bytes of the token that the parser laid a node to.
    fn token(&self, id: u64) -> Range<usize> {
        let length = self.text.len();
        match self.places.offset_for(id) {
            Some((start, stop)) => {
                let start = (start as usize).min(length);
                start..(stop as usize).saturating_add(1).clamp(start, length)
            }
            None => 0..length,
        }
    }

    fn refuse(&self, id: u64, problem: &str, remedy: &str) -> Problem {
        Problem::new(self.token(id), problem, remedy)
    }

    fn convert(&self, node: &IdedExpr, depth: usize) -> Result<Expr, Problem> {
        if depth > EXPRESSION_CHAIN_MAX {
            return Err(self.refuse(
                node.id,
                &format!("more than {EXPRESSION_CHAIN_MAX} operations hang on each other"),
                "put parts of it into `let`",
            ));
        }
        let token = self.token(node.id);
        match &node.expr {
            Cel::Literal(literal) => self.literal(node.id, literal, token),
            Cel::Ident(name) => {
                let number = self.numbers.iter().find(|(known, _)| known == name);
                let kind = match number {
                    Some((_, value)) => ExprKind::Int(*value),
                    None => ExprKind::Name(name.clone()),
                };
                Ok(Expr { kind, place: token })
            }
            Cel::Select(select) if !select.test => {
                let operand = self.convert(&select.operand, depth + 1)?;
                // The token is the dot; the name stands behind it, maybe after white space.
                let rest = self.text.get(token.end..).unwrap_or_default();
                let start = token.end + rest.find(&select.field).unwrap_or(0);
                let place = operand.place.start..start + select.field.len();
                Ok(Expr { kind: ExprKind::Field(Box::new(operand), select.field.clone()), place })
            }
            Cel::List(list) if list.optional_indices.is_empty() => {
                let elements = self.all(&list.elements, depth)?;
                let end = elements.last().map_or(token.end, |last| last.place.end);
                Ok(Expr { kind: ExprKind::List(elements), place: token.start..end + 1 })
            }
            Cel::Map(map) => {
                let mut entries = Vec::new();
                let mut end = token.end;
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(self.refuse(node.id, "this is no map", "write `{key: value}`"));
                    };
                    let key = self.convert(&entry.key, depth + 1)?;
                    let value = self.convert(&entry.value, depth + 1)?;
                    end = value.place.end;
                    entries.push((key, value));
                }
                Ok(Expr { kind: ExprKind::Map(entries), place: token.start..end + 1 })
            }
            Cel::Call(call) => self.call(node.id, call, token, depth),
            _ => Err(self.refuse(
                node.id,
                "this part of CEL is no part of the rule language",
                "there are no struct literals, `has()` or optional fields: every field is always there",
            )),
        }
    }

    fn all(&self, nodes: &[IdedExpr], depth: usize) -> Result<Vec<Expr>, Problem> {
        nodes.iter().map(|node| self.convert(node, depth + 1)).collect()
    }

    fn literal(
        &self,
        id: u64,
        literal: &LiteralValue,
        token: Range<usize>,
    ) -> Result<Expr, Problem> {
        let kind = match literal {
            LiteralValue::Boolean(value) => ExprKind::Bool(*value.inner()),
            LiteralValue::Bytes(bytes) => ExprKind::Bytes(bytes.inner().to_vec()),
            LiteralValue::Int(value) => {
                let value = *value.inner();
                let positive = Expr {
                    kind: ExprKind::Int(U256::from(value.unsigned_abs())),
                    place: token.clone(),
                };
                if value >= 0 {
                    return Ok(positive);
                }
                // The token is the digits; the sign stands in front.
                let place = token.start.saturating_sub(1)..token.end;
                return Ok(Expr { kind: ExprKind::Negate(Box::new(positive)), place });
            }
            LiteralValue::UInt(value) => ExprKind::Int(U256::from(*value.inner())),
            LiteralValue::String(text) => ExprKind::Text(text.inner().to_owned()),
            LiteralValue::Double(_) => {
                let remedy = "write whole numbers, or `usd(\"0.25\")`, `amount(\"USDC\", \"0.25\")`, `units(\"0.25\", 18)`";
                return Err(self.refuse(
                    id,
                    "there are no fractions: money is counted in integers",
                    remedy,
                ));
            }
            LiteralValue::Null => {
                let remedy = "every field is always there; compare with the zero address or 0";
                return Err(self.refuse(id, "there is no `null`", remedy));
            }
        };
        Ok(Expr { kind, place: token })
    }

    fn call(
        &self,
        id: u64,
        call: &cel::common::ast::CallExpr,
        token: Range<usize>,
        depth: usize,
    ) -> Result<Expr, Problem> {
        let target = match &call.target {
            Some(target) => Some(self.convert(target, depth + 1)?),
            None => None,
        };
        let args = self.all(&call.args, depth)?;
        let name = call.func_name.as_str();
        let is_operator =
            !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name == operators::IN;
        if !is_operator {
            let written = self.text.get(..token.start).unwrap_or_default().trim_end();
            let name_start = written.len().saturating_sub(name.len());
            let start = target.as_ref().map_or(name_start, |target| target.place.start);
            let end = args.last().map_or(token.end, |last| last.place.end) + 1;
            let place = start..end.min(self.text.len());
            let target = target.map(Box::new);
            return Ok(Expr {
                kind: ExprKind::Call { name: name.to_owned(), target, args },
                place,
            });
        }
        let mut operands: Vec<Expr> = target.into_iter().chain(args).collect();
        let start =
            operands.first().map_or(token.start, |first| first.place.start.min(token.start));
        let end = operands.last().map_or(token.end, |last| last.place.end.max(token.end));
        let unknown = || {
            self.refuse(id, "this operator is no part of the rule language", "see docs/rules.md")
        };
        let third = if operands.len() == 3 { operands.pop() } else { None };
        let second = if operands.len() == 2 { operands.pop() } else { None };
        let first = operands.pop().ok_or_else(unknown)?;
        let kind = match (name, second, third) {
            (operators::CONDITIONAL, Some(yes), Some(no)) => {
                ExprKind::Choose(Box::new([first, yes, no]))
            }
            (operators::LOGICAL_NOT, None, None) => ExprKind::Not(Box::new(first)),
            (operators::NEGATE, None, None) => ExprKind::Negate(Box::new(first)),
            (operators::INDEX, Some(second), None) => {
                ExprKind::Index(Box::new(first), Box::new(second))
            }
            (name, Some(second), None) => {
                let operator = operator(name).ok_or_else(unknown)?;
                ExprKind::Binary(operator, Box::new(first), Box::new(second))
            }
            _ => return Err(unknown()),
        };
        Ok(Expr { kind, place: start..end })
    }
}

fn operator(name: &str) -> Option<Operator> {
    Operator::ALL.into_iter().find(|operator| {
        name == format!("_{}_", operator.symbol())
            || (*operator == Operator::In && name == operators::IN)
    })
}

#[cfg(test)]
mod tests;
