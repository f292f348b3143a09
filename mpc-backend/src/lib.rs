//! mpc-backend
