//! Functions: which arguments they take, and what those of constants alone give.

use std::ops::Range;

use alloy_primitives::{I256, U256};
use portcullis_types::money::Usd;

use super::{
    Checked, Checker,
    constants::{not_units, units},
    fit,
    fit::settle,
};
use crate::{
    ast::Expr,
    diagnostic::{Problem, suggest},
    node::{Function, Kind, Macro, Node},
    ty::Type,
    value::Value,
};

/// Functions that stand alone.
const GLOBAL: &[&str] = &[
    "isProtocol",
    "isHolder",
    "isCreated",
    "contract",
    "asset",
    "token",
    "amount",
    "usd",
    "units",
    "keccak",
    "selector",
    "topic",
    "uint",
    "int",
    "address",
    "bytes",
    "bytes4",
    "bytes20",
    "bytes32",
    "size",
    "abs",
    "min",
    "max",
];
/// Functions and macros behind a dot.
const MEMBER: &[&str] = &[
    "exists",
    "all",
    "exists_one",
    "filter",
    "map",
    "size",
    "sum",
    "max",
    "min",
    "distinct",
    "contains",
    "startsWith",
    "endsWith",
    "slice",
];

impl Checker<'_, '_> {
    pub(super) fn call(
        &mut self,
        name: &str,
        target: Option<&Expr>,
        args: &[Expr],
        place: &Range<usize>,
    ) -> Checked {
        let Some(target) = target else { return self.global(name, args, place) };
        let what = match name {
            "exists" => Some(Macro::Exists),
            "all" => Some(Macro::All),
            "exists_one" => Some(Macro::ExistsOne),
            "filter" => Some(Macro::Filter),
            "map" => Some(Macro::Map),
            _ => None,
        };
        match what {
            Some(what) => self.macro_call(what, target, args, place),
            None => self.member(name, target, args, place),
        }
    }

    fn global(&mut self, name: &str, args: &[Expr], place: &Range<usize>) -> Checked {
        if !GLOBAL.contains(&name) {
            let at = place.start..(place.start + name.len()).min(place.end);
            let remedy = match name {
                "has" => {
                    "every field is always there; compare with the zero address or 0".to_owned()
                }
                "count" | "sum" | "rate" => {
                    "counting over several transactions is `window:`".to_owned()
                }
                _ if MEMBER.contains(&name) => {
                    format!("write it behind a list or text: `x.{name}(…)`")
                }
                _ => suggest(name, GLOBAL.iter().copied()),
            };
            return Err(Problem::new(at, format!("there is no function `{name}`"), remedy));
        }
        let nodes: Vec<Node> = args.iter().map(|arg| self.check(arg)).collect::<Result<_, _>>()?;
        let mut nodes = nodes.into_iter();
        match (name, nodes.next(), nodes.next(), nodes.next()) {
            (_, Some(a), None, None) => self.of_one(name, a, place),
            (_, Some(a), Some(b), None) => self.of_two(name, a, b, place),
            _ => Err(arguments(name, place)),
        }
    }

