//! Conditions of remote fetches: "only if it is another one than I have" (RFC 9110, 13).
//!
//! Asked by a strong ETag, or by `Last-Modified` where that can tell two states apart: a server's clock counts in seconds, so
//! a date is believed only if the answer was made some time after it (8.8.2.2). A weak ETag allows other bytes and is none.

use std::time::Duration;

use reqwest::header::{
    DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use super::Validator;

/// How much younger than its answer an original must not be for its date to count: RFC 9110's old advice, since the clocks
/// of a file server and of what stands before it need not be one.
const SETTLED: Duration = Duration::from_secs(60);

/// Tells the two kinds apart.
const DATE_PREFIX: &str = "date ";

/// What an answer offers to ask by next time.
pub(super) fn validator(headers: &HeaderMap) -> Option<Validator> {
    let one = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    };
    if let Some(etag) = one(ETAG).filter(|etag| is_strong(etag)) {
        return Validator::new(etag.to_owned());
    }
    let [modified, answered] = [one(LAST_MODIFIED)?, one(DATE)?];
    let [from, to] = [modified, answered].map(|date| httpdate::parse_http_date(date).ok());
    let settled = to?.duration_since(from?).is_ok_and(|age| age >= SETTLED);
    settled.then(|| Validator::new(format!("{DATE_PREFIX}{modified}"))).flatten()
}

/// The header that asks by a validator.
pub(super) fn header(held: &Validator) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match held.as_str().strip_prefix(DATE_PREFIX) {
        Some(date) => (IF_MODIFIED_SINCE, date),
        None => (IF_NONE_MATCH, held.as_str()),
    };
    HeaderValue::from_str(value).ok().map(|value| (name, value))
}

/// `"…"` of visible characters, without a quote inside.
pub(super) fn is_strong(etag: &str) -> bool {
    let inside = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.is_some_and(|inside| !inside.contains('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");

    fn of(headers: &[(&'static str, &str)]) -> Option<String> {
        let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        validator(&map).map(|validator| validator.as_str().to_owned())
    }

    #[test]
    fn strong_etags_count_and_dates_that_had_settled() {
        let later = ("date", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(of(&[("etag", "\"a\""), MODIFIED, later]).as_deref(), Some("\"a\""));
        assert_eq!(of(&[("etag", "W/\"a\""), MODIFIED, later]).unwrap(), format!("date {}", MODIFIED.1));
        for none in [
            &[("etag", "W/\"a\"")][..],
            &[("etag", "a")],
            &[("etag", "\"a\"\"")],
            &[("etag", "\"")],
            &[("etag", "\"a\""), ("etag", "\"b\"")],
            &[MODIFIED],
            &[MODIFIED, ("date", "Sun, 06 Nov 1994 08:50:36 GMT")],
            &[MODIFIED, ("date", "Sun, 06 Nov 1994 08:49:36 GMT")],
            &[("last-modified", "yesterday"), later],
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(of(&[("etag", &format!("\"{}\"", "a".repeat(600)))]), None);
    }

    #[test]
    fn a_validator_is_told_back_as_it_was_given() {
        let asked = |text: &str| header(&Validator::new(text.to_owned()).unwrap()).unwrap();
        assert_eq!(asked("\"a\""), (IF_NONE_MATCH, HeaderValue::from_static("\"a\"")));
        let date = HeaderValue::from_static(MODIFIED.1);
        assert_eq!(asked(&format!("date {}", MODIFIED.1)), (IF_MODIFIED_SINCE, date));
    }
}
