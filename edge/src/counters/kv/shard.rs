//! A shard: what one isolate counted in one window, and the name of its KV key.
//!
//! `rl:{scope}:{m or d}{number of the window}:{location}.{isolate}`. The scope is hashed, so that who may list the
//! namespace learns no public key. Only its isolate writes a key, so there is nothing to compare or to lock.

use sealpix::quota::Window;

/// What one isolate counted in one window: absolute, so that a write that is lost is made good by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shard {
    /// Requests that came.
    pub offered: u32,
    /// Requests that were admitted.
    pub admitted: u32,
    /// Seconds into the window at which this was so; the window's length when it was over.
    pub secs: u32,
}

impl Shard {
    /// As the metadata of a KV key: three numbers.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = self.offered.to_string();
        for number in [self.admitted, self.secs] {
            text.push(' ');
            text.push_str(&number.to_string());
        }
        text
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let [offered, admitted, secs] = numbers(text)?;
        Some(Self { offered, admitted, secs })
    }
}

/// Exactly `N` decimal numbers with a space between two.
pub(in crate::counters) fn numbers<const N: usize, T: std::str::FromStr>(text: &str) -> Option<[T; N]> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let numbers: Option<Vec<T>> = text.split(' ').map(number).collect();
    numbers?.try_into().ok()
}

/// The prefix of every shard of one scope and kind of window.
pub(super) fn prefix(scope: &str, window: Window) -> String {
    ["rl:", scope, if window == Window::Minute { ":m" } else { ":d" }].concat()
}

/// The name of a shard. `start` is the window's.
pub(super) fn name(scope: &str, window: Window, start: u64, writer: &str) -> String {
    [&prefix(scope, window), (start / window.secs()).to_string().as_str(), ":", writer].concat()
}

/// The window's start and the writer of a name that begins with `prefix`.
pub(super) fn parse<'a>(name: &'a str, prefix: &str, window: Window) -> Option<(u64, &'a str)> {
    let (number, writer) = name.strip_prefix(prefix)?.split_once(':')?;
    Some((number.parse::<u64>().ok()?.checked_mul(window.secs())?, writer))
}

/// Where a writer stands: its name without the isolate.
pub(super) fn location(writer: &str) -> &str {
    writer.rsplit_once('.').map_or(writer, |(location, _)| location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_as_it_was_written_and_nothing_else_is_a_shard() {
        let shard = Shard { offered: 700, admitted: 600, secs: 60 };
        assert_eq!(Shard::read(&shard.text()), Some(shard));
        for text in ["", "1", "1 2", "1 2 3 4", "1  2 3", "+1 2 3", "-1 2 3", "1 2 4294967296", "1 2 x", " 1 2 3"] {
            assert_eq!(Shard::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_tells_its_window_and_its_writer() {
        let name = name("5c0e", Window::Minute, 120, "FRA.1f.0c");
        assert_eq!(name, "rl:5c0e:m2:FRA.1f.0c");
        let parsed = parse(&name, &prefix("5c0e", Window::Minute), Window::Minute);
        assert_eq!(parsed, Some((120, "FRA.1f.0c")));
        assert_eq!(location("FRA.1f"), "FRA");
        assert_eq!(parse("rl:5c0e:mx:FRA", "rl:5c0e:m", Window::Minute), None);
        assert_eq!(parse(&format!("rl:5c0e:m{}:FRA.1", u64::MAX), "rl:5c0e:m", Window::Minute), None);
    }
}
