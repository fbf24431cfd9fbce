//! Usage: what the edge reports, what direct delivery counts itself, and what the API says of both.

use sealpix::denial::Code;
use sealpix::key::PublicKey;
use sealpix::link::LinkSecret;
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix::usage::{Count, Event, Format, MAX_REPORT_BYTES, MAX_ROWS, Outcome, Report, ReportId, USAGE_PATH};
use sealpix::wire;
use sealpix_origin::access::role::Role;
use serde_json::Value;

use crate::harness::{Answer, Data, Made, Served};
use crate::machine::{call, get, send, token};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn proven(link: &str, method: &str, body: &[u8], time: u64) -> String {
    let keys = LinkSecret::parse(link).unwrap().keys();
    let facts = Facts { time, nonce: "nonce".to_owned(), ..Facts::default() };
    let request = Proven { direction: Direction::EdgeToOrigin, method, target: USAGE_PATH, body };
    proof::prove(&keys, request, &facts)
}

fn post(served: &Served, proof: &str, body: &[u8]) -> Answer {
    send(served, "POST", USAGE_PATH, &[(proof::HEADER, proof)], body)
}

/// A report of that number, sent as the edge would.
fn sent(served: &Served, made: &Made, sequence: u64, rows: Vec<Count>) -> Answer {
    let body = wire::to_bytes(&Report { id: ReportId { counter: [5; 16], sequence }, rows, events: vec![] });
    post(served, &proven(&made.edge_link, "POST", &body, now()), &body)
}

fn row(made: &Made, minute: u64, outcome: Outcome, count: u64) -> Count {
    let key = PublicKey::parse(&made.public_key).unwrap();
    Count { key, minute, outcome, count, bytes: 100 * count, format: Some(Format::Webp) }
}

/// Requests by outcome, as the API tells.
fn outcomes(served: &Served, token: &str) -> Vec<(String, u64)> {
    let usage = get(served, token, "/usage?by=outcome");
    let items = usage["items"].as_array().unwrap().iter();
    items.map(|item| (item["outcome"].as_str().unwrap().to_owned(), item["requests"].as_u64().unwrap())).collect()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{said}");
}

