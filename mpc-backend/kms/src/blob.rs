//! The ciphertext of a symmetric key: commit, evaluate at T nodes, encrypt here.
//!
//! DiSE (Agrawal, Mohassel, Mukherjee, Rindal, ePrint 2018/727, section 6): the plaintext m and a random r
//! are committed to, the key's function is evaluated at an input that holds the commitment, and (m, r) is
//! encrypted under the value. An input is never evaluated for two messages, so the nonce of the AEAD may be
//! fixed; and a value opens only what it was made for, because the commitment is checked again.
//!
//! ```text
//! version 1 | key id 16 | parts, see client::kms::Parts | AEAD of (m, r)
//! ```
//!
//! The encryption context is part of the input by its hash, which the nodes make of what the client says;
//! it does not stand in the blob. A data key that nobody has seen has no ciphertext: it is the value.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use proto::kms::v1::Kind;
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Kind as Fault, Refusal};
use crate::keys::{Context, Key, Keys, Parts};

/// A blob, taken apart and not yet believed.
pub struct Blob {
    /// The object of the key that it says it was made with.
    pub key_id: [u8; 16],
    parts: Parts,
    /// Everything before the ciphertext.
    head: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Encrypts under a symmetric key.
///
/// # Errors
/// What the cluster says.
pub fn encrypt(
    keys: &dyn Keys,
    key: &Key,
    kind: Kind,
    operation: &str,
    context: &Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, Refusal> {
    // Of the kernel alone, unlike a data key: it hides the plaintext from the nodes, which a node's bytes do not from
    // that node, and asking one is a second round trip.
    let mut opening = Zeroizing::new([0; OPENING_BYTES]);
    OsRng
        .try_fill_bytes(opening.as_mut_slice())
        .map_err(|error| Refusal::new(Fault::Internal, format!("kernel randomness: {error}")))?;
    let commitment = commitment(&opening, plaintext);
    let (parts, value) = keys.encrypt_key(key, kind, operation, context, commitment)?;
    let mut blob = head(&key.object.id.0, &parts);
    let inner = Zeroizing::new([plaintext, opening.as_slice()].concat());
    let sealed = aead(&value)
        .encrypt(&Nonce::default(), Payload { msg: &inner, aad: &blob })
        .map_err(|_| Refusal::new(Fault::Internal, "the plaintext is too long"))?;
    blob.extend(sealed);
    Ok(blob)
}

/// The blob of a data key of so many bytes that nobody has seen.
///
/// # Errors
/// What the cluster says.
pub fn seal(
    keys: &dyn Keys,
    key: &Key,
    operation: &str,
    context: &Context,
    bytes: u16,
) -> Result<Vec<u8>, Refusal> {
    // Nothing is committed to yet; the place says how long the key is, and the nodes sign it.
    let mut length = [0; 32];
    length.iter_mut().zip(bytes.to_be_bytes()).for_each(|(to, from)| *to = from);
    Ok(head(&key.object.id.0, &keys.seal(key, operation, context, length)?))
}

impl Blob {
    /// Takes a blob apart.
    ///
    /// # Errors
    /// `InvalidCiphertextException` for anything that is no blob.
    pub fn parse(blob: &[u8]) -> Result<Self, Refusal> {
        Self::take_apart(blob).ok_or_else(invalid)
    }

    fn take_apart(blob: &[u8]) -> Option<Self> {
        let rest = blob.strip_prefix(&[VERSION])?;
        let (key_id, rest) = rest.split_first_chunk::<16>()?;
        let (parts, ciphertext) = Parts::decode(rest)?;
        let head = head(key_id, &parts);
        let whole = (parts.kind() == Kind::Sealed) == ciphertext.is_empty() && blob.starts_with(&head);
        whole.then(|| Self { key_id: *key_id, ciphertext: ciphertext.to_vec(), parts, head })
    }

    /// What kind of thing was encrypted.
    pub fn kind(&self) -> Kind {
        self.parts.kind()
    }

    /// Which material of the key it was made with, from 1.
    pub fn material(&self) -> u32 {
        self.parts.version()
    }

    /// The plaintext.
    ///
    /// # Errors
    /// `InvalidCiphertextException` for a damaged blob and a wrong context alike; what the cluster says.
    pub fn open(
        &self,
        keys: &dyn Keys,
        key: &Key,
        operation: &str,
        context: &Context,
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        // Others may have made new material since the key was read.
        let newer = match key.material(self.parts.version()) {
            Some(_) => None,
            None => keys.find(&key.id(), true)?,
        };
        let key = newer.as_ref().unwrap_or(key);
        if key.material(self.parts.version()).is_none() {
            return Err(invalid());
        }
        let value = keys.decrypt_key(key, &self.parts, operation, context).map_err(|refusal| {
            // The nodes do not take the input: it is none that they helped to make.
            if refusal.kind == Fault::Validation { invalid() } else { refusal }
        })?;
        if self.kind() == Kind::Sealed {
            let [high, low, ..] = self.parts.commitment();
            let mut data_key = Zeroizing::new(vec![0; usize::from(u16::from_be_bytes([high, low]))]);
            expand(&value, DATA_KEY_LABEL, &mut data_key);
            return Ok(data_key);
        }
        let payload = Payload { msg: &self.ciphertext, aad: &self.head };
        let inner = aead(&value).decrypt(&Nonce::default(), payload).map_err(|_| invalid())?;
        let inner = Zeroizing::new(inner);
        let (plaintext, opening) = inner.split_last_chunk::<OPENING_BYTES>().ok_or_else(invalid)?;
        if commitment(opening, plaintext) != self.parts.commitment() {
            return Err(invalid());
        }
        Ok(Zeroizing::new(plaintext.to_vec()))
    }
}

/// What a wrong blob, and a wrong context, gets.
pub fn invalid() -> Refusal {
    Refusal::new(Fault::InvalidCiphertext, "the ciphertext or the encryption context is wrong")
}

fn head(key_id: &[u8; 16], parts: &Parts) -> Vec<u8> {
    let mut head = vec![VERSION];
    head.extend(key_id);
    head.extend(parts.encode());
    head
}

fn commitment(opening: &[u8; OPENING_BYTES], plaintext: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(COMMITMENT_LABEL).chain_update(opening).chain_update(plaintext).finalize().into()
}

fn aead(value: &[u8; 32]) -> Aes256Gcm {
    let mut key = Zeroizing::new([0; 32]);
    expand(value, AEAD_LABEL, key.as_mut_slice());
    Aes256Gcm::new(key.as_slice().into())
}

/// At most 1024 bytes are asked for, and HKDF gives 8160; a length from a blob that no honest agent made
/// fills what it can.
fn expand(value: &[u8; 32], label: &[u8], out: &mut [u8]) {
    let length = out.len().min(255 * 32);
    let room = out.get_mut(..length).unwrap_or_default();
    Hkdf::<Sha256>::new(None, value).expand(label, room).expect("the length is what HKDF can give");
}

/// Of the form of a blob.
const VERSION: u8 = 1;
const OPENING_BYTES: usize = 32;
const COMMITMENT_LABEL: &[u8] = b"counterfoil/kms/commitment/v1";
const AEAD_LABEL: &[u8] = b"counterfoil/kms/aead/v1";
const DATA_KEY_LABEL: &[u8] = b"counterfoil/kms/data-key/v1";
