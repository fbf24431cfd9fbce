//! What the others do, as far as a list shows it, and the part of a minute's limit that this isolate may admit.
//!
//! KV is 30 to 60 seconds behind, so in a minute nothing is known of the others' present minute but what they
//! did in the last ones. Each isolate therefore admits its *share* of the limit: its part of all requests that were
//! *offered* in the newest minute that everyone can see whole. As all compute from the same minute, their shares
//! sum to one, however uneven they are, and the sum holds when the load grows everywhere at once.
//!
//! Three corrections, each against false denials (EDGE-5). Under the limit, what the others are expected to leave is
//! free to one whose own load is as usual, give or take chance. One who is new has no share: he gets half of an
//! average one at least. And where nothing at all is known, trust in being alone grows with the time in which others
//! would have become visible.

use sealpix::quota::Window;

use super::days::Days;
use super::shard::{self, Shard};

/// Behind this no reader is: the lag KV's documentation names, 60 s.
pub(super) const LAG_SECS: u64 = 60;

/// Below this part of the limit an isolate does not write its minute: its count could not matter.
pub(super) const UNWRITTEN_PART: u64 = 256;

/// A minute with less than this part of the limit was quiet.
const QUIET_PART: u64 = 32;

/// An isolate that is younger may have been there for a part of the reference minute only.
const YOUNG_SECS: u64 = 180;

/// A minute's count is noted at each of these.
const STEP_SECS: u64 = 5;

/// What was offered in a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offered {
    /// By all.
    pub total: u64,
    /// By this isolate.
    pub own: u64,
    /// Isolates that counted.
    pub writers: u64,
}

/// The last list, and what follows from it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct View {
    /// When it was taken; `None` before the first.
    pub listed_at: Option<u64>,
    /// The minute from which shares are computed: it stays when nothing newer is known.
    reference: Offered,
    /// The most that this isolate was lately offered in a minute that kept the limit.
    peak: u64,
    /// What shares are computed from: that minute, or the day if that minute was quiet.
    shares: Offered,
    /// The minute before the list, of which the others' first seconds are seen: whole by estimate.
    last: Offered,
    /// Of the minute in which it was taken: admitted by others.
    seen: u64,
    /// Other isolates that counted in that minute or the one before.
    live: u64,
}

/// What an isolate knows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// Seconds since it first saw the scope.
    pub age_secs: u64,
    /// Offered in the last minute.
    pub last: u64,
    /// How that minute went.
    pub course: Course,
}

/// What had been offered by the end of each five seconds of a minute.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course([u32; 12]);

impl Course {
    /// Notes the count at a second of the minute.
    pub(super) fn note(&mut self, secs: u64, offered: u32) {
        let step = usize::try_from(secs / STEP_SECS).unwrap_or(0);
        for count in self.0.iter_mut().skip(step) {
            *count = offered;
        }
    }

    // What a count becomes by the end of the minute, if it goes on evenly, or as the own one went if that came early.
    fn whole(&self, offered: u64, secs: u64) -> u64 {
        // What is seen of the first seconds alone says little.
        let secs = secs.clamp(STEP_SECS, 60);
        let evenly = offered * 60 / secs;
        let step = usize::try_from(secs / STEP_SECS - 1).unwrap_or(0);
        match (self.0.get(step), self.0.last()) {
            (Some(then), Some(end)) if *then > 0 => evenly.min(offered * u64::from(*end) / u64::from(*then)),
            _ => evenly,
        }
    }
}

