//! The catalogue as a page for people: `docs/levers.md`.

use std::fmt::Write as _;

use alloy_primitives::hex;

use super::{CallTemplate, NOT_A_LEVER, Row, Tested, UndoTemplate, ViewTemplate, rows};
use crate::lever::selector;

const HEAD: &str = "# Levers

The brakes that Portcullis can pull. This page is written from the catalogue in `crates/act/src/lever/catalogue`, and
a test compares it (`PORTCULLIS_BLESS=1 cargo test -p portcullis-act --test conformance` writes it anew). The same test
plays every row on a local chain: the conditions hold before; a stranger is refused; the pull goes the whole way and is
verified; what it stops fails and what it leaves works; it ends as the row says; a second pull does nothing or is refused
with a reason; the traps that can be shown are shown.

A lever is data that is fixed before it is needed. The engine gives it no argument of the incident, and the signer signs
the calls of the configuration and no others. Where a call needs an argument of the incident (an operation's id, a thief's
address), it is written into the configuration, and the program is started with it.

*Tested against*: **package**, the contracts that the named package ships; **ours**, contracts of this repository;
**shape**, contracts rebuilt from the interface in the named file because no package ships the originals: the calls, the
rights and the expiry are as documented, the rest of the original is not there.

";

/// The page, as Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "| kind | system | call | who, when | while it holds | ends | tested against |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows() {
        let tested = match row.tested {
            Tested::Package(name) => format!("package {name}"),
            Tested::Ours(name) => format!("ours: {name}"),
            Tested::Shape(name) => format!("shape: {name}"),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | `{}` | {} | {} | {} | {tested} |",
            row.kind,
            row.system,
            function(row.stop.function),
            row.who,
            shown_view(&row.verify),
            row.ends
        );
    }
    page.push_str("\n## No levers\n\n| system | call | who, when | why not, and what instead |\n|---|---|---|---|\n");
    for other in NOT_A_LEVER {
        let _ =
            writeln!(page, "| {} | {} | {} | {} |", other.system, other.call, other.who, other.why);
    }
    for row in rows() {
        section(&mut page, row);
    }
    page
}

fn section(page: &mut String, row: &Row) {
    let _ = writeln!(page, "\n## `{}`\n\n{}.\n", row.kind, row.system);
    let _ = writeln!(page, "- **Call**: {}", shown_call(&row.stop));
    let _ = writeln!(page, "- **Who**: {}", row.who);
    for view in row.preflight {
        let _ = writeln!(page, "- **Before**: {}", shown_view(view));
    }
    if row.kind == "comet" {
        page.push_str("- **Before**: the flags that are not named, whatever they are: they choose the form of the call\n");
    }
    let _ = writeln!(page, "- **While it holds**: {}", shown_view(&row.verify));
    let _ = writeln!(page, "- **Ends**: {}", row.ends);
    match row.undo {
        UndoTemplate::Call { calls, .. } => {
            let calls: Vec<String> = calls.iter().map(shown_call).collect();
            let _ = writeln!(page, "- **Undo** with `release: responder`: {}", calls.join(", or "));
        }
        UndoTemplate::Expiry => page.push_str("- **Undo**: none is sent\n"),
        UndoTemplate::People => page.push_str("- **Undo**: people only\n"),
    }
    let _ = writeln!(page, "- **Goes on working**: {}", row.keeps);
    let _ = writeln!(page, "- **Gas limit** by default: {}", row.gas);
    for trap in row.traps {
        let _ = writeln!(page, "- **Trap**: {trap}");
    }
    let tested = match row.tested {
        Tested::Package(name) => format!("the package {name}"),
        Tested::Ours(name) => format!("our own {name}"),
        Tested::Shape(name) => format!("a shape rebuilt from the interface, {name}"),
    };
    let _ = writeln!(page, "- **Tested against**: {tested}\n\n```yaml\n{}```", row.example);
}

/// A signature, or where one comes from.
fn function(signature: &str) -> String {
    signature
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or_else(|| signature.to_owned(), |field| format!("<{}>", camel(field)))
}

fn shown_call(template: &CallTemplate) -> String {
    let selector = if template.function.starts_with('{') {
        String::new()
    } else {
        format!(" ({})", hex::encode_prefixed(selector(template.function)))
    };
    format!(
        "`{}.{}`{selector}{}",
        camel(template.at),
        function(template.function),
        with(template.args)
    )
}

fn shown_view(template: &ViewTemplate) -> String {
    let place = match template.word {
        0 => String::new(),
        word => format!("word {word} of "),
    };
    format!(
        "{place}`{}.{}`{} is {}",
        camel(template.at),
        function(template.function),
        with(template.args),
        placed(template.expect)
    )
}

fn with(args: &[&str]) -> String {
    let shown: Vec<String> = args.iter().map(|arg| placed(arg)).collect();
    if shown.is_empty() { String::new() } else { format!(" with {}", shown.join(", ")) }
}

/// A template's value as the configuration spells it.
fn placed(template: &str) -> String {
    match template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(field) => format!("*{}*", camel(field)),
        None => format!("`{template}`"),
    }
}

fn camel(field: &str) -> String {
    let mut out = String::new();
    let mut parts = field.split('_');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut letters = part.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}
