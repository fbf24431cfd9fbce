//! `exp`, and the keys' policies on it. Row 7.

use super::*;
use crate::state::{EXPIRING, HOUR};

pub(crate) fn cases() -> Vec<Case> {
    let path = format!("/my-app/_/{PHOTO}");
    let here = ("my-app", "_", SUNSET);
    let by = |key: Pair, tail: &str| key.sign(&format!("/my-app/_/{SUNSET}{}{tail}", key_query(key)));
    let mut cases = vec![
        case("expiry-ten-digits", "The last second that ten digits can say.", signed_with(&path, "&exp=9999999999")),
        case("expiry-past", "A second of 2001.", signed_with(&path, "&exp=1000000000")).denied("url_expired"),
        case(
            "expiry-one-digit",
            "The second after the epoch is well formed, and long past.",
            signed_with(&path, "&exp=1"),
        )
        .denied("url_expired"),
        case("expiry-nine-digits", "A second of 2001, in nine digits.", signed_with(&path, "&exp=999999999"))
            .denied("url_expired"),
        signing("sign-second-ago", "A URL that ended a second ago.", MAIN, here, -1)
            .denied("url_expired")
            .trap("SIG-7"),
        signing("sign-day-ago", "A URL that ended a day ago.", MAIN, here, -86_400).denied("url_expired"),
        signing("sign-year", "A URL that ends in a year.", MAIN, here, 31_536_000),
        case("policy-expiry-absent", "A key that asks for exp, none given.", by(EXPIRING, ""))
            .denied("expiry_required"),
        case("policy-expiry-given", "A key that asks for exp, one given.", by(EXPIRING, "&exp=9999999999")),
        case("policy-expiry-past", "A key that asks for exp, a past one given.", by(EXPIRING, "&exp=1000000000"))
            .denied("url_expired"),
        case("policy-lifetime-absent", "A key that limits how far ahead exp may be asks for one.", by(HOUR, ""))
            .denied("expiry_required"),
        case("policy-lifetime-far", "An exp of 2286 under a key of an hour.", by(HOUR, "&exp=9999999999"))
            .denied("expiry_too_far"),
        signing("policy-lifetime-within", "Half an hour under a key of an hour.", HOUR, here, 1_800),
        signing("policy-lifetime-exact", "An hour under a key of an hour.", HOUR, here, 3_600),
        signing("policy-lifetime-beyond", "A minute more than an hour under a key of an hour.", HOUR, here, 3_660)
            .denied("expiry_too_far"),
        signing(
            "policy-lifetime-past",
            "An expired URL under a key of an hour is expired, not too far.",
            HOUR,
            here,
            -60,
        )
        .denied("url_expired"),
    ];
    for (id, why, exp) in [
        ("expiry-empty", "An empty exp.", "&exp="),
        ("expiry-zero", "exp=0 never means forever.", "&exp=0"),
        ("expiry-leading-zero", "A leading zero.", "&exp=09999999999"),
        ("expiry-leading-zero-short", "A leading zero within ten digits.", "&exp=0999999999"),
        ("expiry-plus", "A sign.", "&exp=+9999999999"),
        ("expiry-minus", "A negative number.", "&exp=-1"),
        ("expiry-junk", "Junk behind the number.", "&exp=9999999999junk"),
        ("expiry-decimal", "A decimal.", "&exp=9999999999.0"),
        ("expiry-exponent", "An exponent.", "&exp=1e10"),
        ("expiry-separator", "A digit separator.", "&exp=9_999_999"),
        ("expiry-hex", "Hex digits.", "&exp=0xFFFFFFFF"),
        ("expiry-eleven-digits", "Eleven digits.", "&exp=10000000000"),
        ("expiry-milliseconds", "Thirteen digits are milliseconds.", "&exp=1800000000000"),
        ("expiry-wraps", "A number that wraps to a small one in 64 bits.", "&exp=18446744073709551617"),
        ("expiry-escaped", "An escaped digit.", "&exp=%39999999999"),
        ("expiry-space", "A space behind it, escaped.", "&exp=9999999999%20"),
        ("expiry-arabic-digits", "Digits of another script, escaped.", "&exp=%D9%A9"),
        ("expiry-twice", "Two of them.", "&exp=9999999999&exp=9999999999"),
        ("expiry-never", "A word.", "&exp=never"),
        ("expiry-upper-case", "EXP for exp.", "&EXP=9999999999"),
        ("expiry-name-long", "expires for exp.", "&expires=9999999999"),
    ] {
        let trap = if matches!(id, "expiry-exponent" | "expiry-separator" | "expiry-wraps" | "expiry-arabic-digits") {
            "NUM-1"
        } else {
            "SIG-5"
        };
        cases.push(case(id, why, signed_with(&path, exp)).malformed().trap(trap));
    }
    cases
}
