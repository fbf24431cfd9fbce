//! Counts in a Durable Object, one for each key: exact. The object grants leases, which isolates spend.
//!
//! A lease is sized by what the isolate's last seconds brought, so the object is asked about once a second at most and
//! most requests are answered from memory. Only a request that finds no lease waits for the object, and of several one
//! asks for all: the platform lets no request await another's promise, so the others look again and again.

mod book;
#[cfg(test)]
mod durable_tests;
mod lease;
mod leases;
mod wire;

use std::future::Future;

pub use self::book::Book;
pub use self::leases::{Durable, Leases};
pub use self::wire::{Ask, Back, Grant};
use super::StoreError;

/// The way to the object of a scope.
pub trait Ledger {
    /// Sends the ask and reads the grant.
    fn lease(&self, scope: &str, ask: Ask) -> impl Future<Output = Result<Grant, StoreError>>;

    /// Waits some milliseconds, while another request asks.
    fn pause(&self) -> impl Future<Output = ()>;

    /// The time, in unix milliseconds.
    fn now(&self) -> u64;
}
