//! One piece of work and those who wait for it.
//!
//! The work runs in a task of its own, which the list of flights knows by name. Who waits is counted under the list's lock;
//! the last one to leave takes the flight off the list and aborts the task. A flight that ends takes itself off, so that
//! what begins after is new.

use std::future::Future;
use std::sync::{Arc, Mutex};

use sealpix::denial::{Code, Denial};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Made, Name, State, locked};

/// How far the work is.
#[derive(Debug, Clone)]
enum Stage {
    Begun,
    /// The source is there, of this version.
    Fetched(Arc<str>),
    Ended(Result<Made, Denial>),
}

/// Work under way.
pub(super) struct Flight {
    stage: watch::Receiver<Stage>,
    wanted: Arc<Notify>,
    task: AbortHandle,
    /// How many wait for it.
    pub(super) waiting: usize,
}

impl Flight {
    /// Begins the work. The list must be locked until the flight is on it, and somebody waits.
    pub(super) fn begin<Work>(state: &Arc<Mutex<State>>, name: Name, make: impl FnOnce(Progress) -> Work) -> Self
    where
        Work: Future<Output = Result<Made, Denial>> + Send + 'static,
    {
        let (sender, stage) = watch::channel(Stage::Begun);
        let (sender, wanted) = (Arc::new(sender), Arc::new(Notify::new()));
        let work = make(Progress { stage: Arc::clone(&sender), wanted: Arc::clone(&wanted) });
        let listed = Listed { state: Arc::clone(state), name, wanted: Arc::clone(&wanted) };
        let task = async move {
            let begun = Instant::now();
            let outcome = work.await;
            locked(&listed.state).keep(&listed.name, &outcome, begun);
            drop(listed);
            sender.send_replace(Stage::Ended(outcome));
        };
        let task = tokio::spawn(task.in_current_span()).abort_handle();
        Self { stage, wanted, task, waiting: 0 }
    }

    /// One more waits.
    pub(super) fn join(&mut self, state: &Arc<Mutex<State>>, name: Name) -> Waiting {
        self.waiting += 1;
        Waiting { stage: self.stage.clone(), wanted: Arc::clone(&self.wanted), state: Arc::clone(state), name }
    }
}

/// The flight's place on the list, left however the work ends: also where it panics.
struct Listed {
    state: Arc<Mutex<State>>,
    name: Name,
    wanted: Arc<Notify>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        // An aborted task may end when another flight has its name already.
        if state.flights.get(&self.name).is_some_and(|flight| Arc::ptr_eq(&flight.wanted, &self.wanted)) {
            state.flights.remove(&self.name);
        }
    }
}

/// How the work tells those who wait where it is.
pub(crate) struct Progress {
    stage: Arc<watch::Sender<Stage>>,
    wanted: Arc<Notify>,
}

impl Progress {
    /// The source is there; returns once somebody wants more than its version. Where nobody does, the work is aborted here.
    pub(crate) async fn fetched(&self, source_version: Arc<str>) {
        self.stage.send_replace(Stage::Fetched(source_version));
        self.wanted.notified().await;
    }
}

/// One who waits.
pub(crate) struct Waiting {
    stage: watch::Receiver<Stage>,
    wanted: Arc<Notify>,
    state: Arc<Mutex<State>>,
    name: Name,
}

impl Waiting {
    pub(super) async fn source_version(&mut self) -> Result<Arc<str>, Denial> {
        match self.reaches(|stage| !matches!(stage, Stage::Begun)).await? {
            Stage::Fetched(version) => Ok(version),
            Stage::Ended(outcome) => outcome.map(|made| made.source_version),
            Stage::Begun => Err(Code::Internal.into()),
        }
    }

    pub(super) async fn made(mut self) -> Result<Made, Denial> {
        // Kept for the work if it does not ask yet, and one is as good as many.
        self.wanted.notify_one();
        match self.reaches(|stage| matches!(stage, Stage::Ended(_))).await? {
            Stage::Ended(outcome) => outcome,
            Stage::Begun | Stage::Fetched(_) => Err(Code::Internal.into()),
        }
    }

    async fn reaches(&mut self, stage: impl FnMut(&Stage) -> bool) -> Result<Stage, Denial> {
        // It ends without an outcome only by a panic, whose message is in the log.
        let reached = self.stage.wait_for(stage).await.map_err(|_| Denial::from(Code::Internal))?;
        Ok(reached.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        let Some(flight) = state.flights.get_mut(&self.name) else { return };
        if !Arc::ptr_eq(&flight.wanted, &self.wanted) {
            return;
        }
        flight.waiting -= 1;
        if flight.waiting == 0
            && let Some(flight) = state.flights.remove(&self.name)
        {
            drop(state);
            flight.task.abort();
        }
    }
}
