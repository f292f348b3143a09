//! Any PKCS#11 library, by path: its function table as words, of whichever version it has.

use std::path::Path;
use std::ptr::null_mut;

use cryptoki_sys::*;
use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};

use crate::functions::FUNCTIONS;

/// A loaded library.
pub struct Library {
    table: *const usize,
    entries: usize,
}

impl Library {
    /// Loads it, and takes the newest table that it has: 3.2, 3.0 or 2.40.
    ///
    /// # Panics
    /// If it is no PKCS#11 library.
    pub fn open(path: &Path) -> Self {
        // SAFETY: loading runs the library's initialisers, as in any application.
        let loaded = unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.expect("the library loads");
        let newest = [((3, 2), 104), ((3, 0), 92)];
        let found = newest
            .into_iter()
            .find_map(|(version, entries)| interface(&loaded, version).map(|table| Self { table, entries }));
        let library = found.unwrap_or_else(|| Self { table: function_list(&loaded), entries: 68 });
        // Destructors of foreign libraries are known to crash; ours has none.
        std::mem::forget(loaded);
        library
    }

    /// Whether its table reaches as far as this function.
    pub fn has(&self, index: usize) -> bool {
        index < self.entries
    }

    /// Calls the function at `index` of the table with machine words, as [`crate::module::Module::call_words`] does.
    pub fn call(&self, index: usize, words: &[usize]) -> CK_RV {
        assert!(self.has(index));
        // SAFETY: a version padded to one word, then `entries` function pointers.
        let entry = unsafe { self.table.wrapping_add(1 + index).read() };
        crate::module::call_entry(entry, words)
    }

    /// Calls a function by its name.
    ///
    /// # Panics
    /// If there is no such function.
    pub fn named(&self, name: &str, words: &[usize]) -> CK_RV {
        let index = FUNCTIONS.iter().position(|function| function.name == name);
        self.call(index.expect("a function of PKCS#11"), words)
    }
}

fn interface(loaded: &Loaded, (major, minor): (u8, u8)) -> Option<*const usize> {
    type GetInterface =
        unsafe extern "C" fn(*mut CK_UTF8CHAR, *mut CK_VERSION, *mut *mut CK_INTERFACE, CK_FLAGS) -> CK_RV;
    // SAFETY: the symbol of PKCS#11 3.0 with its type.
    let get = unsafe { loaded.get::<GetInterface>(b"C_GetInterface\0") }.ok()?;
    let (mut version, mut interface) = (CK_VERSION { major, minor }, null_mut());
    let name = c"PKCS 11".as_ptr().cast_mut().cast();
    // SAFETY: a C string, and variables here.
    let rv = unsafe { get(name, &raw mut version, &raw mut interface, 0) };
    // SAFETY: CKR_OK promises a pointer to an interface that lives as long as the library.
    (rv == CKR_OK).then(|| unsafe { (*interface).pFunctionList }.cast::<usize>().cast_const())
}

fn function_list(loaded: &Loaded) -> *const usize {
    type GetFunctionList = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;
    // SAFETY: the symbol of PKCS#11 with its type.
    let get = unsafe { loaded.get::<GetFunctionList>(b"C_GetFunctionList\0") }.expect("C_GetFunctionList");
    let mut list = null_mut();
    // SAFETY: a variable here.
    assert_eq!(unsafe { get(&raw mut list) }, CKR_OK, "C_GetFunctionList");
    list.cast::<usize>().cast_const()
}
