//! What each part of the Worker's report means, and what to do where it is not well. No I/O.

use reqwest::header::HeaderMap;
use sealpix::cache_key::ENGINE_VERSION;
use sealpix::link::LinkKeys;
use sealpix::proof::MAX_SKEW_SECS;

use super::report::{Report, RoundTrip};
use crate::commands::findings::Findings;

/// Clocks this far apart are worth a look: a URL's last seconds are judged differently by the two sides.
const SKEW_WARNS_MILLIS: u64 = 2_000;

/// Half of what a proof's time may be away ([`MAX_SKEW_SECS`]): soon nothing will be accepted.
const SKEW_FAILS_MILLIS: u64 = MAX_SKEW_SECS * 1000 / 2;

/// Hosts under which Cloudflare's Cache API stores nothing.
const WITHOUT_CACHE: &str = ".workers.dev";

/// What `cf-cache-status` says where the platform answered from a cache of its own.
const FROM_CACHE: [&str; 4] = ["HIT", "STALE", "UPDATING", "REVALIDATED"];

/// `is_repeated` if two answers had one request id. On a cache's hit the gate would not run.
pub(super) fn nothing_before(findings: &mut Findings, is_repeated: bool, headers: &HeaderMap) {
    let status = headers.get("cf-cache-status").and_then(|status| status.to_str().ok());
    if is_repeated || status.is_some_and(|status| FROM_CACHE.contains(&status)) {
        let why = "a cache stands before the Worker and answers for it, so that no signature is checked: remove the \
                   Cache Rule or page rule of this host, and [cache] of wrangler.toml";
        findings.fail("before it", why);
    } else {
        findings.ok("before it", "no cache: each request reaches the Worker");
    }
}

/// The edge took our proof. Whether the two sides are at one about the others.
pub(super) fn link(findings: &mut Findings, ours: &[LinkKeys], report: &Report) {
    let ours: Vec<_> = ours.iter().map(|link| link.id().to_string()).collect();
    let current = ours.first().map_or("", String::as_str);
    match report.links.as_slice() {
        [first, ..] if first != current && ours.contains(first) => {
            let why =
                format!("the Worker has the new link {first}; the origin takes it up within seconds while it serves");
            findings.warn("edge link", why);
        }
        [first, previous, ..] if first == current && !ours.contains(previous) => {
            let why = format!(
                "{current} is accepted; {previous} is retired here: wrangler secret delete SEALPIX_EDGE_LINK_PREVIOUS"
            );
            findings.warn("edge link", why);
        }
        [first, ..] if first == current => findings.ok("edge link", format!("the Worker accepts {current}")),
        _ => {
            let why = format!(
                "the Worker has {current} as its previous link only, and proves itself with one that is unknown here: \
                 wrangler secret put SEALPIX_EDGE_LINK with this registry's"
            );
            findings.fail("edge link", why);
        }
    }
}

/// What the edge heard from its origin.
pub(super) fn origin(findings: &mut Findings, report: &Report) {
    let url = &report.origin;
    match report.origin_says.as_str() {
        "ok" => findings.ok("origin", format!("the Worker reaches {url}, which takes its proof")),
        "proof_refused" => {
            let why = format!(
                "{url} refuses the Worker's proof: it is the origin of another registry (SEALPIX_ORIGIN), or its clock \
                 is more than {MAX_SKEW_SECS} s away"
            );
            findings.fail("origin", why);
        }
        "origin_timeout" => findings.fail("origin", format!("{url} does not answer the Worker in time")),
        "origin_unreachable" => {
            let why = format!(
                "the Worker does not reach {url}, or something else answers there: is sealpix serve running, with a \
                 certificate that is publicly trusted, and is SEALPIX_ORIGIN its URL?"
            );
            findings.fail("origin", why);
        }
        code => findings.fail("origin", format!("{url} answers the Worker {code}: its log says why")),
    }
}

pub(super) fn environment(findings: &mut Findings, ours: &str, report: &Report) {
    let theirs = &report.environment;
    if theirs == ours {
        findings.ok("environment", ours);
    } else {
        let why =
            format!("the Worker's is {theirs:?}, ours {ours:?}, so no record opens there: SEALPIX_ENVIRONMENT of both");
        findings.fail("environment", why);
    }
}

