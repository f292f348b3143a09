//! The keys of a sequence: those that stand ready for all of them, and what each kind of object does.

use cryptoki_sys::*;

use super::calls::Kind;
use crate::grid::arena::Arena;
use crate::grid::library::Library;
use crate::grid::state::Login;
use crate::grid::values::oaep;
use crate::grid::world::World;
use crate::session::Attribute;

/// What an object is, as far as operations care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum What {
    Data,
    Public(Pair),
    Private(Pair),
}

/// A key pair, with all copies of its halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// On P-256: the world's is 0, those of the sequence count on.
    Ec(usize),
    /// The one of [`Rsa`].
    Rsa,
}

/// How an init with a mechanism that fits the operation answers to a key.
pub fn does(what: What, kind: Kind, mechanism: CK_MECHANISM_TYPE) -> CK_RV {
    let pair = match (what, kind) {
        (_, Kind::Digest) => return CKR_OK,
        (What::Data, _) => return CKR_KEY_HANDLE_INVALID,
        (What::Private(pair), Kind::Sign | Kind::Decrypt) => pair,
        (What::Public(pair), Kind::Verify | Kind::Encrypt) => pair,
        _ => return CKR_KEY_TYPE_INCONSISTENT,
    };
    let is_rsa = matches!(mechanism, CKM_SHA256_RSA_PKCS | CKM_RSA_PKCS_OAEP);
    if is_rsa == (pair == Pair::Rsa) { CKR_OK } else { CKR_KEY_TYPE_INCONSISTENT }
}

/// An RSA pair that the application has brought along, as objects of a session that stays open.
pub struct Rsa {
    session: usize,
    /// Handle, where the user is logged in.
    pub private: Option<usize>,
    /// Handle.
    pub public: usize,
    /// A plaintext and what it became.
    pub known: (Vec<u8>, Vec<u8>),
}

impl Rsa {
    /// Brings the pair with these numbers: modulus, public and private exponent, and more of them.
    ///
    /// # Panics
    /// If the library does not take it.
    pub fn bring(library: &Library, world: &World, numbers: &[Attribute]) -> Self {
        let session = world.open(library, true);
        let create = |class: CK_OBJECT_CLASS, numbers: &[Attribute]| {
            let mut arena = Arena::new();
            let (class, kind) = (class.to_ne_bytes(), CKK_RSA.to_ne_bytes());
            let head = [(CKA_CLASS, Some(&class[..]), 8), (CKA_KEY_TYPE, Some(&kind[..]), 8)];
            let tail = numbers.iter().map(|(kind, value)| (*kind, Some(&value[..]), value.len()));
            let all: Vec<_> = head.into_iter().chain(tail).collect();
            let (template, handle) = (arena.template(&all, 0), arena.number(0, 0));
            let rv = library.named("C_CreateObject", &[session, template, all.len(), handle]);
            assert_eq!(rv, CKR_OK, "C_CreateObject");
            arena.word(handle)
        };
        let public = create(CKO_PUBLIC_KEY, &numbers[..2]);
        let private = (world.login == Login::User).then(|| create(CKO_PRIVATE_KEY, numbers));
        let mut arena = Arena::new();
        let mechanism = oaep(&mut arena, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0]);
        let started = library.named("C_EncryptInit", &[session, mechanism, public]);
        let (message, room, length) = (arena.put(KNOWN, 0), arena.room(256, 0), arena.number(256, 0));
        let rv = library.named("C_Encrypt", &[session, message, KNOWN.len(), room, length]);
        assert_eq!((started, rv), (CKR_OK, CKR_OK), "C_Encrypt");
        Self { session, private, public, known: (KNOWN.to_vec(), arena.bytes(room, 256)) }
    }

    /// Closes the session.
    pub fn end(self, library: &Library) {
        library.named("C_CloseSession", &[self.session]);
    }
}

const KNOWN: &[u8] = b"known plaintext";
