//! What caches in front of direct delivery may hold: bytes that no header but `Accept` changes, no longer than the URL lives;
//! and a machine of one core, on which waiting is time, too.

use std::time::{Duration, Instant};

use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::Operations;
use sealpix::source::Source;
use sealpix::target::{Request, Slug};

use crate::harness::{Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

/// With nothing kept: each answer is made for its request.
fn data() -> (Data, Made) {
    let data = Data::new(&[
        ("SEALPIX_DELIVERY", "direct"),
        ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0"),
        ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
        ("SEALPIX_DERIVATIVE_DISK_BYTES", "0"),
        // Nothing is shed, however busy the machine is.
        ("SEALPIX_WORK_TIMEOUT_SECS", "60"),
    ]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    (data, made)
}

/// Unsigned, and unkeyed by any cache.
const HEADERS: [(&str, &str); 21] = [
    ("Cookie", "session=1"),
    ("Referer", "https://page.example/"),
    ("Origin", "https://page.example"),
    ("Authorization", "Bearer x"),
    ("User-Agent", "Mozilla/5.0 Safari/605"),
    ("Accept-Language", "ar"),
    ("Accept-Encoding", "gzip, br"),
    ("DPR", "3"),
    ("Width", "20"),
    ("Viewport-Width", "20"),
    ("Sec-CH-DPR", "3"),
    ("Sec-CH-Width", "20"),
    ("Save-Data", "on"),
    ("Range", "bytes=0-9"),
    ("If-Range", "\"x\""),
    ("X-Forwarded-Host", "other.example"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Original-URL", "/other"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Sealpix-Engine", "1"),
];

#[test]
fn cache2_cache3_cache11_no_header_that_no_cache_keys_changes_a_picture() {
    let (data, made) = data();
    let served = data.serve();
    let target = made.sign("w_60,f_auto", "@gallery/photo.jpg");
    let ask = |method, headers: &[(&str, &str)]| {
        served.ask(method, &target, &[&[("Accept", "image/webp")], headers].concat())
    };
    let plain = ask("GET", &[]);
    assert_eq!((plain.status, plain.header("vary")), (200, Some("Accept")));
    let told = ["etag", "cache-control", "content-type", "content-length", "vary", "content-encoding", "set-cookie"];
    for header in HEADERS {
        let [changed, head] = ["GET", "HEAD"].map(|method| ask(method, &[header]));
        assert_eq!((changed.status, &changed.body), (200, &plain.body), "{header:?}");
        assert_eq!((head.status, head.body.len()), (200, 0), "{header:?}");
        for name in told {
            assert_eq!(changed.header(name), plain.header(name), "{header:?} changes {name}");
            assert_eq!(head.header(name), plain.header(name), "{header:?} changes {name} of HEAD");
        }
    }
    let metrics = String::from_utf8(served.operate("/metrics").body).unwrap();
    let worked = format!("sealpix_image_work_seconds_count{{format=\"webp\"}} {}", 1 + 2 * HEADERS.len());
    assert!(metrics.contains(&worked), "each was worked for: {metrics}");
}

#[test]
fn cache4_cache5_nobody_keeps_a_picture_longer_than_its_url_or_a_refusal_at_all() {
    let (data, made) = data();
    let served = data.serve();
    let request = |name: &str, expires: u64| {
        let request = Request {
            project: Slug::new("my-app").unwrap(),
            operations: Operations::read("w_60").unwrap(),
            source: Source::read(&format!("@gallery/{name}.jpg")).unwrap(),
            key: PublicKey::parse(&made.public_key).unwrap(),
            expires: Some(expires),
        };
        request.sign(&SecretKey::parse(&made.secret_key).unwrap().signing_key()).unwrap()
    };
    let kept = served.get(&request("photo", now() + 30));
    assert_eq!(kept.status, 200);
    let secs = kept.header("cache-control").and_then(|held| held.strip_prefix("private, max-age=")).unwrap();
    assert!(secs.parse::<u64>().unwrap() <= 30, "{secs}");
    for (name, expires, status) in [("photo", now() - 60, 403), ("none", now() + 30, 404)] {
        let refused = served.get(&request(name, expires));
        assert_eq!((refused.status, refused.header("cache-control")), (status, Some("no-store")));
    }
}

#[test]
fn cache10_if_none_match_of_anything_is_not_modified_only_where_there_is_a_picture() {
    let (data, made) = data();
    std::fs::write(data.gallery().join("page.jpg"), "<!doctype html>").unwrap();
    std::fs::write(data.gallery().join("cut.jpg"), &PHOTO[..PHOTO.len() / 2]).unwrap();
    let served = data.serve();
    for (name, operations, status) in
        [("photo", "w_60", 304), ("page", "w_60", 415), ("cut", "w_61", 422), ("photo", "page_9,w_60", 422)]
    {
        let target = made.sign(operations, &format!("@gallery/{name}.jpg"));
        for method in ["GET", "HEAD"] {
            let answer = served.ask(method, &target, &[("If-None-Match", "*")]);
            assert_eq!(answer.status, status, "{method} {name} {operations}: {:?}", answer.code());
        }
    }
}

/// Quotas of a container: the pool has the cores that this process may use, not those of the machine.
#[test]
fn dos10_ops3_on_one_core_one_picture_is_made_at_a_time_and_waiting_counts() {
    let (data, made) = data();
    let serve = data.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut command = std::process::Command::new("taskset");
    command.args(["-c", "0"]).arg(serve.get_program()).args(serve.get_args()).env_clear();
    command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let served = Served::start(command);
    let count = |line: &str| {
        let text = String::from_utf8(served.operate("/metrics").body).unwrap();
        text.lines().find_map(|held| held.strip_prefix(line)?.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    let waited: Duration = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4)
            .map(|number| {
                let target = made.sign(&format!("w_{},f_avif", 500 + number), "@gallery/photo.jpg");
                let served = &served;
                scope.spawn(move || {
                    let began = Instant::now();
                    assert_eq!(served.get(&target).status, 200);
                    began.elapsed()
                })
            })
            .collect();
        let mut most = 0.0_f64;
        while asked.iter().any(|asked| !asked.is_finished()) {
            most = most.max(count("sealpix_work_in_progress "));
        }
        assert!(most == 1.0, "{most} pieces of work at once");
        asked.into_iter().map(|asked| asked.join().unwrap()).sum()
    });
    let [told, worked] =
        ["sealpix_request_seconds_sum ", "sealpix_image_work_seconds_sum{format=\"avif\"} "].map(count);
    println!("four at once on one core: {waited:?} in all, told {told:.2} s, worked {worked:.2} s");
    assert!(told > 0.9 * waited.as_secs_f64() && told > 1.5 * worked, "OPS-3");
}

#[expect(clippy::disallowed_methods, reason = "URLs expire by the clock")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
