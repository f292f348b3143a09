//! The list of a suite's tests that a library does not pass: a line is the test's name, then `needs` and mechanisms, or
//! `because` and a reason. Of our own chapters, which another library does not pass, the reason may also be a `clause` of
//! PKCS#11 that demands what the test does, or that the question is `open`.

use crate::mechanisms;

/// A line of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    /// The suite's name of the test.
    pub test: String,
    /// Why it does not pass.
    pub reason: Reason,
}

/// Why a test does not pass.
#[derive(Debug, PartialEq, Eq)]
pub enum Reason {
    /// One of these mechanisms (`CKM_`) is missing. When all are offered, the test has to pass.
    Needs(Vec<String>),
    /// Anything else.
    Because(String),
    /// What PKCS#11 demands: section and sense.
    Clause(String),
    /// PKCS#11 allows both: section and sense.
    Open(String),
}

/// Reads a list.
///
/// # Errors
/// The line that cannot be read, or that names a test a second time or a mechanism that we have no number of.
pub fn parse(text: &str) -> Result<Vec<Expected>, String> {
    let mut all: Vec<Expected> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let complaint = |what: &str| format!("{what}: {line}");
        let (test, rest) = line.split_once(' ').ok_or_else(|| complaint("no reason"))?;
        let (word, rest) = rest.trim().split_once(' ').ok_or_else(|| complaint("no reason"))?;
        let reason = match word {
            "needs" => Reason::Needs(rest.split_whitespace().map(Into::into).collect()),
            "because" => Reason::Because(rest.trim().into()),
            "clause" => Reason::Clause(rest.trim().into()),
            "open" => Reason::Open(rest.trim().into()),
            _ => return Err(complaint("no word for the reason")),
        };
        if let Reason::Needs(names) = &reason
            && !names.iter().all(|name| mechanisms::number(name).is_some())
        {
            return Err(complaint("an unknown mechanism"));
        }
        if all.iter().any(|known| known.test == test) {
            return Err(complaint("listed twice"));
        }
        all.push(Expected { test: test.into(), reason });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_a_test_and_a_reason_are_read() {
        let list = parse("one needs CKM_ECDSA CKM_RSA_PKCS\n").unwrap();
        let mechanisms = vec!["CKM_ECDSA".into(), "CKM_RSA_PKCS".into()];
        assert_eq!(list, [Expected { test: "one".into(), reason: Reason::Needs(mechanisms) }]);
        let list = parse("one clause 5.4: x\ntwo open 5.5: y\n").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].reason, Reason::Clause("5.4: x".into()));
        assert_eq!(list[1].reason, Reason::Open("5.5: y".into()));
        for bad in
            ["one", "one needs", "one wants CKM_ECDSA", "one needs CKM_NONE", "one because x\none because y"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
