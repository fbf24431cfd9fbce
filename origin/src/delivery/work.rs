//! Image work in a bounded pool: one piece a core, memory weighed before it is used, a queue no longer than the deadline.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use sealpix::denial::{Code, Denial};
use sealpix::operations::Operations;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::hands::Hands;
use super::refusal;
use crate::images::{Derivative, ImageError, Job, Limits, Mark, Settings, Until};
use crate::observe::metrics::Metrics;

/// How long a piece of work is taken to last before any was measured.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// The longest that a shed client is told to wait, in seconds.
const LONGEST_RETRY_SECS: u64 = 30;

/// Source bytes held at once, in MiB: 16 sources of the largest size, most of which are far smaller.
const SOURCES_MIB: u32 = 512;

/// What one source, by its host or its name, may have of that while it is fetched from: a slow one leaves a quarter to
/// others.
const SHARE_MIB: u32 = SOURCES_MIB / 4 * 3;

/// What large pieces of work may hold together: a quarter is left to small ones, of at most that each.
fn most_for_large(memory_mib: u32) -> u32 {
    (memory_mib / 4 * 3).max(1)
}

/// The pool.
pub struct Work {
    cores: Arc<Semaphore>,
    hands: Hands,
    memory: Arc<Semaphore>,
    memory_mib: u32,
    /// What large pieces have of it at most, together: they wait for each other, and small ones pass them.
    large: Arc<Semaphore>,
    source_mib: Arc<Semaphore>,
    shares: Shares,
    queue: Arc<Queue>,
    deadline: Duration,
    limits: Limits,
    metrics: Arc<Metrics>,
}

/// How many pieces of work whose sources are there are in the pool, waiting or at work, and how long each of late took.
#[derive(Debug)]
struct Queue {
    cores: u32,
    inside: AtomicU64,
    mean_micros: AtomicU64,
}

impl Queue {
    fn new(cores: usize) -> Self {
        let mean_micros = AtomicU64::new(micros(FIRST_GUESS));
        Self { cores: u32::try_from(cores.max(1)).unwrap_or(u32::MAX), inside: AtomicU64::new(0), mean_micros }
    }

    /// How long one who comes now waits for a core, by what was measured of late.
    fn wait(&self) -> Duration {
        let work = self.inside.load(Ordering::Relaxed).saturating_mul(self.mean_micros.load(Ordering::Relaxed));
        Duration::from_micros(work) / self.cores
    }

    /// A piece of work took so long. An eighth of the mean is the newest one's.
    fn took(&self, time: Duration) {
        let mean = self.mean_micros.load(Ordering::Relaxed);
        // Two that end at once may lose one of the two: it is a mean.
        self.mean_micros.store(mean - mean / 8 + micros(time) / 8, Ordering::Relaxed);
    }

    /// One more is inside until what this returns is dropped.
    fn enter(self: &Arc<Self>) -> Inside {
        self.inside.fetch_add(1, Ordering::Relaxed);
        Inside(Arc::clone(self))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A piece of work in the queue.
struct Inside(Arc<Queue>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Room for a source. Held from before the fetch until the work is done.
pub(super) struct Place {
    room: OwnedSemaphorePermit,
    /// Of the part that one source may have, until the fetch has ended.
    share: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// The source is there: gives back the room that it turned out not to need.
    pub(super) fn shrink_to(&mut self, source_bytes: usize) {
        self.share = None;
        let needed = mib(source_bytes as u64, SOURCES_MIB) as usize;
        if let Some(spare) = self.room.num_permits().checked_sub(needed) {
            drop(self.room.split(spare));
        }
    }
}

/// Each source's part of the room for sources, for as long as somebody fetches from it or waits to.
#[derive(Default)]
struct Shares(Mutex<HashMap<String, Weak<Semaphore>>>);

impl Shares {
    fn of(&self, source: &str) -> Arc<Semaphore> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = held.get(source).and_then(Weak::upgrade) {
            return share;
        }
        held.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(SHARE_MIB as usize));
        held.insert(source.to_owned(), Arc::downgrade(&share));
        share
    }
}

/// Whole MiB, at least one, at most `most`.
fn mib(bytes: u64, most: u32) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(most).clamp(1, most)
}

