//! Test cases of the OASIS PKCS #11 Profiles: XML files with calls, each followed by its answer (Profiles 3.1, section 3).
//!
//! An answer of a case is that of some token, and a conformant one may differ in what describes itself: texts, versions,
//! sizes, sessions, handles, what is stored, and which mechanisms there are beyond those of the case. What must hold here:
//! each call's return value; texts that are padded with blanks; the flags that every token of the profile has
//! ([`words::REQUIRED`]); the case's mechanisms with one of their uses at least; lists no longer than was asked for.
//!
//! A case belongs to a profile by the beginning of its name, and is run if the token claims that profile by an object
//! (PKCS#11 3.1, section 4.13).

mod call;
mod words;

use std::collections::BTreeMap;

use cryptoki_sys::*;
use roxmltree::{Document, Node};

use crate::session::number;
use crate::token::Token;

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Each call was answered as it must be.
    Passed,
    /// The token does not claim this profile.
    NotClaimed(&'static str),
    /// The first call that was not, and why.
    Failed(String),
}

/// Follows a case of this file name. The library is initialised before and afterwards; the case begins and ends without.
///
/// # Panics
/// If the library cannot be initialised, or its profiles cannot be read.
pub fn follow(token: &Token, name: &str, xml: &str) -> Outcome {
    let Some((_, profile, title)) = PROFILES.iter().find(|(prefix, ..)| name.starts_with(prefix)) else {
        return Outcome::Failed("its name is that of no profile".into());
    };
    if !claims(token, *profile) {
        return Outcome::NotClaimed(title);
    }
    assert_eq!(token.module.finalize(), CKR_OK, "C_Finalize");
    let outcome = Follower::new(token).document(xml);
    token.module.finalize();
    assert_eq!(token.module.initialize(), CKR_OK, "C_Initialize");
    outcome.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

fn claims(token: &Token, profile: CK_PROFILE_ID) -> bool {
    let session = token.session(0);
    let wanted = [number(CKA_CLASS, CKO_PROFILE), number(CKA_PROFILE_ID, profile)];
    !session.find(&wanted).expect("a search for profiles").is_empty()
}

/// Follows one case.
struct Follower<'t> {
    token: &'t Token,
    /// What the case calls `${name}`.
    variables: BTreeMap<String, String>,
}

impl<'t> Follower<'t> {
    fn new(token: &'t Token) -> Self {
        Self { token, variables: BTreeMap::from([("Pin".into(), token.lab.pin.clone())]) }
    }

    fn document(&mut self, xml: &str) -> Result<(), String> {
        let document = Document::parse(xml).map_err(|error| error.to_string())?;
        let calls: Vec<Node<'_, '_>> = document.root_element().children().filter(Node::is_element).collect();
        let (pairs, rest) = calls.as_chunks();
        if calls.is_empty() || !rest.is_empty() {
            return Err("a case is calls, each with its answer".into());
        }
        for [asked, answer] in pairs {
            let name = asked.tag_name().name();
            if answer.tag_name().name() != name {
                return Err(format!("{name} is followed by {}", answer.tag_name().name()));
            }
            let line = document.text_pos_at(asked.range().start).row;
            self.pair(*asked, *answer).map_err(|why| format!("line {line}, {name}: {why}"))?;
        }
        Ok(())
    }

    /// The value of a parameter, as it is written.
    fn text<'n>(&self, node: Node<'n, '_>, child: &str) -> Result<&'n str, String> {
        value(node, child).ok_or_else(|| format!("{child} is missing"))
    }

    /// What is written, or what the variable that is written stands for. Of a list the first will do for one that the case
    /// never answered: OASIS's BL-M-1-31 opens its session on a second slot, and has one.
    fn resolved(&self, written: &str) -> Result<String, String> {
        let Some(name) = variable(written) else { return Ok(written.into()) };
        let first = || Some(format!("{}[0]", name.rsplit_once('[')?.0));
        let found = self.variables.get(name).or_else(|| self.variables.get(&first()?));
        found.cloned().ok_or_else(|| format!("{written} was never answered"))
    }

    fn number(&self, node: Node<'_, '_>, child: &str) -> Result<CK_ULONG, String> {
        words::number(&self.resolved(self.text(node, child)?)?)
    }

    /// `written` is what the answer of the case has in this place; a variable stands for `said` from now on.
    fn bind(&mut self, written: Option<&str>, said: impl ToString) {
        if let Some(name) = written.and_then(variable) {
            self.variables.insert(name.into(), said.to_string());
        }
    }
}

/// The `value` of a child.
fn value<'n>(node: Node<'n, '_>, child: &str) -> Option<&'n str> {
    element(node, child)?.attribute("value")
}

fn element<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// The name in `${name}`.
fn variable(written: &str) -> Option<&str> {
    written.strip_prefix("${")?.strip_suffix('}')
}

/// How the names of cases begin, and the profile that they are of.
const PROFILES: [(&str, CK_PROFILE_ID, &str); 4] = [
    ("BL-", CKP_BASELINE_PROVIDER, "Baseline Provider"),
    ("EXT-", CKP_EXTENDED_PROVIDER, "Extended Provider"),
    ("AUTH-", CKP_AUTHENTICATION_TOKEN, "Authentication Token"),
    ("CERT-", CKP_PUBLIC_CERTIFICATES_TOKEN, "Public Certificates Token"),
];
