//! `GET /sources`.

use axum::Json;
use axum::extract::State;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};

/// Lists configured sources, by name.
#[utoipa::path(
    get, path = "/sources", tag = "sources", params(PageQuery),
    security(("bearer" = ["sources:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of sources", body = Page<Shown>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::SourcesRead)?;
    let sources = admin.origin.registry.sources().await?;
    page.of(sources.into_iter().map(Shown::from).collect(), |source| source.name.clone()).map(Json)
}
