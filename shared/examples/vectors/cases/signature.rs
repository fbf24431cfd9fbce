//! Signatures: one spelling, one key, one purpose, all bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::*;
use crate::state::{FUTURE, OTHER};

/// HMAC-SHA256 by hand, for signatures that are almost right.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn derived(info: &str) -> Vec<u8> {
    let secret: Vec<u8> = (0..32).collect();
    let mut key = vec![0; 32];
    hkdf::Hkdf::<Sha256>::new(None, &secret).expand(info.as_bytes(), &mut key).unwrap();
    key
}

fn first_24(mac: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(mac.iter().copied().take(24).collect::<Vec<_>>())
}

pub(crate) fn cases() -> Vec<Case> {
    let good = signed("_", PHOTO);
    let (text, sig) = good.split_once("&sig=").unwrap();
    let to_sign = format!("sealpix:url:v1\n{text}");
    let key = derived("sealpix/url-signing/v1");
    let with = |sig: &str| format!("{text}&sig={sig}");
    let mut cases = Vec::new();

    // Forms that are no signature.
    let hex: String = hmac(&key, &to_sign).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    for (id, why, trap, sig) in [
        ("signature-empty", "An empty signature.", "SIG-8", String::new()),
        ("signature-one-short", "One character short.", "SIG-8", sig.chars().take(31).collect()),
        ("signature-four", "The first four characters, right as they are.", "SIG-8", sig.chars().take(4).collect()),
        ("signature-one-long", "One character more.", "SIG-8", format!("{sig}A")),
        ("signature-whole-mac", "All 32 bytes of the MAC.", "SIG-8", URL_SAFE_NO_PAD.encode(hmac(&key, &to_sign))),
        ("signature-padded", "Padding.", "SIG-5", format!("{sig}=")),
        ("signature-line-break", "A line break behind it, escaped.", "SIG-5", format!("{sig}%0A")),
        ("signature-space", "A space behind it, escaped.", "SIG-5", format!("{sig}%20")),
        (
            "signature-escaped-letter",
            "A letter of it escaped.",
            "SIG-5",
            format!("%{:02X}{}", sig.as_bytes()[0], &sig[1..]),
        ),
        ("signature-quoted", "Apostrophes around it.", "SIG-5", format!("'{sig}'")),
    ] {
        cases.push(case(id, why, with(&sig)).malformed().trap(trap));
    }
    // Right in form, wrong in value.
    let mut flipped = hmac(&key, &to_sign);
    flipped[23] ^= 1;
    let mut first = hmac(&key, &to_sign);
    first[0] ^= 0x80;
    let last_24 = URL_SAFE_NO_PAD.encode(&hmac(&key, &to_sign)[8..]);
    let bytes: Vec<u8> = (0..32).collect();
    for (id, why, trap, sig) in [
        ("signature-last-bit", "The last bit flipped.", "SIG-8", first_24(&flipped)),
        ("signature-first-bit", "The first bit flipped.", "SIG-8", first_24(&first)),
        ("signature-zeros", "24 zero bytes.", "SIG-10", "A".repeat(32)),
        (
            "signature-case",
            "Its letters in the other case.",
            "SIG-5",
            sig.chars()
                .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect(),
        ),
        ("signature-last-bytes", "The last 24 bytes of the MAC.", "SIG-8", last_24),
        ("signature-hex", "32 hex digits of the right MAC.", "SIG-5", hex),
        (
            "signature-secret-itself",
            "The secret key as MAC key, without derivation.",
            "SIG-16",
            first_24(&hmac(&bytes, &to_sign)),
        ),
        (
            "signature-secret-text",
            "The secret key's text as MAC key.",
            "SIG-16",
            first_24(&hmac(b"sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", &to_sign)),
        ),
        (
            "signature-other-purpose",
            "A key derived for another purpose.",
            "SIG-16",
            first_24(&hmac(&derived("sealpix/record-seal/v1"), &to_sign)),
        ),
        ("signature-empty-key", "An empty MAC key.", "SIG-10", first_24(&hmac(b"", &to_sign))),
        ("signature-zero-key", "A MAC key of zeros.", "SIG-10", first_24(&hmac(&[0; 32], &to_sign))),
        ("signature-no-prefix", "The text without the version's prefix.", "SIG-16", first_24(&hmac(&key, text))),
        (
            "signature-with-host",
            "The host before the target.",
            "SIG-6",
            first_24(&hmac(&key, &format!("sealpix:url:v1\nhttps://img.example.com{text}"))),
        ),
        (
            "signature-path-only",
            "The path without its query.",
            "SIG-3",
            first_24(&hmac(&key, &format!("sealpix:url:v1\n/my-app/_/{PHOTO}"))),
        ),
        (
            "signature-with-parameter",
            "The text with an empty &sig= behind it.",
            "SIG-1",
            first_24(&hmac(&key, &format!("{to_sign}&sig="))),
        ),
        ("signature-other-key", "Signed by another key of the same project.", "SIG-9", FUTURE.signature(text)),
        ("signature-other-tenant", "Signed by another tenant's key.", "SIG-9", OTHER.signature(text)),
    ] {
        cases.push(case(id, why, with(&sig)).denied("signature_invalid").trap(trap));
    }
    cases.push(case("signature-standard-alphabet", "+ and / for - and _.", "/my-app/w_320%7C640%7C960,f_auto/@gallery/2026/sunset.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=PlV2l1blJVoyIHQIAX++U4/LXSKS6T5+&w=640").malformed().trap("SIG-5"));
    cases.push(case("signature-worked-example-other-operations", "The first worked example's signature over other operations.", "/my-app/w_801,f_webp/cdn.example.com/photo.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=KnTrSRr8ZeYuU0s7Xk1i25MLwxp5Gvvz").denied("signature_invalid").trap("SIG-2"));

    // The signature of one request on another that is as well formed.
    let query = key_query(MAIN);
    for (id, why, trap, signed, sent) in [
        (
            "moved-source",
            "Another source.",
            "SIG-2",
            format!("/my-app/_/{PHOTO}{query}"),
            format!("/my-app/_/cdn.example.com/other.jpg{query}"),
        ),
        (
            "moved-operations",
            "Other operations.",
            "SIG-2",
            format!("/my-app/w_800/{PHOTO}{query}"),
            format!("/my-app/w_8000/{PHOTO}{query}"),
        ),
        (
            "moved-project",
            "Another project.",
            "SIG-9",
            format!("/my-app/_/{PHOTO}{query}"),
            format!("/other-app/_/{PHOTO}{query}"),
        ),
        (
            "moved-to-source-case",
            "Another case of a letter in the name.",
            "SIG-5",
            format!("/my-app/_/{PHOTO}{query}"),
            format!("/my-app/_/cdn.example.com/Photo.jpg{query}"),
        ),
        (
            "moved-operations-into-source",
            "The border between operations and source moved.",
            "SIG-3",
            format!("/my-app/_/a.example.org/b.example.org/c.jpg{query}"),
            format!("/my-app/w_1/b.example.org/c.jpg{query}"),
        ),
        (
            "moved-expiry-into-source",
            "exp moved into the source's query.",
            "SIG-4",
            format!("/my-app/_/{PHOTO}{query}&exp=1000000000"),
            format!("/my-app/_/{PHOTO}%3Fexp=1000000000{query}"),
        ),
        (
            "moved-expiry-encoded",
            "exp moved into the source's query behind an ampersand.",
            "SIG-4",
            format!("/my-app/_/{PHOTO}%3Fv=1{query}&exp=1000000000"),
            format!("/my-app/_/{PHOTO}%3Fv=1%26exp=1000000000{query}"),
        ),
        (
            "moved-expiry-dropped",
            "exp dropped.",
            "SIG-4",
            format!("/my-app/_/{PHOTO}{query}&exp=1000000000"),
            format!("/my-app/_/{PHOTO}{query}"),
        ),
        (
            "moved-expiry-later",
            "A later exp.",
            "SIG-2",
            format!("/my-app/_/{PHOTO}{query}&exp=1000000000"),
            format!("/my-app/_/{PHOTO}{query}&exp=9999999999"),
        ),
        (
            "moved-signature-into-source",
            "The signature repeated in the source's query, encoded.",
            "SIG-1",
            format!("/my-app/_/{PHOTO}{query}"),
            format!("/my-app/_/{PHOTO}%3Fsig={sig}{query}"),
        ),
    ] {
        cases.push(
            case(id, why, format!("{sent}&sig={}", MAIN.signature(&signed))).denied("signature_invalid").trap(trap),
        );
    }
    cases
}
