//! The world: locations, the isolates that come and go in them, and the requests that they answer.
//!
//! A request does what the Worker does: it takes, and unless another one does so already it stays awake behind its
//! answer and settles whenever that is due, so that the last counts of a quiet isolate are written.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sealpix::quota::{Limits, Window};
use sealpix_edge::counters::durable::{Durable, Leases};
use sealpix_edge::counters::kv::{Kv, Shards};
use sealpix_edge::counters::local::Local;
use sealpix_edge::counters::{Counters, OnFailure};

use crate::clock::{Clock, Executor};
use crate::load::{Load, small};
use crate::naive::Naive;
use crate::random::Random;
use crate::stores::{Bill, FakeKv, FakeObject, Stores, Weather};

/// The one key of this world.
const SCOPE: &str = "pk_live_1";

/// When every world begins: a midnight.
const BEGAN_MILLIS: u64 = 20_000 * 86_400_000;

/// A task may outlive its answer by so much: as in the Worker's `limits.rs`.
const AWAKE_MILLIS: u64 = 25_000;

/// Which counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Counter {
    Kv,
    Durable,
    Naive,
    Local,
}

impl Counter {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Durable => "durable",
            Self::Naive => "naive",
            Self::Local => "local",
        }
    }
}

/// One simulated run.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) counter: Counter,
    /// The window that is measured; the load stays out of the other one's way.
    pub(crate) window: Window,
    pub(crate) locations: usize,
    pub(crate) isolates: usize,
    pub(crate) load: Load,
    pub(crate) minutes: u64,
    pub(crate) weather: Weather,
    /// How long an isolate lives on average, in seconds; 0 is for ever.
    pub(crate) life_secs: u32,
    pub(crate) on_failure: OnFailure,
    pub(crate) seed: u64,
}

/// What happened in one minute.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Minute {
    pub(crate) offered: u32,
    pub(crate) admitted: u32,
}

/// What happened.
pub(crate) struct Outcome {
    pub(crate) limit: f64,
    pub(crate) minutes: Vec<Minute>,
    pub(crate) bill: Bill,
}

/// What an isolate remembers.
enum Memory {
    Kv(Shards),
    Durable(Leases),
    Naive,
    Local(Local),
}

struct Isolate {
    writer: String,
    location: usize,
    dies_at: u64,
    memory: Memory,
    is_awake: Cell<bool>,
    stores: Rc<Stores>,
    on_failure: OnFailure,
}

impl Scenario {
    /// The limits of the key: the defaults, 600 a minute and 100,000 a day.
    pub(crate) fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Outcome {
        let clock = Clock::at(BEGAN_MILLIS);
        let stores = Stores::new(Rc::clone(&clock), self.locations, self.weather, self.seed);
        let mut executor = Executor::new(Rc::clone(&clock));
        let mut random = Random::new(self.seed);
        let mut places: Vec<Option<Rc<Isolate>>> = Vec::new();
        places.resize_with(self.locations * self.isolates, || None);
        let minutes = Rc::new(RefCell::new(vec![Minute::default(); usize::try_from(self.minutes).unwrap_or(0)]));
        let limit = f64::from(self.window.limit(self.limits()));
        let per_sec = limit / small(usize::try_from(self.window.secs()).unwrap_or(0));
        for sec in 0..self.minutes * 60 {
            let mut arrivals = Vec::new();
            for location in 0..self.locations {
                let expected = self.load.rate(sec, location, self.locations, per_sec, self.seed);
                for _ in 0..self.load.at_once(sec, location, self.locations, self.limits().minute) {
                    arrivals.push((BEGAN_MILLIS + sec * 1000, location));
                }
                for _ in 0..random.poisson(expected) {
                    arrivals.push((BEGAN_MILLIS + sec * 1000 + random.below(1000), location));
                }
            }
            arrivals.sort_unstable();
            for (at, location) in arrivals {
                executor.run_until(at);
                let place =
                    location * self.isolates + usize::try_from(random.bits() >> 33).unwrap_or(0) % self.isolates;
                let isolate = places[place].take().filter(|isolate| at < isolate.dies_at);
                let isolate = isolate.unwrap_or_else(|| self.isolate(location, at, &stores, &mut random));
                places[place] = Some(Rc::clone(&isolate));
                clock.spawn(answer(
                    isolate,
                    self.limits(),
                    Rc::clone(&minutes),
                    usize::try_from(sec / 60).unwrap_or(0),
                ));
            }
            executor.run_until(BEGAN_MILLIS + (sec + 1) * 1000);
        }
        let minutes = minutes.borrow().clone();
        Outcome { limit, minutes, bill: stores.bill.get() }
    }

