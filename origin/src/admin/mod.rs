//! The admin API, `/api/v1`: JSON over the registry, described by the OpenAPI document that its own routes make.
//!
//! One folder a resource. A handler reads as: who may ([`Caller::require`]), what is asked (its request type), one
//! change of the registry, its answer. Errors are problem details with a stable code ([`Problem`]).

mod audit;
mod caller;
mod edge;
mod gallery;
mod idempotency;
mod input;
mod instances;
mod keys;
mod license;
mod page;
mod presets;
mod problem;
mod projects;
mod requests;
mod responses;
mod rights;
mod sessions;
mod settings;
mod setup;
mod sign;
mod sources;
mod tokens;
mod usage;
mod users;
mod visitor;
mod watermarks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::any;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

pub use problem::{Problem, ProblemBody};
pub use setup::{OfferError, offer_setup};

use crate::access::session::{SessionKey, SessionKeys, ShortJwtSecret};
use crate::observe::metrics::Metrics;
use crate::origin::Origin;
use crate::sources::configured::Configured;
use page::{Page, PageQuery};
use rights::{Rights, judge};
use security::Schemes;

/// Where the API begins.
pub const PREFIX: &str = "/api/v1";

/// The largest body that a request may have.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// What the API works with.
pub struct Admin {
    /// Configuration, vault, registry, clock.
    pub origin: Origin,
    /// What signs sessions.
    pub sessions: SessionKeys,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is tried out and listed.
    pub sources: Arc<Configured>,
}

impl Admin {
    /// The API over an open origin.
    pub fn new(origin: Origin, metrics: Arc<Metrics>, sources: Arc<Configured>) -> Result<Arc<Self>, ShortJwtSecret> {
        let current = SessionKey::from_jwt_secret(origin.jwt.expose().as_bytes())?;
        let previous =
            origin.jwt_previous.as_ref().map(|secret| SessionKey::from_jwt_secret(secret.expose().as_bytes()));
        let sessions = SessionKeys::new(current, previous.transpose()?);
        Ok(Arc::new(Self { origin, sessions, metrics, sources }))
    }
}

/// Every handler's state.
type Shared = Arc<Admin>;

/// What a handler answers.
type Answer<T> = Result<T, Problem>;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Sealpix admin API", description = "Projects, keys, users and settings of a Sealpix origin."),
    modifiers(&Schemes),
    components(schemas(ProblemBody)),
)]
struct Described;

mod security {
    use utoipa::Modify;
    use utoipa::openapi::OpenApi;
    use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

    /// How callers prove who they are.
    pub(super) struct Schemes;

    impl Modify for Schemes {
        fn modify(&self, document: &mut OpenApi) {
            let components = document.components.get_or_insert_with(Default::default);
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A session's token, or an API token (spt_…)"))
                .build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
            let cookie = ApiKeyValue::with_description(
                "sealpix",
                "A session's token; under TLS its name is __Host-sealpix. Changes also need the header X-CSRF-Token",
            );
            components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        }
    }
}

/// Every route, with its description.
fn described() -> OpenApiRouter<Arc<Admin>> {
    let routes = OpenApiRouter::new()
        .merge(gallery::routes())
        .merge(keys::routes())
        .merge(presets::routes())
        .merge(audit::routes())
        .merge(instances::routes())
        .merge(license::routes())
        .merge(projects::routes())
        .merge(requests::routes())
        .merge(sessions::routes())
        .merge(settings::routes())
        .merge(setup::routes())
        .merge(sign::routes())
        .merge(sources::routes())
        .merge(tokens::routes())
        .merge(usage::routes())
        .merge(users::routes())
        .merge(watermarks::routes());
    OpenApiRouter::with_openapi(Described::openapi()).nest(PREFIX, routes)
}

/// The routes.
pub fn router(admin: Arc<Admin>) -> Router {
    let (router, document) = described().split_for_parts();
    let rights = Rights::of(&document);
    let nothing = || async { Problem::missing("such path") };
    router
        .route_layer(from_fn_with_state((Arc::clone(&admin), rights), judge))
        .route(PREFIX, any(nothing))
        .route(&format!("{PREFIX}/{{*rest}}"), any(nothing))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(private))
        .with_state(admin)
}

/// Answers of the API are its caller's alone: no cache keeps them, no other site embeds them.
async fn private(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("Cross-Origin-Resource-Policy", HeaderValue::from_static("same-origin"));
    answer
}

/// The OpenAPI document, as committed in `docs/openapi.json`.
#[must_use]
pub fn openapi() -> String {
    let (_, document) = described().split_for_parts();
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
