//! Keeps secrets out of core dumps, debuggers of the same user, and swap.
//!
//! Called before any secret is read. The first two must hold; locking memory is best effort, because
//! the limit on locked memory is the operator's to raise (`LimitMEMLOCK=infinity` in the unit file).

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// What could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardened {
    /// Whether all memory, present and future, is kept out of swap.
    pub memory_locked: bool,
}

/// Forbids core dumps and attaching (`PR_SET_DUMPABLE` 0, `RLIMIT_CORE` 0) and locks memory if the
/// limits allow it.
///
/// Errors when a core dump could still be taken.
pub fn harden() -> Result<Hardened, Errno> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(Hardened { memory_locked: lock_memory() })
}

/// Locks pages as they are first touched. Not with a finite limit: then a later allocation would
/// fail at the limit and stop the node, which is worse than a page in swap.
fn lock_memory() -> bool {
    let limit = getrlimit(Resource::Memlock);
    if limit.maximum.is_some() {
        return false;
    }
    let raised = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    raised
        .and_then(|()| mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT))
        .is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn hardened_process_cannot_dump_core() {
        harden().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
    }
}
