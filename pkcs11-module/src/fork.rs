//! Which process this is.
//!
//! A child of `fork` is a new application to PKCS#11 (3.0 section 6.6.1): it must call `C_Initialize` itself, and
//! nothing that the parent opened is its own. It inherits a copy of our memory all the same: connections on which two
//! processes must never write, locks that a thread may hold which does not exist here. So all state is tagged with the
//! [`Process`] that made it, and state with another tag is left alone for ever.
//!
//! The pid alone would do, if pids were never used again; the counter closes that gap, and the pid covers children made
//! without `fork` (a bare `clone`), of which no handler is told.

use std::sync::atomic::{AtomicU64, Ordering};

/// A process, told apart from its parent and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pid: u32,
    forks: u64,
}

impl Process {
    /// The process that calls.
    pub(crate) fn current() -> Self {
        Self { pid: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }
}

/// The handler that `fork` runs in the child. One store: nothing else is safe between `fork` and the return to a program
/// that had threads.
pub(crate) extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// How many times this line of processes has forked since the library was loaded.
static FORKS: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_is_used_again_is_another_process() {
        let now = Process::current();
        assert_eq!(now, Process::current());
        assert_ne!(now, Process { forks: now.forks + 1, ..now });
        assert_ne!(now, Process { pid: now.pid + 1, ..now });
    }
}
