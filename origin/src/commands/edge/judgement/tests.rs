//! Each part of a report, well and not.

use reqwest::header::{HeaderMap, HeaderValue};
use sealpix::link::LinkSecret;

use super::*;

const NOW: u64 = 1_800_000_000_000;

/// A report of a Worker that is well.
fn well() -> Report {
    let report = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "engine": ENGINE_VERSION, "environment": "production",
        "links": ["0000000b"], "counter": "durable", "limit_counts": "misses", "cache_host": "img.example.com",
        "bindings": { "RECORDS": true, "KEY_COUNTER": true, "ADDRESS_LIMIT": true }, "origin": "https://origin.example.com",
        "origin_says": "ok", "records": [], "arrived": NOW, "answered": NOW,
    });
    serde_json::from_value(report).unwrap()
}

fn found(judge: impl Fn(&mut Findings)) -> String {
    let mut findings = Findings::default();
    judge(&mut findings);
    findings.lines()
}

/// What `change` makes of a report that is well.
fn after(change: impl Fn(&mut Report), judge: impl Fn(&mut Findings, &Report)) -> String {
    let mut report = well();
    change(&mut report);
    found(|findings| judge(findings, &report))
}

#[test]
fn the_clock_is_judged_by_what_the_way_cannot_explain() {
    // Our times of sending and receiving, the edge's of arrival and answer, after the same second.
    let judged = |[sent, received, arrived, answered]: [u64; 4]| {
        let trip = RoundTrip { sent: NOW + sent, received: NOW + received };
        after(
            |report| (report.arrived, report.answered) = (NOW + arrived, NOW + answered),
            |findings, report| clock(findings, report, trip),
        )
    };
    for (times, begins) in [
        ([0, 40, 20, 20], "ok clock: the worker's is 0.000 s ahead of ours, give or take 0.020 s"),
        // The edge took five seconds to ask its origin: no matter.
        ([0, 5_040, 20, 5_020], "ok clock: the worker's is 0.000 s ahead"),
        ([3_000, 3_040, 20, 20], "warn clock: the worker's is 3.000 s behind"),
        ([0, 40, 3_020, 3_020], "warn clock: the worker's is 3.000 s ahead"),
        // A way of ten seconds may be one-sided: nothing is certain.
        ([0, 10_000, 8_000, 8_000], "ok clock: the worker's is 3.000 s ahead of ours, give or take 5.000 s"),
        ([0, 40, 31_000, 31_000], "fail clock: the worker's is 30.980 s ahead"),
        ([31_000, 31_040, 0, 0], "fail clock: the worker's is 31.020 s behind"),
    ] {
        let judged = judged(times);
        assert!(judged.starts_with(begins), "{times:?}: {judged}");
    }
}

#[test]
fn the_links_of_both_sides_are_compared() {
    let keys = |id: u8| LinkSecret::from_bytes([0, 0, 0, id], [id; 32]).unwrap().keys();
    let judged = |ours: &[u8], theirs: &[&str]| {
        let ours: Vec<_> = ours.iter().map(|id| keys(*id)).collect();
        after(
            |report| report.links = theirs.iter().map(|&id| id.to_owned()).collect(),
            |findings, report| link(findings, &ours, report),
        )
    };
    assert!(judged(&[11], &["0000000b"]).starts_with("ok edge link: the worker accepts 0000000b"));
    assert!(judged(&[11, 10], &["0000000b", "0000000a"]).starts_with("ok"));
    assert!(judged(&[11, 12], &["0000000c", "0000000b"]).contains("has the new link 0000000c"));
    assert!(
        judged(&[11], &["0000000b", "0000000a"]).contains("warn edge link: 0000000b is accepted; 0000000a is retired")
    );
    assert!(judged(&[11], &["0000000d", "0000000b"]).starts_with("fail"));
}

#[test]
fn what_the_origin_said_is_told_apart() {
    let judged = |said: &str| after(|report| said.clone_into(&mut report.origin_says), origin);
    assert!(judged("ok").starts_with("ok origin"));
    for (said, contains) in [
        ("proof_refused", "refuses the worker's proof"),
        ("origin_timeout", "in time"),
        ("origin_unreachable", "does not reach"),
        ("internal", "answers the worker internal"),
    ] {
        let judged = judged(said);
        assert!(judged.starts_with("fail") && judged.contains(contains), "{judged}");
    }
}

#[test]
fn sides_of_another_environment_engine_or_version_are_found() {
    let judge = |findings: &mut Findings, report: &Report| {
        environment(findings, "production", report);
        versions(findings, report);
    };
    assert_eq!(after(|_| {}, judge).matches("ok ").count(), 2);
    assert!(after(|report| "staging".clone_into(&mut report.environment), judge).starts_with("fail environment"));
    assert!(after(|report| report.engine += 1, judge).contains("fail version: the worker's image engine"));
    assert!(
        after(|report| "0.0.1".clone_into(&mut report.version), judge).contains("warn version: the worker is 0.0.1")
    );
}

#[test]
fn only_the_records_namespace_must_be_bound() {
    let without = |binding: &str, counter: &str| {
        after(
            |report| {
                report.bindings.remove(binding);
                counter.clone_into(&mut report.counter);
            },
            bindings,
        )
    };
    assert_eq!(without("", "durable").matches("ok ").count(), 3);
    assert!(without("", "kv").contains("ok counters: in shares over kv"));
    assert!(without("", "local").contains("warn counters: neither"));
    assert!(without("RECORDS", "kv").starts_with("fail records"));
    assert!(without("ADDRESS_LIMIT", "kv").contains("warn address_limit"));
}

#[test]
fn a_cache_before_the_worker_fails_and_one_without_effect_warns() {
    let before = |is_repeated, status: &'static str| {
        let headers = HeaderMap::from_iter([("cf-cache-status".parse().unwrap(), HeaderValue::from_static(status))]);
        found(|findings| nothing_before(findings, is_repeated, &headers))
    };
    assert!(before(false, "DYNAMIC").starts_with("ok"));
    assert!(before(false, "HIT").starts_with("fail before it: a cache stands before the worker"));
    assert!(before(true, "DYNAMIC").starts_with("fail"));

    let at = |url: &str| after(|_| {}, |findings, report| cache(findings, url, report));
    assert!(at("https://img.example.com").starts_with("ok cache"));
    assert!(at("http://127.0.0.1:8787").starts_with("ok cache"));
    assert!(at("https://other.example.com:8443").contains("set sealpix_cache_host to other.example.com"));
    assert!(at("https://sealpix.me.workers.dev").contains("nothing is kept under sealpix.me.workers.dev"));
}
