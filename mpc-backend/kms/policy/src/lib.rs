//! Key policies and grants of the KMS face.
//!
//! Every node reads the same text and must come to the same decision, so this crate is pure: no clock,
//! no I/O, no order that depends on a hash seed. A document is either enforced to the letter or
//! refused: what [`Policy::parse`] does not know is [`Malformed`], never stored and ignored.
//!
//! The language is the part of AWS's that concerns a single key: statements that allow or deny actions
//! to principals of the account, under conditions on the encryption context and on who asks.
//! Source: AWS KMS Developer Guide, "Key policies" and "Condition keys"; IAM User Guide, "Policy
//! evaluation logic".
//!
//! Reading order: [`names`] (accounts and principals), [`document`] (the wire form), [`statement`] and
//! [`condition`] (what is enforced), [`grant`], [`decide`].
#![forbid(unsafe_code)]

mod condition;
mod decide;
mod document;
mod glob;
mod grant;
mod names;
mod statement;

pub use decide::{Ask, Decision};
pub use grant::{Constraint, GRANT_OPERATIONS, Grant};
pub use names::{account_of, default_policy, principal_of, root_of};

use statement::Statement;

/// Longest policy text, in bytes, as AWS has it.
pub const POLICY_BYTES_MAX: usize = 32 * 1024;

/// Why a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A policy of which every construct is enforced.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Reads a policy's JSON text.
    ///
    /// # Errors
    /// The first construct that is not JSON, not in the language's enforced part, or over a bound.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(Malformed::new(format!("the policy is longer than {POLICY_BYTES_MAX} bytes")));
        }
        let document = document::Document::parse(text)?;
        let statements =
            document.statements.into_iter().map(Statement::check).collect::<Result<Vec<_>, _>>()?;
        let patterns: usize = statements.iter().map(Statement::pattern_bytes).sum();
        if patterns > glob::PATTERN_BYTES_MAX {
            let bound = glob::PATTERN_BYTES_MAX;
            return Err(Malformed::new(format!("patterns of StringLike hold more than {bound} bytes")));
        }
        Ok(Self { statements })
    }
}
