//! What a library offers, asked of the library itself.

use std::collections::BTreeSet;
use std::path::Path;

use cryptoki_sys::*;

use crate::dead::set_variable;
use crate::grid::arena::Arena;
use crate::grid::library::Library;
use crate::grid::world::find_slot;
use crate::mechanisms;
use crate::softhsm::SoftHsm;

/// An initialised library and a slot of it.
pub struct Offered {
    /// The slot of the token.
    pub slot: usize,
    mechanisms: BTreeSet<CK_MECHANISM_TYPE>,
}

impl Offered {
    /// Loads the library and asks for the mechanisms of the token with this label.
    ///
    /// # Panics
    /// If the library does not do what every library does.
    pub fn by(module: &Path, label: &str) -> Self {
        let library = Library::open(module);
        let mut arena = Arena::new();
        assert_eq!(library.named("C_Initialize", &[0]), CKR_OK, "C_Initialize");
        let slot = find_slot(&library, &mut arena, label);
        let count = arena.number(0, 0);
        assert_eq!(library.named("C_GetMechanismList", &[slot, 0, count]), CKR_OK, "C_GetMechanismList");
        let list = arena.room(8 * arena.word(count), 0);
        assert_eq!(library.named("C_GetMechanismList", &[slot, list, count]), CKR_OK, "C_GetMechanismList");
        let mechanisms =
            (0..arena.word(count)).map(|index| arena.word(list + 8 * index) as CK_MECHANISM_TYPE);
        let offered = Self { slot, mechanisms: mechanisms.collect() };
        assert_eq!(library.named("C_Finalize", &[0]), CKR_OK, "C_Finalize");
        offered
    }

    /// What SoftHSM2 offers.
    ///
    /// # Errors
    /// If it is not there.
    pub fn by_softhsm() -> std::io::Result<Self> {
        let softhsm = SoftHsm::new()?;
        for (name, value) in softhsm.environment() {
            set_variable(&name, value);
        }
        Ok(Self::by(&softhsm.module, SoftHsm::TOKEN))
    }

    /// Whether the token has the mechanism with this `CKM_` name.
    pub fn has(&self, name: &str) -> bool {
        mechanisms::number(name).is_some_and(|number| self.mechanisms.contains(&number))
    }
}
