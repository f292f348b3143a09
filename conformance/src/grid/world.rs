//! What stands ready while the grid runs: a token, sessions, objects and keys, in each state of login.

use cryptoki_sys::*;

use super::arena::Arena;
use super::library::Library;
use super::rsa_key;
use super::state::{Login, Operation, State};
use super::values::CURVES;
use crate::rsa::MODULUS;

/// Handles and PINs. All zero before `C_Initialize`.
#[derive(Debug, Default)]
pub struct World {
    pub slot: usize,
    /// The session of the call, opened anew for each.
    pub session: usize,
    /// A session that was closed.
    pub closed: usize,
    /// A public data object, of a session that stays open.
    pub data: usize,
    pub destroyed: usize,
    pub public: usize,
    pub private: usize,
    /// A public RSA key, of a session that stays open.
    pub rsa: usize,
    /// A private RSA key on the token.
    pub rsa_private: usize,
    /// Whether the library has CKM_RSA_AES_KEY_WRAP.
    pub envelopes: bool,
    /// The ECDSA mechanism that takes messages of any length, if the library has one.
    pub signature: CK_MECHANISM_TYPE,
    pub login: Login,
    pub label: String,
    pub pin: String,
    pub so_pin: String,
    keeper: usize,
}

impl World {
    /// Before `C_Initialize`.
    pub fn new(label: &str, pin: &str, so_pin: &str) -> Self {
        let (label, pin, so_pin) = (label.into(), pin.into(), so_pin.into());
        Self { label, pin, so_pin, signature: CKM_ECDSA, ..Self::default() }
    }

    /// The PIN that `C_SetPIN` changes.
    pub fn pin_of_role(&self) -> &str {
        if self.login == Login::SecurityOfficer { &self.so_pin } else { &self.pin }
    }

    /// Initialises the library, finds the token, makes the key pair.
    ///
    /// # Panics
    /// If the library does not do what every library does.
    pub fn set_up(&mut self, library: &Library) {
        let mut arena = Arena::new();
        // No mutex functions, the flags, no reserved pointer.
        let args = [0, 0, 0, 0, CKF_OS_LOCKING_OK as usize, 0].map(usize::to_ne_bytes).concat();
        let args = arena.put(&args, 0);
        expect("C_Initialize", library.named("C_Initialize", &[args]));
        self.slot = find_slot(library, &mut arena, &self.label);
        let info = arena.room(24, 0);
        if library.named("C_GetMechanismInfo", &[self.slot, CKM_ECDSA_SHA256 as usize, info]) == CKR_OK {
            self.signature = CKM_ECDSA_SHA256;
        }
        self.envelopes =
            library.named("C_GetMechanismInfo", &[self.slot, CKM_RSA_AES_KEY_WRAP as usize, info]) == CKR_OK;
        let session = self.open(library, true);
        expect("C_CloseSession", library.named("C_CloseSession", &[session]));
        self.closed = session;
        self.keep(library);
        self.enter(library, Login::User);
        let label = (CKA_LABEL, Some(LABEL), LABEL.len());
        let public =
            [(CKA_EC_PARAMS, Some(CURVES[0]), CURVES[0].len()), (CKA_TOKEN, Some(&[1][..]), 1), label];
        let private =
            [(CKA_TOKEN, Some(&[1][..]), 1), (CKA_SIGN, Some(&[1]), 1), (CKA_DERIVE, Some(&[1]), 1), label];
        let (public, private) = (arena.template(&public, 0), arena.template(&private, 0));
        let mechanism = arena.mechanism(CKM_EC_KEY_PAIR_GEN, 0, 0);
        let (first, second) = (arena.room(8, 0), arena.room(8, 0));
        let words = [self.keeper, mechanism, public, 3, private, 4, first, second];
        expect("C_GenerateKeyPair", library.named("C_GenerateKeyPair", &words));
        (self.public, self.private) = (arena.word(first), arena.word(second));
        self.rsa_private = self.create_rsa_private(library);
    }

    /// Opens the session that stays, with its object, and destroys another. A handle is good as long as its session: the
    /// public key is looked for again.
    pub fn keep(&mut self, library: &Library) {
        self.keeper = self.open(library, true);
        if self.public != 0 {
            self.public = self.find(library, CKO_PUBLIC_KEY, CKK_EC);
        }
        self.destroyed = self.create_data(library);
        expect("C_DestroyObject", library.named("C_DestroyObject", &[self.keeper, self.destroyed]));
        self.data = self.create_data(library);
        self.rsa = self.create_rsa(library);
    }

