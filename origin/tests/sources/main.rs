//! Sources against servers and folders that mean harm. Trap ids (SSRF-4 and the like) are those of the threat model.
//!
//! `server.rs` is an https server in this process that sends prepared bytes; `process.rs` starts the programs of
//! `tests/hostile`, which are processes of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up should stop")]

mod files;
mod network;
mod process;
mod proxies;
mod rebinding;
mod redirects;
mod remote;
mod server;
