//! Usage reports of the edge, counted once each.
//!
//! The proof covers the body. A report that comes again, because its answer was lost or because somebody repeats what
//! they have read, is answered as the first time and counts nothing: its id is in the registry's ledger, written in the
//! change that counted it. So no nonce is remembered here.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, State};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, post};
use sealpix::denial::{Code, Denial};
use sealpix::proof;
use sealpix::usage::{COUNTED, MAX_REPORT_BYTES, Report};
use sealpix::wire;

use crate::delivery::{Delivery, internal, problem};
use crate::observe::request_id::RequestId;
use crate::registry::Author;

pub use sealpix::usage::USAGE_PATH;

/// How long a report may take to arrive: it is small, and who is slower holds a connection for nothing.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The route.
pub fn route() -> MethodRouter<Arc<Delivery>> {
    post(take_report).layer(DefaultBodyLimit::max(MAX_REPORT_BYTES))
}

/// `POST /api/edge/v1/usage` with the edge's proof over the body, a [`Report`] in CBOR: 200 `counted`.
async fn take_report(State(delivery): State<Arc<Delivery>>, request: Request<Body>) -> Response<Body> {
    let id = RequestId::of_extensions(request.extensions());
    match count(&delivery, request).await {
        Ok(()) => ([("Cache-Control", "no-store")], COUNTED).into_response(),
        Err(denial) => problem(&denial, id.as_str()),
    }
}

async fn count(delivery: &Delivery, request: Request<Body>) -> Result<(), Denial> {
    let origin = &delivery.origin;
    // Nothing is read of whoever brings no proof at all.
    if !request.headers().contains_key(proof::HEADER) {
        return Err(Code::ProofRequired.into());
    }
    let (head, body) = request.into_parts();
    let arriving =
        tokio::time::timeout(ARRIVAL_TIMEOUT, Bytes::from_request(Request::from_parts(head.clone(), body), &()));
    let body = match arriving.await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(Denial::new(Code::ReportTooLarge, format!("a report has at most {MAX_REPORT_BYTES} bytes")));
        }
        Ok(Err(_)) | Err(_) => return Err(Denial::new(Code::ReportInvalid, "the report did not arrive")),
    };
    super::proved(origin, &head, &body).await?;
    let report: Report = wire::from_bytes(&body)
        .map_err(|_| Denial::new(Code::ReportInvalid, "the body is no usage report of a form known here"))?;
    // One that was counted two days ago would be too old now.
    if origin.registry.is_report_counted(&report.id).await.map_err(|error| internal(&error))? {
        return Ok(());
    }
    report.check(origin.clock.secs()).map_err(|error| Denial::new(Code::ReportInvalid, error.to_string()))?;
    let counting = async {
        let mut change = origin.registry.change(&Author::edge(origin.clock.millis())).await?;
        let is_new = change.count_usage(&report.id, &report.rows).await?;
        change.commit().await.map(|()| is_new)
    };
    if counting.await.map_err(|error| internal(&error))? {
        for (event, count) in report.events {
            delivery.metrics.edge_had(event.as_str(), count);
        }
    }
    Ok(())
}