    /// A data object of the session that stays.
    pub fn create_data(&self, library: &Library) -> usize {
        let mut arena = Arena::new();
        let class = CKO_DATA.to_ne_bytes();
        let label = (CKA_LABEL, Some(&b"grid"[..]), 4);
        let template = [(CKA_CLASS, Some(&class[..]), 8), (CKA_PRIVATE, Some(&[0]), 1), label];
        let (template, object) = (arena.template(&template, 0), arena.room(8, 0));
        let rv = library.named("C_CreateObject", &[self.keeper, template, 3, object]);
        expect("C_CreateObject", rv);
        arena.word(object)
    }

    /// A public RSA key of the session that stays.
    fn create_rsa(&self, library: &Library) -> usize {
        let mut arena = Arena::new();
        let (class, kind) = (CKO_PUBLIC_KEY.to_ne_bytes(), CKK_RSA.to_ne_bytes());
        let template = [
            (CKA_CLASS, Some(&class[..]), 8),
            (CKA_KEY_TYPE, Some(&kind), 8),
            (CKA_PRIVATE, Some(&[0]), 1),
            (CKA_ENCRYPT, Some(&[1]), 1),
            (CKA_WRAP, Some(&[1]), 1),
            (CKA_MODULUS, Some(&MODULUS), MODULUS.len()),
            (CKA_PUBLIC_EXPONENT, Some(&[1, 0, 1]), 3),
        ];
        let (template, object) = (arena.template(&template, 0), arena.room(8, 0));
        expect("C_CreateObject", library.named("C_CreateObject", &[self.keeper, template, 7, object]));
        arena.word(object)
    }

    /// The private RSA key. It stays on the token, where a later worker finds the first that was made.
    fn create_rsa_private(&self, library: &Library) -> usize {
        let mut arena = Arena::new();
        let (class, kind) = (CKO_PRIVATE_KEY.to_ne_bytes(), CKK_RSA.to_ne_bytes());
        let template = [
            (CKA_CLASS, Some(&class[..]), 8),
            (CKA_KEY_TYPE, Some(&kind), 8),
            (CKA_TOKEN, Some(&[1]), 1),
            (CKA_DECRYPT, Some(&[1]), 1),
            (CKA_LABEL, Some(LABEL), LABEL.len()),
            (CKA_MODULUS, Some(&rsa_key::MODULUS), 256),
            (CKA_PUBLIC_EXPONENT, Some(&[1, 0, 1]), 3),
            (CKA_PRIVATE_EXPONENT, Some(&rsa_key::PRIVATE_EXPONENT), 256),
        ];
        let (template, object) = (arena.template(&template, 0), arena.room(8, 0));
        expect("C_CreateObject", library.named("C_CreateObject", &[self.keeper, template, 8, object]));
        arena.word(object)
    }

    /// Brings the login to `wanted`, whatever it is now.
    pub fn enter(&mut self, library: &Library, wanted: Login) {
        let now = self.current(library);
        if now != wanted {
            if now != Login::Nobody {
                expect("C_Logout", library.named("C_Logout", &[self.keeper]));
            }
            let mut arena = Arena::new();
            let (user, pin) = match wanted {
                Login::User => (CKU_USER, Some(&self.pin)),
                Login::SecurityOfficer => (CKU_SO, Some(&self.so_pin)),
                Login::Nobody | Login::Uninitialized => (CKU_USER, None),
            };
            if let Some(pin) = pin {
                let words = [self.keeper, user as usize, arena.put(pin.as_bytes(), 0), pin.len()];
                expect("C_Login", library.named("C_Login", &words));
            }
            if self.private != 0 && wanted == Login::User {
                self.private = self.find(library, CKO_PRIVATE_KEY, CKK_EC);
                self.rsa_private = self.find(library, CKO_PRIVATE_KEY, CKK_RSA);
            }
        }
        self.login = wanted;
    }

    /// Who is logged in.
    fn current(&self, library: &Library) -> Login {
        let mut arena = Arena::new();
        let info = arena.room(32, 0);
        expect("C_GetSessionInfo", library.named("C_GetSessionInfo", &[self.keeper, info]));
        match arena.word(info + 8) as CK_STATE {
            CKS_RW_USER_FUNCTIONS => Login::User,
            CKS_RW_SO_FUNCTIONS => Login::SecurityOfficer,
            _ => Login::Nobody,
        }
    }

