//! Sources against servers and folders that mean harm. Trap ids (SSRF-4 and the like) are those of the threat model.
//!
//! `server.rs` is an https server in this process that sends prepared bytes; `process.rs` starts the programs of
//! `tests/hostile`, which are processes of their own and need `python3`. Linux only: other systems have no 127.0.0.2.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up should stop")]

mod conditions;
mod files;
mod http2;
mod network;
mod process;
mod proxies;
mod rebinding;
mod redirects;
mod remote;
mod s3;
mod server;
#[path = "../support/s3.rs"]
mod storage;
