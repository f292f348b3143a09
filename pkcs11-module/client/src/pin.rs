//! From a PIN to a login key (design 0012).
//!
//! T nodes evaluate the blinded PIN under an OPRF key of their own for this token, role and PIN
//! version; the output yields an Ed25519 key whose public half the registry holds. Each node's part
//! carries a proof towards the key's birth certificate, so that a lying node is never mistaken for
//! a wrong PIN.

use std::ops::RangeInclusive;

use curve25519_dalek::RistrettoPoint;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use prost::Message;
use proto::client::v1::GenerateRequest;
use proto::limits::FORMAT;
use proto::registry::v1::{BirthStatement, Login as WireLogin, Purpose};
use proto::statement;
use rand_core::OsRng;
use sha2::Sha256;
use threshold::oprf::{Blinded, CombineError, Evaluation, OUTPUT_BYTES, blind};
use threshold::party::{PartyIndex, Threshold};
use threshold::secret::Secret;
use threshold::sharing::Commitments;
use token::backend::{BackendError, BackendResult, PinState, Role, TokenId};
use zeroize::Zeroizing;

use crate::birth::{self, Birth, CURVE_RISTRETTO255};
use crate::call::{Setback, Terms, wrong_kind};
use crate::connect::Answer;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::login::wire_role;
use crate::tries::{self, TRIES, oprf_reply};

/// One PIN version of a role: what the login key and the OPRF key are bound to.
#[derive(Clone, Copy)]
pub(crate) struct PinVersion {
    pub(crate) token: TokenId,
    pub(crate) role: Role,
    pub(crate) version: u64,
}

/// What a PIN yields. Wiped.
pub(crate) struct PinKeys {
    /// Kept as long as the process is logged in.
    pub(crate) login: SigningKey,
    /// For one use of a key with `CKA_ALWAYS_AUTHENTICATE`, and not kept.
    pub(crate) consent: SigningKey,
}

impl Core {
    /// The keys that `pin` yields under a registered login; `PinIncorrect` unless they are the
    /// registered ones.
    pub(crate) fn login_key(
        &self,
        of: PinVersion,
        registered: &WireLogin,
        pin: &[u8],
        deadline: Deadline,
    ) -> BackendResult<PinKeys> {
        if !PIN_BYTES.contains(&pin.len()) {
            return Err(BackendError::PinIncorrect);
        }
        let birth = birth::verify(&self.manifest, registered.oprf.as_ref(), self.threshold())
            .and_then(|birth| of.check(&birth).map(|()| birth))
            .map_err(|fault| BackendError::Internal(format!("login of token {}: {fault}", of.token)))?;
        let keys = self.evaluate(of, &birth, pin, deadline)?;
        // Both are public keys: the comparison tells no more than its answer.
        if keys.login.verifying_key().as_bytes().as_slice() == registered.login_key {
            Ok(keys)
        } else {
            Err(BackendError::PinIncorrect)
        }
    }

    /// How many tries a login has left: `None` unless T nodes say.
    pub(crate) fn pin_state(&self, login: &WireLogin, deadline: Deadline) -> Option<PinState> {
        let statement = login.oprf.as_ref()?.statement.as_slice();
        let key_id = BirthStatement::decode(statement).ok()?.key_id;
        let terms = Terms { token: None, min_registry_index: 0, repeatable: true, deadline };
        let usable = self.standing(&key_id, terms)?.usable;
        Some(PinState { count_low: usable < TRIES, final_try: usable == 1, locked: usable == 0 })
    }

    /// A new OPRF key of all nodes for `of`, and the login that `pin` yields under it.
    pub(crate) fn new_login(
        &self,
        of: PinVersion,
        pin: &[u8],
        deadline: Deadline,
    ) -> BackendResult<(WireLogin, SigningKey)> {
        if !PIN_BYTES.contains(&pin.len()) {
            return Err(BackendError::PinLenRange);
        }
        let request = GenerateRequest {
            purpose: Purpose::LoginOprf.into(),
            token_id: of.token.0.to_vec(),
            key_id: Vec::new(),
            curve: CURVE_RISTRETTO255.into(),
            attributes_hash: Vec::new(),
            role: wire_role(of.role).into(),
            pin_version: of.version,
            attributes: Vec::new(),
        };
        let birth = self.generate(request, None, deadline, &mut Vec::new())?;
        of.check(&birth.0).map_err(|fault| BackendError::Internal(fault.to_string()))?;
        let keys = self.evaluate(of, &birth.0, pin, deadline)?;
        let [login_key, consent_key] =
            [&keys.login, &keys.consent].map(|key| key.verifying_key().to_bytes().to_vec());
        Ok((WireLogin { version: of.version, login_key, oprf: Some(birth.1), consent_key }, keys.login))
    }

