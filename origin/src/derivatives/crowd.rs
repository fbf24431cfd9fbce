//! One piece of work and those who wait for it.
//!
//! The work runs in a task of its own, which the list of flights knows by name. Who waits is counted under the list's lock;
//! the last one to leave takes the flight off the list and aborts the task. A flight that ends takes itself off, so that
//! what begins after is new.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpix::denial::{Code, Denial};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::{Kept, Made, Name, Shelf, State, locked};
use crate::sources::Validator;

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
    /// Begins the work on a picture that is not there, or, `old`, is good no longer. The list must be locked until the flight
    /// is on it, and somebody waits.
    pub(super) fn begin<Work>(
        state: &Arc<Mutex<State>>,
        shelf: &Arc<Shelf>,
        name: Name,
        old: Option<Kept>,
        ttl: Duration,
        make: impl FnOnce(Progress) -> Work,
    ) -> Self
    where
        Work: Future<Output = Result<Kept, Denial>> + Send + 'static,
    {
        let (sender, stage) = watch::channel(Stage::Begun);
        let (sender, wanted) = (Arc::new(sender), Arc::new(Notify::new()));
        let begun = shelf.clock.millis();
        let progress = Progress {
            stage: Arc::clone(&sender),
            wanted: Arc::clone(&wanted),
            shelf: Arc::clone(shelf),
            name: name.clone(),
            old,
            ttl,
            begun,
        };
        let (work, shelf) = (make(progress), Arc::clone(shelf));
        let (state, listed_by) = (Arc::clone(state), Arc::clone(&wanted));
        let task = async move {
            // Here and not before: a runtime that shuts down drops the task in `spawn`, under the lock that this one takes.
            // Work that never ran leaves the list with the last who waits for it.
            let listed = Listed { state, name, wanted: listed_by };
            let outcome = work.await;
            let is_in_memory = locked(&listed.state).keep(&listed.name, &outcome, begun);
            if let Ok(kept) = &outcome
                && kept.checked == begun
                && (kept.whole == begun || !is_in_memory)
            {
                // That a source was asked is written only where memory does not know it: one write a fetch is enough.
                shelf.disk.keep(&listed.name, kept.clone());
            }
            drop(listed);
            sender.send_replace(Stage::Ended(outcome.map(|kept| kept.made)));
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

/// What the work begins with, and how it tells those who wait where it is.
pub(crate) struct Progress {
    stage: Arc<watch::Sender<Stage>>,
    wanted: Arc<Notify>,
    shelf: Arc<Shelf>,
    name: Name,
    /// The picture as it was made before, if its source has not changed.
    old: Option<Kept>,
    ttl: Duration,
    /// Unix milliseconds.
    begun: u64,
}

impl Progress {
    /// The picture, if it is on disk and good. One that is not is remembered for the questions below, as one of memory is.
    pub(crate) async fn on_disk(&mut self) -> Option<Kept> {
        if self.old.is_none() && !self.ttl.is_zero() {
            self.old = self.shelf.disk.find(&self.name).await;
        }
        let good = self.old.take_if(|old| old.is_good(self.ttl, self.begun));
        match (&good, &self.old) {
            (Some(_), _) => self.shelf.metrics.derivative_asked("disk"),
            (None, None) => self.shelf.metrics.derivative_asked("made"),
            (None, Some(_)) => {}
        }
        good
    }

    /// What to ask the source by: whether it has changed.
    pub(crate) fn validator(&self) -> Option<&Validator> {
        self.old.as_ref()?.believed(self.begun)
    }

    /// The source has not changed: the picture is good for another time. Without one, somebody answered what was not asked.
    pub(crate) fn unchanged(self) -> Result<Kept, Denial> {
        let old = self.old.ok_or(Code::Internal)?;
        self.shelf.metrics.derivative_asked("renewed");
        Ok(Kept { checked: self.begun, ..old })
    }

    /// The source was fetched, and is what the picture was made of.
    pub(crate) fn unchanged_content(&mut self, source_version: &str, validator: Option<&Validator>) -> Option<Kept> {
        let old = self.old.take_if(|old| *old.made.source_version == *source_version);
        if let Some(old) = old {
            self.shelf.metrics.derivative_asked("renewed");
            return Some(Kept { validator: validator.cloned(), checked: self.begun, whole: self.begun, ..old });
        }
        if self.old.take().is_some() {
            self.shelf.metrics.derivative_asked("made");
        }
        None
    }

    /// The picture was made, of an original that was fetched whole.
    pub(crate) fn made(&self, made: Made, validator: Option<Validator>) -> Kept {
        Kept { made, validator, checked: self.begun, whole: self.begun }
    }

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
