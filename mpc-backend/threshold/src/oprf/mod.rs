//! oprf
