//! Answers: a picture, a 304, a preflight, a problem. Every one carries the protective headers (HDR-1).

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY,
};
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::http::{Response, StatusCode};
use sealpix::answer::{
    PREFLIGHT_HEADERS, PROTECTIVE_HEADERS, SHARING_HEADERS, attachment, cache_control, is_not_modified,
};
use sealpix::cache_key::ENGINE_VERSION;
use sealpix::denial::{CODE_HEADER, Code, Denial};
use sealpix::gate::Admission;
use sealpix::operations::Operations;
use sealpix::record::Caching;

use super::counters::Standing;
use super::status;
use crate::derivatives::Made;

/// Tells the edge which engine made the bytes: it keeps those of its own version only (EDGE-6).
const ENGINE_HEADER: &str = "Sealpix-Engine";

/// What a picture's answers have in common.
pub(super) struct Frame<'a> {
    pub(super) admission: &'a Admission,
    pub(super) operations: &'a Operations,
    pub(super) varies: bool,
    pub(super) now: u64,
    pub(super) standing: Option<Standing>,
}

impl Frame<'_> {
    /// Whether the client holds the picture of this ETag already.
    pub(super) fn is_not_modified(request: &Parts, etag: &str) -> bool {
        let mut held = request.headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        held.any(|held| is_not_modified(held, etag))
    }

    /// Whether any representation would do, but only one that there is (RFC 9110 §13.1.2).
    pub(super) fn is_any_held(request: &Parts) -> bool {
        request.headers.get_all(IF_NONE_MATCH).iter().any(|value| value.as_bytes().trim_ascii() == b"*")
    }

    /// 304: the headers that a 200 would have had (CACHE-10).
    pub(super) fn not_modified(&self, etag: &str) -> Response<Body> {
        finish(self.head(StatusCode::NOT_MODIFIED, self.admission.caching).header(ETAG, etag), Body::empty())
    }

    /// 200; for HEAD without the body.
    pub(super) fn picture(&self, made: Made, etag: &str, head_only: bool) -> Response<Body> {
        let mut head = self.head(StatusCode::OK, self.admission.caching).header(ETAG, etag);
        if let Some(name) = &self.operations.download {
            head = head.header(CONTENT_DISPOSITION, attachment(name.as_str()));
        }
        with_picture(head, made, head_only)
    }

    /// 404 with the project's fallback: browsers show it, and whoever looks at the status sees that the picture is missing.
    /// No ETag, which would be the missing picture's.
    pub(super) fn fallback(&self, made: Made, ttl_secs: u32, head_only: bool) -> Response<Body> {
        let caching = Caching { ttl_secs, ..self.admission.caching };
        let head = self.head(status(Code::SourceNotFound), caching).header(CODE_HEADER, Code::SourceNotFound.as_str());
        with_picture(head, made, head_only)
    }

    fn head(&self, status: StatusCode, caching: Caching) -> Builder {
        let Self { admission, varies, now, standing, .. } = self;
        let mut head = protected(status)
            .header(ENGINE_HEADER, ENGINE_VERSION)
            .header(CACHE_CONTROL, cache_control(caching, admission.expires, *now));
        for (name, value) in SHARING_HEADERS {
            head = head.header(name, value);
        }
        for (name, value) in standing.iter().flatten() {
            head = head.header(*name, value);
        }
        if *varies { head.header(VARY, "Accept") } else { head }
    }
}

fn with_picture(head: Builder, made: Made, head_only: bool) -> Response<Body> {
    let head = head.header(CONTENT_TYPE, made.format.content_type()).header(CONTENT_LENGTH, made.bytes.len());
    finish(head, if head_only { Body::empty() } else { Body::from(made.bytes) })
}

/// OPTIONS: what a page may do, and nothing about the URL (SIG-15).
pub(super) fn preflight() -> Response<Body> {
    let head = protected(StatusCode::NO_CONTENT).header("Access-Control-Allow-Origin", "*");
    let head = PREFLIGHT_HEADERS.iter().fold(head, |head, (name, value)| head.header(*name, *value));
    finish(head, Body::empty())
}

/// A denial as problem details, never stored.
#[must_use]
pub fn problem(denial: &Denial, request_id: &str) -> Response<Body> {
    let mut head = protected(status(denial.code))
        .header(CODE_HEADER, denial.code.as_str())
        .header(CONTENT_TYPE, "application/problem+json")
        .header(CACHE_CONTROL, "no-store")
        .header("Access-Control-Allow-Origin", "*");
    if let Some(secs) = denial.retry_after_secs {
        head = head.header(RETRY_AFTER, secs);
    }
    if status(denial.code) == StatusCode::METHOD_NOT_ALLOWED {
        head = head.header("Allow", "GET, HEAD, OPTIONS");
    }
    finish(head, Body::from(denial.problem(request_id)))
}

fn protected(status: StatusCode) -> Builder {
    PROTECTIVE_HEADERS.iter().fold(Response::builder().status(status), |head, (name, value)| head.header(*name, *value))
}

fn finish(head: Builder, body: Body) -> Response<Body> {
    // Every value above is ours or checked by a grammar; were one no header, the answer is a bare 500.
    head.body(body).unwrap_or_else(|error| {
        tracing::error!(%error, "answer");
        let mut bare = Response::new(Body::empty());
        *bare.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        bare
    })
}
