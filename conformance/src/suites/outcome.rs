//! What happened to the tests of a suite: a line is the test's name and `passed`, `failed` or `skipped`.

use std::collections::BTreeMap;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed, crashed or hung.
    Failed,
    /// It skipped itself.
    Skipped,
}

/// Reads the lines. A test that is named twice has failed if it failed once: pytest names one again whose clean-up fails.
///
/// # Errors
/// The line that cannot be read.
pub fn parse(text: &str) -> Result<BTreeMap<String, Outcome>, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let (test, word) = line.rsplit_once(' ').ok_or_else(|| line.to_owned())?;
        let outcome = match word {
            "passed" => Outcome::Passed,
            "failed" => Outcome::Failed,
            "skipped" => Outcome::Skipped,
            _ => return Err(line.into()),
        };
        let known = all.entry(test.to_owned()).or_insert(outcome);
        if outcome == Outcome::Failed {
            *known = outcome;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_a_failure() {
        let all = parse("a passed\na failed\nb failed\nb passed\nc skipped\n").unwrap();
        let outcomes: Vec<_> = all.into_values().collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Skipped]);
        assert!(parse("a hung").is_err() && parse("a").is_err());
    }
}