    fn isolate(&self, location: usize, at: u64, stores: &Rc<Stores>, random: &mut Random) -> Rc<Isolate> {
        let lives = (random.exponential(f64::from(self.life_secs)) * 1000.0).min(1e12);
        let lives = if self.life_secs == 0 { u64::MAX } else { format!("{lives:.0}").parse().unwrap_or(u64::MAX) };
        Rc::new(Isolate {
            writer: format!("L{location}.{:016x}", random.bits()),
            location,
            dies_at: at.saturating_add(lives),
            memory: match self.counter {
                Counter::Kv => Memory::Kv(Shards::new()),
                Counter::Durable => Memory::Durable(Leases::new()),
                Counter::Naive => Memory::Naive,
                Counter::Local => Memory::Local(Local::new()),
            },
            is_awake: Cell::new(false),
            stores: Rc::clone(stores),
            on_failure: self.on_failure,
        })
    }
}

async fn answer(isolate: Rc<Isolate>, limits: Limits, minutes: Rc<RefCell<Vec<Minute>>>, minute: usize) {
    let (on_failure, stores) = (isolate.on_failure, Rc::clone(&isolate.stores));
    let kv = FakeKv { stores: Rc::clone(&stores), location: isolate.location };
    match &isolate.memory {
        Memory::Kv(shards) => {
            one(&Kv { shards, store: kv, writer: &isolate.writer, on_failure }, &isolate, limits, &minutes, minute)
                .await
        }
        Memory::Durable(leases) => {
            one(&Durable { leases, ledger: FakeObject(stores), on_failure }, &isolate, limits, &minutes, minute).await
        }
        Memory::Naive => one(&Naive(kv), &isolate, limits, &minutes, minute).await,
        Memory::Local(local) => one(local, &isolate, limits, &minutes, minute).await,
    }
}

async fn one(
    counters: &impl Counters,
    isolate: &Isolate,
    limits: Limits,
    minutes: &RefCell<Vec<Minute>>,
    minute: usize,
) {
    let clock = &isolate.stores.clock;
    let verdict = counters.take(SCOPE, limits, clock.now()).await;
    if let Some(minute) = minutes.borrow_mut().get_mut(minute) {
        minute.offered += 1;
        minute.admitted += u32::from(verdict.is_ok_and(|verdict| verdict.admitted));
    }
    let Some(mut at) = counters.due_at() else { return };
    if isolate.is_awake.replace(true) {
        return;
    }
    let awake_until = clock.now() + AWAKE_MILLIS;
    while at < awake_until {
        clock.sleep(at.saturating_sub(clock.now())).await;
        if clock.now() >= isolate.dies_at {
            return;
        }
        counters.settle(clock.now()).await;
        let Some(next) = counters.due_at() else { break };
        at = next.max(clock.now() + 1);
    }
    isolate.is_awake.set(false);
}

impl Outcome {
    /// Admitted / limit from one minute to another, both counted from 1.
    pub(crate) fn of_limit(&self, from: usize, to: usize) -> f64 {
        let minutes = &self.minutes[from - 1..to];
        let admitted: u32 = minutes.iter().map(|minute| minute.admitted).sum();
        f64::from(admitted) / (self.limit * small(minutes.len()))
    }

    /// All that was admitted, as a part of the limit: for a day.
    pub(crate) fn of_day(&self) -> f64 {
        self.minutes.iter().map(|minute| f64::from(minute.admitted)).sum::<f64>() / self.limit
    }

    /// The part of the offered requests that were admitted.
    pub(crate) fn admitted(&self, from: usize, to: usize) -> f64 {
        let minutes = &self.minutes[from - 1..to];
        let offered: u32 = minutes.iter().map(|minute| minute.offered).sum();
        let admitted: u32 = minutes.iter().map(|minute| minute.admitted).sum();
        f64::from(admitted) / f64::from(offered.max(1))
    }
}
