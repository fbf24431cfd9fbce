//! The real binary, served: started as a process, set up by its own commands, asked over sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod accounts;
mod bad_input;
mod commands;
mod delivery;
mod documentation;
mod examples;
mod harness;
mod killed;
mod moving;
mod postgres;

mod observe;
mod push;
mod robustness;
mod secrets;
#[path = "../support/postgres.rs"]
mod server;
mod vectors;
