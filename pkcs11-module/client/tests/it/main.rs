//! The client against fake nodes in this process.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod connect;
mod deadline;
mod derive;
mod fake;
mod fields;
mod import;
mod kms;
mod lists;
mod login;
mod objects;
mod race;
mod rsa;
mod session_keys;
mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;

use client::ClusterClient;
use token::backend::{
    Attributes, Backend, Curve, GeneratedPair, KeyPairRequest, KeySpec, ObjectId, Role, Scheme, TokenId,
};

use crate::fake::Fake;

const TOKEN: TokenId = TokenId(fake::TOKEN);
const SO_PIN: &[u8] = b"so-pin-1234";
const PIN: &[u8] = b"user-pin-1234";
const CKM_ECDSA: u64 = 0x1041;

/// A cluster whose token has an SO and a user, and a client that is logged in as user.
fn ready() -> (Fake, Arc<ClusterClient>) {
    let fake = Fake::start();
    let client = fake.client();
    log_in(&client);
    (fake, client)
}

/// Sets the token up and logs in as its user.
fn log_in(client: &ClusterClient) {
    client.init_token(TOKEN, SO_PIN, &[b' '; 32]).unwrap();
    client.login(TOKEN, Role::SecurityOfficer, SO_PIN).unwrap();
    client.init_pin(TOKEN, PIN).unwrap();
    client.logout(TOKEN);
    client.login(TOKEN, Role::User, PIN).unwrap();
}

fn key_pair(client: &ClusterClient) -> GeneratedPair {
    let class = |class: u64| BTreeMap::from([(0_u64, class.to_be_bytes().to_vec())]);
    let request = KeyPairRequest {
        kind: KeySpec::Curve(Curve::P256),
        public: class(2),
        private: class(3),
        public_on_token: true,
        private_on_token: true,
    };
    client.generate_key_pair(TOKEN, request).unwrap()
}

fn data_object(label: &str) -> Attributes {
    BTreeMap::from([(0, vec![0; 8]), (3, label.as_bytes().to_vec())])
}

fn sign(client: &ClusterClient, key: ObjectId) -> token::backend::BackendResult<Vec<u8>> {
    client.sign(TOKEN, key, &Scheme::Ecdsa { curve: Curve::P256, mechanism: CKM_ECDSA }, &[7; 32], None)
}
