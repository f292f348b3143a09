//! A store that lasts as long as the process, for tests and simulations.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use crate::{Record, Store, StoreError, Write, check_limits};

type Records = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

/// Records in memory; durable in the sense that nothing but the process can lose them.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<Records>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().expect("no operation on the map panics while it is locked")
    }
}

impl Store for MemoryStore {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records().get(&(table, key.to_vec())).cloned())
    }

    fn range(
        &self,
        table: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(Vec::new());
        }
        let from = Bound::Included((table, from.to_vec()));
        let to = to.map_or(Bound::Unbounded, |to| Bound::Excluded((table, to.to_vec())));
        let records = self.records();
        let range = records.range((from, to)).take_while(|((name, _), _)| *name == table);
        Ok(range.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        check_limits(writes)?;
        let mut records = self.records();
        for write in writes {
            let key = (write.table, write.key.clone());
            match &write.value {
                Some(value) => records.insert(key, value.clone()),
                None => records.remove(&key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_store_passes_the_suite() {
        crate::suite::run(&MemoryStore::new());
    }
}
