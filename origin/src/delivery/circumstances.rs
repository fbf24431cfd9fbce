//! The circumstances of a request: time, referer, accepted formats. In `direct` mode they are the client's headers
//! and our clock; in `proof` mode they come from the edge's proof and from nothing else.

use axum::http::header::{ACCEPT, HOST, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use sealpix::denial::{Code, Denial};
use sealpix::gate;
use sealpix::negotiation;
use sealpix::operations::{Operations, OutputFormat};
use sealpix::proof::{self, Direction, Proven};

use super::Delivery;
use crate::config::DeliveryMode;
use crate::observe::request_id::RequestId;
use crate::origin::OpenError;
use crate::sources::http::FETCH_MARK;

/// How `f_auto` is resolved.
pub(crate) enum Accept {
    /// By the client's header.
    Header(Option<String>),
    /// As the edge has resolved it.
    Proven(Option<OutputFormat>),
}

impl Accept {
    /// The operations with a concrete format, and whether the answer varies by Accept.
    pub(crate) fn resolve(&self, operations: &Operations) -> (Operations, bool) {
        match self {
            Self::Header(accept) => negotiation::resolve(operations, accept.as_deref()),
            Self::Proven(format) if operations.format == Some(OutputFormat::Auto) => {
                (Operations { format: *format, ..operations.clone() }, true)
            }
            Self::Proven(_) => (operations.clone(), false),
        }
    }
}

/// What the way needs to know beside the target.
pub(crate) struct Facts {
    /// Unix seconds, by which URLs expire.
    pub(crate) now: u64,
    pub(crate) referer: Option<String>,
    pub(crate) accept: Accept,
    /// The project's epoch and the source's, as the edge knows them.
    pub(crate) epochs: Option<(u64, u64)>,
    /// Whether row 11 is ours; behind an edge it is the edge's.
    pub(crate) counted_by_us: bool,
}

/// The facts, or why there are none; and the request's name in answers and logs.
pub(crate) struct Circumstances {
    pub(crate) facts: Result<Facts, Denial>,
    pub(crate) request_id: RequestId,
}

impl Circumstances {
    pub(crate) async fn of(delivery: &Delivery, request: &Parts) -> Self {
        let mut request_id = RequestId::of_extensions(&request.extensions);
        let facts = match Self::facts(delivery, request).await {
            Ok((facts, proven_id)) => {
                if let Some(id) = proven_id.as_deref().and_then(RequestId::proven) {
                    request_id = id;
                }
                Ok(facts)
            }
            Err(denial) => Err(denial),
        };
        Self { facts, request_id }
    }

    async fn facts(delivery: &Delivery, request: &Parts) -> Result<(Facts, Option<String>), Denial> {
        let origin = &delivery.origin;
        if request.headers.get_all(HOST).iter().count() > 1 {
            return Err(Denial::new(Code::MalformedUrl, "the request has more than one Host"));
        }
        if request.headers.contains_key(FETCH_MARK) {
            return Err(Denial::new(Code::SourceDenied, "a source may not be one of our own pictures"));
        }
        let links = origin.link_keys().await.inspect_err(|error| {
            if matches!(error, OpenError::Registry(_)) {
                delivery.metrics.registry_failed();
            }
        })?;
        let needs_proof = match origin.config.delivery {
            DeliveryMode::Auto => !links.is_empty(),
            DeliveryMode::Direct => false,
            DeliveryMode::Proof => true,
        };
        let now = origin.clock.secs();
        if !needs_proof {
            let referer = joined(&request.headers, &REFERER);
            let accept = Accept::Header(joined(&request.headers, &ACCEPT));
            return Ok((Facts { now, referer, accept, epochs: None, counted_by_us: true }, None));
        }
        let header = request.headers.get(proof::HEADER).and_then(|header| header.to_str().ok());
        let header = header.ok_or(Code::ProofRequired)?;
        let proven = Proven {
            direction: Direction::EdgeToOrigin,
            method: request.method.as_str(),
            target: raw_target(request)?,
            body: b"",
        };
        let facts = proof::verify(&links, proven, header, now)
            .map_err(|error| Denial::new(Code::ProofRequired, error.to_string()))?;
        let accept = Accept::Proven(gate::negotiated(facts.format.as_deref()));
        let epochs = Some((facts.project_epoch, facts.source_epoch));
        let proven = Facts { now: facts.time, referer: facts.referer, accept, epochs, counted_by_us: false };
        Ok((proven, facts.request_id))
    }
}

/// Path and query as they stood in the request line. An absolute-form target is refused (EDGE-2).
pub(crate) fn raw_target(request: &Parts) -> Result<&str, Denial> {
    let uri = &request.uri;
    let target = uri.path_and_query().filter(|_| uri.authority().is_none());
    target.map(|target| target.as_str()).ok_or_else(|| Denial::new(Code::MalformedUrl, "the target is not a path"))
}

/// A header's value; repeated ones joined as HTTP says. Bytes that are no text count as a wrong value, not as none.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
