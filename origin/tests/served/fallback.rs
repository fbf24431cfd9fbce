//! What is shown where a source is missing: the project's fallback, with a 404, for its own time and under its own name.

use std::time::{Duration, Instant};

use image::{DynamicImage, GenericImageView as _, Rgb, RgbImage};
use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::Operations;
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use sealpix_origin::access::role::Role;
use serde_json::{Value, json};

use crate::api::Api;
use crate::harness::{Answer, Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

/// A gallery that has nothing but the fallback: half red, half blue.
fn data(environment: &[(&str, &str)]) -> (Data, Made) {
    let common = [("SEALPIX_DELIVERY", "direct"), ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0")];
    let data = Data::new(&[&common, environment].concat());
    let red = RgbImage::from_fn(60, 30, |x, _| if x < 30 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) });
    red.save(data.gallery().join("missing.png")).unwrap();
    let made = data.setup(&[]);
    (data, made)
}

/// A server whose project has this fallback.
fn served(environment: &[(&str, &str)], fallback: &Value) -> (Data, Made, Served, Api) {
    let (data, made) = data(environment);
    let served = data.serve();
    let api = Api::of(&served, &data, Role::Admin);
    set(&api, fallback);
    (data, made, served, api)
}

fn set(api: &Api, fallback: &Value) {
    api.patch("/projects/my-app", &json!({ "fallback": fallback })).is(200);
}

fn missing_png() -> Value {
    json!({ "source": "@gallery/missing.png" })
}

