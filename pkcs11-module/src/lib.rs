//! pkcs11-module
