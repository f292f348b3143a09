//! Operations in the model: what starts, keeps and ends one, and what it gives.

use cryptoki_sys::*;
use sha2::{Digest, Sha256};

use super::calls::{Into, Kind, Message, SMALL};
use super::keys::{Pair, What, does};
use super::model::{Checked, Given, Model, expect, same};

/// The active operations of a session.
#[derive(Default)]
pub struct Operations([Option<Operation>; 5]);

/// An active operation.
pub struct Operation {
    mechanism: CK_MECHANISM_TYPE,
    /// The handle of the key, and what it is; of no meaning to a digest.
    key: usize,
    pair: Pair,
    stage: Stage,
    message: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Started,
    /// A single-part call told the length.
    AtOnce,
    InParts,
}

/// A signature that was made.
pub struct Signed {
    /// With whose private half.
    pub by: Pair,
    /// By which mechanism.
    pub mechanism: CK_MECHANISM_TYPE,
    /// What was signed.
    pub message: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
}

impl Signed {
    /// Whether it is as good for another message. ECDSA takes the leftmost bits of a digest, as many as the order has, as a
    /// number (FIPS 186-5, 6.4.1): what follows them, and zeros before it, change nothing.
    fn is_good_for(&self, message: &[u8]) -> bool {
        let number = |message: &[u8]| {
            let leftmost = &message[..message.len().min(32)];
            let zeros = leftmost.iter().take_while(|byte| **byte == 0).count();
            leftmost[zeros..].to_vec()
        };
        match self.mechanism {
            CKM_ECDSA => number(&self.message) == number(message),
            _ => self.message == message,
        }
    }
}

impl Operations {
    /// The place for an operation of a kind.
    pub fn of(&mut self, kind: Kind) -> &mut Option<Operation> {
        &mut self.0[kind as usize]
    }

    /// Whether one is active.
    pub fn is_active(&self, kind: Kind) -> bool {
        self.0[kind as usize].is_some()
    }

    /// The key of the active signature, or else of the decryption.
    pub fn key(&self) -> Option<usize> {
        [Kind::Sign, Kind::Decrypt]
            .into_iter()
            .find_map(|kind| self.0[kind as usize].as_ref())
            .map(|it| it.key)
    }

    /// Ends those that are named.
    pub fn cancel(&mut self, named: impl Fn(CK_FLAGS) -> bool) {
        let flags = [CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT];
        for (operation, flag) in self.0.iter_mut().zip(flags) {
            operation.take_if(|_| named(flag));
        }
    }
}

impl Operation {
    /// What a length query is told.
    fn length(&self, kind: Kind) -> usize {
        match kind {
            Kind::Digest => 32,
            // OAEP with SHA-1.
            Kind::Decrypt => 256 - 42,
            _ if self.pair == Pair::Rsa => 256,
            _ => 64,
        }
    }
}

impl Model {
    /// What an init answers.
    pub(super) fn init(
        &mut self,
        session: usize,
        kind: Kind,
        mechanism: Option<CK_MECHANISM_TYPE>,
        key: usize,
    ) -> CK_RV {
        let what = self.what(key);
        let operation = self.sessions[session].operations.of(kind);
        let Some(mechanism) = mechanism else {
            *operation = None;
            return CKR_OK;
        };
        if operation.is_some() {
            return CKR_OPERATION_ACTIVE;
        }
        let fits = match kind {
            Kind::Digest => mechanism == CKM_SHA256,
            Kind::Sign | Kind::Verify => {
                matches!(mechanism, CKM_ECDSA | CKM_ECDSA_SHA256 | CKM_SHA256_RSA_PKCS)
            }
            Kind::Encrypt | Kind::Decrypt => mechanism == CKM_RSA_PKCS_OAEP,
        };
        if !fits {
            return CKR_MECHANISM_INVALID;
        }
        let pair = match what {
            Some(What::Public(pair) | What::Private(pair)) => pair,
            Some(What::Data) | None => Pair::Ec(0),
        };
        // A digest has no key, whatever the handle that was drawn.
        let answer = match what {
            None if kind != Kind::Digest => CKR_KEY_HANDLE_INVALID,
            _ => does(what.unwrap_or(What::Data), kind, mechanism),
        };
        if answer == CKR_OK {
            *operation = Some(Operation { mechanism, key, pair, stage: Stage::Started, message: Vec::new() });
        }
        answer
    }

