//! The edge: a Cloudflare Worker that verifies signed image URLs and answers them from its cache.
//!
//! The way of a request is `deliver.rs`, top to bottom: read the target, look up its records, ask the gate,
//! answer from the cache, or count the request against its key's limits and fetch from the origin with a
//! proof. `sealpix` (the `shared` crate) decides; the rooms here do the I/O that it has none of.
//!
//! One panic would answer 500 to every request in flight in the isolate and wipe its memory, so what can
//! panic is denied.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::panic, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test may stop where it stands"
    )
)]

pub mod bounded;
pub mod counters;

mod asked;
mod cache;
mod clock;
mod config;
mod deliver;
mod doctor;
mod events;
mod failed;
mod kv;
mod limits;
mod link;
mod origin;
mod records;
mod response;
mod trace;
mod usage;

use std::convert::Infallible;

use web_sys::Request;
use worker::{Context, Env, Response, event};

/// Every request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response, Infallible> {
    Ok(deliver::answer(&request, &env, &context).await)
}
