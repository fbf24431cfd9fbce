//! The gate's rows, and their order: of two faults, the earlier row's is told.

use super::*;
use crate::state::*;

pub(crate) fn cases() -> Vec<Case> {
    let photo = signed("_", PHOTO);
    let forged = |target: String| target.replace("&sig=", "&exp=9999999999&sig=");
    let mut cases = vec![
        case(
            "worked-example-text",
            "The specification's second worked example, byte for byte: spaces, UTF-8 and a query in the source.",
            "/my-app/_/cdn.example.com/a%20b/%C3%BC.png%3Fv=2%26x=%271%27?key=pk_ZGVmZ2hpamtsbW5vcHFycw&sig=CtMWljGKNJSbeoCCkDmN7KBFXGcHyMF2",
        ),
        case("get-remote", "A plain signed URL of a remote picture.", photo.clone()),
        case("get-named", "A plain signed URL of a configured source.", signed("w_800,f_webp", SUNSET)),
        case("head-named", "HEAD is admitted with the URL's one signature.", signed("_", SUNSET))
            .method("HEAD")
            .trap("SIG-15")
            .trap("SIG-6"),
        signing("sign-minute", "Signed now, valid for a minute.", MAIN, ("my-app", "w_800,f_webp", PHOTO), 60),
        signing("sign-named", "Signed now for a configured source.", MAIN, ("my-app", "w_320", SUNSET), 600)
            .trap("SIG-14"),
        signing(
            "sign-text",
            "A decoded source text with space, umlaut and query is encoded by the signer.",
            MAIN,
            ("my-app", "_", "cdn.example.com/a b/ü.png?v=2&x='1'"),
            600,
        )
        .trap("SIG-14"),
        // Row 1.
        case("method-post", "Row 1: POST.", photo.clone()).method("POST").denied("method_not_allowed"),
        case("method-put", "Row 1: PUT.", photo.clone()).method("PUT").denied("method_not_allowed"),
        case("method-delete", "Row 1: DELETE.", photo.clone()).method("DELETE").denied("method_not_allowed"),
        case("method-patch", "Row 1: PATCH.", photo.clone()).method("PATCH").denied("method_not_allowed"),
        case("order-method-before-target", "Row 1 is told before row 2.", "/my-app/_/cdn.example.com?key=x")
            .method("POST")
            .denied("method_not_allowed"),
        // Row 2 and 3.
        case("order-target-before-key", "Row 2 is told before row 3.", signed_by(UNKNOWN, "my-app", "w_0", PHOTO))
            .malformed(),
        case(
            "key-unknown",
            "Row 3: well signed by a key that no registry holds.",
            signed_by(UNKNOWN, "my-app", "_", PHOTO),
        )
        .denied("key_unknown"),
        case(
            "key-unknown-forged",
            "Row 3 is told before row 4: there is nothing to verify with.",
            forged(signed_by(UNKNOWN, "my-app", "_", PHOTO)),
        )
        .denied("key_unknown"),
        case(
            "key-zeros",
            "A key of 16 zero bytes is a name like any other, and unknown.",
            format!("/my-app/_/{PHOTO}?key=pk_AAAAAAAAAAAAAAAAAAAAAA&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        )
        .denied("key_unknown")
        .trap("SIG-10"),
        // Row 4 says nothing about what comes after it.
        case("forged", "Row 4: exp added to a signed URL.", forged(photo)).denied("signature_invalid"),
        case("head-forged", "HEAD is checked as GET is.", forged(signed("_", SUNSET)))
            .method("HEAD")
            .denied("signature_invalid")
            .trap("SIG-15"),
        case(
            "forged-revoked",
            "A forged URL learns nothing of a revoked key.",
            forged(signed_by(REVOKED, "my-app", "_", PHOTO)),
        )
        .denied("signature_invalid")
        .trap("SIG-11"),
        case(
            "forged-key-expired",
            "A forged URL learns nothing of an expired key.",
            forged(signed_by(PAST, "my-app", "_", PHOTO)),
        )
        .denied("signature_invalid")
        .trap("SIG-11"),
        case(
            "forged-other-project",
            "A forged URL learns nothing of whose key it is.",
            forged(signed_by(OTHER, "my-app", "_", PHOTO)),
        )
        .denied("signature_invalid")
        .trap("SIG-11"),
        case(
            "forged-url-expired",
            "A forged URL is not called expired.",
            signed("_", PHOTO).replace("&sig=", "&exp=1000000000&sig="),
        )
        .denied("signature_invalid")
        .trap("SIG-11"),
        // Row 5.
        case(
            "project-of-another",
            "Row 5: another tenant's key on our path, well signed.",
            signed_by(OTHER, "my-app", "_", PHOTO),
        )
        .denied("project_mismatch")
        .trap("SIG-9"),
        case(
            "project-ours-on-another",
            "Row 5: our key on another tenant's path, well signed.",
            signed_by(MAIN, "other-app", "_", PHOTO),
        )
        .denied("project_mismatch")
        .trap("SIG-9"),
        case(
            "project-that-is-not",
            "Row 5: a well-formed project that no registry holds.",
            signed_by(MAIN, "no-such-app", "_", PHOTO),
        )
        .denied("project_mismatch"),
        case(
            "order-project-before-key-state",
            "Row 5 is told before row 6.",
            signed_by(OTHER_REVOKED, "my-app", "_", PHOTO),
        )
        .denied("project_mismatch"),
        // Row 6.
        case("key-revoked", "Row 6: a revoked key.", signed_by(REVOKED, "my-app", "_", SUNSET))
            .denied("key_revoked")
            .trap("SIG-17"),
        case("key-revoked-head", "Row 6 for HEAD.", signed_by(REVOKED, "my-app", "_", SUNSET))
            .method("HEAD")
            .denied("key_revoked")
            .trap("SIG-15"),
        case("key-expired", "Row 6: a key whose own end has passed.", signed_by(PAST, "my-app", "_", SUNSET))
            .denied("key_expired"),
        case(
            "key-not-yet-expired",
            "A key whose own end is ahead, as in a rotation with overlap.",
            signed_by(FUTURE, "my-app", "_", SUNSET),
        ),
        case(
            "order-key-before-expiry",
            "Row 6 is told before row 7.",
            PAST.sign(&format!("/my-app/_/{PHOTO}{}&exp=1000000000", key_query(PAST))),
        )
        .denied("key_expired"),
        // Rows 7 to 10 have files of their own; here their order.
        case(
            "order-expiry-before-operations",
            "Row 7 is told before row 8.",
            signed_with(&format!("/my-app/p_nowhere/{PHOTO}"), "&exp=1000000000"),
        )
        .denied("url_expired"),
        case(
            "order-operations-before-referer",
            "Row 8 is told before row 9.",
            signed_by(EMBED_NARROW, "embed-app", "h_10", PHOTO),
        )
        .referer("https://evil.test/")
        .denied("operation_not_allowed"),
        case(
            "order-referer-before-source",
            "Row 9 is told before row 10.",
            signed_by(EMBED, "embed-app", "_", "evil.test/a.jpg"),
        )
        .referer("https://evil.test/")
        .denied("referer_denied"),
        case(
            "order-source-before-limit",
            "Row 10 is told before row 11.",
            signed_by(EMBED_NARROW, "embed-app", "_", "evil.test/a.jpg"),
        )
        .denied("source_denied"),
        // Row 11.
        case(
            "limit-minute",
            "Row 11: a key that may make no request a minute.",
            signed_by(NO_MINUTE, "my-app", "_", SUNSET),
        )
        .denied("rate_limited"),
        case("limit-day", "Row 11: a key that may make no request a day.", signed_by(NO_DAY, "my-app", "_", SUNSET))
            .denied("rate_limited"),
        case("limit-both", "Row 11: both windows are full.", signed_by(EMBED_NARROW, "embed-app", "w_10", SUNSET))
            .denied("rate_limited"),
    ];
    // The project's own grammar. A slug that parses but is not the key's is a mismatch, not malformed.
    let fifty = "a".repeat(50);
    let fifty_one = "a".repeat(51);
    for (id, why, slug, code) in [
        ("slug-three", "The shortest slug parses.", "abc", "project_mismatch"),
        ("slug-fifty", "The longest slug parses.", fifty.as_str(), "project_mismatch"),
        ("slug-digit-first", "A slug may begin with a digit.", "9-lives", "project_mismatch"),
        ("slug-two", "A slug has at least three characters.", "ab", MALFORMED),
        ("slug-fifty-one", "A slug has at most fifty characters.", fifty_one.as_str(), MALFORMED),
        ("slug-hyphen-first", "No hyphen at the beginning.", "-my-app", MALFORMED),
        ("slug-hyphen-last", "No hyphen at the end.", "my-app-", MALFORMED),
        ("slug-upper-case", "A slug is lower case.", "My-App", MALFORMED),
        ("slug-underscore", "A slug has no underscore.", "my_app", MALFORMED),
        ("slug-dot", "A slug has no dot.", "my.app", MALFORMED),
        ("slug-escaped", "A slug has no escapes.", "my%2Dapp", MALFORMED),
        ("slug-empty", "An empty segment before the slug.", "", MALFORMED),
    ] {
        cases.push(case(id, why, signed_by(MAIN, slug, "_", PHOTO)).denied(code));
    }
    cases
}