    fn of_one(&mut self, name: &str, a: Node, place: &Range<usize>) -> Checked {
        let node = |function, ty, a| Node::new(Kind::Call(function, vec![a]), ty, place.clone());
        let made = match name {
            "isProtocol" => node(Function::IsProtocol, Type::Bool, fit(a, &Type::Address)?),
            "isHolder" => node(Function::IsHolder, Type::Bool, fit(a, &Type::Address)?),
            "isCreated" => node(Function::IsCreated, Type::Bool, fit(a, &Type::Address)?),
            "token" => node(Function::Token, Type::Asset, fit(a, &Type::Address)?),
            "contract" | "asset" | "selector" | "topic" => {
                return self.named_constant(name, &a, place);
            }
            "keccak" if a.ty.is_text() || a.ty == Type::Bytes => {
                node(Function::Keccak, Type::Fixed(32), a)
            }
            "usd" => return self.usd(a, place),
            "uint" if convertible(&a.ty) => node(Function::ToUint, Type::UINT, settle(a)),
            "int" if convertible(&a.ty) && a.ty != Type::Address => {
                node(Function::ToInt, Type::INT, settle(a))
            }
            "address" => match &a.ty {
                Type::Text => return fit(a, &Type::Address),
                Type::Address | Type::Fixed(20 | 32) | Type::Uint(_) => {
                    node(Function::ToAddress, Type::Address, a)
                }
                _ => return Err(arguments(name, place)),
            },
            "bytes4" => Self::to_fixed(4, a, place)?,
            "bytes20" => Self::to_fixed(20, a, place)?,
            "bytes32" => Self::to_fixed(32, a, place)?,
            "bytes" => match &a.ty {
                Type::Text => return fit(a, &Type::Bytes),
                Type::Fixed(_) | Type::Address | Type::Bytes => {
                    node(Function::ToBytes, Type::Bytes, a)
                }
                _ => return Err(arguments(name, place)),
            },
            "size" if sized(&a.ty) => node(Function::Size, Type::Uint(32), a),
            "abs" => match &a.ty {
                Type::Int(_) => node(Function::Abs, Type::UINT, a),
                Type::Usd => node(Function::Abs, Type::Usd, a),
                _ => return Err(arguments(name, place)),
            },
            _ => return Err(arguments(name, place)),
        };
        self.fold(made)
    }

    fn of_two(&mut self, name: &str, a: Node, b: Node, place: &Range<usize>) -> Checked {
        let texts = match (a.constant(), b.constant()) {
            (Some(Value::Text(a)), Some(Value::Text(b))) => Some((a.clone(), b.clone())),
            _ => None,
        };
        match (name, texts) {
            ("amount", Some((symbol, whole))) => {
                let spec = self.listed(&a, &symbol)?;
                let raw =
                    units(&whole, spec.decimals).ok_or_else(|| not_units(&b, spec.decimals))?;
                Ok(Node::new(
                    Kind::Const(Value::Amount(spec.asset, raw)),
                    Type::Amount,
                    place.clone(),
                ))
            }
            ("amount", None) if a.ty == Type::Asset => {
                let b = fit(b, &Type::UINT)?;
                if !matches!(b.ty, Type::Uint(_)) {
                    return Err(arguments(name, place));
                }
                self.fold(Node::new(
                    Kind::Call(Function::AmountOf, vec![a, b]),
                    Type::Amount,
                    place.clone(),
                ))
            }
            ("units", None) => match (a.constant(), b.constant()) {
                (Some(Value::Text(whole)), Some(Value::Uint(decimals)))
                    if *decimals <= U256::from(77) =>
                {
                    let decimals = decimals.saturating_to::<u8>();
                    let raw = units(whole, decimals).ok_or_else(|| not_units(&a, decimals))?;
                    Ok(Node::new(Kind::Const(Value::Uint(raw)), Type::UINT, place.clone()))
                }
                _ => Err(arguments(name, place)),
            },
            ("min" | "max", _) => {
                let (mut nodes, ty) = super::composite::alike(vec![a, b])?;
                if !ordered(&ty) {
                    return Err(arguments(name, place));
                }
                let function = if name == "min" { Function::Min } else { Function::Max };
                for node in &mut nodes {
                    *node = settle(node.clone());
                }
                self.fold(Node::new(Kind::Call(function, nodes), ty, place.clone()))
            }
            _ => Err(arguments(name, place)),
        }
    }

