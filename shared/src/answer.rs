//! What every answer carries, on both sides: freshness, conditions, ranges, protective headers.

use crate::record::Caching;

/// Headers of every answer, errors too (HDR-1): never sniffed, never run, never framed.
pub const PROTECTIVE_HEADERS: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("X-XSS-Protection", "1; mode=block"),
];

/// Headers that let other sites' pages use a picture which the gate has admitted, read what the answer says beside it
/// (Fetch's list of readable headers has `Cache-Control`, `Content-Length` and `Content-Type` already), and measure it.
pub const SHARING_HEADERS: [(&str, &str); 4] = [
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "Accept-Ranges, Cache-Status, Content-Disposition, Content-Range, ETag, RateLimit, RateLimit-Policy, Retry-After, \
         Sealpix-Code, Sealpix-Request-Id, Server-Timing",
    ),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Timing-Allow-Origin", "*"),
];

/// What a preflight allows, the same for every URL (SIG-15).
pub const PREFLIGHT_HEADERS: [(&str, &str); 3] = [
    ("Access-Control-Allow-Methods", "GET, HEAD"),
    ("Access-Control-Allow-Headers", "If-None-Match, If-Range, Range"),
    ("Access-Control-Max-Age", "86400"),
];

/// `Cache-Control` for the client: fresh for the project's time, but never past the URL's end (CACHE-5). Public only
/// where the project says so and the URL does not expire.
#[must_use]
pub fn cache_control(caching: Caching, expires: Option<u64>, now: u64) -> String {
    let ttl = u64::from(caching.ttl_secs);
    match expires {
        Some(expires) => format!("private, max-age={}", ttl.min(expires.saturating_sub(now))),
        None if caching.public => format!("public, max-age={ttl}"),
        None => format!("private, max-age={ttl}"),
    }
}

/// Whether `If-None-Match` holds the picture's strong ETag: a list, weak tags, or `*` (RFC 9110 section 13.1.2).
#[must_use]
pub fn is_not_modified(if_none_match: &str, etag: &str) -> bool {
    if if_none_match.trim() == "*" {
        return true;
    }
    let mut rest = if_none_match.trim_start();
    // A tag may hold commas, so the list is read tag by tag, not split.
    while !rest.is_empty() {
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        let Some((inside, after)) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"')) else {
            return false;
        };
        if etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')) == Some(inside) {
            return true;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    false
}

/// Which bytes of a picture an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of them, with 200.
    Whole,
    /// Those from the first to the last, both counted from 0 and both included, with 206.
    Part(u32, u32),
    /// None: they begin behind the end, which is 416.
    Unsatisfiable,
}

/// What `Range` asks of a picture of `length` bytes (RFC 9110 section 14). One range of bytes is answered; several, other
/// units, and what does not read are answered with the whole, as section 14.2 lets us. So is a range whose `If-Range`
/// is not the picture's strong ETag: a weak one, or a date, promises nothing about bytes (section 13.1.5).
#[must_use]
pub fn extent(range: &str, if_range: Option<&str>, etag: Option<&str>, length: u32) -> Extent {
    if if_range.is_some_and(|tag| !tag.starts_with('"') || Some(tag) != etag) {
        return Extent::Whole;
    }
    let Some((unit, range)) = range.split_once('=') else { return Extent::Whole };
    let Some((first, last)) = range.split_once('-').filter(|_| unit.eq_ignore_ascii_case("bytes")) else {
        return Extent::Whole;
    };
    let end = length.saturating_sub(1);
    let (first, last) = match (position(first), position(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.min(end)),
        (Some(first), None) if last.is_empty() => (first, end),
        (None, Some(0)) if first.is_empty() => return Extent::Unsatisfiable,
        (None, Some(suffix)) if first.is_empty() => (length.saturating_sub(suffix), end),
        _ => return Extent::Whole,
    };
    if first < length { Extent::Part(first, last) } else { Extent::Unsatisfiable }
}

