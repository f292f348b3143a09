//! What every store must do; each implementation runs this as a test, also those of later crates.

use crate::{KEY_BYTES_MAX, Store, StoreError, Write};

/// Runs the suite on an empty store. Panics, as a test does, at the first thing that is not so.
pub fn run(store: &dyn Store) {
    absent_records_are_none(store);
    last_write_of_a_batch_wins(store);
    removal_removes_and_may_be_repeated(store);
    tables_do_not_mix(store);
    ranges_are_half_open_and_ordered(store);
    refused_batch_changes_nothing(store);
    readers_see_whole_batches(store);
}

fn put(table: &'static str, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(value.to_vec()) }
}

fn remove(table: &'static str, key: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: None }
}

fn get(store: &dyn Store, table: &'static str, key: &[u8]) -> Option<Vec<u8>> {
    store.get(table, key).expect("a readable store")
}

fn absent_records_are_none(store: &dyn Store) {
    assert_eq!(get(store, "absent", b"k"), None);
    assert_eq!(store.scan("absent").expect("a readable store"), vec![]);
    store.write(&[]).expect("nothing is a batch too");
}

fn last_write_of_a_batch_wins(store: &dyn Store) {
    store.write(&[put("wins", b"k", b"1"), put("wins", b"k", b"2")]).expect("a writable store");
    assert_eq!(get(store, "wins", b"k"), Some(b"2".to_vec()));
    store.write(&[put("wins", b"k", b"3"), remove("wins", b"k")]).expect("a writable store");
    assert_eq!(get(store, "wins", b"k"), None);
    store.write(&[remove("wins", b"k"), put("wins", b"k", b"")]).expect("a writable store");
    assert_eq!(get(store, "wins", b"k"), Some(vec![]), "an empty value is a value");
}

fn removal_removes_and_may_be_repeated(store: &dyn Store) {
    store.write(&[put("gone", b"k", b"v")]).expect("a writable store");
    store.write(&[remove("gone", b"k")]).expect("a writable store");
    store.write(&[remove("gone", b"k")]).expect("removing nothing is no error");
    assert_eq!(get(store, "gone", b"k"), None);
}

fn tables_do_not_mix(store: &dyn Store) {
    store
        .write(&[put("a", b"b", b"1"), put("ab", b"", b"2"), put("a", b"", b"3")])
        .expect("a writable store");
    let all = store.scan("a").expect("a readable store");
    assert_eq!(all, vec![(b"".to_vec(), b"3".to_vec()), (b"b".to_vec(), b"1".to_vec())]);
    assert_eq!(store.scan("ab").expect("a readable store").len(), 1);
}

fn ranges_are_half_open_and_ordered(store: &dyn Store) {
    let writes: Vec<Write> =
        [300u64, 2, 1, 255, 256].map(|key| put("log", &key.to_be_bytes(), b"v")).to_vec();
    store.write(&writes).expect("a writable store");
    let keys = |from: u64, to: Option<u64>, limit| -> Vec<u64> {
        let to = to.map(u64::to_be_bytes);
        store
            .range("log", &from.to_be_bytes(), to.as_ref().map(|to| to.as_slice()), limit)
            .expect("a readable store")
            .into_iter()
            .map(|(key, _)| u64::from_be_bytes(key.try_into().expect("eight bytes were written")))
            .collect()
    };
    assert_eq!(keys(0, None, 10), [1, 2, 255, 256, 300]);
    assert_eq!(keys(2, Some(256), 10), [2, 255]);
    assert_eq!(keys(2, None, 2), [2, 255]);
    assert_eq!(keys(256, Some(256), 10), [0; 0]);
    assert_eq!(keys(300, Some(1), 10), [0; 0]);
}

fn refused_batch_changes_nothing(store: &dyn Store) {
    let refused = store.write(&[put("limit", b"k", b"v"), put("limit", &vec![0; KEY_BYTES_MAX + 1], b"v")]);
    assert!(matches!(refused, Err(StoreError::TooLarge { table: "limit", .. })));
    assert_eq!(get(store, "limit", b"k"), None);
}

/// One thread writes pairs of equal values; another must never see two that differ.
fn readers_see_whole_batches(store: &dyn Store) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0u8..20 {
                store
                    .write(&[put("pair", b"1", &[round]), put("pair", b"2", &[round])])
                    .expect("a writable store");
            }
        });
        for _ in 0..40 {
            let values = store.scan("pair").expect("a readable store");
            assert!(values.iter().zip(values.iter().skip(1)).all(|(one, next)| one.1 == next.1));
        }
    });
}
