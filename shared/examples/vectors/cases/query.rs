//! The query: key, then exp if there is one, then sig, then w if and only if the operations list widths.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    let good = signed("_", PHOTO);
    let path = format!("/my-app/_/{PHOTO}");
    let key = MAIN.public();
    let sig = good.split("&sig=").last().unwrap();
    let mut cases = Vec::new();
    for (id, why, trap, target) in [
        ("query-none", "No query at all: there is no unsigned mode.", "SIG-10", path.clone()),
        ("query-empty", "An empty query.", "SIG-10", format!("{path}?")),
        ("query-no-signature", "A key without a signature.", "SIG-10", format!("{path}?key={key}")),
        ("query-no-key", "A signature without a key.", "SIG-10", format!("{path}?sig={sig}")),
        ("query-key-empty", "An empty key.", "SIG-10", MAIN.sign(&format!("{path}?key="))),
        ("query-key-prefix-only", "A key of nothing but its prefix.", "SIG-10", MAIN.sign(&format!("{path}?key=pk_"))),
        (
            "query-key-short",
            "A key of 21 characters.",
            "SIG-5",
            MAIN.sign(&format!("{path}?key=pk_ZGVmZ2hpamtsbW5vcHFyc")),
        ),
        ("query-key-long", "A key of 23 characters.", "SIG-5", MAIN.sign(&format!("{path}?key={key}A"))),
        ("query-key-padded", "A padded key.", "SIG-5", MAIN.sign(&format!("{path}?key={key}=="))),
        (
            "query-key-trailing-bits",
            "A key whose last character has spare bits set decodes to the same bytes.",
            "SIG-5",
            MAIN.sign(&format!("{path}?key=pk_ZGVmZ2hpamtsbW5vcHFycx")),
        ),
        (
            "query-key-upper-prefix",
            "PK_ for pk_.",
            "SIG-5",
            MAIN.sign(&format!("{path}?key=PK_ZGVmZ2hpamtsbW5vcHFycw")),
        ),
        (
            "query-key-escaped",
            "An escaped underscore in the key.",
            "SIG-5",
            MAIN.sign(&format!("{path}?key=pk%5FZGVmZ2hpamtsbW5vcHFycw")),
        ),
        (
            "query-key-secret",
            "A secret key in the key's place.",
            "SIG-16",
            MAIN.sign(&format!("{path}?key=sk_ZGVmZ2hpamtsbW5vcHFycw")),
        ),
        ("query-key-twice", "Two keys.", "SIG-5", MAIN.sign(&format!("{path}?key={key}&key={key}"))),
        ("query-key-name-upper", "KEY for key.", "SIG-5", MAIN.sign(&format!("{path}?KEY={key}"))),
        (
            "query-key-name-escaped",
            "An escaped letter in a parameter's name.",
            "SIG-5",
            MAIN.sign(&format!("{path}?ke%79={key}")),
        ),
        ("query-signature-first", "The signature before the key.", "SIG-5", format!("{path}?sig={sig}&key={key}")),
        ("query-expiry-first", "exp before the key.", "SIG-5", MAIN.sign(&format!("{path}?exp=9999999999&key={key}"))),
        (
            "query-expiry-last",
            "exp behind the signature, where nothing covers it.",
            "SIG-5",
            format!("{good}&exp=9999999999"),
        ),
        ("query-signature-twice", "The signature twice.", "SIG-1", format!("{good}&sig={sig}")),
        (
            "query-signature-other-first",
            "Another signature before ours.",
            "SIG-1",
            good.replace("&sig=", "&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&sig="),
        ),
        (
            "query-signature-escaped-name",
            "An escaped parameter name before the signature.",
            "SIG-1",
            MAIN.sign(&format!("{path}?key={key}&s%69g={sig}")),
        ),
        (
            "query-unknown-first",
            "An unknown parameter first, signed.",
            "SIG-5",
            MAIN.sign(&format!("{path}?v=2&key={key}")),
        ),
        ("query-unknown-signed", "An unknown parameter, signed.", "SIG-5", MAIN.sign(&format!("{path}?key={key}&v=2"))),
        ("query-unknown-unsigned", "An unknown parameter behind the signature.", "SIG-6", format!("{good}&v=2")),
        ("query-dpr-unsigned", "dpr behind the signature.", "SIG-6", format!("{good}&dpr=2")),
        (
            "query-width-unsigned",
            "A width behind the signature of operations without a list.",
            "SIG-6",
            format!("{good}&w=800"),
        ),
        ("query-ampersand-last", "An ampersand at the end.", "SIG-5", format!("{good}&")),
        ("query-ampersand-double", "Two ampersands.", "SIG-5", MAIN.sign(&format!("{path}?key={key}&"))),
        ("query-ampersand-first", "An ampersand first.", "SIG-5", MAIN.sign(&format!("{path}?&key={key}"))),
        (
            "query-ampersand-entity",
            "A URL copied out of HTML with its &amp;.",
            "SIG-5",
            good.replace("&sig=", "&amp;sig="),
        ),
        ("query-semicolon", "Parameters separated by a semicolon.", "SIG-5", good.replace("&sig=", ";sig=")),
        ("query-question-mark", "A second question mark.", "SIG-5", good.replace("&sig=", "?sig=")),
        (
            "query-width-first",
            "w before the signature.",
            "SIG-5",
            MAIN.sign(&format!("/my-app/w_320%7C640/{PHOTO}?key={key}&w=320")),
        ),
    ] {
        cases.push(case(id, why, target).malformed().trap(trap));
    }
    // Responsive sets: the third worked example without its time.
    let listed = signed("w_320%7C640%7C960,f_auto", SUNSET);
    for (id, why, tail) in [
        ("widths-smallest", "The smallest width of the list.", "&w=320"),
        ("widths-middle", "A width of the list, under the same signature.", "&w=640"),
        ("widths-largest", "The largest width of the list.", "&w=960"),
    ] {
        cases.push(case(id, why, format!("{listed}{tail}")));
    }
    for (id, why, tail) in [
        ("widths-none-asked", "A list without w.", ""),
        ("widths-not-listed", "A width that is not listed.", "&w=641"),
        ("widths-leading-zero", "A width with a leading zero.", "&w=0640"),
        ("widths-plus", "A width with a sign.", "&w=+640"),
        ("widths-empty", "An empty width.", "&w="),
        ("widths-twice", "Two widths.", "&w=640&w=320"),
        ("widths-and-more", "A parameter behind the width.", "&w=640&h=1"),
        ("widths-escaped", "An escaped digit in the width.", "&w=%3640"),
        ("widths-all", "The whole list asked for.", "&w=320%7C640%7C960"),
        ("widths-upper-case", "W for w.", "&W=640"),
    ] {
        cases.push(case(id, why, format!("{listed}{tail}")).malformed().trap("SIG-6"));
    }
    cases.push(
        case(
            "widths-raw-bar",
            "A raw bar in the list, which no URL parser escapes.",
            format!("{}&w=320", signed("w_320|640", PHOTO)),
        )
        .malformed()
        .trap("SIG-5"),
    );
    cases.push(
        case("widths-lower-hex", "%7c for %7C.", format!("{}&w=320", signed("w_320%7c640", PHOTO)))
            .malformed()
            .trap("SIG-5"),
    );
    let mut asked = signing(
        "sign-width",
        "A list signed now, one width asked for.",
        MAIN,
        ("my-app", "w_320|640|960,f_auto", SUNSET),
        600,
    );
    asked.sign = asked.sign.map(|sign| Sign { width: Some(640), ..sign });
    cases.push(asked.trap("SIG-14"));
    cases
}
