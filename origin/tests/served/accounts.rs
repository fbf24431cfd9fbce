//! Accounts over the wire: the first run, sessions, users, API tokens, and attacks on each.

mod api_tokens;
pub(crate) mod client;
mod commands;
mod documented;
mod first_run;
mod forged;
mod guessing;
mod people;
mod sessions;
