//! A child of `fork` that runs some checks and says how they went by its exit status.

use std::time::Duration;

/// Forks; the child runs `checks` and exits. The number it returns is the number of the check that failed, 0 for none.
///
/// # Panics
/// If the child reports a failed check, dies by a signal, or is not done in time: a hang is what fork bugs look like.
pub fn in_child(checks: impl FnOnce() -> i32) {
    // SAFETY: the child calls the module and leaves by _exit: no destructor or exit handler of the test runs twice.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: the default action of SIGALRM ends a child that hangs.
        unsafe { libc::alarm(TIMEOUT.as_secs() as u32) };
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(checks)).unwrap_or(PANICKED);
        // SAFETY: ends the process.
        unsafe { libc::_exit(failed) };
    }
    let mut status = 0;
    // SAFETY: `pid` is our child, `status` a variable here.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid);
    assert!(libc::WIFEXITED(status), "the child was ended by signal {}", libc::WTERMSIG(status));
    assert_eq!(libc::WEXITSTATUS(status), 0, "number of the check that failed in the child");
}

const TIMEOUT: Duration = Duration::from_secs(30);
const PANICKED: i32 = 99;
