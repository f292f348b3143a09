//! What can go wrong, and who is named for it.
//!
//! A [`Fault`] is this party's own conclusion about a peer on an authenticated channel. It is not
//! a proof for others: the accuser may be the liar.

mod checks;

pub use self::checks::Checks;
pub(crate) use self::checks::verdict;
use crate::party::PartyIndex;

/// A check that failed. One variant for each numbered check of the specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// Length, range or canonical form of an authenticated message.
    #[error("message is malformed")]
    Malformed,

    /// ecdsa 3.0: the hello names another cluster, epoch, pair or boot id than ours.
    #[error("pair set-up is for another context")]
    SetupContext,
    /// ecdsa 3.1: the base-OT sender's point is the identity.
    #[error("base-OT sender point is the identity")]
    SenderPoint,
    /// ecdsa 3.2: leaves and their digest disagree.
    #[error("tree check failed")]
    Tree,
    /// ecdsa 3.4: the two sides ended with different transcripts.
    #[error("pair set-up confirmation differs")]
    SetupConfirm,

    /// ecdsa 3: the pair set-up is dead, gone or was replaced while the session ran.
    #[error("pair set-up is dead or was replaced")]
    PairDead,
    /// ecdsa 6, round 2, 0: a first message was made in another session or under another pair set-up.
    #[error("message belongs to another session or pair set-up")]
    OtherPair,
    /// ecdsa 4: an extension number that was accepted before.
    #[error("OT extension number was used before")]
    ExtensionReplay,
    /// ecdsa 4: an extension number too far behind to tell whether it was accepted before.
    #[error("OT extension number is too old")]
    ExtensionTooOld,
    /// ecdsa 4: rows and their tag disagree.
    #[error("OT extension check failed")]
    Extension,
    /// ecdsa 6, output 1: the signers saw different first rounds.
    #[error("signers saw different first rounds")]
    ViewsDiffer,
    /// ecdsa 6, output 2: a nonce or key point is the identity.
    #[error("point is the identity")]
    IdentityPoint,
    /// ecdsa 6, output 2: the opened nonce point is not the committed one.
    #[error("nonce commitment does not open")]
    Commitment,
    /// ecdsa 5: the multiplication reply is not consistent.
    #[error("multiplication check failed")]
    Multiplication,
    /// ecdsa 6, output 4: another nonce share was multiplied than the one in the nonce point.
    #[error("nonce share differs from its point")]
    NonceInput,
    /// ecdsa 6, output 5: another key share was multiplied than the one in the key point.
    #[error("key share differs from its point")]
    KeyInput,
    /// ecdsa 6, output 6: the key points do not sum to the public key.
    #[error("key points do not sum to the public key")]
    PublicKeySum,
    /// ecdsa 6, output 6, and 7: the nonce point is the identity, or its x-coordinate zero.
    #[error("nonce point is unusable")]
    NoncePoint,

    /// ecdsa 7: answers differ in presignature, nonce point or context, or are not one a signer.
    #[error("answers do not belong together")]
    AnswersDiffer,
    /// ecdsa 7: the masks sum to zero.
    #[error("inversion mask sums to zero")]
    ZeroMask,
    /// ecdsa 7: the signature does not verify under the public key.
    #[error("signature does not verify")]
    FinalVerification,

    /// frost 3.3: a signer's answer is not its share of the signature.
    #[error("answer is not a share of the signature")]
    SignatureShare,

    /// dkg 1.2: the peer generates under another context (session, key, threshold, purpose).
    #[error("key generation is for another context")]
    KeygenContext,
    /// dkg 2.2: the parties saw different commitments.
    #[error("parties saw different key generation commitments")]
    KeygenCommitments,
    /// dkg 2.3: the opened package is not the committed one.
    #[error("key generation commitment does not open")]
    KeygenOpening,
    /// dkg 2.5: no proof of possession of the constant term.
    #[error("proof of possession is not valid")]
    ProofOfPossession,
    /// dkg 3.2: the parties saw different packages.
    #[error("parties saw different key generation packages")]
    KeygenPackages,
    /// dkg 3.4: the share is not on the committed polynomial.
    #[error("share does not match its commitments")]
    SecretShare,
    /// dkg 2.6: a coefficient of the summed polynomial is zero.
    #[error("generated key has a coefficient that is zero")]
    KeygenZero,
    /// dkg 3.5: this party's share of the key is zero.
    #[error("generated share is zero")]
    ZeroShare,
    /// dkg 4.2: the parties ended with different transcripts.
    #[error("parties ended key generation differently")]
    KeygenTranscript,
    /// dkg 4.3: the confirmed verification share is not on the summed polynomial.
    #[error("verification share does not match the commitments")]
    VerificationShare,

    /// replicated 1.2: the peer sets up keys under another context.
    #[error("set-up of replicated keys is for another context")]
    SharingContext,
    /// replicated 2.2: the parties saw different commitments.
    #[error("parties saw different commitments to replicated keys")]
    SharingCommitments,
    /// replicated 2.3: the opened contribution is not the committed one.
    #[error("commitment to a replicated key does not open")]
    SharingOpening,
    /// replicated 3.2: the peer has another key than this party.
    #[error("replicated key is confirmed wrongly")]
    SharingConfirm,
    /// replicated 4.2: the parties saw different messages.
    #[error("parties saw different messages of a session")]
    SharingView,
    /// replicated 5.2: the copy of a piece differs from this party's (and 7.2).
    #[error("copy of a piece differs from ours")]
    SharingCopy,
    /// replicated 5.3: copies of a piece that this party does not hold differ (and 7.3).
    #[error("copies of a piece differ")]
    SharingCopies,
    /// replicated 6.4: an opened product is not that of its factors.
    #[error("opened product is wrong")]
    SharingProduct,
    /// replicated 7.4: the part of a product is not what the pieces give.
    #[error("part of a product is wrong")]
    SharingPart,

    /// rsa 2.2: a dealt piece does not match its public value.
    #[error("piece of the private exponent does not match its value")]
    RsaShare,
    /// rsa 2.3: the public values are not of the inverse of e.
    #[error("public values do not belong to the key")]
    RsaValues,
    /// rsa 4.2: the partials do not multiply to the result.
    #[error("result does not verify with the public key")]
    RsaResult,
    /// rsa 5.2: the partial was not made with the party's pieces.
    #[error("proof of a partial is not valid")]
    RsaProof,

    /// rsa-generation 2.1: a candidate has not the size and form that it was made with, or a small factor.
    #[error("candidate modulus has not the form that it was made with")]
    RsaCandidate,
    /// rsa-generation 4.2: a power was not made with the party's pieces (and 5.2).
    #[error("power in a test is wrong")]
    RsaPower,
    /// rsa-generation 5.3: the candidate that passed one test is no product of two primes.
    #[error("modulus is no product of two primes")]
    RsaBiprime,
    /// rsa-generation 7.1: the opened exponent is no multiple of e.
    #[error("opened exponent is not divisible by e")]
    RsaExponent,
    /// rsa-generation 8.1: a public value differs from this party's.
    #[error("public value of a piece is wrong")]
    RsaValue,
    /// rsa-generation 8.2: the public values are not of the inverse of e.
    #[error("new exponent is not the inverse of e")]
    RsaInverse,

    /// oprf 3.2: the answer was not made with the node's share.
    #[error("evaluation proof is not valid")]
    OprfProof,

    /// import 2.4: the share that the client dealt is not on the committed polynomial.
    #[error("dealt share does not match its commitments")]
    DealtShare,

    /// ecdh 3.2: the quorum's verification shares do not combine to the public key.
    #[error("verification shares do not combine to the public key")]
    EcdhKey,
    /// ecdh 3.4: the answer was not made with the node's share, or for another request.
    #[error("proof of a key agreement's answer is not valid")]
    EcdhProof,
}

