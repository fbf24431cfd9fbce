//! The real binary, served: started as a process, set up by its own commands, asked over sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod accounts;
mod api;
mod audit;
mod bad_input;
mod bombs;
mod caches;
mod commands;
mod crowd;
mod delivery;
mod disk;
mod documentation;
mod edge_doctor;
mod engine;
mod examples;
mod fallback;
mod harness;
mod instances;
mod kept;
mod killed;
mod machine;
mod moving;
mod observe;
mod overload;
mod postgres;
mod projects;
mod purge;
mod push;
mod robustness;
mod rotation;
mod routes;
#[path = "../support/s3.rs"]
mod s3;
mod secrets;
#[path = "../support/postgres.rs"]
mod server;
mod settings;
mod sources;
mod storage;
mod traps;
mod usage;
mod vault;
mod vectors;
mod watermarks;
