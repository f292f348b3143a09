//! Link arguments of the shared library.

fn main() {
    // dlclose must not unmap us. AWS-LC and the Rust runtime leave destructors for thread-local storage in the threads
    // that called us; a thread that ends after the library is gone would jump into nothing. PKCS#11 hosts load and
    // unload modules while such threads live, so the library stays, as NSS's and p11-kit's modules do.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
