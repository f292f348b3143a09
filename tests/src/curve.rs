//! Curves of signing keys, as an application and OpenSSL know them.

/// A curve.
#[derive(Debug)]
pub struct Curve {
    /// Its name in `CKA_EC_PARAMS`, and OpenSSL's.
    pub name: &'static str,
    /// The group's order, in hex.
    pub order: &'static str,
    /// DER of a SubjectPublicKeyInfo up to the point (RFC 5480, 2; RFC 8410, 4), in hex.
    pub public_key_head: &'static str,
    /// Whether its keys sign messages with EdDSA, or digests with ECDSA, or nothing.
    pub edwards: bool,
    /// The mechanism by which its keys sign messages with Schnorr as well, if they do.
    pub schnorr: Option<u64>,
}

/// NIST P-256.
pub const P256: Curve = Curve {
    name: "prime256v1",
    order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    public_key_head: "3059301306072a8648ce3d020106082a8648ce3d030107034200",
    edwards: false,
    schnorr: Some(0xc346_0001),
};

/// NIST P-384.
pub const P384: Curve = Curve {
    name: "secp384r1",
    order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    public_key_head: "3076301006072a8648ce3d020106052b81040022036200",
    edwards: false,
    schnorr: None,
};

/// secp256k1.
pub const SECP256K1: Curve = Curve {
    name: "secp256k1",
    order: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    public_key_head: "3056301006072a8648ce3d020106052b8104000a034200",
    edwards: false,
    schnorr: Some(0xc346_0002),
};

/// edwards25519.
pub const EDWARDS25519: Curve = Curve {
    name: "edwards25519",
    order: "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
    public_key_head: "302a300506032b6570032100",
    edwards: true,
    schnorr: None,
};

/// curve25519: its keys agree on secrets and sign nothing.
pub const CURVE25519: Curve = Curve {
    name: "curve25519",
    order: EDWARDS25519.order,
    public_key_head: "302a300506032b656e032100",
    edwards: false,
    schnorr: None,
};

/// Every curve of signing keys.
pub const CURVES: [Curve; 4] = [P256, P384, SECP256K1, EDWARDS25519];
