//! stub
pub mod sources;
