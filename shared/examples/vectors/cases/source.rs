//! The source's grammar: hosts, ports, names.

use super::*;
use crate::state::SANDBOX;

pub(crate) fn cases() -> Vec<Case> {
    // The development project has no rules, so that the grammar alone speaks.
    let remote = |host: &str| signed_by(SANDBOX, "sandbox", "_", &format!("{host}/photo.jpg"));
    let label_63 = format!("{}.example.org", "a".repeat(63));
    let label_64 = format!("{}.example.org", "a".repeat(64));
    let host_253 = format!("{}.{}.{}.{}.org", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(57));
    let host_254 = format!("{}.{}.{}.{}.org", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(58));
    let mut cases = Vec::new();
    for (id, why, host) in [
        ("host-two-labels", "A host of two labels.", "example.org"),
        ("host-deep", "A host of many labels.", "a.b.c.d.e.example.org"),
        ("host-punycode", "An international name in punycode.", "xn--mnchen-3ya.example.org"),
        ("host-digits", "Labels of digits before a name.", "1.2.3.4.example.org"),
        ("host-label-63", "The longest label.", label_63.as_str()),
        ("host-253", "The longest host.", host_253.as_str()),
        ("port-one", "The smallest port.", "cdn.example.com:1"),
        ("port-largest", "The largest port.", "cdn.example.com:65535"),
        ("port-eighty", "Port 80 is not the default of https.", "cdn.example.com:80"),
    ] {
        cases.push(case(id, why, remote(host)));
    }
    for (id, why, trap, host) in [
        ("host-one-label", "One label.", "SSRF-2", "localhost"),
        ("host-one-label-dot", "One label and a dot.", "SSRF-2", "localhost."),
        ("host-trailing-dot", "A trailing dot.", "PATH-3", "cdn.example.com."),
        ("host-ipv4", "An IPv4 address.", "SSRF-2", "127.0.0.1"),
        ("host-ipv4-public", "A public IPv4 address.", "SSRF-2", "93.184.216.34"),
        ("host-ipv4-short", "An IPv4 address of two parts.", "SSRF-2", "127.1"),
        ("host-ipv4-octal", "An IPv4 address in octal.", "SSRF-2", "0177.0.0.1"),
        ("host-ipv4-hex", "An IPv4 address in hex.", "SSRF-2", "0x7f.0.0.0x1"),
        ("host-ipv4-decimal", "An IPv4 address as one number.", "SSRF-2", "2130706433"),
        ("host-number-last", "A last label that is a number.", "SSRF-2", "example.1"),
        ("host-hex-last", "A last label that a URL parser reads as hex.", "SSRF-2", "example.0x"),
        ("host-ipv6", "An IPv6 address.", "SSRF-2", "[::1]"),
        ("host-upper-case", "An upper-case host.", "SIG-5", "CDN.example.com"),
        ("host-underscore", "An underscore.", "SSRF-7", "my_cdn.example.com"),
        ("host-hyphen-first", "A label that begins with a hyphen.", "SSRF-7", "-cdn.example.com"),
        ("host-hyphen-last", "A label that ends with a hyphen.", "SSRF-7", "cdn-.example.com"),
        ("host-empty-label", "An empty label.", "SSRF-7", "cdn..example.com"),
        ("host-dot-first", "A dot first.", "SSRF-7", ".example.com"),
        ("host-label-64", "A label of 64 characters.", "SSRF-7", label_64.as_str()),
        ("host-254", "A host of 254 characters.", "SSRF-7", host_254.as_str()),
        ("host-unicode", "An international name not in punycode.", "SSRF-7", "m%C3%BCnchen.example.org"),
        ("host-escape", "An escape in the host.", "SSRF-7", "cdn%20.example.com"),
        (
            "host-full-width-dot",
            "A full-width dot, which IDNA reads as a dot.",
            "SSRF-7",
            "localhost%EF%BC%8Eexample.com",
        ),
        ("host-user", "A user name.", "SSRF-7", "user@cdn.example.com"),
        ("host-user-password", "A user name and a password.", "SSRF-7", "user:secret@cdn.example.com"),
        ("host-scheme", "A scheme whose slashes were merged is not repaired.", "SIG-2", "https:/cdn.example.com"),
        ("host-scheme-slashes", "A scheme.", "SSRF-8", "https://cdn.example.com"),
        ("host-scheme-escaped", "A scheme, escaped.", "SSRF-8", "https%3A%2F%2Fcdn.example.com"),
        ("port-default", "Port 443 is not written.", "SIG-5", "cdn.example.com:443"),
        ("port-zero", "Port 0.", "NUM-1", "cdn.example.com:0"),
        ("port-leading-zero", "A port with a leading zero.", "NUM-1", "cdn.example.com:08443"),
        ("port-too-large", "A port above 65535.", "NUM-1", "cdn.example.com:65536"),
        ("port-wraps", "A port that wraps to 443 in 16 bits.", "NUM-1", "cdn.example.com:65979"),
        ("port-empty", "An empty port.", "SIG-5", "cdn.example.com:"),
        ("port-word", "A port that is no number.", "NUM-1", "cdn.example.com:https"),
        ("port-plus", "A port with a sign, escaped.", "NUM-1", "cdn.example.com:%2B8443"),
        ("port-twice", "Two ports.", "SSRF-7", "cdn.example.com:8443:8443"),
    ] {
        cases.push(case(id, why, remote(host)).malformed().trap(trap));
    }
    cases.push(case("host-alone", "A host without a path.", signed("_", "cdn.example.com")).malformed());
    cases.push(case("host-and-slash", "A host with an empty path.", signed("_", "cdn.example.com/")).malformed());

    let name_32 = format!("@{}/a.jpg", "a".repeat(32));
    let name_33 = format!("@{}/a.jpg", "a".repeat(33));
    for (id, why, trap, source) in [
        ("named-folder", "A folder below the root.", "", "@gallery/2026/sunset.jpg"),
        ("named-unicode", "A name in UTF-8.", "", "@gallery/%E5%A4%95%E6%97%A5.jpg"),
        (
            "named-percent",
            "%2F in a name is those three characters: a name is literal.",
            "PATH-1",
            "@gallery/a%252Fb.jpg",
        ),
        (
            "named-question-mark",
            "A question mark in a name is one: a named source has no query.",
            "",
            "@gallery/a%3Fb.jpg",
        ),
        ("named-backslash", "A backslash in a name is one.", "PATH-4", "@gallery/a%5Cb.jpg"),
        ("named-trailing-dot", "A dot behind the name makes another name.", "PATH-3", "@gallery/sunset.jpg."),
        ("named-trailing-space", "A space behind the name makes another name.", "PATH-3", "@gallery/sunset.jpg%20"),
        ("named-semicolon", "An escaped semicolon is part of the name.", "PATH-3", "@gallery/sunset.jpg%3Bx"),
        ("named-encoded-dots", "%2e%2e in a name is those six characters.", "PATH-1", "@gallery/%252e%252e/sunset.jpg"),
    ] {
        let case = case(id, why, signed("_", source));
        cases.push(if trap.is_empty() { case } else { case.trap(trap) });
    }
    for (id, why, source, code) in [
        (
            "named-longest",
            "A source's name of 32 characters parses, and is granted to nobody.",
            name_32.as_str(),
            "source_denied",
        ),
        ("named-too-long", "A source's name of 33 characters.", name_33.as_str(), MALFORMED),
        ("named-empty", "An empty source's name.", "@/sunset.jpg", MALFORMED),
        ("named-upper-case", "An upper-case source's name.", "@Gallery/sunset.jpg", MALFORMED),
        ("named-underscore", "An underscore in a source's name.", "@my_gallery/sunset.jpg", MALFORMED),
        ("named-no-path", "A source's name without a path.", "@gallery", MALFORMED),
        ("named-empty-path", "A source's name with an empty path.", "@gallery/", MALFORMED),
        ("named-empty-segment", "An empty segment.", "@gallery//sunset.jpg", MALFORMED),
        ("named-slash-last", "A slash at the end.", "@gallery/2026/", MALFORMED),
        ("named-escaped-at", "An escaped @.", "%40gallery/sunset.jpg", MALFORMED),
        ("named-nul", "NUL in a name.", "@gallery/sunset.jpg%00.png", MALFORMED),
    ] {
        cases.push(case(id, why, signed("_", source)).denied(code));
    }
    for (id, why, source) in [
        ("named-parent", "A URL parser removes x/.. below a source.", "@gallery/x/../sunset.jpg"),
        (
            "named-parent-escaped",
            "A URL parser removes an escaped x/.. below a source.",
            "@gallery/x/%2E%2e/sunset.jpg",
        ),
    ] {
        cases.push(
            case(id, why, signed_as(&format!("/my-app/_/{source}"), "/my-app/_/@gallery/sunset.jpg"))
                .normalised()
                .trap("PATH-1"),
        );
    }
    cases
}
