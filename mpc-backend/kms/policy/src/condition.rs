//! Conditions of a statement.

use crate::decide::Ask;
use crate::document::{OneOrMany, Pairs, Scalar};
use crate::{Malformed, glob};

/// `kms:EncryptionContext:` and the name of a pair: that pair's value.
const CONTEXT: &str = "kms:encryptioncontext:";

/// One test of one key of the request.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    test: Test,
    /// Holds if the values do *not* match.
    negated: bool,
    /// Holds as well if the request has no such key.
    if_exists: bool,
    set: Option<Set>,
    key: Key,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    /// "true" holds if the request has no such key.
    Null,
}

/// How a test goes over a key of many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    ForAll,
    ForAny,
}

/// What of the request is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// The value of the pair of this name, in small letters: names are told apart without regard to case.
    Context(String),
    /// The names of all pairs, as they are written.
    ContextKeys,
    /// The account of whoever asks.
    Account,
    /// Whoever asks.
    Principal,
    /// Whether a service asks for a grant of its own: never.
    GrantForService,
    /// Through which service the request came: none.
    ViaService,
}

impl Condition {
    /// Reads a statement's conditions.
    ///
    /// # Errors
    /// An operator, a key or a value that is not enforced.
    pub(crate) fn check_all(raw: Pairs<Pairs<OneOrMany<Scalar>>>) -> Result<Vec<Self>, Malformed> {
        let mut all = Vec::new();
        for (operator, keys) in raw.0 {
            for (key, values) in keys.0 {
                all.push(Self::check(&operator, &key, values)?);
            }
        }
        Ok(all)
    }

    fn check(operator: &str, key: &str, values: OneOrMany<Scalar>) -> Result<Self, Malformed> {
        let (set, bare) = match operator.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Set::ForAll), rest),
            Some(("ForAnyValue", rest)) => (Some(Set::ForAny), rest),
            _ => (None, operator),
        };
        let (bare, if_exists) = bare.strip_suffix("IfExists").map_or((bare, false), |bare| (bare, true));
        let (test, negated) = match bare {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" | "Bool" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "Null" if !if_exists && set.is_none() => (Test::Null, false),
            _ => return Err(Malformed::new(format!("condition operator {operator:?} is not enforced"))),
        };
        let refused = |why: &str| Err(Malformed::new(format!("condition {operator} on {key}: {why}")));
        let Some(named) = Key::named(key) else { return refused("this key is not enforced") };
        // A test of one value has no meaning on many, nor the other way round.
        if test != Test::Null && set.is_some() != (named == Key::ContextKeys) {
            return refused(
                "ForAllValues and ForAnyValue go with kms:EncryptionContextKeys, and only with it",
            );
        }
        let values: Vec<String> = values.0.into_iter().map(|value| value.0).collect();
        if values.is_empty() {
            return refused("there is no value");
        }
        if values.iter().any(|value| value.contains("${")) {
            return refused("variables are not enforced");
        }
        let is_truth = |value: &String| ["true", "false"].contains(&value.to_ascii_lowercase().as_str());
        if (test == Test::Null || bare == "Bool") && !(values.len() == 1 && values.iter().all(is_truth)) {
            return refused("the value is true or false");
        }
        Ok(Self { test, negated, if_exists, set, key: named, values })
    }

    /// Whether the condition is met. A pair's name that the request has in two spellings is met by no
    /// allowing statement and by every denying one: nobody can say which of the two is meant.
    pub(crate) fn holds(&self, ask: &Ask<'_>, denies: bool) -> bool {
        let found = self.key.values(ask);
        if matches!(self.key, Key::Context(_)) && found.len() > 1 {
            return denies;
        }
        if self.test == Test::Null {
            let absent = self.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
            return found.is_empty() == absent;
        }
        if found.is_empty() && self.if_exists {
            return true;
        }
        let one = |value: &&str| self.values.iter().any(|wanted| self.matches(wanted, value)) != self.negated;
        match self.set {
            Some(Set::ForAll) => found.iter().all(one),
            Some(Set::ForAny) => found.iter().any(one),
            None => found.first().map_or(self.negated, one),
        }
    }

    fn matches(&self, wanted: &str, found: &str) -> bool {
        match self.test {
            Test::Like => glob::matches(wanted, found),
            Test::EqualsIgnoreCase => wanted.to_lowercase() == found.to_lowercase(),
            Test::Equals | Test::Null => wanted == found,
        }
    }

    /// Bytes of the patterns that are matched.
    pub(crate) fn pattern_bytes(&self) -> usize {
        if self.test == Test::Like { self.values.iter().map(String::len).sum() } else { 0 }
    }
}

impl Key {
    /// The key of this name; names of keys are told apart without regard to case.
    fn named(text: &str) -> Option<Self> {
        let small = text.to_lowercase();
        if let Some(pair) = small.strip_prefix(CONTEXT) {
            return (!pair.is_empty()).then(|| Self::Context(pair.to_owned()));
        }
        match small.as_str() {
            "kms:encryptioncontextkeys" => Some(Self::ContextKeys),
            "kms:calleraccount" | "aws:principalaccount" => Some(Self::Account),
            "aws:principalarn" => Some(Self::Principal),
            "kms:grantisforawsresource" => Some(Self::GrantForService),
            "kms:viaservice" => Some(Self::ViaService),
            _ => None,
        }
    }

    /// What the request has under the key.
    fn values<'a>(&self, ask: &Ask<'a>) -> Vec<&'a str> {
        match self {
            Self::Context(name) => {
                let same = |(key, _): &(&'a String, &'a String)| key.to_lowercase() == *name;
                ask.context.iter().filter(same).map(|(_, value)| value.as_str()).collect()
            }
            Self::ContextKeys => ask.context.keys().map(String::as_str).collect(),
            Self::Account => vec![ask.account],
            Self::Principal => vec![ask.principal],
            Self::GrantForService => vec!["false"],
            Self::ViaService => Vec::new(),
        }
    }
}
