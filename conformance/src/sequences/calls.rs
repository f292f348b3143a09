//! What is called with what. [`super::draw`] draws calls, [`super::make`] makes them.

use cryptoki_sys::*;

/// One call; sessions by their place in the model.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are those of the functions")]
pub enum Call {
    Open {
        write: bool,
    },
    /// Any function with a session that was closed.
    Unknown,
    Close {
        session: usize,
    },
    Info {
        session: usize,
    },
    Cancel {
        session: usize,
        flags: CK_FLAGS,
    },
    FindInit {
        session: usize,
        label: u8,
    },
    Find {
        session: usize,
        most: usize,
    },
    FindFinal {
        session: usize,
    },
    Create {
        session: usize,
        private: bool,
        modifiable: bool,
        copyable: bool,
        destroyable: bool,
        label: u8,
    },
    /// A key pair of the session.
    Generate {
        session: usize,
        modifiable: bool,
        copyable: bool,
        destroyable: bool,
        label: u8,
    },
    Copy {
        session: usize,
        object: usize,
    },
    Destroy {
        session: usize,
        object: usize,
    },
    Label {
        session: usize,
        object: usize,
    },
    SetLabel {
        session: usize,
        object: usize,
        label: u8,
    },
    Init {
        session: usize,
        kind: Kind,
        mechanism: Option<CK_MECHANISM_TYPE>,
        key: usize,
    },
    Single {
        session: usize,
        kind: Kind,
        message: Message,
        into: Into,
    },
    Update {
        session: usize,
        kind: Kind,
        message: Message,
    },
    Final {
        session: usize,
        kind: Kind,
        into: Into,
    },
}

/// Of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Digest,
    Sign,
    Verify,
    Encrypt,
    Decrypt,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Digest, Self::Sign, Self::Verify, Self::Encrypt, Self::Decrypt];

    /// Whether it can be done in parts; the functions of the others are not there.
    pub fn has_parts(self) -> bool {
        !matches!(self, Self::Encrypt | Self::Decrypt)
    }
}

/// What is digested, signed, verified, encrypted or decrypted.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Message {
    Bytes(Vec<u8>),
    /// A null pointer with a length.
    Null,
}

/// Where the result goes, or the signature that is verified.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Into {
    Room,
    Length,
    Small,
    /// Null for the length, or for the signature.
    Null,
    Signature(Vec<u8>),
}

/// Bytes of a buffer that is too small for all results but short plaintexts.
pub const SMALL: usize = 8;
