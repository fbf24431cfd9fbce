//! Delivery over sockets: direct and proof mode, conditions, HEAD, headers, limits.

use sealpix::link::LinkSecret;
use sealpix::proof::{self, Direction, Facts, Proven};
use serde_json::json;

use crate::harness::{Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn served(mode: &str) -> (Data, Made, Served) {
    let data = Data::new(&[("SEALPIX_DELIVERY", mode)]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    (data, made, served)
}

#[test]
fn direct_delivery_answers_conditions_and_head() {
    let (_data, made, served) = served("direct");
    let target = made.sign("w_320,f_auto", "@gallery/photo.jpg");
    let full = served.ask("GET", &target, &[("Accept", "image/webp")]);
    assert_eq!((full.status, full.header("content-type")), (200, Some("image/webp")));
    assert_eq!(full.header("vary"), Some("Accept"), "CACHE-1");
    let etag = full.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"'));

    let held = served.ask("GET", &target, &[("Accept", "image/webp"), ("If-None-Match", &format!("\"x\", W/{etag}"))]);
    assert_eq!((held.status, held.body.len()), (304, 0));
    for name in ["etag", "cache-control", "vary", "x-content-type-options"] {
        assert_eq!(held.header(name), full.header(name), "CACHE-10: {name}");
    }
    let head = served.ask("HEAD", &target, &[("Accept", "image/webp")]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(full.body.len().to_string().as_str()));

    let plain = served.ask("GET", &target, &[("Accept", "*/*")]);
    assert_eq!(plain.header("content-type"), Some("image/jpeg"), "NEG-1");
    assert_ne!(plain.header("etag"), Some(etag.as_str()), "CACHE-13");

    let described = served.get(&made.sign("w_100,f_json", "@gallery/photo.jpg"));
    assert_eq!((described.status, described.header("content-type")), (200, Some("application/json")));
    assert_eq!(described.header("x-content-type-options"), Some("nosniff"));
    let description: serde_json::Value = serde_json::from_slice(&described.body).unwrap();
    assert_eq!((&description["width"], &description["source"]["bytes"]), (&json!(100), &json!(PHOTO.len())));

    let download = served.get(&made.sign("w_100,dl_photo.jpg", "@gallery/photo.jpg"));
    assert_eq!(download.header("content-disposition"), Some("attachment; filename=\"photo.jpg\""));
}

#[test]
fn sig15_sig17_methods_unsigned_copies_and_forged_headers_are_refused() {
    let (_data, made, served) = served("direct");
    let target = made.sign("_", "@gallery/photo.jpg");
    for method in ["POST", "PUT", "DELETE", "TRACE", "PROPFIND"] {
        let answer = served.ask(method, &target, &[]);
        assert_eq!((answer.status, answer.code().as_deref()), (405, Some("method_not_allowed")), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    let preflight = served.ask("OPTIONS", "/my-app/whatever", &[]);
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    for target in
        ["/@gallery/photo.jpg", "/gallery/photo.jpg", "/my-app/_/@gallery/photo.jpg", "/", "/data/registry.db"]
    {
        assert_eq!(served.get(target).code().as_deref(), Some("malformed_url"), "{target}");
    }
    let absolute = served.get(&format!("http://example.com{target}"));
    assert_eq!(absolute.code().as_deref(), Some("malformed_url"), "EDGE-2");
    let looped = served.ask("GET", &target, &[("Sealpix-Fetch", "1")]);
    assert_eq!(looped.code().as_deref(), Some("source_denied"), "FETCH-6");
}

#[test]
fn behind_an_edge_only_its_proof_is_answered() {
    let (_data, made, served) = served("auto");
    let target = made.sign("w_100,f_auto", "@gallery/photo.jpg");
    let bare = served.get(&target);
    assert_eq!((bare.status, bare.code().as_deref()), (403, Some("proof_required")), "SIG-17");
    let keys = LinkSecret::parse(&made.edge_link).unwrap().keys();
    let request = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: &target, body: b"" };
    let facts =
        Facts { time: now(), format: Some("avif".into()), request_id: Some("abc-1".into()), ..Facts::default() };
    let ask = |header: &str, target: &str| {
        served.ask(
            "GET",
            target,
            &[("Sealpix-Proof", header), ("Accept", "image/webp"), ("Referer", "https://a.example/")],
        )
    };
    let proven = ask(&proof::prove(&keys, request, &facts), &target);
    assert_eq!((proven.status, proven.header("content-type")), (200, Some("image/avif")), "the proof's format counts");
    assert_eq!(proven.header("ratelimit"), None, "row 11 is the edge's");

    let other = made.sign("w_101", "@gallery/photo.jpg");
    assert_eq!(ask(&proof::prove(&keys, request, &facts), &other).code().as_deref(), Some("proof_required"));
    let stale = Facts { time: now() - 120, ..facts.clone() };
    assert_eq!(ask(&proof::prove(&keys, request, &stale), &target).code().as_deref(), Some("proof_required"));
    let stranger = LinkSecret::from_bytes([1; 4], [1; 32]).unwrap().keys();
    assert_eq!(ask(&proof::prove(&stranger, request, &facts), &target).code().as_deref(), Some("proof_required"));

    // A proof does not stand in for the signature: the gate is asked again.
    let forged = target.replace("w_100", "w_900");
    let request = Proven { target: &forged, ..request };
    assert_eq!(ask(&proof::prove(&keys, request, &facts), &forged).code().as_deref(), Some("signature_invalid"));
    let denied = ask(&proof::prove(&keys, request, &facts), &forged);
    assert!(String::from_utf8_lossy(&denied.body).contains("abc-1"), "the edge's request id is kept");
}

#[test]
fn a_change_in_the_registry_counts_for_the_next_request() {
    let (data, made, served) = served("direct");
    let target = made.sign("w_50", "@gallery/photo.jpg");
    assert_eq!(served.get(&target).status, 200);
    let rotated: serde_json::Value =
        serde_json::from_str(&data.stdout(&["keys", "rotate", &made.public_key, "--grace", "1h", "--json"])).unwrap();
    assert_eq!(served.get(&target).status, 200, "in its grace the old key verifies");
    let text = |name: &str| rotated[name].as_str().unwrap().to_owned();
    let new = Made { public_key: text("public_key"), secret_key: text("secret_key"), edge_link: String::new() };
    assert_eq!(served.get(&new.sign("w_50", "@gallery/photo.jpg")).status, 200);
    data.stdout(&["keys", "revoke", &made.public_key]);
    assert_eq!(served.get(&target).code().as_deref(), Some("key_revoked"));
    data.stdout(&["keys", "rotate", &new.public_key]);
    let old = served.get(&new.sign("w_50", "@gallery/photo.jpg"));
    assert_eq!(old.code().as_deref(), Some("key_expired"), "without grace the old key stops at once");
}

#[test]
fn limits_refuse_with_the_time_to_wait() {
    let (data, made, served) = served("direct");
    let state = json!({"sources": [{"name": "gallery", "kind": "file", "root": data.gallery()}], "projects": [{
        "slug": "my-app", "grants": ["gallery"],
        "keys": [{"public_key": made.public_key, "secret_key": made.secret_key, "limits": {"minute": 100, "day": 2}}],
    }]});
    let applied = data.apply(&state);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let target = made.sign("w_50", "@gallery/photo.jpg");
    assert_eq!(served.get(&target).header("ratelimit-policy"), Some("\"minute\";q=100;w=60, \"day\";q=2;w=86400"));
    assert_eq!(served.get(&target).status, 200);
    let refused = served.get(&target);
    assert_eq!((refused.status, refused.code().as_deref()), (429, Some("rate_limited")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait));
    assert_eq!(
        served.get("/my-app/x").code().as_deref(),
        Some("malformed_url"),
        "EDGE-4: refused before it is counted"
    );
}

#[test]
fn it_drains_on_sigterm() {
    let (_data, _made, served) = served("direct");
    assert_eq!(served.get("/readyz").status, 200);
    assert_eq!(served.terminate(), Some(0));
}

#[expect(clippy::disallowed_methods, reason = "a proof's time is now")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
