//! `DELETE /projects/{slug}/presets/{name}`.

use axum::extract::State;
use axum::http::StatusCode;
use sealpix::operations::Name;
use sealpix::target::Slug;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// Deletes a preset: URLs that name it are refused from now on.
#[utoipa::path(
    delete, path = "/projects/{slug}/presets/{name}", tag = "presets",
    security(("bearer" = ["presets:write"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the preset's name")
    ),
    responses((status = 204, description = "it is gone"), Named, Guarded),
)]
pub(super) async fn remove(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
) -> Answer<StatusCode> {
    caller.require(Permission::PresetsWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    let mut project = change.project(&slug).await?.value;
    project.presets.remove(&name).ok_or_else(|| Problem::missing(format!("preset {name}")))?;
    change.put_project(&project).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
