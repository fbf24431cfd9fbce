//! `f_auto`: from the request's Accept header to one format, so that the cache knows formats, never headers
//! (CACHE-8).
//!
//! Only a type that the client names counts: `*/*` and `image/*` promise nothing about AVIF or WebP (NEG-1), and
//! never outrank `q=0` of a named type (NEG-2). RFC 9110 section 12.5.1.

use crate::operations::{Operations, OutputFormat};

/// What `auto` becomes: AVIF or WebP where the client names it with a quality above zero, the higher quality
/// first, AVIF where they are level; `None`, as if no format was asked for, else.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Option<OutputFormat> {
    let accept = accept?;
    let avif = quality(accept, "image/avif");
    let webp = quality(accept, "image/webp");
    match (avif, webp) {
        (0, 0) => None,
        (avif, webp) if avif >= webp => Some(OutputFormat::Avif),
        _ => Some(OutputFormat::Webp),
    }
}

/// The operations with `f_auto` replaced by what the client accepts, and whether it was there: then the answer
/// varies by Accept.
#[must_use]
pub fn resolve(operations: &Operations, accept: Option<&str>) -> (Operations, bool) {
    if operations.format != Some(OutputFormat::Auto) {
        return (operations.clone(), false);
    }
    (Operations { format: negotiate(accept), ..operations.clone() }, true)
}

/// The quality of a named type in thousandths; 0 where it is not named, or wrong.
fn quality(accept: &str, named: &str) -> u32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next()?.eq_ignore_ascii_case(named).then(|| {
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            weight.map_or(1000, thousandths)
        })
    });
    // Named twice, a refusal wins.
    ranges.min().unwrap_or(0)
}

/// `qvalue` of RFC 9110 section 12.4.2: `0[.ddd]` or `1[.000]`.
fn thousandths(weight: &str) -> u32 {
    let (units, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (units, digits) {
        ("1", true) if fraction.bytes().all(|b| b == b'0') => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neg1_neg2_only_named_types_with_a_quality_count() {
        use OutputFormat::{Avif, Webp};
        for (accept, format) in [
            (None, None),
            (Some(""), None),
            (Some("*/*"), None),
            (Some("image/*"), None),
            (Some("image/avif,image/webp,*/*;q=0.8"), Some(Avif)),
            (Some("image/webp,*/*"), Some(Webp)),
            (Some("image/avif;q=0, */*"), None),
            (Some("image/avif;q=0,image/webp"), Some(Webp)),
            (Some("image/avif;q=0.5,image/webp;q=0.9"), Some(Webp)),
            (Some("IMAGE/AVIF;Q=0.001"), Some(Avif)),
            (Some("image/avif;q=2"), None),
            (Some("image/avif;q=NaN"), None),
            (Some("image/avifx"), None),
            (Some("image/avif,image/avif;q=0"), None),
        ] {
            assert_eq!(negotiate(accept), format, "{accept:?}");
        }
    }
}
