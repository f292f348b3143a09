//! The module as an application has it: a path, `dlopen`, one symbol, a table of functions.

use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki_sys::*;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::functions::FUNCTIONS;
use crate::lab;
use crate::table::Table;

/// The loaded module. Holding it is having the turn in this process; dropping it finalises the library.
pub struct Module {
    list: &'static CK_FUNCTION_LIST_3_2,
    /// Of the module itself; a copy of it is used beside it.
    _turn: Option<MutexGuard<'static, ()>>,
}

/// Calls a function of the module's 3.2 table: `call!(module, C_CloseSession(session))`.
#[macro_export]
macro_rules! call {
    ($module:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let function = $module.list().$name.expect("every entry of the table is filled");
        // SAFETY: the arguments are what PKCS#11 demands, or null where the module has to notice.
        unsafe { function($($argument),*) }
    }};
}

impl Module {
    /// Loads the module and initialises nothing.
    pub fn load() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { list: list(open()), _turn: Some(turn) }
    }

    /// Initialises a second library, which knows nothing of the first one: another process, to the nodes.
    ///
    /// # Panics
    /// If it cannot be copied, loaded and initialised.
    pub fn another() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The loader gives a file that it has loaded already once more.
        let copy = folder.path().join("another.so");
        std::fs::copy(path(), &copy).expect("the module can be copied");
        // SAFETY: as in `open`.
        let library = unsafe { Library::open(Some(copy), RTLD_NOW | RTLD_LOCAL) }.expect("the copy loads");
        let module = Self { list: list(library), _turn: None };
        assert_eq!(module.initialize(), CKR_OK, "C_Initialize of the copy");
        module
    }

    /// Loads the module and calls `C_Initialize`.
    ///
    /// # Panics
    /// If it does not answer `CKR_OK`.
    pub fn initialized() -> Self {
        let module = Self::load();
        let rv = module.initialize();
        assert_eq!(rv, CKR_OK, "C_Initialize; run with COUNTERFOIL_LOG=error to see why");
        module
    }

    /// `C_Initialize` as most applications call it.
    pub fn initialize(&self) -> CK_RV {
        let mut args = CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, ..Default::default() };
        call!(self, C_Initialize((&raw mut args).cast()))
    }

    /// `C_Finalize`.
    pub fn finalize(&self) -> CK_RV {
        call!(self, C_Finalize(null_mut()))
    }

    /// The table of 3.2.
    pub fn list(&self) -> &'static CK_FUNCTION_LIST_3_2 {
        self.list
    }

    /// Calls the function at `index` of the table with machine words. On the machines that we test on every argument of
    /// every function travels as one word.
    ///
    /// # Panics
    /// For more than ten arguments; no function has more.
    pub fn call_words(&self, index: usize, words: &[usize]) -> CK_RV {
        let entries = (&raw const *self.list).cast::<usize>().wrapping_add(1);
        // SAFETY: the table is a version padded to one word, then 104 function pointers; `index` is one of FUNCTIONS.
        let entry = unsafe { entries.wrapping_add(index).read() };
        call_entry(entry, words)
    }
}

/// Calls the function at address `entry` with machine words.
pub(crate) fn call_entry(entry: usize, words: &[usize]) -> CK_RV {
    type Words =
        unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize, usize, usize, usize) -> CK_RV;
    let mut padded = [0; 10];
    padded[..words.len()].copy_from_slice(words);
    let [a, b, c, d, e, f, g, h, i, j] = padded;
    // SAFETY: a C function; the calling convention lets a caller pass more words than it takes.
    let function: Words = unsafe { std::mem::transmute(entry) };
    // SAFETY: the words are numbers, null, or addresses inside memory of the caller.
    unsafe { function(a, b, c, d, e, f, g, h, i, j) }
}

impl Drop for Module {
    fn drop(&mut self) {
        // The next test starts with an uninitialised library, whatever this one did.
        let _ = self.finalize();
    }
}

/// Where the module is: `PKCS11_MODULE`, or beside the test in the build's folder.
///
/// # Panics
/// If it is not there, with what to build.
pub fn path() -> PathBuf {
    let path =
        std::env::var_os("PKCS11_MODULE").map_or_else(|| built("libcounterfoil_pkcs11.so"), PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo build -p pkcs11-module`", path.display());
    path
}

/// A file that `cargo build` puts into the folder of the profile these tests were built with.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("Linux knows the path of its processes");
    let profile = test.ancestors().find(|folder| folder.join("deps").is_dir());
    profile.unwrap_or(Path::new("target/debug")).join(name)
}

/// `dlopen`s the module once more.
///
/// # Panics
/// If the loader refuses it.
pub fn open() -> Library {
    // SAFETY: loading runs the module's initialisers, of which it has none of its own.
    unsafe { Library::open(Some(path()), RTLD_NOW | RTLD_LOCAL) }.expect("the module loads")
}

/// The library's table. Ours has one of 3.2; an older one of another library is filled up.
fn list(library: Library) -> &'static CK_FUNCTION_LIST_3_2 {
    let table = Table::newest(&library);
    assert!(lab::foreign() || table.entries == FUNCTIONS.len(), "C_GetInterface(3.2)");
    // The table is used until the process ends.
    std::mem::forget(library);
    table.as_of_3_2()
}
