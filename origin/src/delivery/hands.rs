//! The threads that do image work, one a core.
//!
//! Threads of their own, not the runtime's many: the allocator keeps what a thread has freed for that thread, and a picture's
//! tens of megabytes, kept for each of a hundred threads, were half a gigabyte. They run at a lower priority than the
//! runtime, so that a request for `/healthz` does not wait for a picture.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

/// How much nicer they are than the rest of the process.
const NICE: i32 = 5;

type Task = Box<dyn FnOnce() + Send>;

/// The threads; they end with this.
pub(super) struct Hands(mpsc::Sender<Task>);

/// The work ended without a result: it panicked, and the log says where.
#[derive(Debug, thiserror::Error)]
#[error("image work panicked")]
pub(super) struct Dropped;

impl Hands {
    /// Starts so many threads.
    pub(super) fn start(count: usize) -> std::io::Result<Self> {
        let (sender, tasks) = mpsc::channel::<Task>();
        let tasks = Arc::new(Mutex::new(tasks));
        for number in 0..count {
            let tasks = Arc::clone(&tasks);
            std::thread::Builder::new().name(format!("image-{number}")).spawn(move || serve(&tasks))?;
        }
        Ok(Self(sender))
    }

    /// Does one piece of work as soon as a thread is free.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Dropped> {
        let (sender, result) = oneshot::channel();
        // Nobody may want the result any more.
        let task = move || drop(sender.send(work()));
        self.0.send(Box::new(task)).map_err(|_| Dropped)?;
        result.await.map_err(|_| Dropped)
    }
}

fn serve(tasks: &Mutex<mpsc::Receiver<Task>>) {
    // On Linux this is the thread's own. Without it the work is done at the priority of the rest.
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "image work keeps its priority");
    }
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        // What it leaves half-made is dropped with it; the thread goes on.
        if catch_unwind(AssertUnwindSafe(task)).is_err() {
            tracing::error!("image work panicked outside of the engine");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dos3_a_panic_takes_neither_a_thread_nor_the_next_work_with_it() {
        let hands = Hands::start(1).unwrap();
        assert_eq!(hands.run(|| 1).await.unwrap(), 1);
        assert!(hands.run(|| -> u8 { panic!("as a codec would") }).await.is_err());
        assert_eq!(hands.run(|| std::thread::current().name().map(str::to_owned)).await.unwrap().unwrap(), "image-0");
    }
}
