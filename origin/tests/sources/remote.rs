//! One answer of a remote server: what is taken, and what is refused for which reason.

use std::io::Write as _;
use std::time::{Duration, Instant};

use sealpix_origin::sources::address::AllowedNetworks;
use sealpix_origin::sources::http::{HttpSettings, HttpSource};
use sealpix_origin::sources::{FetchLimits, Fetched, Source, SourceError};

use crate::network::{names, settings, source};
use crate::server::{Authority, Server, Step};

const LIMITS: FetchLimits = FetchLimits { max_bytes: 64 * 1024, deadline: Duration::from_secs(10) };
const TOO_LARGE: SourceError = SourceError::TooLarge { limit_bytes: 64 * 1024 };

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// Fetches from a server that answers with `steps`.
async fn fetch(steps: Vec<Step>) -> Result<Fetched, SourceError> {
    let authority = Authority::new();
    let server = Server::start(&authority, steps).await;
    source(&authority, 0).fetch(&server.text(), &LIMITS).await
}

async fn bytes(steps: Vec<Step>) -> Result<Vec<u8>, SourceError> {
    fetch(steps).await.map(|fetched| fetched.bytes.to_vec())
}

#[tokio::test]
async fn a_whole_answer_is_returned_as_it_was_sent() {
    let fetched = fetch(vec![send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")]).await.unwrap();
    assert_eq!(fetched, Fetched::new(b"abc".as_slice().into()));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    assert_eq!(bytes(vec![send(chunked)]).await.unwrap(), b"abc");
    assert_eq!(bytes(vec![send("HTTP/1.1 200 OK\r\n\r\nabc"), Step::Close]).await.unwrap(), b"abc");
    let identity = "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(bytes(vec![send(identity)]).await.unwrap(), b"abc");
}

#[tokio::test]
async fn the_limit_itself_is_not_too_large() {
    let body = "x".repeat(LIMITS.max_bytes);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    assert_eq!(bytes(vec![send(&head), send(&body)]).await.unwrap().len(), LIMITS.max_bytes);
}

#[tokio::test]
async fn fetch_1_a_declared_length_over_the_limit_is_refused_before_the_body() {
    for length in ["65537", "4294967296", "9223372036854775807"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let started = Instant::now();
        assert_eq!(bytes(vec![send(&head), Step::Silence]).await, Err(TOO_LARGE), "{length}");
        assert!(started.elapsed() < LIMITS.deadline);
    }
}

#[tokio::test]
async fn fetch_1_a_body_without_end_is_cut_at_the_limit() {
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
    let endless_chunks =
        vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Step::Forever(chunk.clone())];
    assert_eq!(bytes(endless_chunks).await, Err(TOO_LARGE));
    let no_length = vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Forever(chunk)];
    assert_eq!(bytes(no_length).await, Err(TOO_LARGE));
    let body = "x".repeat(LIMITS.max_bytes + 1);
    let one_more = vec![send(&format!("HTTP/1.1 200 OK\r\n\r\n{body}")), Step::Close];
    assert_eq!(bytes(one_more).await, Err(TOO_LARGE));
}

#[tokio::test]
async fn fetch_1_a_body_that_ends_early_is_incomplete() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", Step::Close),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", Step::Cut),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Step::Close),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc", Step::Cut),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", Step::Close),
        // Without a length, only the end of the TLS session tells a whole body from a cut one.
        ("HTTP/1.1 200 OK\r\n\r\nabc", Step::Cut),
    ];
    for (answer, end) in table {
        assert_eq!(bytes(vec![send(answer), end]).await, Err(SourceError::Incomplete), "{answer}");
    }
}

