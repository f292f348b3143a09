//! Wire schemas, size limits, and the statements that nodes, clients and operators sign.
//!
//! Absent on purpose: sockets, files, clocks, secrets of the protocols. Both ends use this crate,
//! so that what one signs and what the other checks are the same bytes.
//!
//! Read in this order: `manifest` (who is who), `statement` (what is signed), `frame` and the
//! generated modules (how it travels), `limits`.

pub mod frame;
pub mod kms;
pub mod limits;
pub mod manifest;
pub mod statement;

/// Registry records and commands.
pub mod registry {
    /// Version 1 of the schema.
    #[allow(missing_docs, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/counterfoil.registry.v1.rs"));
    }
}

/// Client and node.
pub mod client {
    /// Version 1 of the schema.
    #[allow(missing_docs, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/counterfoil.client.v1.rs"));
    }
}

/// Node and node.
pub mod peer {
    /// Version 1 of the schema.
    #[allow(missing_docs, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/counterfoil.peer.v1.rs"));
    }
}
