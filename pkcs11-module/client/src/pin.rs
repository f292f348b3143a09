//! From a PIN to a login key (design 0012).
//!
//! T nodes evaluate the blinded PIN under an OPRF key of their own for this token, role and PIN
//! version; the output yields an Ed25519 key whose public half the registry holds. Each node's part
//! carries a proof towards the key's birth certificate, so that a lying node is never mistaken for
//! a wrong PIN.

use curve25519_dalek::RistrettoPoint;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use prost::Message;
use proto::client::v1::{Code, GenerateRequest, OprfRequest, request, response};
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
        let usable = self.usable_tries(&key_id, terms)?;
        Some(PinState { count_low: usable < TRIES, final_try: usable == 1, locked: usable == 0 })
    }

    /// How many tries a quorum can serve, whatever T - 1 of the nodes claim: `None` unless T nodes say what they have.
    fn usable_tries(&self, key_id: &[u8], terms: Terms) -> Option<u32> {
        let nodes = self.manifest.nodes.iter().map(|node| node.index);
        let said = self.ask(nodes.map(|node| (node, which_are_free(key_id))).collect(), terms);
        let answers = said.into_iter().filter_map(|(node, answer)| Some((node, answer.ok()?)));
        let free: Vec<u32> = answers.filter_map(|(node, answer)| free_tries(node, answer).ok()).collect();
        let at_a_quorum =
            |bit: &u32| free.iter().filter(|free| *free & (1 << bit) != 0).count() >= self.threshold();
        (free.len() >= self.threshold()).then(|| (0..TRIES).filter(at_a_quorum).count() as u32)
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
        let output = self.with_quorum(self.threshold(), deadline, |set, attempt| {
            let terms = Terms {
                token: None,
                min_registry_index: self.read_floor(),
                repeatable: true,
                deadline: attempt,
            };
            let answers = self.take_try(set, &statement.key_id, &element, terms)?;
            combine(&blinded, answers, &commitments, &context)
        })?;
        Ok(of.derive(&self.cluster_id, &output))
    }

    /// Has each node of the set evaluate under one try that all of them still have.
    ///
    /// One after the other in ascending order: of processes that want the same try, the one that gets it at the lowest
    /// node meets no other at the next, so that no try is lost between two of them.
    fn take_try(
        &self,
        set: &[u8],
        key_id: &[u8],
        blinded: &[u8],
        terms: Terms,
    ) -> Result<Vec<(u8, Answer)>, Setback> {
        let mut nodes = set.to_vec();
        nodes.sort_unstable();
        let (mut try_number, mut lost, mut rounds) = (1, 0, 0);
        let mut answers = Vec::with_capacity(nodes.len());
        while let Some(node) = nodes.get(answers.len()).copied() {
            if answers.is_empty() {
                try_number = self.free_try(&nodes, key_id, terms)?;
            }
            let (key_id, blinded) = (key_id.to_vec(), blinded.to_vec());
            let request = request::Op::Oprf(OprfRequest { key_id, blinded, try_number, only_ask: false });
            match Self::all_answered(self.ask(vec![(node, request)], terms)) {
                Ok(answer) => answers.extend(answer),
                Err(Setback::Nodes(failures)) if is_taken(&failures) => {
                    // The nodes before it have given this try for nothing. A liar could have all of them given so.
                    lost += usize::from(!answers.is_empty());
                    rounds += 1;
                    if lost > TRIES_LOST_MAX || rounds > ROUNDS_MAX {
                        let liar =
                            NodeFailure::Misbehaved("does not give the tries that it says are free".into());
                        return Err(Setback::Nodes(vec![(node, liar)]));
                    }
                    answers.clear();
                }
                Err(setback) => return Err(setback),
            }
        }
        Ok(answers)
    }

    /// The first try that all of these nodes say is free.
    fn free_try(&self, nodes: &[u8], key_id: &[u8], terms: Terms) -> Result<u32, Setback> {
        let said = self.ask(nodes.iter().map(|node| (*node, which_are_free(key_id))).collect(), terms);
        let mut common = u32::MAX;
        for (node, answer) in Self::all_answered(said)? {
            common &= free_tries(node, answer)?;
        }
        match common.trailing_zeros() {
            bit if bit < TRIES => Ok(bit + 1),
            _ if self.usable_tries(key_id, terms) == Some(0) => Err(Setback::Final(BackendError::PinLocked)),
            _ => Err(Setback::Set),
        }
    }
}

/// Asks a node which tries it has left.
fn which_are_free(key_id: &[u8]) -> request::Op {
    request::Op::Oprf(OprfRequest { key_id: key_id.to_vec(), only_ask: true, ..OprfRequest::default() })
}

/// What a node says to [`which_are_free`]: bit k - 1 is set if try k is free.
fn free_tries(node: u8, answer: Answer) -> Result<u32, Setback> {
    match answer.result {
        response::Result::Oprf(reply) => Ok(reply.free_tries),
        _ => Err(wrong_kind(node)),
    }
}

/// Whether another attempt has the try that this one wanted, or the last one.
fn is_taken(failures: &[(u8, NodeFailure)]) -> bool {
    failures.iter().any(|(_, failure)| matches!(failure.code(), Some(Code::Conflict | Code::PinLocked)))
}

fn combine(
    blinded: &Blinded,
    answers: Vec<(u8, Answer)>,
    commitments: &Commitments<RistrettoPoint>,
    context: &[u8; 32],
) -> Result<Secret<[u8; OUTPUT_BYTES]>, Setback> {
    let mut evaluations = Vec::with_capacity(answers.len());
    for (node, answer) in answers {
        let response::Result::Oprf(reply) = answer.result else { return Err(wrong_kind(node)) };
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

/// How many tries a role has until it logs in, as the nodes count them.
const TRIES: u32 = 10;
/// How many tries a node may cost that says a try is free and does not give it: two other processes at most.
const TRIES_LOST_MAX: usize = 2;
/// How often other processes may be faster at the first node.
const ROUNDS_MAX: usize = 16;
/// Length of a PIN in bytes.
pub(crate) const PIN_BYTES: std::ops::RangeInclusive<usize> = 4..=255;
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
