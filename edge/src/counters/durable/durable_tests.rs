//! The rules of the leases, one by one, against the object's own book. The loads are in `simulate/`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
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
    /// How long an answer takes, in millis.
    takes: Cell<u64>,
}

impl Object {
    async fn sleep(&self, millis: u64) {
        let until = self.now.get() + millis;
        poll_fn(|_| if self.now.get() >= until { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl Ledger for &Object {
    async fn lease(&self, _scope: &str, ask: Ask) -> Result<Grant, StoreError> {
        self.asks.set(self.asks.get() + 1);
        self.sleep(self.takes.get()).await;
        if self.fails.get() {
            return Err(StoreError::Failed);
        }
        Ok(self.book.borrow_mut().lease(&ask, self.now.get()))
    }

    async fn pause(&self) {
        self.sleep(10).await;
    }

    fn now(&self) -> u64 {
        self.now.get()
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

/// So many requests at one time, while the first `dead` of them die waiting; how many were admitted, and after how long.
fn crowd(leases: &Leases, object: &Object, count: usize, dead: usize) -> (u32, u64) {
    let began = object.now.get();
    object.takes.set(40);
    let durable = Durable { leases, ledger: object, on_failure: OnFailure::Local };
    let mut open: Vec<_> = (0..count).map(|_| Box::pin(durable.take("key", LIMITS, began))).collect();
    let mut admitted = 0;
    let context = &mut Context::from_waker(Waker::noop());
    for round in 0.. {
        open.retain_mut(|request| match request.as_mut().poll(context) {
            Poll::Ready(verdict) => {
                admitted += u32::from(verdict.unwrap().admitted);
                false
            }
            Poll::Pending => true,
        });
        if round == 0 {
            // What dies on the platform is not dropped, only never polled again.
            open.drain(..dead).for_each(std::mem::forget);
        }
        if open.is_empty() {
            break;
        }
        object.now.set(object.now.get() + 10);
    }
    (admitted, object.now.get() - began)
}

#[test]
fn requests_at_one_time_are_leased_what_they_need_by_two_asks_and_leave_the_rest_to_others() {
    let (one, other, object) = (Leases::new(), Leases::new(), Object::default());
    assert_eq!(crowd(&one, &object, 60, 0).0, 60);
    assert!(object.asks.get() <= 3, "{} asks", object.asks.get());
    object.now.set(1_000);
    assert_eq!(crowd(&other, &object, 60, 0).0, 60);
    let left = 160 - object.book.borrow_mut().lease(&Ask { limits: LIMITS, ..Ask::default() }, 1_100).used_minute;
    assert!((35..=40).contains(&left), "{left} are left");
}

#[test]
fn a_full_key_is_a_handful_of_asks_for_any_crowd() {
    let (leases, object) = (Leases::new(), Object::default());
    assert_eq!(crowd(&leases, &object, 200, 0).0, 160);
    assert!(object.asks.get() <= 3, "{} asks", object.asks.get());
}

#[test]
fn requests_that_die_while_they_ask_hold_up_the_others_for_two_seconds_only() {
    let (leases, object) = (Leases::new(), Object::default());
    let (admitted, millis) = crowd(&leases, &object, 60, 20);
    assert_eq!(admitted, 40);
    assert!((2_000..2_300).contains(&millis), "{millis} ms");
    assert!(object.asks.get() <= 4, "{} asks", object.asks.get());
}

#[test]
fn a_lone_request_is_one_ask_and_nothing_comes_back() {
    let (leases, object) = (Leases::new(), Object::default());
    let durable = Durable { leases: &leases, ledger: &object, on_failure: OnFailure::Local };
    for minute in [0, 5, 10] {
        assert_eq!(offer(&leases, &object, 1, minute * 60_000), 1);
        assert_eq!(durable.due_at(), None);
    }
    assert_eq!(object.asks.get(), 3);
}

#[test]
fn a_raised_limit_counts_at_once() {
    let (leases, object) = (Leases::new(), Object::default());
    offer(&leases, &object, 200, 0);
    let raised = Limits { minute: 170, ..LIMITS };
    let durable = Durable { leases: &leases, ledger: &object, on_failure: OnFailure::Local };
    let admitted = (0..20).filter(|_| done(durable.take("key", raised, 0)).unwrap().admitted).count();
    assert_eq!(admitted, 10);
}

#[test]
fn a_lease_that_lapses_while_the_object_fails_is_given_back_later() {
    let (leases, object) = (Leases::new(), Object::default());
    let durable = Durable { leases: &leases, ledger: &object, on_failure: OnFailure::Local };
    offer(&leases, &object, 3, 0);
    offer(&leases, &object, 3, 100);
    let used = || object.book.borrow_mut().lease(&Ask { limits: LIMITS, ..Ask::default() }, 100).used_minute;
    assert!(used() > 6, "something is unspent");
    object.fails.set(true);
    object.now.set(14_900);
    done(durable.take("other", LIMITS, 14_900)).unwrap();
    object.fails.set(false);
    for now in [15_200, 17_000] {
        object.now.set(now);
        done(durable.settle(now));
    }
    assert_eq!(used(), 6);
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
