//! Finished pictures, each made once for all who ask for it at once.
//!
//! [`Derivatives::ask`] finds the work that is under way for a name, or begins it. What holds:
//! - everyone passed the gate and the limits before asking: a picture is shared, an admission never (SIG-17);
//! - everyone who waits gets the same bytes or the same refusal; who waits holds no place in the queue for work;
//! - the work belongs to those who wait, not to whom it began with: it goes on while one of them is left, and stops when
//!   none is (DOS-9);
//! - a name holds the epochs and the project's version, so that nobody joins work that was begun before a purge or a change
//!   of the project.

mod crowd;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sealpix::denial::{Code, Denial};
use sealpix::gate::Admission;
use sealpix::operations::Operations;

pub(crate) use crowd::Progress;
use crowd::{Flight, Waiting};

use crate::images::Format;
use crate::observe::metrics::Metrics;

/// Who may wait for one picture, at most: a few KiB each, and the queue for work bounds how many pictures are waited for.
const WAITING_FOR_ONE: usize = 1024;

/// What a client is told to wait, in seconds, where too many wait: the picture is there by then.
const RETRY_AFTER_SECS: u64 = 2;

/// What makes a picture's bytes: the name that the edge's cache uses, too, and the project's version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(Arc<str>);

impl Name {
    /// Of an admitted request with its negotiated operations. The version is that of the project's row: redirects of
    /// remote sources lead where its rules admit, and these stand in no cache key.
    pub(crate) fn of(admission: &Admission, operations: &Operations, project_version: u64) -> Self {
        Self(format!("{}-{project_version}", admission.cache_key(operations)).into())
    }
}

/// A finished picture; a clone shares its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The version of the source that it was made of.
    pub(crate) source_version: Arc<str>,
    /// The whole file.
    pub(crate) bytes: Bytes,
    /// Its format.
    pub(crate) format: Format,
}

/// The pictures that are being made.
pub(crate) struct Derivatives {
    state: Arc<Mutex<State>>,
    metrics: Arc<Metrics>,
    waiting_for_one: usize,
}

#[derive(Default)]
struct State {
    flights: HashMap<Name, Flight>,
}

/// Nothing that panics happens under the lock; were it so, what is held is still whole.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Derivatives {
    /// None yet.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { state: Arc::default(), metrics, waiting_for_one: WAITING_FOR_ONE }
    }

    /// Joins the work on a picture, or begins it with `make`.
    ///
    /// # Errors
    /// `overloaded`: too many wait for this picture already.
    pub(crate) fn ask<Work>(&self, name: Name, make: impl FnOnce(Progress) -> Work) -> Result<Asked, Denial>
    where
        Work: Future<Output = Result<Made, Denial>> + Send + 'static,
    {
        let mut state = locked(&self.state);
        let (flight, result) = match state.flights.get_mut(&name) {
            Some(flight) if flight.waiting >= self.waiting_for_one => {
                let detail = "too many wait for this picture";
                return Err(Denial {
                    retry_after_secs: Some(RETRY_AFTER_SECS),
                    ..Denial::new(Code::Overloaded, detail)
                });
            }
            Some(flight) => (flight, "joined"),
            None => {
                let flight = Flight::begin(&self.state, name.clone(), make);
                (state.flights.entry(name.clone()).or_insert(flight), "made")
            }
        };
        self.metrics.derivative_asked(result);
        Ok(Asked(flight.join(&self.state, name)))
    }
}

/// A picture that was asked for. Dropped, it is no longer waited for.
pub(crate) struct Asked(Waiting);

impl Asked {
    /// The version of its source, once that is fetched. No pixel is worked on for who asks no more than this.
    pub(crate) async fn source_version(&mut self) -> Result<Arc<str>, Denial> {
        self.0.source_version().await
    }

    /// The picture.
    pub(crate) async fn made(self) -> Result<Made, Denial> {
        self.0.made().await
    }
}
