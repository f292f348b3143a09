//! An RSA key of 512 bits, which only test builds know, made by OpenSSL for these tests and split here.

use proto::client::v1::{RsaReply, RsaRequest};
use proto::statement;
use rand_core::OsRng;
use threshold::party::{SignerSet, Threshold};
use threshold::rsa::Exponent;
use threshold::rsa::encode::Block;
use threshold::rsa::import::{PrivateKey, split};
use threshold::rsa::{Hash, KeyShare, PublicKey, Values};
use threshold::sharing::replicated::Pieces;

use super::keys::party;

pub const MODULUS: &str = "\
    ebca05b17e935d7f39f4e3d9d126c04b71b639932aae347e02f9bc39052dd159\
    bf1a55bd0e754f5d4ce3578c650c7a452fd8dd7e4580dcd6572aa24ff4c01fbd";
pub const PRIVATE: &str = "\
    0763cf85de97b3c877028bd999ca83205a3201dff0e880d0aa3b3580fbfe919f\
    150c11991213cddd3f9050180121804e5a1f880c784b920e47d6654c8a62f181";

/// The name of such keys.
pub const NAME: &str = "RSA-512-65537";

/// A split key.
pub struct RsaShares {
    pub public: PublicKey,
    shares: Vec<KeyShare>,
    values: Values,
}

impl RsaShares {
    pub fn new(threshold: u8) -> Self {
        let public = PublicKey::new(&hex::decode(MODULUS).unwrap(), Exponent::F4).unwrap();
        let layout = Pieces::new(Threshold::new(threshold, 2 * threshold - 1).unwrap()).unwrap();
        let exponent = hex::decode(PRIVATE).unwrap();
        let private = PrivateKey { exponent: &exponent, primes: None };
        let (shares, values) = split(&public, &private, &layout, &mut OsRng).unwrap();
        Self { public, shares, values }
    }

    /// What the birth statement says of it.
    pub fn commitments(&self) -> Vec<Vec<u8>> {
        vec![self.values.digest(&self.public).to_vec()]
    }

    /// A node's answer, to CKM_SHA256_RSA_PKCS or CKM_RSA_PKCS_OAEP.
    pub fn answer(&self, cluster: &[u8; 32], node: u8, asked: &RsaRequest) -> RsaReply {
        let set = SignerSet::new(asked.quorum.iter().map(|node| party(*node as u8))).unwrap();
        let block = match asked.mechanism {
            0x40 => Block::pkcs1(&self.public, Hash::Sha256, &asked.data),
            _ => Block::ciphertext(&self.public, &asked.data),
        };
        let (share, block) = (&self.shares[usize::from(node) - 1], block.unwrap());
        let partial = share.partial(&self.public, &block, &set).unwrap();
        let (proof, values) = match asked.prove {
            true => {
                let proof = share.prove(&self.public, &block, &set, &partial, &mut OsRng).unwrap();
                (proof.as_bytes().to_vec(), self.values.encode())
            }
            false => (Vec::new(), Vec::new()),
        };
        let said = statement::rsa(cluster, node.into(), &asked.request_nonce, partial.as_bytes());
        let node_signature = said.sign(&ed25519_dalek::SigningKey::from_bytes(&[node; 32]));
        RsaReply { partial: partial.as_bytes().to_vec(), node_signature, proof, values }
    }
}
