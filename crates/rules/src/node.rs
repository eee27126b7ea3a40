//! Expressions after checking: every name is resolved, every type known.

use std::ops::Range;

use crate::{
    ast::Operator,
    schema::Field,
    ty::{Message, Type},
    value::Value,
};

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) ty: Type,
    pub(crate) place: Range<usize>,
}

/// Places do not count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Const(Value),
    /// What the evaluation is about, or the one message of its kind.
    Subject(Message),
    /// All messages of a kind in the transaction.
    Parts(Message),
    Chain,
    /// An argument of the event or call, by its place among the names that the rule knows.
    Arg(usize),
    /// A variable of a macro.
    Local(usize),
    Field(Box<Node>, Field),
    /// A member of a struct.
    Member(Box<Node>, usize),
    Index(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Operator, Box<Node>, Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Choose(Box<[Node; 3]>),
    Call(Function, Vec<Node>),
    /// List, variable, body.
    Macro(Macro, Box<Node>, usize, Box<Node>),
    /// The value a window has reached.
    Measure,
    /// The group of the window that reached it.
    Key,
}

/// Functions that are evaluated; those of constants alone are computed when the rule is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    IsProtocol,
    IsHolder,
    IsCreated,
    Token,
    AmountOf,
    ToUint,
    ToInt,
    ToAddress,
    /// To `bytesN`.
    ToFixed(u8),
    ToBytes,
    ToUsd,
    Keccak,
    Size,
    Abs,
    Min,
    Max,
    Contains,
    StartsWith,
    EndsWith,
    Slice,
    SumOf,
    MaxOf,
    MinOf,
    Distinct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Macro {
    Exists,
    All,
    ExistsOne,
    Filter,
    Map,
}

impl Node {
    pub(crate) fn new(kind: Kind, ty: Type, place: Range<usize>) -> Self {
        Self { kind, ty, place }
    }

    pub(crate) fn constant(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The parts of this node, in order.
    pub(crate) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Const(_) | Kind::Subject(_) | Kind::Parts(_) | Kind::Chain | Kind::Arg(_) => {
                vec![]
            }
            Kind::Local(_) | Kind::Measure | Kind::Key => vec![],
            Kind::Field(a, _) | Kind::Member(a, _) | Kind::Not(a) | Kind::Negate(a) => vec![a],
            Kind::Index(a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Compare(_, a, b)
            | Kind::Arithmetic(_, a, b)
            | Kind::In(a, b)
            | Kind::Macro(_, a, _, b) => vec![a, b],
            Kind::List(list) | Kind::Call(_, list) => list.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Kind::Choose(parts) => parts.iter().collect(),
        }
    }

    fn children_mut(&mut self) -> Vec<&mut Node> {
        match &mut self.kind {
            Kind::Const(_) | Kind::Subject(_) | Kind::Parts(_) | Kind::Chain | Kind::Arg(_) => {
                vec![]
            }
            Kind::Local(_) | Kind::Measure | Kind::Key => vec![],
            Kind::Field(a, _) | Kind::Member(a, _) | Kind::Not(a) | Kind::Negate(a) => vec![a],
            Kind::Index(a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Compare(_, a, b)
            | Kind::Arithmetic(_, a, b)
            | Kind::In(a, b)
            | Kind::Macro(_, a, _, b) => vec![a, b],
            Kind::List(list) | Kind::Call(_, list) => list.iter_mut().collect(),
            Kind::Map(entries) => {
                entries.iter_mut().flat_map(|(key, value)| [key, value]).collect()
            }
            Kind::Choose(parts) => parts.iter_mut().collect(),
        }
    }

    /// How many nodes there are.
    pub(crate) fn size(&self) -> usize {
        1 + self.children().into_iter().map(Node::size).sum::<usize>()
    }

    /// The node as it is used under another name: all of it stands where the name stands.
    #[must_use]
    pub(crate) fn placed(mut self, place: &Range<usize>) -> Self {
        self.move_to(place);
        self
    }

    fn move_to(&mut self, place: &Range<usize>) {
        self.place = place.clone();
        for child in self.children_mut() {
            child.move_to(place);
        }
    }

    /// Whether any part of it satisfies `test`.
    pub(crate) fn any(&self, test: &impl Fn(&Kind) -> bool) -> bool {
        test(&self.kind) || self.children().into_iter().any(|child| child.any(test))
    }
}
