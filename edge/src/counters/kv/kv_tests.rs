//! The rules of the KV counter, one by one. The loads are in `simulate/`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

const LIMITS: Limits = Limits { minute: 600, day: 100_000 };
const MINUTE: u64 = 60_000;
/// A minute that is not the first of its day.
const BEGAN: u64 = 100 * MINUTE;

/// A namespace without lag that can be told to fail.
#[derive(Debug, Default)]
struct Namespace {
    keys: RefCell<BTreeMap<String, (Shard, u64)>>,
    error: Cell<Option<StoreError>>,
    calls: Cell<u32>,
}

impl Namespace {
    fn answer<T>(&self, act: impl FnOnce() -> T) -> Result<T, StoreError> {
        self.calls.set(self.calls.get() + 1);
        self.error.get().map_or_else(|| Ok(act()), Err)
    }

    fn has(&self, window: &str, writer: &str, shard: Shard) {
        let name = format!("rl:{}:{window}:{writer}", sealpix::quota::scope_name("key"));
        self.keys.borrow_mut().insert(name, (shard, 0));
    }
}

impl ShardStore for &Namespace {
    async fn put(&self, name: &str, shard: Shard, expires_at: u64) -> Result<(), StoreError> {
        self.answer(|| {
            self.keys.borrow_mut().insert(name.to_owned(), (shard, expires_at));
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Shard)>, StoreError> {
        self.answer(|| {
            let keys = self.keys.borrow();
            let listed = keys.iter().filter(|(name, _)| name.starts_with(prefix));
            listed.map(|(name, (shard, _))| (name.clone(), *shard)).collect()
        })
    }
}

fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the namespace answers at once"),
    }
}

fn counter<'a>(shards: &'a Shards, store: &'a Namespace, on_failure: OnFailure) -> Kv<'a, &'a Namespace> {
    Kv { shards, store, writer: "FRA.1", on_failure }
}

/// So many requests, and a settling whenever one is due; how many were admitted.
fn offer(kv: &Kv<'_, &Namespace>, count: u32, now: u64) -> u32 {
    let one = |_| {
        let verdict = done(kv.take("key", LIMITS, now));
        done(kv.settle(now));
        u32::from(verdict.is_ok_and(|verdict| verdict.admitted))
    };
    (0..count).map(one).sum()
}

#[test]
fn a_key_with_a_handful_of_requests_is_not_written() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    assert_eq!(offer(&kv, 2, BEGAN), 2);
    assert_eq!((kv.due_at(), store.calls.get()), (None, 0));
}

#[test]
fn a_shard_is_absolute_outlives_its_window_and_is_written_every_ten_seconds_and_once_more_when_it_is_over() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    offer(&kv, 10, BEGAN);
    assert_eq!(kv.due_at(), Some(BEGAN + 10_000));
    offer(&kv, 10, BEGAN + 10_000);
    done(kv.settle(kv.due_at().unwrap()));
    let name = format!("rl:{}:m100:FRA.1", sealpix::quota::scope_name("key"));
    assert_eq!(store.keys.borrow()[&name], (Shard { offered: 20, admitted: 20, secs: 20 }, 101 * 60 + 240));
    offer(&kv, 5, BEGAN + 55_000);
    assert_eq!(kv.due_at(), Some(BEGAN + MINUTE), "the window's end, with no request in the new one");
    done(kv.settle(BEGAN + MINUTE));
    assert_eq!(store.keys.borrow()[&name].0, Shard { offered: 25, admitted: 25, secs: 60 });
    assert_eq!(kv.due_at(), None);
}

#[test]
fn a_late_request_of_the_minute_before_brings_it_not_back() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    offer(&kv, 100, BEGAN + MINUTE);
    done(kv.take("key", LIMITS, BEGAN + MINUTE - 1)).unwrap();
    let verdict = done(kv.take("key", LIMITS, BEGAN + MINUTE)).unwrap();
    assert_eq!(verdict.binding.remaining, 150 - 102);
}

#[test]
fn a_failed_write_keeps_the_count_and_is_a_failure() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    store.error.set(Some(StoreError::Failed));
    assert_eq!(offer(&kv, 10, BEGAN), 10);
    assert!(kv.failures() > 0);
    store.error.set(None);
    done(kv.settle(kv.due_at().unwrap()));
    let written = store.keys.borrow().values().next().unwrap().0;
    assert_eq!((written.offered, written.admitted), (10, 10));
}

#[test]
fn a_busy_store_is_no_failure_and_is_asked_half_as_often() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Deny);
    offer(&kv, 10, BEGAN);
    store.error.set(Some(StoreError::Busy));
    assert_eq!(offer(&kv, 1, BEGAN + 10_000), 1);
    assert_eq!((kv.failures(), kv.due_at()), (0, Some(BEGAN + 30_000)));
}

