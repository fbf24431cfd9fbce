//! What an isolate and the object say to each other: bodies of decimal numbers, read strictly.

use sealpix::quota::Limits;

use crate::counters::kv::numbers;

/// What an isolate asks of the object: the body of the request to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// The limits as the isolate knows them.
    pub limits: Limits,
    /// Requests that wait for the answer.
    pub waiting: u32,
    /// Requests that the next seconds are expected to bring on top. 0 of both: to give back only.
    pub want: u32,
    /// What comes back of leases that have ended.
    pub back: Back,
}

/// What an isolate gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Back {
    /// The minute whose leases ended: its start in unix seconds.
    pub minute: u64,
    /// What they held.
    pub held: u32,
    /// What of it was not spent.
    pub unspent: u32,
    /// What was not spent in this minute and those before, of the same day.
    pub unspent_day: u32,
}

/// What the object answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// Requests that the isolate may admit, on top of what it holds.
    pub granted: u32,
    /// The start of the minute in which it may, in unix seconds.
    pub minute: u64,
    /// When the lease ends, in unix milliseconds: within that minute.
    pub lapses_at: u64,
    /// Leased in that minute, by all.
    pub used_minute: u32,
    /// Leased in that day, by all.
    pub used_day: u32,
    /// If nothing was granted: when to ask again at the earliest, in unix milliseconds; a window's end if it is full.
    pub full_until: u64,
}

impl Ask {
    /// As a body.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { limits, waiting, want, back } = *self;
        let numbers = [limits.minute, limits.day, waiting, want, back.held, back.unspent, back.unspent_day];
        text([back.minute].into_iter().chain(numbers.map(u64::from)))
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        let [back_minute, rest @ ..] = numbers::<8, u64>(body)?;
        let [minute, day, waiting, want, held, unspent, unspent_day] = narrow(rest)?;
        let back = Back { minute: back_minute, held, unspent, unspent_day };
        Some(Self { limits: Limits { minute, day }, waiting, want, back })
    }
}

impl Grant {
    /// As a body.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { granted, minute, lapses_at, used_minute, used_day, full_until } = *self;
        text([minute, lapses_at, full_until, granted.into(), used_minute.into(), used_day.into()].into_iter())
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        let [minute, lapses_at, full_until, rest @ ..] = numbers::<6, u64>(body)?;
        let [granted, used_minute, used_day] = narrow(rest)?;
        Some(Self { granted, minute, lapses_at, used_minute, used_day, full_until })
    }
}

/// The numbers with a space between two.
pub(super) fn text(numbers: impl Iterator<Item = u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&number.to_string());
    }
    text
}

/// Numbers of 32 bits, or `None` if one is larger.
pub(super) fn narrow<const N: usize>(wide: [u64; N]) -> Option<[u32; N]> {
    let mut narrow = [0; N];
    for (narrow, wide) in narrow.iter_mut().zip(wide) {
        *narrow = u32::try_from(wide).ok()?;
    }
    Some(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_and_grants_are_read_as_they_were_written_and_nothing_else_is_one() {
        let back = Back { minute: 60, held: 9, unspent: 4, unspent_day: 5 };
        let ask = Ask { limits: Limits { minute: 600, day: 100_000 }, waiting: 2, want: 15, back };
        assert_eq!(Ask::read(&ask.text()), Some(ask));
        let (used_minute, used_day) = (590, 99_000);
        let grant = Grant { granted: 7, minute: 60, lapses_at: 70_000, used_minute, used_day, full_until: u64::MAX };
        assert_eq!(Grant::read(&grant.text()), Some(grant));
        for spoiled in [" ", "-1", "x", "4294967296", "18446744073709551616"] {
            assert_eq!(Ask::read(&ask.text().replace("600", spoiled)), None, "{spoiled:?}");
            assert_eq!(Grant::read(&grant.text().replace("590", spoiled)), None, "{spoiled:?}");
        }
        assert_eq!(
            (Ask::read(&(ask.text() + " 1")), Grant::read(&(grant.text() + "\n")), Ask::read("")),
            (None, None, None)
        );
    }
}
