//! What happens in this isolate and is no key's use: failures, and refusals of requests whose key is not known.
//!
//! Any room notes it; the next usage report takes it along (usage.rs), and the origin adds it to its metrics.

use std::cell::RefCell;

use sealpix::usage::Event;

thread_local! {
    // One entry an event, of which there are some forty.
    static EVENTS: RefCell<Vec<(Event, u64)>> = const { RefCell::new(Vec::new()) };
}

/// It happened once more.
pub(crate) fn note(event: Event) {
    EVENTS.with_borrow_mut(|events| match events.iter_mut().find(|(held, _)| *held == event) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => events.push((event, 1)),
    });
}

/// All that was noted since the last time.
pub(crate) fn take() -> Vec<(Event, u64)> {
    EVENTS.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_taken_once_with_its_count() {
        for event in [Event::KvFailure, Event::CacheFailure, Event::KvFailure] {
            note(event);
        }
        assert_eq!(take(), [(Event::KvFailure, 2), (Event::CacheFailure, 1)]);
        assert_eq!(take(), []);
    }
}