/// What a failed check costs (ecdsa specification, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The session ends and its secrets are gone; the pair lives.
    SessionEnds,
    /// The session ends and the culprit is quarantined towards this party; the pair set-up lives.
    Quarantine,
    /// Both directions of the pair are dead, with all its sessions and presignatures.
    PairDead,
}

impl Rule {
    /// What a violation costs.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Malformed
            | Self::SetupContext
            | Self::SenderPoint
            | Self::SetupConfirm
            | Self::PairDead
            | Self::OtherPair
            | Self::ExtensionReplay
            | Self::ExtensionTooOld
            | Self::ViewsDiffer
            | Self::IdentityPoint
            | Self::PublicKeySum
            | Self::NoncePoint
            | Self::AnswersDiffer
            | Self::ZeroMask
            | Self::FinalVerification
            | Self::SignatureShare
            | Self::KeygenContext
            | Self::KeygenCommitments
            | Self::KeygenPackages
            | Self::KeygenZero
            | Self::ZeroShare
            | Self::KeygenTranscript
            | Self::SharingContext
            | Self::SharingCommitments
            | Self::SharingView
            | Self::SharingCopies
            | Self::SharingProduct
            | Self::RsaShare
            | Self::RsaValues
            | Self::RsaResult
            | Self::RsaProof
            | Self::RsaCandidate
            | Self::RsaBiprime
            | Self::RsaExponent
            | Self::RsaInverse
            | Self::DealtShare
            | Self::EcdhKey
            | Self::EcdhProof
            | Self::OprfProof => Severity::SessionEnds,
            Self::Commitment
            | Self::SharingOpening
            | Self::SharingConfirm
            | Self::SharingCopy
            | Self::SharingPart
            | Self::RsaPower
            | Self::RsaValue
            | Self::KeygenOpening
            | Self::ProofOfPossession
            | Self::SecretShare
            | Self::VerificationShare => Severity::Quarantine,
            Self::Tree | Self::Extension | Self::Multiplication | Self::NonceInput | Self::KeyInput => {
                Severity::PairDead
            }
        }
    }

    /// Whether the party whose value failed the check is certainly at fault.
    pub const fn names_culprit(self) -> bool {
        match self {
            Self::Malformed
            | Self::SenderPoint
            | Self::Tree
            | Self::ExtensionReplay
            | Self::Extension
            | Self::IdentityPoint
            | Self::Commitment
            | Self::Multiplication
            | Self::NonceInput
            | Self::KeyInput
            | Self::SignatureShare
            | Self::KeygenOpening
            | Self::ProofOfPossession
            | Self::SecretShare
            | Self::VerificationShare
            | Self::SharingOpening
            | Self::SharingConfirm
            | Self::SharingCopy
            | Self::SharingPart
            | Self::RsaProof
            | Self::RsaPower
            | Self::RsaValue
            | Self::EcdhProof
            | Self::OprfProof => true,
            Self::SetupContext
            | Self::SetupConfirm
            | Self::PairDead
            | Self::OtherPair
            | Self::ExtensionTooOld
            | Self::ViewsDiffer
            | Self::PublicKeySum
            | Self::NoncePoint
            | Self::AnswersDiffer
            | Self::ZeroMask
            | Self::FinalVerification
            | Self::KeygenContext
            | Self::KeygenCommitments
            | Self::KeygenPackages
            | Self::KeygenZero
            | Self::ZeroShare
            | Self::KeygenTranscript
            | Self::SharingContext
            | Self::SharingCommitments
            | Self::SharingView
            | Self::SharingCopies
            | Self::SharingProduct
            | Self::RsaShare
            | Self::RsaValues
            | Self::RsaResult
            | Self::RsaCandidate
            | Self::RsaBiprime
            | Self::RsaExponent
            | Self::RsaInverse
            | Self::DealtShare
            | Self::EcdhKey => false,
        }
    }
}

