//! Every field of every message, by taking messages apart.
//!
//! A message type is destructured without `..`, so a field that is added to it does not compile until
//! it has a line here; a test compares the fields, joined, with the message byte for byte.

use alloc::vec::Vec;

use elliptic_curve::ff::PrimeField;

use crate::codec::Writer;
use crate::ecdsa::PartialSignature;
use crate::ecdsa::mul::Reply;
use crate::ecdsa::ot::extension::ExtensionMessage;
use crate::ecdsa::presign::round1_commit::{Announcement, CommitmentMessage};
use crate::ecdsa::presign::round2_open::{Opening, OpeningMessage};
use crate::frost::binding::Commitment;
use crate::frost::session::CommitMessage;
use crate::frost::{self, Schnorr};
use crate::group::{Curve, Point};
use crate::oprf::{ELEMENT_BYTES, Evaluation};

/// What a field holds, and so how it can be lied about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number of the round.
    Round,
    /// A position.
    Party,
    /// A hash, nonce, id or row of bits: any value is well formed.
    Opaque,
    /// An integer mod the group order.
    Scalar,
    /// A group element.
    Point,
}

/// One field of one message. Repeated fields of a message have one name.
#[derive(Clone, Debug)]
pub struct Field {
    /// As the specification calls it.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The fields of a message, front to back.
#[derive(Default)]
pub(crate) struct Fields(Vec<Field>);

impl Fields {
    pub(crate) fn of_round(round: u8) -> Self {
        let mut fields = Self::default();
        fields.push("round", Kind::Round, &[round]);
        fields
    }

    pub(crate) fn push(&mut self, name: &'static str, kind: Kind, bytes: &[u8]) -> &mut Self {
        self.0.push(Field { name, kind, bytes: bytes.to_vec() });
        self
    }

    pub(crate) fn opaque(&mut self, name: &'static str, bytes: &[u8]) -> &mut Self {
        self.push(name, Kind::Opaque, bytes)
    }

    fn scalar<C: Curve>(&mut self, name: &'static str, scalar: &C::Scalar) -> &mut Self {
        self.push(name, Kind::Scalar, scalar.to_repr().as_ref())
    }

    fn point<C: Curve>(&mut self, name: &'static str, point: &C::Point) -> &mut Self {
        let mut writer = Writer::default();
        writer.point::<C>(point);
        self.push(name, Kind::Point, &writer.finish())
    }

    pub(crate) fn finish(self) -> Vec<Field> {
        self.0
    }
}

/// Of a presigning's message of either round.
pub fn of_presign<C: Curve>(message: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Fields::of_round(*message.first()?);
    if let Ok(first) = CommitmentMessage::decode(message, C::XI) {
        let CommitmentMessage { binding, announcement, extension } = first;
        let Announcement { nonce, commitment } = announcement;
        let ExtensionMessage { number, corrections, choice_hash, tag } = extension;
        fields.opaque("bind", &binding).opaque("nonce", &nonce).opaque("com", &commitment);
        fields.opaque("ext", &number.to_be_bytes()).opaque("u", &corrections);
        fields.opaque("x^", &choice_hash).opaque("htag", &tag);
        return Some(fields.finish());
    }
    let OpeningMessage { opening, reply, gammas, mask_difference } =
        OpeningMessage::<C>::decode(message).ok()?;
    let Opening { nonce_point, salt, key_point, view } = opening;
    let Reply { masked, sums, check } = reply;
    fields.point::<C>("R", &nonce_point).opaque("salt", &salt);
    fields.point::<C>("pk", &key_point).opaque("T1", &view);
    for (value, name) in masked.iter().zip(["a~^u", "a~^v", "a~ of the check"].into_iter().cycle()) {
        fields.scalar::<C>(name, value);
    }
    sums.iter().for_each(|sum| {
        fields.scalar::<C>("eta", sum);
    });
    fields.opaque("mu", &check);
    for (gamma, name) in gammas.iter().zip(["Gamma^u", "Gamma^v"]) {
        fields.point::<C>(name, gamma);
    }
    fields.scalar::<C>("psi", mask_difference.expose());
    Some(fields.finish())
}

/// Of a signer's answer.
pub fn of_answer<C: Curve>(message: &[u8]) -> Option<Vec<Field>> {
    let PartialSignature { presignature, nonce_point, context, u, w } =
        PartialSignature::<C>::decode(message).ok()?;
    let mut fields = Fields::default();
    fields.opaque("T2", &presignature).point::<C>("R", &nonce_point).opaque("ctx", &context);
    fields.scalar::<C>("u", &u).scalar::<C>("w", &w);
    Some(fields.finish())
}

/// Of a message with commitments to nonces.
pub fn of_nonces<S: Schnorr>(message: &[u8]) -> Option<Vec<Field>> {
    let CommitMessage { binding, commitment } = CommitMessage::<S>::decode(message).ok()?;
    let Commitment { hiding, binding: second } = commitment;
    let mut fields = Fields::of_round(*message.first()?);
    fields.opaque("bind", &binding);
    fields.push("D", Kind::Point, &hiding.encode()).push("E", Kind::Point, &second.encode());
    Some(fields.finish())
}

/// Of a signer's answer in FROST.
pub fn of_frost_answer<S: Schnorr>(message: &[u8]) -> Option<Vec<Field>> {
    let frost::PartialSignature { presignature, context, nonce, commitments, response } =
        frost::PartialSignature::<S>::decode(message).ok()?;
    let mut fields = Fields::default();
    // An x-coordinate alone is no point to lie with.
    let kind = if S::NONCE_BYTES == S::POINT_BYTES { Kind::Point } else { Kind::Opaque };
    fields.opaque("id", &presignature).opaque("ctx", &context).push("R", kind, &nonce);
    for (point, name) in commitments.chunks(S::POINT_BYTES).zip(["D", "E"].into_iter().cycle()) {
        fields.push(name, Kind::Point, point);
    }
    fields.push("z", Kind::Scalar, response.to_repr().as_ref());
    Some(fields.finish())
}

/// Of a node's answer to a key agreement on a curve.
pub fn of_agreement<C: Curve>(message: &[u8]) -> Option<Vec<Field>> {
    let (answer, proof) = message.split_at_checked(C::POINT_BYTES)?;
    let (challenge, response) = proof.split_at_checked(C::SCALAR_BYTES)?;
    let mut fields = Fields::default();
    fields.push("R", Kind::Point, answer);
    fields.push("c", Kind::Scalar, challenge).push("z", Kind::Scalar, response);
    Some(fields.finish())
}

/// Of a node's evaluation.
pub fn of_evaluation(evaluation: &Evaluation) -> Vec<Field> {
    let Evaluation { element, proof } = evaluation;
    let (challenge, response) = proof.split_at(ELEMENT_BYTES);
    let mut fields = Fields::default();
    fields.push("Z", Kind::Point, element);
    fields.push("c", Kind::Scalar, challenge).push("s", Kind::Scalar, response);
    fields.finish()
}

/// The generator in its encoding: a point that is valid and not the one sent.
pub fn generator<C: Curve>() -> Vec<u8> {
    C::Point::generator().encode()
}
