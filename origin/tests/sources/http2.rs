//! The same refusals over HTTP/2, which most servers choose when they are offered it.

use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{Response, StatusCode};
use sealpix_origin::sources::{FetchLimits, Source, SourceError};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::network::source;
use crate::server::Authority;

const LIMITS: FetchLimits = FetchLimits { max_bytes: 64 * 1024, deadline: Duration::from_secs(10) };

/// What the server does with the body, after the head.
#[derive(Clone, Copy)]
enum Body {
    Whole(&'static str),
    Endless,
    Reset(&'static str),
    Silent,
}

async fn fetch_within(
    limits: FetchLimits,
    status: u16,
    header: (&'static str, &'static str),
    body: Body,
) -> Result<Bytes, SourceError> {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("pictures.test:{}/photo.jpg", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(authority.server_config(b"h2"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
        while let Some(Ok((_request, respond))) = connection.accept().await {
            tokio::spawn(answer(respond, status, header, body));
        }
    });
    source(&authority, 0).fetch(&text, &limits).await.map(|fetched| fetched.bytes)
}

async fn fetch(status: u16, header: (&'static str, &'static str), body: Body) -> Result<Bytes, SourceError> {
    fetch_within(LIMITS, status, header, body).await
}

async fn answer(mut respond: SendResponse<Bytes>, status: u16, header: (&str, &str), body: Body) {
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_u16(status).unwrap();
    head.headers_mut().insert(http::HeaderName::try_from(header.0).unwrap(), header.1.parse().unwrap());
    let mut stream = respond.send_response(head, false).unwrap();
    match body {
        Body::Whole(text) => stream.send_data(text.into(), true).unwrap(),
        Body::Endless => while send(&mut stream, Bytes::from(vec![b'x'; 1 << 14])).await {},
        Body::Reset(text) => {
            send(&mut stream, text.into()).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Body::Silent => std::future::pending().await,
    }
}

/// Sends `bytes` when the other side has room for them; whether it still wants any.
async fn send(stream: &mut SendStream<Bytes>, bytes: Bytes) -> bool {
    stream.reserve_capacity(bytes.len());
    while stream.capacity() < bytes.len() {
        if !matches!(std::future::poll_fn(|context| stream.poll_capacity(context)).await, Some(Ok(_))) {
            return false;
        }
    }
    stream.send_data(bytes, false).is_ok()
}

#[tokio::test]
async fn a_whole_answer_is_returned() {
    assert_eq!(fetch(200, ("content-length", "3"), Body::Whole("abc")).await.unwrap(), "abc");
    assert_eq!(fetch(200, ("x-any", "x"), Body::Whole("abc")).await.unwrap(), "abc");
}

#[tokio::test]
async fn fetch_1_lengths_that_lie_and_bodies_without_end_are_refused() {
    let too_large = Err(SourceError::TooLarge { limit_bytes: LIMITS.max_bytes });
    assert_eq!(fetch(200, ("x-any", "x"), Body::Endless).await, too_large);
    assert_eq!(fetch(200, ("content-length", "65537"), Body::Silent).await, too_large);
    // A stream that breaks may take the head with it that came before; the answer is a 502 either way.
    for (length, body) in [("4", Body::Whole("abc")), ("2", Body::Whole("abc")), ("4", Body::Reset("abc"))] {
        let fetched = fetch(200, ("content-length", length), body).await;
        assert!(matches!(fetched, Err(SourceError::Incomplete | SourceError::Unreachable)), "{length}: {fetched:?}");
    }
    assert_eq!(fetch(206, ("content-length", "3"), Body::Whole("abc")).await, Err(SourceError::Incomplete));
}

#[tokio::test]
async fn fetch_3_a_coding_that_was_not_asked_for_is_refused() {
    let refused = fetch(200, ("content-encoding", "gzip"), Body::Whole("abc")).await;
    assert_eq!(refused, Err(SourceError::ContentEncoding));
}

#[tokio::test]
async fn fetch_7_the_deadline_ends_a_silent_body() {
    let limits = FetchLimits { deadline: Duration::from_millis(200), ..LIMITS };
    assert_eq!(fetch_within(limits, 200, ("x-any", "x"), Body::Silent).await, Err(SourceError::Timeout));
}
