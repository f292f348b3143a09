//! The shares of a key, read from the nodes' stores with their passphrases: what only someone with
//! T nodes can do, and a test that looks for the whole key must.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use engine::input::Record;
use engine::persist::{self, ShareRecord};
use mpc_backend::config::NodeConfig;
use mpc_backend::seal::{Costs, Owner, SealedStore};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{ProjectivePoint, Scalar};
use prost::Message;
use proto::registry::v1::{BirthStatement, Purpose};
use store::RedbStore;
use threshold::party::PartyIndex;
use threshold::rsa::PublicKey;
use threshold::sharing::replicated::Pieces;

use crate::memory::scalar;

/// Public keys (SEC1 compressed) of the signing keys whose shares are in use at the node of this folder.
pub fn keys_in_use(folder: &Path) -> Result<BTreeSet<Vec<u8>>> {
    let signing = |statement: &BirthStatement| statement.purpose() == Purpose::SigningKey;
    let records = records(folder)?
        .into_iter()
        .filter(|(statement, record)| signing(statement) && record.active_since > 0);
    Ok(records.map(|(statement, _)| statement.public_key).collect())
}

/// The share that the node of this folder holds of the key with this SEC1 point.
pub fn share(folder: &Path, point: &[u8]) -> Result<Scalar> {
    let public = p256::PublicKey::from_sec1_bytes(point).context("not a P-256 point")?.to_encoded_point(true);
    for (statement, record) in records(folder)? {
        if statement.public_key == public.as_bytes() {
            let bytes: &[u8; 32] =
                record.secret.as_slice().try_into().context("a P-256 share has 32 bytes")?;
            return Ok(scalar(bytes));
        }
    }
    Err(anyhow!("{} holds no share of this key", folder.display()))
}

/// The private key of two shares, by Lagrange interpolation at zero; checked against the point.
pub fn private_key(shares: [(u8, Scalar); 2], point: &[u8]) -> Result<Scalar> {
    let [(a, share_a), (b, share_b)] = shares;
    let (x_a, x_b) = (Scalar::from(u64::from(a)), Scalar::from(u64::from(b)));
    let invert = |difference: Scalar| {
        Option::<Scalar>::from(difference.invert()).ok_or_else(|| anyhow!("equal indices"))
    };
    let key = share_a * x_b * invert(x_b - x_a)? + share_b * x_a * invert(x_a - x_b)?;
    let public = p256::PublicKey::from_sec1_bytes(point).context("not a P-256 point")?;
    match ProjectivePoint::GENERATOR * key == public.to_projective() {
        true => Ok(key),
        false => Err(anyhow!("shares of nodes {a} and {b} do not make the key")),
    }
}

/// What the node of this folder holds of each RSA key: public key, and pieces of d by their number, each a signed
/// number in big-endian bytes.
pub fn rsa_pieces(folder: &Path, layout: &Pieces) -> Result<Vec<(PublicKey, RsaPieces)>> {
    let config = NodeConfig::load(&folder.join("node.toml"), None)?;
    let party = PartyIndex::new(config.index).context("no index")?;
    let mut keys = Vec::new();
    for (statement, record) in records(folder)?.into_iter().filter(|(one, _)| one.curve.starts_with("RSA-")) {
        let key = PublicKey::decode(&statement.public_key).context("no RSA key")?;
        let held: Vec<usize> = layout.held_by(party).map(|piece| piece.position()).collect();
        // The pieces, and then the public values of all pieces.
        let pieces = record.secret.len() - layout.all().len() * key.bytes();
        let (pieces, _) = record.secret.split_at(pieces);
        let pieces = pieces.chunks(pieces.len() / held.len()).map(<[u8]>::to_vec);
        keys.push((key, held.into_iter().zip(pieces).collect()));
    }
    Ok(keys)
}

/// Pieces by their number.
pub type RsaPieces = BTreeMap<usize, Vec<u8>>;

/// All shares of a node, read from a copy of its store, as a running node keeps its own locked.
fn records(folder: &Path) -> Result<Vec<(BirthStatement, ShareRecord)>> {
    let config = NodeConfig::load(&folder.join("node.toml"), None)?;
    let copies = tempfile::tempdir()?;
    let copy = copies.path().join("store.redb");
    std::fs::copy(&config.store, &copy)?;
    let owner = Owner { cluster_id: config.manifest.cluster_id(), node: config.index };
    let store =
        SealedStore::open(Box::new(RedbStore::open(&copy)?), owner, &config.passphrase()?, Costs::default())?;
    let read = |(key, value)| -> Result<_> {
        let (_, record) = persist::read_share(&Record { table: persist::SHARE.into(), key, value })?;
        Ok((BirthStatement::decode(record.statement.as_slice())?, record))
    };
    store.scan(persist::SHARE)?.into_iter().map(read).collect()
}
