//! `GET /projects/{slug}/watermarks`.

use axum::Json;
use axum::extract::State;
use sealpix::target::Slug;

use super::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Asked, Input};
use crate::admin::responses::{Asking, Guarded, Named};
use crate::admin::{Answer, Page, PageQuery, Problem, Shared};

/// Lists a project's watermarks, by name.
#[utoipa::path(
    get, path = "/projects/{slug}/watermarks", tag = "watermarks",
    security(("bearer" = ["presets:read"]), ("cookie" = [])),
    params(("slug" = String, Path, description = "the project's name"), PageQuery),
    responses((status = 200, description = "a page of watermarks", body = Page<Shown>), Asking, Named, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::PresetsRead)?;
    let registry = &admin.origin.registry;
    registry.project(&slug).await?.ok_or_else(|| Problem::missing(format!("project {slug}")))?;
    let watermarks = registry.watermarks(&slug).await?;
    page.of(watermarks.into_iter().map(Shown::from).collect(), |watermark| watermark.name.clone()).map(Json)
}
