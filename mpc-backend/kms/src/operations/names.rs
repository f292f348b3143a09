//! Names of keys and aliases: id, alias, and the ARN of each.

use proto::kms::object_of;

use super::Call;
use crate::error::{Kind, Refusal};
use crate::keys::Key;

impl Call<'_> {
    /// The key's ARN, the one name that answers use.
    pub(crate) fn arn(&self, key: &Key) -> String {
        format!("arn:aws:kms:{}:{}:key/{}", self.region, self.keys.account(), key.id())
    }

    /// The ARN of an alias, given without `alias/`.
    pub(super) fn alias_arn(&self, alias: &str) -> String {
        format!("arn:aws:kms:{}:{}:alias/{alias}", self.region, self.keys.account())
    }

    /// The key of a name in any of the four forms. What was last read will do for a key that is in it, unless
    /// `current`; an unknown name is asked of the cluster.
    pub(crate) fn key(&self, name: &str, current: bool) -> Result<Key, Refusal> {
        let not_found = || {
            let text = if name.contains("alias/") { "Alias" } else { "Key" };
            Refusal::new(Kind::NotFound, format!("{text} {name:?} does not exist"))
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(super::invalid(format!("a KeyId has 1 to {NAME_BYTES_MAX} characters")));
        }
        let local = match name.strip_prefix("arn:") {
            None => name,
            Some(_) => {
                let own = format!("arn:aws:kms:{}:{}:", self.region, self.keys.account());
                let local = name.strip_prefix(&own).ok_or_else(not_found)?;
                local.strip_prefix("key/").unwrap_or(local)
            }
        };
        let find = |current| match local.strip_prefix("alias/") {
            Some(alias) => self.keys.find_alias(alias, current),
            None if object_of(local).is_some() => self.keys.find(local, current),
            None => Ok(None),
        };
        let found = find(current)?;
        let found = if found.is_none() && !current { find(true)? } else { found };
        found.ok_or_else(not_found)
    }

    /// The key of an id or key ARN: for operations that take no alias.
    pub(super) fn key_by_id(&self, name: &str) -> Result<Key, Refusal> {
        if name.contains("alias/") {
            return Err(Refusal::new(
                Kind::InvalidArn,
                format!("Invalid keyId {name:?}: give an id or a key ARN"),
            ));
        }
        self.key(name, true)
    }
}

/// The alias in a request's `AliasName`, without `alias/`.
pub(super) fn alias(name: &str) -> Result<&str, Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
    let good = |alias: &&str| !alias.is_empty() && name.len() <= 256 && alias.bytes().all(plain);
    let alias = name.strip_prefix("alias/").filter(good).ok_or_else(|| {
        super::invalid(format!("{name:?} is no AliasName: alias/ and then letters, digits, /, _ and -"))
    })?;
    if alias.starts_with("aws/") {
        let text = "names that begin with alias/aws/ are reserved";
        return Err(Refusal::new(Kind::InvalidAliasName, text));
    }
    Ok(alias)
}

/// Longest name of a key in any form.
const NAME_BYTES_MAX: usize = 2048;
