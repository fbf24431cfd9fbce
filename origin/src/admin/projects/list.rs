//! `GET /projects`.

use axum::Json;
use axum::extract::State;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};

/// Lists projects, by name.
#[utoipa::path(
    get, path = "/projects", tag = "projects", params(PageQuery), security(("bearer" = ["projects:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of projects", body = Page<Shown>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::ProjectsRead)?;
    let projects = admin.origin.registry.projects().await?;
    page.of(projects.into_iter().map(Shown::from).collect(), |project| project.slug.clone()).map(Json)
}