/// `overloaded`, to come back after `wait`.
fn shed(detail: &str, wait: Duration) -> Denial {
    let secs = wait.as_secs().saturating_add(1).min(LONGEST_RETRY_SECS);
    Denial { retry_after_secs: Some(secs), ..Denial::new(Code::Overloaded, detail) }
}

impl Work {
    /// A pool over this machine's cores.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        deadline: Duration,
        memory_bytes: u64,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let limits = Limits { settings, ..Limits::default() };
        let memory_mib = mib(memory_bytes, u32::MAX >> 3);
        Ok(Self {
            cores: Arc::new(Semaphore::new(cores)),
            hands: Hands::start(cores)?,
            memory: Arc::new(Semaphore::new(memory_mib as usize)),
            memory_mib,
            large: Arc::new(Semaphore::new(most_for_large(memory_mib) as usize)),
            source_mib: Arc::new(Semaphore::new(SOURCES_MIB as usize)),
            shares: Shares::default(),
            queue: Arc::new(Queue::new(cores)),
            deadline,
            limits: Limits { memory_bytes: limits.memory_bytes.min(u64::from(memory_mib) << 20), ..limits },
            metrics,
        })
    }

    /// Takes room for an original of up to `max_bytes` from `source`. Who fetches is in no queue for work: a slow source
    /// costs no core.
    pub(super) async fn enter(&self, source: &str, max_bytes: usize) -> Result<Place, Denial> {
        let mib = mib(max_bytes as u64, SHARE_MIB);
        let latest = Instant::now() + self.deadline;
        let full = || shed("the room for sources is full", self.queue.wait());
        // The share first: who waits for it holds no room that others could use.
        let share = permits(&self.shares.of(source), mib, latest).await.ok_or_else(full)?;
        let room = permits(&self.source_mib, mib, latest).await.ok_or_else(full)?;
        Ok(Place { room, share: Some(share) })
    }

    /// Sheds work, best before its source is fetched: where what is inside takes half of the deadline already, who comes
    /// now would leave too little of it to its own.
    pub(super) fn require_short_queue(&self) -> Result<(), Denial> {
        let wait = self.queue.wait();
        if wait > self.deadline / 2 { Err(shed("the queue for image work is full", wait)) } else { Ok(()) }
    }

    /// Memory for one piece of work. A large one waits for other large ones first, where it is in nobody's way.
    async fn memory(&self, needed_mib: u32, latest: Instant) -> Option<[Option<OwnedSemaphorePermit>; 2]> {
        let most = most_for_large(self.memory_mib);
        let large = if needed_mib > self.memory_mib - most {
            Some(permits(&self.large, needed_mib.min(most), latest).await?)
        } else {
            None
        };
        Some([large, Some(permits(&self.memory, needed_mib, latest).await?)])
    }

    /// Does the work, or sheds it. Where nobody waits any more, it ends before its next stage; the permits go with the
    /// work: a client that leaves does not free a busy core.
    pub(super) async fn run(&self, place: Place, task: Task) -> Result<Derivative, Denial> {
        // Again: while this one fetched, others came.
        self.require_short_queue()?;
        let inside = self.queue.enter();
        let asked = Instant::now();
        let until = Until::at((asked + self.deadline).into_std());
        let _wanted = until.waited_for();
        let (limits, queue, task) = (self.limits, Arc::clone(&self.queue), Arc::new(task));
        let weighed = Arc::clone(&task);
        let weighed = tokio::task::spawn_blocking(move || weighed.job(&limits).estimate_bytes());
        let bytes = weighed.await.map_err(|error| super::internal(&error))?.map_err(refusal::of_image)?;
        // Half of the deadline is for waiting, the other for the work. Memory before the core: a large piece waits for others
        // to end, not on a core that they could use.
        let latest = asked + self.deadline / 2;
        let memory = self.memory(mib(bytes, self.memory_mib), latest).await;
        let memory = memory.ok_or_else(|| shed("no memory became free in time", queue.wait()))?;
        let core = permits(&self.cores, 1, latest);
        let core = core.await.ok_or_else(|| shed("no core became free in time", queue.wait()))?;
        let waited = asked.elapsed();
        let (metrics, span) = (Arc::clone(&self.metrics), tracing::Span::current());
        let work = self.hands.run(move || {
            // Dropped in this order: who counts the work that has a core counts no more than there are cores.
            let _held = (metrics.work_begins(), inside, place, memory, core, span.entered());
            let began = Instant::now();
            let made = task.job(&limits).run(&until);
            queue.took(began.elapsed());
            if let Ok(derivative) = &made {
                metrics.picture_made(derivative.format.name(), began.elapsed());
            }
            made
        });
        let done = work.await.map_err(|error| super::internal(&error))?;
        done.map_err(|error| match error {
            // It is the crowd's fault, not the picture's, that it came to its core so late.
            ImageError::DeadlineExceeded if waited > self.deadline / 4 => {
                shed("the work came too late", self.queue.wait())
            }
            error => refusal::of_image(error),
        })
    }
}

