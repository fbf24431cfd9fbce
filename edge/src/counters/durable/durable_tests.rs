//! The rules of the leases, one by one, against the object's own book. The loads are in `simulate/`.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sealpix::quota::{Limits, Window};

use super::*;
use crate::counters::{Counters as _, OnFailure, Unavailable};

const LIMITS: Limits = Limits { minute: 160, day: 400 };

/// The object, which can be told to fail and whose clock is set by hand.
#[derive(Debug, Default)]
struct Object {
    book: RefCell<Book>,
    now: Cell<u64>,
    asks: Cell<u32>,
    fails: Cell<bool>,
}

impl Ledger for &Object {
    async fn lease(&self, _scope: &str, ask: Ask) -> Result<Grant, StoreError> {
        self.asks.set(self.asks.get() + 1);
        if self.fails.get() {
            return Err(StoreError::Failed);
        }
        Ok(self.book.borrow_mut().lease(&ask, self.now.get()))
    }
}

fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the object answers at once"),
    }
}

/// So many requests at a time, in millis; how many were admitted.
fn offer(leases: &Leases, object: &Object, count: u32, now: u64) -> u32 {
    object.now.set(now);
    let durable = Durable { leases, ledger: object, on_failure: OnFailure::Local };
    let one = |_| {
        let verdict = done(durable.take("key", LIMITS, now)).unwrap();
        done(durable.settle(now));
        u32::from(verdict.admitted)
    };
    (0..count).map(one).sum()
}

#[test]
fn isolates_together_admit_a_limit_and_not_one_more() {
    let (one, other, object) = (Leases::new(), Leases::new(), Object::default());
    let admitted: u32 =
        (0..59).map(|sec| offer(&one, &object, 9, sec * 1000) + offer(&other, &object, 3, sec * 1000)).sum();
    assert!((155..=160).contains(&admitted), "{admitted}");
    assert_eq!(offer(&one, &object, 200, 60_000) + offer(&other, &object, 200, 60_000), 160);
}

#[test]
fn a_blocked_key_asks_at_most_once_a_second_and_not_at_all_once_the_denial_is_final() {
    let (leases, object) = (Leases::new(), Object::default());
    assert_eq!(offer(&leases, &object, 500, 0), 160);
    let asks = object.asks.get();
    offer(&leases, &object, 500, 1_000);
    assert_eq!(object.asks.get(), asks + 1);
    offer(&leases, &object, 1, 30_000);
    let asks = object.asks.get();
    assert_eq!(offer(&leases, &object, 500, 59_000), 0);
    assert_eq!(object.asks.get(), asks);
}

#[test]
fn what_an_idle_isolate_holds_comes_back_and_another_one_gets_it() {
    let (idle, busy, object) = (Leases::new(), Leases::new(), Object::default());
    assert_eq!(offer(&idle, &object, 3, 0), 3);
    let durable = Durable { leases: &idle, ledger: &object, on_failure: OnFailure::Local };
    let due = durable.due_at().unwrap();
    object.now.set(due);
    done(durable.settle(due));
    assert_eq!(durable.due_at(), None);
    assert_eq!(offer(&busy, &object, 500, due), 157);
}

#[test]
fn a_refusal_tells_the_window_that_is_full_and_the_time_to_its_end() {
    let (leases, object) = (Leases::new(), Object::default());
    let durable = Durable { leases: &leases, ledger: &object, on_failure: OnFailure::Local };
    for (minute, refused_by, reset_secs) in [(0, Window::Minute, 60), (1, Window::Minute, 60), (2, Window::Day, 86_280)]
    {
        offer(&leases, &object, 500, minute * 60_000);
        let verdict = done(durable.take("key", LIMITS, minute * 60_000)).unwrap();
        assert_eq!((verdict.admitted, verdict.binding.window), (false, refused_by), "minute {minute}");
        assert_eq!(verdict.binding.reset_secs, reset_secs);
    }
}

#[test]
fn without_the_object_the_local_count_judges_and_knows_what_was_admitted_before_or_nothing_is_admitted() {
    let (leases, object) = (Leases::new(), Object::default());
    assert_eq!(offer(&leases, &object, 100, 0), 100);
    object.fails.set(true);
    assert_eq!(offer(&leases, &object, 100, 20_000), 60);
    let durable = Durable { leases: &leases, ledger: &object, on_failure: OnFailure::Deny };
    assert_eq!(done(durable.take("key", LIMITS, 60_000)), Err(Unavailable));
    assert!(durable.failures() > 0);
    object.fails.set(false);
    assert_eq!(offer(&leases, &object, 10, 62_000), 10, "the object is asked again");
}

#[test]
fn a_failing_object_is_left_alone_for_a_second() {
    let (leases, object) = (Leases::new(), Object::default());
    object.fails.set(true);
    offer(&leases, &object, 50, 0);
    assert_eq!(object.asks.get(), 1);
    offer(&leases, &object, 50, 1_000);
    assert_eq!(object.asks.get(), 2);
}