    /// The single-part call if there is a message, else the final one.
    pub(super) fn last(
        &mut self,
        session: usize,
        kind: Kind,
        message: Option<&Message>,
        into: &Into,
        rv: CK_RV,
        given: &Given,
    ) -> Checked {
        if message.is_none() && !kind.has_parts() {
            return expect(rv, CKR_FUNCTION_NOT_SUPPORTED);
        }
        let active = self.sessions[session].operations.of(kind);
        if message.is_some_and(|message| matches!(message, Message::Null)) || matches!(into, Into::Null) {
            *active = None;
            return expect(rv, CKR_ARGUMENTS_BAD);
        }
        let Some(operation) = active else { return expect(rv, CKR_OPERATION_NOT_INITIALIZED) };
        match (message, &operation.stage) {
            (Some(_), Stage::InParts) => return expect(rv, CKR_OPERATION_ACTIVE),
            (Some(_), _) => operation.stage = Stage::AtOnce,
            (None, Stage::AtOnce) => {
                *active = None;
                return expect(rv, CKR_OPERATION_ACTIVE);
            }
            (None, _) => operation.stage = Stage::InParts,
        }
        let length = operation.length(kind);
        match into {
            Into::Length => {
                expect(rv, CKR_OK)?;
                return same(&given.number, &length);
            }
            // A plaintext may be short: it is made first.
            Into::Small if kind != Kind::Decrypt => {
                expect(rv, CKR_BUFFER_TOO_SMALL)?;
                return same(&given.number, &length);
            }
            Into::Small | Into::Null | Into::Room | Into::Signature(_) => {}
        }
        let Some(mut operation) = active.take() else { return Ok(()) };
        if let Some(Message::Bytes(bytes)) = message {
            operation.message.extend_from_slice(bytes);
        }
        match (kind, into) {
            (Kind::Digest, _) => {
                expect(rv, CKR_OK)?;
                same(&given.bytes, &Sha256::digest(&operation.message).to_vec())
            }
            (Kind::Sign, _) => self.signed(operation, rv, given),
            (Kind::Verify, Into::Signature(signature)) => self.verified(operation, signature, rv),
            (Kind::Verify, _) => unreachable!("a signature is given to verify"),
            (Kind::Encrypt, _) => self.encrypted(operation, rv, given),
            (Kind::Decrypt, _) => self.decrypted(session, operation, into, rv, given),
        }
    }

    fn signed(&mut self, operation: Operation, rv: CK_RV, given: &Given) -> Checked {
        let length = operation.length(Kind::Sign);
        let Operation { mechanism, key, pair, message, .. } = operation;
        if mechanism == CKM_ECDSA && !(1..=64).contains(&message.len()) {
            return expect(rv, CKR_DATA_LEN_RANGE);
        }
        // Destroyed since the init.
        if self.what(key).is_none() {
            return expect(rv, CKR_KEY_HANDLE_INVALID);
        }
        expect(rv, CKR_OK)?;
        same(&given.bytes.len(), &length)?;
        self.worked = true;
        self.signatures.push(Signed { by: pair, mechanism, message, signature: given.bytes.clone() });
        Ok(())
    }

    /// A public key may be destroyed while it is at work: the operation has what it needs.
    fn verified(&self, operation: Operation, signature: &[u8], rv: CK_RV) -> Checked {
        let length = operation.length(Kind::Verify);
        let Operation { mechanism, pair, message, .. } = operation;
        if mechanism == CKM_ECDSA && !(1..=64).contains(&message.len()) {
            return expect(rv, CKR_DATA_LEN_RANGE);
        }
        if signature.len() != length {
            return expect(rv, CKR_SIGNATURE_LEN_RANGE);
        }
        let good = self.signatures.iter().any(|made| {
            (made.by, made.mechanism, &made.signature[..]) == (pair, mechanism, signature)
                && made.is_good_for(&message)
        });
        expect(rv, if good { CKR_OK } else { CKR_SIGNATURE_INVALID })
    }

    fn encrypted(&mut self, operation: Operation, rv: CK_RV, given: &Given) -> Checked {
        if operation.message.len() > operation.length(Kind::Decrypt) {
            return expect(rv, CKR_DATA_LEN_RANGE);
        }
        expect(rv, CKR_OK)?;
        same(&given.bytes.len(), &256)?;
        self.ciphertexts.push((operation.message, given.bytes.clone()));
        Ok(())
    }

    fn decrypted(
        &mut self,
        session: usize,
        mut operation: Operation,
        into: &Into,
        rv: CK_RV,
        given: &Given,
    ) -> Checked {
        let ciphertext = std::mem::take(&mut operation.message);
        if ciphertext.len() != 256 {
            return expect(rv, CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
        if self.what(operation.key).is_none() {
            return expect(rv, CKR_KEY_HANDLE_INVALID);
        }
        let known = self.ciphertexts.iter().find(|(_, known)| *known == ciphertext);
        let Some((plaintext, _)) = known else { return expect(rv, CKR_ENCRYPTED_DATA_INVALID) };
        if matches!(into, Into::Small) && plaintext.len() > SMALL {
            expect(rv, CKR_BUFFER_TOO_SMALL)?;
            same(&given.number, &plaintext.len())?;
            *self.sessions[session].operations.of(Kind::Decrypt) = Some(operation);
            return Ok(());
        }
        expect(rv, CKR_OK)?;
        same(&given.bytes, plaintext)?;
        self.worked = true;
        Ok(())
    }
}

/// What an update answers.
pub fn update(active: &mut Option<Operation>, message: &Message) -> CK_RV {
    let Message::Bytes(bytes) = message else {
        *active = None;
        return CKR_ARGUMENTS_BAD;
    };
    let Some(operation) = active else { return CKR_OPERATION_NOT_INITIALIZED };
    if operation.stage == Stage::AtOnce {
        *active = None;
        return CKR_OPERATION_ACTIVE;
    }
    operation.stage = Stage::InParts;
    operation.message.extend_from_slice(bytes);
    if operation.mechanism == CKM_ECDSA && operation.message.len() > 64 {
        *active = None;
        return CKR_DATA_LEN_RANGE;
    }
    CKR_OK
}
