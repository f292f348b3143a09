//! The tables in `README.md`: that they are what the library answers, and that the tests they name exist.

use conformance::attacks;
use conformance::coverage::{readme, tests};
use conformance::lab::skipped;
use conformance::mechanisms::listed;
use conformance::token::Token;

#[test]
fn readme_says_what_the_library_answers() {
    if skipped("our README.md") {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let attacks: Vec<_> = ["attacks_wrapping", "attacks_attributes", "attacks_access"]
        .into_iter()
        .flat_map(|chapter| attacks::listed(chapter, &chapter_text(chapter)).unwrap())
        .collect();
    assert!(attacks.len() >= 20);
    let text = readme(&listed(&Token::shared()), &attacks);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == text,
        "README.md is out of date: UPDATE=1 cargo test -p conformance --test pkcs11 readme"
    );
}

#[test]
fn the_tests_that_are_named_exist() {
    if skipped("our README.md") {
        return;
    }
    for (chapter, name) in tests() {
        let text = chapter_text(chapter);
        assert!(text.contains(&format!("#[test]\nfn {name}()")), "{chapter} has no test {name}");
    }
}

fn chapter_text(chapter: &str) -> String {
    let path = format!("{}/tests/pkcs11/{chapter}.rs", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
