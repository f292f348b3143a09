//! An initialised library and the lab's token in it.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::lab::Lab;
use crate::module::Module;
use crate::session::Session;

/// The module, initialised, with the slot of the lab's token.
pub struct Token {
    /// The module.
    pub module: Module,
    /// The token's slot.
    pub slot: CK_SLOT_ID,
    /// Its PINs.
    pub lab: Lab,
}

impl Token {
    /// The token that all tests share.
    pub fn shared() -> Self {
        Self::of(Lab::shared())
    }

    /// A token that this process has for itself.
    pub fn private() -> Self {
        Self::of(Lab::private())
    }

    /// The lab's token as a library sees it that is configured so.
    pub fn configured(lab: Lab, config: impl AsRef<std::ffi::OsStr>) -> Self {
        crate::dead::configure(config);
        Self::of(lab)
    }

    /// The same token in a second library ([`Module::another`]).
    pub fn elsewhere(&self) -> Self {
        Self::seen_by(Module::another(), self.lab.clone())
    }

    fn of(lab: Lab) -> Self {
        Self::seen_by(Module::initialized(), lab)
    }

    fn seen_by(module: Module, lab: Lab) -> Self {
        let slot = find_slot(&module, &lab.token);
        Self { module, slot, lab }
    }

    /// A new session.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub fn session(&self, flags: CK_FLAGS) -> Session<'_> {
        let mut handle = 0;
        let flags = CKF_SERIAL_SESSION | flags;
        let rv = call!(self.module, C_OpenSession(self.slot, flags, null_mut(), None, &mut handle));
        assert_eq!(rv, CKR_OK, "C_OpenSession");
        Session { module: &self.module, handle }
    }

    /// A read/write session with the user logged in.
    ///
    /// # Panics
    /// If the login fails.
    pub fn user(&self) -> Session<'_> {
        let session = self.session(CKF_RW_SESSION);
        let rv = session.login(CKU_USER, &self.lab.pin);
        assert!(matches!(rv, CKR_OK | CKR_USER_ALREADY_LOGGED_IN), "C_Login: {rv:#x}");
        session
    }

    /// `C_GetTokenInfo`.
    ///
    /// # Panics
    /// If it fails.
    pub fn info(&self) -> CK_TOKEN_INFO {
        token_info(&self.module, self.slot)
    }
}

/// The slots, by both calls that an application makes.
///
/// # Panics
/// If `C_GetSlotList` fails.
pub fn slots(module: &Module) -> Vec<CK_SLOT_ID> {
    let mut count = 0;
    assert_eq!(call!(module, C_GetSlotList(CK_TRUE, null_mut(), &mut count)), CKR_OK, "C_GetSlotList");
    let mut slots = vec![0; count as usize];
    assert_eq!(call!(module, C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &mut count)), CKR_OK);
    slots.truncate(count as usize);
    slots
}

/// `text` as PKCS#11 has it in fields of fixed length.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    field[..text.len()].copy_from_slice(text.as_bytes());
    field
}

fn find_slot(module: &Module, label: &str) -> CK_SLOT_ID {
    let label = padded::<32>(label);
    let found = slots(module).into_iter().find(|slot| token_info(module, *slot).label == label);
    found.expect("the lab has a token with this label")
}

fn token_info(module: &Module, slot: CK_SLOT_ID) -> CK_TOKEN_INFO {
    let mut info = CK_TOKEN_INFO::default();
    assert_eq!(call!(module, C_GetTokenInfo(slot, &mut info)), CKR_OK, "C_GetTokenInfo");
    info
}
