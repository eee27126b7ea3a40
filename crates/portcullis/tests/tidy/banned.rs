//! What program code never does: give up with a panic, and, in the rooms that think, look at the world.
//!
//! Tokens are read instead of syntax trees, so that what stands inside a macro call is seen as well.

use anyhow::Result;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::source::{Source, report, sources};

/// Rooms whose answers follow from their arguments alone.
const PURE_ROOMS: &[&str] =
    &["types", "stats", "rules", "detect", "scan", "learn", "decide", "case", "engine", "simulate"];

const PANICKING_METHODS: &[&str] = &["unwrap", "unwrap_err", "expect", "expect_err"];
const PANICKING_MACROS: &[&str] = &["panic", "todo", "unimplemented", "dbg"];
const CLOCKS: &[&str] = &["SystemTime", "Instant"];
const WORLDLY_MODULES: &[&str] = &["env", "fs", "net", "process", "thread"];

#[test]
fn program_code_does_not_panic() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        if source.is_test {
            continue;
        }
        for Use { line, what } in uses(&source.tokens, &panicking) {
            if !is_justified(&source.text, line) {
                problems.push(format!(
                    "{}:{line}: `{what}`: return an error, or say in a comment above, beginning with `// Why:`, why it \
                     cannot happen",
                    source.path
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn thought_has_no_clock_and_no_disk() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        if source.is_test || !PURE_ROOMS.contains(&source.room()) {
            continue;
        }
        for Use { line, what } in uses(&source.tokens, &worldly) {
            problems.push(format!(
                "{}:{line}: `{what}`: this room is replayed and must answer the same again: take the time or the data \
                 as an argument",
                source.path
            ));
        }
    }
    report(&problems);
    Ok(())
}

/// A module that `main.rs` and `lib.rs` both declare is compiled twice, as two different things.
#[test]
fn main_declares_no_module_of_the_library() -> Result<()> {
    let sources = sources()?;
    let mut problems = Vec::new();
    for main in sources.iter().filter(|source| source.path.ends_with("/src/main.rs")) {
        let library = main.path.replace("main.rs", "lib.rs");
        let Some(library) = sources.iter().find(|source| source.path == library) else { continue };
        let in_library = modules(library);
        for (name, line) in modules(main) {
            if in_library.iter().any(|(other, _)| *other == name) {
                problems.push(format!(
                    "{}:{line}: `mod {name}` is declared in lib.rs too: use the library's",
                    main.path
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

fn modules(source: &Source) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for item in &source.syntax.items {
        if let syn::Item::Mod(module) = item {
            names.push((module.ident.to_string(), module.ident.span().start().line));
        }
    }
    names
}

/// Something that is banned, and where.
#[derive(Debug, PartialEq)]
struct Use {
    line: usize,
    what: String,
}

/// Judges the place `at` in a row of tokens.
type Rule = dyn Fn(&[TokenTree], usize) -> Option<String>;

/// All that `rule` finds outside of attributes and of items that are compiled for tests only.
fn uses(tokens: &TokenStream, rule: &Rule) -> Vec<Use> {
    let mut found = Vec::new();
    collect(tokens, rule, &mut found);
    found
}

fn collect(tokens: &TokenStream, rule: &Rule, found: &mut Vec<Use>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_punct(Some(token), '#') {
            // `#[…]` or `#![…]`.
            at += if is_punct(tokens.get(at + 1), '!') { 2 } else { 1 };
            let is_test =
                matches!(tokens.get(at), Some(TokenTree::Group(group)) if marks_test(group));
            at = if is_test { end_of_item(&tokens, at + 1) } else { at + 1 };
            continue;
        }
        if let Some(what) = rule(&tokens, at) {
            found.push(Use { line: token.span().start().line, what });
        }
        if let TokenTree::Group(group) = token {
            collect(&group.stream(), rule, found);
        }
        at += 1;
    }
}

/// Whether the inside of an attribute is `cfg(test)`, `test` or some runtime's `test`.
fn marks_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    let path = text.split('(').next().unwrap_or_default();
    text == "cfg(test)" || path == "test" || path.ends_with("::test")
}

/// The place after the item that begins at `at`: it ends with a block or a semicolon.
fn end_of_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        if is_punct(Some(token), ';') || is_group(Some(token), Delimiter::Brace) {
            break;
        }
    }
    at
}

fn panicking(tokens: &[TokenTree], at: usize) -> Option<String> {
    let TokenTree::Ident(ident) = tokens.get(at)? else { return None };
    let name = ident.to_string();
    let before = at.checked_sub(1).and_then(|index| tokens.get(index));
    let after = tokens.get(at + 1);
    if PANICKING_METHODS.contains(&name.as_str()) {
        // `x.unwrap()` or `Option::unwrap`; a field may be called `expect`.
        let is_call = is_punct(before, '.') && is_group(after, Delimiter::Parenthesis);
        if is_call || is_punct(before, ':') {
            return Some(format!("{name}()"));
        }
    }
    if PANICKING_MACROS.contains(&name.as_str()) && is_punct(after, '!') {
        return Some(format!("{name}!"));
    }
    (name == "unsafe").then_some(name)
}

fn worldly(tokens: &[TokenTree], at: usize) -> Option<String> {
    let TokenTree::Ident(ident) = tokens.get(at)? else { return None };
    if !is_punct(tokens.get(at + 1), ':') || !is_punct(tokens.get(at + 2), ':') {
        return None;
    }
    let name = ident.to_string();
    match tokens.get(at + 3)? {
        TokenTree::Ident(member) if CLOCKS.contains(&name.as_str()) && member == "now" => {
            Some(format!("{name}::now"))
        }
        TokenTree::Ident(member) if name == "std" => worldly_module(&member.to_string()),
        // `use std::{collections::BTreeMap, fs};`
        TokenTree::Group(group) if name == "std" => {
            let members: Vec<TokenTree> = group.stream().into_iter().collect();
            members.iter().enumerate().find_map(|(index, member)| {
                let is_first =
                    index.checked_sub(1).is_none_or(|before| is_punct(members.get(before), ','));
                if is_first { worldly_module(&member.to_string()) } else { None }
            })
        }
        _ => None,
    }
}

fn worldly_module(name: &str) -> Option<String> {
    WORLDLY_MODULES.contains(&name).then(|| format!("std::{name}"))
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_group(token: Option<&TokenTree>, wanted: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == wanted)
}

/// Whether the comment right above `line`, attributes in between or not, begins with `// Why:`.
fn is_justified(text: &str, line: usize) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let above = lines.get(..line.saturating_sub(1)).unwrap_or_default();
    for line in above.iter().rev() {
        if line.starts_with("// Why:") {
            return true;
        }
        if !line.starts_with("//") && !line.starts_with("#[") {
            return false;
        }
    }
    false
}

#[cfg(test)]
fn found(text: &str, rule: &Rule) -> Vec<(usize, String)> {
    let tokens: TokenStream = text.parse().unwrap_or_default();
    uses(&tokens, rule).into_iter().map(|found| (found.line, found.what)).collect()
}

#[test]
fn panics_are_seen_in_macros_and_not_in_tests() {
    let text = "fn a() { format!(\"{}\", x.unwrap()) }\n\
                #[cfg(test)]\nmod tests { fn b() { y.unwrap() } }\n\
                #[tokio::test]\nasync fn c() { panic!() }\n\
                #[expect(clippy::panic)]\nfn d() { panic!(\"\") }\n\
                fn e() { s.map(Option::unwrap); s.unwrap_or(0); self.expect == t }";
    assert_eq!(
        found(text, &panicking),
        [(1, "unwrap()".to_owned()), (7, "panic!".to_owned()), (8, "unwrap()".to_owned())]
    );
}

#[test]
fn clocks_and_disks_are_seen() {
    let text = "use std::{collections::BTreeMap, fs::{self, File}};\n\
                fn a() { std::time::Instant::now(); }\n\
                fn b(env: u8) { thing::fs::x(env); Instant::elapsed(&c) }\n\
                fn c() { std::env::var(\"A\") }";
    assert_eq!(
        found(text, &worldly),
        [(1, "std::fs".to_owned()), (2, "Instant::now".to_owned()), (4, "std::env".to_owned())]
    );
}

#[test]
fn a_justification_stands_right_above() {
    let text = "// Why: it was checked\n// a line earlier.\n#[expect(clippy::unwrap_used)]\nx.unwrap();\n\ny.unwrap();";
    assert!(is_justified(text, 4));
    assert!(!is_justified(text, 6));
    assert!(!is_justified("x.unwrap();", 1));
}
