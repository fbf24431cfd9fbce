//! The S3 source against a real server: what it fetches and lists, and what it makes of everything that goes wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sealpix_origin::sources::address::AllowedNetworks;
use sealpix_origin::sources::http::{HttpSettings, HttpSource};
use sealpix_origin::sources::s3::S3Source;
use sealpix_origin::sources::s3::credentials::S3Credentials;
use sealpix_origin::sources::s3::place::S3Place;
use sealpix_origin::sources::{FetchLimits, RedirectRefusal, Source as _, SourceError, Validator};

use crate::network::names;
use crate::storage::{ACCESS_KEY, BUCKET, DOMAIN, Fault, SECRET_KEY, Storage};

const LIMITS: FetchLimits = FetchLimits { max_bytes: 256 * 1024, deadline: Duration::from_secs(10) };

fn credentials(access_key: &str, secret: &str, token: Option<&str>) -> S3Credentials {
    let mut json = serde_json::json!({ "access_key_id": access_key, "secret_access_key": secret });
    if let Some(token) = token {
        json["session_token"] = token.into();
    }
    serde_json::from_value(json).unwrap()
}

fn right() -> Option<S3Credentials> {
    Some(credentials(ACCESS_KEY, SECRET_KEY, None))
}

/// Loopback is allowed, the front's authority is trusted, and every other check is in force.
fn source(storage: &Storage, location: &str, credentials: Option<S3Credentials>) -> S3Source {
    let settings = HttpSettings {
        allowed_networks: AllowedNetworks::parse("127.0.0.0/8").unwrap(),
        extra_ca_pem: Some(storage.authority.clone().into_bytes()),
        ..HttpSettings::default()
    };
    let http = Arc::new(HttpSource::new(settings, names()).unwrap());
    S3Source::new(S3Place::parse(location).unwrap(), credentials, http).unwrap()
}

/// What is fetched, without its validator.
async fn fetch(source: &S3Source, name: &str) -> Result<Vec<u8>, SourceError> {
    source.fetch(name, &LIMITS).await.map(|fetched| fetched.bytes.to_vec())
}

/// Bytes in which no part looks like another.
fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

