//! The path's encoding: one spelling, and nothing repaired.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // Signed as they stand, so that nothing but the grammar can tell.
    for (id, why, name) in [
        ("path-space", "A space is %20.", "a%20b.jpg"),
        ("path-utf8", "UTF-8 is escaped byte by byte.", "%C3%BC.jpg"),
        ("path-four-bytes", "Four-byte UTF-8.", "%F0%9F%8C%85.jpg"),
        ("path-percent", "A percent sign in the name is %25.", "100%25.jpg"),
        ("path-plus", "A plus sign is escaped and stays a plus sign.", "a%2Bb.jpg"),
        ("path-hash", "A number sign in the name is %23.", "a%23b.jpg"),
        ("path-plain-bytes", "Every byte that stands for itself.", "AZaz09-._~,:@=.jpg"),
        ("path-dots-inside", "Dots that are no dot segment.", "...a..b.jpg"),
        ("path-source-query", "A query of the source, its delimiters escaped.", "a.jpg%3Fv=2%26w=3"),
        (
            "path-source-signature",
            "A source that carries its own exp, sig and w in its query keeps them as text.",
            "a.jpg%3Fexp=1%26sig=x%26w=9",
        ),
    ] {
        cases.push(case(id, why, signed("_", &format!("cdn.example.com/{name}"))));
    }
    for (id, why, trap, name) in [
        ("escape-unreserved-tilde", "An escaped byte that stands for itself: %7E for ~.", "SIG-5", "%7Ea.jpg"),
        ("escape-unreserved-letter", "An escaped letter.", "SIG-5", "%61.jpg"),
        ("escape-unreserved-hyphen", "An escaped hyphen.", "SIG-5", "a%2Db.jpg"),
        ("escape-comma", "An escaped comma, which stands for itself.", "SIG-5", "a%2Cb.jpg"),
        ("escape-equals", "An escaped equals sign, which stands for itself.", "SIG-5", "a%3Db.jpg"),
        ("escape-at", "An escaped @, which stands for itself.", "SIG-5", "a%40b.jpg"),
        ("escape-slash", "An escaped slash.", "PATH-1", "a%2Fb.jpg"),
        ("escape-slash-lower", "An escaped slash in lower case.", "PATH-1", "a%2fb.jpg"),
        ("escape-dots-inside", "Escaped dots within a segment.", "PATH-1", "a%2E%2Eb.jpg"),
        ("escape-lower-hex", "Lower-case hex.", "SIG-5", "%c3%bc.jpg"),
        ("escape-mixed-hex", "Mixed-case hex.", "PATH-3", "%C3%bC.jpg"),
        ("escape-backslash", "An escaped backslash in a remote path.", "PATH-1", "a%5Cb.jpg"),
        ("escape-backslash-lower", "An escaped backslash in lower case.", "PATH-1", "a%5cb.jpg"),
        ("escape-twice-dots", "A dot segment behind a second encoding.", "PATH-1", "x/%252e%252e/b.jpg"),
        ("escape-twice-slash", "A slash behind a second encoding.", "PATH-1", "a%252Fb.jpg"),
        ("escape-twice-backslash", "A backslash behind a second encoding.", "PATH-1", "a%255Cb.jpg"),
        ("escape-nul", "NUL.", "PATH-1", "a%00.jpg"),
        ("escape-crlf", "A line break.", "PATH-1", "a%0D%0Ab.jpg"),
        ("escape-delete", "DEL.", "PATH-1", "a%7F.jpg"),
        ("escape-c1", "A control character of two bytes, U+0085.", "PATH-1", "a%C2%85.jpg"),
        ("escape-overlong", "Overlong UTF-8 for a slash.", "PATH-1", "a%C0%AFb.jpg"),
        ("escape-overlong-three", "Overlong UTF-8 of three bytes for a dot.", "PATH-1", "%E0%80%AE.jpg"),
        ("escape-latin1", "A byte that is not UTF-8.", "PATH-3", "%FF.jpg"),
        ("escape-half-character", "Half a UTF-8 character.", "PATH-3", "%C3.jpg"),
        ("escape-surrogate", "A surrogate is not UTF-8.", "PATH-3", "%ED%A0%80.jpg"),
        ("escape-beyond-unicode", "Beyond U+10FFFF is not UTF-8.", "PATH-3", "%F4%90%80%80.jpg"),
        ("escape-not-hex", "A percent sign without hex digits.", "PATH-3", "a%zz.jpg"),
        ("escape-half", "A percent sign with one hex digit.", "PATH-3", "a%2.jpg"),
        ("escape-cut", "A percent sign at the end.", "PATH-3", "a%"),
        ("escape-unicode-form", "%u00fc is no escape.", "PATH-3", "%u00fc.jpg"),
        ("raw-plus", "A raw plus sign: is it a space?", "SIG-5", "a+b.jpg"),
        ("raw-semicolon", "A path parameter.", "PATH-3", "a.jpg;x"),
        ("raw-ampersand", "A raw ampersand in the path.", "SIG-1", "a&sig=b.jpg"),
        ("raw-quote", "A raw apostrophe in the path.", "SIG-5", "a'b.jpg"),
        ("raw-parentheses", "Raw parentheses in the path.", "SIG-5", "a(1).jpg"),
        ("raw-star", "A raw asterisk in the path.", "SIG-5", "*.jpg"),
        ("raw-dollar", "A raw dollar sign in the path.", "SIG-5", "a$.jpg"),
        ("raw-brackets", "Raw brackets, which no URL parser escapes.", "SIG-5", "a[1].jpg"),
        ("raw-bar", "A raw bar, which no URL parser escapes.", "SIG-5", "a|b.jpg"),
        ("segment-empty", "An empty segment.", "PATH-3", "a//b.jpg"),
        ("segment-empty-last", "A slash at the end.", "PATH-3", "a/"),
    ] {
        cases.push(case(id, why, signed("_", &format!("cdn.example.com/{name}"))).malformed().trap(trap));
    }
    let path = "/my-app/_/cdn.example.com/a/photo.jpg";
    for (id, why, trap, written) in [
        ("dots-parent", "A URL parser removes a/x/.. .", "PATH-1", "/my-app/_/cdn.example.com/a/x/../photo.jpg"),
        ("dots-here", "A URL parser removes /./ .", "PATH-1", "/my-app/_/cdn.example.com/a/./photo.jpg"),
        (
            "dots-escaped",
            "A URL parser takes %2e%2e for a dot segment.",
            "PATH-1",
            "/my-app/_/cdn.example.com/a/x/%2e%2e/photo.jpg",
        ),
        (
            "dots-half-escaped",
            "A URL parser takes .%2E for a dot segment.",
            "PATH-1",
            "/my-app/_/cdn.example.com/a/x/.%2E/photo.jpg",
        ),
        (
            "dots-escaped-here",
            "A URL parser takes %2E for a dot segment.",
            "PATH-1",
            "/my-app/_/cdn.example.com/a/%2E/photo.jpg",
        ),
        (
            "dots-before-project",
            "A URL parser removes a segment before the project.",
            "PATH-1",
            "/elsewhere/../my-app/_/cdn.example.com/a/photo.jpg",
        ),
        ("dots-above-root", "A URL parser stays at the root.", "PATH-1", "/../../my-app/_/cdn.example.com/a/photo.jpg"),
        (
            "dots-across-host",
            "A URL parser removes another host before ours; what is verified is what is left.",
            "SIG-2",
            "/my-app/_/evil.test/../cdn.example.com/a/photo.jpg",
        ),
        (
            "backslash-in-path",
            "A URL parser turns a backslash into a slash.",
            "PATH-4",
            "/my-app/_/cdn.example.com\\a\\photo.jpg",
        ),
        (
            "backslash-dots",
            "A URL parser resolves dot segments between backslashes.",
            "PATH-4",
            "/my-app/_/cdn.example.com/a\\x\\..\\photo.jpg",
        ),
        (
            "backslash-first",
            "A URL parser turns the first backslash into a slash.",
            "PATH-4",
            "/my-app\\_/cdn.example.com/a/photo.jpg",
        ),
    ] {
        cases.push(case(id, why, signed_as(written, path)).normalised().trap(trap));
    }
    for (id, why, written, canonical) in [
        ("raw-brace-open", "A URL parser escapes a raw brace.", "a{b.jpg", "a%7Bb.jpg"),
        ("raw-brace-close", "A URL parser escapes a raw closing brace.", "a}b.jpg", "a%7Db.jpg"),
        ("raw-double-quote", "A URL parser escapes a raw double quote.", "a\"b.jpg", "a%22b.jpg"),
    ] {
        let path = |name: &str| format!("/my-app/_/cdn.example.com/{name}");
        cases.push(case(id, why, signed_as(&path(written), &path(canonical))).normalised().trap("SIG-5"));
    }
    for (id, why, trap, written, canonical) in [
        ("raw-caret", "Older URL parsers leave a raw caret, newer ones escape it.", "SIG-5", "a^b.jpg", "a%5Eb.jpg"),
        (
            "cdn-unescapes",
            "Some CDNs unescape %7e to ~ before the Worker runs; URL parsers leave it.",
            "SIG-5",
            "%7ea.jpg",
            "~a.jpg",
        ),
        (
            "cdn-hex-case",
            "Some CDNs write hex in upper case before the Worker runs; URL parsers leave it.",
            "SIG-5",
            "%c3%bc.jpg",
            "%C3%BC.jpg",
        ),
        (
            "cdn-merges-slashes",
            "Some CDNs merge slashes before the Worker runs; URL parsers leave them.",
            "PATH-3",
            "a//photo.jpg",
            "a/photo.jpg",
        ),
    ] {
        let path = |name: &str| format!("/my-app/_/cdn.example.com/{name}");
        cases.push(case(id, why, signed_as(&path(written), &path(canonical))).varies().trap(trap));
    }
    cases.extend([
        case(
            "escape-once-more",
            "The signature of a%2520b is not that of a%20b: nothing is decoded and tried again.",
            signed_as("/my-app/_/cdn.example.com/a%20b.jpg", "/my-app/_/cdn.example.com/a%2520b.jpg"),
        )
        .denied("signature_invalid")
        .trap("SIG-2"),
        case("escape-in-operations", "An escaped comma between operations.", signed("w_800%2Cf_webp", PHOTO))
            .malformed()
            .trap("SIG-5"),
        case("escape-underscore-operations", "No operations, escaped.", signed("%5F", PHOTO)).malformed().trap("SIG-5"),
        case("segment-empty-operations", "No operations are written _, never nothing.", signed("", PHOTO))
            .malformed()
            .trap("PATH-3"),
        case("segment-empty-first", "Two slashes before the project.", signed_with(&format!("//my-app/_/{PHOTO}"), ""))
            .malformed()
            .trap("PATH-3"),
        case("shape-no-source", "A target without a source.", signed_with("/my-app/_", "")).malformed(),
        case("shape-empty-source", "A target with an empty source.", signed("_", "")).malformed(),
        case("shape-no-operations", "A target without operations.", signed_with(&format!("/my-app/{PHOTO}"), ""))
            .malformed(),
        case("length-8192", "The longest target.", of_length(8_192)),
        case("length-8193", "One byte longer than the longest target.", of_length(8_193)).malformed(),
    ]);
    cases
}

fn of_length(bytes: usize) -> String {
    let with = |count: usize| signed("_", &format!("cdn.example.com/{}.jpg", "a".repeat(count)));
    with(bytes - with(0).len())
}