    /// A new session.
    pub fn open(&self, library: &Library, write: bool) -> usize {
        let mut arena = Arena::new();
        let flags = CKF_SERIAL_SESSION | if write { CKF_RW_SESSION } else { 0 };
        let session = arena.room(8, 0);
        expect("C_OpenSession", library.named("C_OpenSession", &[self.slot, flags as usize, 0, 0, session]));
        arena.word(session)
    }

    /// Starts what is to be active in the session of the call; `false` if the library does not do it.
    pub fn start(&self, library: &Library, state: State) -> bool {
        let mut arena = Arena::new();
        let digest = arena.mechanism(CKM_SHA256, 0, 0);
        let signature = arena.mechanism(self.signature, 0, 0);
        let encryption = super::values::oaep(&mut arena, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0]);
        let (session, data) = (self.session, arena.put(&[7; 32], 0));
        let do_all = |calls: &[(&str, &[usize])]| {
            calls.iter().all(|(name, words)| library.named(name, words) == CKR_OK)
        };
        match state.operation {
            Operation::Idle => true,
            Operation::Finding => do_all(&[("C_FindObjectsInit", &[session, 0, 0])]),
            Operation::Digesting => do_all(&[("C_DigestInit", &[session, digest])]),
            Operation::DigestingParts => {
                do_all(&[("C_DigestInit", &[session, digest]), ("C_DigestUpdate", &[session, data, 32])])
            }
            Operation::Signing => do_all(&[("C_SignInit", &[session, signature, self.private])]),
            Operation::SigningParts => do_all(&[
                ("C_SignInit", &[session, signature, self.private]),
                ("C_SignUpdate", &[session, data, 32]),
            ]),
            Operation::Decrypting => do_all(&[("C_DecryptInit", &[session, encryption, self.rsa_private])]),
            Operation::Encrypting => do_all(&[("C_EncryptInit", &[session, encryption, self.rsa])]),
            Operation::Verifying => do_all(&[("C_VerifyInit", &[session, signature, self.public])]),
            Operation::VerifyingParts => do_all(&[
                ("C_VerifyInit", &[session, signature, self.public]),
                ("C_VerifyUpdate", &[session, data, 32]),
            ]),
        }
    }

    /// A key of the grid; its handle may be a new one after each login.
    fn find(&self, library: &Library, class: CK_OBJECT_CLASS, kind: CK_KEY_TYPE) -> usize {
        let mut arena = Arena::new();
        let (class, kind) = (class.to_ne_bytes(), kind.to_ne_bytes());
        let label = (CKA_LABEL, Some(LABEL), LABEL.len());
        let template = [(CKA_CLASS, Some(&class[..]), 8), (CKA_KEY_TYPE, Some(&kind[..]), 8), label];
        let (template, handle, count) = (arena.template(&template, 0), arena.room(8, 0), arena.room(8, 0));
        expect("C_FindObjectsInit", library.named("C_FindObjectsInit", &[self.keeper, template, 3]));
        expect("C_FindObjects", library.named("C_FindObjects", &[self.keeper, handle, 1, count]));
        expect("C_FindObjectsFinal", library.named("C_FindObjectsFinal", &[self.keeper]));
        assert_eq!(arena.word(count), 1, "the grid's key is there");
        arena.word(handle)
    }
}

/// The slot of the token with this label.
///
/// # Panics
/// If there is none.
pub fn find_slot(library: &Library, arena: &mut Arena, label: &str) -> usize {
    let (slots, count) = (arena.room(8 * 64, 0), arena.number(64, 0));
    expect("C_GetSlotList", library.named("C_GetSlotList", &[1, slots, count]));
    let label = crate::token::padded::<32>(label);
    let known: Vec<_> = (0..arena.word(count)).map(|index| arena.word(slots + 8 * index)).collect();
    let slot = known.into_iter().find(|slot| {
        let info = arena.room(256, 0);
        let is_it = |at: usize| arena.word(info + 8 * at).to_ne_bytes() == label[8 * at..8 * at + 8];
        library.named("C_GetTokenInfo", &[*slot, info]) == CKR_OK && (0..4).all(is_it)
    });
    slot.expect("the library has a token with this label")
}

fn expect(function: &str, rv: CK_RV) {
    assert_eq!(rv, CKR_OK, "{function}");
}

const LABEL: &[u8] = b"grid key";
