//! What every quorum makes, and what OpenSSL says of it.

use super::*;
use threshold::rsa::KeyError;
use threshold::rsa::encode::oaep::Oaep;

fn name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "sha1",
        Hash::Sha224 => "sha224",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}

fn digest_of(hash: Hash) -> Vec<u8> {
    hash.digest(&[b"counterfoil"]).to_vec()
}

fn padding(mode: &str, more: &[String]) -> Vec<String> {
    [&[format!("rsa_padding_mode:{mode}")], more].concat()
}

#[test]
fn every_quorum_signs_as_openssl_does() {
    for needed in [2, 3] {
        let dealt = Dealt::new(key(), needed);
        let digest = digest_of(Hash::Sha256);
        let theirs = key().sign(&digest, &padding("pkcs1", &[String::from("digest:sha256")]));
        let block = Block::pkcs1(&dealt.public, Hash::Sha256, &digest).unwrap();
        for set in dealt.quorums() {
            assert_eq!(dealt.result(&block, &set), theirs);
        }
    }
}

#[test]
fn the_larger_sizes_sign_as_openssl_does() {
    for bits in [3072, 4096] {
        let key = OpensslKey::generate(bits);
        let dealt = Dealt::new(&key, 2);
        let digest = digest_of(Hash::Sha384);
        let theirs = key.sign(&digest, &padding("pkcs1", &[String::from("digest:sha384")]));
        let block = Block::pkcs1(&dealt.public, Hash::Sha384, &digest).unwrap();
        for set in dealt.quorums() {
            assert_eq!(dealt.result(&block, &set), theirs, "{bits} bits");
        }
    }
}

#[test]
fn keys_of_long_exponents_sign_as_openssl_does() {
    // 2^64 - 59, 2^64 + 13 and 2^256 - 189 are prime.
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639747";
    for exponent in ["18446744073709551557", "18446744073709551629", largest] {
        let key = OpensslKey::with_exponent(2048, exponent);
        let dealt = Dealt::new(&key, 2);
        assert!(dealt.public.e() == key.e && key.e.is_prime());
        let digest = digest_of(Hash::Sha256);
        let theirs = key.sign(&digest, &padding("pkcs1", &[String::from("digest:sha256")]));
        let block = Block::pkcs1(&dealt.public, Hash::Sha256, &digest).unwrap();
        for set in dealt.quorums() {
            assert_eq!(dealt.result(&block, &set), theirs, "{exponent}");
        }
        let private = PrivateKey { exponent: &key.d, primes: None };
        let without_primes = split(&dealt.public, &private, &dealt.layout, &mut rng(1));
        let is_long = key.e.to_be_bytes().len() > 8;
        assert_eq!(without_primes.err(), is_long.then_some(KeyError::PrimesMissing));
    }
}

#[test]
fn every_hash_signs_as_openssl_does() {
    let dealt = Dealt::new(key(), 2);
    let set = &dealt.quorums()[0];
    for hash in Hash::ALL {
        let digest = digest_of(hash);
        let theirs = key().sign(&digest, &padding("pkcs1", &[format!("digest:{}", name(hash))]));
        let block = Block::pkcs1(&dealt.public, hash, &digest).unwrap();
        assert_eq!(dealt.result(&block, set), theirs, "{hash:?}");
    }
    // Data of the caller, without DigestInfo.
    let theirs = key().sign(b"any data", &padding("pkcs1", &[]));
    assert_eq!(dealt.result(&Block::pkcs1_data(&dealt.public, b"any data").unwrap(), set), theirs);
    let mut raw = [0x77; 256];
    raw[0] = 0;
    let theirs = key().decrypt(&raw, &padding("none", &[]));
    assert_eq!(dealt.result(&Block::raw(&dealt.public, &raw).unwrap(), set), theirs);
}

