//! The life of the library: initialised or not, in which process.
//!
//! The state hangs on one atomic pointer, tagged with its process. A child of `fork` finds a tag that is not its own and
//! hangs a new, empty state in its place: no lock of the parent is taken (a thread that does not exist here may hold
//! it), nothing of the parent is dropped (a TLS connection would say goodbye on the parent's socket). What the child
//! inherited is leaked, once.
//!
//! Nothing here runs when the process exits, nor at `dlclose`, which does not unmap us (`build.rs`): an application that
//! unloads the library without C_Finalize and loads it again finds it initialised, as PKCS#11 has it for any process that
//! did not finalise.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cryptoki_sys::*;

use super::{Answer, Failure};
use crate::fork::{self, Process};
use crate::library::Library;

/// The state of the library in one process.
struct State {
    process: Process,
    /// Between C_Initialize and C_Finalize. The lock is held to copy the pointer, never while the library works.
    library: RwLock<Option<Arc<Library>>>,
}

/// The library, if it is initialised in this process. Calls that are under way when C_Finalize comes keep it alive until
/// they return.
pub(super) fn library() -> Option<Arc<Library>> {
    state().library.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// `C_Initialize`. `open` reads files but asks no network.
///
/// # Errors
/// `CKR_CRYPTOKI_ALREADY_INITIALIZED`, or what `open` says.
pub(super) fn initialize(open: impl FnOnce() -> Answer<Library>) -> Answer {
    watch_forks()?;
    quiet_panics();
    let mut library = state().library.write().unwrap_or_else(PoisonError::into_inner);
    if library.is_some() {
        return Err(Failure::Interface(CKR_CRYPTOKI_ALREADY_INITIALIZED));
    }
    *library = Some(Arc::new(open()?));
    Ok(())
}

/// `C_Finalize`. Waits for nobody: calls under way in other threads end by themselves, as the cluster's connections are
/// closed under them.
///
/// # Errors
/// `CKR_CRYPTOKI_NOT_INITIALIZED`.
pub(super) fn finalize() -> Answer {
    let library = state().library.write().unwrap_or_else(PoisonError::into_inner).take();
    library.ok_or(Failure::Interface(CKR_CRYPTOKI_NOT_INITIALIZED))?.provider.shutdown();
    Ok(())
}

/// The state of this process, made on the first call in it.
fn state() -> &'static State {
    let process = Process::current();
    loop {
        let found = CURRENT.load(Ordering::Acquire);
        // SAFETY: CURRENT is null or came from Box::into_raw below, and such a box is never freed once it was published.
        if let Some(state) = unsafe { found.as_ref() }
            && state.process == process
        {
            return state;
        }
        let fresh = Box::into_raw(Box::new(State { process, library: RwLock::new(None) }));
        if CURRENT.compare_exchange(found, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: from Box::into_raw three lines above, and not published: another thread of this process was first.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

/// Registers the fork handler, once a load of the library; a child inherits the registration.
fn watch_forks() -> Answer {
    if WATCHING.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: the handler only adds to an atomic, and the library is never unmapped under it.
    match unsafe { libc::pthread_atfork(None, None, Some(fork::in_child)) } {
        0 => Ok(()),
        _ => {
            WATCHING.store(false, Ordering::Release);
            Err(Failure::Interface(CKR_HOST_MEMORY))
        }
    }
}

/// Keeps the text of panics off the application's standard error: it may hold what was being worked on. Only the place
/// is logged. The hook belongs to this library's own copy of the Rust runtime; a host written in Rust keeps its own.
#[cfg(not(test))]
fn quiet_panics() {
    if QUIET.swap(true, Ordering::AcqRel) {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        // Not `library()`: the panic may have come while C_Initialize holds the lock.
        let library = state().library.try_read().ok().and_then(|library| library.clone());
        if let (Some(library), Some(place)) = (library, panic.location()) {
            library.log.error(format_args!("panicked at {place}; this is a bug"));
        }
    }));
}

/// A test that fails shall say why.
#[cfg(test)]
fn quiet_panics() {}

static CURRENT: AtomicPtr<State> = AtomicPtr::new(null_mut());
static WATCHING: AtomicBool = AtomicBool::new(false);
#[cfg(not(test))]
static QUIET: AtomicBool = AtomicBool::new(false);
