//! One statement, checked: whom it names, which actions, under which conditions.

use crate::condition::Condition;
use crate::decide::Ask;
use crate::document::{OneOrMany, RawEffect, RawPrincipal, RawStatement};
use crate::names::{is_account, root_of};
use crate::{Malformed, glob};

/// Longest name of an action, wildcards included.
const ACTION_BYTES_MAX: usize = 64;

/// A statement of which every part is enforced.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) denies: bool,
    principals: Vec<Principal>,
    /// Patterns in small letters.
    actions: Vec<String>,
    /// The statement is for all actions but these.
    all_but: bool,
    conditions: Vec<Condition>,
}

/// Whom a statement is for.
#[derive(Clone, Debug)]
enum Principal {
    /// Whoever the nodes know: clients of the token, since nobody else comes this far.
    Anybody,
    /// Every principal of this account.
    Account(String),
    /// One principal.
    One(String),
}

impl Statement {
    /// Promotes a statement that was read.
    ///
    /// # Errors
    /// A part that is not enforced.
    pub(crate) fn check(raw: RawStatement) -> Result<Self, Malformed> {
        let principals = match raw.principal {
            RawPrincipal::Any(text) if text == "*" => vec![Principal::Anybody],
            RawPrincipal::Any(_) => return Err(Malformed::new("Principal is \"*\" or {\"AWS\": ...}")),
            RawPrincipal::Of(named) => all(named.aws, "Principal", principal)?,
        };
        let (named, all_but) = match (raw.action, raw.not_action) {
            (Some(named), None) => (named, false),
            (None, Some(named)) => (named, true),
            _ => return Err(Malformed::new("a statement has either Action or NotAction")),
        };
        let actions = all(named, "Action", action)?;
        // A key's policy speaks of that key only, and "*" is its name there.
        all(raw.resource, "Resource", |text| {
            if text == "*" { Ok(()) } else { Err(Malformed::new("the Resource of a key policy is \"*\"")) }
        })?;
        let conditions = Condition::check_all(raw.condition)?;
        let denies = matches!(raw.effect, RawEffect::Deny);
        Ok(Self { denies, principals, actions, all_but, conditions })
    }

    /// Whether the statement is about this asking.
    pub(crate) fn applies(&self, ask: &Ask<'_>) -> bool {
        let named = |one: &Principal| match one {
            Principal::Anybody => true,
            Principal::Account(account) => account == ask.account,
            Principal::One(arn) => arn == ask.principal,
        };
        let action = ask.action.to_ascii_lowercase();
        self.principals.iter().any(named)
            && self.actions.iter().any(|pattern| glob::matches(pattern, &action)) != self.all_but
            && self.conditions.iter().all(|condition| condition.holds(ask, self.denies))
    }

    /// Bytes of the patterns that conditions match with.
    pub(crate) fn pattern_bytes(&self) -> usize {
        self.conditions.iter().map(Condition::pattern_bytes).sum()
    }
}

/// Checks each of a list that may not be empty.
fn all<T>(
    texts: OneOrMany<String>,
    member: &str,
    check: impl Fn(String) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    if texts.0.is_empty() {
        return Err(Malformed::new(format!("{member} is empty")));
    }
    texts.0.into_iter().map(check).collect()
}

/// `*`, an account, its root, or a user.
fn principal(text: String) -> Result<Principal, Malformed> {
    if text == "*" {
        return Ok(Principal::Anybody);
    }
    if is_account(&text) {
        return Ok(Principal::Account(text));
    }
    let refused = || Malformed::new(format!("{text:?} is not a principal of this service"));
    let rest = text.strip_prefix("arn:aws:iam::").ok_or_else(refused)?;
    let (account, name) =
        rest.split_once(':').filter(|(account, _)| is_account(account)).ok_or_else(refused)?;
    if text == root_of(account) {
        return Ok(Principal::Account(account.to_owned()));
    }
    match name.strip_prefix("user/") {
        Some(user) if !user.is_empty() && !user.contains(['*', '?']) => Ok(Principal::One(text)),
        _ => Err(refused()),
    }
}

/// A pattern of actions, in small letters: actions are told apart without regard to case.
fn action(text: String) -> Result<String, Malformed> {
    let small = text.to_ascii_lowercase();
    let known = small == "*"
        || small.strip_prefix("kms:").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"*?".contains(&byte))
        });
    if known && small.len() <= ACTION_BYTES_MAX {
        Ok(small)
    } else {
        Err(Malformed::new(format!("{text:?} is not an action of this service")))
    }
}
