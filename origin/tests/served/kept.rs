//! Finished pictures that the origin keeps in memory: what is answered out of it, for how long, and to whom.

use std::time::{Duration, Instant};

use sealpix_origin::access::role::Role;
use serde_json::json;

use crate::api::Api;
use crate::harness::{Answer, Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn served(environment: &[(&str, &str)]) -> (Data, Made, Served) {
    let common = [("SEALPIX_DELIVERY", "direct"), ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0")];
    let data = Data::new(&[&common, environment].concat());
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    (data, made, served)
}

/// The same picture in other bytes.
fn change(data: &Data) {
    std::fs::write(data.gallery().join("photo.jpg"), [PHOTO, b"x"].concat()).unwrap();
}

fn count(served: &Served, line: &str) -> usize {
    let text = String::from_utf8(served.operate("/metrics").body).unwrap();
    text.lines().find_map(|held| held.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
}

fn from_memory(served: &Served) -> usize {
    count(served, "sealpix_derivatives_total{result=\"memory\"}")
}

fn etag(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200);
    answer.header("etag").unwrap()
}

#[test]
fn a_picture_is_made_once_and_is_the_same_to_everyone_by_get_head_and_condition() {
    let (_data, made, served) = served(&[]);
    let target = made.sign("w_60,f_auto,dl_a.jpg", "@gallery/photo.jpg");
    let ask = |method, headers: &[(&str, &str)]| {
        served.ask(method, &target, &[&[("Accept", "image/webp")], headers].concat())
    };
    let first = ask("GET", &[]);
    let held = ask("GET", &[]);
    assert_eq!((&held.body, etag(&held)), (&first.body, etag(&first)));
    for name in ["content-type", "content-disposition", "content-length", "vary", "cache-control", "sealpix-engine"] {
        assert!(held.header(name).is_some() && held.header(name) == first.header(name), "{name}");
    }
    let head = ask("HEAD", &[]);
    assert_eq!((etag(&head), head.body.len()), (etag(&first), 0));
    assert_eq!(ask("GET", &[("If-None-Match", etag(&first))]).status, 304);
    assert_eq!(ask("GET", &[("If-None-Match", "\"other\"")]).body, first.body);
    assert_eq!((from_memory(&served), count(&served, "sealpix_image_work_seconds_count{format=\"webp\"}")), (4, 1));
    // CACHE-8: another format is another picture.
    let other = served.ask("GET", &target, &[("Accept", "image/png")]);
    assert_eq!((other.header("content-type"), from_memory(&served)), (Some("image/jpeg"), 4));
}

#[test]
fn sig17_memory_answers_who_is_admitted_and_nobody_else() {
    let (data, made, served) = served(&[]);
    let target = made.sign("w_60", "@gallery/photo.jpg");
    served.get(&target);
    assert_eq!((served.get(&target).status, from_memory(&served)), (200, 1));
    let forged = target.replace("w_60", "w_61");
    assert_eq!(served.get(&forged).code().as_deref(), Some("signature_invalid"));
    // Another key finds what this one made, as long as it may.
    let rotated = data.stdout(&["keys", "rotate", &made.public_key, "--grace", "1h", "--json"]);
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let text = |name: &str| rotated[name].as_str().unwrap().to_owned();
    let new = Made { public_key: text("public_key"), secret_key: text("secret_key"), edge_link: String::new() };
    assert_eq!(served.get(&new.sign("w_60", "@gallery/photo.jpg")).status, 200);
    assert_eq!(from_memory(&served), 2, "CACHE-7");
    data.stdout(&["keys", "revoke", &made.public_key]);
    assert_eq!(served.get(&target).code().as_deref(), Some("key_revoked"));
    assert_eq!(from_memory(&served), 2);
}

#[test]
fn a_purge_and_a_changed_source_end_what_is_kept() {
    let (data, made, served) = served(&[]);
    let [target, missing] = ["photo", "missing"].map(|name| made.sign("w_60", &format!("@gallery/{name}.jpg")));
    let first = served.get(&target);
    assert_eq!(served.get(&missing).status, 404);
    change(&data);
    std::fs::write(data.gallery().join("missing.jpg"), PHOTO).unwrap();
    assert_eq!(etag(&served.get(&target)), etag(&first), "good for a minute");
    assert_eq!(served.get(&missing).code().as_deref(), Some("source_not_found"), "for half a minute");
    data.stdout(&["purge", "my-app", "--source", "@gallery/photo.jpg"]);
    let second = served.get(&target);
    assert_ne!(etag(&second), etag(&first));
    assert_eq!(served.get(&missing).status, 200, "a purge of one source is a change of the project");
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    assert_eq!(etag(&served.get(&target)), etag(&second));
    data.stdout(&["purge", "my-app", "--all"]);
    assert_eq!(etag(&served.get(&target)), etag(&first));
}

#[test]
fn a_project_that_lets_nothing_be_kept_is_heeded_here_too() {
    let (data, made, served) = served(&[]);
    let api = Api::of(&served, &data, Role::Admin);
    let target = made.sign("w_60", "@gallery/photo.jpg");
    let first = served.get(&target);
    api.patch("/projects/my-app", &json!({ "caching": { "ttl_secs": 0 } })).is(200);
    change(&data);
    assert_ne!(etag(&served.get(&target)), etag(&first), "a change of the project counts for the next request");
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    assert_eq!(etag(&served.get(&target)), etag(&first));
    assert_eq!(from_memory(&served), 0);
}

#[test]
fn cfg1_the_time_and_the_room_are_as_configured() {
    // Without room nothing is kept, not even for a moment.
    let (data, made, server) =
        served(&[("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"), ("SEALPIX_DERIVATIVE_DISK_BYTES", "0")]);
    let target = made.sign("w_60", "@gallery/photo.jpg");
    let first = server.get(&target);
    change(&data);
    assert_ne!(etag(&server.get(&target)), etag(&first));
    assert_eq!((from_memory(&server), count(&server, "sealpix_derivative_memory_bytes")), (0, 0));

    let (_data, made, server) = served(&[("SEALPIX_DERIVATIVE_MEMORY_BYTES", "100000")]);
    for width in 100..160 {
        assert_eq!(server.get(&made.sign(&format!("w_{width}"), "@gallery/photo.jpg")).status, 200);
        assert!(count(&server, "sealpix_derivative_memory_bytes") <= 100_000, "CACHE-6");
    }
    assert!(count(&server, "sealpix_derivative_memory_bytes") > 50_000);
    let [newest, oldest] = [159, 100].map(|width| made.sign(&format!("w_{width}"), "@gallery/photo.jpg"));
    server.get(&newest);
    assert_eq!(from_memory(&server), 1);
    server.get(&oldest);
    assert_eq!(from_memory(&server), 1, "it had to go");

    let (data, made, server) = served(&[("SEALPIX_DERIVATIVE_TTL_SECS", "1")]);
    let target = made.sign("w_60", "@gallery/photo.jpg");
    let first = server.get(&target);
    change(&data);
    let changed = Instant::now();
    while etag(&server.get(&target)) == etag(&first) {
        assert!(changed.elapsed() < Duration::from_secs(20), "the source's change is never seen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
