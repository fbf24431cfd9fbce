//! Load: how many requests a second each location is offered.

use crate::random::Random;

/// The shape of a load. Factors are of the limit.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// Poisson, the same all the time.
    Steady(f64),
    /// One factor, and from a minute on another.
    Step { from: f64, to: f64, at_minute: u64 },
    /// All of a minute's requests in its first two seconds.
    WindowStart(f64),
    /// Each location is silent most of the time and four times as loud in a quarter of all 5-second spans.
    Bursty(f64),
    /// All of it from one location, another one every so many seconds.
    Moving { factor: f64, every_secs: u64 },
    /// Uneven: each location gets half as much as the one before.
    Uneven(f64),
    /// Pages of 60 pictures, each asked for in one instant: one at one location, a second later one at the next.
    Pages(f64),
    /// One request every so many seconds, at one location.
    Every(u64),
    /// Silence but for a trickle everywhere, and from a minute on a load at one location alone.
    Waking { factor: f64, at_minute: u64 },
}

impl Load {
    /// Requests in the second `sec` at `location`, expected. `per_sec` are as many as the limit allows.
    pub(crate) fn rate(self, sec: u64, location: usize, locations: usize, per_sec: f64, seed: u64) -> f64 {
        let evenly = per_sec / small(locations);
        let place = u64::try_from(location).unwrap_or(0);
        let drawn = |number: u64| Random::new(seed ^ number.wrapping_mul(0x1_0001)).unit();
        match self {
            Self::Steady(factor) => factor * evenly,
            Self::Step { from, to, at_minute } => (if sec / 60 < at_minute { from } else { to }) * evenly,
            Self::WindowStart(factor) => {
                if sec % 60 < 2 {
                    30.0 * factor * evenly
                } else {
                    0.0
                }
            }
            Self::Bursty(factor) => {
                if drawn(sec / 5 * 1_000 + place) < 0.25 {
                    4.0 * factor * evenly
                } else {
                    0.0
                }
            }
            Self::Moving { factor, every_secs } => {
                let here = sec / every_secs % u64::try_from(locations).unwrap_or(1);
                if here == place { factor * per_sec } else { 0.0 }
            }
            Self::Uneven(factor) => {
                let whole: f64 = (1..=locations).map(half_to).sum();
                factor * per_sec * half_to(location + 1) / whole
            }
            Self::Waking { factor, at_minute } => match (sec / 60 < at_minute, place) {
                (true, _) if sec % 120 < 10 => 0.1 * evenly,
                (false, 0) => factor * per_sec,
                _ => 0.0,
            },
            Self::Pages(_) | Self::Every(_) => 0.0,
        }
    }

    /// Requests in the first instant of the second `sec` at `location`, exactly. `limit` is a minute's.
    pub(crate) fn at_once(self, sec: u64, location: usize, locations: usize, limit: u32) -> u32 {
        match self {
            Self::Pages(factor) => {
                let pages = (1..).take_while(|pages| small(pages * 60) <= factor * f64::from(limit) + 0.5).count();
                let is_asked = |page: &usize| {
                    let rounds = pages.div_ceil(locations);
                    let at = page / locations * 60 / rounds + page % locations;
                    // A minute with fewer pages than locations begins where the last one ended.
                    let turn = usize::try_from(sec / 60).unwrap_or(0) * pages;
                    at == usize::try_from(sec % 60).unwrap_or(0) && (turn + page) % locations == location
                };
                60 * u32::try_from((0..pages).filter(is_asked).count()).unwrap_or(0)
            }
            Self::Every(secs) => u32::from(sec.is_multiple_of(secs) && location == 0),
            _ => 0,
        }
    }
}

fn half_to(power: usize) -> f64 {
    0.5_f64.powi(i32::try_from(power).unwrap_or(i32::MAX))
}

/// A small number as it is.
pub(crate) fn small(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
