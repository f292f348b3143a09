//! The C interface of a Counterfoil cluster: `libcounterfoil_pkcs11.so`.
//!
//! Every `C_` function takes the same way: `abi` copies the arguments into safe types, crate `token` does what the
//! standard says, crate `client` asks the cluster, `abi` copies the result out. Nothing else happens here.
//!
//! Absent on purpose: key material, protocol code, threads, static destructors, and any reference to the
//! application's memory that outlives the copy.
//!
//! Reading order: `abi/functions.rs` (all 104 functions and who answers each), `abi/mod.rs` (what every call goes
//! through), `abi/ptr.rs` (the only place where raw memory is touched), `library.rs`, `abi/global.rs` and `fork.rs`
//! (life of the library in one process and across `fork`), then the chapters.

mod abi;
mod fork;
mod library;

/// Decision 0026: what this library allocates and frees, and when, must not decide where the application's blocks lie.
#[cfg(not(feature = "shared-heap"))]
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;
