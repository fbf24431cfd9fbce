//! What every answer carries, on both sides: freshness, conditions, protective headers.

use crate::record::Caching;

/// Headers of every answer, errors too (HDR-1): never sniffed, never run, never framed.
pub const PROTECTIVE_HEADERS: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("X-XSS-Protection", "1; mode=block"),
];

/// Headers that let other sites' pages use a picture which the gate has admitted.
pub const SHARING_HEADERS: [(&str, &str); 2] =
    [("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin")];

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
}