#[tokio::test]
async fn an_object_is_fetched_by_its_key_whatever_is_in_it() {
    let storage = Storage::start();
    let source = source(&storage, &storage.location("/a"), right());
    let names =
        ["photo.jpg", "b/c d/ü.jpg", "100%.jpg", "%2e%2e.jpg", "q?x=1&y#[1].jpg", "~(1)!*'+,;=@:$.jpg", "a..b/..."];
    for name in names {
        let bytes = name.repeat(100).into_bytes();
        storage.put(&format!("a/{name}"), &bytes);
        assert_eq!(fetch(&source, name).await, Ok(bytes), "{name}");
    }
    let bytes = noise(LIMITS.max_bytes);
    storage.put("a/large", &bytes);
    assert_eq!(fetch(&source, "large").await, Ok(bytes), "the limit itself");
    storage.put("a/empty", b"");
    assert_eq!(fetch(&source, "empty").await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_bucket_may_stand_in_the_host() {
    let storage = Storage::start();
    storage.put("a/photo.jpg", b"abc");
    let location = format!("s3://{BUCKET}/a?region=eu-test-1&endpoint=https://{DOMAIN}:{}&style=virtual", storage.port);
    let fetched = fetch(&source(&storage, &location, right()), "photo.jpg").await;
    let asked = storage.requests();
    assert!(asked.starts_with("GET /a/photo.jpg HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: {BUCKET}.{DOMAIN}:{}\r\n", storage.port)), "{asked}");
    assert_eq!(fetched, Ok(b"abc".to_vec()));
}

#[tokio::test]
async fn requests_are_signed_with_what_was_given_and_with_nothing_else() {
    let storage = Storage::start();
    storage.put("photo.jpg", b"abc");
    let asked_with =
        async |credentials| fetch(&source(&storage, &storage.location(""), credentials), "photo.jpg").await;
    let abc = Ok(b"abc".to_vec());
    assert_eq!(asked_with(right()).await, abc);
    let asked = storage.requests();
    assert!(asked.contains("authorization: AWS4-HMAC-SHA256 Credential=AKIDOFTHETESTS/"), "{asked}");
    assert!(asked.contains("/eu-test-1/s3/aws4_request") && !asked.contains(SECRET_KEY), "{asked}");
    assert_eq!(asked_with(Some(credentials(ACCESS_KEY, SECRET_KEY, Some("a-session")))).await, abc);
    assert!(storage.requests().contains("x-amz-security-token: a-session\r\n"));
    for wrong in [None, Some(credentials(ACCESS_KEY, "another", None)), Some(credentials("ANOTHER", SECRET_KEY, None))]
    {
        let unsigned = wrong.is_none();
        assert_eq!(asked_with(wrong).await, Err(SourceError::AccessDenied));
        let asked = storage.requests();
        assert_eq!(asked.matches("GET ").count(), 1, "refusals are not tried again: {asked}");
        assert!(!unsigned || !asked.to_lowercase().contains("authorization"), "{asked}");
    }
    let public = Storage::public();
    public.put("photo.jpg", b"abc");
    assert_eq!(fetch(&source(&public, &public.location(""), None), "photo.jpg").await, abc);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_is_too_large_is_refused_by_its_length() {
    let storage = Storage::start();
    storage.put("folder/photo.jpg", b"abc");
    storage.put("large", &noise(LIMITS.max_bytes + 1));
    let root = source(&storage, &storage.location(""), right());
    for name in ["none.jpg", "folder/none", "none/photo.jpg"] {
        assert_eq!(fetch(&root, name).await, Err(SourceError::NotFound), "{name}");
    }
    let elsewhere = storage.location("").replace("s3://photos", "s3://no-such-bucket");
    let elsewhere = fetch(&source(&storage, &elsewhere, right()), "photo.jpg").await;
    assert_eq!(elsewhere, Err(SourceError::NotFound));
    let too_large = Err(SourceError::TooLarge { limit_bytes: LIMITS.max_bytes });
    assert_eq!(fetch(&root, "large").await, too_large);
}

#[tokio::test]
async fn path_1_a_name_that_has_another_spelling_is_never_asked_for() {
    let storage = Storage::start();
    storage.put("secret.jpg", b"abc");
    let source = source(&storage, &storage.location("/a"), right());
    let long = "x".repeat(1_025);
    for name in ["", "/", "/secret.jpg", "../secret.jpg", "b/../../secret.jpg", ".", "b//c", "b/", "b\0", "b\nc", &long]
    {
        assert_eq!(fetch(&source, name).await, Err(SourceError::Malformed), "{name:?}");
    }
    assert_eq!(storage.connections(), 0);
}

#[tokio::test]
async fn fetch_7_attempts_are_three_and_the_deadline_covers_them_all() {
    const BUSY: Fault = Fault::Answer("HTTP/1.1 503 Slow Down\r\nContent-Length: 8\r\n\r\nSECRETS!");
    let storage = Storage::start();
    storage.put("photo.jpg", b"abc");
    let source = source(&storage, &storage.location(""), right());
    storage.fail(BUSY, 2);
    assert_eq!(fetch(&source, "photo.jpg").await, Ok(b"abc".to_vec()));
    assert_eq!(storage.requests().matches("GET ").count(), 3);
    storage.fail(BUSY, usize::MAX);
    // A connection that was kept from before would pass.
    let again = self::source(&storage, &storage.location(""), right());
    assert_eq!(fetch(&again, "photo.jpg").await, Err(SourceError::UpstreamStatus(503)));
    assert_eq!(storage.requests().matches("GET ").count(), 3);
    for (fault, deadline) in [(BUSY, 60), (Fault::Silence, 300)] {
        let source = self::source(&storage, &storage.location(""), right());
        storage.fail(fault, usize::MAX);
        let (began, deadline) = (Instant::now(), Duration::from_millis(deadline));
        let fetched = source.fetch("photo.jpg", &FetchLimits { deadline, ..LIMITS }).await;
        assert_eq!(fetched, Err(SourceError::Timeout), "{fault:?}");
        assert!(began.elapsed() < deadline + Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn fetch_1_a_body_that_breaks_off_is_continued_or_nothing() {
    let mut storage = Storage::start();
    let bytes = noise(200_000);
    storage.put("photo.jpg", &bytes);
    let source = source(&storage, &storage.location(""), right());
    storage.fail(Fault::Cut(100_000), 2);
    assert_eq!(fetch(&source, "photo.jpg").await, Ok(bytes));
    let asked = storage.requests();
    assert_eq!((asked.matches("GET ").count(), asked.matches("range: bytes=").count()), (3, 2), "{asked}");
    let again = self::source(&storage, &storage.location(""), right());
    storage.fail(Fault::Cut(20_000), usize::MAX);
    assert_eq!(fetch(&again, "photo.jpg").await, Err(SourceError::Incomplete));
    assert_eq!(storage.requests().matches("GET ").count(), 3);
    storage.fail(Fault::None, 0);
    storage.kill();
    let dead = self::source(&storage, &storage.location(""), right());
    assert_eq!(fetch(&dead, "photo.jpg").await, Err(SourceError::Unreachable));
}

#[tokio::test]
async fn an_object_is_sent_again_only_where_it_has_changed() {
    let storage = Storage::start();
    storage.put("photo.jpg", b"abc");
    let source = source(&storage, &storage.location(""), right());
    let first = source.fetch("photo.jpg", &LIMITS).await.unwrap();
    let held = first.validator.clone().expect("an ETag");
    storage.requests();
    // The server has no conditions: what one that has them says is said by the front.
    storage.fail(Fault::Answer("HTTP/1.1 304 Not Modified\r\n\r\n"), 1);
    let again = self::source(&storage, &storage.location(""), right());
    assert_eq!(again.fetch_if_changed("photo.jpg", &held, &LIMITS).await, Ok(None));
    assert!(storage.requests().contains(&format!("if-none-match: {}\r\n", held.as_str())));
    storage.put("photo.jpg", b"abcd");
    let changed = again.fetch_if_changed("photo.jpg", &held, &LIMITS).await.unwrap().expect("it has changed");
    assert!(changed.bytes == b"abcd".as_slice() && changed.validator.is_some_and(|now| now != held));
    // Words of another kind of source are no ETag.
    let date = Validator::new("date Sun, 06 Nov 1994 08:49:37 GMT".to_owned()).unwrap();
    assert!(again.fetch_if_changed("photo.jpg", &date, &LIMITS).await.unwrap().is_some());
    // A 304 that nobody asked for is no answer.
    storage.fail(Fault::Answer("HTTP/1.1 304 Not Modified\r\n\r\n"), usize::MAX);
    let unasked = self::source(&storage, &storage.location(""), right());
    assert_eq!(fetch(&unasked, "photo.jpg").await, Err(SourceError::UpstreamStatus(304)));
}

#[tokio::test]
async fn answers_that_are_no_object_are_refused() {
    const TAG: &str = "ETag: \"a\"\r\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n";
    let storage = Storage::start();
    let moved =
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://127.0.0.1:1/photo.jpg\r\nContent-Length: 0\r\n\r\n";
    let gzip = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc";
    let part = "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Length: 3\r\n\r\nabc";
    let endless = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\nabc";
    let region = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nabc";
    assert!(gzip.contains(TAG));
    for (answer, error) in [
        (moved, SourceError::RedirectNotAllowed(RedirectRefusal::TooMany)),
        (gzip, SourceError::ContentEncoding),
        (part, SourceError::Incomplete),
        (endless, SourceError::Unreachable),
        (region, SourceError::UpstreamStatus(400)),
    ] {
        storage.fail(Fault::Answer(answer), usize::MAX);
        let source = source(&storage, &storage.location(""), right());
        assert_eq!(fetch(&source, "photo.jpg").await, Err(error), "{answer}");
    }
}

#[tokio::test]
async fn ssrf_10_an_endpoint_in_a_network_that_nobody_allowed_is_not_dialled() {
    let storage = Storage::start();
    for endpoint in ["10.0.0.1", "169.254.169.254", "[::1]:9000", "private.test", "100.100.100.200", "[fd00:ec2::254]"]
    {
        let location = format!("s3://{BUCKET}?endpoint=https://{endpoint}");
        for credentials in [None, right()] {
            let began = Instant::now();
            let fetched = fetch(&source(&storage, &location, credentials), "photo.jpg").await;
            assert_eq!(fetched, Err(SourceError::AddressBlocked), "{endpoint}");
            assert!(began.elapsed() < Duration::from_secs(5), "it was tried again");
        }
    }
    assert_eq!(storage.connections(), 0);
}

#[tokio::test]
async fn a_folder_of_a_bucket_is_listed_in_pages() {
    let storage = Storage::start();
    for name in ["b.JPG", "a.png", "c d.webp", ".hidden.jpg", "notes.txt", "sub/d.gif", "sub/deep/e.gif", ".git/f.jpg"]
    {
        storage.put(&format!("root/{name}"), b"abc");
    }
    storage.put("outside.jpg", b"abc");
    let source = source(&storage, &storage.location("/root"), right());
    let list = async |folder: &str, after: Option<&str>, most| {
        let listing = source.list(folder, after.map(str::to_owned), most, LIMITS.deadline).await?;
        let pictures: Vec<_> = listing.pictures.iter().map(|picture| picture.name.clone()).collect();
        assert!(
            listing.pictures.iter().all(|picture| picture.bytes == 3 && picture.modified_at > Some(1_600_000_000_000))
        );
        Ok((pictures.join(" "), listing.folders.join(" "), listing.has_more))
    };
    let page = |pictures: &str, folders: &str, more| Ok((pictures.to_owned(), folders.to_owned(), more));
    assert_eq!(list("", None, 10).await, page("a.png b.JPG c d.webp", "sub", false));
    assert_eq!(list("", None, 2).await, page("a.png b.JPG", "sub", true));
    assert_eq!(list("", Some("b.JPG"), 2).await, page("c d.webp", "sub", false));
    assert_eq!(list("sub", None, 2).await, page("d.gif", "deep", false));
    for absent in ["none", "a.png"] {
        assert_eq!(list(absent, None, 2).await, Err(SourceError::NotFound), "{absent}");
    }
    for way_out in ["..", "sub/../..", "/", "sub//"] {
        assert_eq!(list(way_out, None, 2).await, Err(SourceError::Malformed), "{way_out}");
    }
}
