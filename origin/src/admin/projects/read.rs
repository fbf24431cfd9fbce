//! `GET /projects/{slug}`.

use axum::Json;
use axum::extract::State;
use sealpix::target::Slug;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// Shows a project.
#[utoipa::path(
    get, path = "/projects/{slug}", tag = "projects", security(("bearer" = ["projects:read"]), ("cookie" = [])),
    params(("slug" = String, Path, description = "the project's name")),
    responses((status = 200, description = "the project", body = Shown), Named, Guarded),
)]
pub(super) async fn read(State(admin): State<Shared>, caller: Caller, Input(slug): Input<Slug>) -> Answer<Json<Shown>> {
    caller.require(Permission::ProjectsRead)?;
    let project = admin.origin.registry.project(&slug).await?;
    let project = project.ok_or_else(|| Problem::missing(format!("project {slug}")))?;
    Ok(Json(project.value.into()))
}
