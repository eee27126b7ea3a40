//! Words for people: links that lead somewhere, detectors that say what they miss, no promises to write it later.

use anyhow::Result;
use proc_macro2::{TokenStream, TokenTree};
use syn::Item;

use super::source::{
    Source, has_extension, is_test_attribute, line_where, read, report, repository_files, root,
    sources,
};

/// What the file of a detector says before it begins, in this order.
const DETECTOR_SECTIONS: &[&str] =
    &["What it watches", "Why it matters", "What it misses", "False alarms", "References"];

/// Words of a text that is not written yet.
const STUBS: &[&str] = &["TODO", "FIXME", "XXX", "TBD"];

#[test]
fn no_file_excuses_itself_from_documentation() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        for line in lines_with_attribute_word(&source.tokens, "missing_docs") {
            problems.push(format!(
                "{}:{line}: `missing_docs` is the workspace's to set: document what is public, or make it private",
                source.path
            ));
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn documentation_is_written() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        for (index, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            let stub =
                comment.split(|c: char| !c.is_alphanumeric()).find(|word| STUBS.contains(word));
            if let (true, Some(stub)) = (comment.starts_with("//"), stub) {
                problems.push(format!(
                    "{}:{}: `{stub}`: write it, or enter it among the known limits",
                    source.path,
                    index + 1
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn detectors_say_what_they_miss() -> Result<()> {
    let mut problems = Vec::new();
    for source in sources()? {
        if source.room() != "detect" || source.is_test || !implements_detector(&source) {
            continue;
        }
        let line = line_where(&source.text, |line| {
            line.starts_with("impl") && line.contains("Detector for")
        });
        let headings: Vec<&str> = source
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("//! # "))
            .map(str::trim)
            .collect();
        for section in DETECTOR_SECTIONS {
            if !headings.contains(section) {
                problems.push(format!(
                    "{}:{line}: a detector without `//! # {section}`: write the section at the top of the file",
                    source.path
                ));
            }
        }
        let in_order = headings.iter().filter(|heading| DETECTOR_SECTIONS.contains(heading));
        let expected = DETECTOR_SECTIONS.iter().filter(|section| headings.contains(section));
        if !in_order.eq(expected) {
            problems.push(format!(
                "{}:1: its sections are not in the order of the others: {}",
                source.path,
                DETECTOR_SECTIONS.join(", ")
            ));
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn links_lead_to_files() -> Result<()> {
    let mut problems = Vec::new();
    for path in repository_files()? {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !has_extension(&path, "md") || !(folder.is_empty() || folder.starts_with("docs")) {
            continue;
        }
        for (line, target) in relative_links(&read(&path)?) {
            if !root().join(folder).join(&target).exists() {
                problems.push(format!("{path}:{line}: nothing is at `{target}`: mend the link"));
            }
        }
    }
    report(&problems);
    Ok(())
}

fn implements_detector(source: &Source) -> bool {
    source.syntax.items.iter().any(|item| match item {
        Item::Impl(block) if !block.attrs.iter().any(is_test_attribute) => {
            let path = block.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
            path.is_some_and(|segment| segment.ident == "Detector")
        }
        _ => false,
    })
}

/// The lines of the attributes in which `word` occurs.
fn lines_with_attribute_word(tokens: &TokenStream, word: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut in_attribute = false;
    for token in tokens.clone() {
        match token {
            TokenTree::Punct(punct) => {
                in_attribute = punct.as_char() == '#' || (in_attribute && punct.as_char() == '!');
            }
            TokenTree::Group(group) if in_attribute => {
                let text = group.stream().to_string();
                if text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
                {
                    lines.push(group.span_open().start().line);
                }
                in_attribute = false;
            }
            TokenTree::Group(group) => {
                lines.extend(lines_with_attribute_word(&group.stream(), word));
            }
            _ => in_attribute = false,
        }
    }
    lines
}

/// The targets of a Markdown text's links that are no addresses, without the part after `#`, and their lines.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let mut targets: Vec<&str> =
            prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        // `[label]: target`
        if let Some((_, target)) = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            targets.push(target);
        }
        for target in targets {
            let target = target.split_whitespace().next().unwrap_or_default();
            let file = target.trim_matches(['<', '>']).split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:") {
                links.push((index + 1, file.to_owned()));
            }
        }
    }
    links
}

#[test]
fn relative_links_are_told_from_others() {
    let text = "[a](b.md#c) and [x](https://example.org) and `[n](o.md)`\n```\n[p](q.md)\n```\n[d]: e/f.md\n[g](#h) ![i](<j.svg> \"k\")";
    let links = relative_links(text);
    let expected = [(1, "b.md"), (5, "e/f.md"), (6, "j.svg")];
    assert_eq!(links, expected.map(|(line, file)| (line, file.to_owned())));
}

#[test]
fn words_of_attributes_are_seen() -> Result<()> {
    let word = "missing_docs";
    let text = format!(
        "#![allow({word})]\nmod a {{\n  #[expect(unused,\n {word})]\n fn {word}() {{ f(\"{word}\") }} }}"
    );
    let Ok(tokens) = text.parse() else { anyhow::bail!("not Rust: {text}") };
    assert_eq!(lines_with_attribute_word(&tokens, word), [1, 3]);
    Ok(())
}