fn count(served: &Served, line: &str) -> usize {
    let text = String::from_utf8(served.operate("/metrics").body).unwrap();
    text.lines().find_map(|held| held.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
}

fn made_count(served: &Served) -> usize {
    count(served, "sealpix_derivatives_total{result=\"made\"}")
}

/// The fallback's pixels, of an answer that must be one.
#[track_caller]
fn shown(answer: &Answer) -> DynamicImage {
    assert!(is_shown(answer), "{} {:?}", answer.status, answer.code());
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    for name in ["etag", "content-disposition", "retry-after"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    for name in ["x-content-type-options", "content-security-policy", "access-control-allow-origin", "ratelimit"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    image::load_from_memory(&answer.body).unwrap()
}

fn is_shown(answer: &Answer) -> bool {
    let is_picture = answer.header("content-type").is_some_and(|kind| kind.starts_with("image/"));
    answer.status == 404 && answer.header("sealpix-code") == Some("source_not_found") && is_picture
}

/// The refusal without a picture.
#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_deref()), (404, Some("source_not_found")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("sealpix-engine"), None);
}

#[test]
fn a_missing_source_shows_the_fallback_by_the_same_operations() {
    let (_data, made, served, _api) = served(&[], &missing_png());
    let plain = served.get(&made.sign("_", "@gallery/none.jpg"));
    assert_eq!((plain.header("content-type"), shown(&plain).dimensions()), (Some("image/png"), (60, 30)));
    assert_eq!(plain.header("cache-control"), Some("private, max-age=60"));
    let half = shown(&served.get(&made.sign("w_20,h_20,fit_cover,g_w,f_webp", "@gallery/none.jpg")));
    assert_eq!(half.dimensions(), (20, 20));
    let red = half.to_rgb8().enumerate_pixels().filter(|(.., pixel)| pixel[0] > 180 && pixel[2] < 70).count();
    assert!(red >= 380, "the red side: {red} of 400");
    // What speaks of the missing picture's content is left out: the fallback has neither this part nor this page.
    let whole = shown(&served.get(&made.sign("page_7,crop_5000:0:10:10,w_30,f_png", "@gallery/none.jpg")));
    assert_eq!(whole.dimensions(), (30, 15));
    let named = served.get(&made.sign("w_30,f_png,dl_a.png", "@gallery/none.jpg"));
    assert_eq!(shown(&named).dimensions(), (30, 15));
    refused(&served.get(&made.sign("w_30,f_json", "@gallery/none.jpg")));
    // Refused before the source is asked for, there is none.
    let forged = made.sign("w_30", "@gallery/none.jpg").replace("w_30", "w_31");
    assert_eq!(served.get(&forged).code().as_deref(), Some("signature_invalid"));
    assert_eq!(served.get(&made.sign("w_30", "@other/none.jpg")).code().as_deref(), Some("source_denied"));
}

#[test]
fn cache1_cache11_its_format_is_negotiated_and_head_and_conditions_get_the_404_too() {
    let (_data, made, served, _api) = served(&[], &missing_png());
    let target = made.sign("w_30,f_auto", "@gallery/none.jpg");
    for (accept, kind) in [("image/webp,*/*", "image/webp"), ("image/avif", "image/avif"), ("*/*", "image/png")] {
        let ask =
            |method, condition: &str| served.ask(method, &target, &[("Accept", accept), ("If-None-Match", condition)]);
        let answer = ask("GET", "\"x\"");
        assert_eq!((answer.header("content-type"), answer.header("vary")), (Some(kind), Some("Accept")));
        assert!(is_shown(&answer));
        assert_eq!(ask("GET", "*").body, answer.body);
        let head = ask("HEAD", "*");
        assert!(is_shown(&head) && head.body.is_empty());
        assert_eq!(head.header("content-length"), answer.header("content-length"));
    }
    let plain = served.get(&made.sign("w_30,f_webp", "@gallery/none.jpg"));
    assert_eq!(plain.header("vary"), None);
}

#[test]
fn cache5_it_is_kept_for_its_own_time_but_never_past_the_urls_end() {
    let (_data, made, served, api) = served(&[], &json!({ "source": "@gallery/missing.png", "ttl_secs": 300 }));
    let control = |target: &str| {
        let answer = served.get(target);
        assert!(is_shown(&answer));
        answer.header("cache-control").unwrap().to_owned()
    };
    let target = made.sign("w_30", "@gallery/none.jpg");
    assert_eq!(control(&target), "private, max-age=300");
    api.patch("/projects/my-app", &json!({ "caching": { "ttl_secs": 0, "public": true } })).is(200);
    assert_eq!(control(&target), "public, max-age=300");
    let request = Request {
        project: Slug::new("my-app").unwrap(),
        operations: Operations::read("w_30").unwrap(),
        source: Source::read("@gallery/none.jpg").unwrap(),
        key: PublicKey::parse(&made.public_key).unwrap(),
        expires: Some(now() + 100),
    };
    let ending = request.sign(&SecretKey::parse(&made.secret_key).unwrap().signing_key()).unwrap();
    let left: u64 = control(&ending).strip_prefix("private, max-age=").unwrap().parse().unwrap();
    assert!((80..=100).contains(&left), "{left}");
}

#[test]
fn cache12_the_fallback_is_never_kept_as_the_picture_nor_the_picture_as_the_fallback() {
    let (data, made, served, api) = served(&[], &missing_png());
    let target = made.sign("w_30,f_png", "@gallery/photo.jpg");
    let fallback = served.get(&target).body;
    shown(&served.get(&target));
    // The same source by the same operations, asked for by its own name: the same bytes, as a picture of its own.
    let asked = served.get(&made.sign("w_30,f_png", "@gallery/missing.png"));
    assert_eq!((asked.status, asked.header("cache-control")), (200, Some("private, max-age=86400")));
    assert_eq!((&asked.body, made_count(&served)), (&fallback, 3), "the refusal, the fallback, the picture");
    // The source comes. A purge makes the origin forget that it was missing.
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    data.stdout(&["purge", "my-app", "--source", "@gallery/photo.jpg"]);
    let come = served.get(&target);
    assert_eq!(come.status, 200);
    assert_ne!(come.body, fallback);
    assert!(come.header("etag").is_some() && come.header("sealpix-code").is_none());
    // It goes again.
    std::fs::remove_file(data.gallery().join("photo.jpg")).unwrap();
    assert_eq!(served.get(&target).body, come.body, "it is kept as a picture is");
    data.stdout(&["purge", "my-app", "--source", "@gallery/photo.jpg"]);
    assert_eq!(served.get(&target).body, fallback);
    // Its time, and the project's, count for themselves: what keeps no picture keeps the fallback.
    api.patch("/projects/my-app", &json!({ "caching": { "ttl_secs": 0 } })).is(200);
    let before = made_count(&served);
    for _ in 0..3 {
        shown(&served.get(&target));
    }
    assert_eq!(made_count(&served) - before, 4, "the fallback once, the missing source each time");
}

#[test]
fn cache12_without_a_purge_the_picture_is_there_when_the_refusal_is_forgotten() {
    let environment = [("SEALPIX_DERIVATIVE_TTL_SECS", "1")];
    let (data, made, served, _api) =
        served(&environment, &json!({ "source": "@gallery/missing.png", "ttl_secs": 86_400 }));
    let target = made.sign("w_30", "@gallery/photo.jpg");
    let fallback = served.get(&target).body;
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let came = Instant::now();
    let mut answer = served.get(&target);
    while answer.status != 200 {
        assert!(is_shown(&answer) && answer.body == fallback);
        assert!(came.elapsed() < Duration::from_secs(20), "the picture is never seen");
        std::thread::sleep(Duration::from_millis(20));
        answer = served.get(&target);
    }
    assert_ne!(answer.body, fallback);
}

/// Waits for a line of the log, which is read beside the answers.
fn soon(is_there: impl Fn() -> bool, served: &Served) {
    let asked = Instant::now();
    while !is_there() {
        assert!(asked.elapsed() < Duration::from_secs(10), "{}", served.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_fallback_that_cannot_be_shown_leaves_the_refusal_and_a_line_in_the_log() {
    let (data, made, served, api) = served(&[], &json!({ "source": "@gallery/nowhere.png" }));
    let warnings = || served.log().matches("the project's fallback cannot be shown").count();
    let target = made.sign("w_30", "@gallery/none.jpg");
    for _ in 0..5 {
        refused(&served.get(&target));
    }
    soon(|| warnings() > 0, &served);
    assert_eq!(warnings(), 1, "{}", served.log());
    refused(&served.get(&made.sign("w_30", "@gallery/nowhere.png")));
    std::fs::write(
        data.gallery().join("broken.png"),
        &std::fs::read(data.gallery().join("missing.png")).unwrap()[..60],
    )
    .unwrap();
    std::fs::write(data.gallery().join("text.png"), "no picture").unwrap();
    for name in ["broken.png", "text.png"] {
        let before = warnings();
        set(&api, &json!({ "source": format!("@gallery/{name}") }));
        refused(&served.get(&target));
        soon(|| warnings() > before, &served);
    }
    // Rules that a restored or a tampered registry has, and no writer would have been let: the gate is asked again.
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    let elsewhere = r#"{"source":"@elsewhere/missing.png","ttl_secs":60}"#;
    database.execute("UPDATE projects SET fallback = ?1, version = version + 1", [elsewhere]).unwrap();
    refused(&served.get(&target));
    soon(|| served.log().contains("source_denied"), &served);
    // What is taken away is taken away with the next request.
    set(&api, &missing_png());
    shown(&served.get(&target));
    set(&api, &Value::Null);
    refused(&served.get(&target));
    let other = served.get(&made.sign("w_30", "@gallery/broken.png"));
    assert_eq!(other.status, 422);
}

#[test]
fn only_a_missing_source_shows_it() {
    let (data, made, served, _api) = served(&[], &missing_png());
    std::fs::write(data.gallery().join("text.jpg"), "no picture").unwrap();
    std::fs::write(data.gallery().join("cut.jpg"), &PHOTO[..20_000]).unwrap();
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    for (operations, source, code) in [
        ("w_30", "@gallery/text.jpg", "source_unsupported"),
        ("w_30", "@gallery/cut.jpg", "source_broken"),
        ("page_9,w_30", "@gallery/photo.jpg", "outside_source"),
    ] {
        let answer = served.get(&made.sign(operations, source));
        assert_eq!(answer.code().as_deref(), Some(code));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn cache12_on_disk_it_has_its_own_name_too_also_after_a_restart() {
    let environment = [("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"), ("SEALPIX_MIN_FREE_DISK_MIB", "0")];
    let (data, made, served, _api) = served(&environment, &missing_png());
    let target = made.sign("w_30,f_png", "@gallery/photo.jpg");
    let fallback = served.get(&target).body;
    assert_eq!(served.terminate(), Some(0));
    let served = data.serve();
    assert_eq!(served.get(&target).body, fallback);
    assert_eq!(count(&served, "sealpix_derivatives_total{result=\"disk\"}"), 1, "not made again");
    // Nothing remembers the refusal: the picture that has come is made at once.
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let come = served.get(&target);
    assert_eq!(come.status, 200);
    assert_ne!(come.body, fallback);
    assert_eq!(served.terminate(), Some(0));
    let served = data.serve();
    let held = served.get(&target);
    assert_eq!((held.status, &held.body), (200, &come.body));
}

#[test]
fn it_is_counted_as_what_it_is_a_refusal_that_sent_a_picture() {
    let (_data, made, served, api) = served(&[], &missing_png());
    let sent = served.get(&made.sign("w_30", "@gallery/none.jpg")).body.len();
    assert_eq!(count(&served, "sealpix_requests_total{outcome=\"source_not_found\",status=\"404\"}"), 1);
    let counted = Instant::now();
    loop {
        let usage = api.get("/usage?project=my-app&by=outcome").is(200);
        if let Some(row) = usage["items"].as_array().unwrap().first() {
            assert_eq!(
                (&row["outcome"], &row["requests"], &row["denied"]),
                (&json!("source_not_found"), &json!(1), &json!(1))
            );
            assert_eq!(row["bytes"], json!(sent));
            break;
        }
        assert!(counted.elapsed() < Duration::from_secs(30), "never counted");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[expect(clippy::disallowed_methods, reason = "a URL's end is reckoned from now")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