#[tokio::test]
async fn fetch_1_a_length_shorter_than_the_body_ends_the_body() {
    assert_eq!(bytes(vec![send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef")]).await.unwrap(), b"abc");
}

#[tokio::test]
async fn fetch_1_an_answer_with_two_lengths_is_no_answer() {
    for lengths in ["Content-Length: 3\r\nContent-Length: 4", "Content-Length: 3, 4", "Content-Length: -1"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nabc");
        assert_eq!(bytes(vec![send(&answer), Step::Close]).await, Err(SourceError::Unreachable), "{lengths}");
    }
}

#[tokio::test]
async fn fetch_1_only_status_200_is_a_picture() {
    let table = [
        ("206 Partial Content", SourceError::Incomplete),
        ("404 Not Found", SourceError::NotFound),
        ("410 Gone", SourceError::NotFound),
        ("201 Created", SourceError::UpstreamStatus(201)),
        ("203 Non-Authoritative Information", SourceError::UpstreamStatus(203)),
        ("204 No Content", SourceError::UpstreamStatus(204)),
        ("300 Multiple Choices", SourceError::UpstreamStatus(300)),
        ("304 Not Modified", SourceError::UpstreamStatus(304)),
        ("401 Unauthorized", SourceError::UpstreamStatus(401)),
        ("403 Forbidden", SourceError::UpstreamStatus(403)),
        ("407 Proxy Authentication Required", SourceError::UpstreamStatus(407)),
        ("500 Internal Server Error", SourceError::UpstreamStatus(500)),
        ("999 Unknown", SourceError::UpstreamStatus(999)),
    ];
    for (status, expected) in table {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(bytes(vec![send(&answer), Step::Close]).await, Err(expected), "{status}");
    }
}

#[tokio::test]
async fn fetch_3_a_coding_that_was_not_asked_for_is_refused() {
    let table = [
        "Content-Encoding: gzip",
        "Content-Encoding: br",
        "content-encoding: X-GZIP",
        "Content-Encoding: identity\r\nContent-Encoding: gzip",
        "Content-Encoding: identity, gzip",
        "Transfer-Encoding: gzip, chunked",
    ];
    for header in table {
        let answer = format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        assert_eq!(bytes(vec![send(&answer), Step::Close]).await, Err(SourceError::ContentEncoding), "{header}");
    }
}

#[tokio::test]
async fn fetch_3_a_decompression_bomb_does_not_go_off() {
    // 16 MiB of zeros in 16 KiB; the limit is 64 KiB.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..16).for_each(|_| encoder.write_all(&vec![0; 1 << 20]).unwrap());
    let bomb = encoder.finish().unwrap();
    let named = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let fetched = bytes(vec![send(named), Step::Send(bomb.clone()), Step::Close]).await;
    assert_eq!(fetched, Err(SourceError::ContentEncoding));
    let unnamed = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bomb.len());
    assert_eq!(bytes(vec![send(&unnamed), Step::Send(bomb.clone())]).await.unwrap(), bomb);
}

#[tokio::test]
async fn fetch_7_the_deadline_ends_every_kind_of_slowness() {
    let limits = FetchLimits { deadline: Duration::from_millis(400), ..LIMITS };
    let every = Duration::from_millis(20);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    let table = [
        ("silence", vec![Step::Silence]),
        ("slow head", vec![Step::Drip(answer.into_bytes(), every)]),
        ("interim answers", vec![Step::Drip(b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100), every)]),
        ("slow body", vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Drip(vec![b'x'; 1000], every)]),
        ("silent body", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), Step::Silence]),
    ];
    for (name, steps) in table {
        let authority = Authority::new();
        let server = Server::start(&authority, steps).await;
        let started = Instant::now();
        let fetched = source(&authority, 3).fetch(&server.text(), &limits).await;
        assert_eq!(fetched, Err(SourceError::Timeout), "{name}");
        assert!(started.elapsed() < Duration::from_secs(3), "{name}");
        assert_eq!(server.requests().len(), 1, "{name}: a second attempt");
    }
}

#[tokio::test]
async fn fetch_7_the_deadline_covers_the_tls_handshake() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("pictures.test:{}/photo.jpg", silent.local_addr().unwrap().port());
    let limits = FetchLimits { deadline: Duration::from_millis(200), ..LIMITS };
    assert_eq!(source(&Authority::new(), 0).fetch(&text, &limits).await, Err(SourceError::Timeout));
}