#[test]
fn pss_signatures_with_all_parameters_are_accepted_by_openssl() {
    let dealt = Dealt::new(key(), 2);
    let quorums = dealt.quorums();
    let hashes = Hash::ALL.into_iter().map(|hash| (hash, hash, hash.bytes()));
    let others = [
        (Hash::Sha256, Hash::Sha1, 20),
        (Hash::Sha1, Hash::Sha512, 0),
        (Hash::Sha512, Hash::Sha256, 1),
        // As long as fits: 256 - 32 - 2.
        (Hash::Sha256, Hash::Sha256, 222),
    ];
    for ((hash, mask, salt_bytes), set) in hashes.chain(others).zip(quorums.iter().cycle()) {
        let (digest, salt) = (digest_of(hash), vec![0x5a; salt_bytes]);
        let block = Block::pss(&dealt.public, hash, mask, &salt, &digest).unwrap();
        let signature = dealt.result(&block, set);
        let options = |salt_bytes: usize| {
            let more = [
                format!("digest:{}", name(hash)),
                format!("rsa_mgf1_md:{}", name(mask)),
                format!("rsa_pss_saltlen:{salt_bytes}"),
            ];
            padding("pss", &more)
        };
        assert!(key().accepts(&digest, &signature, &options(salt_bytes)), "{hash:?} {mask:?} {salt_bytes}");
        assert!(!key().accepts(&digest, &signature, &options(salt_bytes + 1)));
    }
}

#[test]
fn every_quorum_decrypts_what_openssl_encrypts() {
    for needed in [2, 3] {
        let dealt = Dealt::new(key(), needed);
        let cases = [
            (Hash::Sha1, Hash::Sha1, &b""[..], &b"a plaintext"[..]),
            (Hash::Sha256, Hash::Sha256, b"label", b""),
            (Hash::Sha256, Hash::Sha1, b"", &[0; 190]),
            (Hash::Sha512, Hash::Sha384, b"another label", &[1; 126]),
        ];
        for ((hash, mask, label, message), set) in cases.into_iter().zip(dealt.quorums().iter().cycle()) {
            let oaep = Oaep { hash, mask, label };
            let mut more = vec![format!("rsa_oaep_md:{}", name(hash)), format!("rsa_mgf1_md:{}", name(mask))];
            if !label.is_empty() {
                more.push(format!("rsa_oaep_label:{}", hex::encode(label)));
            }
            let options = padding("oaep", &more);
            let theirs = key().encrypt(message, &options);
            let block = Block::ciphertext(&dealt.public, &theirs).unwrap();
            let padded = dealt.result(&block, set);
            assert_eq!(oaep.decode(&padded).unwrap().as_slice(), message);
            let ours = oaep.encrypt(&dealt.public, message, &vec![0x42; hash.bytes()]).unwrap();
            assert_eq!(key().decrypt(&ours, &options), message);
        }
        // A ciphertext that a cheater made of another shows no difference to noise.
        let mut changed = key().encrypt(b"x", &padding("oaep", &[]));
        // The first byte keeps it below the modulus, the last is another one for certain.
        changed[0] = 0;
        changed[255] ^= 1;
        let block = Block::ciphertext(&dealt.public, &changed).unwrap();
        let oaep = Oaep { hash: Hash::Sha1, mask: Hash::Sha1, label: b"" };
        assert!(oaep.decode(&dealt.result(&block, &dealt.quorums()[0])).is_none());
    }
}

/// A share survives being stored, and two splits of a key have nothing in common.
#[test]
fn shares_are_stored_and_splits_do_not_mix() {
    let dealt = Dealt::new(key(), 2);
    let set = &dealt.quorums()[0];
    let block = Block::pkcs1_data(&dealt.public, b"data").unwrap();
    for (party, share) in dealt.layout.threshold().all().iter().zip(&dealt.shares) {
        let again = KeyShare::decode(&dealt.public, &dealt.layout, party, &share.encode()).unwrap();
        if set.contains(party) {
            let [one, two] = [share, &again].map(|one| one.partial(&dealt.public, &block, set).unwrap());
            assert_eq!(one.as_bytes(), two.as_bytes());
        }
    }
    let private = PrivateKey { exponent: &key().d, primes: None };
    let (others, values) = split(&dealt.public, &private, &dealt.layout, &mut rng(2)).unwrap();
    assert_ne!(values.digest(&dealt.public), dealt.values.digest(&dealt.public));
    let first = set.iter().next().unwrap();
    let mut mixed = dealt.partials(&block, set);
    let other = &others[usize::from(first.get()) - 1];
    mixed[0].1 = other.partial(&dealt.public, &block, set).unwrap();
    let failed = combine(&dealt.public, &block, set, &mixed, Checks::all());
    assert_eq!(failed.err(), Some(Fault::of_nobody(Rule::RsaResult).into()));
}
