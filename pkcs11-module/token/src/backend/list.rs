//! A token's objects as they were read: a snapshot that is cheap to change in one place and to search.

use std::collections::HashMap;
use std::sync::Arc;

use cryptoki_sys::{CKA_ID, CKA_LABEL};

use super::{Attributes, ObjectId, ObjectRecord};

/// A snapshot of a token's objects, shared between threads. Each object stands in the part that the last byte of its
/// id names, so that a new snapshot after a change has all other parts in common with the one before.
#[derive(Debug, Default)]
pub struct ObjectList {
    version: u64,
    parts: Vec<Arc<ObjectPart>>,
}

/// The objects of one part.
#[derive(Debug, Default)]
pub struct ObjectPart {
    objects: HashMap<ObjectId, Arc<ObjectRecord>>,
    /// By one of [`INDEXED`] and its value.
    index: HashMap<(u64, Vec<u8>), Vec<ObjectId>>,
}

impl ObjectPart {
    /// These objects, which are all of the same part.
    pub fn new(records: impl IntoIterator<Item = Arc<ObjectRecord>>) -> Self {
        let mut part = Self::default();
        for record in records {
            for attribute in INDEXED {
                if let Some(value) = indexed(&record.attributes, attribute) {
                    part.index.entry((attribute, value.to_vec())).or_default().push(record.id);
                }
            }
            part.objects.insert(record.id, record);
        }
        part
    }
}

impl ObjectList {
    /// How many parts there are.
    pub const PARTS: usize = 256;

    /// The part in which an object stands.
    pub fn part_of(id: &ObjectId) -> usize {
        let ObjectId([.., last]) = id;
        usize::from(*last)
    }

    /// A snapshot numbered `version` (the backend's own count, for its cache).
    pub fn new(version: u64, objects: Vec<ObjectRecord>) -> Self {
        let mut parts = vec![Vec::new(); Self::PARTS];
        for record in objects {
            if let Some(part) = parts.get_mut(Self::part_of(&record.id)) {
                part.push(Arc::new(record));
            }
        }
        Self::of_parts(version, parts.into_iter().map(|part| Arc::new(ObjectPart::new(part))).collect())
    }

    /// The same from its [`ObjectList::PARTS`] parts.
    pub fn of_parts(version: u64, parts: Vec<Arc<ObjectPart>>) -> Self {
        Self { version, parts }
    }

    /// The number given to [`ObjectList::new`].
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All objects in order of creation.
    pub fn objects(&self) -> Vec<&Arc<ObjectRecord>> {
        ascending(self.parts.iter().flat_map(|part| part.objects.values()).collect())
    }

    /// The object `id`, if the snapshot has it.
    pub fn get(&self, id: &ObjectId) -> Option<&Arc<ObjectRecord>> {
        self.parts.get(Self::part_of(id))?.objects.get(id)
    }

    /// In order of creation, all objects that `wanted` may match, and others unless it has a `CKA_ID` or `CKA_LABEL`.
    pub(crate) fn candidates(&self, wanted: &Attributes) -> Vec<&Arc<ObjectRecord>> {
        let by =
            INDEXED.into_iter().find_map(|attribute| Some((attribute, indexed(wanted, attribute)?.to_vec())));
        let Some(by) = by else { return self.objects() };
        let found = |part: &Arc<ObjectPart>| part.index.get(&by).cloned().unwrap_or_default();
        let ids: Vec<ObjectId> = self.parts.iter().flat_map(found).collect();
        ascending(ids.iter().filter_map(|id| self.get(id)).collect())
    }
}

/// A value that can be looked up; an empty one is that of objects without the attribute too.
fn indexed(attributes: &Attributes, attribute: u64) -> Option<&[u8]> {
    attributes.get(&attribute).map(Vec::as_slice).filter(|value| !value.is_empty())
}

fn ascending(mut objects: Vec<&Arc<ObjectRecord>>) -> Vec<&Arc<ObjectRecord>> {
    objects.sort_unstable_by_key(|record| record.id);
    objects
}

/// What applications search by.
const INDEXED: [u64; 2] = [CKA_ID, CKA_LABEL];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn record(number: u16, label: &str) -> ObjectRecord {
        let mut id = [0; 16];
        // Later objects stand in lower parts.
        id[..2].copy_from_slice(&number.to_be_bytes());
        id[15] = !(number as u8);
        let attributes = Attributes::from([(CKA_ID, vec![(number % 10) as u8]), (CKA_LABEL, label.into())]);
        ObjectRecord { id: ObjectId(id), version: 1, attributes }
    }

    fn list() -> ObjectList {
        ObjectList::new(
            1,
            (0..1000).map(|number| record(number, if number % 3 == 0 { "three" } else { "" })).collect(),
        )
    }

    #[test]
    fn objects_are_listed_in_order_of_creation_and_found_by_id() {
        let list = list();
        let all = list.objects();
        assert!(all.len() == 1000 && all.is_sorted_by_key(|record| record.id));
        assert!(
            all.iter().all(|record| list.get(&record.id).is_some_and(|found| Arc::ptr_eq(found, record)))
        );
        assert!(list.get(&ObjectId([9; 16])).is_none());
    }

    #[test]
    fn an_indexed_search_finds_what_a_look_at_all_objects_finds() {
        let list = list();
        let searches = [
            Attributes::from([(CKA_ID, vec![7])]),
            Attributes::from([(CKA_LABEL, b"three".to_vec())]),
            Attributes::from([(CKA_LABEL, b"three".to_vec()), (CKA_ID, vec![6])]),
            Attributes::from([(CKA_LABEL, Vec::new())]),
            Attributes::from([(CKA_ID, vec![77])]),
        ];
        for search in searches {
            let fits = |record: &&Arc<ObjectRecord>| {
                search.iter().all(|(kind, value)| record.attributes[kind] == *value)
            };
            let found: Vec<_> = list.candidates(&search).into_iter().filter(fits).collect();
            assert_eq!(found, list.objects().into_iter().filter(fits).collect::<Vec<_>>());
        }
        assert_eq!(
            list.candidates(&Attributes::from([(CKA_ID, vec![7])])).len(),
            100,
            "no others are looked at"
        );
    }
}
