//! The decision.

use std::collections::BTreeMap;

use crate::Policy;
use crate::grant::Grant;

/// Who wants to do what.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The ARN that [`crate::principal_of`] gives for the client who authenticated.
    pub principal: &'a str,
    /// The account of the key's token, and so of everybody who asks for it.
    pub account: &'a str,
    /// Such as `kms:Encrypt`, in AWS's spelling.
    pub action: &'a str,
    /// The encryption context; empty for what has none.
    pub context: &'a BTreeMap<String, String>,
    /// The key's grants; for `kms:RetireGrant` the one that is to end, and no other.
    pub grants: &'a [Grant],
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement or a grant allows it, and no statement denies it.
    Allowed,
    /// A statement denies it, whatever else allows it.
    Denied,
    /// Nothing allows it.
    NotAllowed,
}

impl Policy {
    /// Decides: a denial wins over everything, and what nobody allows is not allowed.
    #[must_use]
    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        let any = |denies: bool| {
            self.statements.iter().filter(|one| one.denies == denies).any(|one| one.applies(ask))
        };
        if any(true) {
            Decision::Denied
        } else if any(false) || ask.grants.iter().any(|grant| grant.gives(ask)) {
            Decision::Allowed
        } else {
            Decision::NotAllowed
        }
    }

    /// Whether `principal` could never change this policy again. Whoever sets a policy is asked to bypass
    /// a check before he locks himself out.
    #[must_use]
    pub fn locks_out(&self, principal: &str, account: &str) -> bool {
        let context = BTreeMap::new();
        let ask = Ask { principal, account, action: "kms:PutKeyPolicy", context: &context, grants: &[] };
        self.decide(&ask) != Decision::Allowed
    }
}
