//! What sealing promises: a record opens where it was put, unaltered, and nowhere else.

use crate::support::{COSTS, Shared};
use mpc_backend::seal::{Owner, Passphrase, SealError, SealedStore};
use store::{Store, Write};

const OWNER: Owner = Owner { cluster_id: [7; 32], node: 2 };

fn open_as(below: &Shared, owner: Owner, passphrase: &[u8]) -> Result<SealedStore, SealError> {
    SealedStore::open(Box::new(below.clone()), owner, &Passphrase::from_bytes(passphrase), COSTS)
}

fn open(below: &Shared) -> SealedStore {
    open_as(below, OWNER, b"correct horse battery").unwrap()
}

fn put(table: &'static str, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(value.to_vec()) }
}

#[test]
fn records_come_back_after_reopening_and_are_not_in_the_clear_below() {
    let below = Shared::default();
    open(&below).write(vec![put("shares", b"one", b"a secret share of a key")]).unwrap();
    assert_eq!(open(&below).get("shares", b"one").unwrap().unwrap().as_slice(), b"a secret share of a key");
    let sealed = below.get("shares", b"one").unwrap().unwrap();
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
}

#[test]
fn every_flipped_byte_is_refused_by_the_records_name() {
    let below = Shared::default();
    let store = open(&below);
    store.write(vec![put("shares", &[0xab; 16], b"share")]).unwrap();
    let sealed = below.get("shares", &[0xab; 16]).unwrap().unwrap();
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 0x40;
        below.write(&[put("shares", &[0xab; 16], &altered)]).unwrap();
        let error = store.get("shares", &[0xab; 16]).unwrap_err().to_string();
        assert!(error.contains("record shares/abababababababab…"), "byte {position}: {error}");
    }
    for length in 0..sealed.len() {
        below.write(&[put("shares", &[0xab; 16], &sealed[..length])]).unwrap();
        assert!(store.get("shares", &[0xab; 16]).is_err(), "{length} bytes");
    }
}

#[test]
fn record_moved_to_another_key_table_or_node_is_refused() {
    let below = Shared::default();
    let store = open(&below);
    store.write(vec![put("shares", b"one", b"share")]).unwrap();
    let sealed = below.get("shares", b"one").unwrap().unwrap();
    below.write(&[put("shares", b"two", &sealed), put("other", b"one", &sealed)]).unwrap();
    assert!(matches!(store.get("shares", b"two"), Err(SealError::Record { .. })));
    assert!(matches!(store.get("other", b"one"), Err(SealError::Record { .. })));

    // Another node with the same passphrase and salt, so that only the associated data differ.
    let elsewhere = Shared::default();
    let mut header = below.get("seal", b"header").unwrap().unwrap();
    let moved = Owner { node: 3, ..OWNER };
    header[36] = moved.node;
    let check = below.get("seal", b"check").unwrap().unwrap();
    elsewhere.write(&[put("seal", b"header", &header), put("seal", b"check", &check)]).unwrap();
    assert!(matches!(open_as(&elsewhere, moved, b"correct horse battery"), Err(SealError::Passphrase)));
}

#[test]
fn wrong_passphrase_is_told_apart_from_a_damaged_record() {
    let below = Shared::default();
    open(&below).write(vec![put("shares", b"one", b"share")]).unwrap();
    assert!(matches!(open_as(&below, OWNER, b"wrong horse battery"), Err(SealError::Passphrase)));
}

#[test]
fn store_of_another_node_or_cluster_is_named() {
    let below = Shared::default();
    drop(open(&below));
    let error = open_as(&below, Owner { node: 1, ..OWNER }, b"correct horse battery").err().unwrap();
    assert!(error.to_string().contains("belongs to node 2"), "{error}");
    let other = Owner { cluster_id: [8; 32], ..OWNER };
    assert!(matches!(open_as(&below, other, b"correct horse battery"), Err(SealError::Owner { .. })));
}

#[test]
fn altered_header_never_opens() {
    let below = Shared::default();
    drop(open(&below));
    let header = below.get("seal", b"header").unwrap().unwrap();
    for position in 0..header.len() {
        let mut altered = header.clone();
        altered[position] ^= 1;
        below.write(&[put("seal", b"header", &altered)]).unwrap();
        assert!(open_as(&below, OWNER, b"correct horse battery").is_err(), "byte {position}");
    }
}

#[test]
fn same_value_is_sealed_differently_each_time() {
    let below = Shared::default();
    let store = open(&below);
    store.write(vec![put("t", b"k", b"v")]).unwrap();
    let first = below.get("t", b"k").unwrap().unwrap();
    store.write(vec![put("t", b"k", b"v")]).unwrap();
    assert_ne!(first[4..16], below.get("t", b"k").unwrap().unwrap()[4..16]);
}
