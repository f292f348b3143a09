//! Grants: leave for one principal to do some operations with one key.

use std::collections::BTreeMap;

use crate::decide::Ask;

/// Operations that a grant may give, as its `Operations` name them.
pub const GRANT_OPERATIONS: [&str; 17] = [
    "CreateGrant",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Operations that carry an encryption context, and so the only ones that a constraint can hold back.
const WITH_CONTEXT: [&str; 8] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// What the context of a granted operation must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Constraint {
    /// Anything.
    #[default]
    None,
    /// These pairs and no other.
    Equals(BTreeMap<String, String>),
    /// These pairs, and perhaps others.
    Subset(BTreeMap<String, String>),
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who may, as an ARN; the root of an account means each of its principals.
    pub grantee: String,
    /// Who may end the grant, as an ARN.
    pub retiring: Option<String>,
    /// Names out of [`GRANT_OPERATIONS`].
    pub operations: Vec<String>,
    /// What the context must be where the operation has one.
    pub constraint: Constraint,
}

impl Grant {
    /// Whether the grant gives what is asked.
    ///
    /// Asked for `kms:RetireGrant`, it gives leave to end *itself*: to the retiring principal, and to
    /// the grantee where that is among the operations.
    #[must_use]
    pub fn gives(&self, ask: &Ask<'_>) -> bool {
        let Some(operation) = ask.action.strip_prefix("kms:") else { return false };
        let is = |arn: &str| arn == ask.principal || arn == crate::root_of(ask.account);
        if operation == "RetireGrant" && self.retiring.as_deref().is_some_and(is) {
            return true;
        }
        is(&self.grantee)
            && self.operations.iter().any(|given| given == operation)
            && (!WITH_CONTEXT.contains(&operation) || self.constraint.holds(ask.context))
    }
}

impl Constraint {
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        match self {
            Self::None => true,
            Self::Equals(pairs) => pairs == context,
            Self::Subset(pairs) => pairs.iter().all(|(name, value)| context.get(name) == Some(value)),
        }
    }
}
