//! Accounts and principals, as everybody derives them: the node from the authenticated client, the
//! agent to show them. Neither ever comes out of a request.

use sha2::{Digest, Sha256};

/// The 12 digits that stand for a token: clients and tools insist on an account of this form.
///
/// Two tokens may share a number; nothing is decided by it, for a key's nodes know its token.
#[must_use]
pub fn account_of(token: &[u8]) -> String {
    let hash = Sha256::new_with_prefix(b"counterfoil/kms/account/v1").chain_update(token).finalize();
    let mut number = [0; 8];
    number.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    format!("{:012}", u64::from_be_bytes(number) % 1_000_000_000_000)
}

/// The principal that an enrolled client of this name is.
#[must_use]
pub fn principal_of(account: &str, client: &str) -> String {
    format!("arn:aws:iam::{account}:user/{client}")
}

/// Every principal of the account.
#[must_use]
pub fn root_of(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// The policy of a key that was created without one: every principal of its account may do everything.
#[must_use]
pub fn default_policy(account: &str) -> String {
    let root = root_of(account);
    format!(
        r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"{root}"}},"Action":"kms:*","Resource":"*"}}]}}"#
    )
}

/// Whether `text` is an account number.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
