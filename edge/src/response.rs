//! Answers: the client's headers, rebuilt for each, and refusals as problem+json.

use sealpix::answer::{
    Extent, PREFLIGHT_HEADERS, PROTECTIVE_HEADERS, SHARING_HEADERS, cache_control, extent, is_not_modified,
};
use sealpix::denial::{CODE_HEADER, Code, Denial};
use sealpix::gate::Admission;
use sealpix::quota::{Limits, Verdict};
use sealpix::record::Caching;
use sealpix::usage::Format;
use worker::{Headers, Response, ResponseBody, ResponseBuilder};

use crate::asked::Asked;
use crate::cache::Picture;
use crate::trace::{Trace, trouble};

/// When to try again after a refusal that passes by itself within seconds.
const RETRY_SECS: u64 = 2;

/// Boxed: most refusals have none, and each is carried through many results.
type RateHeaders = Box<[(&'static str, String); 2]>;

/// Sets a header. A value that no header can hold is left out: constants are right, and what comes from outside
/// came in a header.
pub(crate) fn put(headers: &Headers, name: &str, value: &str) {
    let _ = headers.set(name, value);
}

/// The answer in the making, from the gate's admission on.
pub(crate) struct Answer<'a> {
    asked: &'a Asked,
    limits: Limits,
    caching: Caching,
    expires: Option<u64>,
    negotiated: bool,
    if_none_match: Option<String>,
    rate: Option<RateHeaders>,
}

impl<'a> Answer<'a> {
    /// The answer to an admitted request; `negotiated` if the format follows from Accept.
    pub(crate) fn new(admission: &Admission, negotiated: bool, asked: &'a Asked) -> Self {
        let Admission { limits, caching, expires, .. } = *admission;
        Self { asked, limits, caching, expires, negotiated, if_none_match: asked.if_none_match(), rate: None }
    }

    /// Takes note of the counters' verdict: a refusal, or the headers that tell how the key stands.
    pub(crate) fn count(&mut self, verdict: Verdict) -> Result<(), Refusal> {
        let rate = Some(Box::new(verdict.headers(self.limits)));
        if verdict.admitted {
            self.rate = rate;
            return Ok(());
        }
        let detail = format!("the key has spent its limit of this {}", verdict.binding.window.name());
        let retry_after_secs = Some(verdict.binding.reset_secs);
        Err(Refusal { rate, ..Denial { retry_after_secs, ..Denial::new(Code::RateLimited, detail) }.into() })
    }

    /// Whether the client is to get the picture's bytes: not for HEAD, nor if it has them.
    pub(crate) fn sends_body(&self, picture: &Picture) -> bool {
        !self.asked.is_head() && !self.client_has(picture)
    }

    /// Which bytes of the cache's picture the client is to get: `None` for all. HEAD has no ranges, and who has the
    /// picture needs none of it (RFC 9110 section 13.2.2).
    pub(crate) fn part(&self, picture: &Picture) -> Result<Option<(u32, u32)>, Refusal> {
        let Some((range, length)) = self.asked.range().zip(picture.length) else { return Ok(None) };
        if !self.sends_body(picture) {
            return Ok(None);
        }
        match extent(&range, self.asked.if_range().as_deref(), picture.etag.as_deref(), length) {
            Extent::Whole => Ok(None),
            Extent::Part(first, last) => Ok(Some((first, last))),
            Extent::Unsatisfiable => Err(Refusal { bytes: Some(length), ..Code::RangeNotSatisfiable.into() }),
        }
    }

    /// The answer with the picture. `cache` is what `Cache-Status` says of its way here (RFC 9211).
    pub(crate) fn with(self, picture: Picture, cache: &str, trace: &mut Trace) -> Response {
        let headers = common(&self.asked.id, Some(trace));
        let has = self.client_has(&picture);
        let mut cache_status = format!("sealpix; {cache}");
        if let Some(secs) = picture.fresh_secs {
            cache_status += &format!("; ttl={secs}");
        } else if has {
            // The client's 304 is not what the origin said.
            cache_status += "; fwd-status=200";
        }
        put(&headers, "Cache-Status", &cache_status);
        let mut caching = self.caching;
        if let Some(secs) = picture.fallback_secs {
            // A refusal that shows a picture. The client keeps it no longer than we do.
            trace.refused = Some(Code::SourceNotFound);
            put(&headers, CODE_HEADER, Code::SourceNotFound.as_str());
            caching.ttl_secs = picture.fresh_secs.and_then(|left| left.try_into().ok()).unwrap_or(secs);
        }
        // By the clock as it is now: the origin may have taken longer than the URL has left (CACHE-5).
        put(&headers, "Cache-Control", &cache_control(caching, self.expires, trace.now()));
        if self.negotiated {
            put(&headers, "Vary", "Accept");
        }
        for (name, value) in self.rate.iter().flat_map(|rate| rate.iter()) {
            put(&headers, name, value);
        }
        if has {
            put(&headers, "ETag", picture.etag.as_deref().unwrap_or_default());
        } else {
            if picture.fallback_secs.is_none() {
                put(&headers, "Accept-Ranges", "bytes");
            }
            picture.describe(&headers);
            let bytes = picture.sent_bytes().filter(|_| !self.asked.is_head()).map_or(0, u64::from);
            trace.sent = (picture.content_type.as_deref().and_then(Format::of_content_type), bytes);
        }
        let status = match picture.part {
            _ if has => 304,
            _ if picture.fallback_secs.is_some() => 404,
            Some(_) => 206,
            None => 200,
        };
        let body = if self.sends_body(&picture) { picture.body } else { ResponseBody::Empty };
        ResponseBuilder::new().with_status(status).with_headers(headers).body(body)
    }

    fn client_has(&self, picture: &Picture) -> bool {
        let (Some(tags), Some(etag)) = (&self.if_none_match, &picture.etag) else { return false };
        is_not_modified(tags, etag)
    }
}

/// A request that is not served: the code, and what the answer says beside it.
#[derive(Debug)]
pub(crate) struct Refusal {
    denial: Denial,
    /// The origin's own words, status and body, where it was the origin that refused.
    passed: Option<(u16, String)>,
    rate: Option<RateHeaders>,
    /// How many bytes there are, where others were asked for.
    bytes: Option<u32>,
    /// The edge's proof was refused: to be told apart from an origin that is away.
    pub(crate) proof_refused: bool,
}

impl From<Denial> for Refusal {
    fn from(mut denial: Denial) -> Self {
        let passes = matches!(denial.code, Code::OriginUnreachable | Code::OriginTimeout);
        if passes || denial.code.status() == 503 {
            denial.retry_after_secs.get_or_insert(RETRY_SECS);
        }
        Self { denial, passed: None, rate: None, bytes: None, proof_refused: false }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Denial::from(code).into()
    }
}

impl Refusal {
    /// A refusal of the origin's, passed on as it is.
    pub(crate) fn of_origin(code: Code, status: u16, body: String, retry_after_secs: Option<u64>) -> Self {
        let denial = Denial { retry_after_secs, ..code.into() };
        Self { passed: Some((status, body)), ..denial.into() }
    }

    /// The origin does not take this edge for its own.
    pub(crate) fn of_proof() -> Self {
        Self { proof_refused: true, ..Code::OriginUnreachable.into() }
    }

    /// Why.
    pub(crate) fn code(&self) -> Code {
        self.denial.code
    }
}

/// The Worker lacks a variable or a binding. That is for the operator's log, not for clients.
pub(crate) fn unconfigured(request_id: &str, error: &str) -> Refusal {
    trouble(request_id, error);
    Code::Internal.into()
}

/// The answer to a request that is refused.
pub(crate) fn refused(refusal: Refusal, asked: &Asked, trace: &Trace) -> Response {
    let Refusal { denial, passed, rate, bytes, .. } = refusal;
    let headers = common(&asked.id, Some(trace));
    put(&headers, CODE_HEADER, denial.code.as_str());
    if denial.code == Code::MethodNotAllowed {
        put(&headers, "Allow", "GET, HEAD, OPTIONS");
    }
    if let Some(secs) = denial.retry_after_secs {
        put(&headers, "Retry-After", &secs.to_string());
    }
    if let Some(bytes) = bytes {
        put(&headers, "Content-Range", &format!("bytes */{bytes}"));
    }
    for (name, value) in rate.iter().flat_map(|rate| rate.iter()) {
        put(&headers, name, value);
    }
    let (status, body) = passed.unwrap_or_else(|| (denial.code.status(), denial.problem(&asked.id)));
    text(headers, status, "application/problem+json", body, asked)
}

/// The answer to the origin's push: what is held, or why nothing was taken.
pub(crate) fn told(outcome: Result<String, Refusal>, asked: &Asked, trace: &mut Trace) -> Response {
    match outcome {
        Ok(said) => text(common(&asked.id, None), 200, "text/plain", said, asked),
        Err(refusal) => {
            trace.refused = Some(refusal.code());
            refused(refusal, asked, trace)
        }
    }
}

/// `/_sealpix/…`: the edge's own. Its health, and nothing else from outside; the origin's way in is link.rs.
pub(crate) fn own(asked: &Asked, trace: &Trace) -> Response {
    if asked.target == "/_sealpix/healthz" && matches!(asked.method.as_str(), "GET" | "HEAD") {
        return text(common(&asked.id, None), 200, "text/plain", "ok".to_owned(), asked);
    }
    refused(Code::NotFound.into(), asked, trace)
}

/// OPTIONS: what pages may ask with, the same for every URL (SIG-15).
pub(crate) fn preflight(asked: &Asked) -> Response {
    let headers = common(&asked.id, None);
    for (name, value) in PREFLIGHT_HEADERS {
        put(&headers, name, value);
    }
    put(&headers, "Cache-Control", "no-store");
    ResponseBuilder::new().with_status(204).with_headers(headers).empty()
}

thread_local! {
    /// The headers of every answer, made once in an isolate: a copy is one call of the platform's, where setting each
    /// is seven, with two texts each to carry over.
    static EVERY: Headers = every();
}

fn every() -> Headers {
    let headers = Headers::new();
    for (name, value) in PROTECTIVE_HEADERS.iter().chain(&SHARING_HEADERS) {
        put(&headers, name, value);
    }
    headers
}

fn common(request_id: &str, trace: Option<&Trace>) -> Headers {
    // Copying headers that are there does not fail.
    let headers = EVERY.with(|every| web_sys::Headers::new_with_headers(&every.0)).map_or_else(|_| every(), Headers);
    put(&headers, "Sealpix-Request-Id", request_id);
    if let Some(timing) = trace.and_then(Trace::server_timing) {
        put(&headers, "Server-Timing", &timing);
    }
    headers
}

/// A short text that no cache keeps (CACHE-4).
fn text(headers: Headers, status: u16, content_type: &str, body: String, asked: &Asked) -> Response {
    put(&headers, "Content-Type", content_type);
    put(&headers, "Cache-Control", "no-store");
    let body = if asked.is_head() { ResponseBody::Empty } else { ResponseBody::Body(body.into_bytes()) };
    ResponseBuilder::new().with_status(status).with_headers(headers).body(body)
}
