//! Test suites of others, held against the list of what they show and why; and our own, run against another library
//! ([`chapters`]).
//!
//! `conformance/suites/run` runs them; [`expected`] reads our list of tests that do not pass, [`outcome`] what happened,
//! and [`Report`] says where the two differ. A test that is listed and passes is a difference too: the list is true or
//! the run fails.

pub mod chapters;
pub mod expected;
pub mod offered;
pub mod outcome;

use std::collections::BTreeMap;
use std::fmt;

use expected::{Expected, Reason};
use outcome::Outcome;

/// How a suite went.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    skipped: usize,
    listed: BTreeMap<String, usize>,
    kinds: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl Report {
    /// Holds the outcomes against the list; `offered` says whether the library has a mechanism of this name.
    pub fn new(
        outcomes: &BTreeMap<String, Outcome>,
        expected: &[Expected],
        offered: impl Fn(&str) -> bool,
    ) -> Self {
        let mut report = Self::default();
        for (test, outcome) in outcomes {
            let reason =
                expected.iter().find(|expected| expected.test == *test).map(|expected| &expected.reason);
            let excuse = reason.and_then(|reason| reason.holds(&offered));
            if let (Outcome::Failed, Some(reason), Some(_)) = (outcome, reason, &excuse) {
                *report.kinds.entry(reason.kind()).or_default() += 1;
            }
            match (outcome, excuse) {
                (Outcome::Passed, None) => report.passed += 1,
                (Outcome::Skipped, _) => report.skipped += 1,
                (Outcome::Failed, Some(excuse)) => *report.listed.entry(excuse).or_default() += 1,
                (Outcome::Failed, None) => report.differences.push(format!("{test} fails and is not listed")),
                (Outcome::Passed, Some(excuse)) => {
                    report.differences.push(format!("{test} is listed ({excuse}) and passes"));
                }
            }
        }
        let gone = expected.iter().filter(|expected| !outcomes.contains_key(&expected.test));
        report
            .differences
            .extend(gone.map(|gone| format!("{} is listed and there is no such test", gone.test)));
        report
    }

    /// Whether the list is true.
    pub fn is_as_listed(&self) -> bool {
        self.differences.is_empty() && self.passed > 0
    }

    /// How many tests went how, without the reasons one by one.
    fn in_kinds(&self) -> String {
        let listed: usize = self.listed.values().sum();
        let kinds: Vec<_> = self.kinds.iter().map(|(kind, tests)| format!("{tests} {kind}")).collect();
        let mut text = format!(
            "{} pass, {listed} differ as listed ({}), {} skip themselves\n",
            self.passed,
            kinds.join(", "),
            self.skipped
        );
        self.differences.iter().for_each(|difference| text.push_str(&format!("  DIFFERENCE {difference}\n")));
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: usize = self.listed.values().sum();
        let all = self.passed + self.skipped + listed + self.differences.len();
        writeln!(
            f,
            "{} of {all} pass, {listed} fail as listed, {} skip themselves",
            self.passed, self.skipped
        )?;
        for (excuse, tests) in &self.listed {
            writeln!(f, "  {tests:3} {excuse}")?;
        }
        self.differences.iter().try_for_each(|difference| writeln!(f, "  DIFFERENCE {difference}"))
    }
}

impl Reason {
    /// In words, if it holds for a library that has these mechanisms.
    fn holds(&self, offered: impl Fn(&str) -> bool) -> Option<String> {
        match self {
            Self::Needs(mechanisms) => {
                let missing: Vec<_> =
                    mechanisms.iter().map(String::as_str).filter(|name| !offered(name)).collect();
                (!missing.is_empty()).then(|| format!("no {}", missing.join(", ")))
            }
            Self::Because(text) => Some(text.clone()),
            Self::Clause(text) => Some(format!("PKCS#11 3.1 {text}")),
            Self::Open(text) => Some(format!("open, PKCS#11 3.1 {text}")),
        }
    }

    /// In a word or two, for a count.
    fn kind(&self) -> &'static str {
        match self {
            Self::Needs(_) => "for a mechanism that it does not have",
            Self::Because(_) => "for other reasons",
            Self::Clause(_) => "against a clause",
            Self::Open(_) => "where PKCS#11 is open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &str, list: &str, offered: &[&str]) -> Report {
        let outcomes = outcome::parse(outcomes).unwrap();
        Report::new(&outcomes, &expected::parse(list).unwrap(), |name| offered.contains(&name))
    }

    const LIST: &str = "# a comment\n\nrsa needs CKM_RSA_PKCS\nodd because it is odd\n";

    #[test]
    fn what_is_listed_may_fail() {
        let report = report("rsa failed\nodd failed\nother passed\nmore skipped\n", LIST, &[]);
        assert!(report.is_as_listed(), "{report}");
        assert!(
            report.to_string().starts_with("1 of 4 pass, 2 fail as listed, 1 skip themselves"),
            "{report}"
        );
    }

    #[test]
    fn what_is_not_listed_may_not() {
        let report = report("rsa failed\nodd failed\nother failed\nmore passed\n", LIST, &[]);
        assert!(report.to_string().contains("DIFFERENCE other fails and is not listed"), "{report}");
        assert!(!report.is_as_listed());
    }

    #[test]
    fn an_entry_holds_while_its_mechanism_is_missing() {
        let failing = report("rsa failed\nodd failed\nother passed\n", LIST, &["CKM_RSA_PKCS"]);
        assert!(failing.to_string().contains("DIFFERENCE rsa fails and is not listed"), "{failing}");
        assert!(report("rsa passed\nodd failed\n", LIST, &["CKM_RSA_PKCS"]).is_as_listed());
    }

    #[test]
    fn a_listed_test_that_passes_or_is_gone_is_a_difference() {
        let passing = report("rsa passed\nother passed\n", LIST, &[]);
        assert!(
            passing.to_string().contains("DIFFERENCE rsa is listed (no CKM_RSA_PKCS) and passes"),
            "{passing}"
        );
        assert!(
            passing.to_string().contains("DIFFERENCE odd is listed and there is no such test"),
            "{passing}"
        );
    }

    #[test]
    fn a_run_in_which_nothing_passes_is_none() {
        assert!(!report("", "", &[]).is_as_listed());
    }
}