/// A failed check and whom it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct Fault {
    /// The party at fault; `None` where the check can name nobody.
    pub culprit: Option<PartyIndex>,
    /// The check.
    pub rule: Rule,
}

impl Fault {
    /// `rule` failed on a value of `party`, who is named if the rule allows it.
    pub const fn of(party: PartyIndex, rule: Rule) -> Self {
        let culprit = if rule.names_culprit() { Some(party) } else { None };
        Self { culprit, rule }
    }

    /// `rule` failed on values of several parties; nobody is named.
    pub const fn of_nobody(rule: Rule) -> Self {
        Self { culprit: None, rule }
    }
}

/// A mistake of the caller; no peer is involved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Fewer than two needed, or more needed than there are.
    #[error("threshold must be between 2 and the number of parties")]
    Threshold,
    /// No members, repeated members, or not the number that the threshold asks for.
    #[error("signer set is empty, repeats a party or has the wrong size")]
    SignerSet,
    /// This party is not in the signer set.
    #[error("this party is not in the signer set")]
    NotASigner,
    /// No live pair set-up with this party.
    #[error("no live pair set-up with party {0}")]
    NoPair(PartyIndex),
    /// The witness is a signer, or no party.
    #[error("the witness is in the signer set, or no party")]
    Witness,
    /// Boot ids do not belong to the signer set, or a pair was made by other processes.
    #[error("boot ids do not match the signer set or its pairs")]
    BootIds,
    /// The request is for another presignature, key, epoch, signer set or client.
    #[error("request does not match the presignature")]
    WrongPresignature,
    /// A size of RSA keys that is not offered.
    #[error("RSA modulus must have 2048, 3072 or 4096 bits")]
    KeySize,
    /// No prime.
    #[error("public exponent must be a prime")]
    Exponent,
    /// The block is of another key.
    #[error("block does not belong to the key")]
    Block,
    /// The stored share or public key of a key is not in canonical form.
    #[error("stored share or public key is not canonical")]
    StoredKey,
    /// The peer's public key is not in the group of the key, or is its identity.
    #[error("peer's public key is no usable element of the group")]
    PeerPoint,
    /// The message is too long, or its variant is none of the scheme.
    #[error("message or its variant does not fit the scheme")]
    Message,
    /// The digest is longer than any hash of the mechanisms.
    #[error("digest is too long")]
    DigestTooLong,
}

/// Either family of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The caller's mistake.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// A failed check.
    #[error(transparent)]
    Fault(#[from] Fault),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rules_that_cannot_blame_name_nobody() {
        let party = PartyIndex::new(2).unwrap();
        assert_eq!(Fault::of(party, Rule::ViewsDiffer).culprit, None);
        assert_eq!(Fault::of(party, Rule::Extension).culprit, Some(party));
    }

    #[test]
    fn a_dead_pair_always_has_a_named_culprit() {
        for rule in [Rule::Tree, Rule::Extension, Rule::Multiplication, Rule::NonceInput, Rule::KeyInput] {
            assert_eq!(rule.severity(), Severity::PairDead);
            assert!(rule.names_culprit());
        }
    }
}