impl View {
    /// Takes in a list of the minutes' shards. `now` is in unix seconds. `days` are the days' counts, for a key
    /// that was quiet: of them this isolate's own are its location's, divided among the isolates there.
    pub(super) fn update(
        &mut self,
        listed: &[(String, Shard)],
        (prefix, writer): (&str, &str),
        days: &Days,
        own: Own,
        limit: u32,
        now: u64,
    ) {
        let minute = Window::Minute.start(now);
        let mut minutes = [Offered::default(); 4];
        self.seen = 0;
        // Others, and others at this location, in the present minute and in the last one.
        let (mut others, mut neighbours) = ([0; 2], [0; 2]);
        for (name, shard) in listed {
            let Some((start, of)) = shard::parse(name, prefix, Window::Minute) else { continue };
            let back = minute.saturating_sub(start) / Window::Minute.secs();
            let slot = usize::try_from(back).unwrap_or(usize::MAX);
            let Some(sum) = minutes.get_mut(slot) else { continue };
            let offered = match (back, u64::from(shard.secs)) {
                (1, _) if of == writer => own.last.max(shard.offered.into()),
                // The newest that is seen of the last minute is some seconds of it.
                (1, secs) => own.course.whole(shard.offered.into(), secs),
                _ => u64::from(shard.offered),
            };
            sum.total += offered;
            sum.writers += 1;
            if of == writer {
                sum.own += offered;
                continue;
            }
            self.seen += if back == 0 { u64::from(shard.admitted) } else { 0 };
            if let Some((others, neighbours)) = others.get_mut(slot).zip(neighbours.get_mut(slot)) {
                *others += 1;
                *neighbours += u64::from(shard::location(of) == shard::location(writer));
            }
        }
        let [_, last, whole, older] = minutes;
        self.last = last;
        self.live = others.into_iter().max().unwrap_or(0);
        self.listed_at = Some(now);
        let others_in_last = last.total > last.own;
        if whole.total > 0 {
            self.reference = whole;
        } else if last.own > 0 && (others_in_last || own.age_secs >= LAG_SECS) {
            self.reference = last;
        } else if older.total > 0 {
            self.reference = older;
        }
        if self.reference.total <= limit.into() {
            self.peak = self.reference.own.max(self.peak * 3 / 4);
        }
        self.shares = self.reference;
        // A minute of a few requests says little of who will bring the next ones.
        if self.reference.total < u64::from(limit) / QUIET_PART && days.offered.total > 2 * self.reference.total {
            let here = 1 + neighbours.into_iter().max().unwrap_or(0).max(days.neighbours);
            self.shares = Offered { own: days.offered.own / here, ..days.offered };
        }
    }

    /// Whether the others' admitted requests of this minute, as seen, and this isolate's own fill the limit.
    pub(super) fn confirms(&self, limit: u32, admitted: u32, now: u64) -> bool {
        self.seen_at(now) + u64::from(admitted) >= u64::from(limit)
    }

    /// Admitted by others in the present minute, as far as seen.
    pub(super) fn seen_at(&self, now: u64) -> u64 {
        if self.is_of(now) { self.seen } else { 0 }
    }

    /// Whether the list was taken in the minute of `now`.
    pub(super) fn is_of(&self, now: u64) -> bool {
        self.listed_at.is_some_and(|at| Window::Minute.start(at) == Window::Minute.start(now))
    }

    /// What is expected to be offered by all in a minute.
    pub(super) fn expected(&self) -> u64 {
        self.reference.total
    }

    /// How many requests of the present minute this isolate may admit. `dither` is any number, other for each isolate
    /// and minute: it rounds shares, so that many small ones still sum to the limit.
    pub(super) fn quota(&self, limit: u32, own: Own, dither: u64, now: u64) -> u64 {
        let limit = u64::from(limit);
        let seen = self.seen_at(now);
        let trust = |room: u64| room * (LAG_SECS + 3 * own.age_secs.min(LAG_SECS)) / (4 * LAG_SECS);
        // What is usual, give or take chance: three standard deviations of a Poisson count, and a little for small ones.
        let usual = |count: u64| count + 3 * count.isqrt() + 4;
        let Offered { total, own: mine, writers } = self.shares;
        let others = self.reference.total - self.reference.own;
        let room = limit.saturating_sub(others);
        // A load that has grown here may have grown everywhere: then nothing is free.
        let known = self.reference.own.max(self.peak).max(limit / UNWRITTEN_PART);
        let has_grown = own.last > known + 3 * (known + own.last).isqrt() + 4;
        let free = match own.age_secs {
            ..YOUNG_SECS => trust(room),
            _ if has_grown => 0,
            _ => room.min(usual(known)),
        };
        let quota = if total == 0 {
            // Nobody knows this key. Others that have shown themselves since have come as this isolate has.
            if self.live > 0 { limit / (self.live + 1) } else { trust(limit) }
        } else if mine == 0 {
            free.max(limit / (2 * writers.max(self.live).max(1)))
        } else {
            // Unless all others show that theirs has not grown.
            let all_are_seen = self.is_of(now) && self.last.writers >= self.reference.writers;
            let others = if all_are_seen { others.max(self.last.total - self.last.own) } else { limit };
            let share = limit.saturating_mul(mine).saturating_add(dither % total) / total;
            share.max(free).max(limit.saturating_sub(others).min(usual(own.last)))
        };
        quota.min(limit.saturating_sub(seen))
    }
}