/// What is to be done, with everything that it is done with.
pub(super) struct Task {
    /// The source's bytes.
    pub(super) source: Bytes,
    /// The negotiated operations.
    pub(super) operations: Operations,
    /// The watermark that they name.
    pub(super) mark: Option<Arc<Mark>>,
    /// Whether their format is what `auto` became.
    pub(super) is_negotiated: bool,
}

impl Task {
    fn job<'a>(&'a self, limits: &'a Limits) -> Job<'a> {
        Job {
            source: &self.source,
            operations: &self.operations,
            mark: self.mark.as_deref(),
            is_negotiated: self.is_negotiated,
            limits,
        }
    }
}

/// Permits, if there are so many before `deadline`.
async fn permits(of: &Arc<Semaphore>, count: u32, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    timeout_at(deadline, Arc::clone(of).acquire_many_owned(count)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_as_long_as_the_work_of_late_lets_it_be() {
        let queue = Arc::new(Queue::new(2));
        assert_eq!(queue.wait(), Duration::ZERO);
        let inside: Vec<_> = (0..60).map(|_| queue.enter()).collect();
        assert_eq!(queue.wait(), FIRST_GUESS * 30);
        for _ in 0..100 {
            queue.took(Duration::from_millis(800));
        }
        let wait = queue.wait();
        assert!(wait > Duration::from_secs(23) && wait < Duration::from_secs(25), "{wait:?}");
        drop(inside);
        assert_eq!(queue.wait(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_silent_source_leaves_a_quarter_of_the_room_to_others_and_fetching_is_no_work() {
        let metrics = Arc::new(Metrics::new(0));
        let work = Work::start(Duration::from_millis(200), 1 << 30, Settings::default(), metrics).unwrap();
        let mut silent = Vec::new();
        for _ in 0..12 {
            silent.push(work.enter("slow.example", 32 << 20).await.unwrap());
        }
        assert_eq!(work.queue.wait(), Duration::ZERO);
        let (more, other) = tokio::join!(work.enter("slow.example", 1), work.enter("@gallery", 128 << 20));
        assert_eq!(more.err().unwrap().code, Code::Overloaded);
        let mut other = other.unwrap();
        assert!(work.enter("third.example", 1).await.is_err(), "no room at all");
        other.shrink_to(1);
        silent.pop().unwrap().shrink_to(3 << 20);
        let (more, third) = tokio::join!(work.enter("slow.example", 32 << 20), work.enter("third.example", 1));
        assert!(more.is_ok() && third.is_ok());
        drop((silent, more, third));
        work.enter("next.example", 1).await.unwrap();
        assert_eq!(work.shares.0.lock().unwrap().len(), 1, "who fetches no more is forgotten");
    }

    #[tokio::test]
    async fn small_work_does_not_wait_for_memory_behind_large_work() {
        let work =
            Work::start(Duration::from_secs(9), 1 << 30, Settings::default(), Arc::new(Metrics::new(0))).unwrap();
        let soon = || Instant::now() + Duration::from_millis(50);
        let first = work.memory(700, soon()).await.unwrap();
        let (second, small) = tokio::join!(work.memory(700, soon()), async {
            tokio::task::yield_now().await;
            work.memory(200, Instant::now() + Duration::from_millis(5)).await
        });
        assert!(second.is_none() && small.is_some());
        drop((first, small));
        assert!(work.memory(1024, soon()).await.is_some(), "a piece that wants all of it, alone");
    }

    #[test]
    fn a_shed_client_is_told_when_to_come_again() {
        for (wait, told) in [(0, 1), (7, 8), (300, 30)] {
            assert_eq!(shed("full", Duration::from_secs(wait)).retry_after_secs, Some(told));
        }
    }
}
