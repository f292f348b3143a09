//! A store file with a flipped byte: the node does not start, or every record is as it was.

#![allow(clippy::print_stderr)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::support::COSTS;
use mpc_backend::seal::{Owner, Passphrase, SealError, SealedStore};
use store::{RedbStore, Write};

const RECORDS: u8 = 6;

fn open(path: &Path) -> Result<SealedStore, SealError> {
    let owner = Owner { cluster_id: [7; 32], node: 2 };
    let below = Box::new(RedbStore::open(path)?);
    SealedStore::open(below, owner, &Passphrase::from_bytes(b"correct horse battery"), COSTS)
}

fn value(record: u8) -> Vec<u8> {
    vec![record; 40 * usize::from(record) + 40]
}

/// What became of the records: those that are right, and those that were refused.
fn read(store: &SealedStore) -> (u8, u8) {
    let (mut right, mut refused) = (0, 0);
    for record in 0..RECORDS {
        match store.get("shares", &[record; 16]) {
            Ok(Some(found)) => {
                assert_eq!(*found, value(record), "an altered record was taken");
                right += 1;
            }
            Ok(None) => panic!("record {record} is missing and nobody says so"),
            Err(_) => refused += 1,
        }
    }
    (right, refused)
}

/// `FLIP_EVERY` bytes apart, which `make long` lowers; the bit changes with the place.
#[test]
fn a_flipped_byte_anywhere_in_the_file_is_never_taken_for_a_record() {
    let every = std::env::var("FLIP_EVERY").map_or(149, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = open(&path).unwrap();
    for record in 0..RECORDS {
        let write = Write { table: "shares", key: vec![record; 16], value: Some(value(record)) };
        store.write(vec![write]).unwrap();
    }
    drop(store);
    let clean = fs::read(&path).unwrap();
    assert_eq!(read(&open(&path).unwrap()), (RECORDS, 0));

    // Pages that were never written are zero all over; they are tried once each.
    let (mut tried, mut not_started, mut refused) = (0, 0, 0);
    for (page, bytes) in clean.chunks(4096).enumerate() {
        let step = if bytes.iter().all(|byte| *byte == 0) { 4096 } else { every };
        for position in (page % step..bytes.len()).step_by(step) {
            let mut altered = clean.clone();
            altered[page * 4096 + position] ^= 1 << (position % 8);
            fs::write(&path, altered).unwrap();
            let outcome = catch_unwind(AssertUnwindSafe(|| open(&path).map(|store| read(&store))));
            tried += 1;
            match outcome.unwrap_or_else(|_| panic!("page {page}, byte {position}: a panic")) {
                Err(_) => not_started += 1,
                Ok((right, lost)) => {
                    assert_eq!(right + lost, RECORDS);
                    refused += u32::from(lost > 0);
                }
            }
        }
    }
    eprintln!("{tried} flipped bytes: {not_started} refused at the start, {refused} by the record's name");
    assert!(not_started > 0);
}
