//! The stores as they are in production: Workers KV with its lag, its write rule and its failures; the Durable Object.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use sealpix_edge::counters::StoreError;
use sealpix_edge::counters::durable::{Ask, Book, Grant, Ledger};
use sealpix_edge::counters::kv::{Shard, ShardStore};

use crate::clock::Clock;
use crate::random::Random;

/// Between two writes of one key: <https://developers.cloudflare.com/kv/platform/limits/>.
const WRITE_MILLIS: u64 = 1_000;

/// Keys that one list operation returns.
const PAGE: u64 = 1_000;

/// What a store does to its callers.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    /// How far behind a write is elsewhere, in seconds: least and most, drawn for each pair of locations.
    pub(crate) lag_secs: (u64, u64),
    /// The part of all operations that fail.
    pub(crate) failing: f64,
    /// From this second on all of them do.
    pub(crate) outage_from_sec: u64,
}

/// Operations, as they are billed.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Bill {
    pub(crate) writes: u64,
    pub(crate) lists: u64,
    pub(crate) reads: u64,
    pub(crate) asks: u64,
    pub(crate) busy: u64,
}

struct Version {
    at: u64,
    location: usize,
    shard: Shard,
}

#[derive(Default)]
struct Key {
    versions: Vec<Version>,
    expires_at: u64,
}

/// Everything that is stored, everywhere.
pub(crate) struct Stores {
    pub(crate) clock: Rc<Clock>,
    pub(crate) bill: Cell<Bill>,
    began: u64,
    weather: Weather,
    lags: Vec<Vec<u64>>,
    random: RefCell<Random>,
    keys: RefCell<BTreeMap<String, Key>>,
    book: RefCell<String>,
}

impl Stores {
    pub(crate) fn new(clock: Rc<Clock>, locations: usize, weather: Weather, seed: u64) -> Rc<Self> {
        let mut random = Random::new(seed ^ 0x6b76);
        let (least, most) = weather.lag_secs;
        let mut lag = || least * 1000 + random.below((most - least) * 1000 + 1);
        let lags = (0..locations).map(|_| (0..locations).map(|_| lag()).collect()).collect();
        Rc::new(Self {
            began: clock.now(),
            clock,
            bill: Cell::default(),
            weather,
            lags,
            random: RefCell::new(random),
            keys: RefCell::default(),
            book: RefCell::default(),
        })
    }

    fn charge(&self, charge: impl FnOnce(&mut Bill)) {
        let mut bill = self.bill.get();
        charge(&mut bill);
        self.bill.set(bill);
    }

    fn fails(&self) -> bool {
        let is_out = self.clock.now() >= self.began.saturating_add(self.weather.outage_from_sec.saturating_mul(1000));
        is_out || self.random.borrow_mut().unit() < self.weather.failing
    }

    // The newest version that has come to a location.
    fn seen(&self, key: &Key, location: usize) -> Option<Shard> {
        let now = self.clock.now();
        let has_come = |version: &&Version| {
            version.location == location || version.at + self.lags[location][version.location] <= now
        };
        key.versions.iter().rev().find(has_come).map(|version| version.shard)
    }

    fn write(&self, name: &str, shard: Shard, expires_at: u64, location: usize) -> Result<(), StoreError> {
        let now = self.clock.now();
        assert!(expires_at >= now / 1000 + 60, "KV takes no shorter life than 60 s");
        let mut keys = self.keys.borrow_mut();
        let key = keys.entry(name.to_owned()).or_default();
        if key.versions.last().is_some_and(|last| now < last.at + WRITE_MILLIS) {
            self.charge(|bill| bill.busy += 1);
            return Err(StoreError::Busy);
        }
        self.charge(|bill| bill.writes += 1);
        // What everybody has outgrown: all but the newest of those that are a lag old.
        let outgrown = key.versions.iter().rposition(|version| version.at + 61_000 < now).unwrap_or(0);
        key.versions.drain(..outgrown);
        key.versions.push(Version { at: now, location, shard });
        key.expires_at = expires_at;
        Ok(())
    }
}

/// KV as one location sees it.
#[derive(Clone)]
pub(crate) struct FakeKv {
    pub(crate) stores: Rc<Stores>,
    pub(crate) location: usize,
}

impl FakeKv {
    /// One key's value, for the naive counter.
    pub(crate) async fn get(&self, name: &str) -> Option<Shard> {
        self.stores.clock.sleep(15).await;
        self.stores.charge(|bill| bill.reads += 1);
        self.stores.keys.borrow().get(name).and_then(|key| self.stores.seen(key, self.location))
    }
}

impl ShardStore for FakeKv {
    async fn put(&self, name: &str, shard: Shard, expires_at: u64) -> Result<(), StoreError> {
        self.stores.clock.sleep(60).await;
        if self.stores.fails() {
            return Err(StoreError::Failed);
        }
        let shard = Shard::read(&shard.text()).ok_or(StoreError::Failed)?;
        self.stores.write(name, shard, expires_at, self.location)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Shard)>, StoreError> {
        self.stores.clock.sleep(80).await;
        if self.stores.fails() {
            return Err(StoreError::Failed);
        }
        let now = self.stores.clock.now() / 1000;
        let mut keys = self.stores.keys.borrow_mut();
        let mut listed = Vec::new();
        let mut expired = Vec::new();
        for (name, key) in keys.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix)) {
            if key.expires_at <= now {
                expired.push(name.clone());
            } else if let Some(shard) = self.stores.seen(key, self.location) {
                listed.push((name.clone(), shard));
            }
        }
        for name in expired {
            keys.remove(&name);
        }
        let pages = u64::try_from(listed.len()).unwrap_or(0).div_ceil(PAGE).max(1);
        self.stores.charge(|bill| bill.lists += pages);
        Ok(listed)
    }
}

/// The way to the object, which lives somewhere: 40 ms away.
pub(crate) struct FakeObject(pub(crate) Rc<Stores>);

impl Ledger for FakeObject {
    async fn lease(&self, _scope: &str, ask: Ask) -> Result<Grant, StoreError> {
        let body = ask.text();
        self.0.clock.sleep(20).await;
        self.0.charge(|bill| bill.asks += 1);
        if self.0.fails() {
            return Err(StoreError::Failed);
        }
        let mut book = Book::read(&self.0.book.borrow()).unwrap_or_default();
        let ask = Ask::read(&body).ok_or(StoreError::Failed)?;
        let answer = book.lease(&ask, self.0.clock.now()).text();
        *self.0.book.borrow_mut() = book.text();
        self.0.clock.sleep(20).await;
        Grant::read(&answer).ok_or(StoreError::Failed)
    }

    async fn pause(&self) {
        self.0.clock.sleep(10).await;
    }

    fn now(&self) -> u64 {
        self.0.clock.now()
    }
}
