//! What one can read at a sitting.

use anyhow::Result;
use proc_macro2::Span;
use syn::{
    Attribute, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::source::{Source, is_test_attribute, report, sources};

const FILE_LINES_MAX: usize = 400;
/// For the files of [`LONG_FILES`].
const LONG_FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const TEST_FUNCTION_LINES_MAX: usize = 120;

/// Files that are longer than [`FILE_LINES_MAX`], and why they cannot be divided.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn files_are_short() -> Result<()> {
    let sources = sources()?;
    let mut problems = Vec::new();
    for source in &sources {
        let n_lines = source.text.lines().count();
        let path = &source.path;
        let is_listed = LONG_FILES.iter().any(|(file, _)| file == path);
        let lines_max = if is_listed { LONG_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if n_lines > lines_max {
            problems.push(format!(
                "{path}:{}: {n_lines} lines, at most {lines_max}: divide it by what it is about, tests into a \
                 `tests.rs` of their own",
                lines_max + 1
            ));
        } else if is_listed && n_lines <= FILE_LINES_MAX {
            problems.push(format!("{path}:1: it is short now: take it out of LONG_FILES"));
        }
    }
    for (file, reason) in LONG_FILES {
        if reason.is_empty() || !sources.iter().any(|source| source.path == *file) {
            problems.push(format!(
                "{file}:1: LONG_FILES names no such file, or no reason: mend the table"
            ));
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn functions_are_short() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        problems.extend(long_functions(&source));
    }
    report(&problems);
    Ok(())
}

fn long_functions(source: &Source) -> Vec<String> {
    let mut functions = Functions { in_test: source.is_test, found: Vec::new() };
    functions.visit_file(&source.syntax);
    let mut problems = Vec::new();
    for function in functions.found {
        let lines_max = if function.is_test { TEST_FUNCTION_LINES_MAX } else { FUNCTION_LINES_MAX };
        if function.n_lines > lines_max {
            problems.push(format!(
                "{}:{}: `{}` has {} lines, at most {lines_max}: keep the order of things here, move the leaves into \
                 functions",
                source.path, function.line, function.name, function.n_lines
            ));
        }
    }
    problems
}

struct Function {
    name: String,
    line: usize,
    /// From the signature to the closing brace.
    n_lines: usize,
    is_test: bool,
}

/// Collects every function with a body.
struct Functions {
    in_test: bool,
    found: Vec<Function>,
}

impl Functions {
    fn add(&mut self, signature: &Signature, attributes: &[Attribute], body: Span) {
        let line = signature.span().start().line;
        self.found.push(Function {
            name: signature.ident.to_string(),
            line,
            n_lines: body.end().line + 1 - line,
            is_test: self.in_test || attributes.iter().any(is_test_attribute),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let outside = self.in_test;
        self.in_test |= module.attrs.iter().any(is_test_attribute);
        visit::visit_item_mod(self, module);
        self.in_test = outside;
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.attrs, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.attrs, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, &function.attrs, body.span());
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[test]
fn a_function_is_measured_from_signature_to_brace() -> Result<()> {
    let text = "/// Doc.\n#[inline]\nfn a(\n) {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    let mut functions = Functions { in_test: false, found: Vec::new() };
    functions.visit_file(&syn::parse_file(text)?);
    let found: Vec<_> =
        functions.found.iter().map(|f| (f.name.as_str(), f.line, f.n_lines, f.is_test)).collect();
    assert_eq!(found, [("a", 3, 3, false), ("b", 8, 1, true)]);
    Ok(())
}