    fn member(
        &mut self,
        name: &str,
        target: &Expr,
        args: &[Expr],
        place: &Range<usize>,
    ) -> Checked {
        let target = self.check(target)?;
        let args: Vec<Node> = args.iter().map(|arg| self.check(arg)).collect::<Result<_, _>>()?;
        let wrong = |target: &Node| no_member(name, target, place);
        let element = match &target.ty {
            Type::List(element) => Some((**element).clone()),
            _ => None,
        };
        let mut args = args.into_iter();
        let (function, ty, parts) = match (name, element, args.next(), args.next(), args.next()) {
            ("size", _, None, None, None) if sized(&target.ty) => {
                (Function::Size, Type::Uint(32), vec![target])
            }
            ("sum", Some(ty), None, None, None)
                if ordered(&ty) && !matches!(ty, Type::Fixed(_)) =>
            {
                let ty = super::operators::wide(&ty);
                let zero = zero(&ty, place);
                (Function::SumOf, ty, std::iter::once(target).chain(zero).collect())
            }
            ("max", Some(ty), None, None, None) if ordered(&ty) => {
                (Function::MaxOf, ty, vec![target])
            }
            ("min", Some(ty), None, None, None) if ordered(&ty) => {
                (Function::MinOf, ty, vec![target])
            }
            ("distinct", Some(_), None, None, None) => {
                (Function::Distinct, target.ty.clone(), vec![target])
            }
            ("contains" | "startsWith" | "endsWith", None, Some(part), None, None)
                if target.ty.is_text() || target.ty == Type::Bytes =>
            {
                let function = match name {
                    "contains" => Function::Contains,
                    "startsWith" => Function::StartsWith,
                    _ => Function::EndsWith,
                };
                let part = match &part.ty {
                    Type::Fixed(_) if target.ty == Type::Bytes => part,
                    _ if target.ty.is_text() && part.ty.is_text() => part,
                    _ => fit(part, &target.ty)?,
                };
                (function, Type::Bool, vec![target, part])
            }
            ("slice", None, Some(from), Some(to), None) if target.ty == Type::Bytes => {
                let (from, to) = (fit(from, &Type::UINT)?, fit(to, &Type::UINT)?);
                if !matches!((&from.ty, &to.ty), (Type::Uint(_), Type::Uint(_))) {
                    return Err(wrong(&target));
                }
                (Function::Slice, Type::Bytes, vec![target, from, to])
            }
            _ => return Err(wrong(&target)),
        };
        self.fold(Node::new(Kind::Call(function, parts), ty, place.clone()))
    }
}

fn no_member(name: &str, target: &Node, place: &Range<usize>) -> Problem {
    let remedy = match (&target.ty, MEMBER.contains(&name)) {
        (_, false) => suggest(name, MEMBER.iter().copied()),
        (Type::List(_), _) => "see the operators on lists in docs/rules.md".to_owned(),
        _ => "see the functions in docs/rules.md".to_owned(),
    };
    let problem = format!("a value of type {} has no `.{name}(…)` with these arguments", target.ty);
    Problem::new(place.clone(), problem, remedy)
}

/// The sum of nothing; of amounts there is none, because it would be of no asset.
fn zero(ty: &Type, place: &Range<usize>) -> Option<Node> {
    let zero = match ty {
        Type::Int(_) => Value::Int(I256::ZERO),
        Type::Uint(_) => Value::Uint(U256::ZERO),
        Type::Usd => Value::Usd(Usd::ZERO),
        _ => return None,
    };
    Some(Node::new(Kind::Const(zero), ty.clone(), place.clone()))
}

pub(super) fn arguments(name: &str, place: &Range<usize>) -> Problem {
    let remedy = match name {
        "isProtocol" | "isHolder" | "isCreated" | "token" => "it takes one address",
        "amount" => {
            "write `amount(\"USDC\", \"250000.5\")` in whole units, or `amount(asset, uint)` in smallest"
        }
        "units" => "write `units(\"1.5\", 18)`",
        "usd" => "write `usd(\"250000.25\")` or `usd(250000)`",
        "keccak" => "it takes text or bytes",
        "min" | "max" => "it takes two numbers, amounts or dollars",
        "address" => "it takes text, bytes20, bytes32 or an unsigned integer",
        "uint" | "int" => "it takes an integer, a bool, bytes up to 32; `uint` also an address",
        "abs" => "it takes a signed integer or dollars",
        _ => "see the functions in docs/rules.md",
    };
    Problem::new(place.clone(), format!("`{name}` does not take these arguments"), remedy)
}

fn convertible(ty: &Type) -> bool {
    ty.is_integer() || matches!(ty, Type::Fixed(_) | Type::Address | Type::Bool)
}

fn sized(ty: &Type) -> bool {
    matches!(ty, Type::List(_) | Type::Map(..) | Type::Bytes) || ty.is_text()
}

fn ordered(ty: &Type) -> bool {
    ty.is_integer() || matches!(ty, Type::Amount | Type::Usd | Type::Fixed(_))
}
