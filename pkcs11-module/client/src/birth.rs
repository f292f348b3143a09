//! Birth certificates: what nodes signed of a key when they generated it.
//!
//! No public key is believed without one (design 3a): T signatures of manifest keys include an
//! honest node's, and an honest node signs only what it took part in.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use prost::Message;
use proto::limits::FORMAT;
use proto::manifest::Manifest;
use proto::registry::v1::{BirthCertificate, BirthStatement, Purpose};
use proto::statement;
use threshold::dprf;
use threshold::rsa;
use threshold::rsa::generate::Wanted;
use threshold::signing::{PublicKey, SigningCurve};

use crate::public_point::PublicPoint;
use crate::record::curve_of;

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BirthFault {
    #[error("there is no birth certificate")]
    Missing,
    #[error("the birth statement does not decode")]
    Malformed,
    #[error("the birth statement has another format")]
    Format,
    #[error("the birth certificate is of another cluster")]
    Cluster,
    #[error("a signature of the birth certificate is not by a node of the manifest, repeats one or is wrong")]
    Signature,
    #[error("too few nodes signed the birth certificate")]
    TooFew,
    #[error("the commitments do not belong to the public key")]
    Commitments,
    #[error("the birth certificate is for another key, purpose or token")]
    OtherKey,
}

/// A birth statement whose signatures hold. Made by [`verify`] only.
pub(crate) struct Birth {
    statement: BirthStatement,
    point: PublicPoint,
    rsa_key: OnceLock<Option<rsa::PublicKey>>,
}

impl fmt::Debug for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Birth").field("statement", &self.statement).finish_non_exhaustive()
    }
}

impl Birth {
    /// What was signed.
    pub(crate) fn statement(&self) -> &BirthStatement {
        &self.statement
    }

    /// The curve of a signing key.
    pub(crate) fn curve(&self) -> Option<SigningCurve> {
        SigningCurve::of_name(&self.statement.curve)
    }

    /// The public half of a signing key.
    pub(crate) fn public_key(&self) -> Option<&PublicKey> {
        self.point.get(self.curve()?, &self.statement.public_key)
    }

    /// The public half of an RSA key, if it is of the size and exponent that the statement names.
    pub(crate) fn rsa_key(&self) -> Option<&rsa::PublicKey> {
        let wanted = Wanted::of_name(&self.statement.curve)?;
        let decode = || rsa::PublicKey::decode(&self.statement.public_key).ok().filter(|key| wanted.is(key));
        self.rsa_key.get_or_init(decode).as_ref()
    }

    /// Demands that the key was born for this purpose and token, under this id.
    pub(crate) fn is_for(&self, purpose: Purpose, token: &[u8; 16], key: &[u8]) -> Result<(), BirthFault> {
        let statement = &self.statement;
        let is_known = match purpose {
            Purpose::SigningKey => {
                curve_of(statement).is_some() || self.rsa_key().is_some() || statement.curve == dprf::NAME
            }
            _ => statement.curve == CURVE_RISTRETTO255,
        };
        let same = statement.purpose() == purpose
            && statement.token_id == token
            && statement.key_id == key
            && is_known;
        if same { Ok(()) } else { Err(BirthFault::OtherKey) }
    }
}

/// Checks every signature of a certificate, of which there must be at least `signers_min`.
pub(crate) fn verify(
    manifest: &Manifest,
    certificate: Option<&BirthCertificate>,
    signers_min: usize,
) -> Result<Birth, BirthFault> {
    let certificate = certificate.ok_or(BirthFault::Missing)?;
    let signed = statement::birth(&certificate.statement);
    let mut signers = BTreeSet::new();
    for signature in &certificate.signatures {
        let index = u8::try_from(signature.node).map_err(|_| BirthFault::Signature)?;
        let node = manifest.node(index).ok_or(BirthFault::Signature)?;
        if !signers.insert(index) || !signed.verify(&node.key, &signature.signature) {
            return Err(BirthFault::Signature);
        }
    }
    if signers.len() < signers_min {
        return Err(BirthFault::TooFew);
    }
    let statement =
        BirthStatement::decode(certificate.statement.as_slice()).map_err(|_| BirthFault::Malformed)?;
    if statement.format != FORMAT {
        return Err(BirthFault::Format);
    }
    if statement.cluster_id != manifest.cluster_id() {
        return Err(BirthFault::Cluster);
    }
    let commitments = &statement.commitments;
    let fit = if Wanted::of_name(&statement.curve).is_some() {
        commitments.len() == 1 && commitments.iter().all(|digest| digest.len() == 32)
    } else {
        commitments.len() == usize::from(manifest.threshold)
            && commitments.first() == Some(&statement.public_key)
    };
    if !fit {
        return Err(BirthFault::Commitments);
    }
    Ok(Birth { statement, point: PublicPoint::default(), rsa_key: OnceLock::new() })
}

/// Group of OPRF keys, as a statement spells it.
pub(crate) const CURVE_RISTRETTO255: &str = "ristretto255";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::Trio;

    fn check(trio: &Trio, certificate: &BirthCertificate) -> Result<Birth, BirthFault> {
        verify(&trio.manifest, Some(certificate), 2)
    }

    #[test]
    fn certificate_of_t_nodes_is_believed_for_its_own_key_only() {
        let trio = Trio::new();
        let certificate = trio.certify(&trio.statement([5; 16], [6; 16]), &[1, 3]);
        let birth = check(&trio, &certificate).unwrap();
        assert_eq!(birth.is_for(Purpose::SigningKey, &[5; 16], &[6; 16]), Ok(()));
        assert_eq!(birth.is_for(Purpose::SigningKey, &[5; 16], &[7; 16]), Err(BirthFault::OtherKey));
        assert_eq!(birth.is_for(Purpose::LoginOprf, &[5; 16], &[6; 16]), Err(BirthFault::OtherKey));
    }

    #[test]
    fn forged_certificates_are_refused() {
        let trio = Trio::new();
        let honest = trio.statement([5; 16], [6; 16]);
        let good = trio.certify(&honest, &[1, 2]);
        let refused = |certificate: BirthCertificate| check(&trio, &certificate).unwrap_err();
        assert_eq!(refused(trio.certify(&honest, &[1])), BirthFault::TooFew);
        assert_eq!(refused(trio.certify(&honest, &[1, 1])), BirthFault::Signature);
        let mut other = good.clone();
        other.statement.push(0);
        assert_eq!(refused(other), BirthFault::Signature);
        let mut swapped = good.clone();
        swapped.signatures[1].node = 3;
        assert_eq!(refused(swapped), BirthFault::Signature);
        let elsewhere = BirthStatement { cluster_id: vec![0; 32], ..honest.clone() };
        assert_eq!(refused(trio.certify(&elsewhere, &[1, 2])), BirthFault::Cluster);
        let shifted = BirthStatement { public_key: vec![3; 33], ..honest.clone() };
        assert_eq!(refused(trio.certify(&shifted, &[1, 2])), BirthFault::Commitments);
        assert_eq!(verify(&trio.manifest, None, 2).unwrap_err(), BirthFault::Missing);
    }
}