#[tokio::test]
async fn fetch_7_the_deadline_counts_all_redirects_together() {
    // A hop takes 320 ms, less than the deadline.
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: ?again\r\n\r\n".to_vec();
    let authority = Authority::new();
    let server = Server::start(&authority, vec![Step::Drip(redirect, Duration::from_millis(8))]).await;
    let limits = FetchLimits { deadline: Duration::from_millis(450), ..LIMITS };
    let fetched = source(&authority, 3).fetch(&server.text(), &limits).await;
    assert_eq!(fetched, Err(SourceError::Timeout));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn fetch_2_and_5_a_fetch_is_one_get_with_our_headers_and_no_others() {
    let authority = Authority::new();
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 3\r\n\r\nabc";
    let server = Server::start(&authority, vec![send(answer)]).await;
    let source = source(&authority, 0);
    for _ in 0..2 {
        source.fetch(&server.text(), &LIMITS).await.unwrap();
    }
    for request in server.requests() {
        let mut lines: Vec<&str> = request.trim_end().split("\r\n").skip(1).collect();
        lines.sort_unstable();
        let host = format!("host: pictures.test:{}", server.port);
        assert!(request.starts_with("GET /photo.jpg HTTP/1.1\r\n"));
        assert_eq!(
            lines,
            [
                "accept-encoding: identity",
                "accept: image/avif,image/webp,image/png,image/jpeg,image/gif,image/*;q=0.8",
                host.as_str(),
                "sealpix-fetch: 1",
                "user-agent: Sealpix/1",
            ]
        );
    }
    assert_eq!((server.requests().len(), server.connections()), (2, 1), "the second fetch reuses the connection");
}

#[tokio::test]
async fn ssrf_6_sources_with_different_settings_share_no_connection() {
    let authority = Authority::new();
    let server = Server::start(&authority, vec![send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")]).await;
    let open = source(&authority, 0);
    open.fetch(&server.text(), &LIMITS).await.unwrap();
    let settings = HttpSettings { allowed_networks: AllowedNetworks::default(), ..settings(&authority, 0) };
    let strict = HttpSource::new(settings, names()).unwrap();
    assert_eq!(strict.fetch(&server.text(), &LIMITS).await, Err(SourceError::AddressBlocked));
    open.fetch(&server.text(), &LIMITS).await.unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_server_must_prove_its_name() {
    let authority = Authority::new();
    let server = Server::start(&authority, vec![Step::Silence]).await;
    let untrusted = source(&Authority::new(), 0).fetch(&server.text(), &LIMITS).await;
    assert_eq!(untrusted, Err(SourceError::Unreachable));
    let misnamed = source(&authority, 0).fetch(&format!("unnamed.test:{}/a", server.port), &LIMITS).await;
    assert_eq!(misnamed, Err(SourceError::Unreachable));
    assert!(server.requests().is_empty(), "nothing is asked of a server that is not the right one");
}

#[tokio::test]
async fn what_cannot_be_reached_is_unreachable() {
    let authority = Authority::new();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let closed = source(&authority, 0).fetch(&format!("pictures.test:{free}/a"), &LIMITS).await;
    assert_eq!(closed, Err(SourceError::Unreachable));
    let unknown = source(&authority, 0).fetch("unknown.test/a", &LIMITS).await;
    assert_eq!(unknown, Err(SourceError::Unreachable), "SSRF-11");
    for answer in ["not HTTP at all\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", ""] {
        assert_eq!(bytes(vec![send(answer), Step::Close]).await, Err(SourceError::Unreachable), "{answer}");
    }
    let endless_head = vec![send("HTTP/1.1 200 OK\r\n"), Step::Forever(b"X: y\r\n".to_vec())];
    assert_eq!(bytes(endless_head).await, Err(SourceError::Unreachable));
}

#[tokio::test]
async fn an_allowed_literal_address_can_be_fetched_and_no_other() {
    let authority = Authority::new();
    let server = Server::start(&authority, vec![send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")]).await;
    let source = source(&authority, 0);
    source.fetch(&format!("127.0.0.1:{}/a", server.port), &LIMITS).await.unwrap();
    assert_eq!(source.fetch("10.0.0.1/a", &LIMITS).await, Err(SourceError::AddressBlocked));
    assert_eq!(source.fetch("[::1]/a", &LIMITS).await, Err(SourceError::AddressBlocked));
}
