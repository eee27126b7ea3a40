//! A file of rules that anybody may have written: it is refused with places that are in it, or compiles, describes
//! itself and judges a transaction; never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_rules::{Diagnostic, Source, catalogue, compile_for_tests, lint, run_tests};

fn places_are_in(text: &str, said: &[Diagnostic]) {
    let lines = text.lines().count().max(1) + 1;
    for one in said {
        assert!(one.line >= 1 && one.line <= lines, "line {} of {lines}: {one}", one.line);
        assert!(!one.to_string().is_empty());
    }
}

fuzz_target!(|text: &str| {
    let source = Source { name: "fuzz.yaml".to_owned(), text: text.to_owned() };
    places_are_in(text, &lint(&source));
    match compile_for_tests(&source) {
        Ok(set) => {
            places_are_in(text, set.warnings());
            assert!(!catalogue(&set).is_empty());
        }
        Err(why) => {
            assert!(!why.is_empty(), "refused without a reason");
            places_are_in(text, &why);
        }
    }
    if let Ok(results) = run_tests(&source) {
        for problem in results.into_iter().filter_map(|result| result.problem) {
            places_are_in(text, &[problem]);
        }
    }
});
