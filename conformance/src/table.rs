//! The function table of any PKCS#11 library, of whichever version it has.

use std::ptr::null_mut;

use cryptoki_sys::*;
use libloading::os::unix::Library;

/// A table: a version padded to one word, then so many function pointers.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    words: *const usize,
    /// How many functions its version has.
    pub entries: usize,
}

impl Table {
    /// The newest table of the library: 3.2, 3.0 or 2.40.
    ///
    /// # Panics
    /// If it is no PKCS#11 library.
    pub fn newest(loaded: &Library) -> Self {
        let newest = [((3, 2), ENTRIES), ((3, 0), 92)];
        let found = newest
            .into_iter()
            .find_map(|(version, entries)| interface(loaded, version).map(|words| Self { words, entries }));
        found.unwrap_or_else(|| Self { words: function_list(loaded), entries: 68 })
    }

    /// The address of the function at `index`.
    ///
    /// # Panics
    /// If the table does not reach so far.
    pub fn entry(&self, index: usize) -> usize {
        assert!(index < self.entries);
        // SAFETY: `entries` function pointers follow the word of the version.
        unsafe { self.words.wrapping_add(1 + index).read() }
    }

    /// As a table of 3.2. Behind the end of an older one every function answers CKR_FUNCTION_NOT_SUPPORTED.
    pub fn as_of_3_2(self) -> &'static CK_FUNCTION_LIST_3_2 {
        let words = if self.entries == ENTRIES {
            self.words
        } else {
            let mut words = [not_supported as *const () as usize; 1 + ENTRIES];
            // SAFETY: the version and the functions that the older table has.
            unsafe { words.as_mut_ptr().copy_from_nonoverlapping(self.words, 1 + self.entries) };
            // Tests use a table until their process ends.
            Box::leak(Box::new(words)).as_ptr()
        };
        // SAFETY: a version padded to one word and the function pointers of 3.2; the library is never unmapped.
        unsafe { &*words.cast::<CK_FUNCTION_LIST_3_2>() }
    }
}

/// Takes any arguments: the calling convention leaves them to the caller.
extern "C" fn not_supported() -> CK_RV {
    CKR_FUNCTION_NOT_SUPPORTED
}

fn interface(loaded: &Library, (major, minor): (u8, u8)) -> Option<*const usize> {
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

fn function_list(loaded: &Library) -> *const usize {
    type GetFunctionList = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;
    // SAFETY: the symbol of PKCS#11 with its type.
    let get = unsafe { loaded.get::<GetFunctionList>(b"C_GetFunctionList\0") }.expect("C_GetFunctionList");
    let mut list = null_mut();
    // SAFETY: a variable here.
    assert_eq!(unsafe { get(&raw mut list) }, CKR_OK, "C_GetFunctionList");
    list.cast::<usize>().cast_const()
}

/// Functions of 3.2.
const ENTRIES: usize = 104;
