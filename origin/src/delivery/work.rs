//! Image work in a bounded pool: one piece a core, a bounded queue before it, a deadline over both.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sealpix::denial::{Code, Denial};
use sealpix::operations::Operations;
use tokio::sync::Semaphore;

use super::refusal;
use crate::images::{self, Derivative, Limits};

/// Requests that may wait for a core, for each core: at 100 ms a picture, the last of them waits under two seconds.
const WAITING_PER_CORE: usize = 16;

/// What a shed client is told to wait, in seconds: the queue is empty again by then.
const RETRY_AFTER_SECS: u64 = 2;

/// The pool.
pub struct Work {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
    deadline: Duration,
    limits: Limits,
}

impl Work {
    /// A pool over this machine's cores.
    #[must_use]
    pub fn new(deadline: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            deadline,
            limits: Limits::default(),
        }
    }

    /// Does the work, or sheds it. The permits go with the work: a client that leaves does not free a busy core.
    pub(super) async fn run(&self, source: Bytes, operations: Operations) -> Result<Derivative, Denial> {
        let shed = || Denial {
            retry_after_secs: Some(RETRY_AFTER_SECS),
            ..Denial::new(Code::Overloaded, "the queue for image work is full")
        };
        let deadline = tokio::time::Instant::now() + self.deadline;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| shed())?;
        let core = tokio::time::timeout_at(deadline, Arc::clone(&self.cores).acquire_owned())
            .await
            .map_err(|_| shed())?
            .map_err(|_| shed())?;
        let limits = self.limits;
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            images::process(&source, &operations, &limits, deadline.into_std())
        });
        let done = work.await.map_err(|error| super::internal(&error))?;
        done.map_err(refusal::of_image)
    }
}
