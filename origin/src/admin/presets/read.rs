//! `GET /projects/{slug}/presets/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;
use sealpix::target::Slug;

use super::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// Shows a preset. The project lists all of them.
#[utoipa::path(
    get, path = "/projects/{slug}/presets/{name}", tag = "presets",
    security(("bearer" = ["presets:read"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the preset's name")
    ),
    responses((status = 200, description = "the preset", body = Shown), Named, Guarded),
)]
pub(super) async fn read(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
) -> Answer<Json<Shown>> {
    caller.require(Permission::PresetsRead)?;
    let project = admin.origin.registry.project(&slug).await?;
    let project = project.ok_or_else(|| Problem::missing(format!("project {slug}")))?;
    let preset = project.value.presets.get(&name).ok_or_else(|| Problem::missing(format!("preset {name}")))?;
    Ok(Json(preset.into()))
}
