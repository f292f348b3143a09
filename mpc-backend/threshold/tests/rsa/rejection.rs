//! PKCS#1 v1.5 decryption: right messages come out, and wrong padding gives a message that stays the same and says nothing.

use super::*;
use threshold::rsa::encode::rejection::decode;

/// A padded message, encrypted by the public key alone.
fn encrypt(dealt: &Dealt, block: &[u8]) -> Vec<u8> {
    let modulus = arith::modulus::Modulus::new(dealt.public.n()).unwrap();
    modulus.residue(block).unwrap().power(dealt.public.e().to_be_bytes()).to_be_bytes().to_vec()
}

fn decrypt(dealt: &Dealt, ciphertext: &[u8], set: &SignerSet) -> Vec<u8> {
    let block = dealt.result(&Block::ciphertext(&dealt.public, ciphertext).unwrap(), set);
    let root = dealt.result(&Block::rejection(&dealt.public, ciphertext).unwrap(), set);
    decode(&dealt.public, ciphertext, &block, &root).to_vec()
}

fn padded(message: &[u8]) -> Vec<u8> {
    let filler = vec![0x5a; 256 - 3 - message.len()];
    [&[0, 2], filler.as_slice(), &[0], message].concat()
}

#[test]
fn messages_of_every_length_come_out_of_every_quorum() {
    let dealt = Dealt::new(key(), 2);
    for length in [0, 1, 16, 48, 244, 245] {
        let message = vec![7; length];
        let ciphertext = encrypt(&dealt, &padded(&message));
        for set in dealt.quorums() {
            assert_eq!(decrypt(&dealt, &ciphertext, &set), message);
        }
    }
}

#[test]
fn wrong_padding_gives_the_same_message_from_every_quorum_and_another_for_every_ciphertext() {
    let dealt = Dealt::new(key(), 2);
    let good = padded(b"sixteen bytes of");
    let changed = |at: usize, byte: u8| {
        let mut block = good.clone();
        block[at] = byte;
        block
    };
    let mut unseparated = vec![0x5a; 256];
    unseparated[..2].copy_from_slice(&[0, 2]);
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for block in [changed(0, 1), changed(1, 1), changed(1, 3), changed(2, 0), changed(9, 0), unseparated] {
        let ciphertext = encrypt(&dealt, &block);
        let [first, rest @ ..] = &dealt.quorums()[..] else { panic!("quorums") };
        let message = decrypt(&dealt, &ciphertext, first);
        assert!(rest.iter().all(|set| decrypt(&dealt, &ciphertext, set) == message));
        assert!(message.len() <= 245);
        assert!(message.is_empty() || !seen.contains(&message));
        seen.push(message);
    }
    // Eight bytes of padding are enough.
    assert_eq!(decrypt(&dealt, &encrypt(&dealt, &changed(10, 0)), &dealt.quorums()[0]), good[11..]);
}

/// The lengths that rejection makes are those of all messages: none is more likely than another by much.
#[test]
fn lengths_of_rejected_messages_are_spread() {
    let dealt = Dealt::new(key(), 2);
    let mut quarters = [0; 4];
    for number in 0..400_u32 {
        let root = [&number.to_be_bytes()[..], &[1; 252]].concat();
        let message = decode(&dealt.public, &[3; 256], &[1; 256], &root);
        quarters[(message.len() * 4 / 246).min(3)] += 1;
    }
    assert!(quarters.iter().all(|count| (50..150).contains(count)), "{quarters:?}");
}

/// A party that answers with anything but its part is found out before there is a message.
#[test]
fn a_changed_part_of_the_root_is_no_oracle() {
    let dealt = Dealt::new(key(), 2);
    let ciphertext = encrypt(&dealt, &padded(b"message"));
    let block = Block::rejection(&dealt.public, &ciphertext).unwrap();
    let set = &dealt.quorums()[0];
    let mut partials = dealt.partials(&block, set);
    let mut lie = partials[0].1.as_bytes().to_vec();
    lie[100] ^= 1;
    partials[0].1 = Partial::from_bytes(&lie);
    let combined = combine(&dealt.public, &block, set, &partials, Checks::all());
    assert!(matches!(combined, Err(Error::Fault(fault)) if fault.rule == Rule::RsaResult));
    // It belongs to its ciphertext and key, and is no ciphertext that is out of range.
    let mut other = ciphertext.clone();
    other[200] ^= 1;
    assert_ne!(Block::rejection(&dealt.public, &other).unwrap(), block);
    assert!(Block::rejection(&dealt.public, &[0; 256]).is_err());
    assert!(Block::rejection(&dealt.public, &[0xff; 256]).is_err());
    assert!(Block::rejection(&dealt.public, &ciphertext[1..]).is_err());
}
