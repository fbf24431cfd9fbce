//! Image work in a bounded pool: one piece a core, a bounded queue before it, a deadline over both.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sealpix::denial::{Code, Denial};
use sealpix::operations::Operations;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal;
use crate::images::{self, Derivative, Limits, Mark};
use crate::observe::metrics::Metrics;

/// Requests that may wait for a core, for each core: at 100 ms a picture, the last of them waits under two seconds.
const WAITING_PER_CORE: usize = 16;

/// What a shed client is told to wait, in seconds: the queue is empty again by then.
const RETRY_AFTER_SECS: u64 = 2;

/// Source bytes held at once, in MiB: 16 sources of the largest size, most of which are far smaller.
const SOURCES_MIB: u32 = 512;

/// The pool.
pub struct Work {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
    source_mib: Arc<Semaphore>,
    deadline: Duration,
    limits: Limits,
    metrics: Arc<Metrics>,
}

/// A place in the queue and room for a source. Held from before the fetch until the work is done.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    room: OwnedSemaphorePermit,
}

impl Place {
    /// Gives back the room that the source turned out not to need.
    pub(super) fn shrink_to(&mut self, source_bytes: usize) {
        let needed = mib(source_bytes) as usize;
        if let Some(spare) = self.room.num_permits().checked_sub(needed) {
            drop(self.room.split(spare));
        }
    }
}

/// Whole MiB, at least one, at most all there are.
fn mib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(SOURCES_MIB).clamp(1, SOURCES_MIB)
}

fn shed(detail: &str) -> Denial {
    Denial { retry_after_secs: Some(RETRY_AFTER_SECS), ..Denial::new(Code::Overloaded, detail) }
}

impl Work {
    /// A pool over this machine's cores.
    #[must_use]
    pub fn new(deadline: Duration, metrics: Arc<Metrics>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            source_mib: Arc::new(Semaphore::new(SOURCES_MIB as usize)),
            deadline,
            limits: Limits::default(),
            metrics,
        }
    }

    /// Takes a place and room for a source of up to `max_bytes`, or sheds the request before anything is fetched.
    pub(super) async fn enter(&self, max_bytes: usize) -> Result<Place, Denial> {
        let full = || shed("the queue for image work is full");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        let room = Arc::clone(&self.source_mib).acquire_many_owned(mib(max_bytes));
        let room = tokio::time::timeout(self.deadline, room).await.map_err(|_| full())?.map_err(|_| full())?;
        Ok(Place { _place: place, room })
    }

    /// Does the work, or sheds it. The permits go with the work: a client that leaves does not free a busy core.
    pub(super) async fn run(
        &self,
        place: Place,
        source: Bytes,
        mark: Option<Arc<Mark>>,
        operations: Operations,
    ) -> Result<Derivative, Denial> {
        let late = || shed("no core became free in time");
        let deadline = tokio::time::Instant::now() + self.deadline;
        let core = tokio::time::timeout_at(deadline, Arc::clone(&self.cores).acquire_owned())
            .await
            .map_err(|_| late())?
            .map_err(|_| late())?;
        let limits = self.limits;
        let (metrics, span) = (Arc::clone(&self.metrics), tracing::Span::current());
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, core, metrics.work_begins(), span.entered());
            let began = tokio::time::Instant::now();
            let made = images::process_marked(&source, mark.as_deref(), &operations, &limits, deadline.into_std());
            if let Ok(derivative) = &made {
                metrics.picture_made(derivative.format.name(), began.elapsed());
            }
            made
        });
        let done = work.await.map_err(|error| super::internal(&error))?;
        done.map_err(refusal::of_image)
    }
}
