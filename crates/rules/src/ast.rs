//! Expressions as read, before their types are known.

use std::ops::Range;

use alloy_primitives::U256;

/// An expression and where it stands in its text.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// Bytes of the text that it spans.
    pub(crate) place: Range<usize>,
}

/// Places do not count: two texts of the same meaning are equal.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    Bool(bool),
    /// Never negative: `-5` is a negation.
    Int(U256),
    Text(String),
    Bytes(Vec<u8>),
    Name(String),
    Field(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call {
        name: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Choose(Box<[Expr; 3]>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
}

/// Operators with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
}

impl Operator {
    pub(crate) const ALL: [Self; 14] = [
        Self::And,
        Self::Or,
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::AtMost,
        Self::Greater,
        Self::AtLeast,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Remainder,
        Self::In,
    ];

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::And => "&&",
            Self::Or => "||",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::In => "in",
        }
    }

    /// How strongly it binds; the higher, the stronger.
    fn rank(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
            _ => 3,
        }
    }

    /// Order comparisons and equality.
    pub(crate) fn compares(self) -> bool {
        self.rank() == 3 && self != Self::In
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::Greater => Self::Less,
            Self::AtMost => Self::AtLeast,
            Self::AtLeast => Self::AtMost,
            other => other,
        }
    }
}

/// The expression as text again, on one line: `parse(print(e)) == e`.
pub(crate) fn print(expr: &Expr) -> String {
    let mut out = String::new();
    write(expr, 0, &mut out);
    out
}

fn write(expr: &Expr, around: u8, out: &mut String) {
    let rank = match &expr.kind {
        ExprKind::Choose(_) => 0,
        ExprKind::Binary(operator, ..) => operator.rank(),
        ExprKind::Not(_) | ExprKind::Negate(_) => 6,
        _ => 7,
    };
    let parentheses = rank < around;
    if parentheses {
        out.push('(');
    }
    match &expr.kind {
        ExprKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ExprKind::Int(value) => out.push_str(&value.to_string()),
        ExprKind::Text(text) => quote(text, out),
        ExprKind::Bytes(bytes) => {
            let escaped: Vec<String> = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            out.push_str(&format!("b\"{}\"", escaped.concat()));
        }
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Field(operand, field) => {
            write(operand, 7, out);
            out.push('.');
            out.push_str(field);
        }
        ExprKind::Index(operand, index) => {
            write(operand, 7, out);
            out.push('[');
            write(index, 0, out);
            out.push(']');
        }
        ExprKind::Call { name, target, args } => write_call(name, target.as_deref(), args, out),
        ExprKind::Not(operand) => {
            out.push('!');
            // `!!x` would be read as one sign twice, which is nothing at all.
            write(operand, 7, out);
        }
        ExprKind::Negate(operand) => write_negative(operand, out),
        ExprKind::Binary(operator, left, right) => {
            let rank = operator.rank();
            write(left, rank, out);
            out.push(' ');
            out.push_str(operator.symbol());
            out.push(' ');
            write(right, rank + 1, out);
        }
        ExprKind::Choose(parts) => {
            let [condition, yes, no] = &**parts;
            write(condition, 1, out);
            out.push_str(" ? ");
            write(yes, 1, out);
            out.push_str(" : ");
            write(no, 0, out);
        }
        ExprKind::List(elements) => {
            out.push('[');
            separated(elements, out);
            out.push(']');
        }
        ExprKind::Map(entries) => write_map(entries, out),
    }
    if parentheses {
        out.push(')');
    }
}

fn write_call(name: &str, target: Option<&Expr>, args: &[Expr], out: &mut String) {
    if let Some(target) = target {
        write(target, 7, out);
        out.push('.');
    }
    out.push_str(name);
    out.push('(');
    separated(args, out);
    out.push(')');
}

fn write_negative(operand: &Expr, out: &mut String) {
    out.push('-');
    let mut inner = String::new();
    write(operand, 7, &mut inner);
    // A sign before digits is part of the number, which binds stronger than what follows it.
    let number = matches!(operand.kind, ExprKind::Int(_));
    if !number && inner.starts_with(|c: char| c.is_ascii_digit()) {
        inner = format!("({inner})");
    }
    out.push_str(&inner);
}

fn write_map(entries: &[(Expr, Expr)], out: &mut String) {
    out.push('{');
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(key, 0, out);
        out.push_str(": ");
        write(value, 0, out);
    }
    out.push('}');
}

fn separated(list: &[Expr], out: &mut String) {
    for (index, expr) in list.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(expr, 0, out);
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
