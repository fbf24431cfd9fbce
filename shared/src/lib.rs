//! Rules that Sealpix's edge and origin both apply.
#![forbid(unsafe_code)]
pub mod operations;