    /// Blinds the PIN, has T nodes evaluate it and derives the keys.
    fn evaluate(
        &self,
        of: PinVersion,
        birth: &Birth,
        pin: &[u8],
        deadline: Deadline,
    ) -> BackendResult<PinKeys> {
        let statement = birth.statement();
        let internal = |error: &dyn std::fmt::Display| BackendError::Internal(error.to_string());
        let parties = self.manifest.nodes.len() as u8;
        let threshold = Threshold::new(self.manifest.threshold, parties).map_err(|error| internal(&error))?;
        let commitments = Commitments::<RistrettoPoint>::decode(&statement.commitments, threshold)
            .map_err(|error| internal(&error))?;
        let context = statement::oprf_context(&self.cluster_id, &statement.key_id);
        let (blinded, element) = blind(pin, &mut OsRng).map_err(|error| internal(&error))?;
        let credulous = tries::credulous(deadline);
        let output = self.with_quorum(self.threshold(), deadline, |set, attempt| {
            let terms = Terms {
                token: None,
                min_registry_index: self.read_floor(),
                repeatable: true,
                deadline: attempt,
            };
            let answers = self.take_try(set, &statement.key_id, &element, credulous, terms)?;
            combine(&blinded, answers, &commitments, &context)
        })?;
        Ok(of.derive(&self.cluster_id, &output))
    }
}

fn combine(
    blinded: &Blinded,
    answers: Vec<(u8, Answer)>,
    commitments: &Commitments<RistrettoPoint>,
    context: &[u8; 32],
) -> Result<Secret<[u8; OUTPUT_BYTES]>, Setback> {
    let mut evaluations = Vec::with_capacity(answers.len());
    for (node, answer) in answers {
        let reply = oprf_reply(node, answer)?;
        let (Some(party), Ok(element), Ok(proof)) =
            (PartyIndex::new(node), reply.evaluated.try_into(), reply.proof.try_into())
        else {
            return Err(wrong_kind(node));
        };
        evaluations.push((party, Evaluation { element, proof }));
    }
    blinded.combine(&evaluations, commitments, context).map_err(|error| match error {
        CombineError::Fault(fault) => match fault.culprit {
            Some(culprit) => {
                Setback::Nodes(vec![(culprit.get(), NodeFailure::Misbehaved(fault.to_string()))])
            }
            None => Setback::Set,
        },
        CombineError::Misuse(misuse) => Setback::Final(BackendError::Internal(misuse.to_string())),
    })
}

impl PinVersion {
    /// Demands that the OPRF key was born for exactly this version.
    fn check(&self, birth: &Birth) -> Result<(), birth::BirthFault> {
        let statement = birth.statement();
        birth.is_for(Purpose::LoginOprf, &self.token.0, &statement.key_id)?;
        let same = statement.role() == wire_role(self.role)
            && statement.pin_version == self.version
            && statement.format == FORMAT;
        if same { Ok(()) } else { Err(birth::BirthFault::OtherKey) }
    }

    /// The keys of an OPRF output. Cluster, token, role and version are in them, so that none serves elsewhere.
    fn derive(&self, cluster_id: &[u8; 32], output: &Secret<[u8; OUTPUT_BYTES]>) -> PinKeys {
        let role = (wire_role(self.role) as u32).to_be_bytes();
        let expanded = Hkdf::<Sha256>::new(None, output.expose());
        let key = |label: &[u8]| {
            let info: [&[u8]; 5] = [label, cluster_id, &self.token.0, &role, &self.version.to_be_bytes()];
            let mut seed = Zeroizing::new([0; 32]);
            expanded
                .expand_multi_info(&info, seed.as_mut_slice())
                .expect("32 bytes are far below the limit of HKDF");
            SigningKey::from_bytes(&seed)
        };
        PinKeys { login: key(LOGIN_KEY_LABEL), consent: key(CONSENT_KEY_LABEL) }
    }
}

/// Length of a PIN in bytes.
pub(crate) const PIN_BYTES: RangeInclusive<usize> = 4..=255;
const LOGIN_KEY_LABEL: &[u8] = b"counterfoil/login-key/v1";
const CONSENT_KEY_LABEL: &[u8] = b"counterfoil/consent-key/v1";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const OF: PinVersion = PinVersion { token: TokenId([5; 16]), role: Role::User, version: 3 };

    fn derived(of: PinVersion, cluster: u8, output: u8) -> [u8; 32] {
        let keys = of.derive(&[cluster; 32], &Secret::new([output; OUTPUT_BYTES]));
        assert_ne!(keys.login.to_bytes(), keys.consent.to_bytes());
        keys.login.to_bytes()
    }

    /// Whoever changes this value locks out every user of every token.
    #[test]
    fn login_key_derivation_stays_as_it_is() {
        assert_eq!(
            hex::encode(derived(OF, 1, 2)),
            "82fe9ee477f9d5ed903f7c73f331372eafb0b124fea2adc49d697c77d8fcac92"
        );
    }

    #[test]
    fn login_keys_of_other_places_differ() {
        let all = [
            derived(OF, 1, 2),
            derived(OF, 2, 2),
            derived(OF, 1, 3),
            derived(PinVersion { version: 4, ..OF }, 1, 2),
            derived(PinVersion { role: Role::SecurityOfficer, ..OF }, 1, 2),
            derived(PinVersion { token: TokenId([6; 16]), ..OF }, 1, 2),
        ];
        let distinct: std::collections::BTreeSet<[u8; 32]> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
