//! `POST /sign`.

use axum::Json;
use axum::extract::State;
use sealpix::key::PublicKey;
use sealpix::operations::{Operations, Width};
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Guarded, Judged, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::signing;

/// What is to be signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ToSign)]
pub(super) struct Wanted {
    /// The project.
    #[schema(value_type = String, min_length = 3, max_length = 50, pattern = "^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
    project: Slug,
    /// The public key to sign with.
    #[schema(value_type = String, pattern = "^pk_[A-Za-z0-9_-]{21}[AQgw]$")]
    key: PublicKey,
    /// Operations in any order and spelling; `_` for none.
    #[schema(min_length = 1, max_length = 2_000, example = "w_800,f_auto")]
    operations: String,
    /// The image: `host/path`, `https://host/path` or `@name/path`.
    #[schema(min_length = 1, max_length = 8_000, example = "@gallery/photo.jpg")]
    source: String,
    /// The URL's last second, in unix seconds.
    #[serde(default)]
    exp: Option<u64>,
}

/// A signed URL.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Signed)]
pub(super) struct Signed {
    /// Path and query.
    target: String,
    /// With the Worker's scheme and host, where SEALPIX_EDGE_URL says them.
    url: Option<String>,
    /// The widths of a list: each URL is this one with `&w=` and one of them.
    widths: Vec<u32>,
}

/// Signs a URL with a key of the project. What the gate would refuse is not signed: the problem has the gate's code.
#[utoipa::path(
    post, path = "/sign", tag = "sign", request_body = Wanted, security(("bearer" = ["sign"]), ("cookie" = [])),
    responses((status = 200, description = "the signed URL", body = Signed), Bodied, Named, Judged, Guarded),
)]
pub(super) async fn sign(
    State(admin): State<Shared>,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Answer<Json<Signed>> {
    caller.require(Permission::Sign)?;
    let operations = Operations::read(&wanted.operations);
    let source = Source::read(&wanted.source);
    let request = Request {
        project: wanted.project,
        operations: operations.map_err(|error| Problem::unfit("operations_invalid", error.to_string()))?,
        source: source.map_err(|error| Problem::unfit("source_invalid", error.to_string()))?,
        key: wanted.key,
        expires: wanted.exp,
    };
    let origin = &admin.origin;
    let (key, project) = origin.registry.key_and_project(request.key, &request.project).await?;
    let key = key.ok_or_else(|| Problem::missing(format!("key {}", request.key)))?;
    let project = project.ok_or_else(|| Problem::missing(format!("project {}", request.project)))?;
    let target = signing::sign(origin, &request, &key, &project.value, caller.now() / 1000)?;
    let url = origin.config.edge_url.as_ref().map(|edge| format!("{edge}{target}"));
    let widths = match &request.operations.width {
        Some(Width::List(widths)) => widths.iter().map(|width| width.get()).collect(),
        _ => Vec::new(),
    };
    Ok(Json(Signed { target, url, widths }))
}