/// Digits. What is past all pictures is as far as the number goes.
fn position(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// `Content-Disposition` of a download; the name's grammar lets nothing through that a header could be split by.
#[must_use]
pub fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache5_no_copy_outlives_the_url() {
        let caching = Caching { ttl_secs: 100, public: true };
        assert_eq!(cache_control(caching, Some(1_050), 1_000), "private, max-age=50");
        assert_eq!(cache_control(caching, Some(9_000), 1_000), "private, max-age=100");
        assert_eq!(cache_control(caching, Some(1_000), 1_000), "private, max-age=0");
        assert_eq!(cache_control(caching, None, 1_000), "public, max-age=100");
        assert_eq!(cache_control(Caching { public: false, ..caching }, None, 1_000), "private, max-age=100");
    }

    #[test]
    fn cache10_lists_weak_tags_and_the_star_match() {
        for (header, matches) in [
            ("*", true),
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("\"b,c\",\"a\"", true),
            ("\"b\"", false),
            ("a", false),
            ("\"a", false),
            ("", false),
        ] {
            assert_eq!(is_not_modified(header, "\"a\""), matches, "{header}");
        }
    }

    #[test]
    fn one_range_of_bytes_is_a_part() {
        use Extent::{Part, Unsatisfiable};
        for (range, extent) in [
            ("bytes=0-0", Part(0, 0)),
            ("bytes=0-99", Part(0, 99)),
            ("bytes=10-19", Part(10, 19)),
            ("bytes=99-", Part(99, 99)),
            ("bytes=0-", Part(0, 99)),
            ("bytes=50-4000000000000000000000", Part(50, 99)),
            ("bytes=-1", Part(99, 99)),
            ("bytes=-1000", Part(0, 99)),
            ("BYTES=007-008", Part(7, 8)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=4000000000000000000000-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
        ] {
            assert_eq!(super::extent(range, None, Some("\"a\""), 100), extent, "{range}");
        }
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5",
            "bytes=9-5",
            "bytes=0-1,5-6",
            "bytes=0-1,",
            "0-1",
            "lines=0-1",
            "bytes 0-1",
            "bytes =0-1",
            "bytes= 0-1",
            "bytes=0-1 ",
            "bytes=0 -1",
            "bytes=+0-1",
            "bytes=0-1-2",
            "bytes=--1",
            "bytes=0-1/100",
            "bytes=0x0-1",
            "bytes=\u{663}-5",
        ] {
            assert_eq!(extent(range, None, Some("\"a\""), 100), Extent::Whole, "{range:?}");
        }
    }

    #[test]
    fn a_range_holds_for_the_picture_that_if_range_names() {
        for (if_range, etag, part) in [
            (None, Some("\"a\""), true),
            (None, None, true),
            (Some("\"a\""), Some("\"a\""), true),
            (Some("\"b\""), Some("\"a\""), false),
            (Some("\"a\""), None, false),
            (Some("W/\"a\""), Some("\"a\""), false),
            (Some("W/\"a\""), Some("W/\"a\""), false),
            (Some("a"), Some("\"a\""), false),
            (Some("*"), Some("\"a\""), false),
            (Some(""), Some("\"a\""), false),
            (Some("Sun, 22 Nov 2026 06:37:30 GMT"), Some("\"a\""), false),
        ] {
            let extent = extent("bytes=0-9", if_range, etag, 100);
            assert_eq!(extent == Extent::Part(0, 9), part, "{if_range:?} {etag:?}");
            assert_eq!(extent == Extent::Whole, !part, "{if_range:?} {etag:?}");
        }
    }

    #[test]
    fn every_part_lies_within_the_picture() {
        for length in 0..7 {
            for first in 0..9 {
                for last in 0..9 {
                    for range in [format!("bytes={first}-{last}"), format!("bytes={first}-"), format!("bytes=-{last}")]
                    {
                        if let Extent::Part(first, last) = extent(&range, None, None, length) {
                            assert!(first <= last && last < length, "{range} of {length}");
                        }
                    }
                }
            }
        }
    }
}
