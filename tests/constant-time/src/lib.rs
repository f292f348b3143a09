//! Two ways to find time that depends on secrets.
//!
//! [`taint`] marks memory as secret for valgrind's memcheck, which then reports every branch and every
//! address that depends on it: exact, but only for the instructions that valgrind's processor has.
//! [`welch`] compares the time of two classes of inputs on the real processor: for what runs other code
//! there.

pub mod taint;
pub mod welch;
