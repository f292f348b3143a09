//! A token's list of objects as digests of its parts, brought up to date as objects come and go: a client that
//! has read the list once reads the changed parts alone, and a node hashes no more than these.

use std::collections::BTreeMap;
use std::ops::Bound;

use proto::registry::v1::ObjectRecord;
use proto::statement::{self, LIST_PARTS};

use super::{Id, attributes};

/// The list of one token.
pub(super) struct TokenList(Vec<Part>);

#[derive(Clone, Default)]
struct Part {
    entries: BTreeMap<Id, Entry>,
    /// Without the private objects and with them; `None` since the part has changed.
    digests: [Option<[u8; 32]>; 2],
}

#[derive(Clone)]
struct Entry {
    hash: [u8; 32],
    private: bool,
}

impl Default for TokenList {
    fn default() -> Self {
        Self(vec![Part::default(); LIST_PARTS])
    }
}

impl TokenList {
    /// Puts a record in place of the object's last one.
    pub(super) fn put(&mut self, object: Id, record: &ObjectRecord) {
        let private = attributes::is_private(&record.attributes);
        let entry = Entry { hash: statement::record_hash(record), private };
        if let Some(part) = self.0.get_mut(usize::from(statement::list_part(&object))) {
            part.entries.insert(object, entry);
            part.digests = [None; 2];
        }
    }

    /// Takes an object out.
    pub(super) fn remove(&mut self, object: &Id) {
        if let Some(part) = self.0.get_mut(usize::from(statement::list_part(object))) {
            part.entries.remove(object);
            part.digests = [None; 2];
        }
    }

    /// The digest of each part.
    pub(super) fn digests(&mut self, private: bool) -> Vec<[u8; 32]> {
        self.0.iter_mut().map(|part| part.digest(private)).collect()
    }

    /// Ids of one part in ascending order, those after `after`.
    pub(super) fn ids(&self, part: u8, private: bool, after: Option<Id>) -> impl Iterator<Item = &Id> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let part = self.0.get(usize::from(part)).into_iter();
        let entries = part.flat_map(move |part| part.entries.range((from, Bound::Unbounded)));
        entries.filter(move |(_, entry)| private || !entry.private).map(|(id, _)| id)
    }
}

impl Part {
    fn digest(&mut self, private: bool) -> [u8; 32] {
        let Self { entries, digests: [public_only, all] } = self;
        let seen = entries.values().filter(|entry| private || !entry.private);
        let kept = if private { all } else { public_only };
        *kept.get_or_insert_with(|| statement::part_digest(seen.map(|entry| &entry.hash)))
    }
}
