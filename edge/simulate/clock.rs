//! Virtual time: futures that sleep, and the loop that wakes them in order. A day passes in a second.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The clock, the sleepers and the tasks to begin.
#[derive(Default)]
pub(crate) struct Clock {
    now: Cell<u64>,
    polled: Cell<usize>,
    sleeping: RefCell<BinaryHeap<Reverse<(u64, u64, usize)>>>,
    sequence: Cell<u64>,
    fresh: RefCell<Vec<Task>>,
}

impl Clock {
    /// A clock that stands at `now`, in unix milliseconds.
    pub(crate) fn at(now: u64) -> Rc<Self> {
        Rc::new(Self { now: Cell::new(now), ..Self::default() })
    }

    /// The time.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Begins a task: what a Worker gives to `wait_until`.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.fresh.borrow_mut().push(Box::pin(task));
    }

    /// Waits so many milliseconds.
    pub(crate) fn sleep(self: &Rc<Self>, millis: u64) -> Sleep {
        Sleep { until: self.now() + millis, clock: Rc::clone(self), is_set: false }
    }
}

/// A wait that ends by itself.
pub(crate) struct Sleep {
    until: u64,
    clock: Rc<Clock>,
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.is_set {
            self.is_set = true;
            let sequence = self.clock.sequence.get();
            self.clock.sequence.set(sequence + 1);
            self.clock.sleeping.borrow_mut().push(Reverse((self.until, sequence, self.clock.polled.get())));
        }
        Poll::Pending
    }
}

/// Runs tasks.
pub(crate) struct Executor {
    clock: Rc<Clock>,
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
}

impl Executor {
    /// With nothing to do.
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        Self { clock, tasks: Vec::new(), free: Vec::new() }
    }

    /// Runs everything that happens until `until`, and moves the clock there.
    pub(crate) fn run_until(&mut self, until: u64) {
        self.begin_fresh();
        loop {
            let due = self.clock.sleeping.borrow().peek().map(|Reverse((at, _, task))| (*at, *task));
            let Some((at, task)) = due.filter(|(at, _)| *at <= until) else { break };
            self.clock.sleeping.borrow_mut().pop();
            self.clock.now.set(at);
            self.poll(task);
            self.begin_fresh();
        }
        self.clock.now.set(until);
    }

    fn begin_fresh(&mut self) {
        loop {
            let fresh = std::mem::take(&mut *self.clock.fresh.borrow_mut());
            if fresh.is_empty() {
                return;
            }
            for task in fresh {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.tasks.push(None);
                    self.tasks.len() - 1
                });
                self.tasks[place] = Some(task);
                self.poll(place);
            }
        }
    }

    fn poll(&mut self, place: usize) {
        self.clock.polled.set(place);
        let Some(task) = &mut self.tasks[place] else { return };
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.tasks[place] = None;
            self.free.push(place);
        }
    }
}