pub(super) fn versions(findings: &mut Findings, report: &Report) {
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), &report.version);
    if report.engine != ENGINE_VERSION {
        let why = format!(
            "the Worker's image engine is {}, ours {ENGINE_VERSION}, so it keeps no picture in its cache: deploy the \
             Worker and the origin of one version",
            report.engine
        );
        findings.fail("version", why);
    } else if theirs != ours {
        findings.warn("version", format!("the Worker is {theirs}, this is {ours}: deploy the Worker of this one"));
    } else {
        findings.ok("version", format!("{ours}, engine {ENGINE_VERSION}, on both sides"));
    }
}

/// By the four times of one question, as NTP reckons (RFC 5905 section 8): the time that the edge took itself is no
/// matter, and that on the way counts half for each direction.
pub(super) fn clock(findings: &mut Findings, report: &Report, trip: RoundTrip) {
    let seconds = |millis: i128| millis.unsigned_abs() as f64 / 1000.0;
    let [sent, received, arrived, answered] =
        [trip.sent, trip.received, report.arrived, report.answered].map(i128::from);
    let ahead = ((arrived - sent) + (answered - received)) / 2;
    let unsure = (((received - sent) - (answered - arrived)) / 2).max(0);
    let least = ahead.unsigned_abs().saturating_sub(unsure.unsigned_abs());
    let way = if ahead < 0 { "behind" } else { "ahead of" };
    let why = format!("the Worker's is {:.3} s {way} ours, give or take {:.3} s", seconds(ahead), seconds(unsure));
    if least > u128::from(SKEW_FAILS_MILLIS) {
        findings
            .fail("clock", format!("{why}; beyond {MAX_SKEW_SECS} s nothing is accepted: set this machine's (NTP)"));
    } else if least > u128::from(SKEW_WARNS_MILLIS) {
        findings.warn("clock", format!("{why}: set this machine's clock (NTP)"));
    } else {
        findings.ok("clock", why);
    }
}

/// The proof was refused for its time.
pub(super) fn far_clock(findings: &mut Findings) {
    let why = format!(
        "the Worker's and ours are over {MAX_SKEW_SECS} s apart, so nothing is accepted: set this machine's (NTP)"
    );
    findings.fail("clock", why);
}

pub(super) fn bindings(findings: &mut Findings, report: &Report) {
    if report.has("RECORDS") {
        findings.ok("RECORDS", "the KV namespace is bound");
    } else {
        let why = "no KV namespace is bound, so that nothing is served: wrangler kv namespace create, its id into \
                   [[kv_namespaces]] of wrangler.toml, wrangler deploy";
        findings.fail("RECORDS", why);
    }
    if report.has("ADDRESS_LIMIT") {
        findings.ok("ADDRESS_LIMIT", "the rate-limit binding is there");
    } else {
        let why = "is not bound: one address may ask as often as it likes, for keys that nobody knows too; [[ratelimits]] \
                   of wrangler.toml";
        findings.warn("ADDRESS_LIMIT", why);
    }
    let counts = &report.limit_counts;
    match report.counter.as_str() {
        "durable" => findings.ok("counters", format!("exact, in Durable Objects (KEY_COUNTER); {counts} count")),
        "kv" => {
            let why = format!(
                "in shares over KV (COUNTERS); {counts} count. They write: the free plan's 1,000 a day are soon spent"
            );
            findings.ok("counters", why);
        }
        _ => {
            let why = format!(
                "neither KEY_COUNTER nor COUNTERS is bound: each isolate counts alone, so a key gets its limit as many \
                 times as there are isolates; {counts} count"
            );
            findings.warn("counters", why);
        }
    }
}

/// The host in the cache's names, against that of the URL.
pub(super) fn cache(findings: &mut Findings, url: &str, report: &Report) {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let named = &report.cache_host;
    if host.ends_with(WITHOUT_CACHE) {
        let why = format!(
            "nothing is kept under {host}, so each request is the origin's work: give the Worker a custom domain"
        );
        findings.warn("cache", why);
    } else if url.starts_with("http://") || *named == host {
        findings.ok("cache", format!("its names are under {named}"));
    } else {
        findings.warn("cache", format!("its names are under {named}: set SEALPIX_CACHE_HOST to {host}"));
    }
}

#[cfg(test)]
mod tests;
