//! Whether an original has changed: what is asked of a server or of a file system, and which answers count.

use std::fs::{File, FileTimes};
use std::time::Duration;

use sealpix_origin::sources::file::FileSource;
use sealpix_origin::sources::{FetchLimits, Fetched, Source, SourceError, Validator};

use crate::network::source;
use crate::server::{Authority, Server, Step};

const LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, deadline: Duration::from_secs(10) };

/// A server that answers everything with the same bytes.
async fn answering(answer: &str) -> (Authority, Server) {
    let authority = Authority::new();
    let server = Server::start(&authority, vec![Step::Send(answer.as_bytes().to_vec())]).await;
    (authority, server)
}

fn held() -> Validator {
    Validator::new("\"1\"".to_owned()).unwrap()
}

async fn if_changed(answer: &str) -> (Result<Option<Fetched>, SourceError>, String) {
    let (authority, server) = answering(answer).await;
    let fetched = source(&authority, 3).fetch_if_changed(&server.text(), &held(), &LIMITS).await;
    (fetched, server.requests().remove(0))
}

#[tokio::test]
async fn a_validator_comes_with_an_original_and_is_told_back() {
    let (authority, server) = answering("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\nabc").await;
    let fetched = source(&authority, 0).fetch(&server.text(), &LIMITS).await.unwrap();
    assert_eq!(fetched.validator, Some(held()));
    assert!(!server.requests()[0].contains("if-"), "nothing is held yet");

    let (fetched, request) = if_changed("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n").await;
    assert_eq!(fetched, Ok(None));
    assert!(request.contains("\r\nif-none-match: \"1\"\r\n"), "{request}");

    let (fetched, _) = if_changed("HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 3\r\n\r\nabd").await;
    let fetched = fetched.unwrap().unwrap();
    assert_eq!((&*fetched.bytes, fetched.validator), (&b"abd"[..], Validator::new("\"2\"".to_owned())));
}

#[tokio::test]
async fn a_304_to_no_condition_and_other_answers_to_one_are_errors() {
    let (authority, server) = answering("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n").await;
    let fetched = source(&authority, 0).fetch(&server.text(), &LIMITS).await;
    assert_eq!(fetched, Err(SourceError::UpstreamStatus(304)));
    for (answer, error) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", SourceError::NotFound),
        ("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n", SourceError::UpstreamStatus(412)),
        ("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\na", SourceError::Incomplete),
    ] {
        assert_eq!(if_changed(answer).await.0, Err(error), "{answer}");
    }
}

/// What stands behind a 304 is no body, and must not be taken for the answer to what is asked next.
#[tokio::test]
async fn a_304_with_a_body_spoils_no_other_answer() {
    let answer =
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 41\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad";
    let (authority, server) = answering(answer).await;
    let source = source(&authority, 0);
    for _ in 0..3 {
        // Read as unchanged, or refused: never as the bytes behind it.
        let fetched = source.fetch_if_changed(&server.text(), &held(), &LIMITS).await;
        assert!(matches!(fetched, Ok(None) | Err(SourceError::Unreachable | SourceError::Incomplete)), "{fetched:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_condition_and_leaves_no_validator() {
    let authority = Authority::new();
    let target = Server::start(
        &authority,
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\nabc".to_vec())],
    )
    .await;
    let to = format!("HTTP/1.1 302 Found\r\nLocation: https://{}\r\nContent-Length: 0\r\n\r\n", target.text());
    let first = Server::start(&authority, vec![Step::Send(to.into_bytes())]).await;
    let source = source(&authority, 3);
    let fetched = source.fetch_unless(&first.text(), &LIMITS, &|_| true, Some(&held())).await.unwrap().unwrap();
    assert_eq!(fetched.validator, None);
    assert!(first.requests()[0].contains("if-none-match") && !target.requests()[0].contains("if-none-match"));
}

#[tokio::test]
async fn a_file_has_changed_when_its_place_length_or_times_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let source = FileSource::open(folder.path()).unwrap();
    std::fs::write(&path, "abc").unwrap();
    let young = source.fetch("a", &LIMITS).await.unwrap();
    assert_eq!(young.validator, None, "the next change could fall into the same tick");
    let held = settled(&source).await;
    assert_eq!(source.fetch_if_changed("a", &held, &LIMITS).await, Ok(None));

    // As `cp -p` would: the length and the time of the last write as they were.
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "abd").unwrap();
    File::options().write(true).open(&path).unwrap().set_times(FileTimes::new().set_modified(written)).unwrap();
    let changed = source.fetch_if_changed("a", &held, &LIMITS).await.unwrap().unwrap();
    assert_eq!(&*changed.bytes, b"abd");

    std::fs::write(folder.path().join("b"), "abe").unwrap();
    std::fs::rename(folder.path().join("b"), &path).unwrap();
    let changed = source.fetch_if_changed("a", &held, &LIMITS).await.unwrap().unwrap();
    assert_eq!(&*changed.bytes, b"abe");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(source.fetch_if_changed("a", &held, &LIMITS).await, Err(SourceError::NotFound));
}

/// Fetches until the file's last change is long enough ago: the file system's clock cannot be turned.
async fn settled(source: &FileSource) -> Validator {
    let begun = std::time::Instant::now();
    loop {
        if let Some(validator) = source.fetch("a", &LIMITS).await.unwrap().validator {
            return validator;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "a file never settles");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