fn reports_are_counted(data: &Data) {
    let made = data.setup(&[]);
    let served = data.serve();
    let viewer = token(data, Role::Viewer);
    let minute = now() / 60;
    let denied = Outcome::Denied(Code::RateLimited);
    let rows = || vec![row(&made, minute, Outcome::Hit, 40), row(&made, minute - 1, denied, 2)];
    for _ in 0..3 {
        let answer = sent(&served, &made, 1, rows());
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"counted\n".as_slice()));
    }
    assert_eq!(sent(&served, &made, 2, vec![row(&made, minute, Outcome::Hit, 1)]).status, 200);
    let counted = [("hit".to_owned(), 41), ("rate_limited".to_owned(), 2)];
    assert_eq!(outcomes(&served, &viewer), counted);

    // At once, on connections of their own.
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let (served, made) = (&served, &made);
            threads.spawn(move || {
                for sequence in 10..20 {
                    let sequence = 10 + (sequence + thread) % 10;
                    let answer = sent(served, made, sequence, vec![row(made, minute, Outcome::Miss, 3)]);
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
    let counted = [counted[0].clone(), ("miss".to_owned(), 30), counted[1].clone()];
    assert_eq!(outcomes(&served, &viewer), counted);

    let one = |minute, outcome, count| vec![row(&made, minute, outcome, count)];
    let body = wire::to_bytes(&Report { id: ReportId { counter: [6; 16], sequence: 1 }, rows: rows(), events: vec![] });
    let proof = proven(&made.edge_link, "POST", &body, now());
    let mut changed = body.clone();
    *changed.last_mut().unwrap() ^= 1;
    let other = LinkSecret::from_bytes([1; 4], [2; 32]).unwrap().reveal();
    refused(&send(&served, "POST", USAGE_PATH, &[], &body), 403, "proof_required");
    refused(&post(&served, &proof, &changed), 403, "proof_required");
    refused(&post(&served, &proof, b""), 403, "proof_required");
    refused(&post(&served, &proven(&other, "POST", &body, now()), &body), 403, "proof_required");
    refused(&post(&served, &proven(&made.edge_link, "GET", &body, now()), &body), 403, "proof_required");
    refused(&post(&served, &proven(&made.edge_link, "POST", &body, now() - 120), &body), 403, "proof_required");
    refused(&sent(&served, &made, 30, one(minute + 10, Outcome::Hit, 1)), 400, "report_invalid");
    refused(&sent(&served, &made, 31, one(minute - 2_885, Outcome::Hit, 1)), 400, "report_invalid");
    refused(&sent(&served, &made, 32, one(minute, Outcome::Hit, 0)), 400, "report_invalid");
    refused(&sent(&served, &made, 33, vec![]), 400, "report_invalid");
    let many = vec![row(&made, minute, Outcome::Hit, 1); MAX_ROWS + 1];
    refused(&sent(&served, &made, 34, many), 400, "report_invalid");
    let at = body.windows(3).position(|window| window == b"hit").unwrap();
    let mut unknown = body.clone();
    unknown[at..at + 3].copy_from_slice(b"hot");
    refused(&post(&served, &proven(&made.edge_link, "POST", &unknown, now()), &unknown), 400, "report_invalid");
    let large = vec![0; MAX_REPORT_BYTES + 1];
    refused(&post(&served, &proven(&made.edge_link, "POST", &large, now()), &large), 413, "report_too_large");
    // A key that is none: nobody could have asked for its usage.
    let invented = Count { key: PublicKey::from_bytes([1; 16]), ..row(&made, minute, Outcome::Hit, 9) };
    assert_eq!(sent(&served, &made, 35, vec![invented]).status, 200);
    assert_eq!(outcomes(&served, &viewer), counted);
    // What was refused for its minute may come again in its time, under the same name.
    assert_eq!(sent(&served, &made, 30, one(minute, Outcome::Hit, 1)).status, 200);
    assert_eq!(outcomes(&served, &viewer)[0].1, 42);
}

#[test]
fn a_proven_report_counts_once_and_others_not_at_all() {
    reports_are_counted(&Data::new(&[]));
}

#[test]
fn a_proven_report_counts_once_on_postgresql_too() {
    reports_are_counted(&Data::on_postgres(&[]));
}

#[test]
fn an_edges_events_and_bytes_are_counted_with_the_report_and_not_with_its_repetition() {
    let data = Data::new(&[("SEALPIX_METRICS_LISTEN", "127.0.0.1:0")]);
    let made = data.setup(&[]);
    let served = data.serve();
    let viewer = token(&data, Role::Viewer);
    let report = |sequence, rows| {
        let events = vec![(Event::KvFailure, 2), (Event::Refused(Code::KeyUnknown), 500)];
        let body = wire::to_bytes(&Report { id: ReportId { counter: [7; 16], sequence }, rows, events });
        post(&served, &proven(&made.edge_link, "POST", &body, now()), &body).status
    };
    for _ in 0..3 {
        assert_eq!(report(1, vec![row(&made, now() / 60, Outcome::Hit, 4)]), 200);
    }
    // There need be no row.
    assert_eq!(report(2, vec![]), 200);
    let metrics = String::from_utf8(served.operate("/metrics").body).unwrap();
    for line in ["{event=\"kv_failure\"} 4\n", "{event=\"key_unknown\"} 1000\n"] {
        assert!(metrics.contains(&format!("sealpix_edge_events_total{line}")), "{line} {metrics}");
    }
    let usage = get(&served, &viewer, "/usage?by=format");
    let expected = r#"[{"at":null,"bytes":400,"denied":0,"format":"webp","outcome":null,"requests":4}]"#;
    assert_eq!(usage["items"].to_string(), expected);
}

#[test]
fn direct_delivery_counts_what_was_asked_and_logs_it_without_a_signature() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct"), ("SEALPIX_REQUEST_LOG_SAMPLE_PERCENT", "100")]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let viewer = token(&data, Role::Viewer);
    let served = data.serve();
    let target = made.sign("w_20", "@gallery/photo.jpg");
    let (mut etag, mut picture_bytes) = (String::new(), 0);
    for _ in 0..7 {
        let answer = served.get(&target);
        assert_eq!(answer.status, 200);
        answer.header("etag").unwrap().clone_into(&mut etag);
        picture_bytes = answer.body.len() as u64;
    }
    assert_eq!(served.ask("HEAD", &target, &[]).status, 200);
    assert_eq!(served.ask("GET", &target, &[("If-None-Match", &etag)]).status, 304);
    assert_eq!(served.ask("OPTIONS", &target, &[]).status, 204);
    for _ in 0..3 {
        assert_eq!(served.get(&made.sign("w_20", "@gallery/missing.jpg")).status, 404);
    }
    for _ in 0..2 {
        let forged = target.replace("photo.jpg", "passwords.jpg");
        assert_eq!(served.get(&forged).code().as_deref(), Some("signature_invalid"));
    }
    let stranger = target.replace(&made.public_key, &PublicKey::from_bytes([8; 16]).to_string());
    assert_eq!(served.get(&stranger).code().as_deref(), Some("key_unknown"));
    assert_eq!(served.get("/no-such").code().as_deref(), Some("malformed_url"));
    assert_eq!(served.terminate(), Some(0));

    let served = data.serve();
    let expected = [("not_modified", 1), ("ok", 8), ("signature_invalid", 2), ("source_not_found", 3)];
    assert_eq!(outcomes(&served, &viewer), expected.map(|(outcome, count)| (outcome.to_owned(), count)));
    // Seven pictures; HEAD, 304 and refusals have no bytes.
    let formats = get(&served, &viewer, "/usage?by=format")["items"].clone();
    let bytes =
        |at: usize| (formats[at]["format"].as_str().unwrap().to_owned(), formats[at]["bytes"].as_u64().unwrap());
    assert_eq!((bytes(0), bytes(1)), (("jpg".to_owned(), 7 * picture_bytes), ("none".to_owned(), 0)));
    let requests = get(&served, &viewer, "/requests?limit=100")["items"].as_array().unwrap().clone();
    let of = |outcome: &str| -> Vec<&Value> { requests.iter().filter(|row| row["outcome"] == outcome).collect() };
    assert_eq!((of("ok").len(), of("not_modified").len()), (8, 1));
    // One row each, or two where a minute ended meanwhile.
    let denied = |outcome: &str| of(outcome).iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>();
    for (outcome, count) in
        [("source_not_found", 3), ("signature_invalid", 2), ("key_unknown", 1), ("malformed_url", 1)]
    {
        assert_eq!(denied(outcome), count, "{outcome}");
        assert!(of(outcome).len() <= 2);
    }
    let picture = of("ok")[0];
    assert_eq!((&picture["source"], &picture["operations"]), (&"@gallery/photo.jpg".into(), &"w_20".into()));
    assert_eq!((&picture["key"], &picture["project"]), (&made.public_key.as_str().into(), &"my-app".into()));
    assert_eq!((picture["status"].as_u64(), picture["count"].as_u64()), (Some(200), Some(1)));
    assert!(of("ok").iter().any(|row| row["bytes"].as_u64().unwrap() > 100));
    assert_eq!(of("source_not_found")[0]["source"], "@gallery/missing.jpg");
    assert_eq!(of("signature_invalid")[0]["source"], "", "nobody signed it");
    assert_eq!(of("key_unknown")[0]["key"], Value::Null);
    let all = Value::from(requests.clone()).to_string();
    let (_, signature) = target.split_once("sig=").unwrap();
    assert!(!all.contains("sig=") && !all.contains(signature) && !all.contains("passwords"), "{all}");

    // In pages it is the same list.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&served, &viewer, &format!("/requests?limit=4{cursor}"));
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, requests);
    let found = get(&served, &viewer, "/requests?outcome=not_modified&project=my-app");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_asked_of_usage_wrongly_is_refused() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let viewer = token(&data, Role::Viewer);
    let served = data.serve();
    let hour = 3_600_000_u64;
    for (query, status) in [
        (String::new(), 200),
        (format!("?by=minute&from=0&until={}", 2_000 * 60_000), 200),
        (format!("?by=minute&from=0&until={}", 2_001 * 60_000), 400),
        (format!("?by=hour&from=0&until={}", 2_000 * hour), 200),
        (format!("?by=hour&from=0&until={}", 2_000 * hour + 1), 400),
        (format!("?by=outcome&from=0&until={}", u64::MAX), 200),
        (format!("?by=day&from=0&until={}", u64::MAX), 400),
        ("?from=5&until=5".to_owned(), 400),
        ("?until=0".to_owned(), 400),
        ("?from=-1".to_owned(), 400),
        ("?by=week".to_owned(), 400),
        ("?key=pk_x".to_owned(), 400),
        ("?project=api".to_owned(), 400),
    ] {
        let (said, body) = call(&served, &viewer, "GET", &format!("/usage{query}"), None);
        assert_eq!(said, status, "{query}: {body}");
    }
    for query in ["?outcome=okay", "?cursor=x", "?cursor=x-y", "?limit=0", "?limit=501", "?key=pk_x"] {
        assert_eq!(call(&served, &viewer, "GET", &format!("/requests{query}"), None).0, 400, "{query}");
    }
    assert_eq!(served.get("/api/v1/usage").status, 401);
    assert_eq!(served.get("/api/v1/requests").status, 401);
}
