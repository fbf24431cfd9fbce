//! Domain rules: who may embed (row 9) and what is fetched (row 10).

use super::*;
use crate::state::{EMBED, LOCAL, OTHER, SANDBOX, STAGING, STRICT};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let embed = signed_by(EMBED, "embed-app", "_", SUNSET);
    for (id, why, referer) in [
        ("referer-exact", "A page of a listed host.", "https://example.com/page"),
        ("referer-http", "The scheme is not compared.", "http://example.com/page"),
        ("referer-bare", "An origin without a path.", "https://example.com"),
        ("referer-upper-case", "Scheme and host compare without case.", "HTTPS://EXAMPLE.com/"),
        ("referer-any-port", "A rule without a port takes any.", "https://example.com:8080/"),
        ("referer-query", "A query that names another host is a query.", "https://example.com/?u=https://evil.test/"),
        ("referer-subdomain", "A subdomain under a wildcard.", "https://www.example.net/"),
        ("referer-deep-subdomain", "A subdomain at any depth.", "https://a.b.c.example.net/"),
        ("referer-port-named", "The port that the rule names.", "https://partner.example.org:8443/"),
        ("referer-empty", "An empty Referer is a missing one.", ""),
    ] {
        cases.push(case(id, why, embed.clone()).referer(referer));
    }
    cases.push(case(
        "referer-missing",
        "A missing Referer is admitted unless the project says otherwise.",
        embed.clone(),
    ));
    for (id, why, trap, referer) in [
        ("referer-other", "A host that is not listed.", "", "https://evil.test/"),
        ("referer-suffix", "evilexample.com is not example.com.", "SSRF-9", "https://evilexample.com/"),
        (
            "referer-wildcard-suffix",
            "evilexample.net is no subdomain of example.net.",
            "SSRF-9",
            "https://evilexample.net/",
        ),
        ("referer-apex", "The apex is not a subdomain.", "", "https://example.net/"),
        ("referer-prefix", "A listed host as the beginning of another.", "PATH-2", "https://example.com.evil.test/"),
        ("referer-subdomain-of-exact", "A rule without a wildcard has no subdomains.", "", "https://www.example.com/"),
        ("referer-port-other", "Another port than the rule's.", "", "https://partner.example.org/"),
        ("referer-user", "A listed host as user name.", "SSRF-7", "https://example.com@evil.test/"),
        ("referer-user-before", "A user name before a listed host.", "SSRF-7", "https://user@example.com/"),
        (
            "referer-backslash",
            "A backslash that browsers read as a slash.",
            "PATH-4",
            "https://evil.test\\@example.com/",
        ),
        ("referer-two", "Two headers joined.", "", "https://example.com/, https://evil.test/"),
        ("referer-path", "A listed host in the path.", "", "https://evil.test/https://example.com/"),
        ("referer-no-scheme", "A host without a scheme.", "", "example.com"),
        ("referer-no-scheme-slashes", "A URL relative to a scheme.", "SSRF-8", "//example.com/"),
        ("referer-other-scheme", "Another scheme.", "SSRF-8", "ftp://example.com/"),
        ("referer-data", "A data URL that names a listed host.", "SSRF-8", "data:text/html,https://example.com/"),
        ("referer-null", "The word null.", "", "null"),
        ("referer-trailing-dot", "A trailing dot behind a listed host.", "PATH-3", "https://example.com./"),
        ("referer-port-zero", "A port with a leading zero.", "NUM-1", "https://example.com:0443/"),
    ] {
        let case = case(id, why, embed.clone()).referer(referer).denied("referer_denied");
        cases.push(if trap.is_empty() { case } else { case.trap(trap) });
    }
    let strict = signed_by(STRICT, "strict-app", "_", SUNSET);
    let local = signed_by(LOCAL, "local-app", "_", SUNSET);
    cases.extend([
        case("referer-required-given", "A project that requires a Referer, a listed one given.", strict.clone())
            .referer("https://example.com/"),
        case("referer-required-missing", "A project that requires a Referer, none given.", strict.clone())
            .denied("referer_denied"),
        case("referer-required-empty", "A project that requires a Referer, an empty one given.", strict.clone())
            .referer("")
            .denied("referer_denied"),
        case("referer-required-other", "A project that requires a Referer, another one given.", strict)
            .referer("https://evil.test/")
            .denied("referer_denied"),
        case("referer-localhost", "A development project's own machine.", local.clone())
            .referer("http://localhost:3000/"),
        case("referer-localhost-port", "Another port of localhost.", local.clone())
            .referer("http://localhost:4000/")
            .denied("referer_denied"),
        case("referer-loopback", "A loopback address on any port.", local.clone()).referer("http://127.0.0.1:5173/"),
        case("referer-loopback-other", "Another spelling of the loopback address is another host.", local)
            .referer("http://127.1/")
            .denied("referer_denied"),
        case("referer-unlisted-project", "A project without a list admits every Referer.", signed("_", SUNSET))
            .referer("https://evil.test/"),
    ]);

    for (id, why, source) in [
        ("source-exact", "A listed host.", "cdn.example.com/b.jpg"),
        ("source-subdomain", "A subdomain under a wildcard.", "img.example.org/a.jpg"),
        ("source-deep-subdomain", "A subdomain at any depth.", "a.b.example.org/a.jpg"),
        ("source-port-named", "The port that the rule names.", "media.example.com:8443/a.jpg"),
        ("source-prefix", "A path below the rule's prefix.", "s3.amazonaws.com/my-bucket/a.jpg"),
        ("source-prefix-deep", "A path deep below the rule's prefix.", "s3.amazonaws.com/my-bucket/2026/a%20b.jpg"),
    ] {
        cases.push(case(id, why, signed("w_100", source)));
    }
    for (id, why, trap, source) in [
        ("source-other", "A host that is not listed.", "SSRF-1", "evil.test/a.jpg"),
        (
            "source-subdomain-of-exact",
            "A rule without a wildcard has no subdomains.",
            "SSRF-9",
            "www.cdn.example.com/a.jpg",
        ),
        ("source-suffix", "evilcdn.example.com is not cdn.example.com.", "SSRF-9", "evilcdn.example.com/a.jpg"),
        ("source-apex", "The apex is not a subdomain.", "SSRF-9", "example.org/a.jpg"),
        (
            "source-wildcard-suffix",
            "evilexample.org is no subdomain of example.org.",
            "SSRF-9",
            "evilexample.org/a.jpg",
        ),
        (
            "source-host-prefix",
            "A listed host as the beginning of another.",
            "PATH-2",
            "cdn.example.com.evil.test/a.jpg",
        ),
        ("source-port-unlisted", "A port needs a rule that names it.", "SSRF-9", "cdn.example.com:8443/a.jpg"),
        ("source-port-missing", "A rule that names a port is for that port.", "SSRF-9", "media.example.com/a.jpg"),
        ("source-port-other", "Another port than the rule's.", "SSRF-9", "media.example.com:8444/a.jpg"),
        (
            "source-prefix-sibling",
            "my-bucket-2 is not below my-bucket.",
            "PATH-2",
            "s3.amazonaws.com/my-bucket-2/a.jpg",
        ),
        ("source-prefix-elsewhere", "The prefix further down.", "PATH-2", "s3.amazonaws.com/other/my-bucket/a.jpg"),
        ("source-prefix-case", "A path compares with case.", "PATH-2", "s3.amazonaws.com/My-Bucket/a.jpg"),
        (
            "source-prefix-escaped",
            "The prefix behind a second encoding is another path.",
            "PATH-1",
            "s3.amazonaws.com/my%252Dbucket/a.jpg",
        ),
        (
            "source-prefix-in-query",
            "The prefix in the source's query.",
            "PATH-2",
            "s3.amazonaws.com/x%3F/my-bucket/a.jpg",
        ),
        ("source-not-granted", "A configured source that does not exist.", "SSRF-1", "@no-such-source/a.jpg"),
    ] {
        cases.push(case(id, why, signed("w_100", source)).denied("source_denied").trap(trap));
    }
    cases.extend([
        case(
            "source-granted-to-another",
            "A configured source that is granted to another project only.",
            signed_by(OTHER, "other-app", "_", SUNSET),
        )
        .denied("source_denied")
        .trap("SIG-9"),
        case(
            "source-staging-no-rules",
            "Without rules a staging project fetches nothing.",
            signed_by(STAGING, "staging-app", "_", PHOTO),
        )
        .denied("source_denied")
        .trap("SSRF-1"),
        case(
            "source-strict-no-rules",
            "Without rules a production project fetches nothing.",
            signed_by(STRICT, "strict-app", "_", PHOTO),
        )
        .referer("https://example.com/")
        .denied("source_denied")
        .trap("SSRF-1"),
        case(
            "source-development-no-rules",
            "Without rules a development project fetches from any public host.",
            signed_by(SANDBOX, "sandbox", "_", "any.host.test/a.jpg"),
        ),
        case(
            "source-development-named",
            "A development project has no configured source either that is not granted.",
            signed_by(SANDBOX, "sandbox", "_", SUNSET),
        )
        .denied("source_denied"),
    ]);
    cases
}
