//! Finished pictures, each made once for all who ask for it at once, and kept in memory and on disk.
//!
//! [`Derivatives::ask`] finds a picture that is good in memory, or the work that is under way for a name, or begins it. That
//! work looks on disk first ([`Progress::on_disk`]). What is held but no longer good is made anew only if its source has
//! changed. What holds:
//! - everyone passed the gate and the limits before asking: a picture is shared, an admission never (SIG-17);
//! - everyone who waits gets the same bytes or the same refusal; who waits holds no place in the queue for work;
//! - the work belongs to those who wait, not to whom it began with: it goes on while one of them is left, and stops when
//!   none is (DOS-9);
//! - a name holds the epochs and the project's version, so that nobody gets what was begun before a purge or a change of
//!   the project.

mod crowd;
mod disk;
mod kept;
mod memory;
#[cfg(test)]
mod renewal_tests;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sealpix::denial::{Code, Denial};
use sealpix::gate::Admission;
use sealpix::operations::Operations;

pub(crate) use crowd::Progress;
use crowd::{Flight, Waiting};
use disk::Disk;
pub(crate) use kept::Kept;
use memory::{Found, Memory};

use crate::clock::Clock;
use crate::config::DerivativesConfig;
use crate::images::{Format, Settings};
use crate::observe::metrics::Metrics;

/// Who may wait for one picture, at most: three quarters of the connections that there can be, so that others are answered, too.
const WAITING_FOR_ONE: usize = 384;

/// What a client is told to wait, in seconds, where too many wait: the picture is there by then.
const RETRY_AFTER_SECS: u64 = 2;

/// What makes a picture's bytes: the name that the edge's cache uses, too, and the project's version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    text: Arc<str>,
    /// How long the project lets its pictures be kept.
    ttl: Duration,
}

impl Name {
    /// Of an admitted request with its negotiated operations. The version is that of the project's row: redirects of
    /// remote sources lead where its rules admit, and these stand in no cache key. Nor do the engine's settings, which the edge
    /// does not know.
    pub(crate) fn of(admission: &Admission, operations: &Operations, project_version: u64, settings: Settings) -> Self {
        let text = format!("{}-{project_version}{}", admission.cache_key(operations), settings.name()).into();
        Self { text, ttl: Duration::from_secs(u64::from(admission.caching.ttl_secs)) }
    }

    /// Of the same picture as a project's fallback. No picture that was asked for has this name, also not one of the same
    /// source with the same operations: it is kept by another time, and under a 404 (CACHE-12).
    pub(crate) fn into_fallback(self, ttl_secs: u32) -> Self {
        Self { text: format!("fallback-{}", self.text).into(), ttl: Duration::from_secs(ttl_secs.into()) }
    }
}

/// A finished picture; a clone shares its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The version of the source that it was made of, and of its watermark.
    pub(crate) source_version: Arc<str>,
    /// The whole file.
    pub(crate) bytes: Bytes,
    /// Its format.
    pub(crate) format: Format,
}

/// The pictures that are being made, and those that were made lately.
pub(crate) struct Derivatives {
    state: Arc<Mutex<State>>,
    shelf: Arc<Shelf>,
    waiting_for_one: usize,
}

/// What a piece of work needs beside the list of flights.
struct Shelf {
    disk: Disk,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

struct State {
    flights: HashMap<Name, Flight>,
    memory: Memory,
    metrics: Arc<Metrics>,
}

impl State {
    /// Keeps what was begun at `begun` in memory, where that is worth it; says whether.
    fn keep(&mut self, name: &Name, outcome: &Result<Kept, Denial>, begun: u64) -> bool {
        let is_held = self.memory.keep(name, outcome, begun);
        self.metrics.derivatives_held(self.memory.bytes());
        is_held
    }
}

/// Nothing that panics happens under the lock; were it so, what is held is still whole.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Derivatives {
    /// What the disk has from before.
    pub(crate) async fn open(config: &DerivativesConfig, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let memory = Memory::new(config.memory_bytes, config.ttl);
        let disk = Disk::open(&config.disk, Arc::clone(&metrics)).await;
        let state = State { flights: HashMap::new(), memory, metrics: Arc::clone(&metrics) };
        let shelf = Arc::new(Shelf { disk, clock, metrics });
        Self { state: Arc::new(Mutex::new(state)), shelf, waiting_for_one: WAITING_FOR_ONE }
    }

    /// Writes to disk what waits for it; nothing is kept there afterwards.
    pub(crate) async fn close(&self) {
        self.shelf.disk.close().await;
    }

    /// Finds a picture in memory, joins the work on it, or begins that with `make`.
    ///
    /// # Errors
    /// A refusal that is remembered; `overloaded`: too many wait for this picture already.
    pub(crate) fn ask<Work>(&self, name: Name, make: impl FnOnce(Progress) -> Work) -> Result<Asked, Denial>
    where
        Work: Future<Output = Result<Kept, Denial>> + Send + 'static,
    {
        let mut state = locked(&self.state);
        // What is finished is kept before it leaves the list of flights: one look under one lock misses none.
        let old = match state.memory.find(&name, self.shelf.clock.millis()) {
            Some(Found::Good(outcome)) => {
                drop(state);
                self.shelf.metrics.derivative_asked("memory");
                return outcome.map(Asked::Held);
            }
            Some(Found::Old(kept)) => Some(kept),
            None => None,
        };
        let flight = match state.flights.get_mut(&name) {
            Some(flight) if flight.waiting >= self.waiting_for_one => {
                let detail = "too many wait for this picture";
                return Err(Denial {
                    retry_after_secs: Some(RETRY_AFTER_SECS),
                    ..Denial::new(Code::Overloaded, detail)
                });
            }
            Some(flight) => {
                self.shelf.metrics.derivative_asked("joined");
                flight
            }
            None => {
                let ttl = state.memory.ttl(&name);
                let flight = Flight::begin(&self.state, &self.shelf, name.clone(), old, ttl, make);
                state.flights.entry(name.clone()).or_insert(flight)
            }
        };
        Ok(Asked::Coming(flight.join(&self.state, name)))
    }
}

/// A picture that was asked for. Dropped, it is no longer waited for.
pub(crate) enum Asked {
    /// It is there.
    Held(Made),
    /// It is being made.
    Coming(Waiting),
}

impl Asked {
    /// The version of its source, once that is fetched. No pixel is worked on for who asks no more than this.
    pub(crate) async fn source_version(&mut self) -> Result<Arc<str>, Denial> {
        match self {
            Self::Held(made) => Ok(Arc::clone(&made.source_version)),
            Self::Coming(waiting) => waiting.source_version().await,
        }
    }

    /// The picture.
    pub(crate) async fn made(self) -> Result<Made, Denial> {
        match self {
            Self::Held(made) => Ok(made),
            Self::Coming(waiting) => waiting.made().await,
        }
    }
}
