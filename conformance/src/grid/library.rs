//! Any PKCS#11 library, by path, called with machine words.

use std::path::Path;

use cryptoki_sys::*;
use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};

use crate::functions::FUNCTIONS;
use crate::table::Table;

/// A loaded library.
pub struct Library(Table);

impl Library {
    /// Loads it, and takes the newest table that it has.
    ///
    /// # Panics
    /// If it is no PKCS#11 library.
    pub fn open(path: &Path) -> Self {
        // SAFETY: loading runs the library's initialisers, as in any application.
        let loaded = unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.expect("the library loads");
        let library = Self(Table::newest(&loaded));
        // Destructors of foreign libraries are known to crash; ours has none.
        std::mem::forget(loaded);
        library
    }

    /// Whether its table reaches as far as this function.
    pub fn has(&self, index: usize) -> bool {
        index < self.0.entries
    }

    /// Calls the function at `index` of the table with machine words, as [`crate::module::Module::call_words`] does.
    pub fn call(&self, index: usize, words: &[usize]) -> CK_RV {
        crate::module::call_entry(self.0.entry(index), words)
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
