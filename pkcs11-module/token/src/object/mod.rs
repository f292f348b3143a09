//! Objects: what each class is made of.

pub mod key;
