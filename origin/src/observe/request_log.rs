//! One log line a request, and its name on each line between.
//!
//! A line has the method, the route's pattern, the status, the code of a denial, the time and the size; never a path, a
//! query string or a header (SIG-13).

use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use sealpix::denial::CODE_HEADER;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::metrics::{Metrics, known};
use super::request_id::{self, RequestId};

/// What no route takes is a request for a picture.
const DELIVERY: &str = "delivery";

/// Paths of the API begin so; the edge's own below it are no administrator's.
const API: &str = "/api/";
const EDGE_API: &str = "/api/edge/";

/// Names the request, runs it, and logs its end. Of the API's requests it counts each.
pub async fn log(State(metrics): State<Arc<Metrics>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of_headers(request.headers());
    request.extensions_mut().insert(id.clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    // Of the highest level, so that no filter takes the name off the lines that it lets through.
    let span = tracing::error_span!("request", request_id = id.as_str(), project = Empty);
    let running = span.in_scope(|| Running {
        method: known(&method),
        route: route.as_ref().map_or(DELIVERY, MatchedPath::as_str).to_owned(),
        started: Instant::now(),
        span: span.clone(),
        ended: false,
    });
    let mut answer = next.run(request).instrument(span).await;
    answer.headers_mut().entry(request_id::HEADER).or_insert(id.header_value());
    running.end(&answer);
    if let Some(route) = route.filter(|route| is_administrative(route.as_str())) {
        metrics.admin_answered(&method, &route, answer.status());
    }
    answer
}

fn is_administrative(route: &str) -> bool {
    route.starts_with(API) && !route.starts_with(EDGE_API)
}

/// A request without its answer. Dropped with the connection of a client that has left, it says so.
struct Running {
    method: &'static str,
    route: String,
    started: Instant,
    span: tracing::Span,
    ended: bool,
}

impl Running {
    fn end(mut self, answer: &Response) {
        self.ended = true;
        let _in = self.span.enter();
        tracing::info!(
            method = self.method,
            route = self.route,
            status = answer.status().as_u16(),
            code = answer.headers().get(CODE_HEADER).and_then(|code| code.to_str().ok()),
            millis = self.millis(),
            bytes = answer.body().size_hint().exact(),
            "request"
        );
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _in = self.span.enter();
            tracing::info!(method = self.method, route = self.route, millis = self.millis(), "request broken off");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn the_api_is_counted_by_its_patterns_and_by_no_path_of_a_client() {
        let metrics = Arc::new(Metrics::new(0));
        let things = get(|| async { "a thing" });
        let router = Router::new().route("/api/v1/things/{id}", things.clone()).route("/healthz", things);
        let router = router.fallback(|| async {}).layer(from_fn_with_state(Arc::clone(&metrics), log));
        let service = TowerToHyperService::new(router);
        for (method, path) in [
            ("GET", "/api/v1/things/zzclient"),
            ("GET", "/api/v1/things/zzclient2?zzclient"),
            ("ZZCLIENT", "/api/v1/things/zzclient"),
            ("GET", "/api/v1/zzclient"),
            ("GET", "/healthz"),
        ] {
            let asked = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = service.call(asked).await.unwrap();
            assert_eq!(answer.headers()[request_id::HEADER].len(), 32);
        }
        let text = metrics.text().unwrap();
        let counted: Vec<_> = text.lines().filter(|line| line.starts_with("sealpix_admin_requests_total")).collect();
        assert_eq!(counted.len(), 2, "{text}");
        for line in [
            "{method=\"GET\",route=\"/api/v1/things/{id}\",status=\"200\"} 2",
            "{method=\"other\",route=\"/api/v1/things/{id}\",status=\"405\"} 1",
        ] {
            assert!(counted.iter().any(|held| held.ends_with(line)), "{text}");
        }
    }

    #[test]
    fn the_edges_pulls_are_no_requests_of_an_administrator() {
        assert!(is_administrative("/api/v1/projects/{slug}"));
        assert!(!is_administrative(crate::edge_link::RECORDS_PATH));
        assert!(!is_administrative("/healthz"));
    }
}
