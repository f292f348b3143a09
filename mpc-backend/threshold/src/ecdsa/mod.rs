//! Threshold ECDSA.
