//! The limits at this edge: which counter is bound, and when it writes and reads behind the answers' backs.
//!
//! A Durable Object counts where its binding exists, else a KV namespace, else each isolate alone. The counting itself
//! is in `counters`, which knows nothing of the platform; here are its stores.

mod address;
mod object;
mod shards;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sealpix::denial::{Code, Denial};
use sealpix::quota::{Limits, Verdict};
use sealpix::usage::Event;
use worker::{Context, Delay, Env};

use crate::clock;
use crate::counters::durable::{Durable, Leases};
use crate::counters::kv::{Kv, Shards};
use crate::counters::local::Local;
use crate::counters::{Counters, OnFailure};
use crate::events;
use crate::kv;
use crate::response::Refusal;
use crate::trace::trouble;
use object::Objects;

pub(crate) use address::AddressLimit;

/// What counts requests and limits addresses, for the doctor.
pub(crate) const BINDINGS: [&str; 3] = [SHARDS_BINDING, OBJECT_BINDING, address::BINDING];

/// The KV namespace of the shards.
const SHARDS_BINDING: &str = "COUNTERS";

/// The Durable Object's namespace.
const OBJECT_BINDING: &str = "KEY_COUNTER";

/// How long work behind an answer's back may go on: the platform gives it 30 seconds.
const BEHIND_MILLIS: u64 = 25_000;

thread_local! {
    static SHARDS: Rc<Shards> = Rc::new(Shards::new());
    static LEASES: Rc<Leases> = Rc::new(Leases::new());
    static LOCAL: Rc<Local> = Rc::new(Local::new());
    static WRITER: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
    static AWAKE_UNTIL: Cell<u64> = const { Cell::new(0) };
    static FAILURES_TOLD: Cell<u64> = const { Cell::new(0) };
}

/// The limiter of one request.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    on_failure: OnFailure,
    store: Store,
}

#[derive(Debug, Clone)]
enum Store {
    Objects(Objects),
    Shards(kv::Kv, Rc<str>),
    None,
}

impl Limiter {
    /// The counter that is bound. `place` is the data centre's name, for the isolate's own.
    pub(crate) fn bind(env: &Env, on_failure: OnFailure, place: impl FnOnce() -> String) -> Self {
        let store = if let Some(objects) = kv::binding_of(env, OBJECT_BINDING) {
            Store::Objects(Objects::new(objects))
        } else if let Some(shards) = kv::Kv::bind(env, SHARDS_BINDING) {
            Store::Shards(shards, writer(place))
        } else {
            Store::None
        };
        Self { on_failure, store }
    }

    /// Takes one request of a key from its limits; what is to be written is written behind the answer's back.
    pub(crate) async fn take(
        &self,
        scope: &str,
        limits: Limits,
        now_millis: u64,
        (context, request_id): (&Context, &str),
    ) -> Result<Verdict, Refusal> {
        let on_failure = self.on_failure;
        let (verdict, due_at, failures) = match &self.store {
            Store::Objects(objects) => {
                let leases = LEASES.with(Rc::clone);
                let counter = Durable { leases: &leases, ledger: objects.clone(), on_failure };
                (counter.take(scope, limits, now_millis).await, counter.due_at(), counter.failures())
            }
            Store::Shards(store, writer) => {
                let shards = SHARDS.with(Rc::clone);
                let counter = Kv { shards: &shards, store: store.clone(), writer, on_failure };
                (counter.take(scope, limits, now_millis).await, counter.due_at(), counter.failures())
            }
            Store::None => (LOCAL.with(Rc::clone).take(scope, limits, now_millis).await, None, 0),
        };
        if let Some(due_at) = due_at.filter(|_| AWAKE_UNTIL.get() <= now_millis) {
            let until = now_millis.saturating_add(BEHIND_MILLIS);
            AWAKE_UNTIL.set(until);
            context.wait_until(self.clone().settle(due_at, until, request_id.to_owned()));
        }
        tell(failures, request_id);
        verdict.map_err(|unavailable| Denial::new(Code::CounterUnavailable, unavailable.to_string()).into())
    }

    /// Sleeps until something is due and does it, as long as the platform lets it: what is due soon after the last
    /// request of an isolate is done too.
    async fn settle(self, mut due_at: u64, until: u64, request_id: String) {
        while due_at < until {
            Delay::from(Duration::from_millis(due_at.saturating_sub(clock::now_millis()))).await;
            let (next, failures) = self.settle_now(clock::now_millis()).await;
            tell(failures, &request_id);
            let Some(next) = next else { break };
            due_at = next;
        }
        // Not the mark of one that came later.
        if AWAKE_UNTIL.get() == until {
            AWAKE_UNTIL.set(0);
        }
    }

    /// Does what is due; when the next is, and how often the store has failed.
    async fn settle_now(&self, now_millis: u64) -> (Option<u64>, u64) {
        let on_failure = self.on_failure;
        match &self.store {
            Store::Objects(objects) => {
                let leases = LEASES.with(Rc::clone);
                let counter = Durable { leases: &leases, ledger: objects.clone(), on_failure };
                counter.settle(now_millis).await;
                (counter.due_at(), counter.failures())
            }
            Store::Shards(store, writer) => {
                let shards = SHARDS.with(Rc::clone);
                let counter = Kv { shards: &shards, store: store.clone(), writer, on_failure };
                counter.settle(now_millis).await;
                (counter.due_at(), counter.failures())
            }
            Store::None => (None, 0),
        }
    }
}

/// Which counter is bound.
pub(crate) fn counter(env: &Env) -> &'static str {
    let is_bound = |binding| kv::binding_of(env, binding).is_some();
    if is_bound(OBJECT_BINDING) {
        "durable"
    } else if is_bound(SHARDS_BINDING) {
        "kv"
    } else {
        "local"
    }
}

/// Tells the operator of a store that has failed since the last time.
fn tell(failures: u64, request_id: &str) {
    if FAILURES_TOLD.replace(failures) < failures {
        events::note(Event::CounterFailure);
        trouble(request_id, "the rate counter's store fails: SEALPIX_ON_COUNTER_FAILURE says what follows");
    }
}

/// The isolate's name among all that write shards: where it is, and random hex digits.
fn writer(place: impl FnOnce() -> String) -> Rc<str> {
    WRITER.with_borrow_mut(|writer| {
        writer.get_or_insert_with(|| format!("{}.{}", place(), clock::random_hex()).into()).clone()
    })
}
