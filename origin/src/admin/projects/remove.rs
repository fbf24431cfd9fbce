//! `DELETE /projects/{slug}`.

use axum::extract::State;
use axum::http::StatusCode;
use sealpix::target::Slug;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Conflicting, Guarded, Named};
use crate::admin::{Answer, Shared};

/// Deletes a project none of whose keys is in use. Its keys stay, revoked; one that is made anew under its name has
/// them.
#[utoipa::path(
    delete, path = "/projects/{slug}", tag = "projects", security(("bearer" = ["projects:write"]), ("cookie" = [])),
    params(("slug" = String, Path, description = "the project's name")),
    responses((status = 204, description = "it is gone"), Named, Conflicting, Guarded),
)]
pub(super) async fn remove(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
) -> Answer<StatusCode> {
    caller.require(Permission::ProjectsWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    change.remove_project(&slug).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
