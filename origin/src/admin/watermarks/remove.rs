//! `DELETE /projects/{slug}/watermarks/{name}`.

use axum::extract::State;
use axum::http::StatusCode;
use sealpix::operations::Name;
use sealpix::target::Slug;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Shared};

/// Deletes a watermark: URLs that name it are refused from now on.
#[utoipa::path(
    delete, path = "/projects/{slug}/watermarks/{name}", tag = "watermarks",
    security(("bearer" = ["presets:write"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the watermark's name")
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
    change.remove_watermark(&slug, &name).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
