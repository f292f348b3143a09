//! Calls are drawn at random, most of them such as an application would make.

use cryptoki_sys::*;

use super::Caller;
use super::calls::{Call, Into, Kind, Message};
use super::keys::{What, does};
use super::model::Model;
use super::random::Random;

impl Caller<'_> {
    /// The next call.
    pub fn draw(&self, random: &mut Random, model: &Model) -> Call {
        if model.sessions.is_empty() || (model.sessions.len() < 3 && random.one_in(12)) {
            return Call::Open { write: !random.one_in(3) };
        }
        let session = random.below(model.sessions.len() as u64) as usize;
        let label = random.below(3) as u8;
        let known = model.objects.len() as u64;
        let object = match known {
            0 => self.gone,
            _ if random.one_in(6) => self.gone,
            _ => model.objects[random.below(known) as usize].handle,
        };
        match random.below(40) {
            0 => Call::Unknown,
            1 => Call::Close { session },
            2 => Call::Info { session },
            3 => {
                let all = [
                    CKF_SIGN,
                    CKF_DIGEST,
                    CKF_VERIFY,
                    CKF_FIND_OBJECTS,
                    CKF_SIGN | CKF_DIGEST,
                    CKF_ENCRYPT,
                    CKF_DECRYPT,
                    0,
                    CK_FLAGS::MAX,
                ];
                Call::Cancel { session, flags: random.of(&all) }
            }
            4 | 5 => Call::FindInit { session, label },
            6 | 7 => Call::Find { session, most: random.below(3) as usize },
            8 => Call::FindFinal { session },
            // It asks all nodes.
            9 if random.one_in(6) => Call::Generate {
                session,
                modifiable: !random.one_in(4),
                copyable: !random.one_in(4),
                destroyable: !random.one_in(4),
                label,
            },
            9 | 10 => Call::Create {
                session,
                private: random.one_in(3),
                modifiable: !random.one_in(4),
                copyable: !random.one_in(4),
                destroyable: !random.one_in(4),
                label,
            },
            11 => Call::Copy { session, object },
            12 if random.one_in(3) => {
                Call::Destroy { session, object: model.key_at_work(session).unwrap_or(object) }
            }
            12 => Call::Destroy { session, object },
            13 => Call::Label { session, object },
            14 => Call::SetLabel { session, object, label },
            other => self.draw_operation(random, model, session, other),
        }
    }

    fn draw_operation(&self, random: &mut Random, model: &Model, session: usize, choice: u64) -> Call {
        let mut kind = random.of(&Kind::ALL);
        let active: Vec<_> = Kind::ALL.into_iter().filter(|kind| model.is_active(session, *kind)).collect();
        let choice = match choice {
            // Mostly of an operation that is there.
            24.. if active.is_empty() && !random.one_in(4) => 15,
            24.. if !active.is_empty() && !random.one_in(6) => {
                kind = random.of(&active);
                choice
            }
            _ => choice,
        };
        // The functions for parts of some are not there.
        let choice = if choice >= 24 && !kind.has_parts() && !random.one_in(8) { 30 } else { choice };
        match choice {
            15..=23 => {
                let mechanism = (!random.one_in(10)).then(|| mechanism(random, model, kind));
                Call::Init { session, kind, mechanism, key: self.key(random, model, kind, mechanism) }
            }
            24..=29 => {
                let (message, _) = self.ends(random, model, kind);
                Call::Update { session, kind, message }
            }
            30..=34 => {
                let (message, into) = self.ends(random, model, kind);
                Call::Single { session, kind, message, into }
            }
            _ => {
                let (_, into) = self.ends(random, model, kind);
                Call::Final { session, kind, into }
            }
        }
    }

    /// The handle of a key, mostly of one that does it.
    fn key(
        &self,
        random: &mut Random,
        model: &Model,
        kind: Kind,
        mechanism: Option<CK_MECHANISM_TYPE>,
    ) -> usize {
        if random.one_in(10) {
            return self.gone;
        }
        let all = model.keys();
        let does_it = |what: &What| mechanism.is_some_and(|mechanism| does(*what, kind, mechanism) == CKR_OK);
        let good: Vec<usize> =
            all.iter().filter(|(_, what)| does_it(what)).map(|(handle, _)| *handle).collect();
        if let (Kind::Verify, Some(made)) = (kind, model.signatures.last())
            && let Some((handle, _)) = all.iter().find(|(_, what)| *what == What::Public(made.by))
            && !random.one_in(4)
        {
            return *handle;
        }
        match good.is_empty() || random.one_in(12) {
            true => all[random.below(all.len() as u64) as usize].0,
            false => random.of(&good),
        }
    }

    /// A message with a place for the result, or with a signature: one that was made, with its message, or another.
    fn ends(&self, random: &mut Random, model: &Model, kind: Kind) -> (Message, Into) {
        if random.one_in(12) {
            return (message(random), Into::Null);
        }
        if kind == Kind::Verify {
            let made = model.signatures.last().filter(|_| !random.one_in(3));
            return match made {
                Some(made) => (Message::Bytes(made.message.clone()), Into::Signature(made.signature.clone())),
                None => (message(random), Into::Signature(vec![1; random.of(&[64, 64, 63, 0, 256])])),
            };
        }
        // A signature and a plaintext ask the cluster: few of them end well.
        let odds = if matches!(kind, Kind::Sign | Kind::Decrypt) { 6 } else { 2 };
        let into = match random.one_in(odds) {
            true => Into::Room,
            false => {
                [Into::Length, Into::Small].into_iter().nth(random.below(2) as usize).unwrap_or(Into::Room)
            }
        };
        let message = match (kind, model.ciphertexts.last()) {
            (Kind::Decrypt, Some((_, ciphertext))) if !random.one_in(3) => Message::Bytes(ciphertext.clone()),
            _ => message(random),
        };
        (message, into)
    }
}

/// A mechanism for an operation, mostly a right one.
fn mechanism(random: &mut Random, model: &Model, kind: Kind) -> CK_MECHANISM_TYPE {
    if random.one_in(8) {
        let wrong = [CKM_SHA256, CKM_ECDSA, CKM_RSA_PKCS_OAEP, CKM_EC_KEY_PAIR_GEN, CKM_VENDOR_DEFINED];
        return random.of(&wrong);
    }
    match kind {
        Kind::Digest => CKM_SHA256,
        Kind::Verify if !model.signatures.is_empty() && !random.one_in(4) => {
            model.signatures[model.signatures.len() - 1].mechanism
        }
        Kind::Sign | Kind::Verify => random.of(&[CKM_ECDSA, CKM_ECDSA_SHA256, CKM_SHA256_RSA_PKCS]),
        Kind::Encrypt | Kind::Decrypt => CKM_RSA_PKCS_OAEP,
    }
}

fn message(random: &mut Random) -> Message {
    if random.one_in(16) {
        return Message::Null;
    }
    let length = random.of(&[0, 1, 20, 32, 32, 32, 48, 64, 65, 100, 215, 256]);
    Message::Bytes((0..length).map(|_| random.below(256) as u8).collect())
}
