//! The rule language: CEL over Evidence, checked when it is loaded.
//!
//! A rule is a piece of YAML (`docs/rules.md` describes it). [`RuleSet::compile`] reads, checks and indexes rules for a
//! protocol, or says everything that is wrong with line, column and remedy; [`RuleSet::inspect`] shows them Evidence;
//! [`RuleSet::retract`] takes blocks back. [`run_tests`] runs the tests that every rule carries.
//!
//! **Assumptions.** Evidence is true where it says so, transactions come in order.
//!
//! **Promises.** No clock, I/O or randomness. No text makes [`RuleSet::compile`] panic, no Evidence [`RuleSet::inspect`].
//! An evaluation that has no answer (an overflow, say) is counted and given back; it is never taken for `false`.
//! Everything that grows has a limit in [`limits`].

mod abi;
mod ast;
mod check;
mod describe;
mod diagnostic;
mod eval;
mod fixture;
pub mod limits;
mod node;
mod parse;
mod rule;
mod schema;
mod set;
mod template;
mod ty;
mod value;
mod window;
mod world;
mod yaml;

pub use describe::{catalogue, has_errors, json_schema, lint, template};
pub use diagnostic::{Diagnostic, Level, Source};
pub use eval::Failure;
pub use fixture::{TestResult, compile_for_tests, protocol_of, run_tests, test_protocol};
pub use rule::{About, Settings, Severity};
pub use set::{Health, Inspection, Match, NoAnswer, RuleSet};
