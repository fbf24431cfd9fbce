//! `/metrics`, on a port of its own, with the two health checks beside it: a crowd on the service's port, which takes
//! all its connections, does not keep the operator out.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::health::Health;
use super::metrics::Metrics;

/// Where the metrics are.
pub const PATH: &str = "/metrics";

/// The media type of OpenMetrics 1.0.0.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the operator's port.
pub fn router(metrics: Arc<Metrics>, health: &Arc<Health>) -> Router {
    Router::new().route(PATH, get(page)).with_state(metrics).merge(health.router())
}

async fn page(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, "no-store")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
