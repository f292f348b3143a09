//! Which key has an alias: found once for each listing of a token's objects, not at each request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use token::backend::{ObjectId, ObjectList, TokenId};

use super::KmsRecord;
use crate::sync::lock;

/// Aliases of the listing that was looked at last, by token: no more than the registry holds.
#[derive(Default)]
pub(crate) struct Aliases(Mutex<BTreeMap<TokenId, Arc<Index>>>);

struct Index {
    /// Of the listing.
    version: u64,
    keys: HashMap<String, ObjectId>,
}

impl Index {
    fn new(list: &ObjectList) -> Self {
        let mut keys = HashMap::new();
        for record in list.objects().into_iter().filter_map(KmsRecord::of_object) {
            for alias in record.key.aliases {
                keys.entry(alias).or_insert(record.object.id);
            }
        }
        Self { version: list.version(), keys }
    }
}

impl Aliases {
    /// The key of this alias in a listing of the token.
    pub(super) fn find(&self, token: TokenId, list: &ObjectList, alias: &str) -> Option<ObjectId> {
        let known = lock(&self.0).get(&token).filter(|index| index.version == list.version()).cloned();
        let index = known.unwrap_or_else(|| {
            let index = Arc::new(Index::new(list));
            lock(&self.0).insert(token, index.clone());
            index
        });
        index.keys.get(alias).copied()
    }
}