#[test]
fn a_day_whose_write_is_answered_429_is_tried_a_few_times_in_half_a_minute_and_then_written() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    let limits = Limits { minute: 10_000, ..LIMITS };
    for _ in 0..2_000 {
        done(kv.take("key", limits, BEGAN)).unwrap();
    }
    store.error.set(Some(StoreError::Busy));
    let calls = store.calls.get();
    let settle = |now| {
        if kv.due_at().is_some_and(|at| at <= now) {
            done(kv.settle(now))
        }
    };
    (0..3_000).for_each(|tick| settle(BEGAN + tick * 10));
    let tried = store.calls.get() - calls;
    assert!((1..=20).contains(&tried), "{tried} calls in 30 s");
    store.error.set(None);
    (0..1_200).for_each(|tick| settle(BEGAN + MINUTE + tick * 100));
    let name = format!("rl:{}:d0:FRA.1", sealpix::quota::scope_name("key"));
    assert_eq!(store.keys.borrow()[&name].0.admitted, 2_000);
}

#[test]
fn with_a_store_that_fails_the_local_count_judges_or_nothing_is_admitted() {
    for (on_failure, admitted) in [(OnFailure::Local, 600), (OnFailure::Deny, 3)] {
        let (shards, store) = (Shards::new(), Namespace::default());
        store.error.set(Some(StoreError::Failed));
        let kv = counter(&shards, &store, on_failure);
        // The third request is the first that is settled.
        assert_eq!(offer(&kv, 700, BEGAN), admitted, "{on_failure:?}");
        store.error.set(None);
        done(kv.settle(BEGAN + 5_000));
        assert!(offer(&kv, 1, BEGAN + MINUTE) == 1, "{on_failure:?}: it has come back");
    }
}

#[test]
fn a_denial_that_was_seen_costs_no_more_calls_until_the_window_ends() {
    let (shards, store) = (Shards::new(), Namespace::default());
    store.has("m100", "IAD.2", Shard { offered: 900, admitted: 600, secs: 30 });
    let kv = counter(&shards, &store, OnFailure::Local);
    offer(&kv, 10, BEGAN + 30_000);
    let calls = store.calls.get();
    assert_eq!(offer(&kv, 1_000, BEGAN + 45_000), 0);
    assert_eq!((store.calls.get(), kv.due_at()), (calls, Some(BEGAN + MINUTE)));
}

#[test]
fn a_full_day_costs_no_calls_and_tells_the_time_to_midnight() {
    let (shards, store) = (Shards::new(), Namespace::default());
    store.has("d0", "IAD.2", Shard { offered: 100_000, admitted: 100_000, secs: 600 });
    let kv = counter(&shards, &store, OnFailure::Local);
    offer(&kv, 10, BEGAN);
    let calls = store.calls.get();
    let refused = done(kv.take("key", LIMITS, BEGAN + MINUTE)).unwrap();
    assert_eq!((refused.admitted, refused.binding.reset_secs), (false, 86_400 - 101 * 60));
    assert_eq!(offer(&kv, 100, BEGAN + MINUTE), 0);
    assert_eq!((store.calls.get(), kv.due_at()), (calls, None));
}

#[test]
fn a_share_is_the_own_part_of_what_all_offered_in_the_last_whole_minute() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    offer(&kv, 450, BEGAN);
    done(kv.settle(BEGAN + MINUTE));
    offer(&kv, 450, BEGAN + MINUTE);
    done(kv.settle(BEGAN + 2 * MINUTE));
    store.has("m100", "IAD.2", Shard { offered: 1_350, admitted: 400, secs: 60 });
    store.has("m101", "IAD.2", Shard { offered: 1_350, admitted: 400, secs: 60 });
    offer(&kv, 3, BEGAN + 2 * MINUTE);
    let admitted = 3 + offer(&kv, 450, BEGAN + 2 * MINUTE + 1_000);
    assert!((150..=151).contains(&admitted), "a quarter of 600: {admitted}");
}

#[test]
fn edge_5_a_newcomer_has_a_share_and_not_the_whole_limit() {
    let (shards, store) = (Shards::new(), Namespace::default());
    for writer in ["IAD.2", "NRT.3"] {
        store.has("m98", writer, Shard { offered: 900, admitted: 300, secs: 60 });
        store.has("m99", writer, Shard { offered: 900, admitted: 300, secs: 60 });
    }
    let kv = counter(&shards, &store, OnFailure::Local);
    assert_eq!(offer(&kv, 700, BEGAN), 150, "half of an average share");
}

#[test]
fn edge_5_where_nothing_is_known_trust_in_being_alone_grows_to_the_whole_limit() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    assert_eq!(offer(&kv, 600, BEGAN), 150);
    assert_eq!(150 + offer(&kv, 600, BEGAN + 30_000), 375);
    assert_eq!(offer(&kv, 700, BEGAN + 2 * MINUTE), 600);
}

#[test]
fn a_public_key_is_not_in_any_name() {
    let (shards, store) = (Shards::new(), Namespace::default());
    let kv = counter(&shards, &store, OnFailure::Local);
    for _ in 0..10 {
        done(kv.take("pk_live_secret", LIMITS, BEGAN)).unwrap();
    }
    done(kv.settle(BEGAN));
    assert!(!store.keys.borrow().is_empty());
    assert!(store.keys.borrow().keys().all(|name| !name.contains("pk_live")));
}
