//! The form of blocks, and what is no block.

use super::*;
use threshold::rsa::encode::oaep::Oaep;
use threshold::rsa::encode::{EncodeError, PKCS1_OVERHEAD_BYTES};

fn public() -> PublicKey {
    PublicKey::new(&key().n, key().e).unwrap()
}

#[test]
fn encodings_have_the_form_of_the_standard() {
    let public = public();
    let block = Block::pkcs1(&public, Hash::Sha256, &[7; 32]).unwrap();
    let tail = hex::decode("003031300d060960864801650304020105000420").unwrap();
    let expected = [&[0, 1][..], &[0xff; 256 - 2 - 20 - 32], &tail, &[7; 32]].concat();
    assert_eq!(block.as_bytes(), expected);
    // The longest data has eight bytes of padding.
    let block = Block::pkcs1_data(&public, &[9; 256 - PKCS1_OVERHEAD_BYTES]).unwrap();
    assert_eq!(block.as_bytes()[..12], [0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 0, 9]);
    let block = Block::pss(&public, Hash::Sha256, Hash::Sha256, &[3; 222], &[7; 32]).unwrap();
    let bytes = block.as_bytes();
    assert!(bytes[0] < 0x80 && bytes.len() == 256 && bytes[255] == 0xbc);
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let public = public();
    for hash in Hash::ALL {
        for length in [0, hash.bytes() - 1, hash.bytes() + 1] {
            let digest = vec![0; length];
            assert_eq!(Block::pkcs1(&public, hash, &digest), Err(EncodeError::Digest));
            assert_eq!(Block::pss(&public, hash, hash, &[], &digest), Err(EncodeError::Digest));
        }
    }
    assert_eq!(Block::pkcs1_data(&public, &[0; 246]), Err(EncodeError::TooLong));
    assert_eq!(Block::pkcs1_data(&public, &[0; 1000]), Err(EncodeError::TooLong));
    let pss = |salt: &[u8]| Block::pss(&public, Hash::Sha256, Hash::Sha256, salt, &[7; 32]);
    assert!(pss(&[0; 222]).is_ok());
    assert_eq!(pss(&[0; 223]), Err(EncodeError::TooLong));
    for length in [0, 1, 255, 257, 1000] {
        assert_eq!(Block::ciphertext(&public, &vec![0; length]), Err(EncodeError::Length));
    }
    assert_eq!(Block::ciphertext(&public, &[0xff; 256]), Err(EncodeError::Range));
    assert_eq!(Block::ciphertext(&public, &[0; 256]), Err(EncodeError::Range));
    assert_eq!(Block::raw(&public, public.n()), Err(EncodeError::Range));
    let oaep = Oaep { hash: Hash::Sha256, mask: Hash::Sha256, label: b"" };
    assert!(oaep.encrypt(&public, &[0; 190], &[0; 32]).is_ok());
    assert_eq!(oaep.encrypt(&public, &[0; 191], &[0; 32]), Err(EncodeError::TooLong));
    assert_eq!(oaep.encrypt(&public, &[], &[0; 31]), Err(EncodeError::Digest));
}

/// A padded plaintext as decryption gives it.
fn padded(oaep: &Oaep<'_>, message: &[u8]) -> Vec<u8> {
    let label = oaep.hash.digest(&[oaep.label]);
    let mut data = [&label, vec![0; 256 - 2 - 2 * label.len() - message.len()].as_slice()].concat();
    data.push(1);
    data.extend_from_slice(message);
    masked(oaep, &data)
}

/// MGF1 of RFC 8017, B.2.1.
fn mask(hash: Hash, seed: &[u8], output: &mut [u8]) {
    let blocks = (0_u32..).map(|counter| hash.digest(&[seed, &counter.to_be_bytes()]).to_vec());
    output.iter_mut().zip(blocks.flatten()).for_each(|(byte, mask)| *byte ^= mask);
}

fn masked(oaep: &Oaep<'_>, data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let mut seed = vec![0x33; oaep.hash.bytes()];
    mask(oaep.mask, &seed, &mut data);
    mask(oaep.mask, &data, &mut seed);
    [&[0], seed.as_slice(), &data].concat()
}

#[test]
fn oaep_refuses_every_changed_byte_and_other_parameters() {
    let oaep = Oaep { hash: Hash::Sha256, mask: Hash::Sha1, label: b"label" };
    let good = padded(&oaep, b"message");
    let decoded = |oaep: &Oaep<'_>, block: &[u8]| oaep.decode(block).map(|message| message.to_vec());
    assert_eq!(decoded(&oaep, &good).unwrap(), b"message");
    // Every byte of the block goes into the seed, and the seed into everything, but for the last bytes
    // of the message, which are the message's: those are changed with it.
    for position in 0..good.len() {
        let mut changed = good.clone();
        changed[position] ^= 0x10;
        assert_eq!(decoded(&oaep, &changed), None, "byte {position}");
    }
    for other in [
        Oaep { hash: Hash::Sha1, ..oaep },
        Oaep { mask: Hash::Sha256, ..oaep },
        Oaep { label: b"", ..oaep },
        Oaep { label: b"Label", ..oaep },
    ] {
        assert_eq!(decoded(&other, &good), None);
    }
    let mut first = good.clone();
    first[0] = 1;
    for bad in [&[][..], &[0], &good[..33], &good[..255], &first] {
        assert_eq!(decoded(&oaep, bad), None);
    }
    // No separator, and a separator that is another byte.
    let label = oaep.hash.digest(&[b"label"]);
    for rest in [[0; 191], [2; 191]] {
        assert_eq!(decoded(&oaep, &masked(&oaep, &[&label, rest.as_slice()].concat())), None);
    }
    let mut two = [0; 191];
    (two[3], two[4]) = (2, 1);
    assert_eq!(decoded(&oaep, &masked(&oaep, &[&label, two.as_slice()].concat())), None);
    // The shortest and the longest message.
    let mut empty = [0; 191];
    empty[190] = 1;
    assert_eq!(decoded(&oaep, &masked(&oaep, &[&label, empty.as_slice()].concat())).unwrap(), b"");
    let mut full = [8; 191];
    full[0] = 1;
    assert_eq!(decoded(&oaep, &masked(&oaep, &[&label, full.as_slice()].concat())).unwrap(), [8; 190]);
}
